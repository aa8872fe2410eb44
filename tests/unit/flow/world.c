// SPDX-License-Identifier: BSD-3-Clause
// How does a dataplane live in one thread, so that a run can be repeated? The order of main.c,
// worker.c and server.c, with ports that only remember. Called by run.c. Next: loop.c, which takes
// packets through it.

#include "tests/unit/flow/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "dataplane/chain/chain.h"
#include "dataplane/core/clock.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/flow/flow.h"
#include "dataplane/port/tx.h"
#include "dataplane/server/build.h"
#include "dataplane/server/check.h"
#include "dataplane/session/fragment.h"
#include "dataplane/session/session.h"
#include "dataplane/session/state.h"
#include "dataplane/switch/switch.h"
#include "dataplane/walk/queue.h"
#include "dataplane/walk/version.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/unit/flow/buffers.h"
#include "tests/unit/flow/chance.h"
#include "tests/unit/flow/world_parts.h"
#include "vnf/functions.h"
#include "vnf/router/neighbor_table.h"
#include "vnf/router/state.h"

#define MAX_SESSIONS 2048
#define MAX_KINDS 16
#define ANSWER_SIZE 65536

struct world world;

static void fail(const char *what, const struct error *e)
{
    fprintf(stderr, "world: %s: %s %s\n", what, e->path, e->sentence);
    abort();
}

static unsigned record(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n)
{
    (void)queue;
    for (unsigned i = 0; i < n; i++)
        world_record(world.port_of_slot[port->slot], m[i]);
    return n;
}

static void no_watch(struct port *port)
{
    (void)port;
}

static const struct port_ops recorder = {.name = "recorder", .tx_burst = record, .watch = no_watch};

static void list_functions(void)
{
    static const struct function_ops *kinds[MAX_KINDS + 1] = {&switch_ops};
    unsigned n = 1;

    for (unsigned i = 0; vnf_functions[i] != NULL; i++)
        kinds[n++] = vnf_functions[i];
    kinds[n] = &chain_ops;
    function_kinds = kinds;
}

void world_init(void)
{
    struct error e = {0};

    mbuf_eal_init();
    list_functions();
    if (counters_init(NULL, 1) < 0 || port_init("/tmp", 1, &e) < 0 || walk_queue_init(1, &e) < 0)
        fail("init", &e);
    buffers_init();
    walk_queue_of(0)->pool = buffers_pool();
    world.tx = port_tx_create(0);
    if (world.tx == NULL)
        fail("no memory", &e);
    world.now_tsc = rte_rdtsc();
}

void world_begin(const struct world_setup *setup)
{
    struct error e = {0};

    world.setup = *setup;
    world.n_bursts = 0;
    world.passed_ms = world.tended_ms = 0;
    world.now_tsc += 3600 * rte_get_tsc_hz(); // meters of the run before are full again
    for (unsigned i = 0; i < WORLD_N_PORTS; i++) {
        world.is_down[i] = 0;
        world.capability[i] = PORT_TX_MULTI_SEG;
    }
    world_forget_streams();
    chance_begin(setup->seed);
    world_advance(0);
    if (state_init(NULL, &e) < 0 || session_init(1, MAX_SESSIONS, &e) < 0 || chains_init(&e) < 0)
        fail("sessions", &e);
    walk_version_init();
    if (flow_init(1, setup->max_flows, &e) < 0 || fragment_init(1, &e) < 0)
        fail("flows", &e);
    chance_begin(setup->seed + 1); // whatever was drawn so far
}

void world_end(void)
{
    generation_publish(NULL);
    world.generation = NULL;
    fragment_fini();
    flow_fini();
    chains_fini();
    session_fini();
    state_fini();
    world_forget();
    memset(world.drops, 0, sizeof(world.drops));
    for (unsigned i = 0; i <= WORLD_MAX_SLOTS; i++)
        memset(counters_of(world_slot(i), 0), 0, sizeof(struct api_counters));
    if (buffers_n_used() > 0) {
        fprintf(stderr, "world: %u buffers are lost\n", buffers_n_used());
        abort();
    }
}

