// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_VHOST_TABLE_H
#define DATAPLANE_PORT_VHOST_TABLE_H

#include "dataplane/port/vhost_message.h"

// Is this REQUEST_SET_MEM_TABLE fit for the library to map? One to eight regions that do not
// overlap nor wrap, each in shared memory or huge pages that reach to its end. Where a file can be
// sealed against shrinking, it is. NULL, or the fact that speaks against it. Does not block, keeps
// nothing.
const char *vhost_table_check(const struct vhost_message *msg);

#endif
