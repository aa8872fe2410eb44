// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_SOUTHBOUND_H
#define CONTROL_SOUTHBOUND_SOUTHBOUND_H

// The dataplane as the rest of control/ sees it: there or not, with our configuration or not. Keeps
// it in step by itself: whenever it comes back with another configuration than the wanted one, that
// is sent. Event loop only.

#include <uv.h>

#include "control/southbound/delivery.h"
#include "control/southbound/encoding.h"
#include "control/southbound/listing.h"
#include "control/southbound/rule_change.h"
#include "control/southbound/stats.h"
#include "control/southbound/transaction.h"
#include "control/southbound/xdp_grant.h"

struct southbound;

// Dials <run_dir>/dataplane.sock for ever; says nothing before the first southbound_settle.
int southbound_create(uv_loop_t *loop, const char *run_dir, struct southbound **s,
                      struct config_error *e);
// The dataplane goes on as it is. Run the loop once more for libuv's handles.
void southbound_destroy(struct southbound *s);

// Send a configuration that is not the running one yet. From here to the southbound_settle that
// must follow, whatever came of it, nothing else is sent to the dataplane. -ENOTCONN: it is not
// there (southbound_status says why) and `done` is not called.
int southbound_send(struct southbound *s, const struct encoding *encoding,
                    void (*done)(void *arg, const struct transaction_result *result), void *arg);

// The same for a few rules of one firewall (rule_change.h), whose config_id names what they lead
// to. -EAGAIN: the dataplane does not run the wanted configuration, so that they would not.
int southbound_send_rules(struct southbound *s, const struct api_rule_change *items, uint32_t n,
                          void (*done)(void *arg, const struct transaction_result *result),
                          void *arg);

// From now on the dataplane is to run this (NULL: what it was before). The encoding stays the
// caller's and must live until another one is settled and no transaction is under way.
void southbound_settle(struct southbound *s, const struct encoding *wanted);

// Who gives the dataplane what goes beside its configuration.
struct southbound_follower {
    // The dataplane runs the wanted configuration: it came, or committed. Its ports may be new.
    void (*in_step)(void *arg);
    // struct stats_overlay's.
    void (*port)(void *arg, struct api_stats_port *row);
    void *arg;
};
// One at a time; zeroed: nobody. Copied.
void southbound_follow(struct southbound *s, const struct southbound_follower *follower);

// As xdp_grant_start. -EAGAIN: the dataplane does not run the wanted configuration; in_step tells.
int southbound_grant_xdp(struct southbound *s, const struct api_xdp *item, const int fds[2],
                         void (*done)(void *arg, const struct config_error *e), void *arg);

// Who gives routers what daemons install.
struct southbound_feeder {
    void (*in_step)(void *arg); // as the follower's
    void (*gone)(void *arg);    // the connection was lost; in_step comes again
    void *arg;
};
// One at a time; zeroed: nobody. Copied.
void southbound_feed(struct southbound *s, const struct southbound_feeder *feeder);

// As delivery_start. -EAGAIN: the dataplane does not run the wanted configuration; in_step tells.
int southbound_deliver(struct southbound *s, const struct delivery *delivery,
                       void (*done)(void *arg, const struct delivery_result *result), void *arg);

// As listing_start.
int southbound_ask(struct southbound *s, const struct listing_question *question,
                   void (*done)(void *arg, struct listing *listing), void *arg);

struct southbound_status {
    enum link_state link;
    bool is_in_step;                // it runs the wanted configuration
    const char *sentence;           // for the user: why it does not; valid until the loop goes on
    uint64_t config_id, generation; // what it runs, if it is connected
};
void southbound_status(const struct southbound *s, struct southbound_status *status);

// Its counters; NULL while it is not connected. Do not keep.
const struct stats *southbound_stats(struct southbound *s);

#endif
