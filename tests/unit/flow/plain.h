// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_PLAIN_H
#define TESTS_UNIT_FLOW_PLAIN_H

// A world with one conversation: host A1 behind port a speaks to a remote host behind port w, by
// gw and what stands on `edge`. For tests of one thing.

#include "tests/unit/flow/genes.h"
#include "tests/unit/flow/world.h"

#define PLAIN_SOURCE_PORT 4000
#define PLAIN_DESTINATION_PORT 8080
#define PLAIN_EDGE_FIREWALL 2 // of GENE_EDGE: no NAT
#define PLAIN_WAN_1400 4      // of GENE_MTU
#define PLAIN_LAN_SWITCH 1    // of GENE_LAN
#define PLAIN_AGEING_300 0    // of GENE_SWITCH
#define PLAIN_NO_AGEING 1

// Begin with this configuration; `max_flows` 0: without flows. And end, if it has begun: cmocka.
void plain_begin(const uint8_t *genes, uint32_t max_flows);
void plain_begin_with(const uint8_t *genes, uint32_t max_flows, struct transcript *t);
int plain_end(void **state);

// A packet of A1, TCP with ACK or UDP, with `mark` in its payload; genes say in which VLAN he is.
void plain_packet(struct wire *w, const uint8_t *genes, uint8_t family, uint8_t protocol,
                  uint32_t mark);
// Both sides have shown their numbers: SYN, and the answer to it.
void plain_open_tcp(const uint8_t *genes);
// Send a UDP packet over IPv4 in a burst of its own. 1: a flow has carried it out.
int plain_send(const uint8_t *genes);
int plain_send_from(const uint8_t *genes, uint16_t port);

#endif
