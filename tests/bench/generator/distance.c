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

#define N_CHUNKS 20
#define N_TURNS 500 // per chunk

// Each side writes when it is its turn.
struct court {
    uint64_t ball __attribute__((aligned(128))); // odd: the other's turn
    bool is_over;
    unsigned other_cpu __attribute__((aligned(128)));
    int err; // of the other
};

static int pin(unsigned cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

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

    c->err = pin(c->other_cpu);
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

int distance_measure(unsigned cpu, unsigned other_cpu, uint64_t *cycles)
{
    struct court court = {.other_cpu = other_cpu};
    pthread_t thread;
    int err;

    if (cpu == other_cpu || cpu >= CPU_SETSIZE || other_cpu >= CPU_SETSIZE)
        return -EINVAL;
    err = pin(cpu);
    if (err < 0)
        return err;
    err = -pthread_create(&thread, NULL, return_balls, &court);
    if (err < 0)
        return err;
    *cycles = play(&court);
    __atomic_store_n(&court.is_over, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    return court.err;
}
