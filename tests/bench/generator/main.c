// SPDX-License-Identifier: BSD-3-Clause
// culvert-generator: the load of the benchmarks, two guests in one process on one core, in front of
// any DUT that speaks vhost-user. This file: arguments, EAL, ports, one trial, report, and the way
// back. Then: run.c for the phases, side.c for the frames.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "tests/bench/generator/distance.h"
#include "tests/bench/generator/flows.h"
#include "tests/bench/generator/options.h"
#include "tests/bench/generator/report.h"
#include "tests/bench/generator/run.h"
#include "tests/bench/generator/side.h"

#define EAL_ARGS_MAX 64
#define VDEV_SIZE 512

static volatile sig_atomic_t is_stopping;

// A listening port waits inside EAL for its DUT and does not look at is_stopping: leave at once
// then.
static volatile sig_atomic_t is_waiting = 1;
static const char *listening_paths[N_SIDES];

static void on_signal(int number)
{
    is_stopping = 1;
    if (!is_waiting)
        return;
    for (int i = 0; i < N_SIDES; i++)
        if (listening_paths[i] != NULL)
            unlink(listening_paths[i]);
    _exit(128 + number);
}

static void catch_signals(const struct options *o)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};

    for (int i = 0; i < N_SIDES; i++)
        listening_paths[i] = o->is_server ? o->paths[i] : NULL;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaction(numbers[i], &action, NULL);
}

static int start_eal(const struct options *o, char *program, int argc, char **argv)
{
    static char vdevs[N_SIDES][VDEV_SIZE];
    char *eal_argv[EAL_ARGS_MAX];
    int n = 0;

    if (argc + 1 + N_SIDES > EAL_ARGS_MAX)
        return -E2BIG;
    eal_argv[n++] = program;
    for (int i = 0; i < argc; i++)
        eal_argv[n++] = argv[i];
    for (int i = 0; i < N_SIDES; i++) {
        int err = side_vdev(vdevs[i], sizeof(vdevs[i]), o, (enum side_id)i);

        if (err < 0)
            return err;
        eal_argv[n++] = vdevs[i];
    }
    return rte_eal_init(n, eal_argv) < 0 ? -rte_errno : 0;
}

static int run_with_ports(struct run *r, const struct options *o, const struct flows *f)
{
    int err;

    err = side_init(&r->sides[SIDE_A], o, f, SIDE_A);
    if (err < 0)
        return err;
    err = side_init(&r->sides[SIDE_B], o, f, SIDE_B);
    if (err < 0)
        goto fini_a;
    err = run_trial(r);
    if (err == 0) {
        report_text(r);
        if (o->json_path != NULL)
            err = report_json(r, o->json_path);
    }
    side_fini(&r->sides[SIDE_B]);
fini_a:
    side_fini(&r->sides[SIDE_A]);
    return err;
}

static int print_distance(const struct options *o)
{
    int err;

    do {
        uint64_t cycles;

        err = distance_measure(o->cpus[0], o->cpus[1], &cycles);
        if (err < 0)
            return err;
        printf("%lu\n", cycles);
        fflush(stdout);
        usleep((useconds_t)(o->every_sec * 1e6));
    } while (o->every_sec > 0);
    return 0;
}

int main(int argc, char **argv)
{
    static struct run run;
    struct options options;
    struct flows flows;
    int n_used;
    int err;

    err = options_parse(&options, argc, argv, &n_used);
    if (err < 0)
        return err == -ECANCELED ? EXIT_SUCCESS : EXIT_FAILURE;
    if (options.is_distance) {
        err = print_distance(&options);
        goto failed;
    }
    catch_signals(&options);
    err = start_eal(&options, argv[0], argc - n_used, argv + n_used);
    if (err < 0)
        goto failed;
    is_waiting = 0;

    err = flows_create(&flows, &options);
    if (err < 0)
        goto clean_eal;
    run = (struct run){
        .options = &options, .is_stopping = &is_stopping, .cycles_per_sec = rte_get_tsc_hz()};
    err = run_with_ports(&run, &options, &flows);
    flows_destroy(&flows);
clean_eal:
    rte_eal_cleanup();
failed:
    if (err < 0)
        fprintf(stderr, "culvert-generator: %s\n", strerror(-err));
    return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
