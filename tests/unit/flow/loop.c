// SPDX-License-Identifier: BSD-3-Clause
// What happens to a burst, and as time goes by? As worker.c and server.c do it, with flows or
// without. Without, packets are walked in the order in which flows would have carried them out: of
// one burst those with a flow go first (flow/burst.c). Called by run.c.

#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "dataplane/core/clock.h"
#include "dataplane/flow/flow.h"
#include "dataplane/parse/parse.h"
#include "dataplane/port/tx.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/fragment.h"
#include "dataplane/session/session.h"
#include "dataplane/walk/queue.h"
#include "dataplane/walk/walk.h"
#include "tests/unit/flow/buffers.h"
#include "tests/unit/flow/chance.h"
#include "tests/unit/flow/world_parts.h"

#define TEND_MS 100

struct world_burst world_burst;
int world_tells_input;

uint64_t world_carried(void)
{
    return world_burst.carried;
}

static struct walk_context context(void)
{
    return (struct walk_context){
        .generation = world.generation,
        .now_sec = clock_sec(),
        .now_tsc = world.now_tsc,
        .tx = world.tx,
        .queue = walk_queue_of(0),
    };
}

void world_advance(uint32_t ms)
{
    world.passed_ms += ms;
    world.now_tsc += ms * (rte_get_tsc_hz() / 1000);
    chance_now_ms = world.setup.start_ms + world.passed_ms;
    __atomic_store_n(&clock_sec_now, world.setup.start_sec + world.passed_ms / 1000,
                     __ATOMIC_RELAXED);
}

uint32_t world_now_ms(void)
{
    return world.passed_ms;
}

// The main thread's tick.
void world_tend(void)
{
    world.tended_ms = world.passed_ms;
    session_tend();
    flow_tend();
    flow_tick();
    for (uint32_t i = 0; world.generation != NULL && i < world.generation->n_functions; i++) {
        struct function *f = &world.generation->functions[i];

        f->ops->age(f, world.generation);
    }
}

static struct rte_mbuf *make(const struct world_frame *f)
{
    struct rte_mbuf *m = buffers_frame(f->wire->bytes, f->wire->len, f->cut);
    struct packet *p = packet_of(m);

    memset(p, 0x5a, sizeof(*p)); // whatever was there
    p->offload = f->offload;
    p->gso_size = f->gso_size;
    return m;
}

static void answer_one(struct walk_context *ctx, unsigned port, const struct wire *question)
{
    static struct wire answer;
    struct world_frame frame = {.wire = &answer};
    struct rte_mbuf *m;

    if (world.is_down[port] || !world.setup.answer(world.setup.context, port, question, &answer))
        return;
    m = make(&frame);
    packet_of(m)->in_port = (uint16_t)world.generation->port_list[port]->slot;
    parse_burst(&m, 1);
    walk_burst(ctx, &m, 1);
}

static void answer_questions(struct walk_context *ctx)
{
    for (unsigned i = 0; i < world_asked.n; i++)
        answer_one(ctx, world_asked.port[i], &world_asked.wire[i]);
    if (world_asked.n > 0)
        port_tx_flush(world.tx); // what has waited
    world_asked.n = 0;
}

// What a worker does behind its bursts.
static void end_loop(struct walk_context *ctx, int is_idle)
{
    uint32_t now_ms = session_clock_ms(ctx->now_tsc);

    ctx->traces = NULL;
    for (uint32_t i = 0; i < world.generation->n_tick; i++) {
        const struct function *f = &world.generation->functions[world.generation->tick_list[i]];

        f->ops->tick(f, ctx);
        walk_burst(ctx, NULL, 0); // what it has sent to other functions
    }
    port_tx_flush(world.tx);
    answer_questions(ctx);
    session_age(0, now_ms, is_idle);
    fragment_age(0, now_ms);
    flow_age(0, clock_sec(), is_idle);
    if (world.passed_ms - world.tended_ms >= TEND_MS)
        world_tend();
}

