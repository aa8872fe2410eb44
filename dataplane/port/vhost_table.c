// SPDX-License-Identifier: BSD-3-Clause
// Is a memory table what it says? The library maps what it is given; here sizes, sums, overlaps and
// the files are checked first. Events, called by vhost_fence.c with the library's ring locks held:
// a file that could make us wait (FUSE, a network) must not even be asked for its size.
// What may still happen to the files afterwards: vhost_memory.c.

#include "dataplane/port/vhost_table.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <rte_common.h>

#define MAX_TOTAL_SIZE (1ULL << 40) // addresses of ours that one guest may take

static int overlaps(uint64_t a, uint64_t b, uint64_t a_size, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static const char *check_region(const struct vhost_message_region *region)
{
    if (region->size == 0)
        return "a memory region of no bytes";
    if (region->guest_address + region->size < region->guest_address ||
        region->user_address + region->size < region->user_address ||
        region->offset + region->size < region->offset)
        return "a memory region that wraps";
    return NULL;
}

static const char *check_file(const struct vhost_message_region *region, int fd)
{
    uint64_t end = region->offset + region->size;
    uint64_t map_size;
    struct stat stat;
    void *map;
    int seals;

    // Answered by tmpfs, memfd and hugetlbfs alone, without asking anyone else.
    seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0)
        return "guest memory that is neither shared memory (memfd, tmpfs) nor huge pages";
    if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode))
        return "guest memory that is no file";
    // Those who made the file may forbid it: then vhost_memory.c has to do.
    if (!(seals & (F_SEAL_SEAL | F_SEAL_SHRINK)))
        (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
    if (stat.st_size < 0 || (uint64_t)stat.st_size < end)
        return "a memory region that ends beyond its file";
    // Once let through, a failure would leave the library's rings in memory that is gone.
    map_size = RTE_ALIGN_MUL_CEIL(end, (uint64_t)stat.st_blksize); // the page, if a huge one
    map = mmap(NULL, map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return "guest memory that can't be mapped for writing";
    munmap(map, map_size);
    return NULL;
}

const char *vhost_table_check(const struct vhost_message *msg)
{
    const struct vhost_message_region *region = msg->payload.memory.region;
    uint32_t n = msg->payload.memory.n_regions;
    uint64_t total = 0;
    const char *fault;

    if (n == 0 || n > VHOST_MESSAGE_MAX_REGIONS)
        return "no memory regions, or more than eight";
    if (msg->size < 8 + n * sizeof(*region) || msg->n_fds != (int)n)
        return "a memory table with other regions than it says";
    for (uint32_t i = 0; i < n; i++) {
        fault = check_region(&region[i]);
        if (fault != NULL)
            return fault;
        if (region[i].offset + region[i].size > MAX_TOTAL_SIZE - total)
            return "memory regions of more than 1 TiB";
        total += region[i].offset + region[i].size;
        for (uint32_t j = 0; j < i; j++)
            if (overlaps(region[i].guest_address, region[j].guest_address, region[i].size,
                         region[j].size) ||
                overlaps(region[i].user_address, region[j].user_address, region[i].size,
                         region[j].size))
                return "memory regions that overlap";
    }
    for (uint32_t i = 0; i < n; i++) {
        fault = check_file(&region[i], msg->fds[i]);
        if (fault != NULL)
            return fault;
    }
    return NULL;
}
