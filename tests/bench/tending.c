// SPDX-License-Identifier: BSD-3-Clause
// What does the main thread do while a worker is measured? Makes memory ready and ages, as
// dataplane/server/server.c does, on other cores than the worker's. Called by setup_bench.c.

#include "tests/bench/tending.h"

#include <pthread.h>
#include <unistd.h>

#include <rte_common.h>

#include "dataplane/core/clock.h"
#include "dataplane/flow/flow.h"
#include "dataplane/session/session.h"
#include "dataplane/walk/generation.h"

#define TEND_US 10000
#define TENDS_PER_TICK 10

static pthread_t thread;
static int stop; // atomic

static void tend_functions(struct generation *generation)
{
    for (uint32_t i = 0; i < generation->n_functions; i++)
        if (generation->functions[i].ops->tend != NULL)
            generation->functions[i].ops->tend(&generation->functions[i]);
}

// What the main thread does (server.c), beside the worker as there.
static void *tend(void *arg)
{
    struct generation *generation = generation_published;

    (void)arg;
    for (unsigned n = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); n++) {
        clock_update();
        session_tend();
        flow_tend();
        if (n % TENDS_PER_TICK == 0)
            flow_tick();
        if (__atomic_exchange_n(&function_is_short, 0, __ATOMIC_ACQ_REL))
            tend_functions(generation);
        for (uint32_t i = 0; n % TENDS_PER_TICK == 0 && i < generation->n_functions; i++)
            generation->functions[i].ops->age(&generation->functions[i], generation);
        usleep(TEND_US);
    }
    return NULL;
}

int tending_start(void)
{
    unsigned last = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) - 1;
    pthread_attr_t attributes;
    cpu_set_t worker, others;
    int rc;

    CPU_ZERO(&worker);
    CPU_ZERO(&others);
    CPU_SET(last, &worker);
    for (unsigned i = 0; i < RTE_MAX(last, 1U); i++)
        CPU_SET(i, &others);
    pthread_attr_init(&attributes);
    pthread_attr_setaffinity_np(&attributes, sizeof(others), &others);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED); // as any other
    rc = pthread_create(&thread, &attributes, tend, NULL);
    pthread_attr_destroy(&attributes);
    (void)pthread_setaffinity_np(pthread_self(), sizeof(worker), &worker);
    return rc;
}

void tending_stop(void)
{
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
}
