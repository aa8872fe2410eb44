// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_STATE_H
#define CONTROL_NORTHBOUND_STATE_H

#include "control/northbound/exchange.h"

// The dataplane's counters; NULL if it is not there, and the exchange is answered with the reason.
const struct stats *state_stats(struct exchange *x);

#endif
