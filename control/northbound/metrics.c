// SPDX-License-Identifier: BSD-3-Clause
// What does Prometheus read? The text format 0.0.4: HELP and TYPE for each family, then its
// samples. Event loop only; called by server.c through the router. A dataplane that is away shows
// as culvert_dataplane_up 0 and no counters, never as zeros. Next: metrics_router.c,
// metrics_chain.c, southbound/stats.c.

#include <inttypes.h>
#include <stdlib.h>

#include "control/northbound/handlers.h"
#include "control/northbound/metrics.h"
#include "control/northbound/server.h"
#include "control/southbound/ports.h"

// One port with its counters, read once for all families.
struct sample {
    struct api_stats_port row;
    struct api_counters sum;
};

struct family {
    const char *name, *type, *help;
    uint64_t (*value)(const struct sample *s);
};

static uint64_t rx_packets(const struct sample *s)
{
    return s->sum.rx_packets;
}

static uint64_t rx_bytes(const struct sample *s)
{
    return s->sum.rx_bytes;
}

static uint64_t tx_packets(const struct sample *s)
{
    return s->sum.tx_packets;
}

static uint64_t tx_bytes(const struct sample *s)
{
    return s->sum.tx_bytes;
}

static uint64_t is_up(const struct sample *s)
{
    return s->row.state == API_PORT_LINK_UP;
}

static uint64_t is_in_error(const struct sample *s)
{
    return s->row.state == API_PORT_ERROR;
}

static uint64_t n_macs(const struct sample *s)
{
    return s->row.n_macs;
}

static uint64_t n_connects(const struct sample *s)
{
    return s->row.n_connects;
}

static uint64_t pool_size(const struct sample *s)
{
    return s->row.pool_size;
}

static uint64_t pool_used(const struct sample *s)
{
    return s->row.pool_used;
}

static const struct family port_families[] = {
    {"culvert_port_receive_packets_total", "counter", "Packets received on the port.", rx_packets},
    {"culvert_port_receive_bytes_total", "counter", "Bytes received on the port.", rx_bytes},
    {"culvert_port_transmit_packets_total", "counter", "Packets sent on the port.", tx_packets},
    {"culvert_port_transmit_bytes_total", "counter", "Bytes sent on the port.", tx_bytes},
    {"culvert_port_up", "gauge", "1 if the port is open and has a peer.", is_up},
    {"culvert_port_error", "gauge", "1 if the port's device can not be opened.", is_in_error},
    {"culvert_port_macs", "gauge", "MAC addresses known behind the port.", n_macs},
    {"culvert_port_connects_total", "counter", "Times a guest connected to the port.", n_connects},
    {"culvert_port_buffers", "gauge", "Buffers in the port's receive pool.", pool_size},
    {"culvert_port_buffers_used", "gauge", "Buffers of the pool that are in use.", pool_used},
};

void metrics_add_head(struct text *t, const char *name, const char *type, const char *help)
{
    text_add(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

// Names have no characters that would need an escape; the dataplane's word for it is not taken.
void metrics_add_label(struct text *t, const char *name, const char *value)
{
    text_add(t, "%s=\"", name);
    for (; *value != '\0'; value++)
        text_add(t, "%c", *value == '"' || *value == '\\' ? '?' : *value);
    text_add(t, "\"");
}

static void add_port(struct text *t, const char *name, const struct sample *s)
{
    text_add(t, "%s{", name);
    metrics_add_label(t, "tenant", s->row.tenant);
    text_add(t, ",");
    metrics_add_label(t, "port", s->row.name);
}

static void add_ports(struct text *t, const struct sample *samples, unsigned n)
{
    const struct family *f = port_families;
    const struct family *end = f + sizeof(port_families) / sizeof(port_families[0]);

    for (; f < end && n > 0; f++) {
        metrics_add_head(t, f->name, f->type, f->help);
        for (unsigned i = 0; i < n; i++) {
            add_port(t, f->name, &samples[i]);
            text_add(t, "} %" PRIu64 "\n", f->value(&samples[i]));
        }
    }
}

// Reasons that did not occur have no sample: there are fifty of them for each port.
static void add_drops(struct text *t, const struct sample *samples, unsigned n)
{
    bool is_headed = false;

    for (unsigned i = 0; i < n; i++) {
        for (unsigned reason = 0; reason < API_N_DROPS; reason++) {
            if (samples[i].sum.drops[reason] == 0)
                continue;
            if (!is_headed)
                metrics_add_head(t, "culvert_port_drops_total", "counter",
                                 "Packets dropped at the port, by reason.");
            is_headed = true;
            add_port(t, "culvert_port_drops_total", &samples[i]);
            text_add(t, ",reason=\"%s\"} %" PRIu64 "\n", api_drop_name(reason),
                     samples[i].sum.drops[reason]);
        }
    }
}

static void add_workers(struct text *t, const struct stats *stats)
{
    static const char *const names[][2] = {
        {"culvert_worker_loops_total", "Turns of the worker's loop."},
        {"culvert_worker_busy_seconds_total", "Time in turns that moved a packet."},
        {"culvert_worker_sleeps_total", "Times the idle worker slept."},
        {"culvert_worker_bursts_total", "Receive calls that returned packets."},
        {"culvert_worker_walked_packets_total", "Packets that went hop by hop."},
        {"culvert_worker_flow_packets_total", "Packets that went by a flow."},
    };
    struct stats_summary summary;
    struct api_stats_worker row;
    const uint64_t *const counts[] = {&row.loops,    NULL,          &row.sleeps,
                                      &row.n_bursts, &row.n_walked, &row.n_by_flow};

    stats_summary(stats, &summary);
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) && summary.n_workers > 0; i++) {
        metrics_add_head(t, names[i][0], "counter", names[i][1]);
        for (unsigned w = 0; w < summary.n_workers; w++) {
            stats_worker(stats, w, &row);
            text_add(t, "%s{worker=\"%u\"} ", names[i][0], w);
            if (i == 1)
                text_add(t, "%.3f\n",
                         (double)row.busy_cycles /
                             (double)(summary.cycles_hz == 0 ? 1 : summary.cycles_hz));
            else
                text_add(t, "%" PRIu64 "\n", *counts[i]);
        }
    }
}

