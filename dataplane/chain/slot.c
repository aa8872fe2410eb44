// SPDX-License-Identifier: BSD-3-Clause
// In which of a session's slots does a function keep what it needs? Main thread, called by config.c
// and activate.c; chain_release runs on any thread. The names of slots lie in the segment that
// outlives the process, beside the sessions that they tell how to read. Next: activate.c.

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/chain/state.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/session/state.h"

#define N_VISITED 4096 // sessions at a time
#define LAYOUT 1       // of struct kept_slots; its size is in the region's anyway

// By session_chain_id. Distrusted when it is read: a name that ends, a kind that exists.
struct kept_slots {
    struct {
        char name[API_NAME_SIZE]; // empty: free
        uint8_t kind;
        uint8_t further;
        uint8_t reserved[6];
    } slots[SESSION_N_SLOTS];
};

static struct kept_slots *kept;

int chain_slots_init(struct error *e)
{
    int was_there;

    kept = state_region("chains", SESSION_MAX_CHAINS * sizeof(*kept), LAYOUT, &was_there, e);
    return kept != NULL ? 0 : -ENOMEM;
}

int chain_slots_load(struct chain_state *state)
{
    if (state_reserve(kept, state->id * sizeof(*kept), sizeof(*kept)) < 0)
        return -ENOMEM;
    for (unsigned i = 0; i < SESSION_N_SLOTS; i++) {
        struct chain_slot *slot = &state->slots[i];

        memcpy(slot->name, kept[state->id].slots[i].name, sizeof(slot->name));
        slot->kind = kept[state->id].slots[i].kind;
        slot->further = kept[state->id].slots[i].further;
        slot->is_loaded = slot->name[0] != '\0' && slot->name[API_NAME_SIZE - 1] == '\0' &&
                          slot->kind < API_FUNCTION_N_KINDS;
        if (!slot->is_loaded)
            memset(slot->name, 0, sizeof(slot->name));
    }
    return 0;
}

void chain_slots_save(const struct chain_state *state)
{
    struct kept_slots *to = &kept[state->id];

    for (unsigned i = 0; i < SESSION_N_SLOTS; i++) {
        memcpy(to->slots[i].name, state->slots[i].name, sizeof(to->slots[i].name));
        to->slots[i].kind = state->slots[i].kind;
        to->slots[i].further = state->slots[i].further;
    }
}

static int is_of(const struct chain_slot *slot, const struct function *f, uint8_t kind,
                 uint8_t further)
{
    return slot->kind == kind && slot->further == further && strcmp(slot->name, f->name) == 0 &&
           (slot->ops == NULL || slot->state == f->state);
}

static void take(struct chain_slot *slot, const struct function *f, uint8_t kind, uint8_t further)
{
    f->ops->state_get(f->state);
    slot->state = f->state;
    slot->kind = kind;
    slot->further = further;
    snprintf(slot->name, sizeof(slot->name), "%s", f->name);
    __atomic_store_n(&slot->ops, f->ops, __ATOMIC_RELEASE);
}

// One that nobody has; rather one that no session of the process before this one may have used.
static struct chain_slot *find_free(struct chain_state *state)
{
    struct chain_slot *found = NULL;

    for (unsigned i = 0; i < SESSION_N_SLOTS; i++) {
        struct chain_slot *slot = &state->slots[i];

        if (slot->ops == NULL && (found == NULL || (found->is_loaded && !slot->is_loaded)))
            found = slot;
    }
    if (found != NULL)
        found->is_loaded = 0;
    return found;
}

int chain_slot_get(struct chain_state *state, const struct function *f, uint8_t kind,
                   uint8_t further, uint8_t *number)
{
    struct chain_slot *slot = NULL;

    for (unsigned i = 0; slot == NULL && i < SESSION_N_SLOTS; i++)
        if (is_of(&state->slots[i], f, kind, further))
            slot = &state->slots[i];
    if (slot == NULL)
        slot = find_free(state);
    if (slot == NULL)
        return -ENOSPC;
    if (slot->ops == NULL)
        take(slot, f, kind, further);
    slot->n_references++;
    *number = (uint8_t)(slot - state->slots);
    return 0;
}

static void free_slot(struct chain_slot *slot)
{
    const struct function_ops *ops = slot->ops;
    void *state = slot->state;

    memset(slot, 0, sizeof(*slot));
    ops->state_put(state);
}

void chain_slot_put(struct chain_state *state, uint8_t number)
{
    struct chain_slot *slot = &state->slots[number];

    // Without a generation sessions stay that were taken over already, see chain_state_put.
    if (--slot->n_references == 0 && generation_published != NULL)
        free_slot(slot);
}

void chain_slots_drop(struct chain_state *state)
{
    for (unsigned i = 0; i < SESSION_N_SLOTS; i++)
        if (state->slots[i].ops != NULL)
            free_slot(&state->slots[i]);
}

void chain_release(const struct chain_state *state, uint8_t protocol, uint64_t *slots)
{
    for (unsigned i = 0; i < SESSION_N_SLOTS; i++) {
        const struct chain_slot *slot = &state->slots[i];

        if (slots[i] != 0 && slot->ops != NULL)
            slot->ops->release(slot->state, state->id, protocol, slots[i]);
        slots[i] = 0;
    }
}

void chain_answered(const struct chain_state *state, struct session *s)
{
    session_lock(s); // who ends it releases what is in the slots then
    for (unsigned i = 0; session_is_valid(s) && i < SESSION_N_SLOTS; i++) {
        const struct chain_slot *slot = &state->slots[i];

        if (s->slots[i] != 0 && slot->ops != NULL && slot->ops->answered != NULL)
            slot->ops->answered(slot->state, state->id, s->key_original.protocol, &s->slots[i]);
    }
    session_unlock(s);
}

// What a walk over sessions takes out of them.
struct emptying {
    const struct chain_state *state;
    uint8_t is_leaving[SESSION_N_SLOTS];
};

static void empty(struct session *s, void *context)
{
    const struct emptying *emptying = context;
    uint64_t slots[SESSION_N_SLOTS] = {0};

    if (s->chain != emptying->state->id)
        return;
    session_lock(s);
    for (unsigned i = 0; session_is_valid(s) && i < SESSION_N_SLOTS; i++) {
        if (!emptying->is_leaving[i])
            continue;
        slots[i] = s->slots[i];
        s->slots[i] = 0;
    }
    session_unlock(s);
    chain_release(emptying->state, s->key_original.protocol, slots);
}

void chain_slots_release_others(struct chain_state *state, const struct chain_config *config)
{
    struct emptying emptying = {.state = state};
    uint32_t cursor = 0, n = 0;

    for (unsigned i = 0; i < SESSION_N_SLOTS; i++)
        emptying.is_leaving[i] = state->slots[i].ops != NULL;
    for (unsigned i = 0; i < config->n_stages; i++)
        emptying.is_leaving[config->stages[i].slot] = 0;
    for (unsigned i = 0; i < SESSION_N_SLOTS; i++)
        n += emptying.is_leaving[i];
    if (n == 0)
        return;
    do
        session_visit(&cursor, N_VISITED, empty, &emptying);
    while (cursor != 0);
    qsbr_wait(); // a worker may be releasing what a session kept that has just ended
    for (unsigned i = 0; i < SESSION_N_SLOTS; i++)
        if (emptying.is_leaving[i] && state->slots[i].n_references == 0)
            free_slot(&state->slots[i]);
}
