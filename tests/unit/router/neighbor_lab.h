// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_ROUTER_NEIGHBOR_LAB_H
#define TESTS_UNIT_ROUTER_NEIGHBOR_LAB_H

// A router's neighbours alone: the real table, ARP and ND; what is around them is noted down, and
// time stands still unless a test moves it. Failures end the running test.
//
//   number  slot  attachment  addresses                            MAC
//   0       3     10          10.0.0.1/24 fd00::1/64 fe80::1       02:00:00:00:00:03
//   1       7     12, twin 13 10.0.1.1/24 fd00:1::1/64 fe80::2     02:00:00:00:00:07
//
// 192.0.2.0/24 and 2001:db8::/32 are routed to interface 0 without a next hop.

#include "tests/lib/packet_builder.h"
#include "vnf/router/neighbor.h"

#define NLAB_N_INTERFACES 2
#define NLAB_MAX_SENT 1024
#define NLAB_LIMIT 1000
#define NLAB_TENANT_LIMIT 2000

struct nlab_sent {
    uint32_t attachment;
    uint32_t len;
    uint8_t bytes[256]; // the first of them
};

struct nlab {
    struct generation generation;
    struct function function;
    struct router_config config;
    struct router_interface interfaces[NLAB_N_INTERFACES];
    struct router_address addresses[NLAB_N_INTERFACES][2];
    struct router_state state;
    struct router_slot slots[16];
    struct router_counters counters;
    struct walk_context ctx;
    struct router_scene scene;
    // What went out, and ICMP errors asked for: by the interface that the packet came by (NULL:
    // made here). Packets that get one are dropped as NEIGHBOR_UNRESOLVED.
    struct nlab_sent sent[NLAB_MAX_SENT];
    unsigned n_sent;
    unsigned n_errors;
    const struct router_interface *error_in;
    struct icmp_fault error;
    unsigned n_resumed; // held packets sent
};

extern struct nlab nlab;

int nlab_init(void **state);     // EAL and counters: cmocka group setup
int nlab_setup(void **state);    // a fresh router
int nlab_teardown(void **state); // all buffers are back

// Take these static neighbours for a configuration's. 0 or the error.
int nlab_apply(const struct api_neighbor *items, uint32_t n, struct error *e);
// Time goes on; ticks every 100 ms.
void nlab_pass_ms(uint64_t ms);
void nlab_tick(void);

// A packet for a neighbour of interface `out` that came by `in` (-1: made here). Returns its
// verdict: API_DROP_NONE if it was taken, else why it was dropped.
uint8_t nlab_hold(const char *address, unsigned out, int in);
// A frame comes in by an interface. *verdict: API_DROP_NONE: taken or forwarded. Frames that are
// forwarded are noted as sent.
uint8_t nlab_receive(const struct frame *f, unsigned in);
uint8_t nlab_receive_cut(const struct frame *f, unsigned in, uint32_t cut, uint32_t tailroom);
// In two segments; behind the data of the first, which has no room, lie the bytes as they were, in
// the second are zeros.
uint8_t nlab_receive_stale(const struct frame *f, unsigned in, uint32_t cut);

// The state of an address (enum api_neighbor_state; 0: idle or none) and its MAC (0: none), looked
// up as the main thread would: nothing is used.
uint8_t nlab_state(const char *address, unsigned interface);
struct neighbor_entry *nlab_entry(const char *address, unsigned interface);
uint64_t nlab_mac(const char *text);
uint64_t nlab_find(const char *address, unsigned interface); // as a worker does

// Say something of an address; `mac` NULL: no MAC.
#define NLAB_SOLICITED 1
#define NLAB_OVERRIDE 2
#define NLAB_CREATE 4
void nlab_learn(const char *address, unsigned interface, const char *mac, unsigned flags);

uint8_t nlab_parse(const char *text, uint8_t address[16]); // returns the family
uint64_t nlab_drops(unsigned port, enum api_drop reason);

#endif
