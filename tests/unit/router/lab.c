// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/router/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <rte_cycles.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/counters.h"
#include "dataplane/parse/parse.h"
#include "dataplane/port/tx.h"
#include "dataplane/server/build.h"
#include "dataplane/server/check.h"
#include "dataplane/switch/switch.h"
#include "dataplane/walk/queue.h"
#include "dataplane/walk/walk.h"
#include "tests/lib/mbuf_builder.h"
#include "vnf/functions.h"

#define ROUTER_INDEX 1 // in the model
#define POOL_SIZE 511
#define DATA_SIZE 10240
#define BIG_POOL_SIZE 63
#define BIG_DATA_SIZE 65200 // a TSO frame lies in one segment
#define TICK_MS 10
#define AGE_MS 100

static struct {
    struct generation *generation;
    struct rte_mempool *pool, *big_pool;
    struct port_tx *tx;
    uint64_t now_tsc, now_ms;
    struct rte_mbuf *sent[API_MAX_PORTS][LAB_MAX_SENT]; // by slot
    unsigned n_sent[API_MAX_PORTS];
    struct walk_traces traces;
} lab;

struct walk_trace lab_past;

static unsigned record(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n)
{
    (void)queue;
    n = RTE_MIN(n, LAB_MAX_SENT - lab.n_sent[port->slot]);
    for (unsigned i = 0; i < n; i++)
        lab.sent[port->slot][lab.n_sent[port->slot]++] = m[i];
    return n;
}

static void no_watch(struct port *port)
{
    (void)port;
}

static const struct port_ops recorder = {.name = "recorder", .tx_burst = record, .watch = no_watch};

uint8_t lab_parse(const char *text, uint8_t address[16])
{
    memset(address, 0, 16);
    if (strchr(text, ':') != NULL) {
        assert_int_equal(inet_pton(AF_INET6, text, address), 1);
        return 6;
    }
    assert_int_equal(inet_pton(AF_INET, text, address), 1);
    return 4;
}

void lab_address(struct lab_spec *spec, uint32_t interface, const char *address, uint8_t len)
{
    struct api_interface_address *a = &spec->addresses[spec->n_addresses++];

    assert_true(spec->n_addresses <= LAB_MAX_ITEMS);
    *a = (struct api_interface_address){.owner = interface, .prefix_len = len};
    a->family = lab_parse(address, a->address);
}

void lab_neighbor(struct lab_spec *spec, uint32_t interface, const char *address, const char *mac)
{
    struct api_neighbor *neighbor = &spec->neighbors[spec->n_neighbors++];

    assert_true(spec->n_neighbors <= LAB_MAX_ITEMS);
    *neighbor = (struct api_neighbor){.owner = interface};
    neighbor->family = lab_parse(address, neighbor->address);
    frame_mac(mac, neighbor->mac);
}

uint32_t lab_group(struct lab_spec *spec, enum api_route_type type)
{
    assert_true(spec->n_groups < LAB_MAX_ITEMS);
    spec->groups[spec->n_groups] =
        (struct api_next_hop_group){.owner = ROUTER_INDEX, .type = (uint8_t)type};
    return spec->n_groups++;
}

void lab_next_hop(struct lab_spec *spec, uint32_t group, uint32_t interface, const char *address,
                  uint8_t weight)
{
    struct api_next_hop *hop = &spec->next_hops[spec->n_next_hops++];

    assert_true(spec->n_next_hops <= LAB_MAX_ITEMS);
    *hop = (struct api_next_hop){.owner = group, .interface = interface, .weight = weight};
    if (address != NULL)
        hop->family = lab_parse(address, hop->address);
}

void lab_route_to(struct lab_spec *spec, const char *prefix, uint8_t len, uint32_t group)
{
    struct api_route *route = &spec->routes[spec->n_routes++];

    assert_true(spec->n_routes <= LAB_MAX_ITEMS);
    *route = (struct api_route){
        .owner = ROUTER_INDEX, .group = group, .prefix_len = len, .preference = 1};
    route->family = lab_parse(prefix, route->address);
}

void lab_route(struct lab_spec *spec, const char *prefix, uint8_t len, uint32_t interface,
               const char *address)
{
    uint32_t group = lab_group(spec, API_ROUTE_UNICAST);

    lab_next_hop(spec, group, interface, address, 1);
    lab_route_to(spec, prefix, len, group);
}

