// SPDX-License-Identifier: BSD-3-Clause
// What came of the trial? Called by run.c after the drain. Rates are of the frames that arrived
// while frames were sent; losses also count what arrived in the drain. Nothing here judges.
#include "tests/bench/generator/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static double ratio(uint64_t a, uint64_t b)
{
    return b == 0 ? 0 : (double)a / (double)b;
}

static double seconds(const struct run *r)
{
    return ratio(r->loop.cycles, r->cycles_per_sec);
}

static double mpps(const struct run *r, enum side_id receiver)
{
    double sec = seconds(r);

    return sec > 0 ? (double)r->n_rx_sending[receiver] / sec / 1e6 : 0;
}

// What one frame costs the loop, sent or received: where it moves many at once if it ever does, for
// many small bursts are dear and say only that the loop had nothing better to do.
static double cycles_per_frame(const struct run_loop *l)
{
    return l->full_frames > 0 ? ratio(l->full_cycles, l->full_frames)
                              : ratio(l->busy_cycles, l->busy_frames);
}

static double needed_share(const struct run_loop *l)
{
    double busy = ratio(l->busy_cycles, l->cycles);
    double needed =
        l->cycles == 0 ? 0 : cycles_per_frame(l) * (double)l->busy_frames / (double)l->cycles;

    return needed < busy ? needed : busy;
}

static double mean_rx_burst(const struct run *r)
{
    const struct side_stats *a = &r->sums[SIDE_A];
    const struct side_stats *b = &r->sums[SIDE_B];

    return ratio(a->n_rx + b->n_rx, a->n_rx_bursts + b->n_rx_bursts);
}

static double tx_full_share(const struct run *r)
{
    const struct side_stats *a = &r->sums[SIDE_A];
    const struct side_stats *b = &r->sums[SIDE_B];

    return ratio(a->n_tx_full + b->n_tx_full, a->n_tx_bursts + b->n_tx_bursts);
}

static uint64_t n_lost(const struct run *r, enum side_id sender, enum side_id receiver)
{
    uint64_t n_tx = r->sums[sender].n_tx;
    uint64_t n_rx = r->sums[receiver].n_rx;

    return n_tx > n_rx ? n_tx - n_rx : 0; // a DUT may double frames
}

static void report_check(const struct side_stats *rx)
{
    if (rx->n_checked > 0)
        fprintf(stderr, "  %lu checked, %lu wrong%s%s\n", rx->n_checked, rx->n_wrong,
                rx->n_wrong > 0 ? ": " : "", rx->n_wrong > 0 ? rx->fault : "");
}

static void tell_trial(const struct run *r)
{
    static const char *const names[N_SIDES] = {"A to B", "B to A"};

    for (int i = 0; i < N_SIDES; i++) {
        enum side_id receiver = i == SIDE_A ? SIDE_B : SIDE_A;

        fprintf(stderr, "%s: %.3f Mpps, %lu sent, %lu refused, %lu lost, %lu late\n", names[i],
                mpps(r, receiver), r->sums[i].n_tx, r->sums[i].n_tx_refused,
                n_lost(r, (enum side_id)i, receiver), r->sums[receiver].n_rx_late);
        report_check(&r->sums[receiver]);
    }
    fprintf(stderr,
            "generator: %.1f cycles per frame sent or received, needs %.0f %% of its core;"
            " mean rx burst %.1f, ring full in %.0f %% of tx bursts\n",
            cycles_per_frame(&r->loop), 100 * needed_share(&r->loop), mean_rx_burst(r),
            100 * tx_full_share(r));
}

// Only with --paths.
static void print_check(FILE *out, const struct side_stats *rx, uint32_t n_paths)
{
    if (n_paths == 0)
        return;
    fprintf(out, ", \"checked\": %lu, \"wrong\": %lu, \"fault\": \"%s\", \"paths\": [",
            rx->n_checked, rx->n_wrong, rx->fault != NULL ? rx->fault : "");
    for (uint32_t i = 0; i < n_paths; i++)
        fprintf(out, "%s%lu", i > 0 ? ", " : "", rx->n_by_path[i]);
    fprintf(out, "]");
}

static void print_direction(FILE *out, const struct run *r, const char *name, enum side_id sender)
{
    enum side_id receiver = sender == SIDE_A ? SIDE_B : SIDE_A;
    const struct side_stats *tx = &r->sums[sender];
    const struct side_stats *rx = &r->sums[receiver];

    fprintf(out,
            "\"%s\": {\"mpps\": %.6f, \"tx_attempts\": %lu, \"tx\": %lu, \"tx_refused\": %lu,"
            " \"tx_late\": %lu, \"tx_new\": %lu, \"rx\": %lu, \"lost\": %lu, \"out_of_order\": %lu,"
            " \"mean_frame_bytes\": %.1f, \"foreign_at_receiver\": %lu,"
            " \"reflected_to_sender\": %lu",
            name, mpps(r, receiver), tx->n_tx + tx->n_tx_refused, tx->n_tx, tx->n_tx_refused,
            tx->n_tx_late, tx->n_tx_new, rx->n_rx, n_lost(r, sender, receiver), rx->n_rx_late,
            ratio(rx->n_rx_bytes, rx->n_rx) + FCS_LEN, rx->n_rx_foreign, tx->n_rx_reflected);
    print_check(out, rx, r->options->n_paths);
    fprintf(out, "}, ");
}

