// SPDX-License-Identifier: BSD-3-Clause
// Where do the numbers lie of what flows depend on? Here; version.h tells who writes and reads
// them. Called by main.c at the start, before anything that has such a number is made. Next:
// trace.h, which notes them.

#include "dataplane/walk/version.h"

#include <rte_random.h>

uint32_t walk_versions[WALK_N_VERSIONS] __attribute__((aligned(64)));
uint64_t walk_version_secret[2] = {UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xbf58476d1ce4e5b9)};

void walk_version_init(void)
{
    walk_version_secret[0] = rte_rand();
    walk_version_secret[1] = rte_rand();
}
