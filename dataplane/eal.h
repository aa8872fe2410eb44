// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_EAL_H
#define DATAPLANE_EAL_H

// DPDK's environment with our defaults: it starts anywhere, leaves nothing behind, takes no device
// that no port names.

#include "dataplane/core/error.h"

struct eal_settings {
    unsigned n_workers;
    const char *cpus; // of the workers; NULL: the last n_workers that we may run on
    int n_extra;      // arguments of the user's, after ours
    char **extra;
};

// -EINVAL (CPUs), -ENOMEM, or what the EAL says, with a sentence.
int eal_start(const struct eal_settings *settings, struct error *e);
void eal_stop(void);

int eal_has_huge_pages(void);

#endif
