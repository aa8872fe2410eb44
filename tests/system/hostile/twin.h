// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_SYSTEM_HOSTILE_TWIN_H
#define TESTS_SYSTEM_HOSTILE_TWIN_H

// The twin: two sound devices in one process that send numbered frames to each other and count what
// is lost. It is the port beside a hostile one.

#include <stdbool.h>
#include <stdint.h>

#include "tests/system/hostile/frame.h"

struct twin_options {
    const char *path[2];
    bool is_dialling;
    bool is_reconnecting; // goes on after the peer has closed, with what was on its way lost
    struct frame_end end[2];
    unsigned int frame_size;
    unsigned int flood_every; // every so many frames one more to the broadcast address; 0: none
    uint64_t rate;            // frames per second in each direction
    unsigned int seconds;
};

// Runs the twin and prints its report as one line of JSON on stdout. 0 when it ran to the end,
// -errno when it could not start or (unless is_reconnecting) the peer closed; then why says it in a
// sentence.
int twin_run(const struct twin_options *o, const char **why);

#endif
