// SPDX-License-Identifier: BSD-3-Clause
// What if sound-looking configuration arrives at the wrong moment or with the wrong number? Ring
// sizes, bases, addresses, features, memory and logs changed while packets flow; ring indices
// nobody has; live migration, in-flight and IOTLB messages that were never agreed on. Tier T2.
#include <errno.h>
#include <unistd.h>

#include "tests/system/hostile/behaviours.h"

// Frames before and after the message, so that the worker is in the rings when it arrives.
static void traffic(struct play *p)
{
    struct ring *r = &p->guest.ring[TX];
    unsigned int i;

    for (i = 0; i < 64; i++)
        play_sound_frame(p, r->avail_idx & (r->size - 1U));
    ring_publish(r);
}

static int ask_live(struct play *p, uint32_t request, const void *payload, size_t size, int fd)
{
    int err;

    traffic(p);
    err = frontend_request_fd(p->fe, request, payload, size, fd);
    if (play_refusable(p, err) == 0)
        traffic(p);
    return play_refusable(p, err);
}

// arg: the size; on the ring that b->ring names, or on a ring not yet set up.
static int vring_num(struct play *p)
{
    struct vu_vring_state s = {.index = p->b->ring, .num = (uint32_t)p->b->arg};

    return play_refusable(p, frontend_request(p->fe, VU_SET_VRING_NUM, &s, sizeof(s), NULL, 0));
}

static int vring_num_live(struct play *p)
{
    struct vu_vring_state s = {.index = p->b->ring, .num = (uint32_t)p->b->arg};

    return ask_live(p, VU_SET_VRING_NUM, &s, sizeof(s), -1);
}

// The ring lies at the very end of its region when its size is raised: entry 512 of the used ring
// is beyond the mapping. Then enough frames for the backend to get there.
static int vring_num_at_end(struct play *p)
{
    const uint64_t used_size = sizeof(struct vring_used) + 512 * sizeof(struct vring_used_elem);
    struct vu_vring_state s = {.index = TX, .num = 32768};
    struct ring *r = &p->guest.ring[TX];
    struct vring_used *saved = r->used;
    unsigned int i;
    int err = guest_stop_rings(&p->guest);

    r->used = (void *)(p->guest.base[1] + (GUEST_REGION_SIZE - used_size) / 4 * 4);
    if (err == 0)
        err = guest_start_rings(&p->guest);
    if (err == 0)
        err = frontend_request(p->fe, VU_SET_VRING_NUM, &s, sizeof(s), NULL, 0);
    for (i = 0; i < 32 && play_refusable(p, err) == 0; i++) {
        traffic(p);
        sleep_us(1000);
    }
    r->used = saved;
    return play_refusable(p, err);
}

static int vring_base_live(struct play *p)
{
    struct vu_vring_state s = {.index = (uint32_t)play_below(p, 2),
                               .num = (uint32_t)play_random(p)};

    return ask_live(p, VU_SET_VRING_BASE, &s, sizeof(s), -1);
}

// Every message that carries a ring index, with arg as that index.
static int vring_index(struct play *p)
{
    static const uint32_t requests[] = {VU_SET_VRING_NUM,  VU_SET_VRING_BASE,  VU_SET_VRING_ADDR,
                                        VU_GET_VRING_BASE, VU_SET_VRING_KICK,  VU_SET_VRING_CALL,
                                        VU_SET_VRING_ERR,  VU_SET_VRING_ENABLE};
    uint32_t request = requests[p->n_done % 8];
    uint32_t index = (uint32_t)p->b->arg + (p->b->arg < 256 ? 0 : (uint32_t)play_random(p));
    struct vu_vring_addr payload = {.index = index};
    // Of the right length, or that is what gets refused and the ring is never looked at.
    size_t size = request == VU_SET_VRING_ADDR ? sizeof(payload) : sizeof(uint64_t);

    return play_refusable(p, frontend_request(p->fe, request, &payload, size, NULL, 0));
}

