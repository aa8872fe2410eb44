// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_CHANCE_H
#define TESTS_UNIT_FLOW_CHANCE_H

// Time and chance of a run.

#include <stdint.h>

extern uint32_t chance_now_ms; // what the session clock says

// From now on all that is drawn follows from the seed.
void chance_begin(uint64_t seed);

#endif
