// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_FUZZ_CHAIN_SETUP_H
#define TESTS_FUZZ_CHAIN_SETUP_H

// A chain "edge" of tenant blue from port IN to port OUT, with the real firewall "fw" and the real
// NAT "nat" on it as the input says, in a process of its own time. Few hosts, ports and numbers, so
// that packets, rules and bindings meet, and limits that are soon reached.

#include "dataplane/session/session.h"
#include "tests/fuzz/lab.h"

enum { SETUP_IN, SETUP_OUT, SETUP_N_PORTS };

#define SETUP_SESSION_LIMIT 12
#define SETUP_HALF_OPEN_LIMIT 6
#define SETUP_FRAGMENT_LIMIT 4
#define SETUP_FIRST_PORT 1000 // all ports are this one and the next few

extern uint32_t setup_now_ms; // the session clock

void setup_init(void); // once
// The process ends and another one begins: sessions are kept if the next configuration is such.
void setup_restart(void);

// Commit a configuration: order of functions, defaults, rules, what the NAT does.
void setup_configure(struct input *in);
// Change some rules beside transactions; the firewall may refuse.
void setup_edit(struct input *in);
// Nothing is left of what was: no chain, no session, no packet that waits.
void setup_clear(void);
int setup_has_nat(void); // the configuration's chain has

// Walk n frames that have come in by ports; what is sent is appended to setup_sent.
void setup_walk(struct rte_mbuf **m, unsigned n);
// Time passes, with all that workers and the main thread do meanwhile.
void setup_pass(uint32_t ms);
uint16_t setup_slot(unsigned port); // for packet.in_port

struct setup_frame {
    struct rte_mbuf *m;
    unsigned port; // that it was sent to
};
#define SETUP_MAX_SENT 256
extern struct setup_frame setup_sent[SETUP_MAX_SENT]; // the caller's to free
extern unsigned setup_n_sent;

// The session that such a packet would find, or NULL.
struct session *setup_find(unsigned port, const struct session_tuple *tuple);
// Sessions and half-open ones of the chain; packets that have begun one.
void setup_counts(uint32_t *n_sessions, uint32_t *n_half_open, uint64_t *n_opened);

#endif
