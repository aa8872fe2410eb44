// SPDX-License-Identifier: BSD-3-Clause
// What does the NAT make of a session to be? Called by the chain, on workers, for first packets and
// for open sessions after a commit; on the main thread for those of the process before this one.
// Packets of open sessions never come here. IPv6 passes untouched. Allocates nothing. Next:
// rules.c, which only reads the configuration; binding.c, under the lock.

#include <rte_byteorder.h>

#include "vnf/nat/state.h"

struct scene {
    const struct nat_config *config;
    struct nat_state *state;
    struct function_case *c;
    uint32_t source, destination; // network order
    uint64_t kept;                // slot of AGAIN and RESTORE
};

// One translation, and the binding that stands for it, if one does.
struct way {
    enum nat_deed deed;
    uint32_t address; // network order
    uint16_t port;
    struct nat_binding *binding;
};

static uint32_t address_of(const uint8_t *bytes)
{
    uint32_t address;

    memcpy(&address, bytes, sizeof(address));
    return address;
}

static int is_first(const struct scene *s)
{
    return s->c->occasion == FUNCTION_FIRST;
}

static enum function_verdict deny(const struct scene *s, enum api_drop reason)
{
    s->c->drop = (uint8_t)reason;
    return FUNCTION_DENY;
}

// Who begins is told; a session that may not go on ends.
static enum function_verdict refuse(const struct scene *s, uint8_t reason)
{
    s->c->drop = reason;
    return is_first(s) ? FUNCTION_REJECT : FUNCTION_DENY;
}

static void write_source(const struct scene *s, const struct way *way)
{
    memcpy(s->c->tuple.source, &way->address, sizeof(way->address));
    if (nat_class_of(s->c->tuple.protocol) >= 0)
        s->c->tuple.source_port = way->port;
}

static void write_destination(const struct scene *s, const struct way *way)
{
    memcpy(s->c->tuple.destination, &way->address, sizeof(way->address));
    if (nat_class_of(s->c->tuple.protocol) >= 0)
        s->c->tuple.destination_port = way->port;
}

// What the configuration alone knows.

static int forward_of(const struct nat_forward *forwards, const struct scene *s, uint32_t address,
                      uint16_t port, struct way *way)
{
    struct nat_forward key = {.protocol = s->c->tuple.protocol,
                              .from = rte_be_to_cpu_32(address),
                              .first = rte_be_to_cpu_16(port)};
    uint32_t to;
    uint16_t to_port;

    if (!nat_forward_find(forwards, s->config->n_forwards, &key, &to, &to_port))
        return 0;
    way->address = rte_cpu_to_be_32(to);
    way->port = rte_cpu_to_be_16(to_port);
    return 1;
}

static int static_of(const struct nat_static *statics, uint32_t n, uint32_t address, uint16_t port,
                     struct way *way)
{
    uint32_t to;

    if (!nat_static_find(statics, n, rte_be_to_cpu_32(address), &to))
        return 0;
    way->address = rte_cpu_to_be_32(to);
    way->port = port;
    return 1;
}

// Of the source: a static rule is a binding both ways, before one is made on demand.
static struct way plan_source(const struct scene *s, const struct nat_source *rule)
{
    uint16_t port = s->c->tuple.source_port;
    struct way way = {.deed = NAT_NOTHING};

    if (static_of(s->config->statics_out, s->config->n_statics_out, s->source, port, &way))
        way.deed = NAT_SOURCE_STATIC;
    else if (forward_of(s->config->forwards_out, s, s->source, port, &way))
        way.deed = NAT_SOURCE_FORWARD;
    else if (rule != NULL)
        way.deed = NAT_SOURCE;
    return way;
}

// Where an outside address and port lead by configuration.
static struct way plan_target(const struct scene *s)
{
    uint16_t port = s->c->tuple.destination_port;
    struct way way = {.deed = NAT_NOTHING};

    if (forward_of(s->config->forwards_in, s, s->destination, port, &way))
        way.deed = NAT_TARGET_FORWARD;
    else if (static_of(s->config->statics_in, s->config->n_statics_in, s->destination, port, &way))
        way.deed = NAT_TARGET_STATIC;
    return way;
}

// Bindings, under the lock.

static struct nat_wish wish_of(const struct scene *s, const struct nat_source *rule,
                               uint32_t inside, uint16_t inside_port)
{
    struct nat_wish wish = {.config = s->config,
                            .source = rule,
                            .chain = s->c->chain,
                            .inside = inside,
                            .inside_port = inside_port,
                            .protocol = s->c->tuple.protocol};

    return wish;
}

