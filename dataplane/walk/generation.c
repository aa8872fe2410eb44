// SPDX-License-Identifier: BSD-3-Clause
// How do workers change from one configuration to the next? As a whole: the pointer is swapped,
// then the old generation is freed once no worker can see it. Main thread, called by
// server/transaction.c with what server/build.c made. Next: worker/worker.c, which takes it.

#include "dataplane/walk/generation.h"

#include <stdlib.h>

#include "dataplane/core/qsbr.h"
#include "dataplane/walk/guard.h"

struct generation *generation_published;

static void port_entry_fini(struct port_entry *entry)
{
    for (unsigned vlan = 0; entry->by_inner != NULL && vlan < 4096; vlan++)
        free(entry->by_inner[vlan]);
    free(entry->by_inner);
    free(entry->by_outer);
    guard_destroy(entry->guard);
}

void generation_destroy(struct generation *generation)
{
    if (generation == NULL)
        return;
    for (uint32_t i = 0; i < generation->n_functions; i++)
        generation->functions[i].ops->config_destroy(&generation->functions[i]);
    for (unsigned slot = 0; generation->ports != NULL && slot < API_MAX_PORTS; slot++)
        port_entry_fini(&generation->ports[slot]);
    for (uint32_t i = 0; i < generation->n_ports; i++)
        port_put(generation->port_list[i]);
    for (unsigned worker = 0; worker < API_MAX_WORKERS; worker++)
        free(generation->rx[worker]);
    free(generation->functions);
    free(generation->attachments);
    free(generation->port_list);
    free(generation->ports);
    free(generation);
}

void generation_publish(struct generation *generation)
{
    struct generation *old = generation_published;

    __atomic_store_n(&generation_published, generation, __ATOMIC_RELEASE);
    qsbr_wait();
    for (uint32_t i = 0; generation != NULL && i < generation->n_functions; i++)
        generation->functions[i].ops->activate(&generation->functions[i]);
    generation_destroy(old);
}
