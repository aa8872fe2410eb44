// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_ATTACHMENT_H
#define CONTROL_DATASTORE_ATTACHMENT_H

// How a switch's member is written: port, port.vlan, port.outer.inner, each with tenant/ before it
// if the port is another tenant's. For southbound/ as well.

#include <stdint.h>

struct attachment {
    char tenant[32]; // the owner of the port; the switch's own tenant if none is written
    char port[32];
    uint16_t outer_vlan; // 0: none
    uint16_t inner_vlan;
};

// Take a member apart. `own` is the tenant of the switch. 0, or -EINVAL if the text is not of this
// form, which the schema rules out in a valid configuration.
int attachment_parse(const char *text, const char *own, struct attachment *a);

#endif
