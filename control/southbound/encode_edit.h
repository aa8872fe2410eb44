// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_ENCODE_EDIT_H
#define CONTROL_SOUTHBOUND_ENCODE_EDIT_H

// One rule, on its way to the dataplane.

#include "control/datastore/edit.h"
#include "control/southbound/encoding.h"

// The configuration after the edit, made of the one before it; and the message that leads from one
// to the other. -ENOMEM. May run off the event loop.
int encoding_edit(const struct encoding *old, const struct edit *edit, struct encoding **encoding,
                  struct api_rule_change *change);

// The messages that lead from one configuration to the other, if these differ in no more than `max`
// rules, all of one firewall, and in nothing else, nor in the order of anything: how many; else 0.
uint32_t encoding_changes(const struct encoding *from, const struct encoding *to,
                          struct api_rule_change *changes, uint32_t max);

#endif
