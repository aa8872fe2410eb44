// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_XDP_MAPS_H
#define CONTROL_XDP_MAPS_H

// The maps of a program, made equal to what the configuration and the kernel's side of the
// interface ask for. An entry that stays is never away for a moment.

#include "control/xdp/interface.h"
#include "control/xdp/settings.h"

// Bring all maps up to date. 0, or -errno with a sentence: some are as they were, and the next call
// tries again.
int maps_write(const struct program *program, const struct settings *settings,
               const struct interface *interface, uint64_t owner, struct config_error *e);

#endif
