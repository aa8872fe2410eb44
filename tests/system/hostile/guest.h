// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_SYSTEM_HOSTILE_GUEST_H
#define TESTS_SYSTEM_HOSTILE_GUEST_H

// A guest as the backend sees it: two memory regions in sealed memfds and one virtio-net device
// with a receive ring (0) and a transmit ring (1), split layout. One thread per guest.
//
// Guest-physical map: region 0 (rings, tables, buffers) at GUEST_BASE, region 1 directly behind it,
// then a hole. The regions are apart in the backend's address space, so a buffer that crosses from
// one to the other is sound for the guest, and a trap for a careless backend.

#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/system/hostile/frontend.h"
#include "tests/system/hostile/protocol.h"

#define GUEST_BASE 0x10000000UL
#define GUEST_REGION_SIZE (8UL << 20)
#define GUEST_HOLE (GUEST_BASE + 2 * GUEST_REGION_SIZE)
#define GUEST_N_REGIONS 2
#define GUEST_TABLE_OFF 0x40000UL // 256 KiB for indirect tables
#define GUEST_BUFFER_OFF 0x100000UL
#define GUEST_BUFFER_SIZE 2048U
#define GUEST_MAX_RING 1024U
#define GUEST_NET_HDR 12U // struct virtio_net_hdr_mrg_rxbuf

enum { RX = 0, TX = 1, GUEST_N_RINGS = 2 };

struct ring {
    uint16_t size;
    uint16_t avail_idx; // what we have offered; published by ring_publish
    uint16_t used_seen; // how far we have read the used ring
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    int kick_fd;
    int call_fd;
};

struct guest {
    struct frontend *fe;
    uint64_t features; // wanted before guest_negotiate, agreed after it
    int mem_fd[GUEST_N_REGIONS];
    uint8_t *base[GUEST_N_REGIONS];
    struct ring ring[GUEST_N_RINGS];
};

// Features of a modern guest without offloads, and with all of them.
#define GUEST_FEATURES_PLAIN                                       \
    (1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_NET_F_MRG_RXBUF | \
     1ULL << VIRTIO_RING_F_INDIRECT_DESC | 1ULL << VU_F_PROTOCOL_FEATURES)
#define GUEST_FEATURES_OFFLOAD                                                            \
    (GUEST_FEATURES_PLAIN | 1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_GUEST_CSUM | \
     1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 |                    \
     1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6 |                  \
     1ULL << VIRTIO_NET_F_HOST_UFO)

// A memfd of size bytes sealed against shrinking, or not; -errno.
int guest_memfd(uint64_t size, bool is_sealed);

// Allocates memory and eventfds for rings of ring_size (a power of two up to GUEST_MAX_RING). fe
// stays the caller's. 0 or -errno.
int guest_init(struct guest *g, struct frontend *fe, uint16_t ring_size, uint64_t features);
void guest_fini(struct guest *g);

// The handshake in its four steps; each returns what frontend_request returns.
int guest_negotiate(struct guest *g);
int guest_share_memory(struct guest *g);
int guest_start_rings(struct guest *g); // empty rings, base 0, enabled
int guest_stop_rings(struct guest *g);

// All of it: negotiate, share, start.
int guest_start(struct guest *g);

// The memory table that guest_share_memory sends and its descriptors, for those who want to spoil
// it.
void guest_memory_table(const struct guest *g, struct vu_memory *mem, int fds[GUEST_N_REGIONS]);
#define GUEST_TABLE_SIZE(n) (8 + (n) * sizeof(struct vu_region))

// The addresses of ring i as SET_VRING_ADDR carries them.
void guest_ring_addr(const struct guest *g, unsigned int i, struct vu_vring_addr *addr);

// Memory at an offset into region 0; the guest-physical address of an offset; buffer j of ring i.
static inline void *guest_at(const struct guest *g, uint64_t off)
{
    return g->base[0] + off;
}

static inline uint64_t guest_gpa(uint64_t off)
{
    return GUEST_BASE + off;
}

static inline uint64_t guest_buffer_off(unsigned int i, unsigned int j)
{
    return GUEST_BUFFER_OFF + ((uint64_t)i * GUEST_MAX_RING + j) * GUEST_BUFFER_SIZE;
}

void ring_describe(struct ring *r, unsigned int j, uint64_t gpa, uint32_t len, unsigned int flags,
                   unsigned int next);
// Puts a head into the avail ring without telling.
void ring_offer(struct ring *r, unsigned int head);
// Tells: writes avail.idx and kicks.
void ring_publish(struct ring *r);
void ring_kick(const struct ring *r);
// used.idx as the backend left it.
uint16_t ring_used(const struct ring *r);

// Offers the first n receive buffers, each one descriptor.
void guest_offer_rx(struct guest *g, unsigned int n);

#endif
