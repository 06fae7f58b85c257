/* Counts the allocations of one thread: preload it (LD_PRELOAD=./liballocations.so ./engine ...).
 *
 * Stands in front of the C library's functions, which C++'s operator new uses too, and hands over
 * to the C library's own names for them.
 */
#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static __thread long calls __attribute__((tls_model("initial-exec")));
static __thread int counting __attribute__((tls_model("initial-exec")));

void allocation_count_start(void)
{
    calls = 0;
    counting = 1;
}

long allocation_count_stop(void)
{
    counting = 0;
    return calls;
}

void *malloc(size_t size)
{
    calls += counting;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    calls += counting;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    calls += counting;
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size)
{
    calls += counting;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    void *found = memalign(alignment, size);
    if (found == NULL) return ENOMEM;
    *memory = found;
    return 0;
}

void free(void *memory)
{
    calls += counting;
    __libc_free(memory);
}
