// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_EDIT_H
#define CONTROL_DATASTORE_EDIT_H

// One rule of one firewall put in, replaced or taken out, at the cost of that rule and not of the
// 100000 beside it: only its tenant's groups and itself are read and checked, the identity is a
// sum. In three steps, so that whatever can fail has failed before the dataplane is told.

#include <stdbool.h>

#include "control/datastore/datastore.h"

struct rule_place {
    char tenant[32], firewall[32];
    uint32_t seq;
};

struct edit {
    struct rule_place place;
    struct config *part;   // the tenant with its groups and this rule; NULL: the rule is deleted
    struct lyd_node *made; // the rule, in `part` until it is applied
    struct lyd_node *old;  // the rule that it replaces, outside of any tree once it is applied
    char *text;            // the rule as JSON; NULL: deleted
    uint64_t from, to;     // config_id before and after
    bool is_applied;
};

// Read and check `text`, the rule as one JSON object, against `config`, which stays as it is. NULL:
// delete. -ENOENT: no such firewall or rule; else as config_parse. Off the event loop.
int edit_create(const struct config *config, const struct rule_place *place, const char *text,
                struct edit **edit, struct config_error *e);
void edit_destroy(struct edit *edit);

// The rule as it is to be, for southbound/; NULL: deleted.
const struct lyd_node *edit_rule(const struct edit *edit);

// Change `config`, which nobody may be reading; and back. -ENOMEM: nothing changed.
int edit_apply(struct edit *edit, struct config *config);
void edit_revert(struct edit *edit, struct config *config);

// journal.c: edits since the file running.yaml was written, each with fsync; config_load carries
// them out again, config_keep forgets them.
int journal_append(const struct edit *edit, const char *state_dir, struct config_error *e);
int journal_replay(struct config *config, const char *state_dir, bool *is_changed,
                   struct config_error *e);
void journal_remove(const char *state_dir);

#endif
