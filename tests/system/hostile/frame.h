// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_SYSTEM_HOSTILE_FRAME_H
#define TESTS_SYSTEM_HOSTILE_FRAME_H

// The one sound frame that hostile guests and the twin send: Ethernet, IPv4, UDP and a small
// record.

#include <stdbool.h>
#include <stdint.h>

#define FRAME_MIN 60U
#define FRAME_MAX 1514U
#define FRAME_UDP_PORT 4790U

// Sequence numbers that are not counted.
#define FRAME_SEQ_LEARN UINT64_MAX
#define FRAME_SEQ_FLOOD (UINT64_MAX - 1)

struct frame_end {
    uint8_t mac[6];
    uint32_t ip; // host byte order
};

// Writes a frame of len bytes (FRAME_MIN to FRAME_MAX) with valid checksums. sender is any number
// by which the receiver knows the sender.
void frame_fill(uint8_t *bytes, unsigned int len, const struct frame_end *from,
                const struct frame_end *to, uint32_t sender, uint64_t seq);

// True when bytes hold a frame that frame_fill made; then sender and seq are set.
bool frame_read(const uint8_t *bytes, unsigned int len, uint32_t *sender, uint64_t *seq);

#endif
