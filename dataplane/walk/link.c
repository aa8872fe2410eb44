// SPDX-License-Identifier: BSD-3-Clause
// Is what is plugged in there up? Asked by functions that need a link (a router's interface) and by
// who shows chains (chain/show.c); any thread, on a generation that is not freed meanwhile. Changes
// nothing.

#include <string.h>

#include "dataplane/walk/generation.h"

static int is_port_up(const struct attachment *a)
{
    return a->port != NULL && port_is_up(a->port);
}

// Whether any member of the switch but `side` leads to something that is up.
static int has_member_up(const struct generation *generation, const struct function *f,
                         const struct attachment *side)
{
    for (uint32_t i = 0; i < f->n_attachments; i++) {
        const struct attachment *member = &generation->attachments[f->first_attachment + i];

        if (member != side && (is_port_up(member) || member->peer != ATTACHMENT_NONE))
            return 1;
    }
    return 0;
}

// Whether a function is up, seen from one of its sides. *attachment: for a chain, which is as much
// up as what is plugged in at its other end, this attachment is to be asked.
static int is_up_from(const struct generation *generation, uint32_t side, uint32_t *attachment)
{
    const struct attachment *a = &generation->attachments[side];
    const struct function *f = &generation->functions[a->function];

    if (strcmp(f->ops->name, "switch") == 0)
        return has_member_up(generation, f, a);
    if (strcmp(f->ops->name, "chain") == 0)
        *attachment = attachment_opposite(generation, side);
    return 1;
}

int attachment_is_up(const struct generation *generation, uint32_t attachment)
{
    for (;;) { // from segment to segment of a chain; its end is none
        const struct attachment *a = &generation->attachments[attachment];
        uint32_t behind = a->peer, next = ATTACHMENT_NONE;
        int is_up;

        if (a->guest_port != NULL) {
            if (!a->is_passed_by && !attachment_has_guest_up(a))
                return 0;
            behind = a->beyond;
        } else if (a->port != NULL) {
            return is_port_up(a);
        }
        if (behind == ATTACHMENT_NONE)
            return 0;
        is_up = is_up_from(generation, behind, &next);
        if (next == ATTACHMENT_NONE)
            return is_up;
        attachment = next;
    }
}

int chain_end_is_up(const struct generation *generation, const struct chain_cable *cable,
                    unsigned end)
{
    const struct attachment *own = &generation->attachments[cable->sides[end]];
    uint32_t next;

    if (cable->sides[end] == ATTACHMENT_NONE) // a port that is plugged into the other end's side
        return attachment_is_up(generation, cable->sides[!end]);
    if (own->function == FUNCTION_NONE)
        return is_port_up(own);
    if (cable->has_functions)
        return attachment_is_up(generation, cable->sides[end]);
    return is_up_from(generation, cable->sides[end], &next);
}
