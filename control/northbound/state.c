// SPDX-License-Identifier: BSD-3-Clause
// What do ports, workers and the two processes look like right now? Event loop only; called by
// server.c through the router. Reads counters and says what they say; names are those of the YANG
// module where it has them. Next: southbound/stats.c.

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/failure.h"
#include "control/northbound/handlers.h"
#include "control/northbound/server.h"
#include "control/northbound/state.h"
#include "control/southbound/ports.h"
#include "control/xdp/xdp.h"

const struct stats *state_stats(struct exchange *x)
{
    const struct northbound_context *context = northbound_context(x->n);
    const struct stats *stats = southbound_stats(context->southbound);
    struct southbound_status status;
    struct config_error e;

    if (stats != NULL)
        return stats;
    southbound_status(context->southbound, &status);
    failure(&e, -ENOTCONN, NULL, "%s",
            status.link == LINK_UP ? "the dataplane's counters can't be read" : status.sentence);
    exchange_refuse(x, &e);
    return NULL;
}

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *port_json(const struct api_stats_port *row, const struct api_counters *sum)
{
    char features[19];
    json_t *json = json_object();

    snprintf(features, sizeof(features), "0x%" PRIx64, row->features);
    json_object_set_new(json, "tenant", json_string(row->tenant));
    json_object_set_new(json, "name", json_string(row->name));
    json_object_set_new(json, "type", json_string(port_type_name(row->type)));
    json_object_set_new(json, "state", json_string(port_state_name(row->state)));
    json_object_set_new(json, "rx-packets", number(sum->rx_packets));
    json_object_set_new(json, "rx-bytes", number(sum->rx_bytes));
    json_object_set_new(json, "tx-packets", number(sum->tx_packets));
    json_object_set_new(json, "tx-bytes", number(sum->tx_bytes));
    json_object_set_new(json, "drops", number(stats_drops(sum)));
    json_object_set_new(json, "macs", number(row->n_macs));
    json_object_set_new(json, "queues", number(row->n_queues));
    json_object_set_new(json, "mtu", number(row->mtu));
    json_object_set_new(json, "connects", number(row->n_connects));
    json_object_set_new(json, "features", json_string(features));
    json_object_set_new(json, "buffers", number(row->pool_size));
    json_object_set_new(json, "buffers-used", number(row->pool_used));
    json_object_set_new(json, "text", json_string(row->text));
    return json;
}

// What is peculiar to an af-xdp port.
static void add_xdp(json_t *json, const struct xdp *xdp, const struct api_stats_port *row)
{
    static const char *const names[STEER_N_COUNTERS] = {
        [STEER_REDIRECTED] = "xdp-redirected",
        [STEER_PASSED] = "xdp-passed",
        [STEER_DENIED] = "xdp-denied",
        [STEER_MALFORMED] = "xdp-malformed",
    };
    uint64_t counters[STEER_N_COUNTERS];

    if (row->type != API_PORT_AF_XDP)
        return;
    if (row->state == API_PORT_LINK_UP || row->state == API_PORT_LINK_DOWN)
        json_object_set_new(json, "xdp-mode",
                            json_sprintf("%s, %s",
                                         row->xdp_mode & API_XDP_NATIVE ? "native" : "generic",
                                         row->xdp_mode & API_XDP_ZERO_COPY ? "zero-copy" : "copy"));
    if (xdp == NULL || xdp_counters(xdp, row->tenant, row->name, counters) < 0)
        return;
    for (unsigned i = 0; i < STEER_N_COUNTERS; i++)
        json_object_set_new(json, names[i], number(counters[i]));
}

void handle_ports(struct exchange *x)
{
    const struct stats *stats = state_stats(x);
    json_t *list, *json;
    struct api_stats_port row;
    struct api_counters sum;

    if (stats == NULL)
        return;
    list = json_array();
    for (unsigned i = 0; i < API_MAX_PORTS; i++) {
        if (!stats_port(stats, i, &row))
            continue;
        stats_counters(stats, i, &sum);
        json = port_json(&row, &sum);
        add_xdp(json, northbound_context(x->n)->xdp, &row);
        json_array_append_new(list, json);
    }
    exchange_answer_json(x, 200, json_pack("{s:o}", "culvert:ports", list));
}

static void add_to_tenant(json_t *tenants, const char *tenant, uint64_t n)
{
    uint64_t before = (uint64_t)json_integer_value(json_object_get(tenants, tenant));

    json_object_set_new(tenants, tenant, number(before + n));
}

static void append_drops(json_t *list, const struct api_stats_port *row,
                         const struct api_counters *sum)
{
    for (unsigned i = 0; i < API_N_DROPS; i++) {
        if (sum->drops[i] == 0)
            continue;
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:o, s:s}", "tenant", row->tenant, "port",
                                        row->name, "reason", api_drop_name(i), "packets",
                                        number(sum->drops[i]), "text", api_drop_text(i)));
    }
}

