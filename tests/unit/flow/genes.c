// SPDX-License-Identifier: BSD-3-Clause
// Which configuration is it? Ports, switches, routers and hosts of it. Called by run.c for each
// commit. Next: genes_chains.c for what stands on cables.

#include "tests/unit/flow/genes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "dataplane/port/port.h"
#include "tests/unit/flow/world.h"

// Where a host is, by the choice for its side.
static const struct genes_place places[N_HOSTS][GENES_N_PLACES] = {
    [HOST_A1] = {{PORT_A, 0, 0}, {PORT_A, 0, 0}, {PORT_A, 10, 0}, {PORT_A, 10, 0}, {PORT_A, 10, 5}},
    [HOST_A2] = {{PORT_A, 0, 0}, {PORT_A, 0, 0}, {PORT_A, 10, 0}, {PORT_A, 20, 0}, {PORT_A, 10, 6}},
    [HOST_B1] = {{PORT_B, 0, 0}, {PORT_B, 0, 0}, {PORT_B, 0, 0}, {PORT_B, 30, 7}, {PORT_B, 30, 0}},
    [HOST_W1] =
        {{PORT_W, 0, 0}, {PORT_W, 0, 0}, {PORT_W, 100, 0}, {PORT_W, 100, 0}, {PORT_W, 99, 9}},
    [HOST_W2] =
        {{PORT_W, 0, 0}, {PORT_X, 0, 0}, {PORT_W, 100, 0}, {PORT_X, 200, 5}, {PORT_W, 99, 9}},
    [HOST_D1] = {{PORT_D, 0, 0}, {PORT_D, 0, 0}, {PORT_D, 40, 0}, {PORT_D, 40, 0}, {PORT_D, 40, 4}},
};

static const char *const addresses[N_HOSTS][2] = {
    {"10.0.0.11", "fd00::11"},         {"10.0.0.12", "fd00::12"},
    {"10.0.0.21", "fd00::21"},         {"198.51.100.1", "2001:db8:1::1"},
    {"198.51.100.3", "2001:db8:1::3"}, {"10.0.4.10", "fd00:4::10"},
};

// Interfaces of routers, in the model's order.
enum { LAN, UP, DMZ, DOWN, WAN };

static const char *const interface_names[] = {"lan", "up", "dmz", "down", "wan"};

void genes_parse(const char *text, uint8_t address[16], uint8_t *family)
{
    memset(address, 0, 16);
    *family = strchr(text, ':') != NULL ? 6 : 4;
    if (inet_pton(*family == 4 ? AF_INET : AF_INET6, text, address) != 1)
        abort();
}

void genes_add(struct model *model, enum api_type type, const void *item)
{
    if (model_add(model, type, item, 1) < 0)
        abort();
}

unsigned genes_shape(const uint8_t *genes)
{
    return gene(genes, GENE_SHAPE, N_SHAPES);
}

int genes_are_neighbors_learned(const uint8_t *genes)
{
    return genes_shape(genes) != SHAPE_BRIDGED && gene(genes, GENE_NEIGHBORS, 4) == 3;
}

struct genes_place genes_place(const uint8_t *genes, enum genes_host host)
{
    enum gene side = host == HOST_D1 ? GENE_DMZ : host >= HOST_W1 ? GENE_WAN : GENE_LAN;

    return places[host][gene(genes, side, GENES_N_PLACES)];
}

int genes_has_switch(const uint8_t *genes, enum gene side)
{
    unsigned place = gene(genes, side, GENES_N_PLACES);

    return side == GENE_LAN ? place != 0 : place % 2 != 0;
}

int genes_has_dmz(const uint8_t *genes)
{
    return gene(genes, GENE_DMZ, GENES_N_PLACES) != 0;
}

uint32_t genes_capability(const uint8_t *genes, unsigned port)
{
    static const uint32_t all = PORT_TX_CSUM | PORT_TX_TSO4 | PORT_TX_TSO6;
    uint32_t bits = PORT_TX_MULTI_SEG;

    if (genes[GENE_CAPABILITY] & 1U << port % 4)
        bits |= genes[GENE_CAPABILITY] & 0x10 ? PORT_TX_CSUM : all;
    if (genes[GENE_CAPABILITY] & 0x20)
        bits &= ~(uint32_t)PORT_TX_MULTI_SEG;
    return bits;
}

static void interface_mac(const uint8_t *genes, unsigned interface, uint8_t mac[6])
{
    const uint8_t bytes[6] = {2, 0, 0, 0, 1, (uint8_t)interface};

    memcpy(mac, bytes, sizeof(bytes));
    if (genes[GENE_MACS] & 1U << interface)
        mac[4] = 2;
}