// For whom the binding is: all, by default.
static void set_remote(const struct scene *s, struct nat_wish *wish, uint32_t remote, uint16_t port)
{
    int class = nat_class_of(wish->protocol);

    if (class >= 0 && s->config->mapping == API_NAT_ENDPOINT_INDEPENDENT)
        return;
    wish->remote = remote;
    if (class >= 0 && class != NAT_ICMP && s->config->mapping == API_NAT_ADDRESS_AND_PORT_DEPENDENT)
        wish->remote_port = port;
}

static int is_kept(const struct scene *s, const struct way *way)
{
    return nat_slot_address(s->kept) == way->address && nat_slot_port(s->kept) == way->port;
}

// A binding may still be what the configuration says: rule, pool and range.
static int is_in_range(const struct scene *s, uint16_t port)
{
    uint16_t number = rte_be_to_cpu_16(port);

    return nat_class_of(s->c->tuple.protocol) < 0 ||
           (number >= s->config->port_first && number <= s->config->port_last);
}

static struct nat_binding *kept_source(const struct scene *s, const struct nat_wish *wish)
{
    uint32_t outside = nat_slot_address(s->kept);
    uint16_t port = nat_slot_port(s->kept);
    struct nat_binding *b;

    if (!is_in_range(s, port) || nat_source_number(wish->source, rte_be_to_cpu_32(outside)) < 0)
        return NULL;
    if (s->c->occasion == FUNCTION_RESTORE)
        return nat_binding_restore(s->state, wish, outside, port);
    b = nat_binding_outside(s->state, wish->protocol, outside, port);
    if (b == NULL || b->inside != wish->inside || b->inside_port != wish->inside_port ||
        b->chain != wish->chain)
        return NULL;
    return b;
}

// Carry out the plan for the source: 1, or 0 with *drop.
static int settle_source(const struct scene *s, const struct nat_source *rule, struct way *way,
                         uint8_t *drop)
{
    struct nat_wish wish = wish_of(s, rule, s->source, s->c->tuple.source_port);

    *drop = DROP_NAT_FILTERED;
    if (way->deed == NAT_SOURCE) {
        set_remote(s, &wish, s->destination, s->c->tuple.destination_port);
        way->binding = is_first(s) ? nat_binding_get(s->state, &wish, drop) : kept_source(s, &wish);
        if (way->binding == NULL)
            return 0;
        way->address = way->binding->outside;
        way->port = way->binding->outside_port;
    }
    return is_first(s) || (nat_slot_deed(s->kept) == way->deed && is_kept(s, way));
}

// RFC 4787, 5. Who is spoken to already needs no permission: that is a session.
static int may_enter(const struct scene *s, const struct nat_binding *b, uint32_t remote)
{
    switch (s->config->filtering) {
    case API_NAT_ENDPOINT_INDEPENDENT:
        return 1;
    case API_NAT_ADDRESS_DEPENDENT:
        return nat_remote_is_known(s->state, b, remote);
    default:
        return 0;
    }
}

// The binding that the destination belongs to.
static struct nat_binding *find_target(const struct scene *s)
{
    uint16_t port = s->c->tuple.destination_port;
    uint8_t protocol = s->c->tuple.protocol;
    struct nat_binding *b;

    if (nat_class_of(protocol) < 0)
        port = nat_digest(s->source);
    b = nat_binding_outside(s->state, protocol, s->destination, port);
    if (b == NULL || b->chain != s->c->chain)
        return NULL;
    return nat_class_of(protocol) >= 0 || b->remote == s->source ? b : NULL;
}

static void set_target(struct way *way, struct nat_binding *b)
{
    int is_loose = b->remote != 0;

    *way = (struct way){.deed = is_loose ? NAT_TARGET_LOOSE : NAT_TARGET,
                        .address = b->inside,
                        .port = b->inside_port,
                        .binding = b};
}

// What a binding of the process before this one was: the slot has its inside end, the packet came
// to its outside end.
static struct nat_binding *restore_target(const struct scene *s)
{
    uint32_t inside = nat_slot_address(s->kept);
    const struct nat_source *rule =
        nat_source_find(s->config, rte_be_to_cpu_32(inside), rte_be_to_cpu_32(s->source));
    struct nat_wish wish = wish_of(s, rule, inside, nat_slot_port(s->kept));

    if (rule == NULL || rule->is_exempt || !is_in_range(s, s->c->tuple.destination_port) ||
        s->config->mapping != API_NAT_ENDPOINT_INDEPENDENT)
        return NULL;
    return nat_binding_restore(s->state, &wish, s->destination, s->c->tuple.destination_port);
}

// What nobody else has at this address.
static void take_rest(const struct scene *s, struct way *way)
{
    if (static_of(s->config->rest, s->config->n_rest, s->destination, s->c->tuple.destination_port,
                  way))
        way->deed = NAT_TARGET_FORWARD;
}

