// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_WALK_GUARD_LAB_H
#define TESTS_UNIT_WALK_GUARD_LAB_H

// Guarded ports and the frames that they send, for guard_test.c and guard_ip6_test.c.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/parse/parse.h"
#include "dataplane/walk/guard.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/lib/packet_builder.h"

#define NONE API_DROP_NONE

#define OWN "52:54:00:00:00:11"
#define OTHER "52:54:00:00:00:22"
#define ALL "ff:ff:ff:ff:ff:ff"
#define OWN_LL "fe80::5054:ff:fe00:11" // made of OWN
#define OTHER_LL "fe80::5054:ff:fe00:22"
#define LISTED_LL "fe80::11"
#define OWN_IP6 "fd00::11"
#define GROUP "ff02::1:ff00:11" // solicited-node group of OWN_IP6, OWN_LL and LISTED_LL

// All with the MAC OWN. VM1 has 10.0.0.11, 192.0.2.64/28 and an address in it, OWN_IP6, LISTED_LL
// and 2001:db8:0:1::/64; IP4_ONLY has 10.0.0.11; ANY has 0.0.0.0/0 and ::/0; FREE has no address.
enum { VM1, IP4_ONLY, ANY, FREE, N_PORTS };

extern struct rte_mempool *pool;
extern struct guard *guards[N_PORTS];
extern struct frame f; // the frame that the case is about

// Begin a frame from this MAC.
void ether(const char *src);

// Whole frames from OWN. An address decides on the family. ND: option_mac NULL: no option.
void udp(const char *src, uint16_t src_port, uint16_t dst_port);
void arp(uint16_t operation, const char *mac, const char *sender, const char *target);
void nd(uint8_t type, const char *src, const char *dst, const char *target, uint8_t option,
        const char *option_mac);

// The port's guard must give this reason for the frame, whole and cut where parse gathers it, and
// leave frame and metadata alone.
#define EXPECT(port, reason) expect(__LINE__, port, reason)
void expect(int line, int port, uint8_t reason);

// Has EXPECT met this reason?
int is_met(uint8_t reason);

// cmocka fixtures: of the group, and after each test.
int lab_setup(void **state);
int lab_teardown(void **state);
int no_leak(void **state);

#endif
