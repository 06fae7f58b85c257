/* How single calls are measured: timed, counted instruction by instruction, or sampled.
 *
 * TIMED reads the time stamp counter on both sides of a call, fenced; what that costs is measured in
 * the same way around an empty call. COUNTED executes the call with the processor's trap flag set: the
 * kernel stops it after each instruction, and the signal handler counts those between the entry of a
 * library function and its return, exactly and without any privilege. SAMPLED interrupts it by a timer
 * and notes where it is. The memory that takes the results is written before the first call.
 *
 * Before each call the cache is in one of three conditions: WARM as the last calls left it; COLD with
 * every line of the account, the journal's head and both pages flushed to memory; BUSY_SAMPLING with a
 * slice of a sample's covariance pass just done. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <x86intrin.h>

enum mode { TIMED, COUNTED, SAMPLED };
enum condition { WARM, COLD, BUSY_SAMPLING };

#define MAX_ADDRESSES (1 << 20)

static enum mode mode;
static enum condition condition;
static uint32_t *results;    /* of one round: cycles, or instructions */
static uint64_t *addresses;  /* of executed or interrupted instructions, as far as there is room */
static int64_t address_count;
static volatile int inside; /* a call that is sampled runs */

static void die(const char *what, int64_t value)
{
    fprintf(stderr, "driver: %s (%lld)\n", what, (long long)value);
    exit(1);
}

/* --- time ----------------------------------------------------------------------------------------- */

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

static double wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Length of a cycle of the counter, ns. */
static double calibrate(void)
{
    double before = wall_ns();
    uint64_t start = start_clock();
    while (wall_ns() - before < 5e7)
        ;
    return (wall_ns() - before) / (double)(stop_clock() - start);
}

/* --- loops of known work -------------------------------------------------------------------------- */

#define LOOP_RUNS 33

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* 64 divisions, each waiting for the one before: how fast the core is clocked. Median cycles. */
static uint32_t time_divisions(void)
{
    uint32_t times[LOOP_RUNS];
    for (int k = 0; k < LOOP_RUNS; k++) {
        double x = 1.0 + k;
        uint64_t start = start_clock();
        for (int j = 0; j < 64; j++) {
            x = 1.0 / x + 1.5;
            __asm__ volatile("" : "+x"(x));
        }
        times[k] = (uint32_t)(stop_clock() - start);
    }
    qsort(times, LOOP_RUNS, sizeof *times, compare);
    return times[LOOP_RUNS / 2];
}

static char lines[32768] __attribute__((aligned(4096))); /* as large as the first level of a cache */

/* 1,024 turns of what a check is made of, five instructions a cycle where nobody else wants them: what
 * a neighbour on the same physical core takes away. Twenty instructions to a turn; a product and a sum,
 * each waiting for the other, take four cycles. Written out, so that no compiler does it another way. */
static uint32_t time_mixture(void)
{
    uint32_t times[LOOP_RUNS];
    uint64_t a = 0, b = 0, c = 0, d = 0, x = 3;
    memset(lines, 1, sizeof lines); /* memory of its own; unwritten, all pages were one */
    for (int k = 0; k < LOOP_RUNS; k++) {
        __m128d one = _mm_set1_pd(1.0), p = one, q = one, r = one, s = one; /* no denormal numbers */
        uint64_t start = start_clock();
        for (size_t j = 0; j < 1024; j++)
            __asm__ volatile("imulq %[x], %[x]\n\t"
                             "addq $1, %[x]\n\t"
                             "addq $1, %[a]\n\t"
                             "movq 0(%[line]), %%rax\n\t"
                             "addpd %[one], %[p]\n\t"
                             "addq $1, %[b]\n\t"
                             "movq 8(%[line]), %%rcx\n\t"
                             "mulpd %[one], %[q]\n\t"
                             "addq $1, %[c]\n\t"
                             "addq $1, %[d]\n\t"
                             "addq $1, %[a]\n\t"
                             "movq 16(%[line]), %%rax\n\t"
                             "addpd %[one], %[r]\n\t"
                             "addq $1, %[b]\n\t"
                             "movq 24(%[line]), %%rcx\n\t"
                             "mulpd %[one], %[s]\n\t"
                             "addq $1, %[c]\n\t"
                             "addq $1, %[d]"
                             : [a] "+&r"(a), [b] "+&r"(b), [c] "+&r"(c), [d] "+&r"(d), [x] "+&r"(x), [p] "+&x"(p),
                               [q] "+&x"(q), [r] "+&x"(r), [s] "+&x"(s)
                             : [one] "x"(one), [line] "r"(lines + j * 64 % sizeof lines)
                             : "rax", "rcx", "cc");
        times[k] = (uint32_t)(stop_clock() - start);
    }
    qsort(times, LOOP_RUNS, sizeof *times, compare);
    return times[LOOP_RUNS / 2];
}