static int vring_addr_live(struct play *p)
{
    static const uint64_t offs[] = {
        0, 1, 4096, GUEST_REGION_SIZE - 16, GUEST_REGION_SIZE, 2 * GUEST_REGION_SIZE};
    struct vu_vring_addr addr;
    uint64_t *part[3] = {&addr.desc, &addr.avail, &addr.used};

    guest_ring_addr(&p->guest, (unsigned int)play_below(p, 2), &addr);
    *part[play_below(p, 3)] = (uint64_t)(uintptr_t)p->guest.base[0] + offs[play_below(p, 6)];
    return ask_live(p, VU_SET_VRING_ADDR, &addr, sizeof(addr), -1);
}

static int features_flip(struct play *p)
{
    uint64_t features = p->guest.features ^ 1ULL << play_below(p, 64);

    return ask_live(p, VU_SET_FEATURES, &features, sizeof(features), -1);
}

static int enable_flip(struct play *p)
{
    struct vu_vring_state s = {.index = (uint32_t)play_below(p, 2), .num = p->n_done % 2 == 0};

    return ask_live(p, VU_SET_VRING_ENABLE, &s, sizeof(s), -1);
}

// The same table again, one without the region where the rings lie, or one with it elsewhere.
static int memory_swap(struct play *p)
{
    struct vu_memory mem;
    int fds[GUEST_N_REGIONS];
    unsigned int n = GUEST_N_REGIONS;
    int err;

    guest_memory_table(&p->guest, &mem, fds);
    if (p->n_done % 3 == 1) {
        mem.regions[0] = mem.regions[1];
        fds[0] = fds[1];
        n = 1;
    } else if (p->n_done % 3 == 2) {
        mem.regions[0].gpa = GUEST_HOLE + GUEST_REGION_SIZE;
    }
    mem.n_regions = n;
    traffic(p);
    err = frontend_request(p->fe, VU_SET_MEM_TABLE, &mem, GUEST_TABLE_SIZE(n), fds, n);
    if (play_refusable(p, err) == 0)
        traffic(p);
    return play_refusable(p, err);
}

// A dirty log of 4 KiB that claims to be more, switched on under traffic.
static int log_base(struct play *p)
{
    static const struct vu_log logs[] = {
        {4096, 0},       {1, 0},      {0, 0}, {UINT64_MAX, 4096}, {4096, UINT64_MAX - 4095},
        {1ULL << 40, 0}, {1 << 20, 0}};
    struct vu_log log = logs[p->n_done % 7];
    uint64_t features = p->guest.features | 1ULL << VU_F_LOG_ALL;
    struct vu_vring_addr addr;
    int fd = guest_memfd(4096, true);
    int err;

    if (fd < 0)
        return play_fail(p, fd, "no memory for the log");
    err = frontend_request_fd(p->fe, VU_SET_LOG_BASE, &log, sizeof(log), fd);
    close(fd);
    if (play_refusable(p, err) == 0)
        err = frontend_request(p->fe, VU_SET_FEATURES, &features, sizeof(features), NULL, 0);
    guest_ring_addr(&p->guest, RX, &addr);
    addr.flags = 1;
    addr.log = play_below(p, 2) == 0 ? GUEST_BASE : play_random(p);
    if (play_refusable(p, err) == 0)
        err = ask_live(p, VU_SET_VRING_ADDR, &addr, sizeof(addr), -1);
    return play_refusable(p, err);
}

// Buffers of up to 256 MiB are asked for; more would show no more, and hurt the machine. Then a
// buffer that is smaller than it claims, for random numbers of queues.
static int inflight(struct play *p)
{
    struct vu_inflight f = {.n_queues = 256, .queue_size = (uint16_t)play_random(p)};
    int fd;
    int err;

    if (p->n_done % 3 == 0)
        return play_refusable(
            p, frontend_ask(p->fe, VU_GET_INFLIGHT_FD, &f, sizeof(f), &f, sizeof(f)));
    f.mmap_size = p->n_done % 2 == 0 ? 4096 : play_random(p);
    f.mmap_offset = play_below(p, 3) * 4096;
    f.n_queues = (uint16_t)play_below(p, 300);
    fd = guest_memfd(4096, true);
    err = ask_live(p, VU_SET_INFLIGHT_FD, &f, sizeof(f), fd);
    if (fd >= 0)
        close(fd);
    return err;
}

