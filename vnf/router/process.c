// SPDX-License-Identifier: BSD-3-Clause
// Where does a packet go? Called by the walk on a worker with up to BURST_SIZE frames for one
// router. The plain ones, IPv4 and IPv6 between hosts, pass it in steps over the whole burst:
// admit, look up all destinations, choose paths, find MACs, write headers; what a step needs is
// fetched in the one before. All others leave the steps for admit.c, local.c, output.c or
// icmp_error.c. Allocates nothing. Next: those files, then walk/egress.h.

#include <rte_prefetch.h>

#include "vnf/router/admit.h"
#include "vnf/router/note.h"

// Packets of one family whose destinations are looked up together.
struct batch {
    unsigned n;
    uint8_t at[BURST_SIZE];    // place in the burst
    uint8_t scope[BURST_SIZE]; // why it may not be forwarded, API_DROP_NONE: it may
    const struct router_interface *in[BURST_SIZE];
    const struct route_group *group[BURST_SIZE];
    const struct router_path *path[BURST_SIZE]; // NULL: decided out of line
    uint64_t mac[BURST_SIZE];
};

struct burst {
    struct rte_mbuf **m;
    unsigned n_received;
    unsigned n_plain; // forwarded by the steps here
    unsigned n_urpf;  // packets that came by an interface with strict uRPF
    struct batch b4, b6;
    uint32_t destination4[BURST_SIZE];
    uint8_t destination6[BURST_SIZE][16];
};

// First bytes of IPv4 addresses that hosts have: not 0/8, 127/8, 224/3. 169.254/16 wants a closer
// look.
static const uint8_t is_ordinary4[256] = {
    [1 ... 126] = 1,
    [128 ... 168] = 1,
    [170 ... 223] = 1,
};

// Stands for the route of a packet whose source is not routed back.
static const struct route_group not_routed_back;

static inline int is_plain4(const struct router_scene *s, const struct rte_mbuf *m)
{
    const struct rte_ipv4_hdr *ip = packet_ip4(m);

    return is_ordinary4[*(const uint8_t *)&ip->src_addr] &&
           is_ordinary4[*(const uint8_t *)&ip->dst_addr] && ip4_sum(ip) == 0xffff &&
           !own_filter_has(s->config, ip->src_addr);
}

static inline int is_plain6(const struct router_scene *s, const struct rte_mbuf *m)
{
    const struct rte_ipv6_hdr *ip = packet_ip6(m);

    return ip6_is_ordinary(ip->src_addr) && ip6_is_ordinary(ip->dst_addr) &&
           !own_filter_has(s->config, ip6_last_word(ip->src_addr));
}

static inline void add(const struct router_scene *s, struct burst *b, unsigned i,
                       const struct router_interface *in, uint8_t scope)
{
    int is_ip4 = packet_of(b->m[i])->flags & PACKET_IP4;
    struct batch *batch = is_ip4 ? &b->b4 : &b->b6;
    unsigned k = batch->n++;

    batch->at[k] = (uint8_t)i;
    batch->scope[k] = scope;
    batch->in[k] = in;
    if (is_ip4) {
        b->destination4[k] = packet_ip4(b->m[i])->dst_addr;
        route_prefetch4(s->state, b->destination4[k]);
    } else {
        memcpy(b->destination6[k], packet_ip6(b->m[i])->dst_addr, sizeof(b->destination6[k]));
    }
    b->n_urpf += (in->flags & API_INTERFACE_STRICT_URPF) != 0;
    if (s->ctx->traces != NULL)
        router_note_route(s, b->m[i], in);
}

