// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_TRANSACTION_H
#define CONTROL_SOUTHBOUND_TRANSACTION_H

// One configuration on its way to the dataplane. Event loop only.

#include "control/datastore/datastore.h"
#include "control/southbound/encoding.h"
#include "control/southbound/link.h"

struct transaction_result {
    // code 0: committed. -ENOTCONN: the dataplane was lost before anything was sent, -ECONNRESET:
    // afterwards, so that it may have committed; it is asked when it is back.
    struct config_error error;
    uint64_t generation; // running in the dataplane, as far as it said
};

// Send a whole configuration; `done` is called once, from the event loop. The encoding stays the
// caller's and must live until then. -ENOTCONN, -ENOMEM: `done` is not called.
int transaction_start(struct link *link, const struct encoding *encoding,
                      void (*done)(void *arg, const struct transaction_result *result), void *arg);

#endif
