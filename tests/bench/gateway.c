// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/gateway.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_random.h>

#include "dataplane/chain/chain.h"
#include "dataplane/core/clock.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/flow/flow.h"
#include "dataplane/parse/parse.h"
#include "dataplane/port/tx.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/fragment.h"
#include "dataplane/session/session.h"
#include "dataplane/session/state.h"
#include "dataplane/walk/walk.h"
#include "tests/lib/packet_builder.h"
#include "tests/lib/walk_lab.h"
#include "vnf/functions.h"

#define N_BUFFERS 4095
#define MAX_SENT (4 * BURST_SIZE)
#define POOL_FIRST "198.51.100.0"
#define POOL_LAST "198.51.100.63"

enum { LAN, WAN, N_INTERFACES };

struct rte_mbuf *gateway_sent[MAX_SENT];
unsigned gateway_n_sent;
uint64_t gateway_n_walked;

static struct frame frames[GATEWAY_N_PORTS];
static char dir[] = "/dev/shm/culvert-bench-XXXXXX";

static unsigned take(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n)
{
    (void)port;
    (void)queue;
    memcpy(&gateway_sent[gateway_n_sent], m, n * sizeof(m[0]));
    gateway_n_sent += n;
    return n;
}

static void no_watch(struct port *port)
{
    (void)port;
}

static const struct port_ops sink = {.name = "sink", .tx_burst = take, .watch = no_watch};

static void add(struct model *model, enum api_type type, const void *items, uint32_t n)
{
    if (model_add(model, type, items, n) < 0)
        abort();
}

static void add_router(struct model *model)
{
    const struct api_router router = {
        .name = "gw", .neighbor_limit = 16, .route_limit = 16, .dynamic_preference = 1};
    const struct api_interface interfaces[N_INTERFACES] = {
        {.name = "lan", .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500, .kernel_port = API_NONE},
        {.name = "wan", .mac = {2, 0, 0, 0, 0, 2}, .mtu = 1500, .kernel_port = API_NONE}};
    const struct api_interface_address addresses[N_INTERFACES] = {
        {.owner = LAN, .family = 4, .prefix_len = 24, .address = {192, 0, 2, 1}},
        {.owner = WAN, .family = 4, .prefix_len = 24, .address = {192, 0, 3, 1}}};
    const struct api_neighbor neighbors[N_INTERFACES] = {
        {.owner = LAN, .family = 4, .mac = {82, 84, 0, 0, 0, 1}, .address = {192, 0, 2, 2}},
        {.owner = WAN, .family = 4, .mac = {82, 84, 0, 0, 0, 2}, .address = {192, 0, 3, 2}}};
    const struct api_next_hop_group groups[N_INTERFACES] = {{.type = API_ROUTE_UNICAST},
                                                            {.type = API_ROUTE_UNICAST}};
    const struct api_next_hop hops[N_INTERFACES] = {
        {.owner = 0, .interface = LAN, .family = 4, .weight = 1, .address = {192, 0, 2, 2}},
        {.owner = 1, .interface = WAN, .family = 4, .weight = 1, .address = {192, 0, 3, 2}}};
    const struct api_route routes[N_INTERFACES] = {
        {.group = 0, .family = 4, .preference = 1, .prefix_len = 8, .address = {10}},
        {.group = 1, .family = 4, .preference = 1}};

    add(model, API_ROUTER, &router, 1);
    add(model, API_INTERFACE, interfaces, N_INTERFACES);
    add(model, API_INTERFACE_ADDRESS, addresses, N_INTERFACES);
    add(model, API_NEIGHBOR, neighbors, N_INTERFACES);
    add(model, API_NEXT_HOP_GROUP, groups, N_INTERFACES);
    add(model, API_NEXT_HOP, hops, N_INTERFACES);
    add(model, API_ROUTE, routes, N_INTERFACES);
}

