// SPDX-License-Identifier: BSD-3-Clause
// Can a router be like this? Its interfaces, their addresses and neighbours, and what a twin in the
// kernel takes of the host. Called by check.c before anything that may name an interface is looked
// at. Changes nothing but the indices. Next: check_route.c.

#include "control/datastore/address.h"
#include "control/datastore/check.h"
#include "dataplane/api/culvert_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MIN_MTU6 1280       // RFC 8200, section 5
#define MAX_INTERFACES 2048 // of one router; the dataplane has no more

static int add_interface(struct checker *s, struct router_scope *scope,
                         const struct lyd_node *interface, const char *tenant)
{
    const char *name = node_value(interface, "name");
    const void *first = NULL;
    char key[CHECK_KEY_SIZE];
    int r;

    (void)snprintf(key, sizeof(key), "%s/%s.%s", tenant, node_value(scope->router, "name"), name);
    r = index_add(&s->interfaces, key, interface, &first);
    if (r == 0) {
        (void)snprintf(key, sizeof(key), "interface %s", name);
        r = index_add(&scope->names, key, interface, &first);
    }
    return r < 0 ? check_no_memory(s) : 0;
}

// A twin is a tap port of the tenant, by the name of router.interface.
static int check_twin(struct checker *s, const struct lyd_node *router,
                      const struct lyd_node *interface)
{
    const char *kernel_name = node_value(interface, "kernel-interface");
    const char *field = kernel_name[0] ? "kernel-interface" : "kernel";
    const struct lyd_node *leaf = node_child(interface, "kernel");
    char name[2 * API_NAME_SIZE];
    int r;

    if (!node_number(interface, "kernel"))
        return 0;
    (void)snprintf(name, sizeof(name), "%s.%s", node_value(router, "name"),
                   node_value(interface, "name"));
    if (strlen(name) >= API_NAME_SIZE)
        return error_at(s->e, -EINVAL, leaf,
                        "the twin's port would be %s, which is longer than %d characters: shorten "
                        "the router's or the interface's name",
                        name, API_NAME_SIZE - 1);
    if (!kernel_name[0] && strlen(name) > 15)
        return error_at(s->e, -EINVAL, leaf,
                        "%s is too long for the kernel's interface: add kernel-interface, a name "
                        "of up to 15 characters",
                        name);
    r = check_count_port(s, interface);
    if (r < 0)
        return r;
    return check_kernel_interface(s, interface, field, node_value(interface, "network-namespace"),
                                  kernel_name[0] ? kernel_name : name);
}

void check_address_key(const char *kind, const struct address *a, char key[CHECK_KEY_SIZE])
{
    size_t n = (size_t)snprintf(key, CHECK_KEY_SIZE, "%s %u/%u ", kind, a->family, a->prefix_len);
    unsigned i;

    for (i = 0; i < sizeof(a->bytes); i++)
        n += (size_t)snprintf(key + n, CHECK_KEY_SIZE - n, "%02x", a->bytes[i]);
}

// Neither the network's nor its broadcast address; RFC 3021 has 31 bits without either.
static bool is_host_of_subnet(const struct address *a)
{
    struct address low = *a, high = *a;
    unsigned bit;

    if (a->family != 4 || a->prefix_len >= 31)
        return true;
    address_mask(&low, a->prefix_len);
    for (bit = a->prefix_len; bit < 32; bit++)
        high.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    return memcmp(a->bytes, low.bytes, 16) != 0 && memcmp(a->bytes, high.bytes, 16) != 0;
}

static int add_address(struct checker *s, struct router_scope *scope, const struct lyd_node *leaf,
                       const struct address *a)
{
    struct address subnet = *a, host = *a;
    char key[CHECK_KEY_SIZE];
    const void *first = NULL;
    int r;

    address_mask(&host, address_size(a));
    check_address_key("address", &host, key);
    r = index_add(&scope->names, key, leaf, &first);
    if (r == -EEXIST)
        return error_at(s->e, -EINVAL, leaf, "the router has this address already, on line %u",
                        node_line(first));
    if (r == 0) {
        address_mask(&subnet, a->prefix_len);
        check_address_key("subnet", &subnet, key);
        r = index_add(&scope->names, key, leaf, &first); // several may share their subnet
    }
    if (r == -ENOMEM)
        return check_no_memory(s);
    (a->family == 4 ? scope->has_subnet4 : scope->has_subnet6)[a->prefix_len] = true;
    return a->prefix_len < address_size(a) ? check_count_route(s, scope, leaf, a->family) : 0;
}

