// SPDX-License-Identifier: BSD-3-Clause
// Does an address answer? `culvert ping`: the main thread fills a struct router_ping, worker 0's
// tick sends it as an ICMP or ICMPv6 echo request, and whichever worker gets the answer, a reply or
// an error that quotes the request, notes it there. Called by process.c and local.c; allocates a
// buffer of the dataplane's own for each request. Next: process.c routes it.

#include <rte_cycles.h>

#include "dataplane/walk/queue.h"
#include "vnf/router/packet.h"
#include "vnf/router/route.h"

#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO_REQUEST 8
#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY 129
#define ICMP6_INFORMATIONAL 128
#define NS_PER_SEC UINT64_C(1000000000)

// A request is known by its identifier, the same for all of a router, and its sequence number.
static uint16_t identifier(const struct router_state *state)
{
    return (uint16_t)(state->hash_seed >> 16 ^ state->hash_seed);
}

static void finish(struct router_ping *ping, uint8_t result)
{
    ping->result.result = result;
    __atomic_store_n(&ping->state, PING_DONE, __ATOMIC_RELEASE);
}

// Groups, and addresses that need an interface or are nobody's, are not pinged.
static int is_host(uint8_t family, const uint8_t *address)
{
    if (family == 4)
        return address[0] != 0 && address[0] != 127 && address[0] < 224;
    return !ip6_is_multicast(address) && !ip6_is_link_local(address) && !ip6_is_internal(address);
}

// The source address; NULL: there is no way there, or none of ours.
static const uint8_t *choose_source(const struct router_scene *s, const struct router_ping *ping,
                                    const struct route_group *group)
{
    static const uint8_t zero[16];
    const struct api_ping *request = &ping->request;
    const struct router_interface *out;

    if (group == NULL || group->n_paths == 0 || !is_host(request->family, request->address) ||
        (group->type != API_ROUTE_UNICAST && group->type != API_ROUTE_CONNECTED))
        return NULL;
    if (memcmp(request->source, zero, sizeof(zero)) != 0)
        return router_has_address(s, NULL, request->family, request->source) ? request->source
                                                                             : NULL;
    out = router_interface_of(s->config, group->paths[0].slot);
    return out != NULL ? router_source_for(s, out, request->family, request->address) : NULL;
}

static void write_ip(struct rte_mbuf *m, const struct api_ping *request, const uint8_t *source,
                     unsigned icmp_len)
{
    uint8_t ttl = request->ttl != 0 ? request->ttl : ROUTER_TTL;

    if (request->family == 4) {
        struct rte_ipv4_hdr *ip = packet_ip4(m);

        *ip = (struct rte_ipv4_hdr){
            .version_ihl = RTE_IPV4_VHL_DEF,
            .total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + icmp_len)),
            .packet_id = (uint16_t)rte_rdtsc(),
            .time_to_live = ttl,
            .next_proto_id = IPPROTO_ICMP,
        };
        memcpy(&ip->src_addr, source, sizeof(ip->src_addr));
        memcpy(&ip->dst_addr, request->address, sizeof(ip->dst_addr));
        ip->hdr_checksum = ip4_checksum(ip);
    } else {
        struct rte_ipv6_hdr *ip = packet_ip6(m);

        *ip = (struct rte_ipv6_hdr){
            .vtc_flow = RTE_BE32(0x60000000),
            .payload_len = rte_cpu_to_be_16((uint16_t)icmp_len),
            .proto = IPPROTO_ICMPV6,
            .hop_limits = ttl,
        };
        memcpy(ip->src_addr, source, sizeof(ip->src_addr));
        memcpy(ip->dst_addr, request->address, sizeof(ip->dst_addr));
    }
}

