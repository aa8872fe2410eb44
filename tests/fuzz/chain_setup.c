// SPDX-License-Identifier: BSD-3-Clause
// See chain_setup.h.
#include "tests/fuzz/chain_setup.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>

#include <rte_cycles.h>

#include "dataplane/chain/state.h"
#include "dataplane/core/clock.h"
#include "dataplane/port/tx.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/fragment.h"
#include "dataplane/session/state.h"
#include "dataplane/walk/queue.h"
#include "dataplane/walk/walk.h"
#include "tests/lib/walk_lab.h"
#include "vnf/functions.h"

#define POOL_SIZE 1024 // of which a part may wait as fragments
#define MAX_SESSIONS 1024
#define TIMEOUT_SEC 30
#define MAX_RULES 8
#define MAX_KINDS 16
#define GAP_MS 1000000 // nothing waits that long
#define N_ROUNDS 4     // of ageing, so that all is looked at
#define N_TICKS 8

uint32_t __wrap_session_clock_ms(uint64_t tsc); // by the linker, in place of the real one

uint32_t setup_now_ms;
struct setup_frame setup_sent[SETUP_MAX_SENT];
unsigned setup_n_sent;

static char run_dir[] = "/dev/shm/culvert-fuzz-XXXXXX";
static uint64_t now_ms;   // never goes back, whatever the inputs
static const char *order; // of functions on the chain

uint32_t __wrap_session_clock_ms(uint64_t tsc)
{
    (void)tsc;
    return setup_now_ms;
}

static void pass(uint32_t ms)
{
    now_ms += ms;
    setup_now_ms = (uint32_t)now_ms;
}

static void must(int is_true)
{
    if (!is_true)
        abort();
}

static unsigned record(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n)
{
    (void)queue;
    for (unsigned i = 0; i < n; i++) {
        assert(setup_n_sent < SETUP_MAX_SENT);
        setup_sent[setup_n_sent++] =
            (struct setup_frame){m[i], port == walk_lab_port(SETUP_IN) ? SETUP_IN : SETUP_OUT};
    }
    return n;
}

static void no_watch(struct port *port)
{
    (void)port;
}

static const struct port_ops recorder = {.name = "recorder", .tx_burst = record, .watch = no_watch};

static void remove_dir(void)
{
    char path[sizeof(run_dir) + 8];

    snprintf(path, sizeof(path), "%s/kept", run_dir);
    (void)unlink(path);
    (void)rmdir(run_dir);
}

static void begin(void)
{
    struct error e = {0};

    session_clock_init(NULL);
    must(state_init(run_dir, &e) == 0 && session_init(1, MAX_SESSIONS, &e) == 0 &&
         fragment_init(1, &e) == 0 && chains_init(&e) == 0);
}

static void end(void)
{
    walk_lab_end();
    chains_fini();
    fragment_fini();
    session_fini();
    state_fini();
}

void setup_init(void)
{
    static const struct function_ops *kinds[MAX_KINDS];
    unsigned n = 0;

    for (; vnf_functions[n] != NULL; n++)
        kinds[n] = vnf_functions[n];
    kinds[n] = &chain_ops;
    walk_lab_init(kinds, 512);
    walk_queue_of(0)->pool = fuzz_heap(POOL_SIZE, 1);
    must(mkdtemp(run_dir) != NULL && atexit(remove_dir) == 0);
    pass(GAP_MS);
    begin();
}

void setup_restart(void)
{
    end();
    begin();
}

static void add(struct model *model, enum api_type type, const void *item)
{
    must(model_add(model, type, item, 1) == 0);
}

