// SPDX-License-Identifier: BSD-3-Clause
// How do the rules in force become those that are wanted? Both lists are in order of seq: one pass
// finds the difference, and only that is put into the next policy, which shares all else with the
// one that workers use. Main thread; called by config.c with a configuration, by change.c with a
// few rules. Next: rule.c (one of them), activate.c, vnf/lib/classifier.c.

#include "vnf/firewall/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "dataplane/core/qsbr.h"

#define MAX_IDLE 4096 // counters without a rule, before those without sessions go

struct rule_list {
    struct firewall_rule **rules;
    uint32_t n, capacity;
};

struct firewall_edit {
    struct firewall_state *state;
    struct firewall_policy *next;
    struct trie_edit trie;
    struct rule_list added, removed;
    struct firewall_counter *made; // counters that the state does not have yet
    uint32_t n_dying;              // that it will have no longer
};

static int append(struct rule_list *list, struct firewall_rule *rule)
{
    if (list->n == list->capacity) {
        uint32_t capacity = list->capacity != 0 ? list->capacity * 2 : 16;
        struct firewall_rule **grown =
            realloc(list->rules, capacity * sizeof(struct firewall_rule *));

        if (grown == NULL)
            return -ENOMEM;
        list->rules = grown;
        list->capacity = capacity;
    }
    list->rules[list->n++] = rule;
    return 0;
}

// The counter of a rule that is added: one that is there, with what it has counted, or a new one.
static struct firewall_counter *want_counter(struct firewall_edit *edit, uint32_t seq)
{
    struct firewall_counter *counter = firewall_counter_find(edit->next, seq);
    struct trie_item item = {.order = seq, .hash = firewall_hash(seq)};

    if (counter == NULL) {
        counter = aligned_alloc(_Alignof(struct firewall_counter), sizeof(*counter));
        if (counter == NULL)
            return NULL;
        *counter = (struct firewall_counter){.seq = seq, .has_rule = 1, .next = edit->made};
        edit->made = counter;
        edit->trie.memory += (int64_t)sizeof(*counter);
        item.value = counter;
        if (trie_add(&edit->trie, &edit->next->counters, &item) < 0)
            return NULL;
    }
    counter->serial = edit->trie.serial;
    return counter;
}

static int add_rule(struct firewall_edit *edit, const struct firewall_rule *wanted)
{
    struct firewall_rule *rule = firewall_rule_copy(wanted);
    uint32_t burst = wanted->rate_burst != 0 ? wanted->rate_burst : wanted->rate_limit;

    if (rule == NULL)
        return -ENOMEM;
    if (append(&edit->added, rule) < 0) {
        firewall_rule_destroy(rule);
        return -ENOMEM;
    }
    meter_limit_init(&rule->limit, rule->rate_limit, burst, rte_get_tsc_hz());
    rule->counter = want_counter(edit, rule->match.seq);
    if (rule->counter == NULL ||
        classifier_add(edit->next->classifier, &edit->trie, &rule->match) < 0)
        return -ENOMEM;
    edit->trie.memory += (int64_t)sizeof(*rule);
    edit->next->entries[edit->next->n_entries++] = (struct firewall_entry){rule->match.seq, rule};
    return 0;
}

static int remove_rule(struct firewall_edit *edit, struct firewall_rule *rule)
{
    if (append(&edit->removed, rule) < 0)
        return -ENOMEM;
    edit->trie.memory -= (int64_t)sizeof(*rule);
    return classifier_del(edit->next->classifier, &edit->trie, &rule->match);
}

// One number: `entry` is what is there, `wish` what is wanted; either may be NULL.
static int settle(struct firewall_edit *edit, const struct firewall_wanted *wanted,
                  const struct firewall_entry *entry, const struct firewall_wish *wish)
{
    struct firewall_rule rule;
    int rc = 0, is_kept = entry != NULL && wish == NULL && !wanted->is_complete;

    if (wish != NULL && wish->item != NULL) {
        firewall_rule_fill(&rule, wish->item, wanted->config);
        is_kept = entry != NULL && firewall_rule_is_same(entry->rule, &rule);
    } else if (wish != NULL && entry == NULL) {
        return -ENOENT;
    }
    if (is_kept) {
        edit->next->entries[edit->next->n_entries++] = *entry;
        return 0;
    }
    if (entry != NULL)
        rc = remove_rule(edit, entry->rule);
    if (rc == 0 && wish != NULL && wish->item != NULL)
        rc = add_rule(edit, &rule);
    return rc;
}

