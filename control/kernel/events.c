// SPDX-License-Identifier: BSD-3-Clause
// Which router does a route of the kernel concern, and what is to be said to it? No route is kept
// here. Where the kernel may have several routes of one prefix an event alone does not tell which
// one counts: then it is asked, and where the answer leaves doubts everything is read anew. On the
// mirror's thread, called by space.c. Next: groups.c, batch.c.

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "control/kernel/thread.h"

#define DOUBT_MS 200
#define CALM_MS 1000

static struct mirror_router *router_at(const struct space *s, uint32_t index)
{
    return &s->thread->routers[index];
}

// The router whose twins are all the next hops of a route, API_NONE if it is no router's.
static uint32_t find_router(const struct space *s, const struct kernel_route *route)
{
    uint32_t found = API_NONE, router;
    const struct device *d;

    if (route->type != API_ROUTE_UNICAST)
        return s->only_router;
    for (uint32_t i = 0; i < route->n_hops; i++) {
        d = space_device(s, route->hop[i].ifindex);
        if (d == NULL)
            return API_NONE;
        router = s->thread->plan->twins[d->twin].router;
        if (found != API_NONE && router != found)
            return API_NONE;
        found = router;
    }
    return found;
}

static void make_content(const struct space *s, const struct kernel_route *route,
                         struct group_content *content)
{
    const struct plan_twin *twin;

    content->type = route->type;
    content->n = route->type == API_ROUTE_UNICAST ? route->n_hops : 0;
    for (uint32_t i = 0; i < content->n; i++) {
        twin = &s->thread->plan->twins[space_device(s, route->hop[i].ifindex)->twin];
        content->hop[i].interface = twin->position;
        content->hop[i].family = route->hop[i].family;
        content->hop[i].weight = route->hop[i].weight;
        memcpy(content->hop[i].address, route->hop[i].address, 16);
    }
}

// The number of the route's group, which the router is told of first. 0: out of memory.
static uint32_t give_group(const struct space *s, struct mirror_router *router,
                           const struct kernel_route *route)
{
    struct group_origin origin = {.space = s->number, .id = route->nexthop_id};
    const struct group *group;
    struct group_content content;
    bool is_changed;

    make_content(s, route, &content);
    group = groups_intern(&router->groups, &origin, &content, &is_changed);
    if (group == NULL) {
        router->batch.is_short = true;
        return 0;
    }
    if (is_changed)
        batch_add_group(&router->batch, group);
    return group->id;
}

static void give_change(struct mirror_router *router, const struct kernel_prefix *prefix,
                        uint32_t group)
{
    struct api_route_change change = {
        .group = group, .family = prefix->family, .prefix_len = prefix->len};

    memcpy(change.address, prefix->address, sizeof(change.address));
    batch_add_route(&router->batch, &change);
}

static void give_route(const struct space *s, uint32_t index, const struct kernel_route *route)
{
    struct mirror_router *router = router_at(s, index);
    uint32_t group = route->is_new ? give_group(s, router, route) : 0;

    if (!route->is_new || group != 0)
        give_change(router, &route->prefix, group);
}

// No router of this namespace has it, but perhaps `except`.
static void delete_elsewhere(const struct space *s, const struct kernel_prefix *prefix,
                             uint32_t except)
{
    const struct plan *plan = s->thread->plan;
    uint32_t last = except;

    for (uint32_t i = 0; i < plan->n_twins; i++) {
        uint32_t router = plan->twins[i].router;

        if (router == last || router == except || strcmp(plan->twins[i].netns, s->name) != 0)
            continue;
        give_change(router_at(s, router), prefix, 0);
        last = router; // twins are in the order of their routers
    }
}

// What stands behind the route's next-hop object. False: nobody knows.
static bool resolve(const struct space *s, struct kernel_route *route)
{
    if (route->nexthop_id == 0 || nexthops_resolve(&s->nexthops, route->nexthop_id, route))
        return true;
    // It is gone, or a kernel that does not tell of them: what it says of the route itself.
    route->nexthop_id = 0;
    return route->type != API_ROUTE_UNICAST || route->n_hops > 0;
}

// Of several routes of a prefix the kernel dumps the one it uses first.
static void take_dumped(const struct space *s, uint32_t index, const struct kernel_route *route)
{
    struct mirror_router *router = router_at(s, index);

    if (!router->is_dumping || memcmp(&router->last, &route->prefix, sizeof(router->last)) == 0)
        return;
    router->last = route->prefix;
    give_route(s, index, route);
}

// Whether from now on an event may leave it open which route of its prefix counts: there are
// several metrics, or several routes of one, or (IPv6) next hops that come and go alone.
static void look_for_ambiguity(struct space *s, const struct kernel_route *route)
{
    unsigned f = route->prefix.family == 6;

    if (s->has_metric[f] && s->metric[f] != route->metric)
        s->is_ambiguous[f] = true;
    s->has_metric[f] = true;
    s->metric[f] = route->metric;
    if (route->is_append || (f == 1 && route->n_hops > 1 && route->nexthop_id == 0))
        s->is_ambiguous[f] = true;
}

// An answer to "which route does a packet to the first address of this prefix take?"
struct asked {
    unsigned len; // of the route's prefix
    int rc;       // of reading it
    struct kernel_route route;
};

static void note_answer(void *arg, struct nlmsghdr *h)
{
    struct asked *asked = arg;
    const struct rtmsg *m = nlmsg_data(h);

    if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_datalen(h) < (int)sizeof(*m))
        return;
    asked->len = m->rtm_dst_len;
    asked->rc = message_read_route(h, &asked->route);
}

