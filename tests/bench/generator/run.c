// SPDX-License-Identifier: BSD-3-Clause
// What is to be done next? Called once by main, on the only thread. Who drives us says it on stdin,
// a command a line, and reads what came of it, a line each; else the options say it. Next: setup.c
// and load.c do it, report.c tells.
#include "tests/bench/generator/run.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "tests/bench/generator/report.h"

#define LINE_SIZE 256
#define RATE_MAX 1000000000ULL
#define SEC_MAX 86400.0

uint64_t run_cycles_of_ms(const struct run *r, uint64_t ms)
{
    return r->cycles_per_sec / 1000 * ms;
}

static void add(struct side_stats *sum, const struct side_stats *s)
{
    sum->n_tx += s->n_tx;
    sum->n_tx_refused += s->n_tx_refused;
    sum->n_tx_late += s->n_tx_late;
    sum->n_tx_bursts += s->n_tx_bursts;
    sum->n_tx_full += s->n_tx_full;
    sum->n_tx_new += s->n_tx_new;
    sum->n_rx += s->n_rx;
    sum->n_rx_bytes += s->n_rx_bytes;
    sum->n_rx_late += s->n_rx_late;
    sum->n_rx_reflected += s->n_rx_reflected;
    sum->n_rx_foreign += s->n_rx_foreign;
    sum->n_rx_bursts += s->n_rx_bursts;
    sum->n_rx_polls += s->n_rx_polls;
    sum->n_checked += s->n_checked;
    sum->n_wrong += s->n_wrong;
    if (sum->fault == NULL)
        sum->fault = s->fault;
    for (int i = 0; i < PATHS_MAX; i++)
        sum->n_by_path[i] += s->n_by_path[i];
}

void run_sum(struct run *r)
{
    for (int id = 0; id < N_SIDES; id++) {
        r->sums[id] = (struct side_stats){0};
        for (uint32_t i = 0; i < r->n_pairs; i++)
            add(&r->sums[id], &r->pairs[i].sides[id].stats);
    }
}

static int finish_setup(struct run *r, const char *name, int err)
{
    return err < 0 ? err : report_setup(r, name);
}

static int trial(struct run *r, const char *name, double seconds, uint32_t n_burst)
{
    load_forget(r);
    if (n_burst > 0)
        load_burst(r, n_burst);
    else
        load(r, seconds);
    load_drain(r);
    run_sum(r);
    return *r->is_stopping ? -EINTR : report_trial(r, name);
}

static int do_line(struct run *r, const char *line)
{
    double seconds;
    unsigned long rate;
    unsigned n;
    char end;

    if (strcmp(line, "setup\n") == 0)
        return finish_setup(r, "setup", setup_prove(r));
    if (strcmp(line, "open\n") == 0 && r->options->is_nat)
        return finish_setup(r, "open", setup_open(r));
    if (strcmp(line, "cycles\n") == 0 && r->options->n_routes > 0 && r->options->family == 4)
        return finish_setup(r, "cycles", tcp_cycles(r));
    if (sscanf(line, "load %lu %lf%c", &rate, &seconds, &end) == 3 && end == '\n' &&
        rate <= RATE_MAX && isfinite(seconds) && seconds >= 0 && seconds <= SEC_MAX) {
        r->rate_pps = rate;
        load(r, seconds);
        return *r->is_stopping ? -EINTR : 0;
    }
    if (sscanf(line, "trial %lu %lf%c", &rate, &seconds, &end) == 3 && end == '\n' &&
        rate <= RATE_MAX && isfinite(seconds) && seconds > 0 && seconds <= SEC_MAX) {
        r->rate_pps = rate;
        return trial(r, "trial", seconds, 0);
    }
    if (sscanf(line, "burst %u%c", &n, &end) == 2 && end == '\n' && n > 0) {
        r->rate_pps = 0;
        return trial(r, "burst", 0, n);
    }
    fprintf(stderr, "culvert-generator: no such command, or not with these options: %s", line);
    return -EINVAL;
}

static int do_options(struct run *r)
{
    const struct options *o = r->options;
    int err = finish_setup(r, "setup", setup_prove(r));

    if (err < 0)
        return err;
    r->rate_pps = o->rate_pps;
    load(r, o->warmup_sec);
    return trial(r, "trial", o->duration_sec, 0);
}

int run_commands(struct run *r)
{
    char line[LINE_SIZE];
    int err = 0;

    if (!r->options->is_commanded)
        return do_options(r);
    while (err == 0 && fgets(line, sizeof(line), stdin) != NULL)
        err = do_line(r, line);
    return *r->is_stopping ? -EINTR : err;
}
