// SPDX-License-Identifier: BSD-3-Clause
// Which translation is it? By configuration alone first (rules.c, no lock), then by a binding,
// under the lock; for a session that is open already it must be the one that its slot tells of.
// Called by process.c and hairpin.c, on workers, on the main thread for RESTORE. Allocates nothing.
// Next: binding.c.

#include "vnf/nat/settle.h"

#include <netinet/in.h>

#include <rte_byteorder.h>

#include "dataplane/walk/trace.h"

void nat_write_source(const struct nat_scene *s, const struct nat_way *way)
{
    memcpy(s->c->tuple.source, &way->address, sizeof(way->address));
    if (nat_class_of(s->c->tuple.protocol) >= 0)
        s->c->tuple.source_port = way->port;
}

void nat_write_destination(const struct nat_scene *s, const struct nat_way *way)
{
    memcpy(s->c->tuple.destination, &way->address, sizeof(way->address));
    if (nat_class_of(s->c->tuple.protocol) >= 0)
        s->c->tuple.destination_port = way->port;
}

// What the configuration alone knows.

static int forward_of(const struct nat_forward *forwards, const struct nat_scene *s,
                      uint32_t address, uint16_t port, struct nat_way *way)
{
    struct nat_forward key = {.protocol = s->c->tuple.protocol,
                              .from = rte_be_to_cpu_32(address),
                              .first = rte_be_to_cpu_16(port)};
    uint32_t to;
    uint16_t to_port;

    if (s->config->n_forwards == 0 ||
        !nat_forward_find(forwards, s->config->n_forwards, &key, &to, &to_port))
        return 0;
    way->address = rte_cpu_to_be_32(to);
    way->port = rte_cpu_to_be_16(to_port);
    return 1;
}

static int static_of(const struct nat_static *statics, uint32_t n, uint32_t address, uint16_t port,
                     struct nat_way *way)
{
    uint32_t to;

    if (n == 0 || !nat_static_find(statics, n, rte_be_to_cpu_32(address), &to))
        return 0;
    way->address = rte_cpu_to_be_32(to);
    way->port = port;
    return 1;
}

struct nat_way nat_plan_source(const struct nat_scene *s, const struct nat_source *rule)
{
    uint16_t port = s->c->tuple.source_port;
    struct nat_way way = {.deed = NAT_NOTHING};

    if (static_of(s->config->statics_out, s->config->n_statics_out, s->source, port, &way))
        way.deed = NAT_SOURCE_STATIC;
    else if (forward_of(s->config->forwards_out, s, s->source, port, &way))
        way.deed = NAT_SOURCE_FORWARD;
    else if (rule != NULL)
        way.deed = NAT_SOURCE;
    return way;
}

struct nat_way nat_plan_target(const struct nat_scene *s)
{
    uint16_t port = s->c->tuple.destination_port;
    struct nat_way way = {.deed = NAT_NOTHING};

    if (forward_of(s->config->forwards_in, s, s->destination, port, &way))
        way.deed = NAT_TARGET_FORWARD;
    else if (static_of(s->config->statics_in, s->config->n_statics_in, s->destination, port, &way))
        way.deed = NAT_TARGET_STATIC;
    return way;
}

// Bindings, under the lock.

