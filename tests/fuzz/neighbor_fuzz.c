// SPDX-License-Identifier: BSD-3-Clause
// Can what a neighbour says, in whatever order, make the router read or write what is not there,
// believe what it must not, or send what it must not? Bytes become frames of ARP and neighbour
// discovery (sound ones with some bytes changed, or any), packets that need a neighbour, and time.
// libFuzzer with ASan and UBSan, without EAL: mbufs lie on plain memory that ends where their data
// may end. After each step the table must keep its promises. Next: what the assertions name.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <rte_arp.h>

#include "dataplane/core/counters.h"
#include "dataplane/parse/parse.h"
#include "dataplane/walk/egress.h"
#include "dataplane/walk/queue.h"
#include "tests/fuzz/lab.h"
#include "vnf/router/neighbor.h"
#include "vnf/router/packet.h"
#include "vnf/router/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT 24
#define MAX_STEPS 200
#define MAX_FRAME 200
#define OWN_ROOM 256 // of buffers that are taken for frames of our own
#define HZ 1000000000
#define SLOT 2
#define POOL_SIZE 128 // of which a part may wait for neighbours

static struct router_state state;
static struct router_slot slots[SLOT + 1];
static struct router_counters counters;
static struct generation generation;
static struct walk_context ctx;
static struct router_address addresses[2] = {{4, 24, {10, 0, 0, 1}}, {6, 64, {0xfd, [15] = 1}}};
static struct router_interface interface = {
    .name = "lan",
    .slot = SLOT,
    .mtu = 1500,
    .mac = {2, 0, 0, 0, 0, 1},
    .has_ip4 = 1,
    .has_ip6 = 1,
    .addresses = addresses,
    .n_addresses = 2,
    .link_local = {0xfe, 0x80, [15] = 1},
};
static uint16_t interface_of_slot[SLOT + 1] = {UINT16_MAX, UINT16_MAX, 0};
static struct router_config config = {.interfaces = &interface,
                                      .n_interfaces = 1,
                                      .interface_of_slot = interface_of_slot,
                                      .n_slots = SLOT + 1,
                                      .neighbor_limit = LIMIT};
static struct function function = {.config = &config, .state = &state, .n_attachments = 2};
static struct router_scene scene;
static const uint8_t static_address[4] = {10, 0, 0, 2};
static const uint8_t static_mac[6] = {0x52, 0x54, 0, 0, 0, 2};

struct rte_mbuf *walk_alloc(const struct walk_context *c)
{
    struct rte_mbuf *m = fuzz_segment(NULL, 0, 0, OWN_ROOM);

    (void)c;
    packet_of(m)->in_port = API_MAX_PORTS;
    packet_of(m)->l2_error = API_DROP_NONE;
    packet_of(m)->l3_error = API_DROP_NONE;
    return m;
}

// What is around.

// A frame of ours names only our MAC and addresses.
static void check_own_frame(struct rte_mbuf *m)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    const struct packet *p;

    assert(m->nb_segs == 1 && memcmp(frame + 6, interface.mac, 6) == 0);
    parse_burst(&m, 1);
    p = packet_of(m);
    assert(p->l2_error == API_DROP_NONE && p->l3_error == API_DROP_NONE && p->l3_end == m->pkt_len);
    if (p->flags & PACKET_ARP) {
        assert(memcmp(frame + 22, interface.mac, 6) == 0 &&
               router_is_own(&interface, 4, frame + 28));
        return;
    }
    assert(p->flags & PACKET_L4 && p->l4_proto == IPPROTO_ICMPV6 && m->pkt_len == 86);
    assert(frame[21] == 255 && router_is_own(&interface, 6, frame + 22));
    assert(frame[54] == 135 || (frame[54] == 136 && router_is_own(&interface, 6, frame + 62)));
    assert(memcmp(frame + 80, interface.mac, 6) == 0);
    assert(sum_fold((uint64_t)sum_pseudo6((const struct rte_ipv6_hdr *)(frame + 14), 58, 32) +
                    rte_raw_cksum(frame + 54, 32)) == 0xffff);
}

void egress_forward(const struct walk_context *c, struct rte_mbuf *m, uint32_t out)
{
    (void)c;
    assert(out == interface.attachment);
    check_own_frame(m);
    rte_pktmbuf_free(m);
}

void router_set_header(const struct router_interface *out, struct rte_mbuf *m, const uint8_t *mac,
                       uint16_t ether_type)
{
    uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

    memcpy(frame, mac, 6);
    memcpy(frame + 6, out->mac, 6);
    frame[12] = (uint8_t)(ether_type >> 8);
    frame[13] = (uint8_t)ether_type;
    router_forward(packet_of(m), out->attachment);
}

