// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_MEMBER_INDEX_H
#define CONTROL_SOUTHBOUND_MEMBER_INDEX_H

// Where is this member of the switch in the list of all members? For static MACs, which may be many
// more than members.

#include "control/southbound/datagrams.h"

struct member_index;

// Index the members from `first` to the end of the list; the list may grow or go afterwards. NULL:
// out of memory.
struct member_index *member_index_create(const struct item_list *members, uint32_t first);
void member_index_destroy(struct member_index *index);

// The place of an equal member in the list, -1 if there is none.
int64_t member_index_find(const struct member_index *index, const struct api_member *member);

#endif
