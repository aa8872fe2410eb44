// SPDX-License-Identifier: BSD-3-Clause
// Who tells the neighbours of our own addresses? Worker 0's tick: as long as an interface has
// announcements to send (it has just come up, or has another address or MAC), each of its addresses
// is announced once a second (RFC 5227, 2.3; RFC 4861, 7.2.6). Some frames a call; where it stands
// is kept in the neighbour table. Next: arp.c, nd.c, which build the frames.

#include "vnf/router/neighbor.h"

#define FRAMES_PER_TICK 16
#define INTERFACES_PER_TICK 256

static void take_one(uint8_t *n_announcements)
{
    uint8_t n = __atomic_load_n(n_announcements, __ATOMIC_RELAXED);

    // The main thread may set it anew at any time.
    while (n > 0 && !__atomic_compare_exchange_n(n_announcements, &n, (uint8_t)(n - 1), 0,
                                                 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

// Announce address number `index` of an interface, the link-local one after the configured ones.
// Returns 0: there is no such address.
static int announce(const struct router_scene *s, const struct router_interface *out,
                    uint32_t index)
{
    if (index < out->n_addresses) {
        const struct router_address *address = &out->addresses[index];

        if (address->family == 4)
            router_arp_announce(s, out, address->bytes);
        else
            router_nd_announce(s, out, address->bytes);
        return 1;
    }
    if (index > out->n_addresses || !out->has_ip6)
        return 0;
    router_nd_announce(s, out, out->link_local);
    return 1;
}

// One round over all interfaces a second.
static int is_round_under_way(struct neighbor_table *t, const struct router_scene *s)
{
    if (t->announce_config == s->config && t->announce_interface < s->config->n_interfaces)
        return 1;
    if (t->announce_config == s->config && (int64_t)(s->ctx->now_tsc - t->announce_tsc) < 0)
        return 0;
    t->announce_config = s->config;
    t->announce_tsc = s->ctx->now_tsc + t->second_tsc;
    t->announce_interface = 0;
    t->announce_address = 0;
    return 1;
}

void router_announce_tick(const struct router_scene *s)
{
    struct neighbor_table *t = s->state->neighbors;
    unsigned n_frames = 0, n_interfaces = 0;

    if (!is_round_under_way(t, s))
        return;
    while (t->announce_interface < s->config->n_interfaces && n_frames < FRAMES_PER_TICK &&
           n_interfaces < INTERFACES_PER_TICK) {
        const struct router_interface *out = &s->config->interfaces[t->announce_interface];
        struct router_slot *slot = &s->state->slots[out->slot];

        if (__atomic_load_n(&slot->n_announcements, __ATOMIC_RELAXED) > 0) {
            if (announce(s, out, t->announce_address)) {
                t->announce_address++;
                n_frames++;
                continue;
            }
            take_one(&slot->n_announcements);
        }
        t->announce_interface++;
        t->announce_address = 0;
        n_interfaces++;
    }
}
