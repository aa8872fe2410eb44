// SPDX-License-Identifier: BSD-3-Clause
// Which state belongs to a firewall? Found by name, so that rules' counters, and rules that were
// changed beside transactions, go on from one generation to the next. Called by config.c, and by
// the chain for slots of sessions that outlive a generation. Main thread. Next: rules.c.

#include "vnf/firewall/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/core/counters.h"

#define N_CHAINS 1024

static struct firewall_state *chains[N_CHAINS]; // by names

unsigned firewall_n_workers(void)
{
    return counters_stats != NULL && counters_stats->n_workers > 0 ? counters_stats->n_workers : 1;
}

static struct firewall_state **chain_of(const char *tenant, const char *name)
{
    uint32_t hash = 0;

    for (const char *c = tenant; *c != '\0'; c++)
        hash = hash * 31 + (uint8_t)*c;
    for (const char *c = name; *c != '\0'; c++)
        hash = hash * 31 + (uint8_t)*c;
    return &chains[(hash ^ hash >> 10 ^ hash >> 20) % N_CHAINS];
}

// Rules and counters are the edits' (rules.c); here only what is left at the end.
static void destroy_policy(struct firewall_policy *policy)
{
    if (policy == NULL)
        return;
    for (uint32_t i = 0; i < policy->n_entries; i++)
        firewall_rule_destroy(policy->entries[i].rule);
    classifier_destroy(policy->classifier);
    trie_free(policy->counters);
    free(policy->entries);
    free(policy);
}

static void destroy(struct firewall_state *s)
{
    destroy_policy(s->policy);
    while (s->all_counters != NULL) {
        struct firewall_counter *counter = s->all_counters;

        s->all_counters = counter->next;
        free(counter);
    }
    free(s->counters);
    free(s->logs);
    free(s);
}

static void *rows(unsigned n, size_t alignment, size_t size)
{
    void *block = aligned_alloc(alignment, n * size);

    if (block != NULL)
        memset(block, 0, n * size);
    return block;
}

static struct firewall_state *make_state(const char *tenant, const char *name)
{
    struct firewall_state *s = calloc(1, sizeof(*s));
    unsigned n = firewall_n_workers();

    if (s == NULL)
        return NULL;
    s->is_new = 1;
    s->counters = rows(n + 1, _Alignof(struct firewall_counters), sizeof(*s->counters));
    s->logs = rows(n, _Alignof(struct firewall_log), sizeof(*s->logs));
    s->policy = calloc(1, sizeof(*s->policy));
    if (s->counters == NULL || s->logs == NULL || s->policy == NULL)
        goto destroy;
    s->policy->classifier = classifier_create();
    if (s->policy->classifier == NULL)
        goto destroy;
    s->policy->default_action[API_DIRECTION_OUT] = API_ACTION_DENY;
    s->policy->default_action[API_DIRECTION_IN] = API_ACTION_DENY;
    snprintf(s->tenant_name, sizeof(s->tenant_name), "%s", tenant);
    snprintf(s->name, sizeof(s->name), "%s", name);
    return s;

destroy:
    destroy(s);
    return NULL;
}

int firewall_state_get(const char *tenant, const char *name, struct firewall_state **state)
{
    struct firewall_state **chain = chain_of(tenant, name), *s = *chain;

    while (s != NULL && (strcmp(s->tenant_name, tenant) != 0 || strcmp(s->name, name) != 0))
        s = s->next;
    if (s == NULL) {
        s = make_state(tenant, name);
        if (s == NULL)
            return -ENOMEM;
        s->next = *chain;
        *chain = s;
    }
    s->n_references++;
    *state = s;
    return 0;
}

void firewall_state_hold(void *state)
{
    ((struct firewall_state *)state)->n_references++;
}

void firewall_state_put(void *state)
{
    struct firewall_state *s = state, **link = chain_of(s->tenant_name, s->name);

    if (--s->n_references > 0)
        return;
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    destroy(s);
}
