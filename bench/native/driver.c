/* Measures the hot calls of the native library, one at a time.
 *
 *   driver DIRECTORY RESULTS CPU ROUNDS CALLS INSTRUMENTS NOW_NS WORK...
 *
 * DIRECTORY holds state.bin (the account), one file of order records per kind, quotes.bin, signal.bin
 * and, for Kelly, bounds.bin (parameters) and returns.bin. WORK is MODE:CASE, MODE one of warm, cold, samples (timed in that condition of the
 * cache: measure.h), count (instructions), trace (count, and keep the addresses), profile (addresses
 * at a timer's ticks) and places (where each source line's code begins, in a build that knows it). RESULTS takes one uint32 per call, round after round, cycles or instructions; of
 * trace, profile and places one uint64 per address. Standard output is JSON: what is where in RESULTS, and the
 * loops of known work beside each round. Each work begins with the account as it is in DIRECTORY.
 */
#include "measure.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

#include "layout.h" /* records, codes and functions of the library, written by bench/driver.py */

#define LEGS 4
#define RING_RECORDS (1 << 16)
#define WARM_UP 256 /* calls before the first round */
#define SETTLING 32 /* calls before each round */

static rc_state *state;
static char *image;
static size_t state_size;
static rc_order *order_list[4];
static const char *order_names[4] = {"approve", "exit", "resize", "reject"};
static const int64_t order_actions[4] = {RC_APPROVE, RC_APPROVE, RC_RESIZE, RC_REJECT};
static rc_decision *decision;
static rc_event *event;
static rc_signal *signal_record;
static void *risk, *sizing, *page_copy, *bounds;
static double *returns, *weights, *scratch;
static int64_t return_rows;
static rc_journal *journal;
static void *ring, *control_page, *page;
static int64_t order_count, *books, book_rows, instruments, first_ns, now_ns, client_id, execution_id;
static int sampling; /* rows of a sample's covariance pass remain */

static __attribute__((noinline)) void empty_call(void) { __asm__ volatile(""); }

#ifdef DRAG /* a slower check: the linker puts this in the place of rc_check */
int64_t __real_rc_check(void *, const void *, void *);

int64_t __wrap_rc_check(void *account, const void *order, void *answer)
{
    int64_t x = 0;
    __asm__ volatile(".rept %c1\n\taddq $1, %0\n\t.endr" : "+r"(x) : "i"(DRAG) : "cc");
    return __real_rc_check(account, order, answer);
}
#endif

static void must(int64_t status, const char *what)
{
    if (status != RC_OK)
        die(what, status);
}

/* --- the account ---------------------------------------------------------------------------------- */

static void *blank(size_t size)
{
    size = (size + 4095) / 4096 * 4096;
    void *memory = aligned_alloc(4096, size);
    if (!memory)
        die("no memory", size);
    return memset(memory, 0, size);
}

static void *load(const char *directory, const char *name, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        die(path, 0);
    fseek(file, 0, SEEK_END);
    *size = ftell(file);
    rewind(file);
    void *memory = blank(*size);
    if (fread(memory, 1, *size, file) != *size)
        die("short read", 0);
    fclose(file);
    return memory;
}

static void load_account(const char *directory)
{
    size_t size;
    image = load(directory, "state.bin", &state_size);
    state = blank(state_size);
    if ((int64_t)state_size != rc_state_size() || rc_state_attach((rc_state *)image) != RC_OK)
        die("state.bin is of another build", state_size);
    books = load(directory, "quotes.bin", &size);
    book_rows = size / (32 * instruments);
    for (int kind = 0; kind < 4; kind++) {
        char name[64];
        snprintf(name, sizeof name, "orders-%s.bin", order_names[kind]);
        order_list[kind] = load(directory, name, &size);
        order_count = size / sizeof(rc_order);
    }
    signal_record = load(directory, "signal.bin", &size);
    bounds = load(directory, "bounds.bin", &size);
    returns = load(directory, "returns.bin", &size);
    return_rows = size / (SHAPE_INSTRUMENTS * sizeof *returns);
    weights = blank(SHAPE_INSTRUMENTS * sizeof *weights);
    scratch = blank(SHAPE_INSTRUMENTS * SHAPE_INSTRUMENTS * sizeof *scratch);
    decision = blank(LEGS * sizeof *decision);
    event = blank(sizeof *event);
    risk = blank(4096);
    sizing = blank(4096);
    journal = blank(sizeof *journal);
    ring = blank(RING_RECORDS * (size_t)JOURNAL_RECORD_SIZE);
    control_page = blank(CONTROL_PAGE_SIZE);
    page = blank(PUBLISHED_PAGE_SIZE);
    page_copy = blank(PUBLISHED_PAGE_SIZE);
    watch(state, state_size);
    watch(journal, sizeof *journal);
    watch(control_page, CONTROL_PAGE_SIZE);
    watch(page, PUBLISHED_PAGE_SIZE);
}

