// SPDX-License-Identifier: BSD-3-Clause
// What if the memory that the guest shares is not what its table says? Too many regions,
// overlapping ones, sizes of 0 and 2^64, files shorter than their region, files that shrink while
// the backend reads them (SIGBUS), files that may not be written. Tier T2.
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/system/hostile/behaviours.h"

#define THIRD_USER_ADDRESS (1ULL << 46)

enum {
    NINE,
    OVERLAP,
    SAME_FD,
    SIZE_0,
    SIZE_MAX_,
    OFFSET_MAX,
    OFFSET_WRAP,
    GPA_WRAP,
    NONE,
    COUNT_MAX
};

// A table that is wrong in one way, on a connection without rings.
static int bad_table(struct play *p)
{
    struct vu_memory mem;
    int fds[VU_MAX_REGIONS + 1];
    unsigned int n = GUEST_N_REGIONS;
    unsigned int i;

    guest_memory_table(&p->guest, &mem, fds);
    switch (p->b->arg) {
    case NINE:
    case SAME_FD:
        n = p->b->arg == NINE ? VU_MAX_REGIONS + 1 : VU_MAX_REGIONS;
        for (i = 0; i < n; i++) {
            mem.regions[i] = mem.regions[0];
            mem.regions[i].gpa += i * GUEST_REGION_SIZE;
            fds[i] = fds[0];
        }
        mem.n_regions = n;
        break;
    case OVERLAP:
        mem.regions[1].gpa = mem.regions[0].gpa + 4096 * play_below(p, 16);
        mem.regions[1].user_address = mem.regions[0].user_address + 4096 * play_below(p, 16);
        break;
    case SIZE_0:
        mem.regions[play_below(p, 2)].size = 0;
        break;
    case SIZE_MAX_:
        mem.regions[1].size = play_below(p, 2) == 0 ? UINT64_MAX : 1ULL << (40 + play_below(p, 23));
        break;
    case OFFSET_MAX:
        mem.regions[1].mmap_offset = 1ULL << (24 + play_below(p, 39));
        break;
    case OFFSET_WRAP:
        mem.regions[1].mmap_offset = UINT64_MAX - GUEST_REGION_SIZE + 1 + 4096 * play_below(p, 4);
        break;
    case GPA_WRAP:
        mem.regions[1].gpa = UINT64_MAX - 4095;
        mem.regions[1].user_address = UINT64_MAX - 4095;
        break;
    case NONE:
        mem.n_regions = n = 0;
        break;
    default: // COUNT_MAX: the count lies, the descriptors do not
        mem.n_regions = (uint32_t)play_random(p) | 16;
        break;
    }
    return play_refusable(
        p, frontend_request(p->fe, VU_SET_MEM_TABLE, &mem, GUEST_TABLE_SIZE(n), fds, n));
}

// Adds fd as a third region to a running device. (The same table with another file behind it would
// not do: a backend may take it for unchanged.)
static int add_region(struct play *p, int fd)
{
    struct vu_memory mem;
    int fds[GUEST_N_REGIONS + 1];

    if (fd < 0)
        return play_fail(p, fd, "no memory to hand over");
    guest_memory_table(&p->guest, &mem, fds);
    mem.regions[mem.n_regions++] = (struct vu_region){
        .gpa = GUEST_HOLE, .size = GUEST_REGION_SIZE, .user_address = THIRD_USER_ADDRESS};
    fds[GUEST_N_REGIONS] = fd;
    return frontend_request(p->fe, VU_SET_MEM_TABLE, &mem, GUEST_TABLE_SIZE(GUEST_N_REGIONS + 1),
                            fds, GUEST_N_REGIONS + 1);
}

// Frames and rx buffers that lie in the third region at the given offset.
static void use_region(struct play *p, uint64_t off)
{
    struct ring *tx = &p->guest.ring[TX];
    struct ring *rx = &p->guest.ring[RX];
    unsigned int j;

    for (j = 0; j < 16; j++) {
        ring_describe(tx, j, GUEST_HOLE + off, GUEST_NET_HDR + 60, 0, 0);
        ring_offer(tx, j);
        ring_describe(rx, 300 + j, GUEST_HOLE + off, 2048, VRING_DESC_F_WRITE, 0);
        ring_offer(rx, 300 + j);
    }
    ring_publish(rx);
    ring_publish(tx);
    sleep_us(20000);
}

