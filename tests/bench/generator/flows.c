// SPDX-License-Identifier: BSD-3-Clause
// Which 5-tuples, which MACs, in which order? Made by main.c before the load starts; side.c
// renews and receive.c learns.
// The same arguments give the same table on every run: trials must not differ by their traffic.
// Addresses and ports are spread over their ranges (RFC 4814), for a hash must not meet counters.
// Next: frame.h writes them into frames.
#include "tests/bench/generator/flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static uint16_t sum_of(const struct flow *f)
{
    uint32_t a = rte_be_to_cpu_32(f->addrs[SIDE_A]);
    uint32_t b = rte_be_to_cpu_32(f->addrs[SIDE_B]);
    uint32_t sum = (a >> 16) + (a & 0xffff) + (b >> 16) + (b & 0xffff);

    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static void flow_init(struct flow *f, const struct options *o, uint32_t flow_idx)
{
    uint32_t h = spread_bits(flow_idx, TUPLE_BITS);
    uint32_t g = spread_bits(h ^ 0x15555555U, TUPLE_BITS);

    f->addrs[SIDE_A] = rte_cpu_to_be_32(word_of(o, flow_idx, SIDE_A, h));
    f->addrs[SIDE_B] = rte_cpu_to_be_32(word_of(o, flow_idx, SIDE_B, g));
    f->ports[SIDE_A] = rte_cpu_to_be_16(port_of(h >> FIELD_BITS));
    f->ports[SIDE_B] = rte_cpu_to_be_16(port_of(g >> FIELD_BITS));
    f->addr_sum = sum_of(f);
}

static rte_be16_t tag_of(const struct options *o, uint32_t idx)
{
    uint32_t tag = o->n_vlans > 0 ? 1 + idx % o->n_vlans : idx % o->n_macs;

    return rte_cpu_to_be_16((uint16_t)tag);
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

int flows_create(struct flows *f, const struct options *o, uint32_t pair)
{
    uint32_t n = o->n_flows > o->n_macs ? o->n_flows : o->n_macs;

    *f = (struct flows){.n = (n - pair - 1) / o->n_pairs + 1, .next_new = n + pair, .options = o};
    f->table = calloc(f->n, sizeof(*f->table));
    if (f->table == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < f->n; i++) {
        uint32_t idx = i * o->n_pairs + pair;

        flow_init(&f->table[i], o, idx % o->n_flows);
        f->table[i].tag = tag_of(o, idx);
    }
    if (o->is_random)
        shuffle(f->table, f->n);
    return 0;
}

int flows_copy(struct flows *f, const struct flows *from)
{
    *f = *from;
    f->table = calloc(f->n, sizeof(*f->table));
    if (f->table == NULL)
        return -ENOMEM;
    memcpy(f->table, from->table, f->n * sizeof(*f->table));
    return 0;
}

void flows_destroy(struct flows *f)
{
    free(f->table);
    f->table = NULL;
}

void flows_renew(struct flows *f, uint32_t place)
{
    flow_init(&f->table[place], f->options, f->next_new);
    f->next_new += f->options->n_pairs;
}

bool flow_learn(struct flow *flow, rte_be32_t addr, rte_be16_t port)
{
    bool is_other = flow->addrs[SIDE_A] != addr || flow->ports[SIDE_A] != port;

    flow->addrs[SIDE_A] = addr;
    flow->ports[SIDE_A] = port;
    flow->addr_sum = sum_of(flow);
    return is_other;
}