static int merge(struct firewall_edit *edit, const struct firewall_wanted *wanted, uint32_t *seq)
{
    const struct firewall_policy *base = edit->state->policy;
    uint32_t i = 0, j = 0;
    int rc = 0;

    edit->next->entries =
        malloc(((size_t)base->n_entries + wanted->n + 1) * sizeof(*edit->next->entries));
    if (edit->next->entries == NULL)
        return -ENOMEM;
    while (rc == 0 && (i < base->n_entries || j < wanted->n)) {
        const struct firewall_entry *entry = i < base->n_entries ? &base->entries[i] : NULL;
        const struct firewall_wish *wish = j < wanted->n ? &wanted->wishes[j] : NULL;

        if (entry != NULL && wish != NULL && entry->seq != wish->seq) {
            if (entry->seq < wish->seq)
                wish = NULL;
            else
                entry = NULL;
        }
        *seq = entry != NULL ? entry->seq : wish->seq;
        rc = settle(edit, wanted, entry, wish);
        i += entry != NULL;
        j += wish != NULL;
    }
    return rc;
}

// Numbers that no rule has any more and that count no session are forgotten, many at a time.
static int sweep(struct firewall_edit *edit)
{
    int rc = 0;

    if (edit->state->n_idle <= MAX_IDLE + edit->next->n_entries / 4)
        return 0;
    for (struct firewall_counter *c = edit->state->all_counters; rc == 0 && c != NULL;
         c = c->next) {
        const struct trie_item item = {.order = c->seq, .hash = firewall_hash(c->seq), .value = c};

        if (c->has_rule || c->serial == edit->trie.serial ||
            __atomic_load_n(&c->n_sessions, __ATOMIC_RELAXED) != 0)
            continue;
        c->is_dying = 1;
        edit->n_dying++;
        edit->trie.memory -= (int64_t)sizeof(*c);
        rc = trie_del(&edit->trie, &edit->next->counters, &item);
    }
    return rc;
}

static struct firewall_edit *begin(struct firewall_state *state)
{
    struct firewall_edit *edit = calloc(1, sizeof(*edit));

    if (edit == NULL)
        return NULL;
    edit->state = state;
    trie_edit_init(&edit->trie);
    edit->next = malloc(sizeof(*edit->next));
    if (edit->next == NULL)
        goto free_edit;
    *edit->next = *state->policy;
    edit->next->entries = NULL;
    edit->next->n_entries = 0;
    edit->next->classifier = classifier_edit(state->policy->classifier);
    if (edit->next->classifier == NULL)
        goto free_next;
    return edit;

free_next:
    free(edit->next);
free_edit:
    free(edit);
    return NULL;
}

// Defaults as wanted; returns whether anything at all differs from what is in force.
static int finish(struct firewall_edit *edit, const struct api_firewall *defaults)
{
    const struct firewall_policy *base = edit->state->policy;
    struct firewall_policy *next = edit->next;

    if (defaults != NULL) {
        next->default_action[API_DIRECTION_IN] = defaults->default_in;
        next->default_action[API_DIRECTION_OUT] = defaults->default_out;
        next->is_default_logged = defaults->is_default_logged;
    }
    classifier_finish(next->classifier);
    next->memory += edit->trie.memory;
    return edit->added.n + edit->removed.n > 0 ||
           memcmp(next->default_action, base->default_action, sizeof(next->default_action)) != 0 ||
           next->is_default_logged != base->is_default_logged;
}

