// SPDX-License-Identifier: BSD-3-Clause
// How do workers change from one configuration to the next? As a whole: the pointer is swapped,
// then the old generation is freed once no worker can see it. Main thread, called by
// server/transaction.c with what server/build.c made. Next: worker/worker.c, which takes it.

#include "dataplane/walk/generation.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/core/qsbr.h"
#include "dataplane/walk/guard.h"

struct generation *generation_published;
const struct function_ops *const *function_kinds;

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
    free(generation->tick_list);
    free(generation->names);
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
        generation->functions[i].ops->activate(&generation->functions[i], generation);
    generation_destroy(old);
}

static int is_port_up(const struct attachment *a)
{
    return a->port != NULL && port_is_up(a->port);
}

int attachment_is_up(const struct generation *generation, uint32_t attachment)
{
    const struct attachment *a = &generation->attachments[attachment];
    const struct attachment *peer;
    const struct function *f;

    if (a->port != NULL)
        return is_port_up(a);
    if (a->peer == ATTACHMENT_NONE)
        return 0;
    peer = &generation->attachments[a->peer];
    f = &generation->functions[peer->function];
    if (strcmp(f->ops->name, "switch") != 0)
        return 1;
    for (uint32_t i = 0; i < f->n_attachments; i++) {
        const struct attachment *member = &generation->attachments[f->first_attachment + i];

        if (member != peer && (is_port_up(member) || member->peer != ATTACHMENT_NONE))
            return 1;
    }
    return 0;
}

struct function *generation_find(const struct generation *generation, const char *kind,
                                 const char *tenant, const char *name)
{
    for (uint32_t i = 0; generation != NULL && i < generation->n_functions; i++) {
        struct function *f = &generation->functions[i];

        if (strcmp(f->name, name) == 0 && strcmp(f->tenant, tenant) == 0 &&
            strcmp(f->ops->name, kind) == 0)
            return f;
    }
    return NULL;
}
