// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_LISTING_H
#define CONTROL_SOUTHBOUND_LISTING_H

// What is asked of the dataplane beside configurations: a question, and an answer of one datagram
// or, page by page, of several. Event loop only.

#include <stddef.h>

#include "control/datastore/datastore.h"
#include "control/southbound/link.h"

union listing_request {
    struct api_list_macs macs;
    struct api_show_router router;
    struct api_list_interfaces interfaces;
    struct api_list_routes routes;
    struct api_list_neighbors neighbors;
    struct api_ping ping;
    struct api_show_chain chain; // firewalls and NATs, too: a tenant and a name
    struct api_list_sessions sessions;
    struct api_clear_sessions clear;
    struct api_list_rules rules;
    struct api_list_bindings bindings;
};

struct listing_question {
    enum api_type type; // of the request: API_LIST_MACS, …
    union listing_request request;
    // No further page once there are so many items; a page is 64 KiB at most. 0: one page.
    size_t limit;
};

struct listing {
    struct config_error error; // code 0: the answer is there
    void *items;               // of the answer's type; the receiver frees
    size_t n;
    bool has_more;                // there would be another page,
    union listing_request follow; // for which this is to be asked
};

// Ask; `done` is called once, from the event loop. -ENOTCONN, -ENOMEM: it is not called.
int listing_start(struct link *link, const struct listing_question *question,
                  void (*done)(void *arg, struct listing *listing), void *arg);

#endif
