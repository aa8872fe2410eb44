// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_CHECK_H
#define CONTROL_DATASTORE_CHECK_H

// What the files of the check share. Private to this folder.

#include <stdbool.h>

#include "control/datastore/attachment.h"
#include "control/datastore/error.h"
#include "control/datastore/index.h"
#include "control/datastore/rule.h"

#define CHECK_KEY_SIZE 320
#define CHECK_PATH_SIZE 160

struct checker {
    struct config_error *e;
    struct index ports;      // tenant/port → the port
    struct index switches;   // tenant/switch → the switch
    struct index interfaces; // tenant/router.interface → the interface
    struct index functions;  // tenant/name → the firewall, nat or guest-function
    struct index groups;     // "address-group tenant/name", "port-group …" → the group
    struct index taken;      // what may be there once on this host → who has it
    unsigned n_ports, n_tenants;
};

// All return 0 or -errno with the checker's error filled.

int check_no_memory(struct checker *s);
bool check_is_list(const struct lyd_node *node, const char *name);

// One more port, counting twins of router interfaces.
int check_count_port(struct checker *s, const struct lyd_node *node);

// Something of the host that two objects would fight for: `value` is what the user reads, `key`
// tells it apart from all else. The error stands at the object's `field`.
struct claim {
    const struct lyd_node *object;
    const char *field, *key, *value;
};
int check_claim(struct checker *s, const struct claim *claim);

// A kernel interface, in a network namespace ("": the dataplane's own).
int check_kernel_interface(struct checker *s, const struct lyd_node *object, const char *field,
                           const char *netns, const char *name);

// The attachment or interface that `key` stands for gets its one cable: `node` is the leaf that
// says so, a member of a switch or an end of a chain.
int check_plug(struct checker *s, const struct lyd_node *node, const char *key);

// "member tenant/port.outer.inner" for check_plug.
void check_attachment_key(const struct attachment *a, char key[CHECK_KEY_SIZE]);

// check_router.c: a router by itself. Adds its interfaces and their twins to the indices.
int check_router(struct checker *s, const struct lyd_node *router, const char *tenant);

// check_route.c: what routes lead to, against the interfaces that router_scope knows.
struct router_scope {
    const struct lyd_node *router;
    struct index names; // "interface NAME", "address A", "subnet A/LEN" → its node
    bool has_subnet4[33], has_subnet6[129];    // of this length
    unsigned long n_routes4, n_routes6, limit; // connected ones, too
    unsigned n_interfaces;
};
struct address;
// "address A", "subnet A/LEN".
void check_address_key(const char *kind, const struct address *a, char key[CHECK_KEY_SIZE]);
// The address leaf whose subnet the first `len` bits of `a` are, NULL if there is none.
const struct lyd_node *check_find_subnet(const struct router_scope *scope, const struct address *a,
                                         unsigned len);
// One more route, of the route or address at `node`.
int check_count_route(struct checker *s, struct router_scope *scope, const struct lyd_node *node,
                      unsigned family);
int check_route(struct checker *s, struct router_scope *scope, const struct lyd_node *route);

// check_function.c: what stands on chains, by name and by itself. First the names of all,
int check_add_function(struct checker *s, const struct lyd_node *function, const char *tenant);
int check_group(struct checker *s, const struct lyd_node *group, const char *tenant);
// then the ports of guests, which are attached to nothing else,
int check_guest_function(struct checker *s, const struct lyd_node *guest, const char *tenant);
// as this finds out of an attachment at `node`,
int check_not_of_guest(struct checker *s, const struct lyd_node *node, const struct attachment *a);
// then the functions of a chain.
int check_chain_functions(struct checker *s, const struct lyd_node *chain, const char *tenant);

// "must be ports from 1 to 65535 …"
int check_refuse_ports(struct checker *s, const struct lyd_node *leaf);

// check_firewall.c, check_nat.c: once all groups are in the indices.
int check_firewall(struct checker *s, const struct lyd_node *firewall, const char *tenant);
int check_nat(struct checker *s, const struct lyd_node *nat);

// check_chain.c: both ends of a chain, once all objects are in the indices.
int check_chain(struct checker *s, const struct lyd_node *chain, const char *tenant);

#endif