/* The account as it was loaded; an empty journal, whose ring is in memory. */
static void restore(void)
{
    memcpy(state, image, state_size);
    memset(journal, 0, sizeof *journal);
    memset(control_page, 0, CONTROL_PAGE_SIZE);
    memset(page, 0, PUBLISHED_PAGE_SIZE);
    must(rc_journal_init(journal, RING_RECORDS, RING_RECORDS / 16, 0), "journal");
    must(rc_control_init(control_page), "control page");
    must(rc_page_init(page), "page");
    must(rc_publish(state, journal, page), "publish");
    now_ns = first_ns;
    client_id = execution_id = 1LL << 40;
    sampling = 0;
    memset(decision, 0, LEGS * sizeof *decision);
}

/* --- what cases are made of ----------------------------------------------------------------------- */

/* Before the preparation of call k. */
static inline void begin(void)
{
    if (condition != BUSY_SAMPLING)
        return;
    if (!sampling)
        must(rc_on_sample(state, now_ns += 1000), "sample");
    sampling = rc_advance(state, SLICE_ROWS) == RC_BUSY;
}

static void finish_sample(void)
{
    while (rc_advance(state, SLICE_ROWS) == RC_BUSY)
        ;
    sampling = 0;
}

static inline rc_order *next_order(int kind, int64_t k)
{
    rc_order *order = order_list[kind] + k % order_count;
    order->time_ns = now_ns += 1000;
    order->client_id = ++client_id;
    return order;
}

static inline int64_t *book_of(int64_t k, int64_t *instrument)
{
    *instrument = (k * 29) % instruments;
    return books + ((k / instruments % book_rows) * instruments + *instrument) * 4;
}

static inline void requote(int64_t k)
{
    int64_t i, *book = book_of(k, &i);
    must(rc_on_quote(state, now_ns += 1000, i, book[0], book[1], book[2], book[3]), "quote");
}

/* Release what a check has reserved. */
static inline void undo(const rc_decision *answer)
{
    if (!answer->handle)
        return;
    must(rc_on_ack(state, now_ns, answer->handle, answer->handle), "acknowledgement");
    must(rc_on_canceled(state, now_ns, answer->handle), "cancelled");
}

/* An approved order that the venue has not answered; its handle. */
static inline int64_t send_order(int kind, int64_t k, rc_order **order)
{
    *order = next_order(kind, k);
    if (rc_check(state, *order, decision) != RC_APPROVE)
        die("an order that should pass", k);
    return decision->handle;
}

/* --- orders --------------------------------------------------------------------------------------- */

static void measure_check(int64_t count, int kind)
{
    for (int64_t k = 0; k < count; k++) {
        begin();
        rc_order *order = next_order(kind, k);
        int64_t action;
        MEASURE(k, action = rc_check(state, order, decision));
        if (action != order_actions[kind])
            die(order_names[kind], action);
        undo(decision);
    }
}

/* One book of any instrument moves before each order. */
static void measure_check_after_quote(int64_t count, int kind)
{
    for (int64_t k = 0; k < count; k++) {
        begin();
        requote(k);
        rc_order *order = next_order(kind, k);
        int64_t action;
        MEASURE(k, action = rc_check(state, order, decision));
        if (action != RC_APPROVE)
            die("check after a quote", action);
        undo(decision);
    }
}

static void measure_what_if(int64_t count, int kind)
{
    for (int64_t k = 0; k < count; k++) {
        begin();
        rc_order *order = next_order(kind, k);
        int64_t action;
        MEASURE(k, action = rc_what_if(state, order, decision));
        if (action != RC_APPROVE)
            die("what if", action);
    }
}

static void measure_batch(int64_t count, int kind)
{
    for (int64_t k = 0; k < count; k++) {
        begin();
        rc_order *legs = next_order(kind, k * LEGS);
        for (int leg = 1; leg < LEGS; leg++)
            next_order(kind, k * LEGS + leg);
        int64_t action;
        MEASURE(k, action = rc_check_batch(state, legs, decision, LEGS));
        if (action != RC_APPROVE)
            die("batch", action);
        for (int leg = 0; leg < LEGS; leg++)
            undo(decision + leg);
    }
}

