// SPDX-License-Identifier: BSD-3-Clause
// A switch for the tests to play with: see lab.h. Aborts where the tests themselves are wrong.

#include "tests/unit/switch/lab.h"

#include <stdio.h>
#include <stdlib.h>

struct walk_trace lab_past;
static struct walk_traces traces;

const struct walk_trace *lab_trace(unsigned i)
{
    return &traces.t[i];
}

struct lab_config lab_plain(uint32_t n)
{
    struct lab_config config = {.ageing_sec = 300, .mac_table_size = 256};

    for (uint32_t i = 0; i < n; i++) {
        struct api_port *port = &config.ports[i];

        snprintf(port->name, sizeof(port->name), "p%u", i);
        port->mac_limit = 1000;
        config.members[i].port = i;
    }
    config.n_ports = n;
    config.n_members = n;
    return config;
}

static void add(struct model *model, enum api_type type, const void *items, uint32_t n)
{
    if (n > 0 && model_add(model, type, items, n) != 0)
        abort();
}

// Two tenants and two switches, so that the one under test is not the first of its kind.
static void fill_model(struct model *model, const struct lab_config *config)
{
    struct api_tenant tenants[2] = {{.name = "red"}, {.name = "blue"}};
    struct api_switch switches[2] = {{.owner = 0, .name = "other", .mac_table_size = 16},
                                     {.owner = 1, .name = "lan"}};
    struct api_port ports[LAB_MAX_PORTS];
    struct api_member members[LAB_MAX_MEMBERS + 1] = {{.owner = 0, .port = 0}};
    struct api_static_mac statics[LAB_MAX_STATICS];

    if (config->tenant != NULL)
        snprintf(tenants[1].name, sizeof(tenants[1].name), "%s", config->tenant);
    if (config->name != NULL)
        snprintf(switches[1].name, sizeof(switches[1].name), "%s", config->name);
    if (config->is_twice) {
        memcpy(switches[0].name, switches[1].name, sizeof(switches[0].name));
        switches[0].owner = 1;
    }
    switches[1].ageing_sec = config->ageing_sec;
    switches[1].mac_table_size = config->mac_table_size;
    for (uint32_t i = 0; i < config->n_ports; i++) {
        ports[i] = config->ports[i];
        ports[i].owner = 1;
    }
    for (uint32_t i = 0; i < config->n_members; i++) {
        members[i + 1] = config->members[i];
        members[i + 1].owner = 1;
    }
    for (uint32_t i = 0; i < config->n_statics; i++) {
        statics[i] = config->statics[i];
        statics[i].owner = 1;
        statics[i].member++; // for the other switch's
    }
    add(model, API_TENANT, tenants, 2);
    add(model, API_SWITCH, switches, 2);
    add(model, API_PORT, ports, config->n_ports);
    add(model, API_MEMBER, members, config->n_members + 1);
    add(model, API_STATIC_MAC, statics, config->n_statics);
}

static void fill_generation(struct lab_generation *g, const struct lab_config *config)
{
    for (uint32_t i = 0; i < config->n_ports; i++) {
        g->ports[i].slot = 10 + i;
        g->ports[i].config = config->ports[i];
        snprintf(g->ports[i].tenant, sizeof(g->ports[i].tenant), "%s",
                 config->tenant != NULL ? config->tenant : "blue");
    }
    for (uint32_t i = 0; i < config->n_members; i++)
        g->attachments[LAB_FIRST_ATTACHMENT + i] = (struct attachment){
            .port = &g->ports[config->members[i].port],
            .outer_vlan = config->members[i].outer_vlan,
            .inner_vlan = config->members[i].inner_vlan,
        };
    g->function.ops = &switch_ops;
    g->function.first_attachment = LAB_FIRST_ATTACHMENT;
    g->function.n_attachments = config->n_members;
    g->generation.attachments = g->attachments;
    g->generation.n_attachments = LAB_FIRST_ATTACHMENT + config->n_members;
    g->generation.functions = &g->function;
    g->generation.n_functions = 1;
}