static void take_rule(struct input *in, struct api_rule *rule, uint32_t seq)
{
    static const uint8_t protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
    uint8_t what = take(in), more = take(in);

    *rule = (struct api_rule){.seq = seq,
                              .direction = (uint8_t)(1 + (what & 1)),
                              .action = what & 2 ? API_ACTION_ALLOW : (uint8_t)(1 + more % 3),
                              .source_port_last = UINT16_MAX,
                              .destination_port_last = UINT16_MAX,
                              .source_group = API_NONE,
                              .destination_group = API_NONE,
                              .source_port_group = API_NONE,
                              .destination_port_group = API_NONE};
    rule->protocol = protocols[what >> 2 & 3];
    rule->flags = (rule->protocol != 0 ? API_RULE_PROTOCOL : 0) |
                  ((what & 0xf0) == 0xf0 ? API_RULE_STATELESS : 0);
    if (rule->protocol == IPPROTO_TCP || rule->protocol == IPPROTO_UDP) {
        rule->destination_port_first = SETUP_FIRST_PORT;
        rule->destination_port_last = (uint16_t)(SETUP_FIRST_PORT + (more >> 2 & 7));
    }
    rule->connection_limit = more >> 5 == 1 ? 2 : 0;
    rule->rate_limit = more >> 5 == 2 ? 3 : 0;
}

static void add_firewall(struct input *in, struct model *model)
{
    uint8_t what = take(in);
    const struct api_firewall firewall = {.name = "fw",
                                          .default_out = (uint8_t)(1 + (what & 3) % 3),
                                          .default_in = (uint8_t)(1 + (what >> 2 & 3) % 3)};
    struct api_rule rule;

    add(model, API_FIREWALL, &firewall);
    for (uint32_t seq = 1; seq <= (what >> 4 & (MAX_RULES - 1)); seq++) {
        take_rule(in, &rule, seq);
        add(model, API_RULE, &rule);
    }
}

static void add_nat(struct input *in, struct model *model)
{
    uint8_t what = take(in);
    const struct api_nat nat = {.name = "nat",
                                .mapping = (uint8_t)(1 + what % 3),
                                .filtering = (uint8_t)(1 + what / 3 % 3),
                                .flags = what & API_NAT_FLAGS,
                                .port_first = SETUP_FIRST_PORT,
                                .port_last = (uint16_t)(SETUP_FIRST_PORT + 1 + what % 5),
                                .host_limit = 3};
    const struct api_nat_source source = {.seq = 1, .prefix_len = 24, .prefix = {10, 0, 0, 0}};
    const struct api_nat_pool pool = {.first = {192, 0, 2, (uint8_t)(1 + what % 2)},
                                      .last = {192, 0, 2, 2}};
    const struct api_nat_static rule = {
        .prefix_len = 32, .inside = {10, 0, 0, 3}, .outside = {192, 0, 2, 3}};
    const struct api_nat_forward forward = {.protocol = IPPROTO_UDP,
                                            .address = {192, 0, 2, 2},
                                            .to = {10, 0, 0, 2},
                                            .port_first = SETUP_FIRST_PORT + 1,
                                            .port_last = SETUP_FIRST_PORT + 2,
                                            .to_port = SETUP_FIRST_PORT};

    add(model, API_NAT, &nat);
    add(model, API_NAT_SOURCE, &source);
    add(model, API_NAT_POOL, &pool);
    add(model, API_NAT_STATIC, &rule);
    if (what >= 128)
        add(model, API_NAT_FORWARD, &forward);
}

static void add_chain(struct model *model)
{
    const struct api_chain chain = {.name = "edge",
                                    .inside = {.kind = API_END_PORT, .index = SETUP_IN},
                                    .outside = {.kind = API_END_PORT, .index = SETUP_OUT}};

    add(model, API_CHAIN, &chain);
    for (const char *c = order; *c != '\0'; c++) {
        struct api_chain_function function = {.kind = *c == 'n' ? API_FUNCTION_NAT
                                                                : API_FUNCTION_FIREWALL};

        for (const char *b = order; b < c; b++)
            if (*b == *c)
                function.further = 2;
        add(model, API_CHAIN_FUNCTION, &function);
    }
}

