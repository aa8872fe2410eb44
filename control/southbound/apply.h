// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_APPLY_H
#define CONTROL_SOUTHBOUND_APPLY_H

// The running configuration, and everything that is done with a whole configuration: one request
// after the other, in the order they came, their long parts off the event loop.

#include <stdbool.h>
#include <uv.h>

#include "control/datastore/datastore.h"
#include "control/datastore/edit.h"
#include "control/southbound/southbound.h"

struct apply;

enum apply_kind {
    APPLY_COMMIT, // make the text the running configuration
    APPLY_DIFF,   // compare the running configuration with the text
    APPLY_PRINT,  // the running configuration as text
    APPLY_EDIT,   // put the rule `text` (JSON; NULL: none) in its `place`
};

// What is accepted and still worth a word: a port that can't open, a dataplane that is not there.
struct apply_warning {
    char path[2 * API_NAME_SIZE + 16]; // tenants/blue/ports/vm1; may be empty
    char sentence[API_TEXT_SIZE + 64];
};

struct apply_request {
    // The caller's; `text` must live until done. `done` comes once, from the event loop.
    enum apply_kind kind;
    const char *text; // not for APPLY_PRINT
    size_t size;
    enum config_format format;
    struct rule_place place; // APPLY_EDIT
    void (*done)(struct apply_request *r);

    // The result.
    struct config_error error; // code 0: done
    bool is_changed; // APPLY_COMMIT, APPLY_EDIT: it was not the running configuration before
    uint64_t config_id, generation;
    struct config_diff diff; // APPLY_COMMIT, APPLY_DIFF
    char *printed;           // APPLY_PRINT
    struct apply_warning *warnings;
    size_t n_warnings;

    struct apply_request *next; // apply.c's, as the next six
    struct edit *edit;
    struct api_rule_change *changes; // which do instead of the whole encoding; NULL: they don't
    uint32_t n_changes;
    struct config *candidate;
    struct encoding *encoding;
    bool is_prepared; // a file lies beside the running one
};

// Load the running configuration from state_dir and give it to the dataplane. A damaged file: its
// error, and nothing was touched. `southbound` must outlive it; state_dir is copied.
int apply_create(uv_loop_t *loop, const char *state_dir, struct southbound *southbound,
                 struct apply **apply, struct config_error *e);

// Who acts on a configuration beside the dataplane. `running`: this one is the running one from now
// on; called before the request that made it so is answered, and at once for the one there is.
struct apply_follower {
    void (*running)(void *arg, const struct config *config, const struct encoding *encoding);
    void *arg;
};
// One at a time. Copied.
void apply_follow(struct apply *apply, const struct apply_follower *follower);

// Only when idle.
void apply_destroy(struct apply *apply);

// Queue a request, zeroed by the caller but for its part.
void apply_submit(struct apply *apply, struct apply_request *r);
void apply_request_fini(struct apply_request *r);

// Refuse what waits and what comes; call `idle` once nothing is under way, perhaps at once.
void apply_stop(struct apply *apply, void (*idle)(void *arg), void *arg);

// The running configuration as the dataplane gets it. Valid until the loop goes on.
const struct encoding *apply_running(const struct apply *apply);

#endif