struct lab_generation *lab_build(const struct lab_config *config, struct error *e)
{
    struct lab_generation *g = calloc(1, sizeof(*g));
    struct model model;
    int rc;

    if (g == NULL)
        abort();
    model_init(&model);
    fill_model(&model, config);
    fill_generation(g, config);
    rc = switch_ops.config_create(&g->function, &model, 1, &g->generation, e);
    model_fini(&model);
    if (rc != 0) {
        free(g);
        return NULL;
    }
    return g;
}

void lab_activate(struct lab_generation *g, struct lab_generation *old)
{
    switch_ops.activate(&g->function, &g->generation);
    if (old != NULL)
        lab_destroy(old);
}

void lab_destroy(struct lab_generation *g)
{
    switch_ops.config_destroy(&g->function);
    free(g);
}

void lab_frame(struct lab_frame *frame, uint32_t side, const uint8_t *destination,
               const uint8_t *source)
{
    memset(frame, 0, sizeof(*frame));
    frame->m.buf_addr = frame->data;
    frame->m.buf_len = sizeof(frame->data);
    frame->m.data_len = sizeof(frame->data);
    frame->m.pkt_len = sizeof(frame->data);
    frame->m.nb_segs = 1;
    frame->m.priv_size = sizeof(frame->p);
    memcpy(frame->data, destination, 6);
    memcpy(frame->data + 6, source, 6);
    memset(frame->data + 12, 0xff, sizeof(frame->data) - 12);
    frame->p.l2_error = API_DROP_NONE;
    frame->p.l3_error = API_DROP_NONE;
    frame->p.ether_type = 0xffff;
    frame->p.l3_off = 14;
    frame->p.in = LAB_FIRST_ATTACHMENT + side;
    frame->p.verdict = 0xee; // nobody's
    frame->p.drop = API_DROP_NONE;
}

void lab_process(const struct lab_generation *g, struct lab_frame *frames, unsigned n,
                 uint32_t now_sec, uint64_t now_tsc)
{
    const struct walk_context ctx = {
        .generation = &g->generation, .now_sec = now_sec, .now_tsc = now_tsc, .traces = &traces};
    struct rte_mbuf *m[BURST_SIZE];

    if (n > BURST_SIZE)
        abort();
    traces.n = n;
    for (unsigned i = 0; i < n; i++) {
        m[i] = &frames[i].m;
        traces.t[i] = lab_past;
        traces.t[i].m = m[i];
        frames[i].p.trace = (uint8_t)(i + 1);
    }
    switch_ops.process(&g->function, &ctx, m, n);
}

void lab_age(struct lab_generation *g)
{
    do
        switch_ops.age(&g->function, &g->generation);
    while (lab_state(g)->age_cursor != 0);
}

uint64_t lab_entry(const struct lab_generation *g, const uint8_t *mac)
{
    const struct mac_table *table = lab_state(g)->table;

    return mac_table_find(table, mac_key(mac), mac_hash(table, mac_key(mac)));
}

uint16_t lab_side(const struct lab_generation *g, const uint8_t *mac)
{
    uint64_t entry = lab_entry(g, mac);

    return entry != 0 ? switch_side_of(g->function.config, entry) : SIDE_NONE;
}

int lab_verdict(const struct lab_frame *frame)
{
    switch (frame->p.verdict) {
    case PACKET_FORWARD:
        return (int)frame->p.out - LAB_FIRST_ATTACHMENT;
    case PACKET_FLOOD:
        return LAB_FLOODED;
    case PACKET_DROP:
        return lab_verdict_drop(frame->p.drop);
    default:
        return -1;
    }
}

int lab_verdict_to(uint32_t side)
{
    return (int)side;
}

int lab_verdict_drop(unsigned reason)
{
    return LAB_FLOODED + 1 + (int)reason;
}
