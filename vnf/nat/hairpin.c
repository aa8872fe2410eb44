// SPDX-License-Identifier: BSD-3-Clause
// From inside to an outside address of this NAT: what is behind it, and may the two speak (RFC
// 4787, REQ-9; RFC 5508, REQ-7; RFC 7857, 12)? Called by process.c with the lock held, on workers,
// on the main thread for RESTORE. Next: settle.c.

#include "vnf/nat/settle.h"

#include <rte_byteorder.h>

// The target of a hairpin that had a binding when the session began: its binding is not this
// session's to hold, so it may have ended meanwhile.
static void recall_target(const struct nat_scene *s, struct nat_way *way)
{
    const struct session_tuple *last = s->c->last;

    if (!(s->kept & NAT_HAIRPIN) || last == NULL)
        return;
    *way = (struct nat_way){.deed = NAT_TARGET_LOOSE, .port = last->destination_port};
    memcpy(&way->address, last->destination, sizeof(way->address));
}

static int is_same_hairpin(const struct nat_scene *s, const struct nat_way *source,
                           const struct nat_way *target)
{
    const struct nat_way *kept = source->deed != NAT_NOTHING ? source : target;

    return (s->kept & NAT_HAIRPIN) && nat_slot_deed(s->kept) == kept->deed && nat_is_kept(s, kept);
}

// What RESTORE has made for a hairpin that is not to be.
static void let_both_go(const struct nat_scene *s, const struct nat_way *source,
                        const struct nat_way *target)
{
    nat_let_go(s, source);
    if (target->binding != source->binding) // one that is freed is nobody's to release again
        nat_let_go(s, target);
}

// RFC 4787, REQ-9 a: the other inside host sees the outside address and port of who begins.
static enum function_verdict turn(const struct nat_scene *s, const struct nat_source *rule,
                                  struct nat_way *source, struct nat_way *target)
{
    uint8_t drop = DROP_NAT_FILTERED;
    uint32_t remote = s->source;
    uint16_t remote_port = s->c->tuple.source_port;

    if (source->deed != NAT_NOTHING) {
        if (!nat_settle_source(s, rule, source, &drop)) {
            let_both_go(s, source, target);
            return nat_refuse(s, drop);
        }
        remote = source->address;
        remote_port = source->port;
    }
    if (nat_is_first(s) && target->binding != NULL &&
        !nat_may_enter(s, target->binding, remote, remote_port)) {
        // Who is spoken to may answer, although he did not hear it: the other one has a filter,
        // too.
        if (source->binding != NULL && source->binding->n_sessions > 0)
            nat_admit(s, source->binding, s->destination, s->c->tuple.destination_port);
        nat_let_go(s, source);
        s->state->counters.filtered++;
        return nat_deny(s, DROP_NAT_FILTERED);
    }
    if (!nat_is_first(s) && !is_same_hairpin(s, source, target)) {
        let_both_go(s, source, target);
        return nat_deny(s, DROP_NAT_FILTERED);
    }
    nat_hold(s, source);
    if (source->deed == NAT_NOTHING)
        nat_hold(s, target);
    s->state->counters.hairpinned += (uint64_t)nat_is_first(s);
    *s->c->slot = NAT_HAIRPIN | (source->deed != NAT_NOTHING
                                     ? nat_slot(source->deed, source->address, source->port)
                                     : nat_slot(target->deed, target->address, target->port));
    if (source->deed != NAT_NOTHING)
        nat_write_source(s, source);
    nat_write_destination(s, target);
    return FUNCTION_TURN;
}

enum function_verdict nat_hairpin(const struct nat_scene *s, const struct nat_source *rule,
                                  struct nat_way *source)
{
    struct nat_way target = nat_plan_target(s);

    if (target.deed == NAT_NOTHING)
        nat_settle_target(s, &target);
    if (target.deed == NAT_NOTHING)
        recall_target(s, &target);
    if (target.deed == NAT_NOTHING) // whose address it is may know: the router
        return s->kept == 0 ? FUNCTION_TURN : nat_deny(s, DROP_NAT_FILTERED);
    if (!(s->config->flags & API_NAT_HAIRPIN)) {
        nat_let_go(s, &target);
        return nat_deny(s, DROP_NAT_FILTERED);
    }
    return turn(s, rule, source, &target);
}