static unsigned wan_interface(const uint8_t *genes)
{
    return genes_shape(genes) == SHAPE_TWO_ROUTERS ? WAN : UP;
}

void genes_gateway(const uint8_t *genes, enum genes_host host, uint8_t mac[6])
{
    if (genes_shape(genes) == SHAPE_BRIDGED)
        genes_host_mac(host >= HOST_W1 ? HOST_A1 : HOST_W1, mac);
    else if (host == HOST_D1)
        interface_mac(genes, DMZ, mac);
    else
        interface_mac(genes, host >= HOST_W1 ? wan_interface(genes) : LAN, mac);
}

void genes_host_mac(enum genes_host host, uint8_t mac[6])
{
    const uint8_t bytes[6] = {0x52, 0x54, 0, 0, 0x10, (uint8_t)host};

    memcpy(mac, bytes, sizeof(bytes));
}

void genes_host_address(enum genes_host host, uint8_t family, uint8_t address[16])
{
    uint8_t f;

    genes_parse(addresses[host][family == 6], address, &f);
}

static int is_guarded(const uint8_t *genes, unsigned port)
{
    return port <= PORT_B && genes[GENE_GUARD] & 8 && genes[GENE_GUARD] & 1U << port;
}

static void add_ports(const uint8_t *genes, struct model *model)
{
    static const char *const names[N_PORTS] = {"a", "b", "w", "x", "d", "g", "h"};
    static const uint16_t mtus[] = {1500, 9000, 1500, 1500, 1400, 9000, 1500, 1500};

    for (unsigned i = 0; i < N_PORTS; i++) {
        struct api_port port = {.type = API_PORT_TAP, .n_queues = 1, .mac_limit = 16};

        port.mtu = i == PORT_A || i == PORT_W ? mtus[gene(genes, GENE_PORT_MTU, 8)] : 1500;
        if (gene(genes, GENE_SWITCH, 8) == 5)
            port.storm_unknown_pps = 3;
        if (gene(genes, GENE_SWITCH, 8) == 6)
            port.mac_limit = 1;
        snprintf(port.name, sizeof(port.name), "%s", names[i]);
        snprintf(port.device, sizeof(port.device), "%s", names[i]);
        if (is_guarded(genes, i)) {
            port.flags = API_PORT_GUARD;
            genes_host_mac(i == PORT_A ? HOST_A1 : HOST_B1, port.mac);
        }
        genes_add(model, API_PORT, &port);
    }
    for (unsigned i = 0; i < N_PORTS; i++) {
        for (unsigned family = 4; is_guarded(genes, i) && genes[GENE_GUARD] & 4 && family <= 6;
             family += 2) {
            struct api_port_address a = {
                .owner = i, .family = (uint8_t)family, .prefix_len = family == 4 ? 32 : 128};

            genes_host_address(i == PORT_A ? HOST_A1 : HOST_B1, (uint8_t)family, a.address);
            genes_add(model, API_PORT_ADDRESS, &a);
        }
    }
}

static void add_member(struct model *model, uint32_t owner, const struct genes_place *place)
{
    const struct api_member *items;
    struct api_member member = {.owner = owner,
                                .port = place->port,
                                .outer_vlan = place->outer_vlan,
                                .inner_vlan = place->inner_vlan};
    uint32_t n;

    items = model_items(model, API_MEMBER, &n);
    for (uint32_t i = 0; i < n; i++)
        if (memcmp(&items[i], &member, sizeof(member)) == 0)
            return;
    genes_add(model, API_MEMBER, &member);
}

static void add_switches(const uint8_t *genes, struct model *model)
{
    static const uint32_t ageing[] = {300, 0, 3600, 300};
    static const enum genes_host lan[2][3] = {{HOST_A1, HOST_A2, HOST_B1},
                                              {HOST_B1, HOST_A1, HOST_A2}};
    struct api_static_mac mac = {.member = 0};
    struct api_switch sw = {.mac_table_size = 64};
    unsigned order = genes[GENE_ORDER] & 1;

    sw.ageing_sec = ageing[gene(genes, GENE_SWITCH, 4)];
    snprintf(sw.name, sizeof(sw.name), "lan");
    genes_add(model, API_SWITCH, &sw);
    snprintf(sw.name, sizeof(sw.name), "wan");
    genes_add(model, API_SWITCH, &sw);
    for (unsigned i = 0; genes_has_switch(genes, GENE_LAN) && i < 3; i++) {
        struct genes_place place = genes_place(genes, lan[order][i]);

        add_member(model, 0, &place);
    }
    for (unsigned i = 0; genes_has_switch(genes, GENE_WAN) && i < 2; i++) {
        struct genes_place place = genes_place(genes, i == order ? HOST_W1 : HOST_W2);

        add_member(model, 1, &place);
    }
    if (gene(genes, GENE_SWITCH, 8) == 7 && genes_has_switch(genes, GENE_LAN)) {
        genes_host_mac(order ? HOST_B1 : HOST_A1, mac.mac);
        genes_add(model, API_STATIC_MAC, &mac);
    }
}

