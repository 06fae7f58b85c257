/* Times every hot call of the native library, one call at a time, and prints percentiles as JSON.
 *
 *   driver DIRECTORY CPU ROUNDS SAMPLES CASE...
 *
 * DIRECTORY holds state.bin (the account), one file of order records per kind, and quotes.bin. The
 * time stamp counter is read on both sides of each call, fenced; its own cost is measured in the same
 * way around an empty call and printed beside. Nothing is allocated between the first and the last
 * sample. A round is SAMPLES calls; figures are medians over rounds, so that a round in which another
 * process had the core does not decide.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <x86intrin.h>

#include "layout.h" /* sizes and offsets, written by bench/native.py from riskcore.layout */

#define BUSY 18
#define MAX_ROUNDS 64

int64_t rc_state_size(void);
int64_t rc_state_attach(const void *state);
int64_t rc_on_quote(void *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t);
int64_t rc_on_trade(void *, int64_t, int64_t, int64_t, int64_t);
int64_t rc_on_sample(void *, int64_t);
int64_t rc_advance(void *, int64_t);
int64_t rc_check(void *, const void *, void *);
int64_t rc_what_if(const void *, const void *, void *);
int64_t rc_cancel(void *, int64_t, int64_t);
int64_t rc_on_ack(void *, int64_t, int64_t, int64_t);
int64_t rc_on_canceled(void *, int64_t, int64_t);
int64_t rc_on_fill(void *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, double, int64_t,
                   int64_t);
int64_t rc_size(const void *, const void *, void *);
int64_t rc_position_risk(const void *, int64_t, void *);
int64_t rc_portfolio_risk(const void *, void *);

static char *state, *decision, *risk, *signal_record, *sizing;
static char *order_list[4];
static const char *order_names[4] = {"approve", "exit", "resize", "reject"};
static int64_t order_count, *books, book_rows, instruments, now_ns, client_id, execution_id;
static uint32_t *samples;
static double ns_per_cycle, timer_ns;
static int first_case = 1;

static inline int64_t *field(char *record, size_t offset) { return (int64_t *)(record + offset); }

static inline uint64_t start_clock(void)
{
    _mm_lfence();
    uint64_t cycles = __rdtsc();
    _mm_lfence();
    return cycles;
}

static inline uint64_t stop_clock(void)
{
    unsigned processor;
    uint64_t cycles = __rdtscp(&processor);
    _mm_lfence();
    return cycles;
}

static __attribute__((noinline)) void empty_call(void) { __asm__ volatile(""); }

static double wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static void die(const char *what, int64_t value)
{
    fprintf(stderr, "driver: %s (%lld)\n", what, (long long)value);
    exit(1);
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
    void *memory = aligned_alloc(4096, (*size + 4095) / 4096 * 4096);
    if (fread(memory, 1, *size, file) != *size)
        die("short read", 0);
    fclose(file);
    return memory;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, int count)
{
    double copy[MAX_ROUNDS];
    memcpy(copy, values, count * sizeof *copy);
    qsort(copy, count, sizeof *copy, compare_doubles);
    return copy[count / 2];
}

static void calibrate(void)
{
    double t0 = wall_ns();
    uint64_t c0 = start_clock();
    while (wall_ns() - t0 < 5e7)
        ;
    double t1 = wall_ns();
    ns_per_cycle = (t1 - t0) / (double)(stop_clock() - c0);
    for (int k = 0; k < 20000; k++) {
        uint64_t a = start_clock();
        empty_call();
        samples[k] = (uint32_t)(stop_clock() - a);
    }
    qsort(samples, 20000, sizeof *samples, compare);
    timer_ns = samples[10000] * ns_per_cycle;
}

static inline void keep(int64_t k, uint64_t cycles) { samples[k] = cycles > UINT32_MAX ? UINT32_MAX : (uint32_t)cycles; }

/* --- cases: prepare, time, undo ------------------------------------------------------------------- */

static inline char *next_order(int kind, int64_t k)
{
    char *order = order_list[kind] + (k % order_count) * ORDER_SIZE;
    now_ns += 1000;
    *field(order, ORDER_TIME_NS) = now_ns;
    *field(order, ORDER_CLIENT_ID) = ++client_id;
    return order;
}

static inline void requote(int64_t k)
{
    int64_t i = (k * 29) % instruments;
    int64_t *book = books + ((k / instruments % book_rows) * instruments + i) * 4;
    now_ns += 1000;
    if (rc_on_quote(state, now_ns, i, book[0], book[1], book[2], book[3]) != 1)
        die("quote", i);
}

