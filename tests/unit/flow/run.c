// SPDX-License-Identifier: BSD-3-Clause
// What follows from a sequence? Each step is done and what was seen of it told. Called by pair.c
// for each of two runs. Next: traffic.c for steps that send, world.c for all others.

#include "tests/unit/flow/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_MS 1500000     // everything learned has aged
#define MAX_SHORT_MS 200000 // in all: nothing learned has

static void commit(struct run *run)
{
    struct model model;

    genes_model(run->genes, &model);
    for (unsigned i = 0; i < N_PORTS; i++)
        world_capability(i, genes_capability(run->genes, i));
    (void)world_commit(&model);
}

// Times while which all that was learned stays, or all of it goes.
static void pass(struct run *run, const struct step *step)
{
    static const uint32_t times_ms[16] = {10,   100,   500,   1000,  1500,  2000,  5000,  8000,
                                          9000, 15000, 17000, 20000, 25000, 33000, 21000, LONG_MS};
    uint32_t ms = times_ms[step->arg & 15];

    if (ms != LONG_MS && run->short_ms + ms > MAX_SHORT_MS)
        return;
    run->short_ms = ms == LONG_MS ? 0 : run->short_ms + ms;
    world_pass(ms);
    run_react(run);
}

static void edit(struct run *run, const struct step *step)
{
    unsigned which = step->where % GENE_START;
    uint8_t before = run->genes[which];
    struct model model;

    // Bits of lists change one by one.
    if (step->form & 1)
        run->genes[which] = (uint8_t)(before ^ 1U << (step->arg & 7));
    else
        run->genes[which] = step->form & 2 ? 0 : step->arg;
    genes_model(run->genes, &model);
    for (unsigned i = 0; i < N_PORTS; i++)
        world_capability(i, genes_capability(run->genes, i));
    if (world_commit(&model) < 0)
        run->genes[which] = before;
}

// As the control process does: the rule now, and in the next configuration.
static void change_rule(struct run *run, const struct step *step)
{
    unsigned firewall = step->who & 1, number = step->where % GENES_N_RULES;
    struct api_rule_change change = {.tenant = WORLD_TENANT, .config_id = 1};
    struct function_request request = {.type = API_RULE_CHANGE, .items = &change, .n_items = 1};
    struct world_answer answer;

    snprintf(change.name, sizeof(change.name), firewall == 0 ? "fw" : "fw2");
    change.is_delete = (uint8_t)genes_has_rule(run->genes, firewall, number);
    genes_rule(number, &change.rule);
    if (world_request("firewall", change.name, &request, &answer) == 0)
        run->genes[firewall == 0 ? GENE_RULES : GENE_RULES2] ^= (uint8_t)(1U << number);
}

static void give_hop(const char *router, uint32_t group, const char *next_hop, uint32_t interface)
{
    struct api_dynamic_next_hop hop = {
        .group = group, .interface = interface, .type = API_ROUTE_UNICAST, .weight = 1};
    struct function_request request = {
        .type = API_DYNAMIC_NEXT_HOP, .items = &hop, .n_items = 1, .epoch = 1};
    struct world_answer answer;

    if (next_hop == NULL) {
        hop = (struct api_dynamic_next_hop){.group = group, .type = API_ROUTE_BLACKHOLE};
    } else {
        genes_parse(next_hop, hop.address, &hop.family);
    }
    (void)world_request("router", router, &request, &answer);
}

static void change_route(struct run *run, const struct step *step)
{
    static const struct {
        const char *prefix;
        uint8_t len;
    } prefixes[8] = {{"203.0.113.0", 24},  {"203.0.113.5", 32},    {"203.0.0.0", 8},
                     {"203.0.113.64", 26}, {"2001:db8:203::", 48}, {"2001:db8:203::5", 128},
                     {"2001:db8::", 16},   {"10.0.4.0", 24}};
    static const char *const hops[4][2] = {{"198.51.100.1", "2001:db8:1::1"},
                                           {"198.51.100.3", "2001:db8:1::3"},
                                           {NULL, NULL},
                                           {"10.0.0.21", "fd00::21"}};
    unsigned number = step->where & 7, hop = step->who & 3;
    int is_two = genes_shape(run->genes) == SHAPE_TWO_ROUTERS, is6 = number >= 4 && number < 7;
    struct api_route_change change = {.group = 1 + hop + (is6 ? 4U : 0),
                                      .prefix_len = prefixes[number].len};
    struct function_request request = {
        .type = API_ROUTE_CHANGE, .items = &change, .n_items = 1, .epoch = 1};
    struct world_answer answer;

    genes_parse(prefixes[number].prefix, change.address, &change.family);
    give_hop(is_two ? "gw2" : "gw", change.group, hops[step->form & 8 ? (hop + 1) & 3 : hop][is6],
             1);
    if ((step->form & 0x30) == 0x30) // routes that have the group, if any, lead elsewhere
        return;
    if (step->form & 3)
        (void)world_request("router", is_two ? "gw2" : "gw", &request, &answer);
    change.group = 0;
    if (!(step->form & 3))
        (void)world_request("router", is_two ? "gw2" : "gw", &request, &answer);
}