// The file ends long before the region does.
static int short_file(struct play *p)
{
    int fd = guest_memfd(4096, true);
    int err = add_region(p, fd);

    if (err == 0)
        use_region(p, 1UL << 20);
    if (fd >= 0)
        close(fd);
    return play_refusable(p, err);
}

// An unsealed file that is cut to nothing once the backend has mapped it and polls.
static int truncated_file(struct play *p)
{
    int fd = guest_memfd(GUEST_REGION_SIZE, false);
    int err = add_region(p, fd);

    if (err == 0) {
        use_region(p, 0);
        if (ftruncate(fd, 0) < 0)
            err = play_fail(p, -errno, "the memory would not shrink");
        use_region(p, 0);
    }
    if (fd >= 0)
        close(fd);
    return play_refusable(p, err);
}

// The same for the rings themselves: the descriptor table, polled without pause, lies in the cut
// file.
static int truncated_ring(struct play *p)
{
    struct ring *tx = &p->guest.ring[TX];
    int fd = guest_memfd(GUEST_REGION_SIZE, false);
    int err = guest_stop_rings(&p->guest);
    struct vu_vring_addr addr;
    struct vu_vring_state on = {.index = TX, .num = 1};

    if (err == 0)
        err = add_region(p, fd);
    if (err == 0)
        err = guest_start_rings(&p->guest);
    if (err == 0) {
        guest_ring_addr(&p->guest, TX, &addr);
        addr.avail = THIRD_USER_ADDRESS;
        tx->avail_idx = 0;
        err = frontend_request(p->fe, VU_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
    }
    if (err == 0)
        err = frontend_request(p->fe, VU_SET_VRING_ENABLE, &on, sizeof(on), NULL, 0);
    sleep_us(50000);
    if (fd >= 0 && ftruncate(fd, 0) < 0)
        err = play_fail(p, -errno, "the memory would not shrink");
    sleep_us(50000);
    if (fd >= 0)
        close(fd);
    return play_refusable(p, err);
}

// A file that may only be read: sealed against writing (arg 0) or opened for reading (arg 1).
static int read_only(struct play *p)
{
    int fd = p->b->arg == 0 ? guest_memfd(GUEST_REGION_SIZE, false)
                            : open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int err;

    if (fd >= 0 && p->b->arg == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE) < 0)
        return play_fail(p, -errno, "the memory could not be sealed");
    err = add_region(p, fd);
    if (err == 0)
        use_region(p, 0);
    if (fd >= 0)
        close(fd);
    return play_refusable(p, err);
}

#define TABLE(arg_) .run = play_messages, .deed = bad_table, .arg = (arg_)
#define RUNNING(deed_, arg_) .run = play_reconnecting, .deed = (deed_), .arg = (arg_)

const struct behaviour behaviours_memory[] = {
    {"regions-nine", "one region more than allowed", TABLE(NINE)},
    {"regions-same-fd", "one file as eight regions", TABLE(SAME_FD)},
    {"regions-overlap", "overlapping regions", TABLE(OVERLAP)},
    {"regions-none", "a table without regions", TABLE(NONE)},
    {"regions-count", "a region count that lies", TABLE(COUNT_MAX)},
    {"region-size-0", "a region of no bytes", TABLE(SIZE_0)},
    {"region-size-max", "a region of up to 2^64-1 bytes", TABLE(SIZE_MAX_)},
    {"region-offset-max", "an offset far behind the file's end", TABLE(OFFSET_MAX)},
    {"region-offset-wrap", "offset and size that wrap 64 bits", TABLE(OFFSET_WRAP)},
    {"region-gpa-wrap", "addresses that wrap 64 bits", TABLE(GPA_WRAP)},
    {"memory-short", "a file shorter than its region, then used", RUNNING(short_file, 0)},
    {"memory-truncate", "a file cut to nothing under traffic", RUNNING(truncated_file, 0)},
    {"memory-truncate-ring", "the polled ring's file cut to nothing", RUNNING(truncated_ring, 0)},
    {"memory-sealed", "a file sealed against writing", RUNNING(read_only, 0)},
    {"memory-read-only", "a file opened for reading", RUNNING(read_only, 1)},
    {.name = NULL},
};