static void add_dataplane(struct text *t, const struct stats *stats)
{
    struct sample *samples = calloc(API_MAX_PORTS, sizeof(*samples));
    unsigned n = 0;

    if (samples == NULL) {
        t->is_short_of_memory = true;
        return;
    }
    for (unsigned i = 0; i < API_MAX_PORTS; i++) {
        if (!stats_port(stats, i, &samples[n].row))
            continue;
        stats_counters(stats, i, &samples[n++].sum);
    }
    add_ports(t, samples, n);
    add_drops(t, samples, n);
    add_workers(t, stats);
    free(samples);
}

static void add_processes(struct text *t, struct southbound *southbound)
{
    const struct stats *stats = southbound_stats(southbound);
    struct southbound_status status;

    southbound_status(southbound, &status);
    metrics_add_head(t, "culvert_build_info", "gauge", "The version of culvertd.");
    text_add(t, "culvert_build_info{version=\"%s\"} 1\n", CULVERT_VERSION);
    metrics_add_head(t, "culvert_dataplane_up", "gauge", "1 if the dataplane answers.");
    text_add(t, "culvert_dataplane_up %d\n", status.link == LINK_UP);
    metrics_add_head(t, "culvert_dataplane_in_step", "gauge",
                     "1 if the dataplane runs the running configuration.");
    text_add(t, "culvert_dataplane_in_step %d\n", status.is_in_step);
    if (stats == NULL)
        return;
    metrics_add_head(t, "culvert_dataplane_generation", "gauge",
                     "Configurations committed since the dataplane started.");
    text_add(t, "culvert_dataplane_generation %" PRIu64 "\n", status.generation);
    add_dataplane(t, stats);
}

// One kind after the other; whatever their reports say: without a dataplane there is still
// something to tell.
static void on_states(struct exchange *x, const struct state_reports *reports);

struct scrape {
    struct text text;
    unsigned next; // of `kinds`
};

static const enum api_type kinds[] = {API_CHAIN, API_FIREWALL, API_NAT};

static void on_routers(struct exchange *x, const struct router_reports *reports)
{
    struct scrape *s = x->work;

    metrics_add_routers(&s->text, reports);
    states_collect(x, kinds[s->next], on_states);
}

static void on_states(struct exchange *x, const struct state_reports *reports)
{
    struct scrape *s = x->work;

    metrics_add_states(&s->text, kinds[s->next], reports);
    if (++s->next < sizeof(kinds) / sizeof(kinds[0])) {
        states_collect(x, kinds[s->next], on_states);
        return;
    }
    x->work = NULL;
    if (s->text.is_short_of_memory) {
        free(s->text.bytes);
        s->text.bytes = NULL;
    }
    exchange_answer(x, 200, "text/plain; version=0.0.4", s->text.bytes, s->text.len);
    free(s);
}

void handle_metrics(struct exchange *x)
{
    struct scrape *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        exchange_answer(x, 200, "text/plain; version=0.0.4", NULL, 0); // says that memory is short
        return;
    }
    x->work = s;
    add_processes(&s->text, northbound_context(x->n)->southbound);
    routers_collect(x, false, on_routers);
}