static void add_firewall(struct model *model, unsigned number)
{
    struct api_firewall firewall = {.default_in = API_ACTION_DENY, .default_out = API_ACTION_DENY};
    const struct api_rule rule = {.owner = number,
                                  .seq = 10,
                                  .direction = API_DIRECTION_OUT,
                                  .action = API_ACTION_ALLOW,
                                  .source_port_last = UINT16_MAX,
                                  .destination_port_last = UINT16_MAX,
                                  .source_group = API_NONE,
                                  .destination_group = API_NONE,
                                  .source_port_group = API_NONE,
                                  .destination_port_group = API_NONE};

    snprintf(firewall.name, sizeof(firewall.name), "fw%u", number);
    add(model, API_FIREWALL, &firewall, 1);
    add(model, API_RULE, &rule, 1);
}

static void add_nat(struct model *model)
{
    const struct api_nat nat = {.name = "nat",
                                .mapping = API_NAT_ENDPOINT_INDEPENDENT,
                                .filtering = API_NAT_ENDPOINT_INDEPENDENT,
                                .flags = API_NAT_FLAGS,
                                .port_first = 1024,
                                .port_last = 65535,
                                .host_limit = 65535};
    const struct api_nat_source source = {.seq = 10, .prefix_len = 8, .prefix = {10}};
    struct api_nat_pool pool = {0};

    inet_pton(AF_INET, POOL_FIRST, pool.first);
    inet_pton(AF_INET, POOL_LAST, pool.last);
    add(model, API_NAT, &nat, 1);
    add(model, API_NAT_SOURCE, &source, 1);
    add(model, API_NAT_POOL, &pool, 1);
}

static void add_chains(struct model *model, unsigned n_firewalls)
{
    const struct api_chain chains[] = {{.name = "inside",
                                        .inside = {.kind = API_END_PORT, .index = GATEWAY_IN},
                                        .outside = {.kind = API_END_INTERFACE, .index = LAN}},
                                       {.name = "edge",
                                        .inside = {.kind = API_END_INTERFACE, .index = WAN},
                                        .outside = {.kind = API_END_PORT, .index = GATEWAY_OUT}}};
    const struct api_chain_function nat = {.owner = 1, .kind = API_FUNCTION_NAT};

    add(model, API_CHAIN, chains, 2);
    for (unsigned i = 0; i < n_firewalls; i++) {
        const struct api_chain_function firewall = {
            .owner = 1, .kind = API_FUNCTION_FIREWALL, .index = i};

        add(model, API_CHAIN_FUNCTION, &firewall, 1);
    }
    add(model, API_CHAIN_FUNCTION, &nat, 1);
}

static void publish(unsigned n_firewalls)
{
    struct api_tenant tenant = {.name = "blue",
                                .neighbor_limit = 16,
                                .session_limit = UINT32_MAX,
                                .half_open_limit = UINT32_MAX,
                                .source_session_limit = UINT32_MAX,
                                .fragment_limit = 16};
    const struct api_port ports[GATEWAY_N_PORTS] = {walk_lab_port_config("in"),
                                                    walk_lab_port_config("out")};
    struct model model;

    for (unsigned i = 0; i < API_N_TIMEOUTS; i++)
        tenant.timeout_sec[i] = 3600;
    model_init(&model);
    add(&model, API_TENANT, &tenant, 1);
    add(&model, API_PORT, ports, GATEWAY_N_PORTS);
    add_router(&model);
    for (unsigned i = 0; i < n_firewalls; i++)
        add_firewall(&model, i);
    add_nat(&model);
    add_chains(&model, n_firewalls);
    walk_lab_publish(&model);
    for (unsigned i = 0; i < GATEWAY_N_PORTS; i++)
        walk_lab_port(i)->ops = &sink;
}

static void make_frames(void)
{
    static const char *const macs[GATEWAY_N_PORTS][2] = {{GATEWAY_LAN_MAC, GATEWAY_HOST_MAC},
                                                         {GATEWAY_WAN_MAC, GATEWAY_NEXT_MAC}};

    for (unsigned i = 0; i < GATEWAY_N_PORTS; i++) {
        frame_ether(&frames[i], macs[i][0], macs[i][1]);
        frame_ip4(&frames[i], "10.0.0.2", "203.0.113.1");
        frame_udp(&frames[i], 1, 53);
        frame_payload(&frames[i], 18);
        frame_end(&frames[i]);
    }
}

