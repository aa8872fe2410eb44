// SPDX-License-Identifier: BSD-3-Clause
// Which packets wait for a neighbour's MAC? A short queue of each neighbour, a bound for all of a
// router, and one for all routers in each pool: the buffers belong to ports, which others use as
// well. Workers put packets in and take them out under the table's lock; how one that was taken out
// ends is decided without it. Next: back to neighbor.c or neighbor_tick.c.

#include "dataplane/core/pool.h"
#include "vnf/router/neighbor.h"
#include "vnf/router/packet.h"

static uint16_t new_place(struct neighbor_table *t)
{
    uint16_t place = t->free_held;

    if (place != 0) {
        t->free_held = t->held[place].next;
        return place;
    }
    return t->n_held_ever < NEIGHBOR_MAX_HELD_ROUTER ? ++t->n_held_ever : 0;
}

struct rte_mbuf *neighbor_held_take(struct neighbor_table *t, struct neighbor_entry *e,
                                    uint16_t *in_slot)
{
    uint16_t place = e->held_first;
    struct neighbor_held *held = &t->held[place];

    if (e->n_held == 0)
        return NULL;
    *in_slot = held->in_slot;
    e->held_first = held->next;
    e->n_held--;
    t->n_held--;
    held->next = t->free_held;
    t->free_held = place;
    pool_end_wait(held->m);
    return held->m;
}

int neighbor_held_add(struct neighbor_table *t, struct neighbor_entry *e, struct rte_mbuf *m,
                      uint16_t in_slot, struct rte_mbuf **oldest)
{
    uint16_t unused, place;

    *oldest = NULL;
    if (e->n_held == NEIGHBOR_MAX_HELD || (e->n_held > 0 && t->n_held == NEIGHBOR_MAX_HELD_ROUTER))
        *oldest = neighbor_held_take(t, e, &unused);
    if (!pool_begin_wait(m)) {
        // It may take the room of the oldest here, but nobody else's.
        if (e->n_held > 0 && *oldest == NULL)
            *oldest = neighbor_held_take(t, e, &unused);
        if (*oldest == NULL || !pool_begin_wait(m))
            return 0;
    }
    place = new_place(t);
    if (place == 0) {
        pool_end_wait(m);
        return 0;
    }
    t->held[place] = (struct neighbor_held){m, 0, in_slot};
    if (e->n_held > 0)
        t->held[e->held_last].next = place;
    else
        e->held_first = place;
    e->held_last = place;
    e->n_held++;
    t->n_held++;
    return 1;
}

unsigned neighbor_held_take_all(struct neighbor_table *t, struct neighbor_entry *e,
                                struct neighbor_waiter *waiters)
{
    unsigned n = 0;

    while (e->n_held > 0) {
        struct neighbor_waiter *waiter = &waiters[n++];

        waiter->mac = e->mac & NEIGHBOR_MAC;
        waiter->out_slot = neighbor_slot(e);
        waiter->m = neighbor_held_take(t, e, &waiter->in_slot);
    }
    return n;
}

void neighbor_send_waiter(const struct router_scene *s, const struct neighbor_waiter *waiter)
{
    const struct router_interface *out = router_interface_of(s->config, waiter->out_slot);

    if (out != NULL)
        router_resume(s, waiter->m, out, (const uint8_t *)&waiter->mac);
    else
        router_discard(s, waiter->m, DROP_NEIGHBOR_UNRESOLVED);
}

const struct router_interface *neighbor_arrival(const struct router_scene *s, struct rte_mbuf *m)
{
    const struct packet *p = packet_of(m);
    uint32_t side = p->in - s->f->first_attachment;

    return !packet_is_own(p) && side < s->f->n_attachments ? &s->config->interfaces[side / 2]
                                                           : NULL;
}

void neighbor_unreachable(const struct router_scene *s, struct rte_mbuf **m,
                          const struct router_interface *in)
{
    // RFC 792: host unreachable; RFC 4443, 3.1: address unreachable.
    static const struct icmp_fault fault = {DROP_NEIGHBOR_UNRESOLVED, 3, 1, 1, 3, 0};

    router_icmp_error(s, m, in, &fault);
}

void neighbor_fail_waiter(const struct router_scene *s, const struct neighbor_waiter *waiter)
{
    const struct router_interface *in = router_interface_of(s->config, waiter->in_slot);
    struct rte_mbuf *m = waiter->m;

    // Where it came by may have another number by now, or none.
    if (waiter->in_slot != SLOT_NONE && in == NULL) {
        router_discard(s, m, DROP_NEIGHBOR_UNRESOLVED);
        return;
    }
    if (in != NULL)
        packet_of(m)->in = in->attachment;
    neighbor_unreachable(s, &m, in);
    router_carry_out(s, m);
}