static inline void admit(const struct router_scene *s, struct burst *b, unsigned i)
{
    const struct packet *p = packet_of(b->m[i]);
    uint32_t side = p->in - s->f->first_attachment;
    const struct router_interface *in = &s->config->interfaces[side / 2];
    unsigned kind = p->flags & (PACKET_IP4 | PACKET_IP6 | PACKET_IP_OPTIONS);
    uint8_t scope = API_DROP_NONE;

    b->n_received += (side & 1) == 0;
    if (likely((side & 1) == 0 && p->l3_error == API_DROP_NONE && p->n_tags == 0 &&
               memcmp(rte_pktmbuf_mtod(b->m[i], void *), in->mac, RTE_ETHER_ADDR_LEN) == 0 &&
               ((kind == PACKET_IP4 && is_plain4(s, b->m[i])) ||
                (kind == PACKET_IP6 && is_plain6(s, b->m[i])))))
        add(s, b, i, in, API_DROP_NONE);
    else if (router_admit(s, &b->m[i], &scope))
        add(s, b, i, in, scope);
}

#define MIX_FACTOR UINT64_C(0x9e3779b97f4a7c15)

// Mix 64 bits into a hash. A product's bits depend on lower ones only, so the upper half is folded
// into the lower one.
static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * MIX_FACTOR;
    return hash ^ hash >> 32;
}

uint32_t router_flow_hash(const struct router_scene *s, const struct rte_mbuf *m)
{
    const struct packet *p = packet_of((struct rte_mbuf *)(uintptr_t)m);
    const uint8_t *addresses = packet_source(m, packet_family(p));
    unsigned n = p->flags & PACKET_IP4 ? 1 : 4; // both addresses, in eight bytes
    uint64_t hash = s->state->hash_seed, word;

    for (unsigned i = 0; i < n; i++) {
        memcpy(&word, addresses + i * sizeof(word), sizeof(word));
        hash = mix(hash, word);
    }
    word = p->l4_proto;
    if ((p->flags & PACKET_L4) && !(p->flags & PACKET_FRAGMENT) &&
        (p->l4_proto == IPPROTO_TCP || p->l4_proto == IPPROTO_UDP || p->l4_proto == IPPROTO_SCTP)) {
        uint32_t ports;

        memcpy(&ports, rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off), sizeof(ports));
        word |= (uint64_t)ports << 32;
    }
    // Ports are high bits of the last word; once more, or the low bits would not know them all.
    return (uint32_t)mix(mix(hash, word), 0);
}

static int leads_to(const struct route_group *group, uint16_t slot)
{
    if (group == NULL || (group->type != API_ROUTE_UNICAST && group->type != API_ROUTE_CONNECTED))
        return 0;
    for (unsigned i = 0; i < group->n_paths; i++)
        if (group->paths[i].slot == slot)
            return 1;
    return 0;
}

// Strict reverse path forwarding (RFC 3704, 2.2): a second lookup, of the sources. Link-local ones
// are on their link by what they are.
static __rte_noinline void check_reverse(const struct router_scene *s, struct burst *b,
                                         struct batch *batch, uint8_t family)
{
    const struct route_group *group[BURST_SIZE];
    uint32_t source4[BURST_SIZE];
    uint8_t source6[BURST_SIZE][16];

    for (unsigned k = 0; k < batch->n; k++) {
        const uint8_t *source = packet_source(b->m[batch->at[k]], family);

        if (family == 4)
            memcpy(&source4[k], source, sizeof(source4[k]));
        else
            memcpy(source6[k], source, sizeof(source6[k]));
    }
    if (family == 4)
        route_lookup4(s->state, source4, group, batch->n);
    else
        route_lookup6(s->state, (const uint8_t(*)[16])source6, group, batch->n);
    for (unsigned k = 0; k < batch->n; k++) {
        if (!(batch->in[k]->flags & API_INTERFACE_STRICT_URPF) ||
            (family == 6 && ip6_is_link_local(source6[k])))
            continue;
        if (family == 4 && router_is_outside(batch->in[k], (const uint8_t *)&source4[k]))
            continue; // hairpin
        if (!leads_to(group[k], batch->in[k]->slot))
            batch->group[k] = &not_routed_back;
    }
}

