"""One EWMA covariance of all instruments, its product with the money weights, and its clusters.

Each sample ages the matrix and works one return vector in (RiskMetrics Technical Document, 4th
edition 1996, section 5.2; zero mean)::

    m[i, j] = decay * m[i, j] + (1 - decay) * r[i] * r[j]

and multiplies it by the weights in the same pass over its rows, in slices of any size: the result
does not depend on how the pass is cut. Until a pass ends, `product`, `account.variance` and
`cluster` are those of the matrix before it.

An instrument without a fresh quote is *frozen* for the sample: its variance stays, and its
covariances age by ``sqrt(decay)`` per sample, as its partners do by themselves. The update is then
``D m D + u u'`` with a diagonal D of ``sqrt(decay)`` and 1, so the matrix stays positive
semi-definite whatever is missing, and the risk of a halted instrument does not fade away.
"""

from math import sqrt

from riskcore.codes import BUSY, EVENT_ADVANCE, INVALID_VALUE, OK
from riskcore.kernels.elementary import maximum, minimum
from riskcore.kernels.entry import check_time
from riskcore.kernels.language import kernel

VARIANCE_FLOOR = 1e-20  # per sample; keeps every later product of elements away from subnormals
# Innovation of an instrument without a return. Its products, 1e-60 at least, keep a fading
# covariance far above subnormals, at no cost and without harm to definiteness.
RESTING_INNOVATION = 1e-30


@kernel
def update_row(state, i, count):
    """Age row `i`, work its products of returns in and add it to the product.

    Parameters
    ----------
    state : record, modified in place
        `covariance.matrix` row `i`, `product_next`.
    i : int64
    count : int64
        Columns in use.
    """
    covariance = state.covariance
    matrix = covariance.matrix
    ageing = covariance.ageing
    innovation = covariance.innovation
    product = covariance.product_next
    k = covariance.frozen[i]
    u = innovation[i]
    w = covariance.weight[i]
    for j in range(count):
        value = ageing[k, j] * matrix[i, j] + u * innovation[j]
        matrix[i, j] = value
        product[j] += w * value
    covariance.variance[i] = matrix[i, i]


@kernel
def update_four_rows(state, i, count):
    """The same for rows `i` to `i + 3`: the vectors are loaded once, the bits do not differ."""
    covariance = state.covariance
    matrix = covariance.matrix
    ageing = covariance.ageing
    innovation = covariance.innovation
    product = covariance.product_next
    k0 = covariance.frozen[i]
    k1 = covariance.frozen[i + 1]
    k2 = covariance.frozen[i + 2]
    k3 = covariance.frozen[i + 3]
    u0 = innovation[i]
    u1 = innovation[i + 1]
    u2 = innovation[i + 2]
    u3 = innovation[i + 3]
    w0 = covariance.weight[i]
    w1 = covariance.weight[i + 1]
    w2 = covariance.weight[i + 2]
    w3 = covariance.weight[i + 3]
    for j in range(count):
        u = innovation[j]
        value0 = ageing[k0, j] * matrix[i, j] + u0 * u
        value1 = ageing[k1, j] * matrix[i + 1, j] + u1 * u
        value2 = ageing[k2, j] * matrix[i + 2, j] + u2 * u
        value3 = ageing[k3, j] * matrix[i + 3, j] + u3 * u
        matrix[i, j] = value0
        matrix[i + 1, j] = value1
        matrix[i + 2, j] = value2
        matrix[i + 3, j] = value3
        product[j] = product[j] + w0 * value0 + w1 * value1 + w2 * value2 + w3 * value3


@kernel
def update_four_alike(state, i, count):
    """The same where none or all of the four rows are frozen: they age alike."""
    covariance = state.covariance
    matrix = covariance.matrix
    ageing = covariance.ageing
    innovation = covariance.innovation
    product = covariance.product_next
    k = covariance.frozen[i]
    u0 = innovation[i]
    u1 = innovation[i + 1]
    u2 = innovation[i + 2]
    u3 = innovation[i + 3]
    w0 = covariance.weight[i]
    w1 = covariance.weight[i + 1]
    w2 = covariance.weight[i + 2]
    w3 = covariance.weight[i + 3]
    for j in range(count):
        u = innovation[j]
        factor = ageing[k, j]
        value0 = factor * matrix[i, j] + u0 * u
        value1 = factor * matrix[i + 1, j] + u1 * u
        value2 = factor * matrix[i + 2, j] + u2 * u
        value3 = factor * matrix[i + 3, j] + u3 * u
        matrix[i, j] = value0
        matrix[i + 1, j] = value1
        matrix[i + 2, j] = value2
        matrix[i + 3, j] = value3
        product[j] = product[j] + w0 * value0 + w1 * value1 + w2 * value2 + w3 * value3


