// SPDX-License-Identifier: BSD-3-Clause
// Can a NAT be like this? Pools, ranges, and that no outside endpoint leads to two places. Called
// by check.c. Sorts what might overlap, so that thousands of entries are no matter. Changes
// nothing. Next: check_chain.c.

#include "control/datastore/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// What an entry takes: addresses of one side, and of them ports of one protocol.
struct extent {
    uint64_t first, last; // address, then port
    uint8_t protocol;     // of a forward; 0: of all
    const struct lyd_node *node;
};

struct extents {
    struct extent *all;
    size_t n, size;
};

static struct extent *add_extent(struct extents *x)
{
    if (x->n == x->size) {
        size_t size = x->size ? x->size * 2 : 64;
        struct extent *grown = realloc(x->all, size * sizeof(*grown));

        if (!grown)
            return NULL;
        x->all = grown;
        x->size = size;
    }
    return &x->all[x->n++];
}

static int compare_extents(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

static int refuse_overlap(struct checker *s, const struct extent *a, const struct extent *b)
{
    const struct extent *later = node_line(a->node) > node_line(b->node) ? a : b;
    const struct extent *earlier = later == a ? b : a;
    char holder[CHECK_PATH_SIZE];

    node_path(earlier->node, NULL, holder, sizeof(holder));
    return error_at(s->e, -EINVAL, later->node, "overlaps with %s on line %u", holder,
                    node_line(earlier->node));
}

// Of each protocol, and of all, the extent that reaches farthest so far.
static int check_overlaps(struct checker *s, struct extents *x)
{
    const struct extent *farthest[256] = {NULL}, *any = NULL;

    qsort(x->all, x->n, sizeof(*x->all), compare_extents);
    for (size_t i = 0; i < x->n; i++) {
        const struct extent *e = &x->all[i], *f = e->protocol ? farthest[e->protocol] : any;

        if (f && f->last >= e->first)
            return refuse_overlap(s, f, e);
        if (farthest[0] && farthest[0]->last >= e->first)
            return refuse_overlap(s, farthest[0], e);
        farthest[e->protocol] = e; // reaches farther: it overlaps with none before
        if (!any || any->last < e->last)
            any = e;
    }
    return 0;
}

static bool is_unicast(uint32_t address)
{
    return address >> 24 != 0 && address >> 24 != 127 && address >> 24 < 224;
}

static int check_pool(struct checker *s, const struct lyd_node *leaf)
{
    char quoted[ERROR_QUOTE_SIZE];
    uint32_t first, last;

    if (address_range_parse(lyd_get_value(leaf), &first, &last) == 0 && is_unicast(first) &&
        is_unicast(last))
        return 0;
    return error_at(s->e, -EINVAL, leaf, "must be unicast addresses, the lower one first, not %s",
                    error_quote(lyd_get_value(leaf), quoted));
}

static int check_source(struct checker *s, const struct lyd_node *source)
{
    const struct lyd_node *child, *pool = node_child(source, "pool");
    int r = 0;

    if (node_number(source, "exempt") && pool)
        return error_at(s->e, -EINVAL, pool, "what is exempt has no pool: leave out one of them");
    if (!node_number(source, "exempt") && !pool)
        return error_at(s->e, -EINVAL, source,
                        "needs pool, the outside addresses, or exempt: true");
    for (child = pool; child && r == 0; child = child->next)
        r = check_pool(s, child);
    return r;
}

// Both sides of a 1:1 entry.
static int check_static(struct checker *s, const struct lyd_node *node, struct extents sides[2])
{
    static const char *const names[] = {"inside", "outside"};
    uint32_t first[2], last[2];

    for (unsigned i = 0; i < 2; i++) {
        const struct lyd_node *leaf = node_child(node, names[i]);
        char quoted[ERROR_QUOTE_SIZE];
        struct extent *x;

        if (address_range_parse(lyd_get_value(leaf), &first[i], &last[i]) < 0 ||
            !is_unicast(first[i]) || !is_unicast(last[i]))
            return error_at(s->e, -EINVAL, leaf, "must be unicast addresses, not %s",
                            error_quote(lyd_get_value(leaf), quoted));
        x = add_extent(&sides[i]);
        if (!x)
            return check_no_memory(s);
        *x = (struct extent){(uint64_t)first[i] << 16, (uint64_t)last[i] << 16 | 0xffff, 0, node};
    }
    if (last[0] - first[0] != last[1] - first[1])
        return error_at(s->e, -EINVAL, node_child(node, "outside"),
                        "inside and outside must be of one length");
    return 0;
}

static int check_forward_ports(struct checker *s, const struct lyd_node *node, uint16_t ports[2])
{
    const struct lyd_node *port = node_child(node, "port"), *to_port = node_child(node, "to-port");
    bool is_any = strcmp(node_value(node, "protocol"), "any") == 0;
    bool is_any_port = strcmp(lyd_get_value(port), "any") == 0;
    unsigned long to = node_number(node, "to-port");

    if (is_any != is_any_port)
        return error_at(s->e, -EINVAL, port,
                        "protocol: any and port: any go together: all of the address");
    ports[0] = 0;
    ports[1] = UINT16_MAX;
    if (is_any)
        return to_port ? error_at(s->e, -EINVAL, to_port, "port: any keeps the port as it is") : 0;
    if (port_range_parse(lyd_get_value(port), &ports[0], &ports[1]) < 0)
        return check_refuse_ports(s, port);
    if (to && to + ports[1] - ports[0] > UINT16_MAX)
        return error_at(s->e, -EINVAL, to_port, "the last port of the range would lead to %lu",
                        to + ports[1] - ports[0]);
    return 0;
}

static int check_forward(struct checker *s, const struct lyd_node *node, struct extents *outside)
{
    static const char *const names[] = {"address", "to"};
    const char *protocol = node_value(node, "protocol");
    uint32_t address[2], last;
    struct extent *x;
    uint16_t ports[2];
    int r;

    for (unsigned i = 0; i < 2; i++) {
        const struct lyd_node *leaf = node_child(node, names[i]);
        char quoted[ERROR_QUOTE_SIZE];

        if (address_range_parse(lyd_get_value(leaf), &address[i], &last) < 0 ||
            !is_unicast(address[i]))
            return error_at(s->e, -EINVAL, leaf, "must be a unicast address, not %s",
                            error_quote(lyd_get_value(leaf), quoted));
    }
    r = check_forward_ports(s, node, ports);
    if (r < 0)
        return r;
    x = add_extent(outside);
    if (!x)
        return check_no_memory(s);
    *x = (struct extent){(uint64_t)address[0] << 16 | ports[0],
                         (uint64_t)address[0] << 16 | ports[1],
                         strcmp(protocol, "any") == 0 ? 0 : protocol_number(protocol), node};
    return 0;
}

int check_nat(struct checker *s, const struct lyd_node *nat)
{
    struct extents sides[2] = {{0}};
    const struct lyd_node *child;
    uint16_t first, last;
    int r = 0;

    if (port_range_parse(node_value(nat, "ports"), &first, &last) < 0)
        return check_refuse_ports(s, node_child(nat, "ports"));
    for (child = lyd_child(nat); child && r == 0; child = child->next) {
        if (check_is_list(child, "source"))
            r = check_source(s, child);
        else if (check_is_list(child, "static"))
            r = check_static(s, child, sides);
        else if (check_is_list(child, "forward"))
            r = check_forward(s, child, &sides[1]);
    }
    for (unsigned i = 0; i < 2 && r == 0; i++)
        r = check_overlaps(s, &sides[i]);
    free(sides[0].all);
    free(sides[1].all);
    return r;
}
