// SPDX-License-Identifier: BSD-3-Clause
// What does the NAT make of a session to be? Called by the chain, on workers, for first packets and
// for open sessions after a commit; on the main thread for those of the process before this one.
// Packets of open sessions never come here. IPv6 passes untouched. Allocates nothing. Next:
// settle.c, hairpin.c.

#include "vnf/nat/settle.h"

#include <netinet/in.h>

#include <rte_byteorder.h>

static uint32_t address_of(const uint8_t *bytes)
{
    uint32_t address;

    memcpy(&address, bytes, sizeof(address));
    return address;
}

static enum function_verdict translate_source(const struct nat_scene *s,
                                              const struct nat_source *rule, struct nat_way *way)
{
    uint8_t drop;

    if (!nat_settle_source(s, rule, way, &drop)) {
        nat_let_go(s, way);
        return nat_refuse(s, drop);
    }
    nat_hold(s, way);
    *s->c->slot = nat_slot(way->deed, way->address, way->port);
    nat_write_source(s, way);
    return FUNCTION_ALLOW;
}

// By configuration alone it is not this NAT's.
static enum function_verdict leave_alone(const struct nat_scene *s)
{
    s->c->account = NAT_ACCOUNT_UNCHANGED;
    return s->kept == 0 ? FUNCTION_ALLOW : nat_deny(s, DROP_NAT_FILTERED);
}

static enum function_verdict outward(const struct nat_scene *s)
{
    uint32_t destination = rte_be_to_cpu_32(s->destination);
    const struct nat_source *rule =
        nat_source_find(s->config, rte_be_to_cpu_32(s->source), destination);
    enum function_verdict verdict;
    struct nat_way source;

    if (rule != NULL && rule->is_exempt)
        return leave_alone(s);
    source = nat_plan_source(s, rule);
    if (source.deed == NAT_NOTHING && !nat_is_outside(s->config, destination))
        return leave_alone(s);
    nat_lock(s->state);
    if (nat_is_outside(s->config, destination))
        verdict = nat_hairpin(s, rule, &source);
    else if (!nat_is_first(s) && (s->kept == 0 || (s->kept & NAT_HAIRPIN)))
        verdict = nat_deny(s, DROP_NAT_FILTERED);
    else
        verdict = translate_source(s, rule, &source);
    nat_unlock(s->state);
    return verdict;
}

// RFC 5382, REQ-4: a SYN that nobody wants is answered, but late.
static void tell_late(const struct nat_scene *s)
{
    s->c->is_told_late = nat_is_first(s) && s->c->tuple.protocol == IPPROTO_TCP;
}

// To an outside address with nothing behind it: the router may own it.
static enum function_verdict pass_by(const struct nat_scene *s)
{
    if (s->kept != 0)
        return nat_deny(s, DROP_NAT_FILTERED);
    s->state->counters.unmatched += (uint64_t)nat_is_first(s);
    s->c->account = NAT_ACCOUNT_UNMATCHED;
    tell_late(s);
    return FUNCTION_ALLOW;
}

static enum function_verdict enter(const struct nat_scene *s)
{
    struct nat_way target = nat_plan_target(s);

    if (target.deed == NAT_NOTHING && (nat_is_first(s) || s->c->is_turned || s->kept != 0))
        nat_settle_target(s, &target);
    if (target.deed == NAT_NOTHING)
        return pass_by(s);
    if (target.binding == NULL) // by configuration, to which nat_settle_target noted the exception
        s->c->account = NAT_ACCOUNT_UNCHANGED;
    if (target.binding != NULL && s->c->occasion != FUNCTION_RESTORE &&
        !nat_may_enter(s, target.binding, s->source, s->c->tuple.source_port)) {
        s->state->counters.filtered += (uint64_t)nat_is_first(s);
        tell_late(s);
        return nat_deny(s, DROP_NAT_FILTERED);
    }
    if (!nat_is_first(s) && !s->c->is_turned &&
        (nat_slot_deed(s->kept) != target.deed || !nat_is_kept(s, &target))) {
        nat_let_go(s, &target);
        return nat_deny(s, DROP_NAT_FILTERED);
    }
    if (!s->c->is_turned) {
        nat_hold(s, &target);
        *s->c->slot = nat_slot(target.deed, target.address, target.port);
    }
    nat_write_destination(s, &target);
    return FUNCTION_ALLOW;
}

static enum function_verdict inward(const struct nat_scene *s)
{
    enum function_verdict verdict;

