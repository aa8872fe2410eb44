// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_KERNEL_PLAN_H
#define CONTROL_KERNEL_PLAN_H

// What the running configuration asks of the kernel mirror: its routers, and which of their
// interfaces have twins, where, with which addresses. Read from the configuration as the dataplane
// gets it; immutable.

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/southbound/encoding.h"

struct plan_address {
    uint8_t family; // 4 or 6
    uint8_t prefix_len;
    uint8_t address[16];
};

struct plan_twin {
    uint32_t router;
    uint32_t position; // of its interface among the router's
    uint8_t mac[6];
    char device[IF_NAMESIZE];   // the twin's name in the kernel
    char netns[API_NETNS_SIZE]; // empty: our own namespace
    uint32_t first_address, n_addresses;
};

struct plan_router {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint64_t layout; // a hash of the interfaces in their order, and of the twins' places
    bool has_twins;
};

struct plan {
    uint32_t n_routers, n_twins, n_addresses;
    struct plan_router *routers;
    const struct plan_router **by_name; // for plan_find
    struct plan_twin *twins;            // in the order of their routers
    struct plan_address *addresses;
};

// -ENOMEM. The result is the caller's. The encoding is not needed any more.
int plan_create(const struct encoding *encoding, struct plan **plan);
void plan_destroy(struct plan *plan);

// Whether both ask for the same.
bool plan_is_same(const struct plan *a, const struct plan *b);

// NULL: there is none of that name.
const struct plan_router *plan_find(const struct plan *plan, const char *tenant, const char *name);

// FNV-1a, 64 bits; go on with the result. Begin with PLAN_HASH.
#define PLAN_HASH 0xcbf29ce484222325ULL
uint64_t plan_hash(uint64_t hash, const void *bytes, size_t size);

#endif
