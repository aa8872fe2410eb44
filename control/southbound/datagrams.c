// SPDX-License-Identifier: BSD-3-Clause
// How do items become datagrams? Called by encode.c off the event loop. Knows sizes from the table
// of dataplane/api and nothing of what the items mean; what it writes is not changed again. Next:
// transaction.c, which sends it.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/southbound/datagrams.h"

void item_list_init(struct item_list *list, unsigned type)
{
    *list = (struct item_list){.type = type, .item_size = api_message(type)->item_size};
}

void item_list_fini(struct item_list *list)
{
    free(list->items);
    list->items = NULL;
}

void *item_list_add(struct item_list *list)
{
    unsigned char *items;
    uint32_t n_allocated;

    if (list->n == list->n_allocated) {
        n_allocated = list->n_allocated == 0 ? 64 : list->n_allocated * 2;
        items = realloc(list->items, n_allocated * list->item_size);
        if (items == NULL)
            return NULL;
        list->items = items;
        list->n_allocated = n_allocated;
    }
    items = list->items + list->n++ * list->item_size;
    memset(items, 0, list->item_size);
    return items;
}

int datagrams_reserve(struct datagrams *d, size_t size)
{
    d->bytes = malloc(size);
    d->n_allocated = d->bytes == NULL ? 0 : size;
    return d->bytes == NULL ? -ENOMEM : 0;
}

int datagrams_add(struct datagrams *d, unsigned type, const void *items, uint32_t n)
{
    struct api_header header = {.magic = API_MAGIC, .version = API_VERSION, .n_items = n};
    size_t items_size = n * (size_t)api_message(type)->item_size;
    size_t padded = (sizeof(header) + items_size + 7) & ~(size_t)7;
    size_t n_allocated;
    unsigned char *bytes;

    header.type = (uint16_t)type;
    header.len = (uint32_t)(sizeof(header) + items_size);
    if (d->size + padded > d->n_allocated) {
        n_allocated = (d->size + padded) * 2;
        bytes = realloc(d->bytes, n_allocated);
        if (bytes == NULL)
            return -ENOMEM;
        d->bytes = bytes;
        d->n_allocated = n_allocated;
    }
    memcpy(d->bytes + d->size, &header, sizeof(header));
    if (items_size > 0)
        memcpy(d->bytes + d->size + sizeof(header), items, items_size);
    memset(d->bytes + d->size + header.len, 0, padded - header.len);
    d->size += padded;
    return 0;
}

int datagrams_add_list(struct datagrams *d, const struct item_list *list)
{
    uint32_t per_datagram =
        (uint32_t)((API_DATAGRAM_SIZE - sizeof(struct api_header)) / list->item_size);
    uint32_t n;
    int rc;

    for (uint32_t i = 0; i < list->n; i += n) {
        n = list->n - i < per_datagram ? list->n - i : per_datagram;
        rc = datagrams_add(d, list->type, list->items + i * list->item_size, n);
        if (rc < 0)
            return rc;
    }
    return 0;
}