// A daemon says who a neighbour is.
static void change_neighbor(struct run *run, const struct step *step)
{
    enum genes_host host = (step->who & 7) % N_HOSTS;
    struct api_neighbor_change change = {.is_delete = step->form & 1};
    struct function_request request = {
        .type = API_NEIGHBOR_CHANGE, .items = &change, .n_items = 1, .epoch = 1};
    int is_two = genes_shape(run->genes) == SHAPE_TWO_ROUTERS;
    int is_outside = host == HOST_W1 || host == HOST_W2;
    struct world_answer answer;

    change.interface = host == HOST_D1 ? 2 : (uint32_t)is_outside;
    genes_host_address(host, step->form & 2 ? 6 : 4, change.address);
    change.family = step->form & 2 ? 6 : 4;
    if (!change.is_delete) {
        memcpy(change.mac, run->hosts[host].mac, 6);
        change.mac[3] = step->arg & 1;
    }
    (void)world_request("router", is_two && is_outside ? "gw2" : "gw", &request, &answer);
}

// Hosts change places in pairs on one side.
static void move(struct run *run, const struct step *step)
{
    enum genes_host host = (step->who & 7) % N_HOSTS;

    if (host == HOST_D1)
        return;
    if (host >= HOST_W1)
        run->hosts[host].at = step->arg & 1 ? HOST_W1 : HOST_W2;
    else
        run->hosts[host].at = step->arg % 3;
    if (step->form & 1)
        run_announce(run, host);
}

static void renew(struct run *run, const struct step *step)
{
    enum genes_host host = (step->who & 7) % N_HOSTS;

    run->hosts[host].mac[4] = (uint8_t)(0x10 + (step->arg & 3));
    run_announce(run, host);
}

static void clear(const struct step *step)
{
    struct api_clear_sessions question = {.cursor = 0};
    struct function_request request = {
        .type = API_CLEAR_SESSIONS, .items = &question, .n_items = 1};
    struct world_answer answer;

    if (step->form & 1) {
        question.filter.flags = API_SESSION_PROTOCOL;
        question.filter.protocol = step->form & 2 ? 17 : 6;
    }
    (void)world_request(NULL, NULL, &request, &answer);
}

static void take(struct run *run, const struct step *step)
{
    switch (step_kind(step)) {
    case STEP_NEW:
        run_new(run, step);
        break;
    case STEP_REPLY:
        run_reply(run, step);
        break;
    case STEP_AGAIN:
        run_again(run, step);
        break;
    case STEP_PASS:
        pass(run, step);
        break;
    case STEP_EDIT:
        edit(run, step);
        break;
    case STEP_RULE:
        change_rule(run, step);
        break;
    case STEP_ROUTE:
        change_route(run, step);
        break;
    case STEP_STATIC:
        change_neighbor(run, step);
        break;
    case STEP_LINK:
        world_link(step->who % N_PORTS, step->form & 1);
        break;
    case STEP_MOVE:
        move(run, step);
        break;
    case STEP_RENEW:
        renew(run, step);
        break;
    case STEP_CLEAR:
        clear(step);
        break;
    case STEP_CHECK:
        run_observe(run);
        break;
    case STEP_COMMIT:
        commit(run);
        break;
    case STEP_SPOOF:
        run_spoof(run, step);
        break;
    default:
        run_ask(run, step);
        break;
    }
}

static int is_sending(const struct step *step)
{
    enum step_kind kind = step_kind(step);

    return kind == STEP_NEW || kind == STEP_REPLY || kind == STEP_AGAIN || kind == STEP_SPOOF;
}

static void begin(struct run *run, const struct sequence *s, uint32_t max_flows,
                  struct world_order *order)
{
    static const uint32_t starts_sec[4] = {0, 65400, 32700, 1000000};
    static const uint32_t starts_ms[4] = {0, UINT32_MAX - 60000, 1U << 31, 12345678};
    static const uint32_t rooms[8] = {4096, 4096, 512, 4096, 64, 4096, 4096, 16};
    uint8_t start = s->genes[GENE_START];
    struct world_setup setup = {
        .seed = 1 + (uint64_t)start,
        .max_flows = max_flows > 0 ? rooms[gene(s->genes, GENE_FLOWS, 8)] : 0,
        .start_sec = starts_sec[start & 3],
        .start_ms = starts_ms[start >> 2 & 3],
        .order = order,
        .transcript = run->transcript,
        .context = run,
    };

    memcpy(run->genes, s->genes, sizeof(run->genes));
    if (genes_are_neighbors_learned(run->genes))
        setup.answer = run_answer;
    for (unsigned i = 0; i < N_HOSTS; i++) {
        genes_host_mac(i, run->hosts[i].mac);
        run->hosts[i].at = (uint8_t)i;
    }
    world_begin(&setup);
    commit(run);
    for (unsigned i = 0; world_generation() != NULL && i < N_HOSTS; i++)
        run_announce(run, i);
}

static void forget(struct run_frame *ring)
{
    for (unsigned i = 0; i < RUN_RING; i++)
        free(ring[i].wire);
}

void run_sequence(const struct sequence *s, int has_flows, struct world_order *order,
                  struct transcript *t)
{
    struct run run = {.transcript = t};

    transcript_clear(t);
    begin(&run, s, (uint32_t)has_flows, order);
    for (uint32_t i = 0; world_generation() != NULL && i < s->n; i++) {
        t->step = i;
        if (!is_sending(&s->steps[i]))
            run_receive(&run); // of a burst that was to go on
        take(&run, &s->steps[i]);
        world_tell_drops();
    }
    t->step = s->n;
    if (world_generation() != NULL) {
        run_receive(&run);
        run_observe(&run);
    }
    world_end();
    forget(run.got);
    forget(run.sent);
}
