// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_FUZZ_CHAIN_FRAMES_H
#define TESTS_FUZZ_CHAIN_FRAMES_H

// Frames that come to the chain of chain_setup.h, made from bytes of the input, and what a host
// makes of a frame that it got.

#include "dataplane/core/packet.h"
#include "tests/fuzz/lab.h"
#include "tests/lib/packet_builder.h"

#define WIRE_SIZE 512

// A frame that was sent to a port.
struct wire {
    uint8_t bytes[WIRE_SIZE];
    uint32_t len;
    unsigned port;
};

// One of any protocol that the chain knows, whole or a fragment, from few hosts and ports.
void frames_make(struct input *in, unsigned port, struct frame *f);
// One that begins a connection: UDP, a SYN, an echo request.
void frames_begin(struct input *in, unsigned port, struct frame *f);
// Change some bytes behind the MACs, mostly none. Returns whether it did.
int frames_change(struct input *in, struct frame *f);

// The answer of who got w, p as parsed. UDP back, SYN+ACK, echo reply. 0: there is none.
int frames_answer(const struct wire *w, const struct packet *p, struct frame *f);
// The ICMP error that he gives instead. 0: there is none.
int frames_complain(const struct wire *w, const struct packet *p, struct frame *f);

#endif
