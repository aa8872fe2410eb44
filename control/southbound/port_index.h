// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_PORT_INDEX_H
#define CONTROL_SOUTHBOUND_PORT_INDEX_H

// What the user writes for an attachment (vm1, trunk0.10.20, provider/uplink) becomes what it is to
// the dataplane: the index of a port, and VLANs.

#include "control/datastore/datastore.h"
#include "control/southbound/datagrams.h"

struct port_index;

// Look-up by tenant and port name. The lists may go afterwards. NULL: out of memory.
struct port_index *port_index_create(const struct item_list *tenants,
                                     const struct item_list *ports);
void port_index_destroy(struct port_index *index);

// Fill port and VLANs of *member (its owner is the caller's) from the text as written in `tenant`.
// -EINVAL with a sentence if there is no such port or the text is no attachment.
int port_index_resolve(const struct port_index *index, const char *tenant, const char *text,
                       struct api_member *member, struct config_error *e);

#endif
