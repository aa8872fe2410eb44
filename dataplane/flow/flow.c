// SPDX-License-Identifier: BSD-3-Clause
// Where do flows begin and end as a whole, and who keeps memory ahead of them? Main thread, called
// by main.c at start and end and by server.c in between. It writes no flow. Next: burst.c, which
// workers call for each burst.

#include "dataplane/flow/flow.h"

#include <errno.h>

#include <rte_common.h>

#include "dataplane/core/clock.h"
#include "dataplane/flow/denied.h"

#define TOUCH_AT_ONCE 65536 // records in one flow_tend

struct flow_table flow_table;

int flow_init(unsigned n_workers, uint32_t max_flows, struct error *e)
{
    int rc;

    memset(&flow_table, 0, sizeof(flow_table));
    if (max_flows == 0)
        return 0;
    flow_hash_init();
    flow_find_init();
    flow_insert_init();
    flow_table.n_workers = n_workers;
    flow_table.max = RTE_MIN(max_flows, FLOW_MAX);
    rc = numbers_init(&flow_table.numbers, flow_table.max, 0);
    if (rc == 0)
        rc = index_init(&flow_table.index, flow_table.max, 0);
    if (rc == 0)
        rc = ways_init(n_workers);
    if (rc == 0)
        rc = denied_init(n_workers);
    flow_table.records = memory_reserve((flow_table.max + 1) * sizeof(struct flow));
    if (rc < 0 || flow_table.records == NULL) {
        flow_fini();
        return error_set(e, -ENOMEM, NULL, "no addresses for %u flows", max_flows);
    }
    generation_on_publish = flow_publish;
    flow_tend();
    return 0;
}

void flow_fini(void)
{
    if (flow_table.max == 0)
        return;
    generation_on_publish = NULL;
    if (ways != NULL)
        flow_publish(NULL);
    denied_fini();
    ways_fini();
    index_fini(&flow_table.index);
    numbers_fini(&flow_table.numbers);
    memory_release(flow_table.records, (flow_table.max + 1) * sizeof(struct flow));
    memset(&flow_table, 0, sizeof(flow_table));
}

static void touch_ahead(void)
{
    struct numbers *numbers = &flow_table.numbers;
    uint32_t n = RTE_MIN(numbers_wanted(numbers), numbers->n_ready + TOUCH_AT_ONCE);

    if (n <= numbers->n_ready)
        return;
    index_tend(&flow_table.index, n);
    memory_touch(flow_table.records, (numbers->n_ready + 1) * sizeof(struct flow),
                 (n - numbers->n_ready) * sizeof(struct flow));
    numbers_set_ready(numbers, n);
}

void flow_tend(void)
{
    if (flow_table.max == 0)
        return;
    touch_ahead();
    denied_tend(clock_sec());
}

void flow_tick(void)
{
    if (flow_table.max == 0)
        return;
    ways_tend();
    flow_count();
}

uint32_t flow_n_used(void)
{
    return flow_table.max > 0 ? numbers_n_used(&flow_table.numbers) : 0;
}
