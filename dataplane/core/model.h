// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CORE_MODEL_H
#define DATAPLANE_CORE_MODEL_H

// The objects of one transaction as they came over the border, by type and in order. Written by the
// server on the main thread, read while a generation is built from it.

#include "dataplane/api/culvert_api.h"

struct model_table {
    void *items;
    uint32_t n, capacity;
};

struct model {
    uint64_t config_id;
    struct model_table table[API_N_TYPES];
};

void model_init(struct model *model);
void model_fini(struct model *model);

// Append n items of a type (their size is the table's); none may be NULL. -ENOMEM.
int model_add(struct model *model, enum api_type type, const void *items, uint32_t n);

// All items of a type; *n may be 0, then the result is NULL.
const void *model_items(const struct model *model, enum api_type type, uint32_t *n);

// The items of a type whose first field, uint32_t owner, is `owner`; *first is the index of the
// first in the whole table. The table is sorted by owner (checked by the server). Binary search.
const void *model_owned(const struct model *model, enum api_type type, uint32_t owner,
                        uint32_t *first, uint32_t *n);

#endif
