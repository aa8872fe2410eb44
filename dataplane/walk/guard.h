// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_GUARD_H
#define DATAPLANE_WALK_GUARD_H

// A guarded port may speak for its own MAC and addresses only: IPv4, ARP, IPv6 and neighbour
// discovery, behind VLAN tags too. Judged where a packet enters the walk, before any function.
//
// Always: the Ethernet source, the ARP sender and the link-layer options of neighbour discovery are
// the port's MAC; nothing but IPv4, ARP and IPv6, at most PARSE_MAX_TAGS deep, and nothing
// malformed (a receiver might read it otherwise than parse); no router advertisement or redirect
// (ICMP and ICMPv6) and no DHCP answer; neighbour discovery with hop limit 255 (RFC 4861) and not
// in fragments (RFC 6980).
//
// If the port has addresses, of whichever family, both families are held to them: source addresses,
// ARP senders, targets of neighbour advertisements and of duplicate address detection. The
// link-local address made of the MAC (RFC 4291 appendix A) is always the port's; other link-local
// ones must be listed. Without addresses only what is above holds, IP sources are free.
//
// The unspecified source is for those who have no address yet: DHCP requests (IPv4), duplicate
// address detection, MLD reports and router solicitations (IPv6), address probes (ARP, RFC 5227).

#include "dataplane/core/model.h"
#include "dataplane/core/packet.h"

// Options of one neighbour discovery message that are looked at; more is GUARD_MALFORMED.
#define GUARD_MAX_ND_OPTIONS 16

struct guard;

// The guard of the model's port number `port` (API_PORT with API_PORT_GUARD, its MAC and its
// API_PORT_ADDRESS items). NULL if out of memory. Main thread.
struct guard *guard_create(const struct model *model, uint32_t port);
void guard_destroy(struct guard *guard); // NULL is fine

// A number that differs for two guards that don't judge alike. Any thread.
uint64_t guard_fingerprint(const struct guard *guard);

// Why this packet from the guarded port must go no further (enum api_drop), or API_DROP_NONE. The
// packet is parsed; the frame is only read, within what parse has proven, longer reads are checked
// against the data in the first segment here. Worker.
uint8_t guard_check(const struct guard *guard, const struct rte_mbuf *m, const struct packet *p);

#endif
