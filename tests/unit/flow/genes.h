// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_GENES_H
#define TESTS_UNIT_FLOW_GENES_H

// A configuration in some bytes, each of which means something whatever it is; 0 is the simplest.
// An edit is another byte. The parts have the same names in all configurations, so that their
// states live on:
//
//   a (A1 A2) ─┐                        ┌─ w (W1)
//              ├ lan ─ in ─ gw ─ edge ─ wan
//   b (B1) ────┘            │           └─ x (W2)
//                          dmz ─ d (D1)
//
// `lan` and `wan` are a port, VLANs of it, or a switch; chains carry functions; there may be two
// routers (chain `mid`) or none.

#include "dataplane/core/model.h"

enum gene {
    GENE_SHAPE, // routed, bridged, two routers
    GENE_LAN,   // port, switch, VLANs
    GENE_WAN,
    GENE_DMZ,  // none, port, VLAN
    GENE_EDGE, // what stands on the chains
    GENE_IN,
    GENE_MID,
    GENE_DMZ_CHAIN,
    GENE_RULES, // of fw: a bit for each
    GENE_DEFAULTS,
    GENE_RULES2, // of fw2
    GENE_DEFAULTS2,
    GENE_NAT,      // rules of nat: a bit for each
    GENE_NAT_KIND, // mapping, filtering, flags
    GENE_ROUTES,
    GENE_NEIGHBORS, // static, learned
    GENE_MTU,
    GENE_MSS,
    GENE_URPF,
    GENE_GUARD,
    GENE_PORT_MTU,
    GENE_CAPABILITY, // what receivers do themselves
    GENE_TRACKING,   // window checks, pick-up
    GENE_TIMEOUTS,
    GENE_LIMITS,
    GENE_SWITCH, // ageing, static MACs, storms
    GENE_GUEST,
    GENE_MACS,  // of routers
    GENE_ORDER, // of members and functions in the model
    GENE_START, // of clocks: read at the beginning only, as is the next
    GENE_FLOWS, // room in the table
    GENE_SPARE,
    N_GENES,
};

enum genes_port { PORT_A, PORT_B, PORT_W, PORT_X, PORT_D, PORT_G, PORT_H, N_PORTS };

enum genes_host { HOST_A1, HOST_A2, HOST_B1, HOST_W1, HOST_W2, HOST_D1, N_HOSTS };

// Where frames of a host come in.
struct genes_place {
    uint8_t port;
    uint16_t outer_vlan, inner_vlan;
};

enum { SHAPE_ROUTED, SHAPE_BRIDGED, SHAPE_TWO_ROUTERS, N_SHAPES };

unsigned genes_shape(const uint8_t *genes);
int genes_are_neighbors_learned(const uint8_t *genes);
struct genes_place genes_place(const uint8_t *genes, enum genes_host host);
#define GENES_N_PLACES 5
// Whether `lan` (GENE_LAN) or `wan` is a switch; whether there is a dmz.
int genes_has_switch(const uint8_t *genes, enum gene side);
int genes_has_dmz(const uint8_t *genes);
uint32_t genes_capability(const uint8_t *genes, unsigned port); // enum port_capability

// MAC of the router interface that a host on this side speaks to.
void genes_gateway(const uint8_t *genes, enum genes_host host, uint8_t mac[6]);
// As they are at the beginning.
void genes_host_mac(enum genes_host host, uint8_t mac[6]);
void genes_host_address(enum genes_host host, uint8_t family, uint8_t address[16]);

void genes_model(const uint8_t *genes, struct model *model);

// Rule number `i` of a firewall that the configuration may have (genes_rules.c).
#define GENES_N_RULES 8
void genes_rule(unsigned i, struct api_rule *rule);
// Whether genes have it in firewall 0 or 1, and turn that over.
int genes_has_rule(const uint8_t *genes, unsigned firewall, unsigned i);

// genes_chains.c: tenants, firewalls, NATs, guests, chains into the model.
void genes_add_functions(const uint8_t *genes, struct model *model);
void genes_add_chains(const uint8_t *genes, struct model *model);
void genes_add(struct model *model, enum api_type type, const void *item);
void genes_parse(const char *text, uint8_t address[16], uint8_t *family);

static inline unsigned gene(const uint8_t *genes, enum gene which, unsigned n_values)
{
    return genes[which] % n_values;
}

#endif
