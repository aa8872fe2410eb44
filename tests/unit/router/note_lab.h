// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_ROUTER_NOTE_LAB_H
#define TESTS_UNIT_ROUTER_NOTE_LAB_H

// The router that lab.h runs, for tests of what it notes of packets from interface 0.

#include "tests/unit/router/lab.h"
#include "tests/unit/router/route_lab.h"

#define HOST4 "10.0.0.2"
#define HOST6 "fd00:0::2"
#define FAR4 "192.0.2.77"     // behind 10.0.1.2
#define FAR6 "2001:db8:1::77" // behind fd00:1::2
#define TWO4 "198.51.100.9"   // behind 10.0.1.2 and 10.0.2.2

// Routes to all these, to 203.0.113.0/24 (a blackhole) and 203.0.112.0/24 (unreachable), and on
// interface 1 one more neighbour, 10.0.1.7 and fd00:1::7.
void note_spec(struct lab_spec *spec);
// cmocka test setup: start it. The objects that tests tell apart have numbers of their own.
int note_setup(void **state);

// One packet of 20 bytes from `src` at interface 0. Whether its way may be kept.
int note_send(const char *src, const char *dst);

// Where the numbers are of an address' route, and of a neighbour on an interface.
uint16_t note_route(const char *text);
uint16_t note_neighbor(unsigned interface, const char *text);

#endif