static int check_address(struct checker *s, struct router_scope *scope, const struct lyd_node *leaf)
{
    const char *text = lyd_get_value(leaf);
    unsigned long mtu = node_number(lyd_parent(leaf), "mtu");
    char quoted[ERROR_QUOTE_SIZE];
    struct address a;

    error_quote(text, quoted);
    if (address_parse(text, &a) < 0)
        return error_at(s->e, -EINVAL, leaf, "%s is no IPv4 or IPv6 address", quoted);
    if (!address_is_host(&a) || !is_host_of_subnet(&a) || a.prefix_len == 0)
        return error_at(s->e, -EINVAL, leaf, "%s can't be an interface's own address", quoted);
    if (address_is_link_local(&a))
        return error_at(s->e, -EINVAL, leaf, "%s is link-local: the router makes those itself",
                        quoted);
    if (a.family == 6 && mtu < MIN_MTU6)
        return error_at(s->e, -EINVAL, leaf, "IPv6 needs an mtu of %d or more, not %lu", MIN_MTU6,
                        mtu);
    return add_address(s, scope, leaf, &a);
}

// Of two interfaces whose subnets overlap, a packet could go to either.
static int check_overlap(struct checker *s, const struct router_scope *scope,
                         const struct lyd_node *leaf)
{
    const struct lyd_node *other = NULL;
    char quoted[ERROR_QUOTE_SIZE];
    struct address a;
    unsigned len;

    if (address_parse(lyd_get_value(leaf), &a) < 0)
        return 0; // seen before
    for (len = a.prefix_len + 1U; len-- > 0;) {
        other = check_find_subnet(scope, &a, len);
        if (other && lyd_parent(other) != lyd_parent(leaf))
            return error_at(s->e, -EINVAL, leaf,
                            "%s overlaps with the subnet of interface %s on line %u",
                            error_quote(lyd_get_value(leaf), quoted),
                            node_value(lyd_parent(other), "name"), node_line(other));
    }
    return 0;
}

static int check_neighbor(struct checker *s, const struct router_scope *scope,
                          const struct lyd_node *neighbor)
{
    const struct lyd_node *leaf = node_child(neighbor, "address");
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE];
    struct address a;

    error_quote(lyd_get_value(leaf), quoted);
    if (address_parse(lyd_get_value(leaf), &a) < 0 || !address_is_host(&a))
        return error_at(s->e, -EINVAL, leaf, "%s can't be a neighbour's address", quoted);
    check_address_key("address", &a, key);
    if (index_find(&scope->names, key))
        return error_at(s->e, -EINVAL, leaf, "%s is the router's own address", quoted);
    return 0;
}

static int check_interface(struct checker *s, struct router_scope *scope,
                           const struct lyd_node *interface, const char *tenant)
{
    const struct lyd_node *child;
    int r;

    if (++scope->n_interfaces > MAX_INTERFACES)
        return error_at(s->e, -EINVAL, interface, "more than %d interfaces", MAX_INTERFACES);
    r = add_interface(s, scope, interface, tenant);
    if (r == 0)
        r = check_twin(s, scope->router, interface);
    for (child = lyd_child(interface); child && r == 0; child = child->next)
        if (child->schema->nodetype == LYS_LEAFLIST)
            r = check_address(s, scope, child);
    return r;
}

// What depends on all other interfaces.
static int check_surroundings(struct checker *s, const struct router_scope *scope,
                              const struct lyd_node *interface)
{
    const struct lyd_node *child;
    int r = 0;

    for (child = lyd_child(interface); child && r == 0; child = child->next) {
        if (child->schema->nodetype == LYS_LEAFLIST)
            r = check_overlap(s, scope, child);
        else if (check_is_list(child, "neighbors"))
            r = check_neighbor(s, scope, child);
    }
    return r;
}

int check_router(struct checker *s, const struct lyd_node *router, const char *tenant)
{
    struct router_scope scope = {.router = router, .limit = node_number(router, "route-limit")};
    const struct lyd_node *child;
    int r = 0;

    // All interfaces first: what the others name may stand behind it.
    for (child = lyd_child(router); child && r == 0; child = child->next)
        if (check_is_list(child, "interfaces"))
            r = check_interface(s, &scope, child, tenant);
    for (child = lyd_child(router); child && r == 0; child = child->next) {
        if (check_is_list(child, "interfaces"))
            r = check_surroundings(s, &scope, child);
        else if (check_is_list(child, "routes"))
            r = check_route(s, &scope, child);
    }
    index_fini(&scope.names);
    return r;
}
