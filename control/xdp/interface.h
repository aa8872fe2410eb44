// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_XDP_INTERFACE_H
#define CONTROL_XDP_INTERFACE_H

// What the kernel itself has on an interface that it shares with the dataplane.

#include <stdbool.h>
#include <stddef.h>

#include "control/xdp/steer.h"

struct interface {
    __u8 mac[6];
    struct steer_address addresses[STEER_MAX_ADDRESSES];
    size_t n_addresses;
    bool has_vlan[STEER_MAX_VLANS]; // a VLAN interface stands on it
};

// 0; -ENODEV: it is not there; -ENOMEM or another -errno.
int interface_read(const char *name, struct interface *interface);

// Let the interface's hardware leave VLAN tags in the frames (false), where the XDP program sees
// them, or take them out (true). 1: it was the other way before, 0: it was not, or the driver has
// no choice.
int interface_strip_vlans(const char *name, bool strip);

#endif