void handle_drops(struct exchange *x)
{
    const struct stats *stats = state_stats(x);
    json_t *list, *sums, *tenants, *n;
    const char *tenant;
    struct api_stats_port row;
    struct api_counters sum;

    if (stats == NULL)
        return;
    list = json_array();
    sums = json_object();
    tenants = json_array();
    for (unsigned i = 0; i < API_MAX_PORTS; i++) {
        if (!stats_port(stats, i, &row))
            continue;
        stats_counters(stats, i, &sum);
        append_drops(list, &row, &sum);
        add_to_tenant(sums, row.tenant, stats_drops(&sum));
    }
    json_object_foreach(sums, tenant, n)
        json_array_append_new(tenants, json_pack("{s:s, s:O}", "tenant", tenant, "packets", n));
    json_decref(sums);
    exchange_answer_json(
        x, 200, json_pack("{s:o, s:o}", "culvert:drops", list, "culvert:tenant-drops", tenants));
}

static double seconds_since(uint64_t started_ns)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - (double)started_ns / 1e9;
}

void handle_workers(struct exchange *x)
{
    const struct stats *stats = state_stats(x);
    json_t *list;
    struct stats_summary summary;
    struct api_stats_worker row;

    if (stats == NULL)
        return;
    list = json_array();
    stats_summary(stats, &summary);
    for (unsigned i = 0; i < summary.n_workers; i++) {
        double busy_sec;

        stats_worker(stats, i, &row);
        busy_sec = summary.cycles_hz == 0 ? 0 : (double)row.busy_cycles / (double)summary.cycles_hz;
        json_array_append_new(
            list, json_pack("{s:i, s:i, s:o, s:f, s:f, s:o, s:o, s:o, s:o}", "worker", (int)i,
                            "cpu", (int)row.cpu, "loops", number(row.loops), "busy-seconds",
                            busy_sec, "up-seconds", seconds_since(summary.started_ns), "bursts",
                            number(row.n_bursts), "sleeps", number(row.sleeps), "by-flow",
                            number(row.n_by_flow), "walked", number(row.n_walked)));
    }
    exchange_answer_json(x, 200, json_pack("{s:o}", "culvert:workers", list));
}

static json_t *count_ports(const struct stats *stats)
{
    unsigned n[API_PORT_ERROR + 1] = {0};
    struct api_stats_port row;
    json_t *json = json_object();

    for (unsigned i = 0; i < API_MAX_PORTS; i++)
        if (stats_port(stats, i, &row) && row.state <= API_PORT_ERROR)
            n[row.state]++;
    for (unsigned i = API_PORT_OPENING; i <= API_PORT_ERROR; i++)
        json_object_set_new(json, port_state_name(i), number(n[i]));
    return json;
}

static json_t *dataplane_json(struct exchange *x)
{
    const struct northbound_context *context = northbound_context(x->n);
    static const char *const states[] = {[LINK_ABSENT] = "absent",
                                         [LINK_GREETING] = "connecting",
                                         [LINK_UP] = "connected",
                                         [LINK_FOREIGN] = "other-version"};
    const struct stats *stats = southbound_stats(context->southbound);
    struct southbound_status status;
    struct stats_summary summary;
    json_t *json;

    southbound_status(context->southbound, &status);
    json = json_pack("{s:s, s:b, s:s}", "state", states[status.link], "in-step", status.is_in_step,
                     "text", status.sentence);
    if (status.link == LINK_UP) {
        json_object_set_new(json, "config-id", exchange_id_json(status.config_id));
        json_object_set_new(json, "generation", number(status.generation));
    }
    if (stats != NULL) {
        stats_summary(stats, &summary);
        json_object_set_new(json, "pid", number(summary.pid));
        json_object_set_new(json, "workers", number(summary.n_workers));
        json_object_set_new(json, "up-seconds", json_real(seconds_since(summary.started_ns)));
        json_object_set_new(json, "ports", count_ports(stats));
    }
    return json;
}

void handle_status(struct exchange *x)
{
    const struct northbound_context *context = northbound_context(x->n);
    uint64_t started_ns =
        (uint64_t)context->started.tv_sec * 1000000000U + (uint64_t)context->started.tv_nsec;
    json_t *control =
        json_pack("{s:s, s:i, s:f, s:s, s:s, s:o}", "version", CULVERT_VERSION, "pid",
                  (int)getpid(), "up-seconds", seconds_since(started_ns), "run-dir",
                  context->run_dir, "state-dir", context->state_dir, "config-id",
                  exchange_id_json(encoding_config_id(apply_running(context->apply))));

    exchange_answer_json(x, 200,
                         json_pack("{s:{s:o, s:o}}", "culvert:status", "control", control,
                                   "dataplane", dataplane_json(x)));
}
