// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_GUARD_PARTS_H
#define DATAPLANE_WALK_GUARD_PARTS_H

// What the files of the guard share: guard.c, guard_ip6.c, guard_addresses.c. Only for them.

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "dataplane/walk/guard.h"

// The addresses of one family, as numbers, in disjoint ranges in ascending order: a guest that
// makes us search meets a logarithm, however many addresses its port was given.
struct guard_range {
    unsigned __int128 first, last;
};

struct guard_addresses {
    struct guard_range *range;
    uint32_t n;
};

// Written by guard_create, immutable then.
struct guard {
    uint8_t mac[RTE_ETHER_ADDR_LEN];
    uint8_t is_bound; // the port has addresses: both families are held to them
    struct guard_addresses ip4;
    struct guard_addresses ip6;
};

// Collect the addresses of `family` (4, 6) among n items. -ENOMEM. Main thread.
int guard_addresses_init(struct guard_addresses *a, const struct api_port_address *items,
                         uint32_t n, uint8_t family);
void guard_addresses_fini(struct guard_addresses *a);

// May the port use this address (network order, any alignment)? Only for a guard that is bound.
// Worker.
int guard_has_ip4(const struct guard *guard, const uint8_t *address);
int guard_has_ip6(const struct guard *guard, const uint8_t *address);

static inline int guard_has_mac(const struct guard *guard, const uint8_t *mac)
{
    return memcmp(guard->mac, mac, RTE_ETHER_ADDR_LEN) == 0;
}

// Ports of a UDP packet with PACKET_L4 whose L4 header is at udp.
static inline int guard_has_ports(const uint8_t *udp, uint16_t src, uint16_t dst)
{
    const rte_be16_t ports[2] = {rte_cpu_to_be_16(src), rte_cpu_to_be_16(dst)};
    return memcmp(udp, ports, sizeof(ports)) == 0;
}

// DHCP answers, by the port that servers and relays send from or the one that clients listen on:
// many clients do not look at the former (RFC 2131 section 4.1, RFC 8415 section 7.2).
static inline int guard_is_dhcp_answer(const uint8_t *frame, const struct packet *p,
                                       uint16_t server_port, uint16_t client_port)
{
    if (!(p->flags & PACKET_L4) || p->l4_proto != 17)
        return 0;
    rte_be16_t ports[2];
    memcpy(ports, frame + p->l4_off, sizeof(ports));
    return ports[0] == rte_cpu_to_be_16(server_port) || ports[1] == rte_cpu_to_be_16(client_port);
}

// IPv6 source, DHCPv6 and neighbour discovery of a sound IPv6 packet. Worker.
uint8_t guard_check_ip6(const struct guard *guard, const struct rte_mbuf *m,
                        const struct packet *p);

#endif
