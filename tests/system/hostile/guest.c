// SPDX-License-Identifier: BSD-3-Clause
// What does a sound guest look like? Its memory, its two rings and the handshake that hands them to
// the backend, in the order QEMU uses. The twin uses nothing else; a hostile behaviour starts from
// here, so that the one thing it spoils is the only thing that is wrong. Next file: frontend.c (the
// socket), behaviours_*.c (what gets spoilt).
#include "tests/system/hostile/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

// Where each ring's three parts lie in region 0.
#define RING_OFF(i) ((uint64_t)(i)*0x20000UL)
#define AVAIL_OFF 0x8000UL
#define USED_OFF 0x10000UL

int guest_memfd(uint64_t size, bool is_sealed)
{
    int fd = memfd_create("guest-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int err;

    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) < 0 ||
        (is_sealed && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)) {
        err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

static int region_init(struct guest *g, unsigned int i)
{
    void *base;

    g->mem_fd[i] = guest_memfd(GUEST_REGION_SIZE, true);
    if (g->mem_fd[i] < 0)
        return g->mem_fd[i];
    base = mmap(NULL, GUEST_REGION_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, g->mem_fd[i], 0);
    if (base == MAP_FAILED)
        return -errno;
    g->base[i] = base;
    return 0;
}

static int ring_init(struct guest *g, unsigned int i, uint16_t size)
{
    struct ring *r = &g->ring[i];

    r->size = size;
    r->desc = guest_at(g, RING_OFF(i));
    r->avail = guest_at(g, RING_OFF(i) + AVAIL_OFF);
    r->used = guest_at(g, RING_OFF(i) + USED_OFF);
    r->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return r->kick_fd < 0 || r->call_fd < 0 ? -EMFILE : 0;
}

int guest_init(struct guest *g, struct frontend *fe, uint16_t ring_size, uint64_t features)
{
    unsigned int i;
    int err = 0;

    *g = (struct guest){.fe = fe, .features = features, .mem_fd = {-1, -1}};
    for (i = 0; i < GUEST_N_RINGS; i++)
        g->ring[i].kick_fd = g->ring[i].call_fd = -1;
    for (i = 0; err == 0 && i < GUEST_N_REGIONS; i++)
        err = region_init(g, i);
    for (i = 0; err == 0 && i < GUEST_N_RINGS; i++)
        err = ring_init(g, i, ring_size);
    if (err < 0)
        guest_fini(g);
    return err;
}

static void close_if_open(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void guest_fini(struct guest *g)
{
    unsigned int i;

    for (i = 0; i < GUEST_N_RINGS; i++) {
        close_if_open(&g->ring[i].kick_fd);
        close_if_open(&g->ring[i].call_fd);
    }
    for (i = 0; i < GUEST_N_REGIONS; i++) {
        if (g->base[i] != NULL)
            munmap(g->base[i], GUEST_REGION_SIZE);
        g->base[i] = NULL;
        close_if_open(&g->mem_fd[i]);
    }
}

int guest_negotiate(struct guest *g)
{
    struct frontend *fe = g->fe;
    uint64_t protocol = 0;
    int err;

    fe->has_reply_ack = false;
    err = frontend_ask(fe, VU_GET_FEATURES, NULL, 0, &fe->offered, sizeof(fe->offered));
    if (err < 0)
        return err;
    if ((fe->offered & 1ULL << VU_F_PROTOCOL_FEATURES) != 0) {
        err = frontend_ask(fe, VU_GET_PROTOCOL_FEATURES, NULL, 0, &protocol, sizeof(protocol));
        if (err < 0)
            return err;
        protocol &= 1ULL << VU_PROTOCOL_F_REPLY_ACK;
        err = frontend_send(fe, VU_SET_PROTOCOL_FEATURES, &protocol, sizeof(protocol), NULL, 0);
        if (err < 0)
            return err;
        fe->has_reply_ack = protocol != 0;
    }
    err = frontend_request(fe, VU_SET_OWNER, NULL, 0, NULL, 0);
    if (err < 0)
        return err;
    g->features &= fe->offered;
    return frontend_request(fe, VU_SET_FEATURES, &g->features, sizeof(g->features), NULL, 0);
}

void guest_memory_table(const struct guest *g, struct vu_memory *mem, int fds[GUEST_N_REGIONS])
{
    unsigned int i;

    memset(mem, 0, sizeof(*mem));
    mem->n_regions = GUEST_N_REGIONS;
    for (i = 0; i < GUEST_N_REGIONS; i++) {
        mem->regions[i] = (struct vu_region){
            .gpa = GUEST_BASE + i * GUEST_REGION_SIZE,
            .size = GUEST_REGION_SIZE,
            .user_address = (uint64_t)(uintptr_t)g->base[i],
        };
        fds[i] = g->mem_fd[i];
    }
}

int guest_share_memory(struct guest *g)
{
    struct vu_memory mem;
    int fds[GUEST_N_REGIONS];

    guest_memory_table(g, &mem, fds);
    return frontend_request(g->fe, VU_SET_MEM_TABLE, &mem, GUEST_TABLE_SIZE(GUEST_N_REGIONS), fds,
                            GUEST_N_REGIONS);
}

void guest_ring_addr(const struct guest *g, unsigned int i, struct vu_vring_addr *addr)
{
    const struct ring *r = &g->ring[i];

    *addr = (struct vu_vring_addr){
        .index = i,
        .desc = (uint64_t)(uintptr_t)r->desc,
        .avail = (uint64_t)(uintptr_t)r->avail,
        .used = (uint64_t)(uintptr_t)r->used,
    };
}

static int start_ring(struct guest *g, unsigned int i)
{
    struct ring *r = &g->ring[i];
    struct vu_vring_state state = {.index = i, .num = r->size};
    struct vu_vring_addr addr;
    uint64_t index = i;
    int err;

    memset(r->desc, 0, r->size * sizeof(*r->desc));
    memset(r->avail, 0, sizeof(*r->avail) + r->size * sizeof(r->avail->ring[0]));
    memset(r->used, 0, sizeof(*r->used) + r->size * sizeof(r->used->ring[0]));
    r->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    r->avail_idx = 0;
    r->used_seen = 0;
    err = frontend_request(g->fe, VU_SET_VRING_NUM, &state, sizeof(state), NULL, 0);
    if (err < 0)
        return err;
    state.num = 0;
    err = frontend_request(g->fe, VU_SET_VRING_BASE, &state, sizeof(state), NULL, 0);
    if (err < 0)
        return err;
    guest_ring_addr(g, i, &addr);
    err = frontend_request(g->fe, VU_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
    if (err < 0)
        return err;
    err = frontend_request_fd(g->fe, VU_SET_VRING_KICK, &index, sizeof(index), r->kick_fd);
    if (err < 0)
        return err;
    return frontend_request_fd(g->fe, VU_SET_VRING_CALL, &index, sizeof(index), r->call_fd);
}

int guest_start_rings(struct guest *g)
{
    struct vu_vring_state on = {.num = 1};
    unsigned int i;
    int err = 0;

    for (i = 0; err == 0 && i < GUEST_N_RINGS; i++)
        err = start_ring(g, i);
    if ((g->features & 1ULL << VU_F_PROTOCOL_FEATURES) == 0)
        return err;
    for (on.index = 0; err == 0 && on.index < GUEST_N_RINGS; on.index++)
        err = frontend_request(g->fe, VU_SET_VRING_ENABLE, &on, sizeof(on), NULL, 0);
    return err;
}

int guest_stop_rings(struct guest *g)
{
    struct vu_vring_state state = {0};
    struct vu_vring_state answer;
    unsigned int i;
    int err = 0;

    for (i = 0; err == 0 && i < GUEST_N_RINGS; i++) {
        state.index = i;
        err =
            frontend_ask(g->fe, VU_GET_VRING_BASE, &state, sizeof(state), &answer, sizeof(answer));
    }
    return err;
}

int guest_start(struct guest *g)
{
    int err = guest_negotiate(g);

    if (err == 0)
        err = guest_share_memory(g);
    if (err == 0)
        err = guest_start_rings(g);
    return err;
}

void ring_describe(struct ring *r, unsigned int j, uint64_t gpa, uint32_t len, unsigned int flags,
                   unsigned int next)
{
    r->desc[j] = (struct vring_desc){
        .addr = gpa, .len = len, .flags = (uint16_t)flags, .next = (uint16_t)next};
}

void ring_offer(struct ring *r, unsigned int head)
{
    r->avail->ring[r->avail_idx & (r->size - 1)] = (uint16_t)head;
    r->avail_idx = (uint16_t)(r->avail_idx + 1);
}

void ring_kick(const struct ring *r)
{
    const uint64_t one = 1;

    // Full means that the backend polls and never reads it: nothing is lost.
    if (write(r->kick_fd, &one, sizeof(one)) < 0)
        return;
}

void ring_publish(struct ring *r)
{
    __atomic_store_n(&r->avail->idx, r->avail_idx, __ATOMIC_RELEASE);
    ring_kick(r);
}

uint16_t ring_used(const struct ring *r)
{
    return __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE);
}

void guest_offer_rx(struct guest *g, unsigned int n)
{
    struct ring *r = &g->ring[RX];
    unsigned int j;

    for (j = 0; j < n; j++) {
        ring_describe(r, j, guest_gpa(guest_buffer_off(RX, j)), GUEST_BUFFER_SIZE,
                      VRING_DESC_F_WRITE, 0);
        ring_offer(r, j);
    }
    ring_publish(r);
}
