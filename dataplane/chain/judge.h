// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CHAIN_JUDGE_H
#define DATAPLANE_CHAIN_JUDGE_H

// What do the functions of a chain say together? Private to this folder.

#include "dataplane/chain/state.h"

// What is asked, and what they said.
struct chain_inquiry {
    const struct session_tuple *tuple; // as it arrived
    const struct session_tuple *last;  // AGAIN, RESTORE
    struct rte_mbuf *m;                // FIRST
    uint64_t *slots;                   // SESSION_N_SLOTS of them
    uint32_t now_ms;
    uint8_t side;       // where it arrived
    uint8_t occasion;   // enum function_occasion
    uint8_t is_alone;   // no session comes of it
    uint8_t begin_drop; // why it may not begin a session; API_DROP_NONE
    // Out.
    struct session_tuple final; // behind the last function
    uint8_t is_turned;
    uint8_t is_stateless;
    uint8_t is_rejected;
    uint8_t with_reset;    // TCP is told so by a RST: a firewall. A NAT says why (RFC 5508, REQ-8)
    uint8_t is_told_late;  // allowed or denied: see struct function_case
    uint8_t drop;          // API_DROP_NONE: allowed
    uint8_t must_be_asked; // FIRST: somebody has no account of what he said
    uint8_t n_accounts;    // of those asked, in order, as far as there is room
    uint64_t accounts[WALK_MAX_ACCOUNTS];
};

// Ask them in order. Denied, alone or stateless: nothing stays in the slots; but in the occasion
// AGAIN they hold what is still to be released. Worker; main thread for RESTORE.
void chain_ask(const struct function *f, const struct walk_context *ctx, struct chain_inquiry *q);

// These packets of a burst are most likely the first ones of sessions: let the functions fetch what
// they will be asked for. Worker.
void chain_foresee(const struct session_query *const *queries, unsigned n);

// An open session under another configuration. 0: it must end (session_close is the caller's).
// Worker.
int chain_ask_again(const struct function *f, const struct walk_context *ctx, struct session *s,
                    uint32_t stamp, uint32_t now_ms);

#endif