static void plug_in(struct port *port, unsigned number)
{
    if (port->slot >= WORLD_MAX_SLOTS || number >= WORLD_N_PORTS)
        abort();
    world.port_of_slot[port->slot] = (uint8_t)number;
    port->ops = &recorder;
    port->state = world.is_down[number] ? API_PORT_LINK_DOWN : API_PORT_LINK_UP;
    port->n_tx_queues = 1;
    port->capability = world.capability[number];
}

// A round of announcements begins anew for another configuration, which is told by its address: by
// chance that is the one of a configuration long gone.
static void begin_announcements(const struct generation *generation)
{
    for (uint32_t i = 0; i < generation->n_functions; i++) {
        const struct function *f = &generation->functions[i];

        if (strcmp(f->ops->name, "router") == 0)
            ((struct router_state *)f->state)->neighbors->announce_config = NULL;
    }
}

int world_commit(struct model *model)
{
    struct generation *generation;
    struct error e = {0};
    int rc = check_model(model, &e);

    if (rc == 0)
        rc = build_generation(model, ++world.n_generations, &generation, &e);
    model_fini(model);
    if (rc < 0) {
        transcript_text(world.setup.transcript, "refused: %s: %s", e.path, e.sentence);
        return rc;
    }
    for (uint32_t i = 0; i < generation->n_ports; i++)
        plug_in(generation->port_list[i], i);
    generation_publish(generation);
    world.generation = generation;
    begin_announcements(generation);
    world_tend();
    return 0;
}

// As server/transaction.c: a rule is in effect once no flow decides by the old one.
static void settle_rule(void)
{
    qsbr_wait();
    flow_revalidate();
}

int world_request(const char *kind, const char *name, struct function_request *request,
                  struct world_answer *answer)
{
    static uint64_t room[ANSWER_SIZE / sizeof(uint64_t)];
    struct function *f = NULL;
    struct error e = {0};
    int rc = -ENOENT;

    request->generation = world.generation;
    request->answer = room;
    request->answer_size = sizeof(room);
    if (request->type == API_SHOW_ROUTER || request->type == API_SHOW_CHAIN)
        flow_count();
    if (request->type == API_SHOW_FIREWALL || request->type == API_LIST_RULES ||
        request->type == API_SHOW_NAT)
        flow_count_denied();
    if (kind != NULL)
        f = generation_find(world.generation, kind, WORLD_TENANT, name);
    if (kind == NULL)
        rc = request->type == API_SHOW_CHAIN ? chain_show(request, &e)
                                             : chain_sessions_request(request, &e);
    else if (f != NULL)
        rc = f->ops->request(f, request, &e);
    if (rc == 0 && request->type == API_RULE_CHANGE)
        settle_rule();
    *answer = (struct world_answer){request->answer_type, request->n_answers, room};
    return rc;
}

void world_link(unsigned port, int is_up)
{
    world.is_down[port] = !is_up;
    if (world.generation != NULL && port < world.generation->n_ports)
        world.generation->port_list[port]->state = is_up ? API_PORT_LINK_UP : API_PORT_LINK_DOWN;
}

void world_capability(unsigned port, uint32_t capability)
{
    world.capability[port] = capability;
    if (world.generation != NULL && port < world.generation->n_ports)
        world.generation->port_list[port]->capability = capability;
}

const struct generation *world_generation(void)
{
    return world.generation;
}

unsigned world_slot(unsigned i)
{
    return i < WORLD_MAX_SLOTS ? i : API_MAX_PORTS; // the last is nobody's
}

uint64_t world_drops(unsigned port, enum api_drop reason)
{
    return counters_of(world.generation->port_list[port]->slot, 0)->drops[reason];
}

void world_tell_drops(void)
{
    for (unsigned i = 0; i <= WORLD_MAX_SLOTS; i++) {
        const struct api_counters *c = counters_of(world_slot(i), 0);

        for (unsigned reason = 0; reason < API_N_DROPS; reason++) {
            if (c->drops[reason] == world.drops[i][reason])
                continue;
            transcript_text(world.setup.transcript, "drops of slot %u: %s %llu", world_slot(i),
                            api_drop_name(reason), (unsigned long long)c->drops[reason]);
            world.drops[i][reason] = c->drops[reason];
        }
    }
}
