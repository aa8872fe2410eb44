// SPDX-License-Identifier: BSD-3-Clause
// What is to be done when a session ends, is counted, or has waited long for a packet? Called by
// dataplane/session on any thread that opens, closes or ages sessions, wherever its chain is by
// now. Next: slot.c, judge.c.

#include <rte_cycles.h>

#include "dataplane/chain/judge.h"
#include "dataplane/core/clock.h"
#include "dataplane/session/clock.h"

static void on_close(struct session *s, unsigned worker)
{
    struct chain_state *state = chain_state_of(s->chain);
    uint64_t slots[SESSION_N_SLOTS];

    if (state == NULL)
        return;
    session_lock(s); // whoever judges it just now goes first
    memcpy(slots, s->slots, sizeof(slots));
    memset(s->slots, 0, sizeof(s->slots));
    session_unlock(s);
    chain_release(state, s->key_original.protocol, slots);
    chain_counters_of(state, worker)->closed++;
}

static void on_credit(struct session *s, unsigned worker, const uint32_t packets[2],
                      const uint64_t bytes[2])
{
    const struct chain_state *state = chain_state_of(s->chain);

    (void)worker;
    for (unsigned i = 0; state != NULL && i < SESSION_N_SLOTS; i++) {
        const struct chain_slot *slot = &state->slots[i];
        uint64_t value = __atomic_load_n(&s->slots[i], __ATOMIC_RELAXED);

        if (value != 0 && slot->ops != NULL && slot->ops->credit != NULL)
            slot->ops->credit(slot->state, value, (uint64_t)packets[0] + packets[1],
                              bytes[0] + bytes[1]);
    }
}

static int ask_again(const struct function *f, struct session *s, uint32_t stamp, unsigned worker)
{
    struct walk_context ctx = {
        .generation = generation_current(),
        .worker = worker,
        .now_sec = clock_sec(),
        .now_tsc = rte_rdtsc(),
    };

    return chain_ask_again(f, &ctx, s, stamp, session_clock_ms(ctx.now_tsc));
}

// A session that no packet asks about is judged again here.
static int on_visit(struct session *s, unsigned worker)
{
    struct chain_state *state = chain_state_of(s->chain);
    const struct function *f =
        state != NULL ? __atomic_load_n(&state->active, __ATOMIC_ACQUIRE) : NULL;
    uint32_t stamp;

    if (f == NULL)
        return 0;
    stamp = chain_stamp(f->config);
    if (likely(__atomic_load_n(&s->stamp, __ATOMIC_RELAXED) == stamp) ||
        ask_again(f, s, stamp, worker))
        return 0;
    chain_counters_of(state, worker)->revoked++;
    return 1;
}

static void on_evict(const struct session *s, unsigned worker)
{
    struct chain_state *state = chain_state_of(s->chain);

    if (state != NULL)
        chain_counters_of(state, worker)->evicted++;
}

void chain_hear_sessions(void)
{
    static const struct session_hooks hooks = {on_close, on_credit, on_visit, chain_foresee,
                                               on_evict};

    session_set_hooks(&hooks);
}
