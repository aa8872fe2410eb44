// SPDX-License-Identifier: BSD-3-Clause
// How does ping look to people? As they know it: sequence, TTL, time, and the losses at the end.
// Called by ping.c, in the one thread there is. Computes no time of its own: the dataplane took it.
// Next: ping.c.

#include <string.h>

#include "control/cli/ping_report.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "?" : text;
}

static void add_reply(struct ping_report *r, unsigned sequence, const json_t *state)
{
    int64_t rtt_ns = json_integer_value(json_object_get(state, "rtt-ns"));

    if (r->n_received == 0 || rtt_ns < r->min_ns)
        r->min_ns = rtt_ns;
    if (r->n_received == 0 || rtt_ns > r->max_ns)
        r->max_ns = rtt_ns;
    r->sum_ns += rtt_ns;
    r->n_received++;
    fprintf(r->out, "reply from %s: seq=%u ttl=%lld time=%.3f ms\n", text_of(state, "from"),
            sequence, (long long)json_integer_value(json_object_get(state, "ttl")),
            (double)rtt_ns / 1e6);
}

void ping_report_add(struct ping_report *r, unsigned sequence, const json_t *state)
{
    const char *result = text_of(state, "result");

    r->n_sent++;
    if (strcmp(result, "reply") == 0) {
        add_reply(r, sequence, state);
    } else if (strcmp(result, "error") == 0) {
        r->n_errors++;
        fprintf(r->out, "from %s: seq=%u %s (ICMP type %lld, code %lld)\n", text_of(state, "from"),
                sequence, text_of(state, "text"),
                (long long)json_integer_value(json_object_get(state, "icmp-type")),
                (long long)json_integer_value(json_object_get(state, "icmp-code")));
    } else if (strcmp(result, "no-route") == 0) {
        fprintf(r->out, "seq=%u not sent: the router has no route to %s\n", sequence, r->to);
    } else {
        fprintf(r->out, "seq=%u no answer\n", sequence);
    }
}

void ping_report_end(const struct ping_report *r)
{
    unsigned n_lost = r->n_sent - r->n_received;

    fprintf(r->out, "\n--- %s ping statistics ---\n", r->to);
    fprintf(r->out, "%u packets transmitted, %u received, ", r->n_sent, r->n_received);
    if (r->n_errors > 0)
        fprintf(r->out, "+%u errors, ", r->n_errors);
    fprintf(r->out, "%u%% packet loss\n", r->n_sent == 0 ? 0 : n_lost * 100 / r->n_sent);
    if (r->n_received > 0)
        fprintf(r->out, "rtt min/avg/max = %.3f/%.3f/%.3f ms\n", (double)r->min_ns / 1e6,
                (double)r->sum_ns / r->n_received / 1e6, (double)r->max_ns / 1e6);
}