void router_resume(const struct router_scene *s, struct rte_mbuf *m,
                   const struct router_interface *out, const uint8_t *mac)
{
    (void)s, (void)out;
    assert(neighbor_is_unicast_mac(mac));
    rte_pktmbuf_free(m);
}

void router_discard(const struct router_scene *s, struct rte_mbuf *m, enum api_drop reason)
{
    (void)s;
    assert(reason == DROP_NEIGHBOR_LIMIT || reason == DROP_NEIGHBOR_QUEUE_FULL ||
           reason == DROP_NEIGHBOR_UNRESOLVED);
    rte_pktmbuf_free(m);
}

void router_carry_out(const struct router_scene *s, struct rte_mbuf *m)
{
    (void)s;
    rte_pktmbuf_free(m);
}

void router_trim(struct rte_mbuf *m, uint32_t len)
{
    assert(m->nb_segs == 1);
    if (m->pkt_len > len) {
        m->pkt_len = len;
        m->data_len = (uint16_t)len;
    }
}

void router_icmp_error(const struct router_scene *s, struct rte_mbuf **m,
                       const struct router_interface *in, const struct icmp_fault *fault)
{
    (void)s, (void)in;
    router_drop(packet_of(*m), fault->reason);
}

void route_lookup4(const struct router_state *s, const uint32_t *a,
                   const struct route_group **groups, unsigned n)
{
    (void)s, (void)a, (void)n;
    groups[0] = NULL;
}

void route_lookup6(const struct router_state *s, const uint8_t (*a)[16],
                   const struct route_group **groups, unsigned n)
{
    (void)s, (void)a, (void)n;
    groups[0] = NULL;
}

// Steps.

static void address_of(uint8_t choice, uint8_t *family, uint8_t *address)
{
    memset(address, 0, 16);
    *family = choice & 1 ? 6 : 4;
    if (*family == 4)
        memcpy(address, "\x0a\0\0", 3);
    else
        address[0] = 0xfd;
    address[*family == 4 ? 3 : 15] = choice >> 1;
}

static size_t sound_arp(struct input *in, uint8_t *f)
{
    memcpy(f, "\xff\xff\xff\xff\xff\xff\x52\x54\0\0\0\x09\x08\x06\0\1\x08\0\6\4\0\1", 22);
    memcpy(f + 22, f + 6, 6);
    memcpy(f + 28, "\x0a\0\0\x09", 4);
    memset(f + 32, 0, 6);
    memcpy(f + 38, "\x0a\0\0\1", 4);
    f[21] = 1 + (take(in) & 1);
    f[31] = take(in) & 63;
    if (take(in) & 1)
        memcpy(f, interface.mac, 6);
    return 42;
}

