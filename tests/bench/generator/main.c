// SPDX-License-Identifier: BSD-3-Clause
// culvert-generator: the load of the benchmarks, pairs of guests in one process on one core, in
// front of any DUT that speaks vhost-user. This file: arguments, EAL, ports, and the way back.
// Then: run.c for what is done in which order, side.c for the frames.
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
static char listening_paths[PAIRS_MAX * N_SIDES][SOCKET_PATH_SIZE];

static void on_signal(int number)
{
    is_stopping = 1;
    if (!is_waiting)
        return;
    for (int i = 0; i < PAIRS_MAX * N_SIDES; i++)
        if (*listening_paths[i] != '\0')
            unlink(listening_paths[i]);
    _exit(128 + number);
}

// This process has the pairs from first to last - 1.
static uint32_t first_pair(const struct options *o)
{
    return o->n_pairs * o->part / o->n_parts;
}

static uint32_t last_pair(const struct options *o)
{
    return o->n_pairs * (o->part + 1) / o->n_parts;
}

static int catch_signals(const struct options *o)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};

    for (uint32_t i = first_pair(o) * N_SIDES; o->is_server && i < last_pair(o) * N_SIDES; i++) {
        int err = side_socket(listening_paths[i], SOCKET_PATH_SIZE, o, i / N_SIDES,
                              (enum side_id)(i % N_SIDES));

        if (err < 0)
            return err;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaction(numbers[i], &action, NULL);
    return 0;
}

static int start_eal(const struct options *o, char *program, int argc, char **argv)
{
    static char vdevs[PAIRS_MAX][N_SIDES][VDEV_SIZE];
    char *eal_argv[EAL_ARGS_MAX + PAIRS_MAX * N_SIDES];
    int n = 0;

    if (argc + 1 > EAL_ARGS_MAX)
        return -E2BIG;
    eal_argv[n++] = program;
    for (int i = 0; i < argc; i++)
        eal_argv[n++] = argv[i];
    for (uint32_t pair = first_pair(o); pair < last_pair(o); pair++) {
        for (int i = 0; i < N_SIDES; i++) {
            int err = side_vdev(vdevs[pair][i], VDEV_SIZE, o, pair, (enum side_id)i);

            if (err < 0)
                return err;
            eal_argv[n++] = vdevs[pair][i];
        }
    }
    return rte_eal_init(n, eal_argv) < 0 ? -rte_errno : 0;
}

static int pair_init(struct pair *p, const struct options *o, uint32_t number)
{
    struct flows *seen_by_b = o->is_nat ? &p->learned : &p->flows;
    int err = flows_create(&p->flows, o, number);

    if (err < 0)
        return err;
    if (o->is_nat)
        err = flows_copy(&p->learned, &p->flows);
    if (err < 0)
        goto destroy_flows;
    err = side_init(&p->sides[SIDE_A], o, &p->flows, number, SIDE_A);
    if (err < 0)
        goto destroy_learned;
    err = side_init(&p->sides[SIDE_B], o, seen_by_b, number, SIDE_B);
    if (err < 0)
        goto fini_a;
    p->sides[SIDE_A].peer = &p->sides[SIDE_B];
    p->sides[SIDE_B].peer = &p->sides[SIDE_A];
    return 0;

fini_a:
    side_fini(&p->sides[SIDE_A]);
destroy_learned:
    flows_destroy(&p->learned);
destroy_flows:
    flows_destroy(&p->flows);
    return err;
}

static void pair_fini(struct pair *p)
{
    side_fini(&p->sides[SIDE_B]);
    side_fini(&p->sides[SIDE_A]);
    flows_destroy(&p->learned);
    flows_destroy(&p->flows);
}

static int run_with_pairs(struct run *r)
{
    const struct options *o = r->options;
    static struct pair pairs[PAIRS_MAX];
    int err = 0;

    r->pairs = pairs;
    for (uint32_t pair = first_pair(o); pair < last_pair(o) && err == 0; pair++) {
        err = pair_init(&pairs[r->n_pairs], o, pair);
        r->n_pairs += err == 0;
    }
    if (err == 0)
        err = run_commands(r);
    while (r->n_pairs > 0)
        pair_fini(&pairs[--r->n_pairs]);
    return err;
}

static int run_with_report(struct run *r)
{
    const char *path = r->options->json_path;
    int err;

    if (path == NULL)
        return run_with_pairs(r);
    r->json = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    if (r->json == NULL)
        return -errno;
    err = run_with_pairs(r);
    if (r->json != stdout && fclose(r->json) != 0 && err == 0)
        err = -errno;
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
    int n_used;
    int err;

    err = options_parse(&options, argc, argv, &n_used);
    if (err < 0)
        return err == -ECANCELED ? EXIT_SUCCESS : EXIT_FAILURE;
    if (options.is_distance) {
        err = print_distance(&options);
        goto failed;
    }
    err = catch_signals(&options);
    if (err < 0)
        goto failed;
    err = start_eal(&options, argv[0], argc - n_used, argv + n_used);
    if (err < 0)
        goto failed;
    is_waiting = 0;

    run = (struct run){
        .options = &options, .is_stopping = &is_stopping, .cycles_per_sec = rte_get_tsc_hz()};
    err = run_with_report(&run);
    rte_eal_cleanup();
failed:
    if (err < 0)
        fprintf(stderr, "culvert-generator: %s\n", strerror(-err));
    return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
