// SPDX-License-Identifier: BSD-3-Clause
// How far apart are two CPUs just now? Called by main for --distance, instead of a trial, on two
// threads of its own. A hypervisor moves virtual CPUs between core complexes, and a rate over vhost
// falls to a third when a cache line has to cross: trials compare only at the same distance.
#include "tests/bench/generator/distance.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#define N_CHUNKS 10
#define N_TURNS 200 // per chunk

// Each side writes when it is its turn.
struct court {
    uint64_t ball __attribute__((aligned(128))); // odd: the other's turn
    bool is_over;
};

static bool await(struct court *c, uint64_t ball)
{
    while (__atomic_load_n(&c->ball, __ATOMIC_ACQUIRE) != ball)
        if (__atomic_load_n(&c->is_over, __ATOMIC_RELAXED))
            return false;
    return true;
}

static void *return_balls(void *arg)
{
    struct court *c = arg;

    for (uint64_t ball = 1; await(c, ball); ball += 2)
        __atomic_store_n(&c->ball, ball + 1, __ATOMIC_RELEASE);
    return NULL;
}

// The best chunk: the others met an interrupt or another process.
static uint64_t play(struct court *c)
{
    uint64_t best = UINT64_MAX;
    uint64_t ball = 0;

    for (int chunk = 0; chunk < N_CHUNKS; chunk++) {
        uint64_t start = rte_rdtsc();
        uint64_t cycles;

        for (int i = 0; i < N_TURNS; i++) {
            __atomic_store_n(&c->ball, ball + 1, __ATOMIC_RELEASE);
            await(c, ball + 2);
            ball += 2;
        }
        cycles = (rte_rdtsc() - start) / N_TURNS;
        best = cycles < best ? cycles : best;
    }
    return best;
}

// On its CPU from the start: at real-time priority it would else wait for us on ours.
static int start_other(pthread_t *thread, unsigned cpu, struct court *c)
{
    pthread_attr_t attr;
    cpu_set_t set;
    int err;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    err = -pthread_attr_init(&attr);
    if (err < 0)
        return err;
    err = -pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
    if (err == 0)
        err = -pthread_create(thread, &attr, return_balls, c);
    pthread_attr_destroy(&attr);
    return err;
}

int distance_measure(unsigned cpu, unsigned other_cpu, uint64_t *cycles)
{
    struct court court = {0};
    pthread_t thread;
    cpu_set_t set;
    int err;

    if (cpu == other_cpu || cpu >= CPU_SETSIZE || other_cpu >= CPU_SETSIZE)
        return -EINVAL;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    err = -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
    if (err < 0)
        return err;
    err = start_other(&thread, other_cpu, &court);
    if (err < 0)
        return err;
    *cycles = play(&court);
    __atomic_store_n(&court.is_over, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    return 0;
}