static int iotlb(struct play *p)
{
    struct vu_iotlb t = {.iova = play_random(p),
                         .size = play_below(p, 2) == 0 ? UINT64_MAX : GUEST_REGION_SIZE,
                         .user_address = (uint64_t)(uintptr_t)p->guest.base[play_below(p, 2)],
                         .perm = 3,
                         .type = (uint8_t)play_below(p, 6)};

    return ask_live(p, VU_IOTLB_MSG, &t, sizeof(t), -1);
}

static int postcopy(struct play *p)
{
    uint64_t answer;
    uint32_t request = VU_POSTCOPY_ADVISE + (uint32_t)(p->n_done % 3);

    traffic(p);
    return play_refusable(p, frontend_ask(p->fe, request, NULL, 0, &answer, sizeof(answer)));
}

// Requests without payload or with eight random bytes: arg is the request.
static int plain(struct play *p)
{
    uint64_t payload = play_random(p);

    return ask_live(p, (uint32_t)p->b->arg, &payload, p->b->arg == VU_RESET_OWNER ? 0 : 8, -1);
}

static int hang_up(struct play *p)
{
    traffic(p);
    frontend_close(p->fe);
    return 0;
}

#define LIVE(run_, deed_, ring_, arg_) \
    .run = (run_), .deed = (deed_), .ring = (ring_), .arg = (arg_)

const struct behaviour behaviours_live[] = {
    {"vring-num-0", "a ring of no entries", LIVE(play_messages, vring_num, TX, 0)},
    {"vring-num-3", "a ring of three entries", LIVE(play_messages, vring_num, TX, 3)},
    {"vring-num-32769", "a ring of 32769 entries", LIVE(play_messages, vring_num, TX, 32769)},
    {"vring-num-live-0", "tx ring resized to 0 under traffic",
     LIVE(play_rings, vring_num_live, TX, 0)},
    {"vring-num-live-3", "tx ring resized to 3 under traffic",
     LIVE(play_rings, vring_num_live, TX, 3)},
    {"vring-num-live-32768", "tx ring resized to 32768 under traffic",
     LIVE(play_rings, vring_num_live, TX, 32768)},
    {"rx-vring-num-live-0", "rx ring resized to 0 under traffic",
     LIVE(play_rings, vring_num_live, RX, 0)},
    {"rx-vring-num-live-32768", "rx ring resized to 32768 under traffic",
     LIVE(play_rings, vring_num_live, RX, 32768)},
    {"vring-num-live-end", "tx ring resized at the end of its region",
     LIVE(play_rings, vring_num_at_end, TX, 0)},
    {"vring-base-live", "a random base under traffic", LIVE(play_rings, vring_base_live, TX, 0)},
    {"vring-index-255", "messages for ring 255", LIVE(play_messages, vring_index, TX, 255)},
    {"vring-index-high", "messages for rings from 256", LIVE(play_messages, vring_index, TX, 256)},
    {"vring-addr-live", "ring addresses moved under traffic",
     LIVE(play_rings, vring_addr_live, TX, 0)},
    {"features-flip", "a feature bit flipped under traffic", LIVE(play_live, features_flip, TX, 0)},
    {"enable-flip", "rings enabled and disabled under traffic",
     LIVE(play_live, enable_flip, TX, 0)},
    {"memory-swap", "memory tables changed under traffic",
     LIVE(play_reconnecting, memory_swap, TX, 0)},
    {"log-base", "dirty logs that are too short or wrap", LIVE(play_rings, log_base, TX, 0)},
    {"reset-owner", "RESET_OWNER under traffic",
     LIVE(play_reconnecting, plain, TX, VU_RESET_OWNER)},
    {"inflight", "in-flight tracking with random sizes", LIVE(play_live, inflight, TX, 0)},
    {"iotlb", "IOTLB messages without an IOMMU", LIVE(play_live, iotlb, TX, 0)},
    {"postcopy", "POSTCOPY messages under traffic", LIVE(play_reconnecting, postcopy, TX, 0)},
    {"rarp", "SEND_RARP with random addresses", LIVE(play_live, plain, TX, VU_SEND_RARP)},
    {"mtu", "NET_SET_MTU with random values", LIVE(play_live, plain, TX, VU_NET_SET_MTU)},
    {"status", "SET_STATUS with random values", LIVE(play_live, plain, TX, VU_SET_STATUS)},
    {"hang-up", "the connection dropped mid-burst", LIVE(play_reconnecting, hang_up, TX, 0)},
    {.name = NULL},
};