static int start_parts(uint32_t max_sessions, uint32_t max_flows, struct error *e)
{
    int rc = state_init(dir, e);

    session_clock_init(NULL);
    if (rc == 0)
        rc = session_init(1, max_sessions, e);
    if (rc == 0)
        rc = chains_init(e);
    if (rc == 0)
        rc = flow_init(1, max_flows, e);
    if (rc == 0)
        rc = fragment_init(1, e);
    return rc;
}

void gateway_start(uint32_t max_sessions, uint32_t max_flows, unsigned n_firewalls)
{
    static const struct function_ops *kinds[16];
    struct error e = {0};
    unsigned n = 0;

    for (; vnf_functions[n] != NULL; n++)
        kinds[n] = vnf_functions[n];
    kinds[n] = &chain_ops;
    walk_lab_init(kinds, N_BUFFERS);
    rte_srand(1); // the same run each time
    clock_update();
    qsbr_init(1);
    if (mkdtemp(dir) == NULL || start_parts(max_sessions, max_flows, &e) < 0) {
        fprintf(stderr, "no gateway: %s\n", e.sentence);
        exit(1);
    }
    make_frames();
    publish(n_firewalls);
    gateway_tend();
    qsbr_online(0);
}

void gateway_end(void)
{
    char path[sizeof(dir) + 8];

    qsbr_offline(0);
    generation_publish(NULL);
    flow_fini();
    state_fini();
    snprintf(path, sizeof(path), "%s/kept", dir);
    unlink(path);
    rmdir(dir);
}

void gateway_tend(void)
{
    clock_update();
    session_tend();
    flow_tend();
    flow_tick();
    for (uint32_t i = 0; i < generation_published->n_functions; i++) {
        struct function *f = &generation_published->functions[i];

        f->ops->age(f, generation_published);
    }
}

void gateway_path(struct walk_context *ctx, struct rte_mbuf **m, unsigned n)
{
    unsigned n_left;

    parse_burst(m, n);
    n_left = flow_burst(ctx, m, n);
    gateway_n_walked += n_left;
    if (n_left > 0)
        walk_burst(ctx, m, n_left);
    flow_compose(ctx);
    port_tx_flush(ctx->tx);
}

uint64_t gateway_carry(struct rte_mbuf **m, unsigned n)
{
    struct walk_context ctx = walk_lab_context();
    uint64_t start = ctx.now_tsc;

    gateway_path(&ctx, m, n);
    session_age(0, session_clock_ms(ctx.now_tsc), 0);
    flow_age(0, clock_sec(), 0);
    return rte_rdtsc() - start;
}

void gateway_forget(void)
{
    rte_pktmbuf_free_bulk(gateway_sent, gateway_n_sent);
    gateway_n_sent = 0;
}

void gateway_packet(struct rte_mbuf *m, unsigned port, const uint32_t addresses[2],
                    const uint16_t ports[2])
{
    const struct frame *frame = &frames[port];
    struct rte_ipv4_hdr *ip;
    char *bytes;

    m->data_off = RTE_PKTMBUF_HEADROOM;
    bytes = rte_pktmbuf_mtod(m, char *);
    memcpy(bytes, frame->bytes, frame->len);
    ip = (struct rte_ipv4_hdr *)(void *)(bytes + frame->ip4_off);
    ip->src_addr = addresses[0];
    ip->dst_addr = addresses[1];
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    memcpy(bytes + frame->l4_off, ports, 2 * sizeof(ports[0]));
    memset(bytes + frame->l4_off + 6, 0, 2); // without a checksum, as UDP may be
    m->data_len = (uint16_t)frame->len;
    m->pkt_len = frame->len;
    packet_of(m)->in_port = (uint16_t)walk_lab_port(port)->slot;
    packet_of(m)->offload = 0;
    packet_of(m)->gso_size = 0;
}