static void add_interface(const uint8_t *genes, struct model *model, uint32_t router,
                          unsigned interface)
{
    static const uint16_t mtus[] = {1500, 1400, 1280, 9000};
    struct api_interface item = {.owner = router, .mtu = 1500, .kernel_port = API_NONE};

    snprintf(item.name, sizeof(item.name), "%s", interface_names[interface]);
    interface_mac(genes, interface, item.mac);
    if (interface == LAN)
        item.mtu = mtus[genes[GENE_MTU] & 3];
    if (interface == UP || interface == WAN)
        item.mtu = mtus[genes[GENE_MTU] >> 2 & 3];
    if (interface == wan_interface(genes))
        item.tcp_mss = gene(genes, GENE_MSS, 4) == 3 ? 500 : 0;
    if (genes[GENE_URPF] & 1U << interface)
        item.flags = API_INTERFACE_STRICT_URPF;
    genes_add(model, API_INTERFACE, &item);
}

// Of interfaces that there are, in this order; index in the model.
struct subnet {
    unsigned interface;
    const char *address4, *address6;
    uint8_t len4, len6;
};

static const struct subnet subnets[N_SHAPES][5] = {
    [SHAPE_ROUTED] = {{LAN, "10.0.0.1", "fd00::1", 24, 64},
                      {UP, "198.51.100.2", "2001:db8:1::2", 24, 64},
                      {DMZ, "10.0.4.1", "fd00:4::1", 24, 64}},
    [SHAPE_TWO_ROUTERS] = {{LAN, "10.0.0.1", "fd00::1", 24, 64},
                           {UP, "10.9.0.1", "fd00:9::1", 30, 64},
                           {DMZ, "10.0.4.1", "fd00:4::1", 24, 64},
                           {DOWN, "10.9.0.2", "fd00:9::2", 30, 64},
                           {WAN, "198.51.100.2", "2001:db8:1::2", 24, 64}},
};

static unsigned n_interfaces(const uint8_t *genes)
{
    return genes_shape(genes) == SHAPE_TWO_ROUTERS ? 5 : 3;
}

static void add_neighbor(struct model *model, uint32_t interface, const char *address,
                         const uint8_t *mac)
{
    struct api_neighbor item = {.owner = interface};

    genes_parse(address, item.address, &item.family);
    memcpy(item.mac, mac, sizeof(item.mac));
    genes_add(model, API_NEIGHBOR, &item);
}

static void add_neighbors(const uint8_t *genes, struct model *model)
{
    unsigned shape = genes_shape(genes);
    uint8_t mac[6];

    for (unsigned i = 0; !genes_are_neighbors_learned(genes) && i < n_interfaces(genes); i++) {
        for (unsigned host = 0; host < N_HOSTS; host++) {
            unsigned at = host == HOST_D1 ? DMZ : host >= HOST_W1 ? wan_interface(genes) : LAN;

            genes_host_mac(host, mac);
            for (unsigned k = 0; at == i && k < 2; k++)
                add_neighbor(model, i, addresses[host][k], mac);
        }
        if (shape == SHAPE_TWO_ROUTERS && (i == UP || i == DOWN)) {
            unsigned other = i == UP ? DOWN : UP;

            interface_mac(genes, other, mac);
            add_neighbor(model, i, subnets[shape][other].address4, mac);
            add_neighbor(model, i, subnets[shape][other].address6, mac);
        }
    }
}

static uint32_t add_group(struct model *model, uint32_t router, enum api_route_type type)
{
    struct api_next_hop_group group = {.owner = router, .type = (uint8_t)type};
    uint32_t n;

    genes_add(model, API_NEXT_HOP_GROUP, &group);
    (void)model_items(model, API_NEXT_HOP_GROUP, &n);
    return n - 1;
}

