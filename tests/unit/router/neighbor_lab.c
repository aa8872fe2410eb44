// SPDX-License-Identifier: BSD-3-Clause
// Neighbours without a router around them: see neighbor_lab.h. The functions of other files that
// they call are here, and note what was asked of them.

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_mempool.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/counters.h"
#include "dataplane/parse/parse.h"
#include "dataplane/walk/egress.h"
#include "dataplane/walk/queue.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/unit/router/neighbor_lab.h"
#include "vnf/router/route.h"

#define N_BUFFERS 4096
#define FIRST_ATTACHMENT 10
#define IN_PORT 7

struct nlab nlab;
static struct rte_mempool *pool;

// What is around.

static void note_sent(struct rte_mbuf *m, uint32_t attachment)
{
    struct nlab_sent *sent = &nlab.sent[nlab.n_sent++];
    uint8_t *bytes = sent->bytes;
    const uint8_t *data;

    assert_true(nlab.n_sent <= NLAB_MAX_SENT);
    sent->attachment = attachment;
    sent->len = m->pkt_len;
    data = rte_pktmbuf_read(m, 0, RTE_MIN(m->pkt_len, (uint32_t)sizeof(sent->bytes)), bytes);
    if (data != bytes)
        memcpy(bytes, data, RTE_MIN(m->pkt_len, (uint32_t)sizeof(sent->bytes)));
    rte_pktmbuf_free(m);
}

void egress_forward(const struct walk_context *ctx, struct rte_mbuf *m, uint32_t out)
{
    (void)ctx;
    assert_int_equal(packet_of(m)->n_tags, 0);
    assert_int_equal(packet_of(m)->l3_off, RTE_ETHER_HDR_LEN);
    assert_int_equal(packet_of(m)->l3_error, API_DROP_NONE);
    note_sent(m, out);
}

struct rte_mbuf *walk_alloc(const struct walk_context *ctx)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

    (void)ctx;
    if (m != NULL) {
        memset(packet_of(m), 0, sizeof(struct packet));
        packet_of(m)->in_port = API_MAX_PORTS;
        packet_of(m)->l2_error = API_DROP_NONE;
        packet_of(m)->l3_error = API_DROP_NONE;
    }
    return m;
}

void router_set_header(const struct router_interface *out, struct rte_mbuf *m, const uint8_t *mac,
                       uint16_t ether_type)
{
    struct rte_ether_hdr *header = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

    memcpy(header->dst_addr.addr_bytes, mac, 6);
    memcpy(header->src_addr.addr_bytes, out->mac, 6);
    header->ether_type = rte_cpu_to_be_16(ether_type);
    packet_of(m)->ether_type = ether_type;
    router_forward(packet_of(m), out->attachment);
}

void router_resume(const struct router_scene *s, struct rte_mbuf *m,
                   const struct router_interface *out, const uint8_t *mac)
{
    (void)s;
    router_set_header(out, m, mac, packet_of(m)->ether_type);
    note_sent(m, out->attachment);
    nlab.n_resumed++;
}

void router_discard(const struct router_scene *s, struct rte_mbuf *m, enum api_drop reason)
{
    counters_drop(packet_of(m)->in_port, s->ctx->worker, reason, 1);
    s->counters->dropped++;
    rte_pktmbuf_free(m);
}

void router_carry_out(const struct router_scene *s, struct rte_mbuf *m)
{
    if (m == NULL)
        return;
    if (packet_of(m)->verdict == PACKET_FORWARD)
        note_sent(m, packet_of(m)->out);
    else
        router_discard(s, m, packet_of(m)->drop);
}

void router_trim(struct rte_mbuf *m, uint32_t len)
{
    if (m->pkt_len > len && rte_pktmbuf_trim(m, 0) == 0) {
        rte_pktmbuf_free(m->next);
        m->next = NULL;
        m->nb_segs = 1;
        m->data_len = (uint16_t)RTE_MIN((uint32_t)m->data_len, len);
        m->pkt_len = m->data_len;
    }
}

