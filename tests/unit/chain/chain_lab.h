// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_CHAIN_CHAIN_LAB_H
#define TESTS_UNIT_CHAIN_CHAIN_LAB_H

// A chain between ports with functions made up for it: firewalls that do as they are told and
// write down that they were asked, NATs that translate by arithmetic. Sessions are the real ones.
// Failures end the running test.

#include "dataplane/chain/state.h"
#include "tests/lib/packet_builder.h"
#include "tests/lib/walk_lab.h"

#define HOST_MAC "52:54:00:00:00:01"
#define GATE_MAC "52:54:00:00:00:02"

enum { LAB_IN, LAB_OUT, LAB_GUEST_IN, LAB_GUEST_OUT, LAB_N_PORTS };

// Functions that the model always has, of tenant blue. NATs: 10.0.0.x:p inside is 198.51.100.x:
// p + 10000 outside, and back; from inside to such an address is a hairpin.
enum { LAB_FW, LAB_FW2, LAB_N_FIREWALLS };
enum { LAB_NAT, LAB_NAT2, LAB_N_NATS };

// What a made-up function does and has done.
struct lab_function {
    enum function_verdict out, in; // of who begins; NATs: `in`, where they translate
    uint8_t is_stateless;
    uint8_t is_told_late; // NATs, inward
    uint32_t version;
    uint64_t slot;       // that a firewall keeps, 0: nothing
    unsigned n_asked[3]; // by occasion
    unsigned n_released;
    uint64_t released; // last slot
    uint64_t credited; // packets
    int n_held;        // state_get
};

extern struct lab_function lab_firewalls[LAB_N_FIREWALLS], lab_nats[LAB_N_NATS];
// Who was asked, in order: 'f' 'g' the firewalls, 'n' 'm' the NATs, upper case inward.
extern char lab_asked[256];

// Group setup and teardown, and of each test: everything new.
int lab_group_setup(void **state);
int lab_group_teardown(void **state);
int lab_setup(void **state);
int lab_teardown(void **state);

// A new model: the ports, functions, and a guest "dpi" at its two ports.
struct model *lab_model(enum api_on_failure on_failure);
// A chain from the port LAB_IN to LAB_OUT with functions as in lab_asked; 'D' is the guest.
void lab_add_chain(struct model *model, const char *functions);
// Publish such a configuration.
void lab_publish(const char *functions);
// End the process, as far as chains and sessions are concerned, and begin another one.
void lab_restart(void);

// A UDP or TCP packet, not to be cut; from inside it has HOST_MAC as source. TCP: sequence number
// 0; with ACK it acknowledges a SYN with that number.
void lab_udp(struct frame *f, int is_inside, const char *src, uint16_t src_port, const char *dst,
             uint16_t dst_port);
void lab_tcp(struct frame *f, int is_inside, const char *const addresses[2],
             const uint16_t ports[2], uint8_t flags);
void lab_receive(unsigned port, const struct frame *f);
// The last frame sent to the port is this one; so many have been sent.
void lab_expect(unsigned port, unsigned n, const struct frame *f);

// The IPv4 identification of a sent frame; give a frame another one.
uint16_t lab_identification(unsigned port, unsigned number);
void lab_identify(struct frame *f, uint16_t identification);

struct chain_state *lab_state(void);
struct chain_counters lab_counters(void); // of worker 0
uint32_t lab_n_sessions(void);

#endif
