// SPDX-License-Identifier: BSD-3-Clause
#include "tests/lib/walk_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_cycles.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/counters.h"
#include "dataplane/parse/parse.h"
#include "dataplane/port/tx.h"
#include "dataplane/server/build.h"
#include "dataplane/server/check.h"
#include "dataplane/walk/queue.h"
#include "dataplane/walk/walk.h"
#include "tests/lib/mbuf_builder.h"

#define N_TICKS 200 // reaches every function, see walk_tick

static struct rte_mbuf *sent[API_MAX_PORTS][WALK_LAB_MAX_SENT]; // by slot
static unsigned n_sent[API_MAX_PORTS];
static unsigned room;
static struct generation *generation;
static struct rte_mempool *pool;
static struct port_tx *tx;
static uint64_t tick_tsc;

static unsigned record(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n)
{
    (void)queue;
    n = RTE_MIN(n, room);
    n = RTE_MIN(n, WALK_LAB_MAX_SENT - n_sent[port->slot]);
    for (unsigned i = 0; i < n; i++)
        sent[port->slot][n_sent[port->slot]++] = m[i];
    return n;
}

static void no_watch(struct port *port)
{
    (void)port;
}

static const struct port_ops recorder = {.name = "recorder", .tx_burst = record, .watch = no_watch};

void walk_lab_init(const struct function_ops *const *kinds, unsigned n_buffers)
{
    struct error e = {0};

    mbuf_eal_init();
    function_kinds = kinds;
    pool = mbuf_pool("walk", n_buffers, 2048);
    if (counters_init(NULL, 1) < 0 || port_init("/tmp", 1, &e) < 0 || walk_queue_init(1, &e) < 0 ||
        pool == NULL)
        abort();
    tx = port_tx_create(0);
    if (tx == NULL)
        abort();
}

void walk_lab_publish(struct model *model)
{
    struct error e = {0};

    if (check_model(model, &e) < 0 || build_generation(model, 1, &generation, &e) < 0)
        fail_msg("%s: %s", e.path, e.sentence);
    model_fini(model);
    for (uint32_t i = 0; i < generation->n_ports; i++) {
        struct port *port = generation->port_list[i];

        port->ops = &recorder;
        port->state = API_PORT_LINK_UP;
        port->n_tx_queues = 1;
        port->capability = PORT_TX_MULTI_SEG;
    }
    generation_publish(generation);
    room = WALK_LAB_MAX_SENT;
}

void walk_lab_end(void)
{
    for (unsigned slot = 0; slot < API_MAX_PORTS; slot++)
        rte_pktmbuf_free_bulk(sent[slot], n_sent[slot]);
    memset(n_sent, 0, sizeof(n_sent));
    generation_publish(NULL);
    generation = NULL;
    memset(counters_stats->counters, 0, sizeof(counters_stats->counters));
    assert_int_equal(rte_mempool_in_use_count(pool), 0);
    assert_int_equal(rte_mempool_in_use_count(walk_queue_of(0)->pool), 0);
}

struct walk_context walk_lab_context(void)
{
    return (struct walk_context){
        .generation = generation,
        .now_sec = clock_sec(),
        .now_tsc = rte_rdtsc(),
        .tx = tx,
        .queue = walk_queue_of(0),
    };
}

void walk_lab_receive(unsigned port, const uint8_t *bytes, uint32_t len, uint8_t offload,
                      uint16_t gso_size)
{
    struct walk_context ctx = walk_lab_context();
    struct rte_mbuf *m = mbuf_build(pool, bytes, len, NULL, 0, MBUF_TAILROOM_ANY);

    packet_of(m)->in_port = (uint16_t)walk_lab_port(port)->slot;
    packet_of(m)->offload = offload;
    packet_of(m)->gso_size = gso_size;
    parse_burst(&m, 1);
    walk_burst(&ctx, &m, 1);
    port_tx_flush(tx);
}

void walk_lab_tick(void)
{
    struct walk_context ctx = walk_lab_context();

    ctx.now_tsc = RTE_MAX(ctx.now_tsc, tick_tsc);
    for (unsigned i = 0; i < N_TICKS; i++) {
        walk_tick(&ctx);
        ctx.now_tsc += rte_get_tsc_hz() / 1000;
    }
    tick_tsc = ctx.now_tsc;
    port_tx_flush(tx);
}

struct rte_mbuf *walk_lab_sent(unsigned port, unsigned number)
{
    uint32_t slot = walk_lab_port(port)->slot;

    return number < n_sent[slot] ? sent[slot][number] : NULL;
}

unsigned walk_lab_n_sent(unsigned port)
{
    return n_sent[walk_lab_port(port)->slot];
}

void walk_lab_set_room(unsigned n)
{
    room = n;
}

uint64_t walk_lab_drops(unsigned port, enum api_drop reason)
{
    uint32_t slot = port == API_MAX_PORTS ? port : walk_lab_port(port)->slot;

    return counters_of(slot, 0)->drops[reason];
}

struct port *walk_lab_port(unsigned port)
{
    return generation->port_list[port];
}

struct rte_mempool *walk_lab_pool(void)
{
    return pool;
}

struct api_port walk_lab_port_config(const char *name)
{
    struct api_port port = {.type = API_PORT_TAP, .n_queues = 1, .mtu = 1500, .mac_limit = 16};

    snprintf(port.name, sizeof(port.name), "%s", name);
    snprintf(port.device, sizeof(port.device), "%s", name);
    return port;
}
