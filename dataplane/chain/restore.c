// SPDX-License-Identifier: BSD-3-Clause
// Which sessions of the process before this one go on? Those that the functions on the chain still
// allow and can make anew what they kept for them. Main thread, called by config.c for the first
// generation with a chain, before workers see it. Next: judge.c.

#include <rte_cycles.h>

#include "dataplane/chain/judge.h"
#include "dataplane/core/clock.h"
#include "dataplane/core/log.h"
#include "dataplane/session/clock.h"

struct restoring {
    struct function *f;
    struct walk_context ctx;
    uint32_t stamp;
};

// A record is distrusted: its numbers are those of functions that stand on the chain, or nothing.
static void load_slots(const struct chain_state *state, const struct session *s, uint64_t *slots)
{
    for (unsigned i = 0; i < SESSION_N_SLOTS; i++) {
        const struct chain_slot *slot = &state->slots[i];

        slots[i] = slot->ops != NULL && slot->is_loaded ? s->slots[i] : 0;
    }
}

static int accept(struct session *s, void *context)
{
    const struct restoring *r = context;
    struct session_tuple last = session_tuple_reverse(&s->key_reply);
    uint64_t slots[SESSION_N_SLOTS];
    struct chain_inquiry q = {
        .tuple = &s->key_original,
        .last = &last,
        .slots = slots,
        .now_ms = session_clock_ms(r->ctx.now_tsc),
        .side = s->side[SESSION_ORIGINAL],
        .occasion = FUNCTION_RESTORE,
        .begin_drop = API_DROP_NONE,
    };

    load_slots(r->f->state, s, slots);
    chain_ask(r->f, &r->ctx, &q);
    if (q.drop != API_DROP_NONE)
        return 0;
    if (q.is_stateless || !session_tuple_is_equal(&q.final, &last) ||
        q.is_turned != (s->side[SESSION_ORIGINAL] == s->side[SESSION_REPLY])) {
        chain_release(r->f->state, s->key_original.protocol, slots);
        return 0;
    }
    memcpy(s->slots, slots, sizeof(s->slots));
    s->stamp = r->stamp;
    return 1;
}

void chain_restore(struct function *f, const struct generation *generation)
{
    struct chain_state *state = f->state;
    struct chain_config *config = f->config;
    struct restoring restoring = {
        .f = f,
        .ctx = {.generation = generation,
                .worker = SESSION_MAIN,
                .now_sec = clock_sec(),
                .now_tsc = rte_rdtsc()},
        .stamp = chain_stamp(config),
    };
    uint32_t n = session_adopt(state->id, config->tenant, accept, &restoring);

    state->is_adopted = 1;
    for (unsigned i = 0; i < SESSION_N_SLOTS; i++)
        state->slots[i].is_loaded = 0;
    if (n > 0)
        log_info("chain %s/%s: %u sessions of the last process go on", state->tenant, state->name,
                 n);
}
