// SPDX-License-Identifier: BSD-3-Clause
// How do workers change from one configuration to the next? As a whole: the pointer is swapped,
// then the old generation is freed once no worker can see it. Main thread, called by
// server/transaction.c with what server/build.c made. Next: worker/worker.c, which takes it.

#include "dataplane/walk/generation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/qsbr.h"
#include "dataplane/walk/guard.h"

struct generation *generation_published;
const struct function_ops *const *function_kinds;
uint32_t function_is_short;
void (*generation_on_publish)(const struct generation *generation);

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
    free(generation->by_name);
    free(generation->tick_list);
    free(generation->chains);
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
    if (generation_on_publish != NULL)
        generation_on_publish(generation);
    qsbr_wait(); // what activate() took out of sight belongs to the old one
    generation_destroy(old);
}

// What a function is found by.
struct full_name {
    const char *kind, *tenant, *name;
};

static struct full_name full_name_of(const struct function *f)
{
    return (struct full_name){f->ops->name, f->tenant, f->name};
}

static int order_of(const struct full_name *a, const struct full_name *b)
{
    int order = strcmp(a->name, b->name);

    if (order == 0)
        order = strcmp(a->tenant, b->tenant);
    return order != 0 ? order : strcmp(a->kind, b->kind);
}

static int compare(const void *a, const void *b)
{
    const struct full_name x = full_name_of(*(struct function *const *)a);
    const struct full_name y = full_name_of(*(struct function *const *)b);

    return order_of(&x, &y);
}

static int compare_to(const void *key, const void *entry)
{
    const struct full_name x = full_name_of(*(struct function *const *)entry);

    return order_of(key, &x);
}

int generation_sort(struct generation *generation)
{
    uint32_t n = generation->n_functions;

    generation->by_name = calloc(n + 1, sizeof(struct function *));
    if (generation->by_name == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        generation->by_name[i] = &generation->functions[i];
    qsort(generation->by_name, n, sizeof(generation->by_name[0]), compare);
    return 0;
}

struct function *generation_find(const struct generation *generation, const char *kind,
                                 const char *tenant, const char *name)
{
    const struct full_name key = {kind, tenant, name};
    struct function *const *found;

    if (generation == NULL)
        return NULL;
    found = bsearch(&key, generation->by_name, generation->n_functions,
                    sizeof(generation->by_name[0]), compare_to);
    return found != NULL ? *found : NULL;
}
