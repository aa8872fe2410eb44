// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_FLOWS_H
#define TESTS_BENCH_GENERATOR_FLOWS_H

// The flows in the order they are sent. The order is made in advance and the table is walked from
// front to back, so that a million flows cost the generator no cache misses.

#include <stdint.h>

#include <rte_byteorder.h>

#include "tests/bench/generator/options.h"

// Written by flows_create only.
struct flow {
    rte_be32_t addrs[2]; // of side A and B; IPv6: bits 16 to 47 of them
    rte_be16_t ports[2];
    rte_be16_t mac_idx;
    uint16_t addr_sum; // both of addrs, folded, host order
};

_Static_assert(sizeof(struct flow) == 16, "four flows a line");

struct flows {
    struct flow *table;
    uint32_t n; // the larger of the numbers of flows and MACs
};

// o->n_flows distinct 5-tuples and o->n_macs distinct MACs; with routes, each flow from a prefix
// behind one side to one behind the other. 0 or -ENOMEM.
int flows_create(struct flows *f, const struct options *o);
void flows_destroy(struct flows *f);

#endif