void lab_spec_init(struct lab_spec *spec)
{
    memset(spec, 0, sizeof(*spec));
    spec->tenant_neighbor_limit = 1000;
    spec->router = (struct api_router){.owner = 1,
                                       .name = "gw",
                                       .neighbor_limit = 1000,
                                       .route_limit = 100000,
                                       .dynamic_preference = 100};
    spec->n_interfaces = LAB_N_INTERFACES;
    for (uint32_t i = 0; i < LAB_MAX_INTERFACES; i++) {
        struct api_interface *interface = &spec->interfaces[i];

        snprintf(interface->name, sizeof(interface->name), "if%u", i);
        interface->owner = ROUTER_INDEX;
        interface->mac[0] = 2;
        interface->mac[5] = (uint8_t)i;
        interface->mtu = 1500;
        interface->kernel_port = i == 3 ? LAB_TWIN : API_NONE;
    }
    for (uint32_t i = 0; i < LAB_N_INTERFACES; i++) {
        char text[64], mac[32];

        snprintf(mac, sizeof(mac), "52:54:00:00:00:%02x", i);
        snprintf(text, sizeof(text), "10.0.%u.1", i);
        lab_address(spec, i, text, 24);
        snprintf(text, sizeof(text), "fd00:%x::1", i);
        lab_address(spec, i, text, 64);
        snprintf(text, sizeof(text), "10.0.%u.2", i);
        lab_neighbor(spec, i, text, mac);
        snprintf(text, sizeof(text), "fd00:%x::2", i);
        lab_neighbor(spec, i, text, mac);
    }
}

// Items that begin with `owner`, which must ascend: added in that order, but for ties as they are.
static void add_sorted(struct model *model, enum api_type type, const void *items, uint32_t n)
{
    const char *item = items;
    size_t size = api_message(type)->item_size;

    for (uint32_t owner = 0; owner < LAB_MAX_ITEMS; owner++)
        for (uint32_t i = 0; i < n; i++)
            if (memcmp(item + i * size, &owner, sizeof(owner)) == 0)
                assert_int_equal(model_add(model, type, item + i * size, 1), 0);
}

static void add_ports(struct model *model, const struct lab_spec *spec)
{
    uint32_t n = RTE_MAX(spec->n_interfaces, (uint32_t)LAB_N_INTERFACES) + 1;

    for (uint32_t i = 0; i < n; i++) {
        // Port number 4 is the twin, so that of interface 4 is number 5.
        uint32_t interface = i < LAB_TWIN ? i : i - 1;
        struct api_port port = {
            .owner = 1, .type = API_PORT_TAP, .n_queues = 1, .mtu = 9216, .mac_limit = 16};

        if (i == LAB_TWIN)
            snprintf(port.name, sizeof(port.name), "twin3");
        else
            snprintf(port.name, sizeof(port.name), "p%u", interface);
        memcpy(port.device, port.name, sizeof(port.name));
        assert_int_equal(model_add(model, API_PORT, &port, 1), 0);
    }
    for (uint32_t i = 0; i < spec->n_interfaces; i++) {
        struct api_chain chain = {
            .owner = 1,
            .inside = {.kind = API_END_PORT, .index = i < LAB_TWIN ? i : i + 1},
            .outside = {.kind = API_END_INTERFACE, .index = i},
        };

        snprintf(chain.name, sizeof(chain.name), "c%u", i);
        assert_int_equal(model_add(model, API_CHAIN, &chain, 1), 0);
    }
}

static void fill_model(struct model *model, const struct lab_spec *spec)
{
    struct api_tenant tenants[2] = {{.name = "red", .neighbor_limit = 10}, {.name = "blue"}};
    struct api_router routers[2] = {
        {.name = "gw", .neighbor_limit = 10, .route_limit = 10, .dynamic_preference = 1}};

    tenants[1].neighbor_limit = spec->tenant_neighbor_limit;
    routers[1] = spec->router;
    model_init(model);
    assert_int_equal(model_add(model, API_TENANT, tenants, 2), 0);
    assert_int_equal(model_add(model, API_ROUTER, routers, 2), 0);
    add_ports(model, spec);
    add_sorted(model, API_INTERFACE, spec->interfaces, spec->n_interfaces);
    add_sorted(model, API_INTERFACE_ADDRESS, spec->addresses, spec->n_addresses);
    add_sorted(model, API_NEIGHBOR, spec->neighbors, spec->n_neighbors);
    add_sorted(model, API_NEXT_HOP_GROUP, spec->groups, spec->n_groups);
    add_sorted(model, API_NEXT_HOP, spec->next_hops, spec->n_next_hops);
    add_sorted(model, API_ROUTE, spec->routes, spec->n_routes);
}