enum answer { CANCEL, REPLACE, ACK, REJECT, CANCELED, CANCEL_REJECT, REPLACED, EXPIRE, ORDER_STATUS, FILL };

/* What is asked and heard of a working order: a new one each time, with the requests before it. */
static void measure_answer(int64_t count, int what)
{
    for (int64_t k = 0; k < count; k++) {
        rc_order *order;
        begin();
        int64_t handle = send_order(0, k, &order), status, live = 1, code = 1, t = now_ns += 1000;
        int64_t price = order->price_ticks - order->side, lots = order->lots + 1;
        if (what != ACK && what != REJECT && what != ORDER_STATUS)
            must(rc_on_ack(state, t, handle, handle), "acknowledgement");
        if (what == CANCEL_REJECT)
            must(rc_cancel(state, t, handle), "cancel");
        if (what == REPLACED && rc_replace(state, t, handle, lots, price, decision) != RC_APPROVE)
            die("replace", k);
        switch (what) {
        case CANCEL:
            MEASURE(k, status = rc_cancel(state, t, handle));
            break;
        case REPLACE:
            MEASURE(k, status = rc_replace(state, t, handle, lots, price, decision));
            status = status == RC_APPROVE ? RC_OK : status;
            break;
        case ACK:
            MEASURE(k, status = rc_on_ack(state, t, handle, handle));
            break;
        case REJECT:
            MEASURE(k, status = rc_on_reject(state, t, handle, code));
            live = 0;
            send_order(0, k, &order); /* one that is taken: not all are rejected */
            undo(decision);
            break;
        case CANCELED:
            MEASURE(k, status = rc_on_canceled(state, t, handle));
            live = 0;
            break;
        case CANCEL_REJECT:
            MEASURE(k, status = rc_on_cancel_reject(state, t, handle, code));
            break;
        case REPLACED:
            MEASURE(k, status = rc_on_replaced(state, t, handle, lots, price));
            break;
        case EXPIRE:
            MEASURE(k, status = rc_on_expire(state, t, handle));
            live = 0;
            break;
        case ORDER_STATUS:
            MEASURE(k, status = rc_on_order_status(state, t, handle, RC_VENUE_ORDER_WORKING, 0));
            break;
        default:
            execution_id++;
            MEASURE(k, status = rc_on_fill(state, t, handle, order->instrument, order->strategy, order->side, 1,
                                           order->price_ticks, 0.01, 0, execution_id));
            live = order->lots > 1;
        }
        must(status, "what is heard of an order");
        if (live)
            must(rc_on_canceled(state, t, handle), "cancelled");
        if (what != FILL)
            continue;
        /* A fill the other way: the position stays as it is. */
        handle = send_order(1, k, &order);
        must(rc_on_fill(state, now_ns, handle, order->instrument, order->strategy, order->side, 1,
                        order->price_ticks, 0.01, 0, ++execution_id),
             "fill");
        if (order->lots > 1)
            must(rc_on_canceled(state, now_ns, handle), "cancelled");
    }
}

/* --- facts, market and system --------------------------------------------------------------------- */

enum fact { BUST, FUNDING, QUOTE, TRADE, RATE, CLOCK, HEARTBEAT, LATENCY, ERROR_, REGIME };

static void measure_fact(int64_t count, int what)
{
    for (int64_t k = 0; k < count; k++) {
        begin();
        int64_t i, *book = book_of(k, &i), t = now_ns += 1000, status = 0;
        int64_t side = k / instruments % 2 ? 1 : -1, strategy = i % 4;
        switch (what) {
        case BUST:
            execution_id++;
            MEASURE(k, status = rc_on_bust(state, t, i, strategy, side, 1, book[0], 0.01, 0, execution_id));
            break;
        case FUNDING:
            MEASURE(k, status = rc_on_funding(state, t, i, strategy, 0, side * 0.01));
            break;
        case QUOTE:
            MEASURE(k, status = rc_on_quote(state, t, i, book[0], book[1], book[2], book[3]));
            break;
        case TRADE:
            MEASURE(k, status = rc_on_trade(state, t, i, book[0], 10));
            break;
        case RATE:
            MEASURE(k, status = rc_on_rate(state, t, 1, 1.25 + side * 1e-4));
            break;
        case CLOCK:
            MEASURE(k, status = rc_on_clock(state, t));
            break;
        case HEARTBEAT:
            MEASURE(k, status = rc_on_heartbeat(state, t, i % 4));
            break;
        case LATENCY:
            MEASURE(k, status = rc_on_latency(state, t, 1000 + i));
            break;
        case ERROR_:
            MEASURE(k, status = rc_on_error(state, t, i));
            break;
        default:
            MEASURE(k, status = rc_on_regime(state, t, k % 4, 0.9));
        }
        must(status, "fact");
    }
}