    // Who is behind this NAT does not come from there; the router relies on that.
    if (!s->c->is_turned && nat_is_outside(s->config, rte_be_to_cpu_32(s->source)))
        return nat_deny(s, DROP_NAT_FILTERED);
    if (!nat_is_outside(s->config, rte_be_to_cpu_32(s->destination)))
        return leave_alone(s);
    nat_lock(s->state);
    verdict = enter(s);
    nat_unlock(s->state);
    return verdict;
}

// Neither query nor error, a group, a broadcast: no session follows. What would need a translation
// has none, and shows nothing of the inside (RFC 5508, REQ-11).
static enum function_verdict alone(const struct nat_scene *s)
{
    uint32_t source = rte_be_to_cpu_32(s->source), destination = rte_be_to_cpu_32(s->destination);
    const struct nat_source *rule;

    if (s->c->is_inward)
        return nat_plan_target(s).deed == NAT_NOTHING ? FUNCTION_ALLOW
                                                      : nat_deny(s, DROP_NAT_NOT_TRANSLATABLE);
    rule = nat_source_find(s->config, source, destination);
    if ((rule != NULL && rule->is_exempt) || nat_plan_source(s, rule).deed == NAT_NOTHING)
        return FUNCTION_ALLOW;
    return nat_deny(s, DROP_NAT_NOT_TRANSLATABLE);
}

enum function_verdict nat_judge(const struct function *f, const struct walk_context *ctx,
                                struct function_case *c)
{
    const struct nat_scene s = {.config = f->config,
                                .state = f->state,
                                .ctx = ctx,
                                .c = c,
                                .source = address_of(c->tuple.source),
                                .destination = address_of(c->tuple.destination),
                                .kept =
                                    c->occasion == FUNCTION_FIRST || c->is_turned ? 0 : *c->slot};

    if (c->tuple.family != 4) {
        c->account = NAT_ACCOUNT_UNCHANGED;
        return FUNCTION_ALLOW;
    }
    if (c->is_alone)
        return alone(&s);
    return c->is_inward ? inward(&s) : outward(&s);
}

// The slot of a session begun from outside, UDP: from now on it holds the mapping.
void nat_answered(void *state, uint32_t chain, uint8_t protocol, uint64_t *slot)
{
    struct nat_state *s = state;
    const struct nat_wish wish = {.chain = chain,
                                  .inside = nat_slot_address(*slot),
                                  .inside_port = nat_slot_port(*slot),
                                  .protocol = protocol};

    if (nat_slot_deed(*slot) != NAT_TARGET_LOOSE)
        return;
    nat_lock(s);
    if (nat_binding_hold_inward(s, &wish))
        *slot = (*slot & NAT_HAIRPIN) | nat_slot(NAT_TARGET, wish.inside, wish.inside_port);
    nat_unlock(s);
}

void nat_release(void *state, uint32_t chain, uint8_t protocol, uint64_t slot)
{
    struct nat_state *s = state;
    struct nat_wish wish = {.chain = chain,
                            .inside = nat_slot_address(slot),
                            .inside_port = nat_slot_port(slot),
                            .protocol = protocol};
    struct nat_binding *b;

    switch (nat_slot_deed(slot)) {
    case NAT_SOURCE:
        nat_lock(s);
        b = nat_binding_outside(s, protocol, nat_slot_address(slot), nat_slot_port(slot));
        if (b != NULL)
            nat_binding_release(s, b);
        nat_unlock(s);
        return;
    case NAT_TARGET:
        nat_lock(s);
        nat_binding_release_inward(s, &wish);
        nat_unlock(s);
        return;
    default:
        return;
    }
}

static void nat_account(const struct function *f, uint64_t account, uint64_t packets,
                        uint64_t bytes)
{
    struct nat_state *s = f->state;

    (void)bytes;
    if (account != NAT_ACCOUNT_UNMATCHED)
        return;
    nat_lock(s);
    s->counters.unmatched += packets;
    nat_unlock(s);
}

static uint32_t nat_version(const struct function *f)
{
    return ((const struct nat_config *)f->config)->version;
}

static void nat_hold_state(void *state)
{
    ((struct nat_state *)state)->n_references++;
}

static void nat_drop_state(void *state)
{
    nat_state_put(state);
}

const struct function_ops nat_ops = {
    .name = "nat",
    .n_instances = nat_n_instances,
    .identify = nat_identify,
    .config_create = nat_config_create,
    .activate = nat_activate,
    .config_destroy = nat_config_destroy,
    .age = nat_age,
    .tend = nat_tend,
    .request = nat_request,
    .judge = nat_judge,
    .foresee = nat_foresee,
    .answered = nat_answered,
    .release = nat_release,
    .account = nat_account,
    .version = nat_version,
    .state_get = nat_hold_state,
    .state_put = nat_drop_state,
};
