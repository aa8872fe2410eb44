// SPDX-License-Identifier: BSD-3-Clause
// How does a chain with functions lie between its ends? As one instance of kind "chain" from end to
// end, or, where guests stand on it, as segments with a guest's two ports between one and the next.
// Main thread, called by wire.c. Next: chain/config.c fills the instances.

#include <errno.h>

#include "dataplane/chain/segment.h"
#include "dataplane/server/wire_parts.h"

static uint32_t side_of(const struct wiring *w, uint32_t segment, unsigned side)
{
    return w->g->functions[w->first_chain + segment].first_attachment + side;
}

// One end of the chain: a port, or the side of another function.
static int plug_end(const struct wiring *w, uint32_t side, uint32_t end_side,
                    const struct api_end *end)
{
    if (end_side == ATTACHMENT_NONE)
        return wire_port(w->g, side, end->index, end->outer_vlan, end->inner_vlan);
    w->g->attachments[side].peer = end_side;
    w->g->attachments[end_side].peer = side;
    return 0;
}

// `inside` and `outside`: the sides of two segments that face the guest's inside and outside port.
static int plug_guest(const struct wiring *w, uint32_t index, uint32_t inside, uint32_t outside)
{
    uint32_t n;
    const struct api_guest_function *guest =
        (const struct api_guest_function *)model_items(w->model, API_GUEST_FUNCTION, &n) + index;
    struct attachment *a = &w->g->attachments[inside], *b = &w->g->attachments[outside];

    if (wire_port(w->g, inside, guest->inside, 0, 0) < 0 ||
        wire_port(w->g, outside, guest->outside, 0, 0) < 0)
        return -ENOMEM;
    a->guest_port = b->port;
    b->guest_port = a->port;
    a->beyond = outside;
    b->beyond = inside;
    a->is_passed_by = b->is_passed_by = guest->on_failure == API_ON_FAILURE_BYPASS;
    return 0;
}

int wire_chain(struct wiring *w, uint32_t chain, const uint32_t ends[2], uint32_t sides[2])
{
    uint32_t n, first;
    const struct api_chain *item =
        (const struct api_chain *)model_items(w->model, API_CHAIN, &n) + chain;
    const struct api_chain_function *functions =
        model_owned(w->model, API_CHAIN_FUNCTION, chain, &first, &n);

    sides[0] = side_of(w, w->n_segments, 0);
    if (plug_end(w, sides[0], ends[0], &item->inside) < 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        if (functions[i].kind != API_FUNCTION_GUEST)
            continue;
        if (plug_guest(w, functions[i].index, side_of(w, w->n_segments, 1),
                       side_of(w, w->n_segments + 1, 0)) < 0)
            return -ENOMEM;
        w->n_segments++;
    }
    sides[1] = side_of(w, w->n_segments++, 1);
    return plug_end(w, sides[1], ends[1], &item->outside);
}