static inline void undo(void)
{
    int64_t handle = *field(decision, DECISION_HANDLE);
    if (handle) {
        rc_on_ack(state, now_ns, handle, handle);
        rc_on_canceled(state, now_ns, handle);
    }
}

static const int64_t expected_action[4] = {2, 2, 1, 0};

static void time_check(int kind, int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        char *order = next_order(kind, k);
        uint64_t a = start_clock();
        int64_t action = rc_check(state, order, decision);
        keep(k, stop_clock() - a);
        if (action != expected_action[kind])
            die(order_names[kind], action);
        undo();
    }
}

static void time_what_if(int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        char *order = next_order(0, k);
        uint64_t a = start_clock();
        int64_t action = rc_what_if(state, order, decision);
        keep(k, stop_clock() - a);
        if (action != 2)
            die("what_if", action);
    }
}

/* Orders beside quotes: one book of any instrument moves before each order. */
static void time_check_quotes(int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        requote(k);
        char *order = next_order(0, k);
        uint64_t a = start_clock();
        int64_t action = rc_check(state, order, decision);
        keep(k, stop_clock() - a);
        if (action != 2)
            die("check beside quotes", action);
        undo();
    }
}

/* Orders while samples run: a slice of the covariance pass comes before each order. */
static void time_check_samples(int64_t count)
{
    int64_t busy = 0;
    for (int64_t k = 0; k < count; k++) {
        if (!busy) {
            now_ns += 1000;
            rc_on_sample(state, now_ns);
        }
        busy = rc_advance(state, SLICE_ROWS) == BUSY;
        char *order = next_order(0, k);
        uint64_t a = start_clock();
        int64_t action = rc_check(state, order, decision);
        keep(k, stop_clock() - a);
        if (action != 2)
            die("check while samples run", action);
        undo();
    }
    while (rc_advance(state, SLICE_ROWS) == BUSY)
        ;
}

static void time_cancel(int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        rc_check(state, next_order(0, k), decision);
        int64_t handle = *field(decision, DECISION_HANDLE);
        rc_on_ack(state, now_ns, handle, handle);
        uint64_t a = start_clock();
        rc_cancel(state, now_ns, handle);
        keep(k, stop_clock() - a);
        rc_on_canceled(state, now_ns, handle);
    }
}

static void time_ack(int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        rc_check(state, next_order(0, k), decision);
        int64_t handle = *field(decision, DECISION_HANDLE);
        uint64_t a = start_clock();
        rc_on_ack(state, now_ns, handle, handle);
        keep(k, stop_clock() - a);
        rc_on_canceled(state, now_ns, handle);
    }
}

/* A fill of one lot of a fresh order, then one the other way without an order. */
static void time_fill(int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        char *order = next_order(0, k);
        rc_check(state, order, decision);
        int64_t handle = *field(decision, DECISION_HANDLE);
        int64_t i = *field(order, ORDER_INSTRUMENT), s = *field(order, ORDER_STRATEGY);
        int64_t side = *field(order, ORDER_SIDE), price = *field(order, ORDER_PRICE_TICKS);
        rc_on_ack(state, now_ns, handle, handle);
        now_ns += 1000;
        uint64_t a = start_clock();
        int64_t status = rc_on_fill(state, now_ns, handle, i, s, side, 1, price, 0.01, 0, ++execution_id);
        keep(k, stop_clock() - a);
        if (status != 1)
            die("fill", status);
        rc_on_canceled(state, now_ns, handle);
        char *back = next_order(1, k);
        if (rc_check(state, back, decision) == 2) {
            handle = *field(decision, DECISION_HANDLE);
            rc_on_fill(state, now_ns, handle, *field(back, ORDER_INSTRUMENT), *field(back, ORDER_STRATEGY),
                       *field(back, ORDER_SIDE), 1, *field(back, ORDER_PRICE_TICKS), 0.01, 0, ++execution_id);
            rc_on_canceled(state, now_ns, handle);
        }
    }
}

static void time_quote(int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        int64_t i = (k * 29) % instruments;
        int64_t *book = books + ((k / instruments % book_rows) * instruments + i) * 4;
        now_ns += 1000;
        uint64_t a = start_clock();
        rc_on_quote(state, now_ns, i, book[0], book[1], book[2], book[3]);
        keep(k, stop_clock() - a);
    }
}

