// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_PORTS_H
#define CONTROL_SOUTHBOUND_PORTS_H

// After a commit: are the ports open, and if not, why?

#include "control/southbound/apply.h"

// A port has not said yet whether it opens, or the generation is not there yet.
bool ports_are_opening(const struct stats *stats, uint64_t generation);

// A warning for each port that is in error or still opening.
void ports_add_warnings(const struct stats *stats, struct apply_request *r);

// A warning; is left out if memory is short.
void apply_warn(struct apply_request *r, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// "opening", "down", "up", "error"; "vhost-user", "tap", "pcap", "ethdev". Never NULL.
const char *port_state_name(unsigned state);
const char *port_type_name(unsigned type);

#endif