static void print_loop(FILE *out, const struct run *r)
{
    const struct run_loop *l = &r->loop;
    uint64_t n_forwarded = r->n_rx_sending[SIDE_A] + r->n_rx_sending[SIDE_B];

    fprintf(out,
            "\"generator\": {\"cycles_per_sec\": %lu, \"busy_share\": %.4f, \"needed_share\": %.4f,"
            " \"core_share\": %.4f, \"cycles_per_frame\": %.2f, \"cycles_per_frame_busy\": %.2f,"
            " \"busy_cycles_per_forwarded\": %.2f, \"mean_rx_burst\": %.2f,"
            " \"tx_full_share\": %.4f}, ",
            r->cycles_per_sec, ratio(l->busy_cycles, l->cycles), needed_share(l),
            seconds(r) > 0 ? (double)l->cpu_ns / 1e9 / seconds(r) : 0, cycles_per_frame(l),
            ratio(l->busy_cycles, l->busy_frames), ratio(l->busy_cycles, n_forwarded),
            mean_rx_burst(r), tx_full_share(r));
}

// Of both directions and all pairs.
static void sum_latency(const struct run *r, struct histogram *sum)
{
    *sum = (struct histogram){0};
    for (uint32_t i = 0; i < r->n_pairs; i++)
        for (int id = 0; id < N_SIDES; id++)
            histogram_merge(sum, r->pairs[i].sides[id].latency);
}

static void print_latency(FILE *out, const struct run *r)
{
    static const double shares[] = {0,    0.1,   0.25,  0.5,    0.75,    0.9, 0.95,
                                    0.99, 0.995, 0.999, 0.9999, 0.99999, 1};
    static struct histogram sum;
    double ns_per_cycle = 1e9 / (double)r->cycles_per_sec;

    if (!r->options->is_stamped)
        return;
    sum_latency(r, &sum);
    fprintf(out, "\"latency_ns\": {\"n\": %lu, \"mean\": %.0f, \"percentiles\": {", sum.n,
            ratio(sum.sum, sum.n) * ns_per_cycle);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
        fprintf(out, "%s\"%g\": %.0f", i > 0 ? ", " : "", shares[i] * 100,
                (double)histogram_quantile(&sum, shares[i]) * ns_per_cycle);
    fprintf(out, "}}, ");
}

static void print_options(FILE *out, const struct options *o)
{
    fprintf(out,
            "\"options\": {\"flows\": %u, \"macs\": %u, \"routes\": %u, \"family\": %u,"
            " \"frame_size\": %u, \"pairs\": %u, \"vlans\": %u, \"nat\": %s, \"churn\": %g,"
            " \"window\": %u, \"order\": \"%s\", \"learn\": %s, \"queue_size\": %u,"
            " \"packed\": %s, \"burst\": %u}",
            o->n_flows, o->n_macs, o->n_routes, o->family, o->frame_size, o->n_pairs, o->n_vlans,
            o->is_nat ? "true" : "false", o->churn, o->window,
            o->is_random ? "random" : "sequential", o->is_learning ? "true" : "false",
            o->queue_size, o->is_packed ? "true" : "false", o->burst_size);
}

static int end_line(FILE *out)
{
    fprintf(out, "}\n");
    return fflush(out) != 0 ? -errno : 0;
}

int report_trial(const struct run *r, const char *command)
{
    tell_trial(r);
    if (r->json == NULL)
        return 0;
    fprintf(r->json, "{\"command\": \"%s\", \"seconds\": %.6f, \"rate_pps\": %lu, \"mpps\": %.6f, ",
            command, seconds(r), r->rate_pps, mpps(r, SIDE_A) + mpps(r, SIDE_B));
    print_direction(r->json, r, "a_to_b", SIDE_A);
    print_direction(r->json, r, "b_to_a", SIDE_B);
    print_loop(r->json, r);
    print_latency(r->json, r);
    print_options(r->json, r->options);
    return end_line(r->json);
}

int report_setup(const struct run *r, const char *command)
{
    const struct run_setup *s = &r->setup;
    double rate = s->seconds > 0 ? (double)s->n_proven / s->seconds : 0;

    if (s->n_flows > 0)
        fprintf(stderr,
                "%s: %lu flows, %lu opened (%lu translated), %lu proven, %lu wrong frames, in"
                " %.3f s\n",
                command, s->n_flows, s->n_opened, s->n_translated, s->n_proven, s->n_wrong,
                s->seconds);
    if (r->json == NULL)
        return 0;
    fprintf(r->json,
            "{\"command\": \"%s\", \"flows\": %lu, \"opened\": %lu, \"translated\": %lu,"
            " \"proven\": %lu, \"wrong\": %lu, \"fault\": \"%s\", \"seconds\": %.6f,"
            " \"per_sec\": %.0f, \"cycles_per_sec\": %lu",
            command, s->n_flows, s->n_opened, s->n_translated, s->n_proven, s->n_wrong,
            s->fault != NULL ? s->fault : "", s->seconds, rate, r->cycles_per_sec);
    return end_line(r->json);
}