@kernel
def update_block(state, i, count):
    """Rows `i` to `i + 3` and their variances."""
    covariance = state.covariance
    frozen = covariance.frozen
    if frozen[i] + frozen[i + 1] + frozen[i + 2] + frozen[i + 3] == 4 * frozen[i]:
        update_four_alike(state, i, count)
    else:
        update_four_rows(state, i, count)
    for k in range(i, i + 4):
        covariance.variance[k] = covariance.matrix[k, k]


@kernel
def count_outside_label(state, i, threshold, label):
    """Instruments below `i` that are correlated with it and whose label is not `label`.

    `threshold` is the squared cluster correlation times the variance of `i`, per sample.
    """
    matrix = state.covariance.matrix
    variance = state.covariance.variance
    labels = state.covariance.cluster_next
    count = 0
    for j in range(i):
        q = matrix[i, j]
        count += (q * q >= threshold * variance[j]) & (labels[j] != label)
    return count


@kernel
def find_labels(state, i, threshold):
    """What instruments below `i` are correlated with it: the first, their lowest and highest label.

    (`i`, `i`, -1) where there is none.
    """
    covariance = state.covariance
    matrix = covariance.matrix
    variance = covariance.variance
    labels = covariance.cluster_next
    first = i
    lowest = i
    highest = -1
    for j in range(i):
        q = matrix[i, j]
        label = labels[j]
        near = q * q >= threshold * variance[j]
        first = minimum(first, j if near else i)
        lowest = minimum(lowest, label if near else i)
        highest = maximum(highest, label if near else -1)
    return first, lowest, highest


@kernel
def replace_label(state, i, old, new):
    """Give the instruments below `i` of one cluster the label of another."""
    labels = state.covariance.cluster_next
    for j in range(i):
        labels[j] = new if labels[j] == old else labels[j]


@kernel
def join_clusters(state, i, threshold, left):
    """Give one label, the lowest, to all clusters correlated with `i`, and to `i` itself.

    One cluster after the other joins the lowest: O(i) each. Also remembers the first correlated
    instrument in `neighbour`. Without any, the label is `i`.

    Parameters
    ----------
    state : record, modified in place
    i : int64
    threshold : float64
        See `label_threshold`.
    left : int64
        Looks at the row and joins that may be made now, by one more at most; then `i` stays without
        a label.

    Returns
    -------
    int64
        `left` less those that were.
    """
    covariance = state.covariance
    for _ in range(i + 1):
        if left <= 0:
            break
        first, lowest, highest = find_labels(state, i, threshold)
        left -= 1
        if first < i:
            covariance.neighbour[i] = first
        if highest <= lowest:
            covariance.cluster_next[i] = lowest
            covariance.labelled = i + 1
            break
        replace_label(state, i, highest, lowest)
        left -= 1
    return left


@kernel
def label_threshold(state, i):
    """Squared cluster correlation x variance of `i`: what m[i, j]**2 / m[j, j] is held against."""
    rho = state.parameters.cluster_correlation
    return rho * rho * state.covariance.variance[i]


@kernel
def known_label(state, i, below, threshold):
    """Label of what `i` joined last, where that is below `below` and still correlated; else -1."""
    covariance = state.covariance
    j = covariance.neighbour[i]
    if j < below:
        q = covariance.matrix[i, j]
        if q * q >= threshold * covariance.variance[j]:
            return covariance.cluster_next[j]
    return -1


@kernel
def label_row(state, i, left):
    """Find the cluster of instrument `i` among those below it, once their rows are worked in.

    Two instruments are neighbours where m[i, j]**2 >= cluster_correlation**2 * m[i, i] * m[j, j];
    clusters are the connected groups, named by their lowest index. The common case, everything
    correlated already in one cluster, costs one vectorised count. For the rest, `left` and what is
    returned, see `join_clusters`.
    """
    covariance = state.covariance
    threshold = label_threshold(state, i)
    label = known_label(state, i, i, threshold)
    if count_outside_label(state, i, threshold, label) > 0:
        return join_clusters(state, i, threshold, left)
    covariance.cluster_next[i] = label if label >= 0 else i
    covariance.labelled = i + 1
    return left


