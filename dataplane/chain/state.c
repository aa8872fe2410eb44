// SPDX-License-Identifier: BSD-3-Clause
// Which state belongs to a chain, and when do its sessions end with it? Called by config.c on the
// main thread while a generation is built and when one is freed; workers only ask by number. Next:
// slot.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_random.h>

#include "dataplane/chain/packet.h"
#include "dataplane/chain/state.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/session/identification.h"

#define N_VISITED 4096 // sessions at a time

static struct chain_state *states;
static struct chain_state *by_id[SESSION_MAX_CHAINS]; // atomic

struct chain_state *chain_state_of(uint32_t id)
{
    return id < SESSION_MAX_CHAINS ? __atomic_load_n(&by_id[id], __ATOMIC_ACQUIRE) : NULL;
}

static struct chain_state *make(const char *tenant, const char *name, int *rc)
{
    uint32_t id = session_chain_id(tenant, name);
    struct chain_state *state;

    *rc = -ENOSPC;
    if (id == 0 || id >= SESSION_MAX_CHAINS)
        return NULL;
    *rc = -ENOMEM;
    state = aligned_alloc(_Alignof(struct chain_state), sizeof(*state));
    if (state == NULL)
        return NULL;
    memset(state, 0, sizeof(*state));
    state->id = id;
    state->last_base = (uint32_t)rte_rand(); // no stamp of the process before this one
    snprintf(state->tenant, sizeof(state->tenant), "%s", tenant);
    snprintf(state->name, sizeof(state->name), "%s", name);
    if (chain_slots_load(state) < 0) {
        free(state);
        return NULL;
    }
    state->next = states;
    states = state;
    __atomic_store_n(&by_id[id], state, __ATOMIC_RELEASE);
    return state;
}

int chain_state_get(const char *tenant, const char *name, struct chain_state **state)
{
    struct chain_state *s = states;
    int rc;

    while (s != NULL && (strcmp(s->tenant, tenant) != 0 || strcmp(s->name, name) != 0))
        s = s->next;
    if (s == NULL)
        s = make(tenant, name, &rc);
    if (s == NULL)
        return rc;
    s->n_references++;
    *state = s;
    return 0;
}

static void end_session(struct session *s, void *context)
{
    const struct chain_state *state = context;

    if (s->chain == state->id)
        (void)session_close(s, SESSION_MAIN);
}

void chain_state_end_sessions(struct chain_state *state)
{
    uint32_t cursor = 0, n_sessions, n_half_open;

    do {
        session_chain_counts(state->id, &n_sessions, &n_half_open);
        if (n_sessions > 0)
            session_visit(&cursor, N_VISITED, end_session, state);
    } while (n_sessions > 0 && cursor != 0);
    qsbr_wait(); // a worker may be releasing what one of them kept
}

// No worker finds it any more.
static void destroy(struct chain_state *state)
{
    struct chain_state **link = &states;

    while (*link != state)
        link = &(*link)->next;
    *link = state->next;
    chain_slots_drop(state);
    free(state);
}

void chain_state_put(struct chain_state *state)
{
    // Without a generation the process ends, or has not begun: sessions are to be found again.
    if (--state->n_references > 0 || generation_published == NULL)
        return;
    __atomic_store_n(&by_id[state->id], NULL, __ATOMIC_RELEASE);
    qsbr_wait();
    session_chain_forget(state->id);
    destroy(state);
}

int chains_init(struct error *e)
{
    int rc = chain_slots_init(e);

    identification_init();
    if (rc == 0)
        chain_hear_sessions();
    return rc;
}

void chains_fini(void)
{
    while (states != NULL) {
        by_id[states->id] = NULL;
        destroy(states);
    }
}
