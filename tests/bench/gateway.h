// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GATEWAY_H
#define TESTS_BENCH_GATEWAY_H

// What benches in one process send packets through: a port, a router, a chain of firewalls and a
// NAT, another port, as one worker carries them. What is sent lies in gateway_sent until
// gateway_forget. Failures end the process.

#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/core/error.h"

enum { GATEWAY_IN, GATEWAY_OUT, GATEWAY_N_PORTS };

#define GATEWAY_HOST_MAC "52:54:00:00:00:01"
#define GATEWAY_LAN_MAC "02:00:00:00:00:01"
#define GATEWAY_NEXT_MAC "52:54:00:00:00:02"
#define GATEWAY_WAN_MAC "02:00:00:00:00:02"

extern struct rte_mbuf *gateway_sent[];
extern unsigned gateway_n_sent;
extern uint64_t gateway_n_walked; // packets that no flow has carried out

// Start the parts of a dataplane, with room for so many sessions and flows, and publish the
// gateway: inside is 10.0.0.0/8, outside everything else, translated to 64 addresses from
// 198.51.100.0 on, by `n_firewalls` firewalls of which each allows what comes from inside.
void gateway_start(uint32_t max_sessions, uint32_t max_flows, unsigned n_firewalls);
void gateway_end(void);

// What the main thread does ten times a second.
void gateway_tend(void);

// Carry n packets (at most BURST_SIZE) of one port as worker.c does. Returns cycles.
uint64_t gateway_carry(struct rte_mbuf **m, unsigned n);
void gateway_forget(void);
// Of that what a packet is the cause of, without ageing, which goes by time: what callgrind counts.
struct walk_context;
void gateway_path(struct walk_context *ctx, struct rte_mbuf **m, unsigned n)
    __attribute__((noinline));

// A UDP packet without checksum between these addresses and ports (network order), 64 bytes on the
// wire, in m; it comes in by `port`.
void gateway_packet(struct rte_mbuf *m, unsigned port, const uint32_t addresses[2],
                    const uint16_t ports[2]);

#endif
