// SPDX-License-Identifier: BSD-3-Clause
// Where does private memory come from that must be there before a worker touches it? Address space
// is reserved once; pages are made by the main thread, ahead of need. Called by numbers.c, index.c
// and quota.c at start, end and from session_tend. Next: index.c.

#include "dataplane/session/table.h"

#include <sys/mman.h>

#define PAGE_SIZE 4096

void *memory_reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    // Look-ups go all over it: fewer entries of the TLB. Without huge pages it works as well.
    (void)madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

void memory_release(void *memory, size_t size)
{
    if (memory != NULL)
        munmap(memory, size);
}

void memory_touch(void *memory, size_t from, size_t len)
{
    char *bytes = memory;

    // Others may write there already: an atomic that changes nothing.
    for (size_t at = from & ~(size_t)(PAGE_SIZE - 1); at < from + len; at += PAGE_SIZE)
        __atomic_fetch_or(&bytes[at], 0, __ATOMIC_RELAXED);
}