static int ask(struct space *s, const struct kernel_prefix *prefix, struct asked *asked)
{
    struct nl_msg *msg = netlink_message(RTM_GETROUTE, 0, sizeof(struct rtmsg));
    struct rtmsg *m;

    *asked = (struct asked){.len = 0, .rc = -EINVAL};
    if (msg == NULL)
        return -ENOMEM;
    m = netlink_message_data(msg);
    m->rtm_family = prefix->family == 4 ? AF_INET : AF_INET6;
    m->rtm_dst_len = prefix->family == 4 ? 32 : 128;
    m->rtm_flags = RTM_F_FIB_MATCH;
    nla_put(msg, RTA_DST, prefix->family == 4 ? 4 : 16, prefix->address);
    return netlink_ask(s->requests, msg, &s->thread->answer, note_answer, asked);
}

// Make the router have what the kernel has now of this prefix.
static void follow(struct space *s, const struct kernel_prefix *prefix)
{
    struct asked asked;
    uint32_t router;
    int rc;

    if (s->n_routers > 1) {
        thread_resync_space(s, DOUBT_MS);
        return;
    }
    rc = ask(s, prefix, &asked);
    if (rc == -ENETUNREACH || (rc == 0 && asked.len < prefix->len)) {
        delete_elsewhere(s, prefix, API_NONE);
        return;
    }
    if (rc == 0 && asked.rc == 0 && memcmp(&asked.route.prefix, prefix, sizeof(*prefix)) == 0) {
        if (!resolve(s, &asked.route))
            return; // its next hops are still to come, and the route after them
        router = find_router(s, &asked.route);
        if (router != API_NONE) {
            give_route(s, router, &asked.route);
            return;
        }
    }
    thread_resync_space(s, DOUBT_MS);
}

void events_route(struct space *s, struct nlmsghdr *h)
{
    struct kernel_route route;
    unsigned f;
    uint32_t router;

    if (message_read_route(h, &route) < 0)
        return;
    if (!resolve(s, &route)) {
        thread_resync_space(s, CALM_MS);
        return;
    }
    router = find_router(s, &route);
    if (router == API_NONE) {
        if (route.is_replace)
            delete_elsewhere(s, &route.prefix, API_NONE);
        return;
    }
    look_for_ambiguity(s, &route);
    if (s->is_dumping) {
        take_dumped(s, router, &route);
        return;
    }
    f = route.prefix.family == 6;
    // While IPv6 routes go, a dump may miss others.
    if (f == 1 && !route.is_new && s->is_catching_up)
        thread_resync_space(s, CALM_MS);
    if (s->is_ambiguous[f]) {
        follow(s, &route.prefix);
        return;
    }
    give_route(s, router, &route);
    if (route.is_replace && s->n_routers > 1)
        delete_elsewhere(s, &route.prefix, router);
}

// The router's groups that stand for this object, or for a group with it.
static void renew_groups(struct space *s, uint32_t index, uint32_t id)
{
    struct mirror_router *router = router_at(s, index);
    struct kernel_route route;

    for (uint32_t i = 0; i < router->groups.n; i++) {
        const struct group *group = &router->groups.all[i];

        if (group->nexthop_id == 0 || group->space != s->number ||
            !nexthops_involves(&s->nexthops, group->nexthop_id, id))
            continue;
        route.nexthop_id = group->nexthop_id;
        if (nexthops_resolve(&s->nexthops, group->nexthop_id, &route) &&
            find_router(s, &route) == index)
            give_group(s, router, &route);
        else // the kernel does not tell of the IPv4 routes that go with it
            thread_resync_router(s->thread, index, DOUBT_MS);
    }
}

void events_nexthop(struct space *s, struct nlmsghdr *h)
{
    const struct plan *plan = s->thread->plan;
    struct kernel_nexthop nexthop;
    uint32_t last = API_NONE;
    int rc;

    if (message_read_nexthop(h, &nexthop) < 0)
        return;
    rc = nexthops_change(&s->nexthops, &nexthop);
    // Routes that went with it during a dump may come back by what was told of them before.
    if (rc < 0 || (!nexthop.is_new && s->is_catching_up))
        thread_resync_space(s, CALM_MS);
    if (rc <= 0 || s->is_dumping)
        return;
    for (uint32_t i = 0; i < plan->n_twins; i++) {
        if (plan->twins[i].router == last || strcmp(plan->twins[i].netns, s->name) != 0)
            continue;
        last = plan->twins[i].router;
        renew_groups(s, last, nexthop.id);
    }
}

void events_neighbor(struct space *s, struct nlmsghdr *h)
{
    struct kernel_neighbor neighbor;
    struct api_neighbor_change change;
    const struct plan_twin *twin;
    struct mirror_router *router;
    const struct device *d;

    if (message_read_neighbor(h, &neighbor) < 0)
        return;
    d = space_device(s, neighbor.ifindex);
    if (d == NULL)
        return;
    twin = &s->thread->plan->twins[d->twin];
    router = router_at(s, twin->router);
    if (s->is_dumping && (!neighbor.is_installed || !router->is_dumping))
        return;
    change = (struct api_neighbor_change){.interface = twin->position,
                                          .family = neighbor.family,
                                          .is_delete = !neighbor.is_installed};
    memcpy(change.mac, neighbor.mac, sizeof(change.mac));
    memcpy(change.address, neighbor.address, sizeof(change.address));
    batch_add_neighbor(&router->batch, &change);
}