static void time_size(int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        *field(signal_record, SIGNAL_INSTRUMENT) = (k * 29) % instruments;
        uint64_t a = start_clock();
        rc_size(state, signal_record, sizing);
        keep(k, stop_clock() - a);
    }
}

/* One position's whole risk: quote in; mark, volatility, VaR and ES, stop and size out. */
static void time_position(int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        int64_t i = (k * 29) % instruments;
        int64_t *book = books + ((k / instruments % book_rows) * instruments + i) * 4;
        *field(signal_record, SIGNAL_INSTRUMENT) = i;
        now_ns += 1000;
        uint64_t a = start_clock();
        rc_on_quote(state, now_ns, i, book[0], book[1], book[2], book[3]);
        rc_position_risk(state, i, risk);
        rc_size(state, signal_record, sizing);
        keep(k, stop_clock() - a);
    }
}

/* One sample of everything after each book has moved: what a portfolio update costs, in total (0), its
 * first part (1) or the dearest slice of its second (2). */
static void time_update(int64_t count, int what)
{
    for (int64_t k = 0; k < count; k++) {
        for (int64_t q = 0; q < instruments; q++)
            requote(k * instruments + q);
        now_ns += 1000;
        uint64_t a = start_clock(), dearest = 0;
        rc_on_sample(state, now_ns);
        uint64_t sampled = stop_clock();
        if (what == 1) {
            keep(k, sampled - a);
            while (rc_advance(state, SLICE_ROWS) == BUSY)
                ;
            continue;
        }
        int64_t busy = BUSY;
        while (busy == BUSY) {
            uint64_t b = what == 2 ? start_clock() : 0;
            busy = rc_advance(state, what == 2 ? SLICE_ROWS : instruments);
            uint64_t cycles = what == 2 ? stop_clock() - b : 0;
            if (cycles > dearest)
                dearest = cycles;
        }
        if (what == 2) {
            keep(k, dearest);
            continue;
        }
        if (what == 0)
            rc_portfolio_risk(state, risk);
        keep(k, stop_clock() - a);
    }
}

static void time_portfolio_risk(int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        requote(k);
        uint64_t a = start_clock();
        rc_portfolio_risk(state, risk);
        keep(k, stop_clock() - a);
    }
}

/* A loop of known work, to compare runs on machines of different speed: 64 dependent divisions. */
static void time_reference(int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        double x = 1.0 + k;
        uint64_t a = start_clock();
        for (int j = 0; j < 64; j++) {
            x = 1.0 / x + 1.5;
            __asm__ volatile("" : "+x"(x));
        }
        keep(k, stop_clock() - a);
    }
}

/* The same for a loop that keeps every port of the core busy: it shows what a neighbour on the same
 * physical core takes away. */
static void time_reference_wide(int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        uint64_t x[8] = {k, 1, 2, 3, 4, 5, 6, 7};
        uint64_t a = start_clock();
        for (int j = 0; j < 256; j++) {
            for (int lane = 0; lane < 8; lane++)
                x[lane] += (uint64_t)j;
            __asm__ volatile(""
                             : "+r"(x[0]), "+r"(x[1]), "+r"(x[2]), "+r"(x[3]), "+r"(x[4]), "+r"(x[5]), "+r"(x[6]),
                               "+r"(x[7]));
        }
        keep(k, stop_clock() - a);
    }
}

static int run_case(const char *name, int64_t count)
{
    for (int kind = 0; kind < 4; kind++) {
        char full[32];
        snprintf(full, sizeof full, "check_%s", order_names[kind]);
        if (!strcmp(name, full))
            return time_check(kind, count), 1;
    }
    if (!strcmp(name, "check_beside_quotes"))
        return time_check_quotes(count), 1;
    if (!strcmp(name, "check_while_samples_run"))
        return time_check_samples(count), 1;
    if (!strcmp(name, "what_if"))
        return time_what_if(count), 1;
    if (!strcmp(name, "cancel"))
        return time_cancel(count), 1;
    if (!strcmp(name, "ack"))
        return time_ack(count), 1;
    if (!strcmp(name, "fill"))
        return time_fill(count), 1;
    if (!strcmp(name, "quote"))
        return time_quote(count), 1;
    if (!strcmp(name, "size"))
        return time_size(count), 1;
    if (!strcmp(name, "position_risk"))
        return time_position(count), 1;
    if (!strcmp(name, "portfolio_update"))
        return time_update(count, 0), 1;
    if (!strcmp(name, "sample"))
        return time_update(count, 1), 1;
    if (!strcmp(name, "dearest_slice"))
        return time_update(count, 2), 1;
    if (!strcmp(name, "portfolio_risk"))
        return time_portfolio_risk(count), 1;
    if (!strcmp(name, "reference"))
        return time_reference(count), 1;
    if (!strcmp(name, "reference_wide"))
        return time_reference_wide(count), 1;
    return 0;
}