void world_pass(uint32_t ms)
{
    uint32_t step = ms <= 3000 ? 10 : ms <= 60000 ? TEND_MS : 1000;

    while (ms > 0) {
        struct walk_context ctx;

        step = RTE_MIN(step, ms);
        ms -= step;
        world_advance(step);
        ctx = context();
        end_loop(&ctx, 1);
    }
}

static void tell_input(unsigned port, const struct world_frame *f)
{
    char text[256];

    wire_describe(f->wire->bytes, f->wire->len, text, sizeof(text));
    transcript_text(world.setup.transcript, "into port %u%s: %s%s%s", port,
                    world_burst.n > 0 && world_burst.port == port ? " (same burst)" : "", text,
                    f->offload & PACKET_TSO ? " tso" : "",
                    f->offload & PACKET_CSUM_PARTIAL ? " partial checksum" : "");
}

void world_add(unsigned port, const struct world_frame *frame)
{
    struct packet *p;

    if (port >= world.generation->n_ports || world.is_down[port] || frame->wire->len > 65000)
        return;
    if (world_burst.n > 0 && (world_burst.port != port || world_burst.n == BURST_SIZE))
        world_receive();
    if (world_tells_input)
        tell_input(port, frame);
    world_burst.port = port;
    world_burst.stream[world_burst.n] = frame->stream;
    world_burst.m[world_burst.n] = make(frame);
    p = packet_of(world_burst.m[world_burst.n]);
    p->in_port = (uint16_t)world.generation->port_list[port]->slot;
    p->reserved[0] = WORLD_MARK;
    p->reserved[1] = (uint8_t)world_burst.n++;
    p->reserved[2] = (uint8_t)world.n_bursts;
}

static uint64_t *order_at(unsigned burst)
{
    struct world_order *order = world.setup.order;

    while (burst >= order->capacity) {
        unsigned capacity = 2 * order->capacity + 64;

        order->carried = realloc(order->carried, capacity * sizeof(order->carried[0]));
        if (order->carried == NULL)
            abort();
        memset(&order->carried[order->capacity], 0,
               (capacity - order->capacity) * sizeof(order->carried[0]));
        order->capacity = capacity;
    }
    return &order->carried[burst];
}

static void receive_with_flows(struct walk_context *ctx)
{
    struct rte_mbuf *m[BURST_SIZE];
    unsigned n_left, k = 0;

    memcpy(m, world_burst.m, sizeof(m));
    n_left = flow_burst(ctx, m, world_burst.n);
    for (unsigned i = 0; i < world_burst.n; i++) {
        if (k < n_left && m[k] == world_burst.m[i])
            k++;
        else
            world_burst.carried |= UINT64_C(1) << i;
    }
    if (world.setup.order != NULL)
        *order_at(world.n_bursts) = world_burst.carried;
    if (n_left > 0)
        walk_burst(ctx, m, n_left);
    flow_compose(ctx);
}

static void receive_by_walk(struct walk_context *ctx)
{
    uint64_t first = world.setup.order != NULL ? *order_at(world.n_bursts) : 0;
    struct rte_mbuf *m[BURST_SIZE];
    unsigned n = 0;

    for (unsigned i = 0; i < world_burst.n; i++) {
        if (first >> i & 1)
            walk_burst(ctx, &world_burst.m[i], 1);
        else
            m[n++] = world_burst.m[i];
    }
    if (n > 0)
        walk_burst(ctx, m, n);
}

void world_receive(void)
{
    struct walk_context ctx;
    uint64_t eligible = 0;

    if (world_burst.n == 0)
        return;
    world_advance(1);
    ctx = context();
    world_burst.carried = 0;
    parse_burst(world_burst.m, world_burst.n);
    if (world.setup.max_flows > 0) {
        eligible = world_find_eligible();
        receive_with_flows(&ctx);
    } else {
        receive_by_walk(&ctx);
    }
    port_tx_flush(world.tx);
    if (world.setup.max_flows > 0) {
        world_tell_overtaking();
        world_count_share(eligible);
    }
    memset(world_burst.left_as, 0, sizeof(world_burst.left_as));
    world_burst.n_left = world_burst.n = 0;
    world.n_bursts++;
    end_loop(&ctx, 0);
}