/* --- questions ------------------------------------------------------------------------------------ */

enum question { SIZE, POSITION_RISK, PORTFOLIO_RISK, POSITION };

static inline int64_t whole_position(int64_t i, const int64_t *book)
{
    int64_t status = rc_on_quote(state, now_ns, i, book[0], book[1], book[2], book[3]);
    rc_position_risk(state, i, risk);
    rc_size(state, signal_record, sizing);
    return status;
}

static void measure_question(int64_t count, int what)
{
    for (int64_t k = 0; k < count; k++) {
        begin();
        int64_t i, *book = book_of(k, &i), status;
        if (what == PORTFOLIO_RISK)
            requote(k);
        signal_record->instrument = i;
        now_ns += 1000;
        switch (what) {
        case SIZE:
            MEASURE(k, status = rc_size(state, signal_record, sizing));
            break;
        case POSITION_RISK:
            MEASURE(k, status = rc_position_risk(state, i, risk));
            break;
        case PORTFOLIO_RISK:
            MEASURE(k, status = rc_portfolio_risk(state, risk));
            break;
        default: /* quote in; mark, volatility, VaR and ES, stop and size out */
            MEASURE(k, status = whole_position(i, book));
        }
        must(status, "question");
    }
}

/* The weights of all instruments, of which some are at a bound. */
static void measure_kelly(int64_t count, int what)
{
    (void)what;
    must(rc_set_parameters(state, now_ns += 1000, bounds), "bounds");
    for (int64_t k = 0; k < count; k++) {
        begin();
        int64_t status;
        MEASURE(k, status = rc_kelly(state, returns + k % return_rows * SHAPE_INSTRUMENTS, weights, scratch));
        must(status, "weights");
    }
}

/* --- samples -------------------------------------------------------------------------------------- */

enum update { SAMPLE, ADVANCE, PORTFOLIO };

static inline int64_t whole_update(void)
{
    must(rc_on_sample(state, now_ns), "sample");
    while (rc_advance(state, instruments) == RC_BUSY)
        ;
    return rc_portfolio_risk(state, risk);
}

/* A sample after each book has moved; ADVANCE measures each slice of its covariance pass. */
static void measure_update(int64_t count, int what)
{
    int64_t quotes = 0, status = 0;
    for (int64_t k = 0; k < count; k++) {
        for (int64_t q = 0; q < instruments && !sampling; q++)
            requote(quotes++);
        now_ns += 1000;
        if (what == SAMPLE) {
            MEASURE(k, status = rc_on_sample(state, now_ns));
            must(status, "sample");
            finish_sample();
        } else if (what == ADVANCE) {
            if (!sampling)
                must(rc_on_sample(state, now_ns), "sample");
            MEASURE(k, status = rc_advance(state, SLICE_ROWS));
            sampling = status == RC_BUSY;
        } else {
            MEASURE(k, status = whole_update());
            must(status, "portfolio");
        }
    }
}

/* --- journal and pages ---------------------------------------------------------------------------- */

enum journaled { JOURNALED_CHECK, JOURNALED_QUOTE, JOURNALED_CLOCK };

static void fill_event(int what, int64_t k)
{
    if (what == JOURNALED_CHECK) {
        const rc_order *order = next_order(0, k);
        *event = (rc_event){
            .kind = RC_EVENT_CHECK, .time_ns = order->time_ns, .id = order->client_id,
            .instrument = order->instrument, .strategy = order->strategy, .side = order->side,
            .type = order->type, .time_in_force = order->time_in_force, .order_flags = order->order_flags,
            .lots = order->lots, .price_ticks = order->price_ticks, .price_ticks_2 = order->stop_ticks,
            .confidence = order->confidence};
        return;
    }
    int64_t i, *book = book_of(k, &i);
    *event = (rc_event){.kind = RC_EVENT_CLOCK, .time_ns = now_ns += 1000};
    if (what == JOURNALED_QUOTE)
        *event = (rc_event){.kind = RC_EVENT_QUOTE, .time_ns = now_ns, .instrument = i, .price_ticks = book[0],
                            .lots = book[1], .price_ticks_2 = book[2], .lots_2 = book[3]};
}

