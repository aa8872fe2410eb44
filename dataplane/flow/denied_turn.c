// SPDX-License-Identifier: BSD-3-Clause
// Until when do kept drops hold, and who is told what they have counted? Main thread: called by
// flow.c at start, end and as time goes by, by publish.c at each commit and edit. Workers see a
// turn at their next burst. Next: denied.c, which they call.

#include "dataplane/flow/denied.h"

#include <errno.h>

#include "dataplane/core/qsbr.h"

#define TURN_SEC 16 // groups that nobody needs any more come to their end

struct denied_table *denied_tables[API_MAX_WORKERS];
uint32_t denied_this_turn;

static struct {
    uint32_t turned_sec;
    int has_old;    // groups of the turn before are to be settled
    uint64_t token; // of its end
} state;

int denied_init(unsigned n_workers)
{
    denied_this_turn = 1;
    memset(&state, 0, sizeof(state));
    for (unsigned i = 0; i < n_workers; i++) {
        denied_tables[i] = memory_reserve(sizeof(*denied_tables[i]));
        if (denied_tables[i] == NULL)
            return -ENOMEM;
        memory_touch(denied_tables[i], 0, sizeof(*denied_tables[i]));
    }
    return 0;
}

void denied_fini(void)
{
    for (unsigned i = 0; i < API_MAX_WORKERS; i++) {
        memory_release(denied_tables[i], sizeof(*denied_tables[i]));
        denied_tables[i] = NULL;
    }
}

static void tell(struct denied_group *group)
{
    uint64_t packets = __atomic_load_n(&group->packets, __ATOMIC_RELAXED) - group->told_packets;
    uint64_t bytes = __atomic_load_n(&group->bytes, __ATOMIC_RELAXED) - group->told_bytes;

    if (packets == 0 && bytes == 0)
        return;
    group->told_packets += packets;
    group->told_bytes += bytes;
    for (unsigned i = 0; i < group->n_hops; i++) {
        const struct denied_hop *hop = &group->hops[i];

        if (hop->f->ops->count != NULL)
            hop->f->ops->count(hop->f, hop->in_side, hop->out_side, packets);
    }
    group->f->ops->count_denied(group->f, group->in_side, &group->denial, packets, bytes);
}

// All groups of one turn.
static void tell_all(struct denied_table *table, uint32_t turn)
{
    uint32_t n = __atomic_load_n(&table->n_groups[turn & 1], __ATOMIC_ACQUIRE);

    for (unsigned i = 0; n > 0 && i < DENIED_N_GROUPS; i++) {
        struct denied_group *group = &table->groups[turn & 1][i];

        if (__atomic_load_n(&group->identity, __ATOMIC_ACQUIRE) == 0)
            continue;
        tell(group);
        n--;
    }
}

void denied_count(void)
{
    for (unsigned i = 0; i < API_MAX_WORKERS && denied_tables[i] != NULL; i++) {
        tell_all(denied_tables[i], denied_this_turn);
        tell_all(denied_tables[i], denied_this_turn - 1);
    }
}

void denied_settle(void)
{
    uint32_t last = denied_this_turn - 1;

    state.has_old = 0;
    for (unsigned i = 0; i < API_MAX_WORKERS && denied_tables[i] != NULL; i++) {
        struct denied_table *table = denied_tables[i];

        if (table->n_groups[last & 1] == 0)
            continue;
        tell_all(table, last);
        memset(table->groups[last & 1], 0, sizeof(table->groups[0]));
        table->n_groups[last & 1] = 0;
    }
}

void denied_turn(void)
{
    if (state.has_old) {
        qsbr_wait();
        denied_settle();
    }
    __atomic_store_n(&denied_this_turn, denied_this_turn + 1, __ATOMIC_RELEASE);
    state.token = qsbr_token();
    state.has_old = 1;
}

static int has_groups(void)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < API_MAX_WORKERS && denied_tables[i] != NULL; i++)
        n += __atomic_load_n(&denied_tables[i]->n_groups[denied_this_turn & 1], __ATOMIC_RELAXED);
    return n > 0;
}

void denied_tend(uint32_t now_sec)
{
    if (state.has_old) {
        if (qsbr_has_passed(state.token))
            denied_settle();
    } else if (now_sec - state.turned_sec >= TURN_SEC && has_groups()) {
        state.turned_sec = now_sec;
        denied_turn();
    }
}