static void add_hop(struct model *model, uint32_t group, const char *address, uint8_t weight)
{
    struct api_next_hop hop = {.owner = group, .interface = API_NONE, .weight = weight};

    genes_parse(address, hop.address, &hop.family);
    genes_add(model, API_NEXT_HOP, &hop);
}

static void add_route(struct model *model, uint32_t group, const char *prefix, uint8_t len)
{
    struct api_route route = {.group = group, .prefix_len = len, .preference = 1};
    const struct api_next_hop_group *groups;
    uint32_t n;

    groups = model_items(model, API_NEXT_HOP_GROUP, &n);
    route.owner = groups[group].owner;
    genes_parse(prefix, route.address, &route.family);
    genes_add(model, API_ROUTE, &route);
}

// By one next hop, or by both hosts on the outside, or by one of them and one behind another
// interface, whose link may go alone.
static void add_way(struct model *model, uint32_t router, const char *prefix, uint8_t len,
                    unsigned how)
{
    int is6 = strchr(prefix, ':') != NULL;
    uint32_t group = add_group(model, router, API_ROUTE_UNICAST);

    if ((how & 3) != 1)
        add_hop(model, group, addresses[HOST_W1][is6], 1);
    if ((how & 3) != 0)
        add_hop(model, group, addresses[HOST_W2][is6], (how & 3) == 3 ? 3 : 1);
    if (how & 4 && router == 0)
        add_hop(model, group, addresses[HOST_D1][is6], 1);
    add_route(model, group, prefix, len);
}

static void add_inner_routes(struct model *model)
{
    static const struct {
        uint32_t router;
        const char *prefix, *next_hop;
        uint8_t len;
    } routes[] = {
        {0, "0.0.0.0", "10.9.0.2", 0},
        {0, "::", "fd00:9::2", 0},
        {1, "10.0.0.0", "10.9.0.1", 16},
        {1, "fd00::", "fd00:9::1", 16},
    };

    for (unsigned i = 0; i < 4; i++) {
        uint32_t group = add_group(model, routes[i].router, API_ROUTE_UNICAST);

        add_hop(model, group, routes[i].next_hop, 1);
        add_route(model, group, routes[i].prefix, routes[i].len);
    }
}

static void add_routes(const uint8_t *genes, struct model *model)
{
    uint32_t edge = genes_shape(genes) == SHAPE_TWO_ROUTERS;
    uint8_t bits = genes[GENE_ROUTES];

    if (edge)
        add_inner_routes(model);
    add_way(model, edge, "0.0.0.0", 0, bits & 3);
    add_way(model, edge, "::", 0, bits & 3);
    if (bits & 4) {
        add_way(model, edge, "203.0.113.0", 24, bits >> 4 & 7);
        add_way(model, edge, "2001:db8:203::", 48, bits >> 4 & 7);
    }
    if (bits & 8) {
        uint32_t hole = add_group(model, edge, API_ROUTE_BLACKHOLE);

        add_route(model, hole, "192.0.2.0", 24);
        add_route(model, hole, "2001:db8:2::", 48);
        add_route(model, add_group(model, edge, API_ROUTE_UNREACHABLE), "100.64.0.0", 16);
    }
}

static void add_routers(const uint8_t *genes, struct model *model)
{
    unsigned shape = genes_shape(genes);
    struct api_router router = {
        .neighbor_limit = 100, .route_limit = 1000, .dynamic_preference = 100};

    if (shape == SHAPE_BRIDGED)
        return;
    snprintf(router.name, sizeof(router.name), "gw");
    genes_add(model, API_ROUTER, &router);
    snprintf(router.name, sizeof(router.name), "gw2");
    if (shape == SHAPE_TWO_ROUTERS)
        genes_add(model, API_ROUTER, &router);
    for (unsigned i = 0; i < n_interfaces(genes); i++)
        add_interface(genes, model, i >= DOWN, i);
    for (unsigned i = 0; i < n_interfaces(genes); i++) {
        const struct subnet *s = &subnets[shape][i];

        for (unsigned k = 0; k < 2; k++) {
            struct api_interface_address a = {.owner = i, .prefix_len = k ? s->len6 : s->len4};

            genes_parse(k ? s->address6 : s->address4, a.address, &a.family);
            genes_add(model, API_INTERFACE_ADDRESS, &a);
        }
    }
    add_neighbors(genes, model);
    add_routes(genes, model);
}

void genes_model(const uint8_t *genes, struct model *model)
{
    model_init(model);
    genes_add_functions(genes, model);
    add_ports(genes, model);
    add_switches(genes, model);
    add_routers(genes, model);
    genes_add_chains(genes, model);
}
