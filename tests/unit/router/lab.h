// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_ROUTER_LAB_H
#define TESTS_UNIT_ROUTER_LAB_H

// A router with the house around it: a generation from the server's own builder, ports that record
// what is sent, time that stands still unless a test moves it. Failures end the running test.
//
//   p0 ── if0        10.0.0.1/24, fd00:0::1/64    02:00:00:00:00:00
//   p1 ── if1   gw   10.0.1.1/24, fd00:1::1/64    02:00:00:00:00:01
//   p2 ── if2        10.0.2.1/24, fd00:2::1/64    02:00:00:00:00:02
//   p3 ── if3        10.0.3.1/24, fd00:3::1/64    02:00:00:00:00:03, kernel twin behind twin3
//
// On each interface i there is a static neighbour 10.0.i.2, fd00:i::2 with 52:54:00:00:00:0i. The
// tenant is blue; another tenant has a router before this one.

#include "dataplane/core/model.h"
#include "dataplane/walk/trace.h"
#include "tests/lib/packet_builder.h"
#include "vnf/router/state.h"

#define LAB_N_INTERFACES 4
#define LAB_MAX_INTERFACES 8
#define LAB_TWIN LAB_N_INTERFACES // the port of if3's twin
#define LAB_MAX_ITEMS 64
#define LAB_MAX_SENT 512

// What is configured; tests change it before lab_start.
struct lab_spec {
    uint32_t tenant_neighbor_limit;
    struct api_router router;
    struct api_interface interfaces[LAB_MAX_INTERFACES]; // number i is plugged into port pi
    struct api_interface_address addresses[LAB_MAX_ITEMS];
    struct api_neighbor neighbors[LAB_MAX_ITEMS];
    struct api_next_hop_group groups[LAB_MAX_ITEMS];
    struct api_next_hop next_hops[LAB_MAX_ITEMS];
    struct api_route routes[LAB_MAX_ITEMS];
    uint32_t n_interfaces, n_addresses, n_neighbors, n_groups, n_next_hops, n_routes;
};

// The picture above.
void lab_spec_init(struct lab_spec *spec);
void lab_address(struct lab_spec *spec, uint32_t interface, const char *address, uint8_t len);
void lab_neighbor(struct lab_spec *spec, uint32_t interface, const char *address, const char *mac);
uint32_t lab_group(struct lab_spec *spec, enum api_route_type type);
// `address` NULL: none, destinations are neighbours.
void lab_next_hop(struct lab_spec *spec, uint32_t group, uint32_t interface, const char *address,
                  uint8_t weight);
void lab_route_to(struct lab_spec *spec, const char *prefix, uint8_t len, uint32_t group);
// A group of its own with one next hop.
void lab_route(struct lab_spec *spec, const char *prefix, uint8_t len, uint32_t interface,
               const char *address);

// EAL, counters, ports, queues, buffers: a cmocka group setup.
int lab_init(void **state);
// Publish the generation of `spec` (NULL: the picture), instead of the running one. Interfaces that
// are up are so at once.
void lab_start(const struct lab_spec *spec);
// 0 if it could be built (it is not published), or the error.
int lab_try(const struct lab_spec *spec, struct error *e);
// Publish nothing; all buffers must be back. Forgets all that was sent and counted.
void lab_stop(void);
// cmocka test setup and teardown: lab_start(NULL), lab_stop.
int lab_setup(void **state);
int lab_teardown(void **state);

struct function *lab_function(void); // the router
struct router_state *lab_state(void);
const struct router_config *lab_config(void);
const struct router_counters *lab_counters(void); // worker 0's
const struct router_interface *lab_interface(uint32_t index);
struct port *lab_port(unsigned port);
struct rte_mempool *lab_pool(void);

// Time. Ticks and ages that are due in between are run.
void lab_pass_ms(uint64_t ms);
struct walk_context lab_context(void);
struct router_scene lab_scene(const struct walk_context *ctx);
void lab_tick(void);                     // one tick of the router, now
void lab_flush(void);                    // what tests queued by calling the router's own functions
void lab_link(unsigned port, int is_up); // noticed by the next age

// Frames come in by a port and are walked to their end.
void lab_receive(unsigned port, const struct frame *f);
void lab_receive_offload(unsigned port, const struct frame *f, uint8_t offload, uint16_t gso_size);
void lab_receive_cut(unsigned port, const struct frame *f, const uint32_t *cuts, unsigned n_cuts);
void lab_receive_burst(unsigned port, const struct frame *const *frames, unsigned n);

// What frames have noted before they come to the router; zeros unless a test says so.
extern struct walk_trace lab_past;
// What the walk of frame i of the last burst has noted, and whether its way may be kept.
const struct walk_trace *lab_trace(unsigned i);
int lab_is_plain(unsigned i);

// What was sent to a port since the last lab_clear: the number-th frame (NULL: not so many), how
// many, and its bytes in one piece (until the next call).
struct rte_mbuf *lab_sent(unsigned port, unsigned number);
unsigned lab_n_sent(unsigned port);
unsigned lab_n_sent_all(void);
const uint8_t *lab_sent_bytes(unsigned port, unsigned number, uint32_t *len);
void lab_clear(void);
void lab_expect(unsigned port, unsigned number, const struct frame *f);
// All that was sent to a port: checksums of IPv4, TCP, UDP, ICMP and ICMPv6 are right (of L4 not in
// fragments and where they are left to the receiver), lengths fit, nothing is behind the packet.
void lab_expect_sound(unsigned port);

// A frame from host `src` to `dst` by the router's interface number `in`: Ethernet and IP, UDP
// 1000 → 2000 with n bytes; finished. The family is that of the text.
void lab_udp(struct frame *f, unsigned in, const char *src, const char *dst, size_t n);
// The Ethernet and IP headers of such a frame only.
void lab_ip(struct frame *f, unsigned in, const char *src, const char *dst);
// What becomes of it when it is sent on to the neighbour number `out`: MACs and TTL.
void lab_sent_on(struct frame *f, unsigned out);

uint64_t lab_drops(unsigned port, enum api_drop reason); // API_MAX_PORTS: nobody's
uint64_t lab_drops_all(enum api_drop reason);
// Exactly one packet was dropped since lab_start, with this reason at this port, and none sent.
void lab_expect_drop(unsigned port, enum api_drop reason);

// An address in network order, IPv4 in the first four bytes; returns its family.
uint8_t lab_parse(const char *text, uint8_t address[16]);

#endif
