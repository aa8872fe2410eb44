// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_AF_XDP_GRANT_H
#define DATAPLANE_PORT_AF_XDP_GRANT_H

// What the control process gives an af-xdp port: the XDP program on its interface, as the map that
// takes our sockets and the link that holds the program there. Kept in port->kept, over several
// lives of the device, so that the program stays while the port does. Main thread.

#include "dataplane/port/port.h"

struct af_xdp_grant {
    int map_fd, link_fd;
    uint32_t map_id, link_id;
    uint8_t is_native, is_zero_copy;
};

// Take over both descriptors for the port that the message names; a device that stands on others is
// closed, and opened again with these. On failure they stay the caller's: -ENOENT there is no such
// port, -EINVAL they are not what they should be, -ENOMEM.
int af_xdp_take_grant(const struct api_xdp *message, const int fds[2], struct error *e);

// The grant if it holds on the interface `ifindex` of now, else NULL (one of another interface is
// given up).
const struct af_xdp_grant *af_xdp_grant_of(struct port *port, int ifindex);

// Close the descriptors: struct port_ops' forget.
void af_xdp_forget(struct port *port);

#endif
