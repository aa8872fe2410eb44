// SPDX-License-Identifier: BSD-3-Clause
// What is a packet called whose addresses are others now? Hosts that share an address choose
// identifications without knowing of each other, so of what may be put together from fragments each
// packet gets one from a counter (RFC 7857, 10; RFC 6864, 5.3.1: as if it began here). Called by
// the chain for whole packets, and once for all fragments of one; by the flow stage; on workers,
// which share the counters. Next: port/tx.c.

#include "dataplane/session/identification.h"

#include <rte_byteorder.h>
#include <rte_random.h>

#include "dataplane/core/checksum.h"
#include "dataplane/session/session.h"

#define IP4_CHECKSUM_OFF 10
#define N_COUNTERS 4096 // by source, destination, protocol: a counter for all is soon round

static uint16_t counters[N_COUNTERS]; // atomic
static uint64_t seed[2];

void identification_init(void)
{
    memset(counters, 0, sizeof(counters));
    seed[0] = rte_rand();
    seed[1] = rte_rand();
}

static inline uint32_t n_segments(const struct packet *p)
{
    uint32_t len = (uint32_t)(p->l3_end - p->payload_off);

    if (likely(!(p->offload & PACKET_TSO)) || p->gso_size == 0 || len == 0)
        return 1;
    return (len + p->gso_size - 1) / p->gso_size;
}

// The counter's value, which is n more then.
static uint16_t count(uint16_t *counter, uint16_t n)
{
    uint16_t value = __atomic_load_n(counter, __ATOMIC_RELAXED);

    if (session_is_shared)
        return __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
    __atomic_store_n(counter, (uint16_t)(value + n), __ATOMIC_RELAXED);
    return value;
}

uint16_t identification_next(const struct packet *p, const uint8_t *source,
                             const uint8_t *destination)
{
    uint32_t addresses[2], n = n_segments(p);
    unsigned __int128 product;
    uint64_t mixed;
    uint16_t offset, identification;

    memcpy(&addresses[0], source, sizeof(addresses[0]));
    memcpy(&addresses[1], destination, sizeof(addresses[1]));
    product = (unsigned __int128)(((uint64_t)addresses[0] << 32 | addresses[1]) ^ seed[0]) *
              (((uint64_t)p->l4_proto << 32) ^ seed[1]);
    mixed = (uint64_t)product ^ (uint64_t)(product >> 64);
    // Those that share a counter begin at different places of it.
    offset = (uint16_t)(mixed >> 48);
    do
        identification = (uint16_t)(count(&counters[mixed % N_COUNTERS], (uint16_t)n) + offset);
    while (identification == 0);
    return identification;
}

void identification_write(struct rte_mbuf *m, const struct packet *p, uint16_t identification)
{
    uint8_t *at = rte_pktmbuf_mtod_offset(m, uint8_t *, p->l3_off + IP4_CHECKSUM_OFF);
    uint64_t change = identification_set(m, p, identification);
    uint16_t checksum;

    memcpy(&checksum, at, sizeof(checksum));
    checksum = sum_apply(checksum, change);
    memcpy(at, &checksum, sizeof(checksum));
}