@kernel
def label_rows(state, left):
    """Label the rows that are worked in and have no label yet, as far as `left` allows."""
    covariance = state.covariance
    for i in range(covariance.labelled, covariance.cursor):
        left = label_row(state, i, left)
        if covariance.labelled <= i:
            break
    return left


@kernel
def settle_label(state, i, first, threshold, label, outside, left):
    """Give `i` the label where no instrument speaks against it; else look at its row.

    `outside` counts those below `first` that do; those from `first` on are looked at here.
    """
    covariance = state.covariance
    labels = covariance.cluster_next
    if covariance.labelled < i:
        return left
    for j in range(first, i):
        q = covariance.matrix[i, j]
        outside += (q * q >= threshold * covariance.variance[j]) & (labels[j] != label)
    if outside > 0:
        return label_row(state, i, left)
    labels[i] = label if label >= 0 else i
    covariance.labelled = i + 1
    return left


@kernel
def label_four_rows(state, i, left):
    """`label_row` for rows `i` to `i + 3`, with one count for all of them.

    What the count has read is stale once clusters have joined, which takes two steps of `left`; the
    rows after that are looked at.
    """
    covariance = state.covariance
    matrix = covariance.matrix
    variance = covariance.variance
    labels = covariance.cluster_next
    t0 = label_threshold(state, i)
    t1 = label_threshold(state, i + 1)
    t2 = label_threshold(state, i + 2)
    t3 = label_threshold(state, i + 3)
    label0 = known_label(state, i, i, t0)
    label1 = known_label(state, i + 1, i, t1)
    label2 = known_label(state, i + 2, i, t2)
    label3 = known_label(state, i + 3, i, t3)
    outside0 = 0
    outside1 = 0
    outside2 = 0
    outside3 = 0
    for j in range(i):
        v = variance[j]
        label = labels[j]
        q0 = matrix[i, j]
        q1 = matrix[i + 1, j]
        q2 = matrix[i + 2, j]
        q3 = matrix[i + 3, j]
        outside0 += (q0 * q0 >= t0 * v) & (label != label0)
        outside1 += (q1 * q1 >= t1 * v) & (label != label1)
        outside2 += (q2 * q2 >= t2 * v) & (label != label2)
        outside3 += (q3 * q3 >= t3 * v) & (label != label3)
    now = settle_label(state, i, i, t0, label0, outside0, left)
    now = settle_label(state, i + 1, i, t1, label1, outside1 + (left - now) // 2, now)
    now = settle_label(state, i + 2, i, t2, label2, outside2 + (left - now) // 2, now)
    return settle_label(state, i + 3, i, t3, label3, outside3 + (left - now) // 2, now)


@kernel
def weighted_sum(state, count):
    """Sum of weight x product over `count` instruments: eight accumulators, one fixed tree."""
    weight = state.covariance.weight
    product = state.covariance.product
    s0 = 0.0
    s1 = 0.0
    s2 = 0.0
    s3 = 0.0
    s4 = 0.0
    s5 = 0.0
    s6 = 0.0
    s7 = 0.0
    whole = count - count % 8
    for block in range(whole // 8):
        k = block * 8
        s0 += weight[k] * product[k]
        s1 += weight[k + 1] * product[k + 1]
        s2 += weight[k + 2] * product[k + 2]
        s3 += weight[k + 3] * product[k + 3]
        s4 += weight[k + 4] * product[k + 4]
        s5 += weight[k + 5] * product[k + 5]
        s6 += weight[k + 6] * product[k + 6]
        s7 += weight[k + 7] * product[k + 7]
    for k in range(whole, count):
        s0 += weight[k] * product[k]
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


@kernel
def start_pass(state):
    """Begin a pass over the rows; `innovation`, `ageing` and `frozen` are in place."""
    covariance = state.covariance
    product = covariance.product_next
    for j in range(state.header.instrument_count):
        product[j] = 0.0
    covariance.cursor = 0
    covariance.labelled = 0
    covariance.pending = 1


@kernel
def sum_cluster_risk(state):
    """Add up the standalone VaR of each cluster, over sums that are zero.

    Neighbours are mostly of one cluster, whose sum then need not go through memory.
    """
    cluster = state.covariance.cluster
    cluster_risk = state.covariance.cluster_risk
    label = 0
    total = 0.0
    for i in range(state.header.instrument_count):
        if cluster[i] != label:
            cluster_risk[label] = total
            label = cluster[i]
            total = cluster_risk[label]
        total += state.positions[i].value_at_risk
    cluster_risk[label] = total


@kernel
def finish_pass(state):
    """Publish product, portfolio variance, clusters and their risk."""
    covariance = state.covariance
    count = state.header.instrument_count
    product = covariance.product
    product_next = covariance.product_next
    cluster = covariance.cluster
    cluster_next = covariance.cluster_next
    cluster_risk = covariance.cluster_risk
    clusters = 0
    for i in range(count):
        product[i] = product_next[i]
        cluster[i] = cluster_next[i]
        cluster_risk[i] = 0.0
        clusters += cluster_next[i] == i
    sum_cluster_risk(state)
    state.account.variance = maximum(weighted_sum(state, count), 0.0)
    covariance.cluster_count = clusters
    covariance.passes += 1
    covariance.pending = 0


@kernel
def work_rows(state, units):
    """Work in up to `units` >= 1 rows of the pending pass; BUSY where some remain, else OK.

    Where clusters may join, each look at a row and each join counts as one more: a slice takes the
    same time at most whatever the market does. No slice does nothing.
    """
    covariance = state.covariance
    count = state.header.instrument_count
    left = label_rows(state, units)
    for _ in range(count):
        if left <= 0 or covariance.cursor >= count or covariance.labelled < covariance.cursor:
            break
        i = covariance.cursor
        if left >= 4 and i + 4 <= count:
            update_block(state, i, count)
            covariance.cursor = i + 4
            left = label_four_rows(state, i, left - 4)
        else:
            update_row(state, i, count)
            covariance.cursor = i + 1
            left = label_row(state, i, left - 1)
    if covariance.labelled < count:
        return BUSY
    finish_pass(state)
    return OK


@kernel
def complete_pass(state):
    """Work in all remaining rows, if a pass is pending: a look and a join each at most."""
    if state.covariance.pending != 0:
        work_rows(state, 4 * state.header.instruments)


@kernel
def advance(state, max_rows):
    """Work in up to `max_rows` rows of the pass that the last sample began.

    An event without a time: it moves no clock. With no pass pending nothing changes.

    Parameters
    ----------
    state : record, modified in place
    max_rows : int64
        At least 1. Rows cost about the same, so a slice of a fixed size takes a fixed time: fewer
        are worked in where clusters join. With all rows or more the pass is completed at once.

    Returns
    -------
    int64
        BAD_BUFFER, INVALID_VALUE, BUSY (rows remain) or OK (the pass is complete).
    """
    status = check_time(state, maximum(state.header.last_time_ns, 1))
    if status != OK:
        return status
    if max_rows < 1:
        return INVALID_VALUE
    if state.covariance.pending == 0:
        return OK
    state.header.event_count += 1
    state.counters.events[EVENT_ADVANCE] += 1
    if max_rows >= state.header.instruments:
        complete_pass(state)
        return OK
    return work_rows(state, max_rows)


@kernel
def value_before_pass(state, i, j):
    """Element (i, j) of the matrix that `product` belongs to (float64, fraction**2 per sample).

    Rows that a pending pass has reached are taken back to what they were, to rounding.
    """
    covariance = state.covariance
    value = covariance.matrix[i, j]
    if covariance.pending != 0 and i < covariance.cursor:
        ageing = covariance.ageing[covariance.frozen[i], j]
        if ageing > 0.0:
            value -= covariance.innovation[i] * covariance.innovation[j]
            return value / ageing
    return value


@kernel
def change_weight(state, i, delta):
    """Add `delta` (float64, money) to the weight of instrument `i`, and to all that counts it.

    variance + 2 delta product[i] + delta**2 m[i, i]; product + delta m[i]; O(instruments). A pass
    that has already been through row `i` gets the new row's part added to its own product.
    """
    covariance = state.covariance
    count = state.header.instrument_count
    matrix = covariance.matrix
    product = covariance.product
    product_next = covariance.product_next
    reached = covariance.pending != 0 and i < covariance.cursor
    account = state.account
    change = delta * (2.0 * product[i] + delta * value_before_pass(state, i, i))
    account.variance = maximum(account.variance + change, 0.0)
    if reached:
        for j in range(count):
            product[j] += delta * value_before_pass(state, i, j)
        for j in range(count):
            product_next[j] += delta * matrix[i, j]
    else:
        for j in range(count):
            product[j] += delta * matrix[i, j]
    covariance.weight[i] += delta


@kernel
def correlation(state, i, j):
    """Correlation of instruments `i` and `j` (float64, -1 to 1); 0 where a variance is unknown."""
    variances = value_before_pass(state, i, i) * value_before_pass(state, j, j)
    if not (variances > 0.0):
        return 0.0
    ratio = value_before_pass(state, i, j) / sqrt(variances)
    return maximum(-1.0, minimum(1.0, ratio))


@kernel
def shrunk_covariance(state, i, j):
    """Covariance with its off-diagonal scaled by 1 - kelly_shrinkage (per sample).

    Shrinkage towards the diagonal (Ledoit and Wolf 2004 with a fixed intensity).
    """
    value = value_before_pass(state, i, j)
    if i == j:
        return value
    return (1.0 - state.parameters.kelly_shrinkage) * value


@kernel
def recompute(state):
    """Product, variance and clusters of the matrix as it stands: a pass that ages nothing."""
    covariance = state.covariance
    for j in range(state.header.instrument_count):
        covariance.frozen[j] = 1
        covariance.innovation[j] = 0.0
        covariance.ageing[0, j] = 1.0
        covariance.ageing[1, j] = 1.0
    start_pass(state)
    complete_pass(state)


@kernel
def set_initial_variance(state, i):
    """Variance and volatility of a new instrument from its `initial_volatility`; no samples yet."""
    record = state.volatility[i]
    initial = state.instruments[i].initial_volatility
    samples = maximum(state.parameters.samples_per_day, 1.0)
    record.variance = maximum(initial * initial / samples, VARIANCE_FLOOR)
    record.volatility = sqrt(record.variance * samples)
    record.sample_mark = 0.0
    record.sample_set = 0
    record.sample_count = 0
    record.missing_count = 0
    record.last_return = 0.0
    record.sample_quote_ns = 0


@kernel
def set_initial_covariance(state, i):
    """Give a new instrument its variance and its correlation with every other.

    Call it once `header.instrument_count` counts the instrument. It moves with the common factor F,
    the sum of the standardised returns of the others, so the matrix stays positive semi-definite
    whatever correlations those have by now. Its correlation with F is chosen so that the mean of
    its correlations is `initial_correlation`, as far as that is possible; among instruments that
    are all new, each of them is exactly that.

    Parameters
    ----------
    state : record, modified in place
        A pending pass is completed first. History is untouched.
    i : int64
        Index of the instrument.
    """
    complete_pass(state)
    set_initial_variance(state, i)
    covariance = state.covariance
    matrix = covariance.matrix
    loading = covariance.returns  # scratch: no pass is pending
    count = state.header.instrument_count
    others = 0
    total = 0.0
    for j in range(count):
        loading[j] = 0.0
        if j != i and matrix[j, j] > 0.0:
            others += 1
            for k in range(count):
                if k != i and matrix[k, k] > 0.0:
                    loading[j] += matrix[j, k] / sqrt(matrix[k, k])
            loading[j] /= sqrt(matrix[j, j])
            total += loading[j]
    share = 0.0
    if total > 0.0:
        # Correlation with F per unit of loading; F has the standard deviation sqrt(total).
        most = 1.0 / sqrt(total)
        share = minimum(most, state.parameters.initial_correlation * float(others) / total)
    variance = state.volatility[i].variance
    for j in range(count):
        value = share * loading[j] * sqrt(variance * maximum(matrix[j, j], 0.0))
        matrix[i, j] = value
        matrix[j, i] = value
        loading[j] = 0.0
    matrix[i, i] = variance
    recompute(state)


@kernel
def rescale_samples(state, factor):
    """Multiply every variance per sample by `factor` > 0 when the sampling interval changes.

    The 24 h figures then stay as they were. A pending pass is completed first.
    """
    if not (factor > 0.0 and factor <= 1e12) or factor == 1.0:
        return
    complete_pass(state)
    matrix = state.covariance.matrix
    for i in range(state.header.instrument_count):
        record = state.volatility[i]
        record.variance = maximum(record.variance * factor, VARIANCE_FLOOR)
        for j in range(state.header.instrument_count):
            matrix[i, j] *= factor
        matrix[i, i] = maximum(matrix[i, i], VARIANCE_FLOOR)
    recompute(state)