static int build(const struct lab_spec *spec, struct generation **generation, struct error *e)
{
    struct model model;
    int rc;

    fill_model(&model, spec);
    rc = check_model(&model, e);
    if (rc == 0)
        rc = build_generation(&model, 1, generation, e);
    model_fini(&model);
    for (uint32_t i = 0; rc == 0 && i < (*generation)->n_ports; i++) {
        struct port *port = (*generation)->port_list[i];

        if (port->ops == &recorder)
            continue; // taken over from the running generation
        port->ops = &recorder;
        port->state = API_PORT_LINK_UP;
        port->n_tx_queues = 1;
        port->capability = PORT_TX_MULTI_SEG;
    }
    return rc;
}

int lab_try(const struct lab_spec *spec, struct error *e)
{
    struct generation *generation = NULL;
    int rc = build(spec, &generation, e);

    if (rc == 0)
        generation_destroy(generation);
    return rc;
}

void lab_start(const struct lab_spec *spec)
{
    struct lab_spec plain;
    struct generation *generation = NULL;
    struct error e = {0};

    if (spec == NULL) {
        lab_spec_init(&plain);
        spec = &plain;
    }
    if (build(spec, &generation, &e) < 0)
        fail_msg("%s: %s", e.path, e.sentence);
    lab.generation = generation;
    generation_publish(generation);
    for (unsigned i = 0; i < 4; i++)
        lab_function()->ops->age(lab_function(), generation);
}

void lab_clear(void)
{
    for (unsigned slot = 0; slot < API_MAX_PORTS; slot++) {
        rte_pktmbuf_free_bulk(lab.sent[slot], lab.n_sent[slot]);
        lab.n_sent[slot] = 0;
    }
}

void lab_stop(void)
{
    lab_clear();
    for (unsigned i = 0; i < lab.generation->n_ports; i++)
        memset(counters_of(lab_port(i)->slot, 0), 0, sizeof(struct api_counters));
    memset(counters_of(API_MAX_PORTS, 0), 0, sizeof(struct api_counters));
    generation_publish(NULL);
    lab.generation = NULL;
    assert_int_equal(rte_mempool_in_use_count(lab.pool), 0);
    assert_int_equal(rte_mempool_in_use_count(lab.big_pool), 0);
    assert_int_equal(rte_mempool_in_use_count(walk_queue_of(0)->pool), 0);
}

int lab_setup(void **state)
{
    (void)state;
    lab_start(NULL);
    return 0;
}

int lab_teardown(void **state)
{
    (void)state;
    lab_stop();
    return 0;
}

int lab_init(void **state)
{
    static const struct function_ops *kinds[8] = {&switch_ops};
    struct error e;

    (void)state;
    mbuf_eal_init();
    for (unsigned i = 0; vnf_functions[i] != NULL; i++)
        kinds[i + 1] = vnf_functions[i];
    function_kinds = kinds;
    if (counters_init(NULL, 1) < 0 || port_init("/tmp", 1, &e) < 0 || walk_queue_init(1, &e) < 0)
        return -1;
    lab.pool = mbuf_pool("lab", POOL_SIZE, DATA_SIZE);
    lab.big_pool = mbuf_pool("big", BIG_POOL_SIZE, BIG_DATA_SIZE);
    lab.tx = port_tx_create(0);
    lab.now_tsc = rte_rdtsc();
    return lab.tx == NULL;
}

struct function *lab_function(void)
{
    return generation_find(lab.generation, "router", "blue", "gw");
}

struct router_state *lab_state(void)
{
    return lab_function()->state;
}

const struct router_config *lab_config(void)
{
    return lab_function()->config;
}

const struct router_counters *lab_counters(void)
{
    return &lab_state()->counters[0];
}

const struct router_interface *lab_interface(uint32_t index)
{
    return &lab_config()->interfaces[index];
}

struct port *lab_port(unsigned port)
{
    return lab.generation->port_list[port];
}

struct rte_mempool *lab_pool(void)
{
    return lab.pool;
}

struct walk_context lab_context(void)
{
    return (struct walk_context){
        .generation = lab.generation,
        .now_sec = clock_sec(),
        .now_tsc = lab.now_tsc,
        .tx = lab.tx,
        .queue = walk_queue_of(0),
    };
}

struct router_scene lab_scene(const struct walk_context *ctx)
{
    return router_scene(lab_function(), ctx);
}

void lab_flush(void)
{
    port_tx_flush(lab.tx);
}

void lab_tick(void)
{
    struct walk_context ctx = lab_context();

    lab_function()->ops->tick(lab_function(), &ctx);
    lab_flush();
}