static void write_echo(const struct router_scene *s, struct rte_mbuf *m,
                       const struct router_ping *ping)
{
    const struct packet *p = packet_of(m);
    uint8_t *icmp = rte_pktmbuf_mtod_offset(m, uint8_t *, p->l4_off);
    uint32_t len = (uint32_t)(p->l3_end - p->l4_off);
    rte_be16_t fields[2] = {rte_cpu_to_be_16(identifier(s->state)),
                            rte_cpu_to_be_16((uint16_t)ping->id)};
    uint64_t sum;
    uint16_t checksum;

    memset(icmp, 0, ICMP_LEN);
    icmp[0] = ping->request.family == 4 ? ICMP_ECHO_REQUEST : ICMP6_ECHO_REQUEST;
    memcpy(icmp + 4, fields, sizeof(fields));
    for (uint32_t i = ICMP_LEN; i < len; i++)
        icmp[i] = (uint8_t)i;
    sum = sum_range(m, p->l4_off, len);
    if (ping->request.family == 6)
        sum += sum_pseudo6(packet_ip6(m), IPPROTO_ICMPV6, len);
    checksum = (uint16_t)~sum_fold(sum);
    memcpy(icmp + 2, &checksum, sizeof(checksum));
}

// NULL: no buffer.
static struct rte_mbuf *make_request(const struct router_scene *s, const struct router_ping *ping,
                                     const uint8_t *source)
{
    const struct api_ping *request = &ping->request;
    unsigned header_len =
        request->family == 4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);
    unsigned icmp_len = ICMP_LEN + (unsigned)request->payload_len;
    struct rte_mbuf *m = walk_alloc(s->ctx);

    if (m == NULL)
        return NULL;
    if (rte_pktmbuf_append(m, (uint16_t)(RTE_ETHER_HDR_LEN + header_len + icmp_len)) == NULL) {
        rte_pktmbuf_free(m);
        return NULL;
    }
    packet_set_icmp(packet_of(m), request->family, header_len + icmp_len);
    write_ip(m, request, source, icmp_len);
    write_echo(s, m, ping);
    return m;
}

static void begin(const struct router_scene *s, struct router_ping *ping)
{
    const struct api_ping *request = &ping->request;
    const struct route_group *group = route_lookup(s->state, request->family, request->address);
    const uint8_t *source = choose_source(s, ping, group);
    struct rte_mbuf *m;

    ping->result.id = ping->id;
    ping->result.family = request->family;
    if (group != NULL && group->type == API_ROUTE_LOCAL) { // that's us
        memcpy(ping->result.from, request->address, sizeof(ping->result.from));
        ping->result.ttl = request->ttl != 0 ? request->ttl : ROUTER_TTL;
        finish(ping, API_PING_REPLY);
        return;
    }
    m = source != NULL ? make_request(s, ping, source) : NULL;
    if (m == NULL) {
        finish(ping, API_PING_NO_ROUTE);
        return;
    }
    ping->sent_tsc = s->ctx->now_tsc;
    ping->result.result = API_PING_WAITING;
    __atomic_store_n(&ping->state, PING_SENT, __ATOMIC_RELEASE);
    router_send(s, &m);
    router_carry_out(s, m);
}

void router_ping_tick(const struct router_scene *s)
{
    for (unsigned i = 0; i < ROUTER_MAX_PINGS; i++) {
        struct router_ping *ping = &s->state->pings[i];

        if (__atomic_load_n(&ping->state, __ATOMIC_ACQUIRE) == PING_TO_SEND)
            begin(s, ping);
    }
}

// What came back.
struct answer {
    uint8_t family;
    int is_error;
    uint8_t type, code;
    uint8_t ttl;
    const uint8_t *from;
    const uint8_t *echo;  // ICMP header of the reply, or of the request that the error quotes
    const uint8_t *asked; // destination of that request; NULL: a reply
};

static int has_sound_checksum(const struct rte_mbuf *m, const struct packet *p)
{
    uint32_t len = (uint32_t)(p->l3_end - p->l4_off);
    uint64_t sum = sum_range(m, p->l4_off, len);

    if (p->flags & PACKET_IP6)
        sum += sum_pseudo6(packet_ip6(m), IPPROTO_ICMPV6, len);
    return sum_fold(sum) == 0xffff;
}

