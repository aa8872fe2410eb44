// SPDX-License-Identifier: BSD-3-Clause
// How does a line about a packet get from a worker to the log? By a small ring for each worker,
// which the main thread empties some ten times a second. Where the ring is full, or there are more
// lines than all firewalls may write, they are counted and the number is told with the next one.

#include "vnf/firewall/state.h"

#include <arpa/inet.h>

#include <rte_byteorder.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/log.h"

#define LINES_PER_SEC 5 // of all firewalls: half of what the log takes (core/log.c)

static uint32_t budget_sec, n_lines; // main thread

void firewall_log_add(struct firewall_log *log, const struct firewall_record *record)
{
    uint32_t n_written = log->n_written; // nobody else writes it

    if (n_written - __atomic_load_n(&log->n_read, __ATOMIC_ACQUIRE) == FIREWALL_LOG_SIZE) {
        __atomic_store_n(&log->n_lost, log->n_lost + 1, __ATOMIC_RELAXED);
        return;
    }
    log->records[n_written % FIREWALL_LOG_SIZE] = *record;
    __atomic_store_n(&log->n_written, n_written + 1, __ATOMIC_RELEASE);
}

static int may_write(void)
{
    if (budget_sec != clock_sec()) {
        budget_sec = clock_sec();
        n_lines = 0;
    }
    return n_lines < LINES_PER_SEC;
}

static const char *verdict_of(const struct firewall_record *r)
{
    switch (r->drop) {
    case API_DROP_NONE:
        return "allow";
    case DROP_FIREWALL_REJECTED:
        return "reject";
    case DROP_FIREWALL_CONNECTION_LIMIT:
        return "connection-limit";
    case DROP_FIREWALL_RATE_LIMIT:
        return "rate-limit";
    case DROP_FIREWALL_RULES_TOO_ALIKE:
        return "rules-too-alike";
    default:
        return "deny";
    }
}

static void write_line(struct firewall_state *state, const struct firewall_record *r)
{
    const struct session_tuple *t = &r->tuple;
    int family = t->family == 6 ? AF_INET6 : AF_INET;
    char source[INET6_ADDRSTRLEN] = "?", destination[INET6_ADDRSTRLEN] = "?", rule[16] = "default";

    (void)inet_ntop(family, t->source, source, sizeof(source));
    (void)inet_ntop(family, t->destination, destination, sizeof(destination));
    if (r->seq != 0)
        snprintf(rule, sizeof(rule), "%u", r->seq);
    log_info("firewall=%s/%s rule=%s verdict=%s direction=%s protocol=%u source=%s source-port=%u "
             "destination=%s destination-port=%u icmp-type=%u lost=%u",
             state->tenant_name, state->name, rule, verdict_of(r),
             r->direction == API_DIRECTION_OUT ? "out" : "in", t->protocol, source,
             rte_be_to_cpu_16(t->source_port), destination, rte_be_to_cpu_16(t->destination_port),
             t->icmp_type, state->n_log_skipped);
    state->n_log_skipped = 0;
    n_lines++;
}

static void drain(struct firewall_state *state, struct firewall_log *log)
{
    uint32_t n_written = __atomic_load_n(&log->n_written, __ATOMIC_ACQUIRE);
    uint32_t n_lost = __atomic_load_n(&log->n_lost, __ATOMIC_RELAXED);
    uint32_t n_read = log->n_read;

    state->n_log_skipped += n_lost - log->n_lost_told;
    log->n_lost_told = n_lost;
    for (; n_read != n_written; n_read++) {
        if (may_write())
            write_line(state, &log->records[n_read % FIREWALL_LOG_SIZE]);
        else
            state->n_log_skipped++;
    }
    __atomic_store_n(&log->n_read, n_read, __ATOMIC_RELEASE);
}

void firewall_log_drain(struct firewall_state *state)
{
    for (unsigned worker = 0; worker < firewall_n_workers(); worker++)
        drain(state, &state->logs[worker]);
}
