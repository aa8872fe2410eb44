// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SERVER_BUILD_H
#define DATAPLANE_SERVER_BUILD_H

#include "dataplane/core/model.h"
#include "dataplane/walk/generation.h"

// Build a generation from a checked model: ports that stay are taken over, new ones made, functions
// configured. -errno with path and sentence, and nothing is kept. Main thread.
int build_generation(const struct model *model, uint64_t id, struct generation **generation,
                     struct error *e);

#endif
