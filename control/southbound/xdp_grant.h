// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_XDP_GRANT_H
#define CONTROL_SOUTHBOUND_XDP_GRANT_H

// One XDP program on its way to the dataplane. Event loop only.

#include "control/datastore/datastore.h"
#include "control/southbound/link.h"

// Give the dataplane the XDP program of a port, as struct api_xdp says: map and link. Both
// descriptors stay the caller's. -ENOTCONN, -ENOMEM, -EMFILE: `done` is not called.
int xdp_grant_start(struct link *link, const struct api_xdp *item, const int fds[2],
                    void (*done)(void *arg, const struct config_error *e), void *arg);

#endif