// To all on a subnet: for us if it is from there, never sent on (RFC 2644).
static void take_broadcast(const struct router_scene *s, struct rte_mbuf **m,
                           const struct route_group *group, const struct router_interface *in)
{
    if (group->n_paths > 0 && group->paths[0].slot == in->slot)
        router_local(s, m, in);
    else
        router_drop(packet_of(*m), DROP_ROUTER_BAD_DESTINATION);
}

// For the router, or for a NAT on the chain of one of its interfaces: that one gets it first, by
// our own MAC, and sends back what it knows no binding for.
static void take_local(const struct router_scene *s, struct rte_mbuf **m,
                       const struct router_interface *in, uint8_t scope)
{
    // RFC 1812, 5.2.7.1: an address without a host.
    static const struct icmp_fault nobody = {DROP_ROUTER_LOCAL_UNWANTED, 3, 1, 0, 0, 0};
    const struct router_interface *out = NULL;
    const uint8_t *destination = packet_destination(*m, packet_family(packet_of(*m)));

    if (packet_of(*m)->flags & PACKET_IP4)
        out = router_outside_of(s->config, destination);
    if (out == NULL || (out == in && router_has_address(s, in, 4, destination)))
        router_local(s, m, in);
    else if (scope != API_DROP_NONE)
        router_drop(packet_of(*m), scope);
    else if (out == in && packet_of(*m)->l4_proto == IPPROTO_TCP) // RFC 5382, REQ-4: not answered
        router_drop(packet_of(*m), DROP_ROUTER_LOCAL_UNWANTED);
    else if (out == in)
        router_icmp_error(s, m, in, &nobody);
    else
        router_output_to(s, m, out, out->mac, in);
}

// The packet is not to be sent on by a path of its route.
static __rte_noinline void decide_apart(const struct router_scene *s, struct rte_mbuf **m,
                                        const struct batch *batch, unsigned k)
{
    // RFC 1812, 5.2.7.1; RFC 4443, 3.1.
    static const struct icmp_fault no_route = {DROP_ROUTER_NO_ROUTE, 3, 0, 1, 0, 0};
    static const struct icmp_fault rejected = {DROP_ROUTER_BLACKHOLE, 3, 1, 1, 6, 0};
    static const struct icmp_fault beyond_scope = {DROP_ROUTER_BAD_SOURCE, 0, 0, 1, 2, 0};
    const struct route_group *group = batch->group[k];
    const struct router_interface *in = batch->in[k];
    struct packet *p = packet_of(*m);
    uint8_t scope = batch->scope[k];

    if (group == &not_routed_back)
        router_drop(p, DROP_ROUTER_URPF);
    else if (group != NULL && group->type == API_ROUTE_BROADCAST)
        take_broadcast(s, m, group, in);
    else if (scope == DROP_ROUTER_BAD_FRAME)
        router_drop(p, DROP_ROUTER_BAD_FRAME);
    else if (group != NULL && group->type == API_ROUTE_LOCAL)
        take_local(s, m, in, scope);
    else if (scope == DROP_ROUTER_BAD_SOURCE)
        router_icmp_error(s, m, in, &beyond_scope);
    else if (scope != API_DROP_NONE)
        router_drop(p, scope);
    else if (group != NULL && group->type == API_ROUTE_BLACKHOLE)
        router_drop(p, DROP_ROUTER_BLACKHOLE);
    else if (group != NULL && group->type == API_ROUTE_UNREACHABLE)
        router_icmp_error(s, m, in, &rejected);
    else
        router_icmp_error(s, m, in, &no_route);
}

static inline int is_onward(const struct route_group *group)
{
    return group != NULL &&
           (group->type == API_ROUTE_UNICAST || group->type == API_ROUTE_CONNECTED);
}

