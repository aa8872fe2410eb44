// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_DATAGRAMS_H
#define CONTROL_SOUTHBOUND_DATAGRAMS_H

// Items gathered by type, then written out as datagrams that are each as full as may be.

#include <stddef.h>
#include <stdint.h>

#include "dataplane/api/culvert_api.h"

struct item_list {
    unsigned type; // enum api_type
    size_t item_size;
    uint32_t n, n_allocated;
    unsigned char *items;
};

void item_list_init(struct item_list *list, unsigned type);
void item_list_fini(struct item_list *list);

// A zeroed item at the end, valid until the next is added. NULL: out of memory.
void *item_list_add(struct item_list *list);

struct datagrams {
    unsigned char *bytes; // each datagram begins at a multiple of eight
    size_t size, n_allocated;
};

// Room for so many bytes in an empty one, where they are known. -ENOMEM.
int datagrams_reserve(struct datagrams *d, size_t size);

// Append all items of the list, in as few datagrams as API_DATAGRAM_SIZE allows. -ENOMEM.
int datagrams_add_list(struct datagrams *d, const struct item_list *list);

// Append one datagram of n items. -ENOMEM.
int datagrams_add(struct datagrams *d, unsigned type, const void *items, uint32_t n);

#endif
