// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_NAT_MODEL_H
#define VNF_NAT_MODEL_H

// What the model says of one NAT, for validate.c and config.c. Private to this folder. Main thread.

#include <rte_byteorder.h>

#include "vnf/nat/state.h"

struct nat_items {
    const char *tenant;
    const struct api_nat *nat;
    const struct api_nat_source *sources;
    const struct api_nat_static *statics;
    const struct api_nat_forward *forwards;
    uint32_t n_sources, n_statics, n_forwards;
    uint32_t first_source; // in the model
    uint32_t n_pools;      // of all its source rules
};

// config.c.
void nat_items_of(const struct model *model, uint32_t index, struct nat_items *items);

// pool.c.
// Sort, and make one of those that touch. Returns how many are left.
uint32_t nat_ranges_merge(struct nat_range *ranges, uint32_t n);
// Give a source rule numbers for all addresses of its pools; one that two of them have counts once.
// -ENOMEM, -ENOSPC: nat_pool_empty is due all the same.
int nat_pool_fill(struct nat_state *state, struct nat_source *source,
                  const struct api_nat_pool *pools, uint32_t n);
void nat_pool_empty(struct nat_state *state, struct nat_source *source);

// Of its source rule number `source`.
static inline const struct api_nat_pool *nat_items_pools(const struct model *model,
                                                         const struct nat_items *items,
                                                         uint32_t source, uint32_t *n)
{
    uint32_t first;

    return (const struct api_nat_pool *)model_owned(model, API_NAT_POOL,
                                                    items->first_source + source, &first, n);
}

// In host order.
static inline uint32_t nat_address_of(const uint8_t bytes[4])
{
    uint32_t address;

    memcpy(&address, bytes, sizeof(address));
    return rte_be_to_cpu_32(address);
}

static inline uint32_t nat_mask(uint8_t prefix_len)
{
    return prefix_len == 0 ? 0 : UINT32_MAX << (32 - prefix_len);
}

// Of a prefix that is not all.
static inline uint32_t nat_prefix_size(uint8_t prefix_len)
{
    return ~nat_mask(prefix_len) + 1;
}

#endif
