// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_SYSTEM_HOSTILE_BEHAVIOURS_H
#define TESTS_SYSTEM_HOSTILE_BEHAVIOURS_H

// A behaviour is one way in which a guest or its VMM can be hostile. The table of a file lists
// them; play.c carries one out: it connects, performs the deed again and again until the time is
// over, and counts. Whether the peer survives is judged outside.

#include <stdbool.h>
#include <stdint.h>

#include "tests/system/hostile/guest.h"

struct play;

struct behaviour {
    const char *name;
    const char *description;
    // Carries the behaviour out, usually one of play_* below. 0 or -errno with play->why set.
    int (*run)(struct play *p);
    // What run repeats: 0 when done, -EPIPE when done and the peer closed on it, -errno when it
    // could not be done.
    int (*deed)(struct play *p);
    // Parameters of deed, so that relatives share one.
    uint64_t arg;
    unsigned int ring; // with RX few sound receive buffers come before the spoilt ones
    // Features that the guest refuses, and whether it takes the offloads.
    uint64_t refused_features;
    bool takes_offloads;
};

// Written by play.c and the deed, read by main.c.
struct play {
    const struct behaviour *b;
    struct frontend *fe;
    struct guest guest; // valid while is_guest_up
    bool is_guest_up;
    uint64_t random;
    uint64_t end_ns;
    uint64_t n_done;
    uint64_t n_returned; // buffers that the peer gave back
    uint64_t n_closed;   // connections that the peer closed
    bool was_refused;    // the peer answered a message with an error
    char why[160];
};

// Each table ends with a NULL name.
extern const struct behaviour behaviours_ring[];
extern const struct behaviour behaviours_indirect[];
extern const struct behaviour behaviours_frame[];
extern const struct behaviour behaviours_notify[];
extern const struct behaviour behaviours_socket[];
extern const struct behaviour behaviours_memory[];
extern const struct behaviour behaviours_live[];

// Runs one behaviour for the given time; p->fe is initialised by the caller. 0 or -errno.
int play_run(struct play *p, const struct behaviour *b, unsigned int seconds, uint64_t seed);

// Ways to repeat a deed:
// - on a started device whose rings are polled (proved by a sound frame), restarted before each;
int play_rings(struct play *p);
// - the same without proof and restart: one device for all of them;
int play_live(struct play *p);
// - the same with a new connection for each;
int play_reconnecting(struct play *p);
// - on a connection where features are negotiated and nothing else.
int play_messages(struct play *p);

// Pieces for deeds.
uint64_t play_random(struct play *p);
uint64_t play_below(struct play *p, uint64_t bound);
bool play_is_over(const struct play *p);
int play_fail(struct play *p, int err, const char *why);
// Offers one sound broadcast frame in descriptor j of the transmit ring, without publishing it.
void play_sound_frame(struct play *p, unsigned int j);
// What a message's result means for a deed: refused is done (0), silence is done and the connection
// is of no more use (-EPIPE). Everything else is passed on.
int play_refusable(struct play *p, int err);

#endif
