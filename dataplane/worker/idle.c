// SPDX-License-Identifier: BSD-3-Clause
// When may a worker sleep? After IDLE_SPIN_NS without a packet, in steps that double up to
// IDLE_MAX_SLEEP_NS; never while it has packets. Called by worker.c on its own thread. Next: back
// to worker.c.

#include "dataplane/worker/idle.h"

#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "dataplane/core/qsbr.h"

void idle_init(struct idle *idle, unsigned worker_id, int busy_poll)
{
    *idle = (struct idle){
        .worker_id = worker_id,
        .busy_poll = busy_poll,
        .spin_tsc = rte_get_tsc_hz() * IDLE_SPIN_NS / 1000000000U,
    };
    // Without this the kernel may add 50 us to each sleep.
    prctl(PR_SET_TIMERSLACK, 1UL);
}

unsigned idle_wait(struct idle *idle)
{
    uint64_t now = rte_rdtsc();
    struct timespec sleep = {0};

    if (idle->since_tsc == 0) {
        idle->since_tsc = now;
        idle->sleep_ns = IDLE_MIN_SLEEP_NS;
    }
    if (idle->busy_poll || now - idle->since_tsc < idle->spin_tsc) {
        rte_pause();
        return 0;
    }
    sleep.tv_nsec = idle->sleep_ns;
    if (idle->sleep_ns < IDLE_MAX_SLEEP_NS)
        idle->sleep_ns = RTE_MIN(idle->sleep_ns * 2, (uint32_t)IDLE_MAX_SLEEP_NS);
    qsbr_offline(idle->worker_id);
    nanosleep(&sleep, NULL);
    qsbr_online(idle->worker_id);
    return 1;
}