static inline const struct router_path *choose(const struct router_scene *s, struct rte_mbuf *m,
                                               const struct route_group *group)
{
    uint32_t hash = 0;

    if (unlikely(!is_onward(group)))
        return NULL;
    if (unlikely(group->bucket_mask != 0)) {
        walk_trace_ports(walk_trace_of(s->ctx, m));
        hash = router_flow_hash(s, m);
    }
    return route_path(group, hash);
}

static void choose_paths(const struct router_scene *s, struct burst *b, struct batch *batch)
{
    for (unsigned k = 0; k < batch->n; k++)
        rte_prefetch0(batch->group[k]);
    for (unsigned k = 0; k < batch->n; k++) {
        struct rte_mbuf **m = &b->m[batch->at[k]];
        const struct router_path *path = NULL;

        if (likely(batch->scope[k] == API_DROP_NONE))
            path = choose(s, *m, batch->group[k]);
        batch->path[k] = path;
        if (likely(path != NULL))
            rte_prefetch0(path);
        else
            decide_apart(s, m, batch, k);
    }
}

static void find_macs(const struct router_scene *s, const struct burst *b, struct batch *batch)
{
    struct neighbor_key keys[BURST_SIZE];
    uint64_t macs[BURST_SIZE];
    uint8_t at[BURST_SIZE];
    unsigned n = 0;

    for (unsigned k = 0; k < batch->n; k++) {
        const struct router_path *path = batch->path[k];

        if (unlikely(path == NULL))
            continue;
        if (s->ctx->traces != NULL)
            router_note_neighbor(s, b->m[batch->at[k]], path);
        if (path->family != 0) {
            neighbor_prefetch(s->state, path->neighbor);
            continue;
        }
        at[n] = (uint8_t)k;
        keys[n].slot = path->slot;
        keys[n].family = batch == &b->b4 ? 4 : 6;
        keys[n++].address =
            batch == &b->b4 ? (const uint8_t *)&b->destination4[k] : b->destination6[k];
    }
    if (n > 0)
        neighbor_find_macs(s->state, keys, macs, n);
    for (unsigned i = 0; i < n; i++)
        batch->mac[at[i]] = macs[i];
}

// Whether nothing but the TTL and the Ethernet header is to be written.
static inline int is_simple(const struct rte_mbuf *m, const struct packet *p,
                            const struct router_interface *in, const struct router_interface *out)
{
    return packet_ip_len(p) <= out->mtu && !packet_is_clamped(m, p, in, out);
}

// 1: written and on its way; 0: output.c has to see to it.
static inline int send_plain(const struct router_scene *s, struct rte_mbuf *m,
                             const struct router_interface *in, const struct router_path *path,
                             uint64_t mac)
{
    const struct router_interface *out = router_interface_of(s->config, path->slot);
    struct packet *p = packet_of(m);
    uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

    if (unlikely(out == NULL || mac == 0 || !is_simple(m, p, in, out)))
        return 0;
    if (p->flags & PACKET_IP4) {
        if (unlikely(packet_ip4(m)->time_to_live <= 1))
            return 0;
        ip4_decrement_ttl(packet_ip4(m));
    } else {
        if (unlikely(packet_ip6(m)->hop_limits <= 1))
            return 0;
        packet_ip6(m)->hop_limits--;
    }
    if (unlikely(m->pkt_len != p->l3_end))
        router_trim(m, p->l3_end);
    memcpy(frame, &mac, RTE_ETHER_ADDR_LEN);
    memcpy(frame + RTE_ETHER_ADDR_LEN, out->mac, RTE_ETHER_ADDR_LEN);
    router_forward(p, out->attachment);
    if (s->ctx->traces != NULL)
        router_note_way(s, m, out, path);
    return 1;
}