// The echo request that an error quotes, if it is one: `len` bytes are there.
static int read_quote(struct answer *a, const uint8_t *quote, uint32_t len)
{
    uint32_t header_len;

    if (a->family == 4) {
        const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)quote;

        if (len < sizeof(*ip))
            return 0;
        header_len = ip4_header_len(ip);
        if (ip->version_ihl >> 4 != IPVERSION || header_len < sizeof(*ip) ||
            ip->next_proto_id != IPPROTO_ICMP || len < header_len + ICMP_LEN)
            return 0;
        a->asked = (const uint8_t *)&ip->dst_addr;
    } else {
        const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)quote;

        header_len = sizeof(*ip);
        if (len < header_len + ICMP_LEN || quote[0] >> 4 != 6 || ip->proto != IPPROTO_ICMPV6)
            return 0;
        a->asked = ip->dst_addr;
    }
    a->echo = quote + header_len;
    return a->echo[0] == (a->family == 4 ? ICMP_ECHO_REQUEST : ICMP6_ECHO_REQUEST);
}

static int is_icmp4_error(uint8_t type)
{
    return type == 3 || type == 4 || type == 11 || type == 12;
}

static int read_answer(struct answer *a, const struct rte_mbuf *m, const struct packet *p)
{
    const uint8_t *icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off);
    uint32_t in_segment = RTE_MIN((uint32_t)m->data_len, (uint32_t)p->l3_end);

    a->family = packet_family(p);
    a->from = packet_source(m, a->family);
    a->ttl = a->family == 4 ? packet_ip4(m)->time_to_live : packet_ip6(m)->hop_limits;
    a->type = icmp[0];
    a->code = icmp[1];
    a->echo = icmp;
    a->asked = NULL;
    if (a->family == 4)
        a->is_error = is_icmp4_error(a->type);
    else
        a->is_error = a->type < ICMP6_INFORMATIONAL;
    if (a->is_error)
        return read_quote(a, icmp + ICMP_LEN, in_segment - p->payload_off);
    return a->type == (a->family == 4 ? ICMP_ECHO_REPLY : ICMP6_ECHO_REPLY);
}

static int is_answer_to(const struct answer *a, const struct router_state *state,
                        const struct router_ping *ping)
{
    rte_be16_t fields[2];
    size_t size = a->family == 4 ? 4 : 16;

    memcpy(fields, a->echo + 4, sizeof(fields));
    return ping->request.family == a->family && rte_be_to_cpu_16(fields[0]) == identifier(state) &&
           rte_be_to_cpu_16(fields[1]) == (uint16_t)ping->id &&
           memcmp(a->asked != NULL ? a->asked : a->from, ping->request.address, size) == 0;
}

static void note(const struct router_scene *s, struct router_ping *ping, const struct answer *a)
{
    struct api_ping_state *result = &ping->result;
    uint64_t cycles = s->ctx->now_tsc - ping->sent_tsc, hz = rte_get_tsc_hz();

    memset(result->from, 0, sizeof(result->from));
    memcpy(result->from, a->from, a->family == 4 ? 4 : sizeof(result->from));
    result->ttl = a->ttl;
    result->rtt_ns = cycles / hz * NS_PER_SEC + cycles % hz * NS_PER_SEC / hz;
    result->icmp_type = a->is_error ? a->type : 0;
    result->icmp_code = a->is_error ? a->code : 0;
    finish(ping, a->is_error ? API_PING_ERROR : API_PING_REPLY);
}

int router_ping_answer(const struct router_scene *s, const struct rte_mbuf *m)
{
    const struct packet *p = packet_of((struct rte_mbuf *)(uintptr_t)m);
    struct answer a;

    if (!read_answer(&a, m, p))
        return 0;
    for (unsigned i = 0; i < ROUTER_MAX_PINGS; i++) {
        struct router_ping *ping = &s->state->pings[i];
        uint32_t state = PING_SENT;

        if (__atomic_load_n(&ping->state, __ATOMIC_ACQUIRE) != PING_SENT ||
            !is_answer_to(&a, s->state, ping) || !has_sound_checksum(m, p))
            continue;
        // It may be another worker's, or the main thread has given it up.
        if (!__atomic_compare_exchange_n(&ping->state, &state, PING_FINISHING, 0, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
            continue;
        if (!is_answer_to(&a, s->state, ping)) { // given up and begun anew in between
            __atomic_store_n(&ping->state, PING_SENT, __ATOMIC_RELEASE);
            continue;
        }
        note(s, ping, &a);
        return 1;
    }
    return 0;
}
