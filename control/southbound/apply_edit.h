// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_APPLY_EDIT_H
#define CONTROL_SOUTHBOUND_APPLY_EDIT_H

// The steps of a request of kind APPLY_EDIT that are its own. Private to apply.c. Both off the
// event loop, errors in r->error.

#include "control/southbound/apply.h"
#include "control/southbound/encode_edit.h"

// Fill in the edit, the encoding after it and the message.
void apply_edit_prepare(const struct config *running, const struct encoding *encoding,
                        struct apply_request *r);

// Change the running configuration and write it down; on an error both are as they were.
void apply_edit_keep(struct config *running, const char *state_dir, struct apply_request *r);

// Of a request of kind APPLY_COMMIT: whether its encoding differs from the running one in a few
// rules only, which then go alone.
void apply_edit_find(const struct encoding *encoding, struct apply_request *r);

#endif