int firewall_edit_create(struct firewall_state *state, const struct firewall_wanted *wanted,
                         struct firewall_edit **result, struct error *e)
{
    struct firewall_edit *edit = begin(state);
    char path[API_PATH_SIZE];
    uint32_t seq = 0;
    int rc;

    *result = NULL;
    if (edit == NULL)
        return firewall_refuse(state, e, -ENOMEM, "out of memory");
    rc = merge(edit, wanted, &seq);
    if (rc == -ENOENT) {
        snprintf(path, sizeof(path), "%s/%s", state->tenant_name, state->name);
        error_set(e, rc, path, "there is no rule %u", seq);
    } else if (rc < 0 || sweep(edit) < 0) {
        rc = firewall_refuse(state, e, -ENOMEM, "out of memory for the rules");
    }
    if (rc < 0 || !finish(edit, wanted->defaults)) {
        firewall_edit_abort(edit);
        return rc;
    }
    *result = edit;
    return 0;
}

static void destroy_edit(struct firewall_edit *edit)
{
    free(edit->added.rules);
    free(edit->removed.rules);
    free(edit);
}

void firewall_edit_abort(struct firewall_edit *edit)
{
    if (edit == NULL)
        return;
    classifier_abort(edit->next->classifier, &edit->trie);
    trie_abort(&edit->trie, edit->next->counters);
    trie_edit_abort(&edit->trie);
    for (uint32_t i = 0; i < edit->added.n; i++)
        firewall_rule_destroy(edit->added.rules[i]);
    while (edit->made != NULL) {
        struct firewall_counter *counter = edit->made;

        edit->made = counter->next;
        free(counter);
    }
    for (struct firewall_counter *c = edit->state->all_counters; edit->n_dying > 0; c = c->next) {
        edit->n_dying -= c->is_dying;
        c->is_dying = 0;
    }
    free(edit->next->entries);
    free(edit->next);
    destroy_edit(edit);
}

// A number that comes back begins at 0; one whose rule is replaced goes on.
static void prepare_counters(struct firewall_edit *edit)
{
    for (uint32_t i = 0; i < edit->added.n; i++) {
        struct firewall_counter *c = edit->added.rules[i]->counter;

        if (c->has_rule)
            continue;
        c->has_rule = 1;
        edit->state->n_idle--;
        __atomic_store_n(&c->hits, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&c->packets, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&c->bytes, 0, __ATOMIC_RELAXED);
    }
}

static void free_dying(struct firewall_edit *edit)
{
    struct firewall_counter **link = &edit->state->all_counters;

    for (; edit->n_dying > 0; edit->n_dying--) {
        struct firewall_counter *c;

        while (!(*link)->is_dying)
            link = &(*link)->next;
        c = *link;
        *link = c->next;
        free(c);
        edit->state->n_idle--;
    }
}

static void settle_counters(struct firewall_edit *edit)
{
    for (uint32_t i = 0; i < edit->removed.n; i++) {
        struct firewall_counter *c = edit->removed.rules[i]->counter;

        if (c->serial == edit->trie.serial)
            continue;
        c->has_rule = 0;
        edit->state->n_idle++;
    }
    free_dying(edit);
    while (edit->made != NULL) {
        struct firewall_counter *c = edit->made;

        edit->made = c->next;
        c->next = edit->state->all_counters;
        edit->state->all_counters = c;
    }
}

void firewall_edit_commit(struct firewall_edit *edit)
{
    struct firewall_state *state = edit->state;
    struct firewall_policy *old = state->policy;

    prepare_counters(edit);
    __atomic_store_n(&state->policy, edit->next, __ATOMIC_RELEASE);
    __atomic_store_n(&state->version, state->version + 1, __ATOMIC_RELEASE);
    qsbr_wait();
    state->is_new = 0;
    settle_counters(edit);
    trie_edit_commit(&edit->trie);
    for (uint32_t i = 0; i < edit->removed.n; i++)
        firewall_rule_destroy(edit->removed.rules[i]);
    classifier_release(old->classifier);
    free(old->entries);
    free(old);
    destroy_edit(edit);
}
