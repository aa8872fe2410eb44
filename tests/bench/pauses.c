// SPDX-License-Identifier: BSD-3-Clause
// How long does the longest take? Called by the benches of this folder on the thread that is
// measured, after each thing it did.

#include "tests/bench/pauses.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <rte_cycles.h>

#define MACHINE_SEC 3

void pauses_add(struct pauses *p, uint64_t cycles)
{
    unsigned i = PAUSES_N - 1;
    struct rusage usage;
    long n;

    if (cycles <= p->longest[i])
        return;
    getrusage(RUSAGE_THREAD, &usage);
    n = usage.ru_nivcsw + usage.ru_nvcsw;
    if (n != p->n_preempted) {
        p->n_preempted = n;
        return;
    }
    for (; i > 0 && p->longest[i - 1] < cycles; i--)
        p->longest[i] = p->longest[i - 1];
    p->longest[i] = cycles;
}

void pauses_print(struct pauses *p, const char *what, double tsc_hz)
{
    printf("%s:", what);
    for (unsigned i = 0; i < PAUSES_N; i++)
        printf(" %.1f", (double)p->longest[i] / tsc_hz * 1e6);
    printf(" us\n");
    memset(p->longest, 0, sizeof(p->longest));
}

void pauses_print_machine(double tsc_hz)
{
    struct pauses p = {0};
    uint64_t last = rte_rdtsc(), end = last + (uint64_t)(MACHINE_SEC * tsc_hz), now;

    do {
        now = rte_rdtsc();
        pauses_add(&p, now - last);
        last = now;
    } while (now < end);
    pauses_print(&p, "longest gaps in an empty loop", tsc_hz);
}