void router_icmp_error(const struct router_scene *s, struct rte_mbuf **m,
                       const struct router_interface *in, const struct icmp_fault *fault)
{
    (void)s;
    nlab.n_errors++;
    nlab.error_in = in;
    nlab.error = *fault;
    router_drop(packet_of(*m), fault->reason);
}

static struct router_path direct_path = {.slot = 3};
static const struct route_group direct = {
    .type = API_ROUTE_UNICAST, .n_paths = 1, .paths = &direct_path};

void route_lookup4(const struct router_state *state, const uint32_t *addresses,
                   const struct route_group **groups, unsigned n)
{
    (void)state;
    for (unsigned i = 0; i < n; i++)
        groups[i] = (rte_be_to_cpu_32(addresses[i]) & 0xffffff00) == 0xc0000200 ? &direct : NULL;
}

void route_lookup6(const struct router_state *state, const uint8_t (*addresses)[16],
                   const struct route_group **groups, unsigned n)
{
    (void)state;
    for (unsigned i = 0; i < n; i++)
        groups[i] = memcmp(addresses[i], "\x20\x01\x0d\xb8", 4) == 0 ? &direct : NULL;
}

// The router.

int nlab_init(void **state)
{
    (void)state;
    mbuf_eal_init();
    pool = mbuf_pool("neighbors", N_BUFFERS, 2048);
    return counters_init(NULL, 1);
}

uint8_t nlab_parse(const char *text, uint8_t address[16])
{
    memset(address, 0, 16);
    if (inet_pton(AF_INET6, text, address) == 1)
        return 6;
    assert_int_equal(inet_pton(AF_INET, text, address), 1);
    return 4;
}

static void set_address(struct router_address *a, const char *text, uint8_t prefix_len)
{
    a->family = nlab_parse(text, a->bytes);
    a->prefix_len = prefix_len;
}

static void make_interfaces(void)
{
    static uint16_t interface_of_slot[16];

    memset(interface_of_slot, 0xff, sizeof(interface_of_slot));
    for (unsigned i = 0; i < NLAB_N_INTERFACES; i++) {
        struct router_interface *interface = &nlab.interfaces[i];

        snprintf(interface->name, sizeof(interface->name), "if%u", i);
        interface->slot = i == 0 ? 3 : 7;
        interface->mtu = 1500;
        interface->mac[0] = 2;
        interface->mac[5] = (uint8_t)interface->slot;
        interface->has_ip4 = 1;
        interface->has_ip6 = 1;
        interface->attachment = FIRST_ATTACHMENT + 2 * i;
        interface->kernel_attachment = i == 0 ? ATTACHMENT_NONE : interface->attachment + 1;
        interface->addresses = nlab.addresses[i];
        interface->n_addresses = 2;
        nlab_parse(i == 0 ? "fe80::1" : "fe80::2", interface->link_local);
        interface_of_slot[interface->slot] = (uint16_t)i;
    }
    set_address(&nlab.addresses[0][0], "10.0.0.1", 24);
    set_address(&nlab.addresses[0][1], "fd00::1", 64);
    set_address(&nlab.addresses[1][0], "10.0.1.1", 24);
    set_address(&nlab.addresses[1][1], "fd00:1::1", 64);
    nlab.config.interface_of_slot = interface_of_slot;
}