static void report(const char *name, int rounds, int64_t count)
{
    static const double shares[6] = {0.0, 0.5, 0.9, 0.99, 0.999, 1.0};
    static const char *labels[7] = {"min", "p50", "p90", "p99", "p999", "max", "mean"}; /* mean of the lower 99 % */
    double values[7][MAX_ROUNDS];
    struct rusage before, after;
    if (!run_case(name, count / 4 + 1)) /* warm-up */
        die(name, -1);
    getrusage(RUSAGE_SELF, &before);
    for (int r = 0; r < rounds; r++) {
        run_case(name, count);
        qsort(samples, count, sizeof *samples, compare);
        for (int p = 0; p < 6; p++) {
            int64_t at = (int64_t)(shares[p] * count);
            values[p][r] = samples[at < count ? at : count - 1] * ns_per_cycle;
        }
        double sum = 0.0;
        int64_t kept = count * 99 / 100;
        for (int64_t k = 0; k < kept; k++)
            sum += samples[k];
        values[6][r] = sum / kept * ns_per_cycle;
    }
    getrusage(RUSAGE_SELF, &after);
    printf("%s\n  \"%s\": {\"rounds\": %d, \"samples\": %lld, \"preempted\": %ld", first_case ? "" : ",", name,
           rounds, (long long)count, after.ru_nivcsw - before.ru_nivcsw);
    for (int p = 0; p < 7; p++) {
        double best = values[p][0], worst = values[p][0];
        for (int r = 1; r < rounds; r++) {
            best = values[p][r] < best ? values[p][r] : best;
            worst = values[p][r] > worst ? values[p][r] : worst;
        }
        printf(", \"%s\": %.1f, \"%s_best\": %.1f, \"%s_worst\": %.1f", labels[p], median(values[p], rounds),
               labels[p], best, labels[p], worst);
    }
    printf("}");
    first_case = 0;
}

int main(int argc, char **argv)
{
    if (argc < 6)
        die("usage: driver DIRECTORY CPU ROUNDS SAMPLES CASE...", argc);
    int cpu = atoi(argv[2]), rounds = atoi(argv[3]);
    int64_t count = atoll(argv[4]);
    size_t size;
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    if (rounds < 1 || rounds > MAX_ROUNDS || count < 10)
        die("rounds or samples out of range", rounds);
    state = load(argv[1], "state.bin", &size);
    if ((int64_t)size != rc_state_size() || rc_state_attach(state) != 1)
        die("state.bin is of another build", size);
    books = load(argv[1], "quotes.bin", &size);
    instruments = *field(state, STATE_INSTRUMENT_COUNT);
    book_rows = size / (32 * instruments);
    now_ns = *field(state, STATE_LAST_TIME_NS);
    client_id = 1LL << 40;
    execution_id = 1LL << 40;
    for (int kind = 0; kind < 4; kind++) {
        char name[64];
        snprintf(name, sizeof name, "orders-%s.bin", order_names[kind]);
        order_list[kind] = load(argv[1], name, &size);
        order_count = size / ORDER_SIZE;
    }
    signal_record = load(argv[1], "signal.bin", &size);
    decision = aligned_alloc(4096, 4096);
    risk = aligned_alloc(4096, 4096);
    sizing = aligned_alloc(4096, 4096);
    samples = aligned_alloc(4096, ((count > 20000 ? count : 20000) * sizeof *samples + 8191) / 4096 * 4096);
    memset(samples, 0, count * sizeof *samples);
    calibrate();
    printf("{\"timer_ns\": %.1f, \"ns_per_cycle\": %.5f, \"instruments\": %lld, \"open_orders\": %lld, \"cases\": {",
           timer_ns, ns_per_cycle, (long long)instruments, (long long)*field(state, STATE_OPEN_ORDERS));
    for (int n = 5; n < argc; n++)
        report(argv[n], rounds, count);
    printf("\n}}\n");
    return 0;
}
