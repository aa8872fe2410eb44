// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_XDP_PROGRAM_H
#define CONTROL_XDP_PROGRAM_H

// Our XDP program on one interface: loaded and attached, or found there and taken over. It stays on
// the interface while this process or the dataplane holds the link's descriptor, and no longer.

#include <stdbool.h>
#include <stdint.h>

#include "control/datastore/datastore.h"
#include "control/xdp/steer.h"

enum program_mode {
    PROGRAM_AUTO, // native, or generic where the driver has no native mode
    PROGRAM_NATIVE,
    PROGRAM_GENERIC,
};

enum program_map {
    MAP_XSKS,
    MAP_COUNTERS,
    MAP_SETTINGS,
    MAP_VLANS,
    MAP_MACS,
    MAP_OWN,
    MAP_PREFIXES,
    MAP_DENIED,
    N_MAPS,
};

struct program {
    int link_fd, map_fd[N_MAPS];
    uint32_t link_id;
    unsigned ifindex;
    bool is_native;
};

// Silence libbpf but for debugging. Once.
void program_init(void);

// Have the program on the interface. `owner` names this Culvert: what another one has there is as
// foreign as any other program. -errno with a sentence; -EBUSY: a foreign program is there.
int program_open(struct program *program, const char *interface, enum program_mode mode,
                 uint64_t owner, struct config_error *e);

// Let go of it; it stays as long as the dataplane holds it.
void program_close(struct program *program);

// Take it off the interface, whoever holds it, and let go of it.
void program_detach(struct program *program);

// Is it on its interface still?
bool program_is_attached(const struct program *program);

// Does this one do what `mode` asks for?
bool program_fits(const struct program *program, enum program_mode mode);

// Sums over all CPUs. 0 or -errno.
int program_counters(const struct program *program, uint64_t counters[STEER_N_COUNTERS]);

#endif