// A binding, or the rest of the address; the plan has found nothing.
static void settle_target(const struct scene *s, struct way *way)
{
    struct nat_binding *b = find_target(s);

    if (b == NULL && s->c->occasion == FUNCTION_RESTORE && nat_slot_deed(s->kept) == NAT_TARGET)
        b = restore_target(s);
    if (b != NULL)
        set_target(way, b);
    else
        take_rest(s, way);
}

// The verdicts.

static void hold(const struct scene *s, const struct way *way)
{
    if (way->binding == NULL || s->c->occasion == FUNCTION_AGAIN)
        return;
    if (way->deed == NAT_SOURCE || way->deed == NAT_TARGET)
        nat_binding_hold(way->binding, way->deed == NAT_TARGET);
    if (s->config->filtering == API_NAT_ADDRESS_DEPENDENT)
        nat_remote_add(s->state, way->binding,
                       way->deed == NAT_SOURCE ? s->destination : s->source);
}

// One that was made for nothing.
static void let_go(const struct scene *s, const struct way *way)
{
    if (way->binding != NULL && way->binding->n_sessions == 0)
        nat_binding_release(s->state, way->binding);
}

static enum function_verdict translate_source(const struct scene *s, const struct nat_source *rule,
                                              struct way *way)
{
    uint8_t drop;

    if (!settle_source(s, rule, way, &drop)) {
        let_go(s, way);
        return refuse(s, drop);
    }
    hold(s, way);
    *s->c->slot = nat_slot(way->deed, way->address, way->port);
    write_source(s, way);
    return FUNCTION_ALLOW;
}

// The target of a hairpin that had a binding when the session began: its binding is not this
// session's to hold, so it may have ended meanwhile.
static void recall_target(const struct scene *s, struct way *way)
{
    const struct session_tuple *last = s->c->last;

    if (!(s->kept & NAT_HAIRPIN) || last == NULL)
        return;
    *way = (struct way){.deed = NAT_TARGET_LOOSE,
                        .address = address_of(last->destination),
                        .port = last->destination_port};
}

static int is_same_hairpin(const struct scene *s, const struct way *source,
                           const struct way *target)
{
    const struct way *kept = source->deed != NAT_NOTHING ? source : target;

    return (s->kept & NAT_HAIRPIN) && nat_slot_deed(s->kept) == kept->deed && is_kept(s, kept);
}

// What RESTORE has made for a hairpin that is not to be.
static void let_both_go(const struct scene *s, const struct way *source, const struct way *target)
{
    let_go(s, source);
    if (target->binding != source->binding) // one that is freed is nobody's to release again
        let_go(s, target);
}

// RFC 4787, REQ-9 a: the other inside host sees the outside address and port of who begins.
static enum function_verdict turn(const struct scene *s, const struct nat_source *rule,
                                  struct way *source, struct way *target)
{
    uint8_t drop = DROP_NAT_FILTERED;
    uint32_t remote = s->source;

    if (source->deed != NAT_NOTHING) {
        if (!settle_source(s, rule, source, &drop)) {
            let_both_go(s, source, target);
            return refuse(s, drop);
        }
        remote = source->address;
    }
    if (target->binding != NULL && !may_enter(s, target->binding, remote) && is_first(s)) {
        // Who is spoken to may answer, although he did not hear it: the other one has a filter,
        // too.
        if (source->binding != NULL && source->binding->n_sessions > 0 &&
            s->config->filtering == API_NAT_ADDRESS_DEPENDENT)
            nat_remote_add(s->state, source->binding, s->destination);
        let_go(s, source);
        s->state->counters.filtered++;
        return deny(s, DROP_NAT_FILTERED);
    }
    if (!is_first(s) && !is_same_hairpin(s, source, target)) {
        let_both_go(s, source, target);
        return deny(s, DROP_NAT_FILTERED);
    }
    hold(s, source);
    if (source->deed == NAT_NOTHING)
        hold(s, target);
    s->state->counters.hairpinned += (uint64_t)is_first(s);
    *s->c->slot = NAT_HAIRPIN | (source->deed != NAT_NOTHING
                                     ? nat_slot(source->deed, source->address, source->port)
                                     : nat_slot(target->deed, target->address, target->port));
    if (source->deed != NAT_NOTHING)
        write_source(s, source);
    write_destination(s, target);
    return FUNCTION_TURN;
}

// From inside to an outside address of this NAT.
static enum function_verdict hairpin(const struct scene *s, const struct nat_source *rule,
                                     struct way *source)
{
    struct way target = plan_target(s);

    if (target.deed == NAT_NOTHING)
        settle_target(s, &target);
    if (target.deed == NAT_NOTHING)
        recall_target(s, &target);
    if (target.deed == NAT_NOTHING) // whose address it is may know: the router
        return s->kept == 0 ? FUNCTION_TURN : deny(s, DROP_NAT_FILTERED);
    if (!(s->config->flags & API_NAT_HAIRPIN)) {
        let_go(s, &target);
        return deny(s, DROP_NAT_FILTERED);
    }
    return turn(s, rule, source, &target);
}