/* The same event through the journal, and without it. */
static void measure_journaled(int64_t count, int what, int through)
{
    for (int64_t k = 0; k < count; k++) {
        begin();
        fill_event(what, k);
        journal->drained = journal->committed;
        int64_t status;
        if (through)
            MEASURE(k, status = rc_submit(state, journal, ring, control_page, page, event, decision));
        else
            MEASURE(k, status = rc_apply(state, event, decision));
        must(status, "event");
        if (what == JOURNALED_CHECK)
            undo(decision);
    }
}

static void measure_submit(int64_t count, int what) { measure_journaled(count, what, 1); }

static void measure_apply(int64_t count, int what) { measure_journaled(count, what, 0); }

static void measure_publish(int64_t count, int what)
{
    (void)what;
    for (int64_t k = 0; k < count; k++) {
        begin();
        int64_t status;
        requote(k);
        MEASURE(k, status = rc_publish(state, journal, page));
        must(status, "publish");
    }
}

static void measure_page_read(int64_t count, int what)
{
    (void)what;
    for (int64_t k = 0; k < count; k++) {
        begin();
        int64_t status;
        MEASURE(k, status = rc_page_read(page, page_copy));
        must(status, "page");
    }
}

static void measure_timer(int64_t count, int what)
{
    (void)what;
    for (int64_t k = 0; k < count; k++)
        MEASURE(k, empty_call());
}

#ifdef PLACES /* a table beside the code: how many addresses, then those of places and sections */
extern const uint64_t rc_places[];

static void note_places(void)
{
    for (uint64_t n = 1; n <= rc_places[0]; n++)
        note(rc_places[n]);
}
#else
static void note_places(void) { die("this build knows no places", 0); }
#endif

