// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_VHOST_WATCH_H
#define DATAPLANE_PORT_VHOST_WATCH_H

#include "dataplane/port/vhost.h"

// End what must be ended, note what is odd, fill the port's row. Main thread.
void vhost_watch(struct vhost_device *device);

// Has the library given up dialling (a connection was refused), and is it time to begin anew?
int vhost_watch_redial_is_due(struct vhost_device *device);

#endif
