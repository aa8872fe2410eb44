// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WORKER_WORKER_H
#define DATAPLANE_WORKER_WORKER_H

// Poll-mode worker threads: one EAL lcore each.

#include "dataplane/core/error.h"

// Start n_workers on the EAL's worker lcores, in their order. `busy_poll`: never sleep.
// -ENOMEM, -EINVAL (too few lcores) with a sentence.
int worker_start(unsigned n_workers, int busy_poll, struct error *e);

// Ask them to end and wait for it.
void worker_stop(void);

#endif