/* --- running -------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*measure)(int64_t count, int what);
    int what;
} cases[] = {
    {"timer", measure_timer, 0},
    {"check_approve", measure_check, 0},
    {"check_exit", measure_check, 1},
    {"check_resize", measure_check, 2},
    {"check_reject", measure_check, 3},
    {"check_after_quote", measure_check_after_quote, 0},
    {"what_if", measure_what_if, 0},
    {"check_batch", measure_batch, 0},
    {"cancel", measure_answer, CANCEL},
    {"replace", measure_answer, REPLACE},
    {"on_ack", measure_answer, ACK},
    {"on_reject", measure_answer, REJECT},
    {"on_canceled", measure_answer, CANCELED},
    {"on_cancel_reject", measure_answer, CANCEL_REJECT},
    {"on_replaced", measure_answer, REPLACED},
    {"on_expire", measure_answer, EXPIRE},
    {"on_order_status", measure_answer, ORDER_STATUS},
    {"on_fill", measure_answer, FILL},
    {"on_bust", measure_fact, BUST},
    {"on_funding", measure_fact, FUNDING},
    {"on_quote", measure_fact, QUOTE},
    {"on_trade", measure_fact, TRADE},
    {"on_rate", measure_fact, RATE},
    {"on_clock", measure_fact, CLOCK},
    {"on_heartbeat", measure_fact, HEARTBEAT},
    {"on_latency", measure_fact, LATENCY},
    {"on_error", measure_fact, ERROR_},
    {"on_regime", measure_fact, REGIME},
    {"size", measure_question, SIZE},
    {"kelly", measure_kelly, 0},
    {"position_risk", measure_question, POSITION_RISK},
    {"portfolio_risk", measure_question, PORTFOLIO_RISK},
    {"position", measure_question, POSITION},
    {"on_sample", measure_update, SAMPLE},
    {"advance", measure_update, ADVANCE},
    {"portfolio", measure_update, PORTFOLIO},
    {"submit_check", measure_submit, JOURNALED_CHECK},
    {"submit_quote", measure_submit, JOURNALED_QUOTE},
    {"submit_clock", measure_submit, JOURNALED_CLOCK},
    {"apply_check", measure_apply, JOURNALED_CHECK},
    {"apply_quote", measure_apply, JOURNALED_QUOTE},
    {"apply_clock", measure_apply, JOURNALED_CLOCK},
    {"publish", measure_publish, 0},
    {"page_read", measure_page_read, 0},
};

static void set_mode(const char *name)
{
    mode = TIMED;
    condition = WARM;
    if (!strcmp(name, "cold"))
        condition = COLD;
    else if (!strcmp(name, "samples"))
        condition = BUSY_SAMPLING;
    else if (!strcmp(name, "count") || !strcmp(name, "trace"))
        mode = COUNTED;
    else if (!strcmp(name, "profile") || !strcmp(name, "places"))
        mode = SAMPLED;
    else if (strcmp(name, "warm"))
        die(name, 0);
}

static void write_results(FILE *file, const void *memory, size_t size)
{
    if (fwrite(memory, 1, size, file) != size)
        die("cannot write the results", errno);
}

/* Run one work and print its JSON. */
static void run(const char *work, int64_t rounds, int64_t count, FILE *file)
{
    char name[64];
    snprintf(name, sizeof name, "%s", work);
    char *wanted = strchr(name, ':');
    if (!wanted)
        die(work, 0);
    *wanted++ = 0;
    size_t n = 0;
    while (n < sizeof cases / sizeof *cases && strcmp(cases[n].name, wanted))
        n++;
    if (n == sizeof cases / sizeof *cases)
        die(work, 0);
    set_mode(name);
    int places = !strcmp(name, "places");
    int keep_addresses = places || !strcmp(name, "trace") || !strcmp(name, "profile");
    restore();
    address_count = 0;
    if (mode != COUNTED)
        cases[n].measure(count < WARM_UP ? count : WARM_UP, cases[n].what);
    printf("{\"mode\": \"%s\", \"case\": \"%s\", \"offset\": %ld, \"loops\": [", name, wanted, ftell(file));
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    address_count = slowest = 0;
    if (places)
        note_places(), rounds = 0;
    for (int64_t r = 0; r < rounds; r++) {
        uint32_t divisions = time_divisions(), mixture = time_mixture();
        printf("%s[%u, %u]", r ? ", " : "", divisions, mixture);
        if (mode == SAMPLED)
            start_timer(53);
        if (mode == TIMED) /* the loops and the last round's results have taken the cache */
            cases[n].measure(count < SETTLING ? count : SETTLING, cases[n].what);
        cases[n].measure(count, cases[n].what);
        if (mode == SAMPLED)
            start_timer(0);
        if (sampling)
            finish_sample();
        if (!keep_addresses)
            write_results(file, results, count * sizeof *results);
    }
    getrusage(RUSAGE_SELF, &after);
    if (keep_addresses)
        write_results(file, addresses, address_count * sizeof *addresses);
    printf("], \"rounds\": %lld, \"calls\": %lld, \"addresses\": %lld, \"preempted\": %ld, \"slowest\": %u}",
           (long long)rounds, (long long)count, (long long)(keep_addresses ? address_count : 0),
           after.ru_nivcsw - before.ru_nivcsw, slowest);
}

int main(int argc, char **argv)
{
    static const uint64_t functions[] = {ENTRIES};
    if (argc < 9)
        die("usage: driver DIRECTORY RESULTS CPU ROUNDS CALLS INSTRUMENTS NOW_NS WORK...", argc);
    int cpu = atoi(argv[3]);
    int64_t rounds = atoll(argv[4]), count = atoll(argv[5]);
    instruments = atoll(argv[6]);
    first_ns = atoll(argv[7]);
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    if (rounds < 1 || count < 1 || instruments < 1)
        die("rounds, calls or instruments out of range", rounds);
    FILE *file = fopen(argv[2], "wb");
    if (!file)
        die(argv[2], 0);
    load_account(argv[1]);
    results = blank((count > WARM_UP ? count : WARM_UP) * sizeof *results);
    addresses = blank(MAX_ADDRESSES * sizeof *addresses);
    entries = functions;
    entry_count = sizeof functions / sizeof *functions;
    watch_core();
    handle(SIGTRAP, on_step);
    handle(SIGALRM, on_timer);
    printf("{\"ns_per_cycle\": %.9f, \"works\": [", calibrate());
    for (int n = 8; n < argc; n++) {
        printf("%s\n", n > 8 ? "," : "");
        run(argv[n], rounds, count, file);
    }
    if (fclose(file))
        die("cannot write the results", errno);
    printf("]}\n");
    return 0;
}