static void send_on(const struct router_scene *s, struct burst *b, struct batch *batch)
{
    for (unsigned k = 0; k < batch->n; k++) {
        const struct router_path *path = batch->path[k];
        struct rte_mbuf **m = &b->m[batch->at[k]];
        uint64_t mac;

        if (unlikely(path == NULL))
            continue;
        mac = path->family != 0 ? neighbor_mac(s->state, path->neighbor) : batch->mac[k];
        if (likely(send_plain(s, *m, batch->in[k], path, mac)))
            b->n_plain++;
        else
            router_output(s, m, path, batch->in[k]);
    }
}

static void route(const struct router_scene *s, struct burst *b, struct batch *batch,
                  uint8_t family)
{
    if (unlikely(b->n_urpf > 0))
        check_reverse(s, b, batch, family);
    choose_paths(s, b, batch);
    find_macs(s, b, batch);
    send_on(s, b, batch);
}

// Of what came in: an error or an answer that finds no way stands for a packet that is counted.
static __rte_noinline uint64_t count_dropped(struct rte_mbuf *const *m, unsigned n)
{
    uint64_t n_dropped = 0;

    for (unsigned i = 0; i < n; i++)
        n_dropped += m[i] != NULL && packet_of(m[i])->verdict == PACKET_DROP &&
                     !packet_is_own(packet_of(m[i]));
    return n_dropped;
}

void router_process(const struct function *f, const struct walk_context *ctx, struct rte_mbuf **m,
                    unsigned n)
{
    const struct router_scene s = router_scene(f, ctx);
    struct burst b;

    b.m = m;
    b.n_received = 0;
    b.n_plain = 0;
    b.n_urpf = 0;
    b.b4.n = 0;
    b.b6.n = 0;
    for (unsigned i = 0; i < n; i++)
        admit(&s, &b, i);
    if (b.b4.n > 0) {
        route_lookup4(s.state, b.destination4, b.b4.group, b.b4.n);
        route(&s, &b, &b.b4, 4);
    }
    if (b.b6.n > 0) {
        route_lookup6(s.state, (const uint8_t(*)[16])b.destination6, b.b6.group, b.b6.n);
        route(&s, &b, &b.b6, 6);
    }
    s.counters->received += b.n_received;
    s.counters->forwarded += b.n_plain;
    if (unlikely(b.n_plain != n))
        s.counters->dropped += count_dropped(m, n);
}

void router_send(const struct router_scene *s, struct rte_mbuf **m)
{
    router_send_via(s, m, NULL);
}

static void send_on_link(const struct router_scene *s, struct rte_mbuf **m,
                         const struct router_interface *via)
{
    struct router_path path = {.neighbor = NEIGHBOR_NONE};

    if (via == NULL) {
        router_drop(packet_of(*m), DROP_ROUTER_NO_ROUTE);
        return;
    }
    path.slot = via->slot;
    router_output(s, m, &path, NULL);
}

void router_send_via(const struct router_scene *s, struct rte_mbuf **m,
                     const struct router_interface *via)
{
    struct packet *p = packet_of(*m);
    uint8_t family = packet_family(p);
    const uint8_t *destination = packet_destination(*m, family);
    const struct router_path *path;

    if (family == 6 && ip6_is_link_local(destination)) {
        send_on_link(s, m, via);
        return;
    }
    path = choose(s, *m, route_lookup(s->state, family, destination));
    if (path != NULL)
        router_output(s, m, path, NULL);
    else
        router_drop(p, DROP_ROUTER_NO_ROUTE);
}

void router_tick(const struct function *f, const struct walk_context *ctx)
{
    const struct router_scene s = router_scene(f, ctx);

    neighbor_tick(&s);
    router_ping_tick(&s);
}

const struct function_ops router_ops = {
    .name = "router",
    .n_instances = router_n_instances,
    .identify = router_identify,
    .config_create = router_config_create,
    .activate = router_activate,
    .config_destroy = router_config_destroy,
    .process = router_process,
    .fingerprint = router_fingerprint,
    .count = router_count,
    .tick = router_tick,
    .age = router_age,
    .request = router_request,
    .keep = router_keep,
};
