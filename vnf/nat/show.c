// SPDX-License-Identifier: BSD-3-Clause
// What is asked of a NAT over the control socket? Its state and its bindings. Main thread, called
// by server/transaction.c. Lists static rules first, then records, some under the lock at a time,
// so that a listing is bounded and holds no worker up. Next: back to the server.

#include <errno.h>
#include <stdio.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "vnf/nat/state.h"

#define RECORDS_AT_ONCE 16
#define RECORDS_PER_ANSWER 65536

static void show_nat(const struct function *f, struct function_request *request)
{
    struct nat_state *state = f->state;
    const struct nat_config *config = f->config;
    struct api_nat_state *answer = request->answer;

    memset(answer, 0, sizeof(*answer));
    memcpy(answer->tenant, state->tenant_name, sizeof(answer->tenant));
    memcpy(answer->name, state->name, sizeof(answer->name));
    answer->n_addresses = config->n_addresses;
    nat_lock(state);
    answer->n_bindings = state->by_inside.n;
    answer->n_hosts = state->by_host.n;
    answer->n_ports_tcp = state->n_used[NAT_TCP];
    answer->n_ports_udp = state->n_used[NAT_UDP];
    answer->n_identifiers = state->n_used[NAT_ICMP];
#define COPY(name, text) answer->name = state->counters.name;
    API_NAT_COUNTERS(COPY)
#undef COPY
    nat_unlock(state);
    request->answer_type = API_NAT_STATE;
    request->n_answers = 1;
}

static void put_address(uint8_t bytes[4], uint32_t address)
{
    memcpy(bytes, &address, sizeof(address));
}

// Rules in one line: forwards, static prefixes, rests. Protocol 0: all.
static uint32_t n_rules(const struct nat_config *config)
{
    return config->n_forwards + config->n_statics_in + config->n_rest;
}

static struct api_binding rule_item(const struct nat_config *config, uint32_t index)
{
    struct api_binding item = {.is_static = 1};
    const struct nat_static *rule;

    if (index < config->n_forwards) {
        const struct nat_forward *f = &config->forwards_in[index];

        item.protocol = f->protocol;
        item.outside_port = f->first;
        item.inside_port = f->to_first;
        put_address(item.outside, rte_cpu_to_be_32(f->from));
        put_address(item.inside, rte_cpu_to_be_32(f->to));
        return item;
    }
    index -= config->n_forwards;
    rule = index < config->n_statics_in ? &config->statics_in[index]
                                        : &config->rest[index - config->n_statics_in];
    put_address(item.outside, rte_cpu_to_be_32(rule->from));
    put_address(item.inside, rte_cpu_to_be_32(rule->to));
    return item;
}

static struct api_binding binding_item(const struct nat_binding *b)
{
    struct api_binding item = {.protocol = b->protocol, .n_sessions = b->n_sessions};

    if (nat_class_of(b->protocol) >= 0) {
        item.inside_port = rte_be_to_cpu_16(b->inside_port);
        item.outside_port = rte_be_to_cpu_16(b->outside_port);
    }
    put_address(item.inside, b->inside);
    put_address(item.outside, b->outside);
    return item;
}

// Records from number *at on, as many as find room; *at moves behind the last one looked at.
static uint32_t list_records(struct nat_state *state, uint32_t *at, struct api_binding *items,
                             uint32_t n_max)
{
    uint32_t end = *at + RECORDS_PER_ANSWER, n = 0, last;

    do {
        nat_lock(state);
        last = RTE_MIN(state->n_bindings_ever, end);
        for (unsigned i = 0; i < RECORDS_AT_ONCE && *at <= last && n < n_max; i++, (*at)++)
            if (state->bindings[*at].n_sessions > 0)
                items[n++] = binding_item(&state->bindings[*at]);
        nat_unlock(state);
    } while (*at <= last && n < n_max);
    return n;
}

static void list_bindings(const struct function *f, struct function_request *request)
{
    const struct nat_config *config = f->config;
    struct nat_state *state = f->state;
    struct api_binding *items = request->answer;
    uint32_t n_max = (uint32_t)(request->answer_size / sizeof(*items)), n = 0, at, number;
    struct api_list_bindings list;

    memcpy(&list, request->items, sizeof(list));
    for (at = list.cursor; at < n_rules(config) && n < n_max; at++)
        items[n++] = rule_item(config, at);
    number = at >= n_rules(config) ? at - n_rules(config) + 1 : 1;
    if (n < n_max)
        n += list_records(state, &number, &items[n], n_max - n);
    if (at >= n_rules(config))
        at = n_rules(config) + number - 1;
    if (n == 0)
        memset(&items[n++], 0, sizeof(*items));
    if (at < n_rules(config) ||
        number <= __atomic_load_n(&state->n_bindings_ever, __ATOMIC_RELAXED))
        items[n - 1].next = at;
    request->answer_type = API_BINDINGS;
    request->n_answers = n;
}

int nat_request(struct function *f, struct function_request *request, struct error *e)
{
    const struct nat_state *state = f->state;
    char path[API_PATH_SIZE];

    switch (request->type) {
    case API_SHOW_NAT:
        show_nat(f, request);
        return 0;
    case API_LIST_BINDINGS:
        list_bindings(f, request);
        return 0;
    default:
        snprintf(path, sizeof(path), "%s/%s", state->tenant_name, state->name);
        return error_set(e, -EPROTO, path, "not what a NAT can be asked");
    }
}