static void publish(struct input *in)
{
    struct api_tenant tenant = {.name = "blue",
                                .neighbor_limit = 1,
                                .session_limit = SETUP_SESSION_LIMIT,
                                .half_open_limit = SETUP_HALF_OPEN_LIMIT,
                                .source_session_limit = 8,
                                .fragment_limit = SETUP_FRAGMENT_LIMIT};
    const struct api_port ports[SETUP_N_PORTS] = {walk_lab_port_config("in"),
                                                  walk_lab_port_config("out")};
    struct model model;

    for (unsigned i = 0; i < API_N_TIMEOUTS; i++)
        tenant.timeout_sec[i] = TIMEOUT_SEC;
    model_init(&model);
    add(&model, API_TENANT, &tenant);
    add(&model, API_PORT, &ports[SETUP_IN]);
    add(&model, API_PORT, &ports[SETUP_OUT]);
    add_firewall(in, &model);
    add_nat(in, &model);
    add_chain(&model);
    walk_lab_publish(&model);
    walk_lab_port(SETUP_IN)->ops = walk_lab_port(SETUP_OUT)->ops = &recorder;
}

void setup_configure(struct input *in)
{
    static const char *const orders[] = {"fn", "nf", "f", "n", "fn", "fnf", "nf", ""};

    order = orders[take(in) % 8];
    publish(in);
}

void setup_clear(void)
{
    struct input none = {NULL, 0};

    order = "";
    publish(&none);
    setup_pass(GAP_MS);
}

int setup_has_nat(void)
{
    return strchr(order, 'n') != NULL;
}

void setup_edit(struct input *in)
{
    const struct generation *generation = walk_lab_context().generation;
    struct function *f = generation_find(generation, "firewall", "blue", "fw");
    struct api_rule_change items[4];
    struct function_request request = {
        .generation = generation, .type = API_RULE_CHANGE, .items = items};
    struct error e = {0};

    request.n_items = 1 + take(in) % 4U;
    for (unsigned i = 0; i < request.n_items; i++) {
        uint8_t what = take(in);

        items[i] = (struct api_rule_change){
            .tenant = "blue", .name = "fw", .config_id = 1, .is_delete = what % 4 == 0};
        take_rule(in, &items[i].rule, 1 + (what >> 2) % (2 * MAX_RULES));
    }
    assert(f->ops->request(f, &request, &e) == 0 || e.sentence[0] != '\0');
}

static struct walk_context context(void)
{
    struct walk_context ctx = walk_lab_context();

    ctx.now_tsc = now_ms * (rte_get_tsc_hz() / 1000);
    ctx.now_sec = setup_now_ms / 1000;
    return ctx;
}

void setup_walk(struct rte_mbuf **m, unsigned n)
{
    struct walk_context ctx = context();

    walk_burst(&ctx, m, n);
    port_tx_flush(ctx.tx);
}

void setup_pass(uint32_t ms)
{
    struct walk_context ctx;

    pass(ms);
    ctx = context();
    for (unsigned i = 0; i < N_ROUNDS; i++) {
        session_age(0, setup_now_ms, 1);
        fragment_age(0, setup_now_ms);
        session_tend();
    }
    for (unsigned i = 0; i < N_TICKS; i++) {
        walk_tick(&ctx);
        ctx.now_tsc += rte_get_tsc_hz() / 1000;
    }
    for (uint32_t i = 0; i < ctx.generation->n_functions; i++) {
        struct function *f = &ctx.generation->functions[i];

        f->ops->age(f, ctx.generation);
    }
    port_tx_flush(ctx.tx);
}

uint16_t setup_slot(unsigned port)
{
    return (uint16_t)walk_lab_port(port)->slot;
}

struct session *setup_find(unsigned port, const struct session_tuple *tuple)
{
    const struct session_query query = {.chain = session_chain_id("blue", "edge"),
                                        .side = port == SETUP_IN ? SESSION_INSIDE : SESSION_OUTSIDE,
                                        .tuple = *tuple};
    const struct session_query *queries[] = {&query};
    struct session_hit hit;

    session_find_burst(queries, &hit, 1);
    return hit.session;
}

void setup_counts(uint32_t *n_sessions, uint32_t *n_half_open, uint64_t *n_opened)
{
    uint32_t id = session_chain_id("blue", "edge");
    struct chain_state *state = chain_state_of(id);

    session_chain_counts(id, n_sessions, n_half_open);
    *n_opened = state != NULL ? chain_counters_of(state, 0)->opened : 0;
}
