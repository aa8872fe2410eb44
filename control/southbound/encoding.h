// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_ENCODING_H
#define CONTROL_SOUTHBOUND_ENCODING_H

// A configuration as the dataplane takes it: the datagrams of one transaction, BEGIN to COMMIT, in
// the order that culvert_api.h asks for. Immutable once encoded, so that it can be sent again to a
// dataplane that was restarted.

#include <stddef.h>
#include <stdint.h>

#include "control/datastore/datastore.h"
#include "dataplane/api/culvert_api.h"

struct encoding;

// The datagrams of a configuration. -ENOMEM; -EINVAL or -ENOTSUP with path and sentence where it
// can't be said to the dataplane. The result is the caller's. May run off the event loop.
int encoding_create(const struct config *config, struct encoding **encoding,
                    struct config_error *e);
void encoding_destroy(struct encoding *encoding);

uint64_t encoding_config_id(const struct encoding *encoding);

// Walk the datagrams: *cursor is 0 first. NULL at the end. Each is aligned to eight bytes and is
// header->len bytes long; its sequence is 0.
const struct api_header *encoding_next(const struct encoding *encoding, size_t *cursor);

// The index-th item of a type over all datagrams, NULL beyond the last: the names behind the
// references of members, for those who show the running configuration.
const void *encoding_item(const struct encoding *encoding, unsigned type, uint32_t index);

// The rule of a firewall (its index) with this seq, NULL if there is none: 100000 of them are
// looked up by halves.
const struct api_rule *encoding_rule(const struct encoding *encoding, uint32_t firewall,
                                     uint32_t seq);

#endif
