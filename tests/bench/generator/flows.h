// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_FLOWS_H
#define TESTS_BENCH_GENERATOR_FLOWS_H

// The flows of a pair of ports in the order they are sent. The order is made in advance and the
// table is walked from front to back, so that a million flows cost the generator no cache misses.

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "tests/bench/generator/options.h"

// As one side sends it and expects it from the other.
struct flow {
    rte_be32_t addrs[2]; // of side A and B; IPv6: bits 16 to 47 of them
    rte_be16_t ports[2];
    rte_be16_t tag;    // with --vlans the VLAN, else the last two bytes of the MAC addresses
    uint16_t addr_sum; // both of addrs, folded, host order
};

_Static_assert(sizeof(struct flow) == 16, "four flows a line");

struct flows {
    struct flow *table;
    uint32_t n; // the larger of the numbers of flows and MACs
    uint32_t next_new;
    const struct options *options;
};

// The share of o->n_flows distinct 5-tuples that is the pair's, and o->n_macs distinct MACs; with
// routes, each flow from a prefix behind one side to one behind the other. `o` must outlive it. 0
// or -ENOMEM.
int flows_create(struct flows *f, const struct options *o, uint32_t pair);

// A table of its own with the same flows. 0 or -ENOMEM.
int flows_copy(struct flows *f, const struct flows *from);
void flows_destroy(struct flows *f);

// Put a 5-tuple in the place of an older one that no flow had before. Its VLAN stays.
void flows_renew(struct flows *f, uint32_t place);

// Side A's end of the flow is known by another name. True if it was not known by that before.
bool flow_learn(struct flow *flow, rte_be32_t addr, rte_be16_t port);

#endif
