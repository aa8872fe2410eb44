// SPDX-License-Identifier: BSD-3-Clause
// What happens to a packet, in order? Read loop_once() and receive(): port rx, parse, flow, walk,
// compose, port tx. Each worker thread runs loop_once() for ever on the queues that are its own. It
// allocates nothing, logs nothing, waits for nobody. Its only system calls are sleeping when there
// is nothing to do (idle.c) and waking who sleeps, a guest or the thread behind taps, once a burst.
// Next on the way: port/vhost_rx_tx.c, parse/parse.c, flow/burst.c, walk/walk.c, port/tx.c.

#include "dataplane/worker/worker.h"

#include <errno.h>
#include <limits.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/flow/flow.h"
#include "dataplane/parse/parse.h"
#include "dataplane/port/tx.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/fragment.h"
#include "dataplane/session/session.h"
#include "dataplane/walk/queue.h"
#include "dataplane/walk/walk.h"
#include "dataplane/worker/idle.h"

// Written by its own thread only, but for `stop`.
struct worker {
    unsigned id;
    unsigned lcore;
    int busy_poll;
    int stop; // set by worker_stop
    struct port_tx *tx;
    struct api_stats_worker *stats;
    struct idle idle;
} __rte_cache_aligned;

static struct worker workers[API_MAX_WORKERS];
static unsigned n_started;

static void count_received(const struct port *port, unsigned worker, struct rte_mbuf *const *m,
                           unsigned n)
{
    struct api_counters *c = counters_of(port->slot, worker);
    uint64_t n_bytes = 0;

    for (unsigned i = 0; i < n; i++)
        n_bytes += m[i]->pkt_len;
    c->rx_packets += n;
    c->rx_bytes += n_bytes;
}

// One burst of one queue, from its port into the transmit buffers. Returns how many packets.
static unsigned receive(struct worker *w, struct walk_context *ctx, const struct worker_rx *rx)
{
    struct rte_mbuf *m[BURST_SIZE];
    unsigned n, n_left;

    if (!port_is_up(rx->port) || rx->queue >= rx->port->n_rx_queues)
        return 0;
    n = rx->port->ops->rx_burst(rx->port, rx->queue, w->id, m, BURST_SIZE);
    if (n == 0)
        return 0;
    count_received(rx->port, w->id, m, n);
    parse_burst(m, n);
    n_left = flow_burst(ctx, m, n);
    if (n_left > 0)
        walk_burst(ctx, m, n_left);
    flow_compose(ctx);
    w->stats->n_walked += n_left;
    w->stats->n_by_flow += n - n_left;
    w->stats->n_bursts++;
    return n;
}

// Sessions and flows that have been silent too long, fragments that wait in vain. Part of each
// loop, with traffic or without: what is left for later is what fills the table.
static void age(const struct worker *w, uint64_t now_tsc, int is_idle)
{
    uint32_t now_ms = session_clock_ms(now_tsc);

    session_age(w->id, now_ms, is_idle);
    fragment_age(w->id, now_ms);
    flow_age(w->id, clock_sec(), is_idle);
}

static unsigned loop_once(struct worker *w)
{
    const struct generation *generation = generation_current();
    struct walk_context ctx = {
        .generation = generation,
        .worker = w->id,
        .now_sec = clock_sec(),
        .now_tsc = rte_rdtsc(),
        .tx = w->tx,
        .queue = walk_queue_of(w->id),
    };
    unsigned n = 0;

    if (generation == NULL)
        return 0;
    for (uint32_t i = 0; i < generation->n_rx[w->id]; i++)
        n += receive(w, &ctx, &generation->rx[w->id][i]);
    if (w->id == 0)
        walk_tick(&ctx);
    port_tx_flush(w->tx);
    age(w, ctx.now_tsc, n == 0);
    if (n > 0)
        w->stats->busy_cycles += rte_rdtsc() - ctx.now_tsc;
    return n;
}

static int worker_run(void *arg)
{
    struct worker *w = arg;

    idle_init(&w->idle, w->id, w->busy_poll);
    w->stats->cpu = (uint32_t)rte_lcore_to_cpu_id((int)w->lcore);
    qsbr_online(w->id);
    while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
        unsigned n = loop_once(w);

        qsbr_quiescent(w->id);
        w->stats->loops++;
        if (n > 0)
            idle_reset(&w->idle);
        else
            w->stats->sleeps += idle_wait(&w->idle);
    }
    qsbr_offline(w->id);
    return 0;
}

static int worker_init(unsigned id, unsigned lcore, int busy_poll)
{
    struct worker *w = &workers[id];

    *w = (struct worker){.id = id, .lcore = lcore, .busy_poll = busy_poll};
    w->stats = &counters_stats->worker[id];
    w->tx = port_tx_create(id);
    return w->tx != NULL ? 0 : -ENOMEM;
}

int worker_start(unsigned n_workers, int busy_poll, struct error *e)
{
    unsigned lcore, id = 0;

    for (lcore = rte_get_next_lcore(UINT_MAX, 1, 0); lcore < RTE_MAX_LCORE && id < n_workers;
         lcore = rte_get_next_lcore(lcore, 1, 0)) {
        if (worker_init(id, lcore, busy_poll) < 0) {
            worker_stop();
            return error_set(e, -ENOMEM, NULL, "no memory for worker %u: give it more with -m", id);
        }
        rte_eal_remote_launch(worker_run, &workers[id], lcore);
        n_started = ++id;
    }
    if (id < n_workers) {
        worker_stop();
        return error_set(e, -EINVAL, NULL, "%u workers asked for, the EAL has %u lcores for them",
                         n_workers, id);
    }
    return 0;
}

void worker_stop(void)
{
    for (unsigned id = 0; id < n_started; id++)
        __atomic_store_n(&workers[id].stop, 1, __ATOMIC_RELAXED);
    for (unsigned id = 0; id < n_started; id++) {
        rte_eal_wait_lcore(workers[id].lcore);
        port_tx_destroy(workers[id].tx);
    }
    n_started = 0;
}
