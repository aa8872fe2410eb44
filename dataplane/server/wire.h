// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SERVER_WIRE_H
#define DATAPLANE_SERVER_WIRE_H

#include "dataplane/core/model.h"
#include "dataplane/walk/generation.h"

// Make g's functions (named, with sides, without config) and attachments, and plug in what the
// checked model says: members of switches, kernel twins, chains. g->ports and g->port_list are
// there. -ENOMEM with a sentence; what was made is freed with g.
int wire_generation(struct generation *g, const struct model *model, struct error *e);

#endif
