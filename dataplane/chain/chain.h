// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CHAIN_CHAIN_H
#define DATAPLANE_CHAIN_CHAIN_H

// A chain with functions: a function under walk/function.h with the sides inside and outside, that
// carries a packet by its session or asks the functions on it.

#include "dataplane/walk/generation.h"

extern const struct function_ops chain_ops;

// After session_init: take what the process before this one knew of chains, hear of sessions from
// now on. -errno with a sentence. Main thread.
int chains_init(struct error *e);
void chains_fini(void);

// Requests about all chains: API_LIST_SESSIONS, API_CLEAR_SESSIONS. Like function_ops.request. Main
// thread.
int chain_sessions_request(struct function_request *request, struct error *e);

// API_SHOW_CHAIN, also of a plain cable.
int chain_show(struct function_request *request, struct error *e);

#endif