static struct nat_wish wish_of(const struct nat_scene *s, const struct nat_source *rule,
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
static void set_remote(const struct nat_scene *s, struct nat_wish *wish, uint32_t remote,
                       uint16_t port)
{
    int class = nat_class_of(wish->protocol);

    if (class >= 0 && s->config->mapping == API_NAT_ENDPOINT_INDEPENDENT)
        return;
    wish->remote = remote;
    if (class >= 0 && class != NAT_ICMP && s->config->mapping == API_NAT_ADDRESS_AND_PORT_DEPENDENT)
        wish->remote_port = port;
}

// A binding may still be what the configuration says: rule, pool and range.
static int is_in_range(const struct nat_scene *s, uint16_t port)
{
    uint16_t number = rte_be_to_cpu_16(port);

    return nat_class_of(s->c->tuple.protocol) < 0 ||
           (number >= s->config->port_first && number <= s->config->port_last);
}

static struct nat_binding *kept_source(const struct nat_scene *s, const struct nat_wish *wish)
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

int nat_settle_source(const struct nat_scene *s, const struct nat_source *rule, struct nat_way *way,
                      uint8_t *drop)
{
    struct nat_wish wish = wish_of(s, rule, s->source, s->c->tuple.source_port);

    *drop = DROP_NAT_FILTERED;
    if (way->deed == NAT_SOURCE) {
        set_remote(s, &wish, s->destination, s->c->tuple.destination_port);
        way->binding =
            nat_is_first(s) ? nat_binding_get(s->state, &wish, drop) : kept_source(s, &wish);
        if (way->binding == NULL)
            return 0;
        way->address = way->binding->outside;
        way->port = way->binding->outside_port;
    }
    return nat_is_first(s) || (nat_slot_deed(s->kept) == way->deed && nat_is_kept(s, way));
}

// As the filter sees a remote endpoint.
static struct nat_remote remote_of(const struct nat_scene *s, uint32_t address, uint16_t port)
{
    int has_port = s->config->filtering == API_NAT_ADDRESS_AND_PORT_DEPENDENT &&
                   s->c->tuple.protocol != IPPROTO_ICMP && nat_class_of(s->c->tuple.protocol) >= 0;

    return (struct nat_remote){.address = address, .port = has_port ? port : 0};
}

int nat_may_enter(const struct nat_scene *s, const struct nat_binding *b, uint32_t remote,
                  uint16_t port)
{
    return s->config->filtering == API_NAT_ENDPOINT_INDEPENDENT ||
           nat_remote_is_known(s->state, b, remote_of(s, remote, port));
}

void nat_admit(const struct nat_scene *s, struct nat_binding *b, uint32_t remote, uint16_t port)
{
    if (s->config->filtering != API_NAT_ENDPOINT_INDEPENDENT)
        nat_remote_add(s->state, b, remote_of(s, remote, port));
}

// Under the lock, so none comes to be between the look and the note.
static void note_absence(const struct nat_scene *s, uint16_t port)
{
    struct rte_mbuf *m = (struct rte_mbuf *)(uintptr_t)s->c->m;
    struct walk_trace *t = m != NULL ? walk_trace_of(s->ctx, m) : NULL;

    if (t != NULL)
        walk_trace_opening(t,
                           nat_binding_place(s->state, s->c->tuple.protocol, s->destination, port));
}

// The binding that the destination belongs to.
static struct nat_binding *find_target(const struct nat_scene *s)
{
    uint16_t port = s->c->tuple.destination_port;
    uint8_t protocol = s->c->tuple.protocol;
    struct nat_binding *b;

    if (nat_class_of(protocol) < 0)
        port = nat_digest(s->source);
    else if (protocol == IPPROTO_ICMP && !s->c->is_inward && port == 0)
        port = s->c->tuple.source_port; // RFC 7857, 12: a query has one identifier for both ends
    b = nat_binding_outside(s->state, protocol, s->destination, port);
    if (b != NULL && b->chain == s->c->chain &&
        (nat_class_of(protocol) >= 0 || b->remote == s->source))
        return b;
    note_absence(s, port);
    return NULL;
}

// Who begins from outside prolongs no mapping, if that is so configured (RFC 4787, REQ-6; RFC 7857,
// 6.1), unless he is answered: nat_answered. Of TCP he must be, or is forgotten soon.
static int is_loose(const struct nat_scene *s, const struct nat_binding *b)
{
    return b->remote != 0 ||
           (b->protocol == IPPROTO_UDP && !(s->config->flags & API_NAT_INBOUND_REFRESH));
}

static void set_target(const struct nat_scene *s, struct nat_way *way, struct nat_binding *b)
{
    int is_query = b->protocol == IPPROTO_ICMP && s->c->tuple.destination_port == 0;

    *way = (struct nat_way){.deed = is_loose(s, b) ? NAT_TARGET_LOOSE : NAT_TARGET,
                            .address = b->inside,
                            .port = is_query ? 0 : b->inside_port,
                            .binding = b};
    // It may have been the other one at first, by another configuration or by an answer.
    if (b->remote == 0 &&
        (nat_slot_deed(s->kept) == NAT_TARGET || nat_slot_deed(s->kept) == NAT_TARGET_LOOSE))
        way->deed = nat_slot_deed(s->kept);
}

// What a binding of the process before this one was: the slot has its inside end, the packet came
// to its outside end.
static struct nat_binding *restore_target(const struct nat_scene *s)
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
static void take_rest(const struct nat_scene *s, struct nat_way *way)
{
    if (static_of(s->config->rest, s->config->n_rest, s->destination, s->c->tuple.destination_port,
                  way))
        way->deed = NAT_TARGET_FORWARD;
}

void nat_settle_target(const struct nat_scene *s, struct nat_way *way)
{
    struct nat_binding *b = find_target(s);

    if (b == NULL && s->c->occasion == FUNCTION_RESTORE && nat_slot_deed(s->kept) == NAT_TARGET)
        b = restore_target(s);
    if (b != NULL)
        set_target(s, way, b);
    else
        take_rest(s, way);
}

void nat_hold(const struct nat_scene *s, const struct nat_way *way)
{
    if (way->binding == NULL || s->c->occasion == FUNCTION_AGAIN)
        return;
    if (way->deed == NAT_SOURCE || way->deed == NAT_TARGET)
        nat_binding_hold(way->binding, way->deed == NAT_TARGET);
    // With address- and port-dependent filtering the session itself is the permission.
    if (s->config->filtering == API_NAT_ADDRESS_DEPENDENT)
        nat_admit(s, way->binding, way->deed == NAT_SOURCE ? s->destination : s->source, 0);
}

void nat_let_go(const struct nat_scene *s, const struct nat_way *way)
{
    if (way->binding != NULL && way->binding->n_sessions == 0)
        nat_binding_release(s->state, way->binding);
}
