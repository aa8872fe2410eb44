// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_API_API_TABLE_H
#define DATAPLANE_API_API_TABLE_H

// How the rows of the field table are written; included by api_table*.c only.

#include "dataplane/api/culvert_api.h"

#define FIELD(s, member, field_kind, lo, hi)                                                    \
    {                                                                                           \
        .name = #member, .offset = offsetof(struct s, member),                                  \
        .size = sizeof(((struct s *)0)->member), .kind = (field_kind), .min = (lo), .max = (hi) \
    }
#define UINT(s, member, lo, hi) FIELD(s, member, API_FIELD_UINT, lo, hi)
#define FLAGS(s, member, mask) FIELD(s, member, API_FIELD_FLAGS, 0, mask)
#define ZERO(s, member) FIELD(s, member, API_FIELD_ZERO, 0, 0)
#define NAME(s, member) FIELD(s, member, API_FIELD_NAME, 1, 0)
#define STRING(s, member) FIELD(s, member, API_FIELD_STRING, 0, 0)
#define BYTES(s, member) FIELD(s, member, API_FIELD_BYTES, 0, 0)

#define ANY16 UINT16_MAX
#define ANY32 UINT32_MAX
#define ANY64 UINT64_MAX

#define MANY UINT32_MAX
#define MESSAGE(title, s, list, least, most)                                                     \
    {                                                                                            \
        .name = (title), .item_size = sizeof(struct s),                                          \
        .n_fields = sizeof(list) / sizeof((list)[0]), .min_items = (least), .max_items = (most), \
        .fields = (list)                                                                         \
    }

// Each file's messages at their types, the rest without a name.
extern const struct api_message api_chain_messages[API_N_TYPES];
extern const struct api_message api_firewall_messages[API_N_TYPES];
extern const struct api_message api_nat_messages[API_N_TYPES];

#endif
