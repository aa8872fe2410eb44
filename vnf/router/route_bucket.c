// SPDX-License-Identifier: BSD-3-Clause
// Which of several next hops has a flow? Its hash names one of 256 buckets, a bucket names a path.
// Paths have buckets in proportion to their weights (largest remainder). Where a path is lost only
// its own buckets are given away, and it gets them back. Main thread, called by route_group.c;
// workers read the buckets meanwhile (route_path).

#include "vnf/router/route_table.h"

#define NO_PATH UINT8_MAX

// How many of n buckets each path gets, of those that are in.
static void share(const struct route_group *group, const uint8_t *is_in, unsigned n,
                  uint16_t *shares)
{
    unsigned rest[API_MAX_PATHS] = {0}, total = 0, n_left = n;

    for (unsigned i = 0; i < group->n_paths; i++)
        total += is_in[i] ? group->paths[i].weight : 0U;
    for (unsigned i = 0; i < group->n_paths; i++) {
        unsigned parts = is_in[i] ? n * group->paths[i].weight : 0;

        shares[i] = (uint16_t)(parts / total);
        rest[i] = parts % total;
        n_left -= shares[i];
    }
    while (n_left > 0) {
        unsigned largest = 0;

        for (unsigned i = 1; i < group->n_paths; i++)
            if (rest[i] > rest[largest])
                largest = i;
        shares[largest]++;
        rest[largest] = 0;
        n_left--;
    }
}

// Give each bucket that has no path to the next one with a share left.
static void fill(uint8_t *buckets, uint16_t *shares)
{
    unsigned path = 0;

    for (unsigned i = 0; i < ROUTE_N_BUCKETS; i++) {
        if (buckets[i] != NO_PATH)
            continue;
        while (shares[path] == 0)
            path++;
        shares[path]--;
        buckets[i] = (uint8_t)path;
    }
}

static int is_same_hop(const struct router_path *a, const struct router_path *b)
{
    return a->slot == b->slot && a->family == b->family &&
           memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

// Which path of the new group is path i of the old one.
static void match_paths(const struct route_group *group, const struct route_group *old,
                        uint8_t *matches)
{
    for (unsigned i = 0; i < old->n_paths; i++) {
        matches[i] = NO_PATH;
        for (unsigned j = 0; j < group->n_paths && matches[i] == NO_PATH; j++)
            if (is_same_hop(&old->paths[i], &group->paths[j]))
                matches[i] = (uint8_t)j;
    }
}

void route_bucket_init(struct route_object *object, const struct route_object *old)
{
    struct route_group *group = &object->group;
    uint8_t is_in[API_MAX_PATHS], matches[API_MAX_PATHS];
    uint16_t shares[API_MAX_PATHS];

    memset(is_in, 1, sizeof(is_in));
    memset(object->base, NO_PATH, ROUTE_N_BUCKETS);
    share(group, is_in, ROUTE_N_BUCKETS, shares);
    if (old != NULL && old->group.bucket_mask != 0) {
        match_paths(group, &old->group, matches);
        for (unsigned i = 0; i < ROUTE_N_BUCKETS; i++) {
            uint8_t path = matches[old->base[i]];

            if (path != NO_PATH && shares[path] > 0) {
                shares[path]--;
                object->base[i] = path;
            }
        }
    }
    fill(object->base, shares);
    memcpy(group->buckets, object->base, ROUTE_N_BUCKETS);
}

static void move_flows(struct route_object *object, const uint8_t *is_up)
{
    struct route_group *group = &object->group;
    uint8_t buckets[ROUTE_N_BUCKETS];
    uint16_t shares[API_MAX_PATHS];
    unsigned n_orphans = 0;

    for (unsigned i = 0; i < ROUTE_N_BUCKETS; i++) {
        buckets[i] = is_up[object->base[i]] ? object->base[i] : group->buckets[i];
        if (!is_up[buckets[i]]) {
            buckets[i] = NO_PATH;
            n_orphans++;
        }
    }
    share(group, is_up, n_orphans, shares);
    fill(buckets, shares);
    for (unsigned i = 0; i < ROUTE_N_BUCKETS; i++)
        __atomic_store_n(&group->buckets[i], buckets[i], __ATOMIC_RELAXED);
}

void route_bucket_update(struct route_object *object, const struct router_state *state)
{
    struct route_group *group = &object->group;
    uint8_t is_up[API_MAX_PATHS];
    unsigned n_up = 0;

    if (group->type != API_ROUTE_UNICAST && group->type != API_ROUTE_CONNECTED)
        return;
    for (unsigned i = 0; i < group->n_paths; i++) {
        is_up[i] = __atomic_load_n(&state->slots[group->paths[i].slot].is_up, __ATOMIC_RELAXED);
        n_up += is_up[i];
    }
    if (n_up > 0 && group->bucket_mask != 0)
        move_flows(object, is_up);
    __atomic_store_n(&group->is_usable, n_up > 0, __ATOMIC_RELAXED);
}
