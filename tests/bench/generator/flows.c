// SPDX-License-Identifier: BSD-3-Clause
// Which 5-tuples, which MACs, in which order? Called once by main before the load starts.
// The same arguments give the same table on every run: trials must not differ by their traffic.
// Addresses and ports are spread over their ranges (RFC 4814), for a hash must not meet counters.
// Next: frame.h writes them into frames.
#include "tests/bench/generator/flows.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/bench/routes/prefixes.h"

#define ADDR_A 0x0a010100U // 10.1.1.0 to 10.1.128.255: never a network's first or last address
#define ADDR_B 0x0a020100U
#define PORT_MIN 1024
#define FIELD_MASK 0x7fffU // 15 bits of address,
#define FIELD_BITS 15      // 15 of port:
#define TUPLE_BITS 30      // what tells flows apart

static uint64_t next_random(uint64_t *state)
{
    // xorshift64* (Vigna, 2016)
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dULL;
}

static uint16_t port_of(uint32_t bits)
{
    return (uint16_t)(PORT_MIN + (bits & FIELD_MASK));
}

// Where a side's address comes from: a range, or a prefix of those that are routed to that side.
static uint32_t word_of(const struct options *o, uint32_t flow_idx, enum side_id side,
                        uint32_t bits)
{
    uint32_t n_routes = o->n_routes / N_SIDES;
    struct prefix p;

    if (n_routes == 0)
        return (side == SIDE_A ? ADDR_A : ADDR_B) + (bits & FIELD_MASK);
    p = prefix_of_route(o->family, flow_idx % n_routes * N_SIDES + side);
    return prefix_pick(o->family, &p, bits);
}

static void flow_init(struct flow *f, const struct options *o, uint32_t idx)
{
    uint32_t flow_idx = idx % o->n_flows;
    uint32_t h = spread_bits(flow_idx, TUPLE_BITS);
    uint32_t g = spread_bits(h ^ 0x15555555U, TUPLE_BITS);
    uint32_t a = word_of(o, flow_idx, SIDE_A, h);
    uint32_t b = word_of(o, flow_idx, SIDE_B, g);
    uint32_t sum = (a >> 16) + (a & 0xffff) + (b >> 16) + (b & 0xffff);

    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    *f = (struct flow){
        .addrs = {rte_cpu_to_be_32(a), rte_cpu_to_be_32(b)},
        .ports = {rte_cpu_to_be_16(port_of(h >> FIELD_BITS)),
                  rte_cpu_to_be_16(port_of(g >> FIELD_BITS))},
        .mac_idx = rte_cpu_to_be_16((uint16_t)(idx % o->n_macs)),
        .addr_sum = (uint16_t)sum,
    };
}

// Fisher and Yates
static void shuffle(struct flow *table, uint32_t n)
{
    uint64_t state = 0x9e3779b97f4a7c15ULL;

    for (uint32_t i = n - 1; i > 0; i--) {
        uint32_t j = (uint32_t)(next_random(&state) % (i + 1ULL));
        struct flow kept = table[i];

        table[i] = table[j];
        table[j] = kept;
    }
}

int flows_create(struct flows *f, const struct options *o)
{
    f->n = o->n_flows > o->n_macs ? o->n_flows : o->n_macs;
    f->table = calloc(f->n, sizeof(*f->table));
    if (f->table == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < f->n; i++)
        flow_init(&f->table[i], o, i);
    if (o->is_random)
        shuffle(f->table, f->n);
    return 0;
}

void flows_destroy(struct flows *f)
{
    free(f->table);
    f->table = NULL;
}
