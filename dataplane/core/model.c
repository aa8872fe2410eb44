// SPDX-License-Identifier: BSD-3-Clause
// What did the transaction bring? Tables of objects in the order they came. Main thread; filled by
// server/transaction.c, read by those who build a generation from it. Knows sizes of items and
// where their owner stands, nothing else. Next: server/check.c.

#include "dataplane/core/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void model_init(struct model *model)
{
    memset(model, 0, sizeof(*model));
}

void model_fini(struct model *model)
{
    for (unsigned type = 0; type < API_N_TYPES; type++)
        free(model->table[type].items);
    model_init(model);
}

int model_add(struct model *model, enum api_type type, const void *items, uint32_t n)
{
    struct model_table *table = &model->table[type];
    size_t item_size = api_message(type)->item_size;

    if (n == 0)
        return 0; // there may be no memory at either end yet
    if (n > UINT32_MAX - table->n)
        return -ENOMEM;
    if (table->n + n > table->capacity) {
        uint64_t capacity = ((uint64_t)table->n + n) * 2;
        void *grown = capacity <= UINT32_MAX ? realloc(table->items, capacity * item_size) : NULL;

        if (grown == NULL)
            return -ENOMEM;
        table->items = grown;
        table->capacity = (uint32_t)capacity;
    }
    memcpy((char *)table->items + table->n * item_size, items, n * item_size);
    table->n += n;
    return 0;
}

const void *model_items(const struct model *model, enum api_type type, uint32_t *n)
{
    *n = model->table[type].n;
    return model->table[type].items;
}

// Index of the first item whose owner is at least `owner`.
static uint32_t lower_bound(const struct model_table *table, size_t item_size, uint64_t owner)
{
    uint32_t low = 0, high = table->n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t found;

        memcpy(&found, (const char *)table->items + middle * item_size, sizeof(found));
        if (found < owner)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const void *model_owned(const struct model *model, enum api_type type, uint32_t owner,
                        uint32_t *first, uint32_t *n)
{
    const struct model_table *table = &model->table[type];
    size_t item_size = api_message(type)->item_size;

    *first = lower_bound(table, item_size, owner);
    *n = lower_bound(table, item_size, (uint64_t)owner + 1) - *first;
    return *n > 0 ? (const char *)table->items + *first * item_size : NULL;
}
