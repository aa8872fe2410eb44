// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_RULE_CHANGE_H
#define CONTROL_SOUTHBOUND_RULE_CHANGE_H

// Rules of one firewall on their way to the dataplane, beside transactions. Event loop only.

#include "control/southbound/transaction.h"

#define RULE_CHANGE_MAX 64 // rules; more of them go as a whole configuration

// Send `n` items in one datagram; they are copied. As transaction_start.
int rule_change_start(struct link *link, const struct api_rule_change *items, uint32_t n,
                      void (*done)(void *arg, const struct transaction_result *result), void *arg);

#endif
