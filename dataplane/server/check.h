// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SERVER_CHECK_H
#define DATAPLANE_SERVER_CHECK_H

#include "dataplane/core/error.h"
#include "dataplane/core/model.h"

// Do the objects of a transaction fit together: owners and references exist and are in order, names
// are unique in their tenant, VLANs and addresses make sense? 0, or -errno with the object's path
// ("blue/vm1: mac") and a sentence. Main thread.
int check_model(const struct model *model, struct error *e);

#endif
