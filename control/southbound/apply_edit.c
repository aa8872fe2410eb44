// SPDX-License-Identifier: BSD-3-Clause
// What is different when one rule is edited? It is read and checked alone, told in one message,
// kept in a line of the journal: nothing here depends on how many rules there are, but for a copy
// of what is encoded. If the dataplane does not take the message it gets the whole configuration.
// Called by apply.c in the place of its own steps; work_* off the event loop. Next: apply.c.

#include <errno.h>
#include <stdlib.h>

#include "control/failure.h"
#include "control/southbound/apply_edit.h"

void apply_edit_prepare(const struct config *running, const struct encoding *encoding,
                        struct apply_request *r)
{
    if (edit_create(running, &r->place, r->text, &r->edit, &r->error) < 0)
        return;
    r->config_id = r->edit->to;
    r->is_changed = r->edit->to != r->edit->from;
    r->changes = calloc(1, sizeof(*r->changes));
    r->n_changes = 1;
    if (r->changes == NULL || encoding_edit(encoding, r->edit, &r->encoding, r->changes) < 0)
        failure(&r->error, -ENOMEM, NULL, "out of memory");
}

void apply_edit_keep(struct config *running, const char *state_dir, struct apply_request *r)
{
    if (edit_apply(r->edit, running) < 0)
        failure(&r->error, -ENOMEM, NULL, "out of memory");
    else if (journal_append(r->edit, state_dir, &r->error) < 0)
        edit_revert(r->edit, running);
}

void apply_edit_find(const struct encoding *encoding, struct apply_request *r)
{
    struct api_rule_change *changes = calloc(RULE_CHANGE_MAX, sizeof(*changes));

    if (changes != NULL)
        r->n_changes = encoding_changes(encoding, r->encoding, changes, RULE_CHANGE_MAX);
    if (r->n_changes > 0)
        r->changes = changes;
    else
        free(changes);
}