static size_t sound_nd(struct input *in, uint8_t *f)
{
    memset(f, 0, 86);
    memcpy(f, "\x33\x33\xff\0\0\1\x52\x54\0\0\0\x09\x86\xdd\x60", 15);
    f[19] = 32;
    f[20] = IPPROTO_ICMPV6;
    f[21] = 255;
    f[22] = 0xfd;
    f[37] = take(in) & 63;
    memcpy(f + 38, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    f[54] = (uint8_t)(133 + take(in) % 5);
    f[58] = take(in) & 0xe0;
    f[62] = 0xfd;
    f[77] = take(in) & 63;
    f[78] = 1 + (take(in) & 1);
    f[79] = 1;
    memcpy(f + 80, f + 6, 6);
    return 86;
}

static void sum_again(uint8_t *f, size_t len)
{
    uint16_t sum;

    if (len != 86 || f[54] < 133)
        return;
    f[56] = f[57] = 0;
    sum = (uint16_t)~sum_fold((uint64_t)sum_pseudo6((const struct rte_ipv6_hdr *)(f + 14), 58, 32) +
                              rte_raw_cksum(f + 54, 32));
    memcpy(f + 56, &sum, 2);
}

static size_t make_frame(struct input *in, uint8_t *f)
{
    uint8_t kind = take(in);
    size_t len = 0;

    if (kind % 8 == 0) {
        for (len = 14; len < (size_t)(14 + kind) && len < MAX_FRAME; len++)
            f[len] = take(in);
        memcpy(f, "\x33\x33\xff\0\0\1\x52\x54\0\0\0\x09", 12);
        f[12] = kind & 8 ? 0x86 : 8;
        f[13] = kind & 8 ? 0xdd : 6;
        return len;
    }
    len = kind & 1 ? sound_arp(in, f) : sound_nd(in, f);
    for (uint8_t n = take(in) % 4; n > 0; n--)
        f[take(in) % len] ^= take(in);
    if (kind & 2)
        sum_again(f, len);
    return len;
}

static void receive(struct input *in)
{
    uint8_t bytes[MAX_FRAME];
    size_t len = make_frame(in, bytes), tailroom = take(in) % 24;
    struct rte_mbuf *m = fuzz_segment(bytes, (uint32_t)len, 0, (uint32_t)tailroom);
    struct packet *p = packet_of(m);

    parse_burst(&m, 1);
    p->verdict = 0x5a;
    if (p->l2_error != API_DROP_NONE || p->l3_error != API_DROP_NONE || p->n_tags > 0) {
        rte_pktmbuf_free(m);
        return;
    }
    if (p->flags & PACKET_ARP)
        router_arp(&scene, &m, &interface);
    else if (p->flags & PACKET_L4 && p->l4_proto == IPPROTO_ICMPV6 && p->flags & PACKET_IP6)
        router_nd(&scene, &m, &interface);
    else
        p->verdict = PACKET_DROP;
    if (m == NULL)
        return;
    assert(p->verdict == PACKET_DROP || p->verdict == PACKET_FORWARD);
    if (p->verdict == PACKET_FORWARD && p->out == interface.attachment)
        check_own_frame(m);
    rte_pktmbuf_free(m);
}

static void hold(struct input *in)
{
    struct rte_mbuf *m = fuzz_segment(NULL, 64, 0, 0);
    uint8_t address[16], family;

    address_of(take(in), &family, address);
    packet_of(m)->flags = family == 4 ? PACKET_IP4 : PACKET_IP6;
    packet_of(m)->in_port = 1;
    neighbor_hold(&scene, &m, &interface, family, address);
    if (m != NULL)
        rte_pktmbuf_free(m);
}

static void check_table(void)
{
    const struct neighbor_table *t = state.neighbors;
    uint32_t n = 0, n_held = 0;

    assert(neighbor_find_mac(&state, SLOT, 4, static_address) == neighbor_word(static_mac));
    for (uint32_t i = 1; i <= t->n_ever; i++) {
        const struct neighbor_entry *e = &t->entries[i];
        uint64_t mac = e->mac & NEIGHBOR_MAC;

        if (e->tag == 0)
            continue;
        n += e->is_counted;
        n_held += e->n_held;
        assert(e->n_held <= NEIGHBOR_MAX_HELD);
        assert(mac == 0 || neighbor_is_unicast_mac((const uint8_t *)&mac));
        assert(mac == 0 ||
               !router_is_own(&interface, (uint8_t)(e->tag >> 16), (const uint8_t *)e->address));
    }
    assert(n == t->n_learned && n <= LIMIT && t->tenant->n_learned == n && n_held == t->n_held);
}

static void set_up(void)
{
    struct neighbor_id id;
    struct neighbor_entry *e;

    if (counters_stats == NULL) {
        (void)fuzz_heap(POOL_SIZE, 0); // only walk_alloc makes buffers
        assert(counters_init(NULL, 1) == 0);
    }
    memset(slots, 0, sizeof(slots));
    state = (struct router_state){.slots = slots, .counters = &counters};
    assert(neighbor_table_create("blue", &state.neighbors) == 0);
    memset(state.neighbors->seed, 0x5b, sizeof(state.neighbors->seed)); // an input repeats itself
    state.neighbors->second_tsc = HZ;
    state.neighbors->reachable_tsc = UINT64_C(30) * HZ;
    state.neighbors->limit = LIMIT;
    id = neighbor_id(state.neighbors, SLOT, 4, static_address);
    e = neighbor_add(state.neighbors, &id);
    e->static_mac = neighbor_word(static_mac);
    neighbor_settle(state.neighbors, e);
    ctx = (struct walk_context){.generation = &generation, .now_tsc = UINT64_C(1000) * HZ};
    scene = router_scene(&function, &ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    set_up();
    interface.kernel_attachment = size % 2 ? 1 : ATTACHMENT_NONE;
    for (unsigned i = 0; i < MAX_STEPS && in.size > 0; i++) {
        uint8_t what = take(&in);

        if (what < 160) {
            receive(&in);
        } else if (what < 220) {
            hold(&in);
        } else {
            ctx.now_tsc += take(&in) * UINT64_C(100000000);
            neighbor_tick(&scene);
        }
        check_table();
    }
    neighbor_table_destroy(state.neighbors);
    assert(fuzz_n_live() == 0);
    return 0;
}
