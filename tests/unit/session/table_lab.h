// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_SESSION_TABLE_LAB_H
#define TESTS_UNIT_SESSION_TABLE_LAB_H

// Sessions without packets: a table with one or more workers that are the test itself, two chains
// and two tenants, and hooks that write down what they hear.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/session/clock.h"
#include "dataplane/session/state.h"
#include "dataplane/session/table.h"

#define LAB_N_CHAINS 2

struct lab {
    uint32_t chain[LAB_N_CHAINS];
    struct session_tenant *tenant[LAB_N_CHAINS]; // of each chain
    uint32_t now_ms;
    // What the hooks heard.
    unsigned n_closed;
    uint32_t last_closed; // session_id
    uint64_t packets[2], bytes[2];
    uint32_t end_at_visit; // session_id
    unsigned n_visits;
    unsigned n_missed;
    uint32_t last_evicted; // session_id
    unsigned n_evicted;
};

extern struct lab lab;

// run_dir NULL: private memory.
void lab_open(const char *run_dir, unsigned n_workers, uint32_t max_sessions);
void lab_close(void); // leaves what is in the run directory
// Chains and tenants as the configuration would bring them.
void lab_configure(void);
void lab_limit(unsigned i, uint32_t sessions, uint32_t half_open, uint32_t source);

// UDP from 10.0.0.0 + source, port `port`, to 192.0.2.1:53, begun inside.
struct session_draft lab_draft(unsigned chain, uint32_t source, uint16_t port);
struct session *lab_session(const struct session_draft *draft);
// Who has this key? NULL: nobody.
struct session *lab_find(uint32_t chain, uint8_t side, const struct session_tuple *t,
                         unsigned *direction);
// Let time pass, and worker 0 visit all.
void lab_pass(uint32_t ms);
// All counts of everything are 0.
void lab_assert_empty(void);
uint32_t lab_draw(uint32_t n);

#endif