/* --- the cache ------------------------------------------------------------------------------------ */

#define MAX_REGIONS 8

static struct {
    const char *start;
    size_t size;
} regions[MAX_REGIONS];
static int region_count;

/* Let COLD flush this memory. */
static void watch(const void *start, size_t size)
{
    if (region_count == MAX_REGIONS)
        die("too many regions", region_count);
    regions[region_count].start = start;
    regions[region_count++].size = size;
}

static __attribute__((noinline)) void chill(void)
{
    for (int r = 0; r < region_count; r++)
        for (size_t line = 0; line < regions[r].size; line += 64)
            _mm_clflush(regions[r].start + line);
    _mm_mfence();
}

/* --- other processes ------------------------------------------------------------------------------ */

static uint32_t slowest; /* longest call of a work that kept the core, cycles */

#ifdef RSEQ_SIG
/* Linux clears a thread's `rseq_cs` (man 2 rseq) when it takes the core away while the thread is outside the
 * section that is named there. This section is empty: the pointer tells, for a store and a load. */
static const struct {
    uint64_t filler[3];
    uint32_t more, signature; /* the kernel wants it before the place of the abort */
} abort_place = {{0}, 0, RSEQ_SIG};
static struct rseq_cs no_section;
static uint64_t nowhere, *section = &nowhere; /* without rseq no call counts as preempted */

static void watch_core(void)
{
    char *thread;
    __asm__("movq %%fs:0, %0" : "=r"(thread));
    no_section.abort_ip = (uint64_t)(&abort_place + 1);
    if (__rseq_size)
        section = (uint64_t *)&((struct rseq *)(thread + __rseq_offset))->rseq_cs;
}

static inline void keep_core(void) { *(volatile uint64_t *)section = (uint64_t)&no_section; }

static inline int kept_core(void) { return *(volatile uint64_t *)section != 0; }
#else
static void watch_core(void) {}

static inline void keep_core(void) {}

static inline int kept_core(void) { return 1; }
#endif

/* --- instructions --------------------------------------------------------------------------------- */

static const uint64_t *entries; /* addresses of the library's functions */
static int entry_count;
static uint64_t return_address, return_stack;
static uint32_t instructions;

static int is_entry(uint64_t address)
{
    for (int k = 0; k < entry_count; k++)
        if (entries[k] == address)
            return 1;
    return 0;
}

static inline void note(uint64_t address)
{
    if (address_count < MAX_ADDRESSES)
        addresses[address_count++] = address;
}

/* Before each instruction while the trap flag is set. */
static void on_step(int number, siginfo_t *information, void *context)
{
    (void)number, (void)information;
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uint64_t address = registers[REG_RIP], stack = registers[REG_RSP];
    if (return_address && address == return_address && stack > return_stack)
        return_address = 0;
    if (!return_address) {
        if (!is_entry(address))
            return;
        return_address = *(const uint64_t *)stack;
        return_stack = stack;
    }
    instructions++;
    note(address);
}

static void on_timer(int number, siginfo_t *information, void *context)
{
    (void)number, (void)information;
    if (inside)
        note(((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]);
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    if (sigaction(number, &action, NULL))
        die("signal", number);
}

/* The code below may use no red zone: -mno-red-zone. */
#define SET_TRAP_FLAG() __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc")
#define CLEAR_TRAP_FLAG() __asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc")

static void start_timer(long interval_us)
{
    struct itimerval timer = {{0, interval_us}, {0, interval_us}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* --- one call ------------------------------------------------------------------------------------- */

/* Measure `call` as number k of the round. */
#define MEASURE(k, call)                                                                    \
    do {                                                                                    \
        if (mode == TIMED) {                                                                \
            if (condition == COLD)                                                          \
                chill();                                                                    \
            keep_core();                                                                    \
            uint64_t start_ = start_clock();                                                \
            call;                                                                           \
            uint64_t cycles_ = stop_clock() - start_;                                       \
            results[k] = cycles_ > UINT32_MAX ? UINT32_MAX : (uint32_t)cycles_;             \
            if (results[k] > slowest && kept_core())                                        \
                slowest = results[k];                                                       \
        } else if (mode == COUNTED) {                                                       \
            instructions = 0;                                                               \
            SET_TRAP_FLAG();                                                                \
            call;                                                                           \
            CLEAR_TRAP_FLAG();                                                              \
            results[k] = instructions;                                                      \
        } else {                                                                            \
            inside = 1;                                                                     \
            call;                                                                           \
            inside = 0;                                                                     \
            results[k] = 0;                                                                 \
        }                                                                                   \
    } while (0)