int nlab_setup(void **state)
{
    (void)state;
    memset(&nlab, 0, sizeof(nlab));
    memset(counters_stats->counters, 0, sizeof(counters_stats->counters[0]) * 16);
    memset(&counters_stats->counters[API_MAX_PORTS], 0, sizeof(counters_stats->counters[0]));
    make_interfaces();
    nlab.config.interfaces = nlab.interfaces;
    nlab.config.n_interfaces = NLAB_N_INTERFACES;
    nlab.config.n_slots = 16;
    nlab.config.neighbor_limit = NLAB_LIMIT;
    nlab.function = (struct function){.config = &nlab.config,
                                      .state = &nlab.state,
                                      .first_attachment = FIRST_ATTACHMENT,
                                      .n_attachments = 2 * NLAB_N_INTERFACES};
    nlab.state.slots = nlab.slots;
    nlab.state.counters = &nlab.counters;
    assert_int_equal(neighbor_table_create("blue", &nlab.state.neighbors), 0);
    nlab.ctx.generation = &nlab.generation;
    nlab.ctx.now_tsc = 1000 * rte_get_tsc_hz();
    nlab.scene = router_scene(&nlab.function, &nlab.ctx);
    clock_sec_now = 1000;
    return nlab_apply(NULL, 0, NULL);
}

int nlab_teardown(void **state)
{
    (void)state;
    neighbor_table_destroy(nlab.state.neighbors);
    assert_int_equal(rte_mempool_avail_count(pool), N_BUFFERS);
    return 0;
}

int nlab_apply(const struct api_neighbor *items, uint32_t n, struct error *e)
{
    struct api_tenant tenant = {.name = "blue", .neighbor_limit = NLAB_TENANT_LIMIT};
    struct api_router routers[2] = {{.name = "other"}, {.name = "gw"}};
    struct api_interface interfaces[3] = {{.owner = 0}, {.owner = 1}, {.owner = 1}};
    struct neighbor_plan *plan = NULL;
    struct model model;
    int rc;

    model_init(&model);
    assert_int_equal(model_add(&model, API_TENANT, &tenant, 1), 0);
    assert_int_equal(model_add(&model, API_ROUTER, routers, 2), 0);
    assert_int_equal(model_add(&model, API_INTERFACE, interfaces, 3), 0);
    for (uint32_t interface = 0; interface < NLAB_N_INTERFACES; interface++)
        for (uint32_t i = 0; i < n; i++) {
            struct api_neighbor item = items[i];

            item.owner++; // for the other router's
            if (items[i].owner == interface)
                assert_int_equal(model_add(&model, API_NEIGHBOR, &item, 1), 0);
        }
    rc = neighbor_plan_create(&model, 1, &nlab.config, &plan, e);
    if (rc == 0)
        neighbor_apply(&nlab.state, &nlab.config, plan);
    neighbor_plan_destroy(plan);
    model_fini(&model);
    return rc;
}

void nlab_tick(void)
{
    neighbor_tick(&nlab.scene);
}

void nlab_pass_ms(uint64_t ms)
{
    uint64_t end = nlab.ctx.now_tsc + ms * rte_get_tsc_hz() / 1000;

    while (nlab.ctx.now_tsc < end) {
        nlab.ctx.now_tsc = RTE_MIN(end, nlab.ctx.now_tsc + rte_get_tsc_hz() / 10);
        nlab_tick();
    }
    clock_sec_now = (uint32_t)(nlab.ctx.now_tsc / rte_get_tsc_hz());
}

uint8_t nlab_hold(const char *text, unsigned out, int in)
{
    struct rte_mbuf *m = walk_alloc(&nlab.ctx);
    uint8_t address[16], family = nlab_parse(text, address);
    struct packet *p = packet_of(m);

    memset(rte_pktmbuf_append(m, 60), 0x5a, 60);
    p->in_port = in >= 0 ? IN_PORT : API_MAX_PORTS;
    p->in = in >= 0 ? nlab.interfaces[in].attachment : 0;
    p->flags = family == 4 ? PACKET_IP4 : PACKET_IP6;
    p->ether_type = family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6;
    p->l3_off = RTE_ETHER_HDR_LEN;
    neighbor_hold(&nlab.scene, &m, &nlab.interfaces[out], family, address);
    if (m == NULL)
        return API_DROP_NONE;
    assert_int_equal(packet_of(m)->verdict, PACKET_DROP);
    p->drop = packet_of(m)->drop;
    rte_pktmbuf_free(m);
    return p->drop;
}