static enum function_verdict outward(const struct scene *s)
{
    uint32_t destination = rte_be_to_cpu_32(s->destination);
    const struct nat_source *rule =
        nat_source_find(s->config, rte_be_to_cpu_32(s->source), destination);
    enum function_verdict verdict;
    struct way source;

    if (rule != NULL && rule->is_exempt)
        return s->kept == 0 ? FUNCTION_ALLOW : deny(s, DROP_NAT_FILTERED);
    source = plan_source(s, rule);
    if (source.deed == NAT_NOTHING && !nat_is_outside(s->config, destination))
        return s->kept == 0 ? FUNCTION_ALLOW : deny(s, DROP_NAT_FILTERED);
    nat_lock(s->state);
    if (nat_is_outside(s->config, destination))
        verdict = hairpin(s, rule, &source);
    else if (!is_first(s) && (s->kept == 0 || (s->kept & NAT_HAIRPIN)))
        verdict = deny(s, DROP_NAT_FILTERED);
    else
        verdict = translate_source(s, rule, &source);
    nat_unlock(s->state);
    return verdict;
}

// To an outside address with nothing behind it: the router may own it.
static enum function_verdict pass_by(const struct scene *s)
{
    if (s->kept != 0)
        return deny(s, DROP_NAT_FILTERED);
    s->state->counters.unmatched += (uint64_t)is_first(s);
    return FUNCTION_ALLOW;
}

static enum function_verdict enter(const struct scene *s)
{
    struct way target = plan_target(s);

    if (target.deed == NAT_NOTHING && (is_first(s) || s->c->is_turned || s->kept != 0))
        settle_target(s, &target);
    if (target.deed == NAT_NOTHING)
        return pass_by(s);
    if (target.binding != NULL && !may_enter(s, target.binding, s->source) &&
        s->c->occasion != FUNCTION_RESTORE) {
        s->state->counters.filtered += (uint64_t)is_first(s);
        return deny(s, DROP_NAT_FILTERED);
    }
    if (!is_first(s) && !s->c->is_turned &&
        (nat_slot_deed(s->kept) != target.deed || !is_kept(s, &target))) {
        let_go(s, &target);
        return deny(s, DROP_NAT_FILTERED);
    }
    if (!s->c->is_turned) {
        hold(s, &target);
        *s->c->slot = nat_slot(target.deed, target.address, target.port);
    }
    write_destination(s, &target);
    return FUNCTION_ALLOW;
}

static enum function_verdict inward(const struct scene *s)
{
    enum function_verdict verdict;

    // Who is behind this NAT does not come from there; the router relies on that.
    if (!s->c->is_turned && nat_is_outside(s->config, rte_be_to_cpu_32(s->source)))
        return deny(s, DROP_NAT_FILTERED);
    if (!nat_is_outside(s->config, rte_be_to_cpu_32(s->destination)))
        return s->kept == 0 ? FUNCTION_ALLOW : deny(s, DROP_NAT_FILTERED);
    nat_lock(s->state);
    verdict = enter(s);
    nat_unlock(s->state);
    return verdict;
}

// Neither query nor error, a group, a broadcast: no session follows. What would need a translation
// has none, and shows nothing of the inside (RFC 5508, REQ-11).
static enum function_verdict alone(const struct scene *s)
{
    uint32_t source = rte_be_to_cpu_32(s->source), destination = rte_be_to_cpu_32(s->destination);
    const struct nat_source *rule;

    if (s->c->is_inward)
        return plan_target(s).deed == NAT_NOTHING ? FUNCTION_ALLOW
                                                  : deny(s, DROP_NAT_NOT_TRANSLATABLE);
    rule = nat_source_find(s->config, source, destination);
    if ((rule != NULL && rule->is_exempt) || plan_source(s, rule).deed == NAT_NOTHING)
        return FUNCTION_ALLOW;
    return deny(s, DROP_NAT_NOT_TRANSLATABLE);
}

enum function_verdict nat_judge(const struct function *f, const struct walk_context *ctx,
                                struct function_case *c)
{
    const struct scene s = {.config = f->config,
                            .state = f->state,
                            .c = c,
                            .source = address_of(c->tuple.source),
                            .destination = address_of(c->tuple.destination),
                            .kept = c->occasion == FUNCTION_FIRST || c->is_turned ? 0 : *c->slot};

    (void)ctx;
    if (c->tuple.family != 4)
        return FUNCTION_ALLOW;
    if (c->is_alone)
        return alone(&s);
    return c->is_inward ? inward(&s) : outward(&s);
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
    .request = nat_request,
    .judge = nat_judge,
    .release = nat_release,
    .version = nat_version,
    .state_get = nat_hold_state,
    .state_put = nat_drop_state,
};