void lab_pass_ms(uint64_t ms)
{
    for (uint64_t end = lab.now_ms + ms; lab.now_ms < end;) {
        lab.now_ms++;
        lab.now_tsc += rte_get_tsc_hz() / 1000;
        if (lab.now_ms % 1000 == 0)
            __atomic_fetch_add(&clock_sec_now, 1, __ATOMIC_RELAXED);
        if (lab.now_ms % TICK_MS == 0)
            lab_tick();
        if (lab.now_ms % AGE_MS == 0)
            lab_function()->ops->age(lab_function(), lab.generation);
    }
}

void lab_link(unsigned port, int is_up)
{
    lab_port(port)->state = is_up ? API_PORT_LINK_UP : API_PORT_LINK_DOWN;
}

static struct rte_mbuf *make(unsigned port, const struct frame *f, const uint32_t *cuts,
                             unsigned n_cuts)
{
    struct rte_mempool *pool = f->len > DATA_SIZE && n_cuts == 0 ? lab.big_pool : lab.pool;
    struct rte_mbuf *m = mbuf_build(pool, f->bytes, f->len, cuts, n_cuts, MBUF_TAILROOM_ANY);

    packet_of(m)->in_port = (uint16_t)lab_port(port)->slot;
    return m;
}

// As flow/burst.c does it, for all of them.
static void trace(struct rte_mbuf *m, unsigned i)
{
    lab.traces.t[i] = lab_past;
    lab.traces.t[i].m = m;
    lab.traces.t[i].mtu = UINT16_MAX;
    packet_of(m)->trace = (uint8_t)(i + 1);
    packet_of(m)->plain = PACKET_NOT_PLAIN;
}

const struct walk_trace *lab_trace(unsigned i)
{
    return &lab.traces.t[i];
}

int lab_is_plain(unsigned i)
{
    return lab.traces.t[i].is_done && !lab.traces.t[i].is_broken;
}

static void walk(struct rte_mbuf **m, unsigned n)
{
    struct walk_context ctx = lab_context();

    ctx.traces = &lab.traces;
    lab.traces.n = n;
    for (unsigned i = 0; i < n; i++)
        trace(m[i], i);
    parse_burst(m, n);
    walk_burst(&ctx, m, n);
    lab_flush();
}

void lab_receive(unsigned port, const struct frame *f)
{
    lab_receive_burst(port, &f, 1);
}

void lab_receive_offload(unsigned port, const struct frame *f, uint8_t offload, uint16_t gso_size)
{
    struct rte_mbuf *m = make(port, f, NULL, 0);

    packet_of(m)->offload = offload;
    packet_of(m)->gso_size = gso_size;
    walk(&m, 1);
}

void lab_receive_cut(unsigned port, const struct frame *f, const uint32_t *cuts, unsigned n_cuts)
{
    struct rte_mbuf *m = make(port, f, cuts, n_cuts);

    walk(&m, 1);
}

void lab_receive_burst(unsigned port, const struct frame *const *frames, unsigned n)
{
    struct rte_mbuf *m[BURST_SIZE];

    for (unsigned i = 0; i < n; i++)
        m[i] = make(port, frames[i], NULL, 0);
    walk(m, n);
}

struct rte_mbuf *lab_sent(unsigned port, unsigned number)
{
    uint32_t slot = lab_port(port)->slot;

    return number < lab.n_sent[slot] ? lab.sent[slot][number] : NULL;
}

unsigned lab_n_sent(unsigned port)
{
    return lab.n_sent[lab_port(port)->slot];
}

unsigned lab_n_sent_all(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < lab.generation->n_ports; i++)
        n += lab_n_sent(i);
    return n;
}

const uint8_t *lab_sent_bytes(unsigned port, unsigned number, uint32_t *len)
{
    static uint8_t bytes[FRAME_SIZE];
    const struct rte_mbuf *m = lab_sent(port, number);

    assert_non_null(m);
    *len = 0;
    for (; m != NULL; m = m->next) {
        memcpy(bytes + *len, rte_pktmbuf_mtod(m, const void *), m->data_len);
        *len += m->data_len;
    }
    assert_int_equal(*len, lab_sent(port, number)->pkt_len);
    return bytes;
}

void lab_expect(unsigned port, unsigned number, const struct frame *f)
{
    uint32_t len;
    const uint8_t *bytes = lab_sent_bytes(port, number, &len);

    assert_int_equal(len, f->len);
    assert_memory_equal(bytes, f->bytes, len);
}

uint64_t lab_drops(unsigned port, enum api_drop reason)
{
    return counters_of(port == API_MAX_PORTS ? port : lab_port(port)->slot, 0)->drops[reason];
}

uint64_t lab_drops_all(enum api_drop reason)
{
    uint64_t n = lab_drops(API_MAX_PORTS, reason);

    for (unsigned i = 0; i < lab.generation->n_ports; i++)
        n += lab_drops(i, reason);
    return n;
}
