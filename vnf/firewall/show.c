// SPDX-License-Identifier: BSD-3-Clause
// What is asked of a firewall over the control socket? Its counters and its rules' hits, summed
// while workers go on, each read at some moment. Rules are changed in change.c. Main thread, called
// by server/transaction.c.

#include "vnf/firewall/state.h"

#include <errno.h>
#include <stdio.h>

int firewall_refuse(const struct firewall_state *state, struct error *e, int code,
                    const char *sentence)
{
    char path[API_PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s", state->tenant_name, state->name);
    return error_set(e, code, path, "%s", sentence);
}

static uint64_t load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void show_firewall(const struct firewall_state *state, struct function_request *request)
{
    struct api_firewall_state *answer = request->answer;
    const struct firewall_policy *policy = state->policy;

    memset(answer, 0, sizeof(*answer));
    memcpy(answer->tenant, state->tenant_name, sizeof(answer->tenant));
    memcpy(answer->name, state->name, sizeof(answer->name));
    answer->n_rules = policy->n_entries;
    answer->rule_memory =
        (uint64_t)policy->memory + policy->n_entries * sizeof(struct firewall_entry);
    for (unsigned i = 0; i <= firewall_n_workers(); i++) {
        const struct firewall_counters *row = &state->counters[i];

        answer->allowed += load(&row->allowed);
        answer->denied += load(&row->denied);
        answer->limited += load(&row->limited);
        answer->default_in_hits += load(&row->default_hits[API_DIRECTION_IN]);
        answer->default_out_hits += load(&row->default_hits[API_DIRECTION_OUT]);
    }
    request->answer_type = API_FIREWALL_STATE;
    request->n_answers = 1;
}

// The first rule behind a number.
static uint32_t find_behind(const struct firewall_policy *policy, uint32_t seq)
{
    uint32_t low = 0, high = policy->n_entries;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (policy->entries[middle].seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void list_rules(const struct firewall_state *state, struct function_request *request)
{
    const struct firewall_policy *policy = state->policy;
    struct api_rule_hits *items = request->answer;
    uint32_t n_max = (uint32_t)(request->answer_size / sizeof(*items)), n = 0, i;
    struct api_list_rules list;

    memcpy(&list, request->items, sizeof(list));
    for (i = find_behind(policy, list.cursor); i < policy->n_entries && n < n_max; i++) {
        const struct firewall_counter *counter = policy->entries[i].rule->counter;

        items[n++] = (struct api_rule_hits){
            .seq = counter->seq,
            .n_sessions = __atomic_load_n(&counter->n_sessions, __ATOMIC_RELAXED),
            .hits = load(&counter->hits),
            .packets = load(&counter->packets),
            .bytes = load(&counter->bytes),
        };
    }
    if (n == 0)
        memset(&items[n++], 0, sizeof(*items));
    else if (i < policy->n_entries)
        items[n - 1].has_more = 1;
    request->answer_type = API_RULES;
    request->n_answers = n;
}

int firewall_request(struct function *f, struct function_request *request, struct error *e)
{
    const struct firewall_state *state = f->state;

    switch (request->type) {
    case API_SHOW_FIREWALL:
        show_firewall(state, request);
        return 0;
    case API_LIST_RULES:
        list_rules(state, request);
        return 0;
    case API_RULE_CHANGE:
        return firewall_change(f, request, e);
    default:
        return firewall_refuse(state, e, -EPROTO, "not what a firewall can be asked");
    }
}
