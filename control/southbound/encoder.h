// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_ENCODER_H
#define CONTROL_SOUTHBOUND_ENCODER_H

// What the encode files share while one configuration becomes datagrams. Private to them.

#include <stdbool.h>

#include "control/datastore/index.h"
#include "control/datastore/node.h"
#include "control/datastore/rule.h"
#include "control/failure.h"
#include "control/southbound/datagrams.h"
#include "control/southbound/port_index.h"

struct encoding {
    uint64_t config_id;
    struct datagrams datagrams;
};

struct encoder {
    struct item_list lists[API_N_TYPES]; // by type; empty for what is no object
    struct port_index *port_index;
    struct index names; // "switch tenant/name" and the like → index in its list, plus 1
    struct config_error *e;
};

// The tenant whose objects are encoded.
struct encode_owner {
    uint32_t index;
    const char *name;
};

// A zeroed item at the end of its list. NULL: out of memory.
void *encode_add(struct encoder *c, enum api_type type);
// How many there are; the last one's index is one less.
uint32_t encode_count(const struct encoder *c, enum api_type type);

int encode_no_memory(struct encoder *c);
int encode_text(struct encoder *c, char *to, size_t size, const char *text);
bool encode_is_named(const struct lyd_node *node, const char *name);
uint32_t encode_uint(const struct lyd_node *parent, const char *name);
// Six zeros if `text` is empty. The schema has checked the form.
void encode_mac(uint8_t mac[6], const char *text);

// Remember, and find, an object by kind ("switch", "interface", "twin"), tenant and name; the name
// may be of two parts with a dot between (`second` is NULL if not). -1: there is none.
int encode_remember(struct encoder *c, const char *kind, const char *tenant, const char *first,
                    const char *second, uint32_t index);
int64_t encode_find(const struct encoder *c, const char *kind, const char *tenant,
                    const char *first, const char *second);

// All of one tenant. Ports of all tenants come first, chains last. Each returns 0 or -errno with
// the encoder's error filled.
int encode_ports(struct encoder *c, const struct encode_owner *tenant,
                 const struct lyd_node *node); // twins of router interfaces, too
int encode_switches(struct encoder *c, const struct encode_owner *tenant,
                    const struct lyd_node *node);
int encode_routers(struct encoder *c, const struct encode_owner *tenant,
                   const struct lyd_node *node);
int encode_firewalls(struct encoder *c, const struct encode_owner *tenant,
                     const struct lyd_node *node); // and the groups that rules name
int encode_nats(struct encoder *c, const struct encode_owner *tenant, const struct lyd_node *node);
int encode_guests(struct encoder *c, const struct encode_owner *tenant,
                  const struct lyd_node *node);
int encode_chains(struct encoder *c, const struct encode_owner *tenant,
                  const struct lyd_node *node);

// encode_firewall.c: a rule but for its owner and groups. *item is zeroed.
void encode_rule(const struct rule *rule, struct api_rule *item);

// encode_router.c, for encode_ports: the twins of a router's interfaces, as tap ports.
int encode_twins(struct encoder *c, const struct encode_owner *tenant,
                 const struct lyd_node *router);

// encode_route.c: the static routes of the last router.
int encode_routes(struct encoder *c, const char *tenant, const struct lyd_node *router);

#endif
