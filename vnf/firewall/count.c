// SPDX-License-Identifier: BSD-3-Clause
// What does a session count for the rule that let it pass? Called when it ends and, as it ages,
// with what it has carried; on workers and the main thread. And what do packets count that were
// denied without being asked about? Finds the counter by the rule's number, for that is all that a
// slot says; the rule itself may be gone. Next: show.c.

#include "vnf/firewall/state.h"

static int is_first(const struct trie_item *item, void *unused)
{
    (void)item, (void)unused;
    return 1;
}

// Each number has a hash of its own.
struct firewall_counter *firewall_counter_find(const struct firewall_policy *policy, uint32_t seq)
{
    const struct trie_item *item = trie_find(policy->counters, firewall_hash(seq), is_first, NULL);

    return item != NULL ? item->value : NULL;
}

void firewall_counter_leave(struct firewall_counter *counter)
{
    uint32_t n = __atomic_load_n(&counter->n_sessions, __ATOMIC_RELAXED);

    while (n > 0 && !__atomic_compare_exchange_n(&counter->n_sessions, &n, n - 1, 0,
                                                 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

static struct firewall_counter *counter_of(void *state, uint64_t slot)
{
    if (slot & FIREWALL_SLOT_DEFAULT)
        return NULL;
    return firewall_counter_find(firewall_policy_of(state), (uint32_t)slot);
}

void firewall_release(void *state, uint32_t chain, uint8_t protocol, uint64_t slot)
{
    struct firewall_counter *counter = counter_of(state, slot);

    (void)chain;
    (void)protocol;
    if (counter != NULL)
        firewall_counter_leave(counter);
}

void firewall_credit(void *state, uint64_t slot, uint64_t packets, uint64_t bytes)
{
    struct firewall_counter *counter = counter_of(state, slot);

    if (counter == NULL)
        return;
    __atomic_fetch_add(&counter->packets, packets, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counter->bytes, bytes, __ATOMIC_RELAXED);
}

void firewall_account(const struct function *f, uint64_t account, uint64_t packets, uint64_t bytes)
{
    struct firewall_state *state = f->state;
    struct firewall_counters *row = &state->counters[firewall_n_workers()];
    struct firewall_counter *counter = counter_of(state, account);

    row->denied += packets;
    if (account & FIREWALL_SLOT_DEFAULT)
        row->default_hits[(uint32_t)account] += packets;
    if (counter == NULL)
        return;
    __atomic_fetch_add(&counter->hits, packets, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counter->packets, packets, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counter->bytes, bytes, __ATOMIC_RELAXED);
}
