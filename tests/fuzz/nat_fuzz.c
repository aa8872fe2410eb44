// SPDX-License-Identifier: BSD-3-Clause
// Can sessions in any order, with any addresses, slots and configurations, make a NAT read or write
// what is not there, or lose count of its bindings? Bytes become first packets, ends, commits,
// restarts with slots as they were or damaged, and time. libFuzzer with ASan and UBSan, without
// EAL. When all sessions have ended no binding, host or port may be left. Next: what the checks
// name.

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "dataplane/session/opening.h"
#include "vnf/nat/state.h"

// Of sessions and of the main thread, which are not here.
uint32_t openings[OPENING_N + 1];
int session_is_shared;
uint32_t function_is_short;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_SESSIONS 64

struct kept {
    struct session_tuple tuple, final;
    uint64_t slot;
    uint8_t is_inward;
};

static struct function function;
static struct kept sessions[MAX_SESSIONS];
static unsigned n_sessions;
static const uint8_t *input;
static size_t n_left;

static uint8_t take(void)
{
    if (n_left == 0)
        return 0;
    n_left--;
    return *input++;
}

static void check(int is_true)
{
    if (!is_true)
        abort();
}

// Few addresses and ports, so that they meet.
static void configure(uint8_t choice)
{
    struct api_tenant tenant = {.name = "blue"};
    struct api_nat nat = {.name = "nat",
                          .mapping = (uint8_t)(1 + choice % 3),
                          .filtering = (uint8_t)(1 + choice / 3 % 3),
                          .flags = choice & API_NAT_FLAGS,
                          .port_first = 1000,
                          .port_last = (uint16_t)(1001 + choice % 5),
                          .host_limit = 3};
    struct api_nat_source source = {.seq = 1, .prefix_len = 24, .prefix = {10, 0, 0, 0}};
    struct api_nat_pool pool = {.first = {192, 0, 2, (uint8_t)(1 + choice % 2)},
                                .last = {192, 0, 2, 2}};
    struct api_nat_static rule = {
        .prefix_len = 32, .inside = {10, 0, 0, 3}, .outside = {192, 0, 2, 3}};
    struct api_nat_forward forward = {.protocol = choice & 1 ? IPPROTO_UDP : 0,
                                      .address = {192, 0, 2, 2},
                                      .to = {10, 0, 0, 2},
                                      .port_first = choice & 1 ? 1001 : 0,
                                      .port_last = choice & 1 ? 1002 : 0,
                                      .to_port = choice & 1 ? 7 : 0};
    struct function old = function;
    struct model model;
    struct error e;

    model_init(&model);
    check(model_add(&model, API_TENANT, &tenant, 1) == 0 &&
          model_add(&model, API_NAT, &nat, 1) == 0 &&
          model_add(&model, API_NAT_SOURCE, &source, 1) == 0 &&
          model_add(&model, API_NAT_POOL, &pool, 1) == 0 &&
          model_add(&model, API_NAT_STATIC, &rule, 1) == 0 &&
          (choice < 128 || model_add(&model, API_NAT_FORWARD, &forward, 1) == 0));
    function = (struct function){.ops = &nat_ops};
    check(nat_ops.config_create(&function, &model, 0, NULL, &e) == 0);
    model_fini(&model);
    if (old.config != NULL)
        nat_ops.config_destroy(&old);
    nat_ops.activate(&function, NULL);
}

static int judge(struct kept *k, enum function_occasion occasion)
{
    struct function_case c = {.tuple = k->tuple,
                              .last = occasion == FUNCTION_FIRST ? NULL : &k->final,
                              .slot = &k->slot,
                              .chain = 1,
                              .occasion = (uint8_t)occasion,
                              .is_inward = k->is_inward};
    enum function_verdict verdict = nat_judge(&function, NULL, &c);

    if (verdict != FUNCTION_ALLOW && verdict != FUNCTION_TURN)
        return 0;
    check(verdict == FUNCTION_ALLOW || !k->is_inward);
    if (occasion != FUNCTION_FIRST && memcmp(&c.tuple, &k->final, sizeof(c.tuple)) != 0) {
        if (occasion == FUNCTION_RESTORE && k->slot != 0)
            nat_release(function.state, 1, k->tuple.protocol, k->slot);
        return 0;
    }
    k->final = c.tuple;
    return 1;
}

static void open_one(void)
{
    static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP, 47};
    static const uint8_t hosts[][4] = {{10, 0, 0, 1},    {10, 0, 0, 2},   {10, 0, 0, 3},
                                       {192, 0, 2, 1},   {192, 0, 2, 2},  {192, 0, 2, 3},
                                       {203, 0, 113, 1}, {203, 0, 113, 2}};
    struct kept *k = &sessions[n_sessions];
    uint8_t ends = take();

    if (n_sessions == MAX_SESSIONS)
        return;
    memset(k, 0, sizeof(*k));
    k->is_inward = ends >> 7;
    k->tuple.family = 4;
    k->tuple.protocol = protocols[take() % sizeof(protocols)];
    memcpy(k->tuple.source, hosts[ends & 7], 4);
    memcpy(k->tuple.destination, hosts[ends >> 3 & 7], 4);
    if (k->tuple.protocol != 47) {
        k->tuple.source_port = htons((uint16_t)(1000 + take() % 8));
        k->tuple.destination_port = htons((uint16_t)(1000 + take() % 8));
    }
    n_sessions += (unsigned)judge(k, FUNCTION_FIRST);
}

static void close_one(unsigned i)
{
    if (sessions[i].slot != 0)
        nat_release(function.state, 1, sessions[i].tuple.protocol, sessions[i].slot);
    sessions[i] = sessions[--n_sessions];
}

static void close_all(void)
{
    const struct nat_state *state = function.state;

    while (n_sessions > 0)
        close_one(0);
    check(state->by_inside.n == 0 && state->by_outside.n == 0 && state->by_host.n == 0);
    for (unsigned i = 0; i < NAT_N_CLASSES; i++)
        check(state->n_used[i] == 0);
}

static void restart(uint8_t choice)
{
    unsigned n = n_sessions;

    n_sessions = 0;
    nat_ops.config_destroy(&function);
    memset(&function, 0, sizeof(function));
    configure(choice);
    for (unsigned i = 0; i < n; i++) {
        struct kept k = sessions[i];

        if (take() & 1)
            k.slot ^= (uint64_t)take() << take() % 57;
        if (judge(&k, FUNCTION_RESTORE))
            sessions[n_sessions++] = k;
    }
}

static void step(uint8_t choice)
{
    switch (choice % 8) {
    case 0:
        configure(take());
        break;
    case 1:
        restart(take());
        break;
    case 2:
        for (unsigned i = n_sessions; i > 0; i--)
            if (!judge(&sessions[i - 1], FUNCTION_AGAIN))
                close_one(i - 1);
        break;
    case 3:
        if (n_sessions > 0)
            close_one(take() % n_sessions);
        break;
    case 4:
        nat_ops.age(&function, NULL);
        break;
    default:
        open_one();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = data;
    n_left = size;
    configure(take());
    while (n_left > 0)
        step(take());
    close_all();
    nat_ops.config_destroy(&function);
    memset(&function, 0, sizeof(function));
    return 0;
}