static uint8_t receive(struct rte_mbuf *m, unsigned in)
{
    struct packet *p = packet_of(m);
    uint8_t drop;

    p->in = nlab.interfaces[in].attachment;
    parse_burst(&m, 1);
    assert_int_equal(p->l2_error, API_DROP_NONE);
    assert_int_equal(p->l3_error, API_DROP_NONE);
    p->verdict = 0x5a;
    if (p->flags & PACKET_ARP)
        router_arp(&nlab.scene, &m, &nlab.interfaces[in]);
    else
        router_nd(&nlab.scene, &m, &nlab.interfaces[in]);
    if (m == NULL)
        return API_DROP_NONE;
    if (p->verdict == PACKET_FORWARD) {
        note_sent(m, p->out);
        return API_DROP_NONE;
    }
    assert_int_equal(p->verdict, PACKET_DROP);
    drop = p->drop;
    rte_pktmbuf_free(m);
    return drop;
}

uint8_t nlab_receive(const struct frame *f, unsigned in)
{
    return receive(mbuf_build(pool, f->bytes, f->len, NULL, 0, MBUF_TAILROOM_ANY), in);
}

uint8_t nlab_receive_cut(const struct frame *f, unsigned in, uint32_t cut, uint32_t tailroom)
{
    return receive(mbuf_build(pool, f->bytes, f->len, &cut, cut != 0, tailroom), in);
}

uint8_t nlab_receive_stale(const struct frame *f, unsigned in, uint32_t cut)
{
    static const uint8_t zeros[FRAME_SIZE];
    struct rte_mbuf *m = mbuf_build(pool, f->bytes, f->len, NULL, 0, 0);
    uint16_t buf_len = m->buf_len;
    uint8_t drop;

    m->next = mbuf_build(pool, zeros, f->len - cut, NULL, 0, MBUF_TAILROOM_ANY);
    m->nb_segs = 2;
    m->data_len = (uint16_t)cut;
    m->buf_len = (uint16_t)(m->data_off + cut);
    drop = receive(m, in);
    m->buf_len = buf_len; // in its pool again
    return drop;
}

struct neighbor_entry *nlab_entry(const char *text, unsigned interface)
{
    uint8_t address[16], family = nlab_parse(text, address);
    struct neighbor_id id =
        neighbor_id(nlab.state.neighbors, nlab.interfaces[interface].slot, family, address);

    return neighbor_find(nlab.state.neighbors, &id);
}

uint8_t nlab_state(const char *text, unsigned interface)
{
    const struct neighbor_entry *e = nlab_entry(text, interface);

    return e != NULL ? e->state : 0;
}

uint64_t nlab_mac(const char *text)
{
    uint8_t mac[6];

    frame_mac(text, mac);
    return neighbor_word(mac);
}

uint64_t nlab_find(const char *text, unsigned interface)
{
    uint8_t address[16], family = nlab_parse(text, address);

    return neighbor_find_mac(&nlab.state, nlab.interfaces[interface].slot, family, address);
}

void nlab_learn(const char *text, unsigned interface, const char *mac_text, unsigned flags)
{
    uint8_t address[16], mac[6] = {0};
    struct neighbor_news news = {.slot = nlab.interfaces[interface].slot,
                                 .family = nlab_parse(text, address),
                                 .is_solicited = (flags & NLAB_SOLICITED) != 0,
                                 .is_override = (flags & NLAB_OVERRIDE) != 0,
                                 .may_create = (flags & NLAB_CREATE) != 0,
                                 .address = address};

    if (mac_text != NULL) {
        frame_mac(mac_text, mac);
        news.mac = mac;
    }
    neighbor_learn(&nlab.scene, &news);
}

uint64_t nlab_drops(unsigned port, enum api_drop reason)
{
    return counters_of(port, 0)->drops[reason];
}
