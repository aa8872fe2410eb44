// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_CABLE_END_H
#define CONTROL_DATASTORE_CABLE_END_H

// How an end of a chain is written: switch, router.interface, port, port.vlan, port.outer.inner,
// each with tenant/ before it if it is another tenant's. For southbound/ as well.

#include <stdbool.h>

#include "control/datastore/attachment.h"

struct cable_end {
    char tenant[32];    // whose it is; the chain's own tenant if none is written
    char name[32];      // of a switch, router or port
    bool is_bare;       // nothing follows the name: a switch or a port
    char interface[32]; // what follows the name's only dot, else empty: it may be a router's
    bool is_attachment; // `port` is valid: it may be a port
    struct attachment port;
};

// Take an end apart. `own` is the tenant of the chain. 0, or -EINVAL if the text is not of this
// form, which the schema rules out in a valid configuration.
int cable_end_parse(const char *text, const char *own, struct cable_end *end);

#endif
