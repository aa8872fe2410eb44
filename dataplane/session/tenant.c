// SPDX-License-Identifier: BSD-3-Clause
// What do all chains of a tenant share? Limits, timeouts and counts, found by name. Written by the
// main thread when it builds a generation; read by quota.c and track.c on workers. Sessions name
// their tenant by a number. Next: quota.c, which holds tenants to their limits.

#include "dataplane/session/table.h"

#include <stdlib.h>

#define MAX_TENANTS 65536
// Times are compared modulo 2^32 milliseconds.
#define MAX_TIMEOUT_MS INT32_MAX

// Main thread; workers read those whose number they have from a session.
static struct session_tenant *tenants[MAX_TENANTS];
static uint32_t n_tenants;

static const uint16_t default_sec[API_N_TIMEOUTS] = {
#define DEFAULT_SEC(name, seconds, text) [API_TIMEOUT_##name] = (seconds),
    API_TIMEOUTS(DEFAULT_SEC)
#undef DEFAULT_SEC
};

struct session_tenant *tenant_at(uint32_t number)
{
    return tenants[number];
}

static void set_timeout(struct session_tenant *t, unsigned timeout, uint32_t seconds)
{
    uint32_t ms = seconds < MAX_TIMEOUT_MS / 1000 ? seconds * 1000 : MAX_TIMEOUT_MS;

    __atomic_store_n(&t->timeout_ms[timeout], ms, __ATOMIC_RELAXED);
}

// Of those that nobody holds any more and that have no session left: in the place of such a one.
static uint32_t free_place(void)
{
    for (uint32_t i = 0; i < n_tenants; i++)
        if (tenants[i]->n_references == 0 &&
            __atomic_load_n(&tenants[i]->n_sessions, __ATOMIC_ACQUIRE) == 0 &&
            __atomic_load_n(&tenants[i]->n_fragments, __ATOMIC_ACQUIRE) == 0)
            return i;
    return n_tenants;
}

static struct session_tenant *create(const char *name)
{
    uint32_t place = free_place();
    struct session_tenant *t;

    if (place == MAX_TENANTS)
        return NULL;
    if (tenants[place] == NULL) {
        tenants[place] = aligned_alloc(_Alignof(struct session_tenant), sizeof(*t));
        if (tenants[place] == NULL)
            return NULL;
        n_tenants++;
    }
    t = tenants[place];
    memset(t, 0, sizeof(*t));
    t->number = place;
    strncpy(t->name, name, sizeof(t->name) - 1);
    t->session_limit = t->half_open_limit = UINT32_MAX; // until it is configured
    t->source_limit = t->fragment_limit = UINT32_MAX;
    for (unsigned i = 0; i < API_N_TIMEOUTS; i++)
        set_timeout(t, i, default_sec[i]);
    return t;
}

struct session_tenant *session_tenant_get(const char *name)
{
    struct session_tenant *t = NULL;

    for (uint32_t i = 0; i < n_tenants && t == NULL; i++)
        if (strcmp(tenants[i]->name, name) == 0)
            t = tenants[i];
    if (t == NULL)
        t = create(name);
    if (t != NULL)
        t->n_references++;
    return t;
}

void session_tenant_put(struct session_tenant *tenant)
{
    if (tenant != NULL)
        tenant->n_references--;
}

void session_tenant_configure(struct session_tenant *tenant, const struct api_tenant *item)
{
    __atomic_store_n(&tenant->session_limit, item->session_limit, __ATOMIC_RELAXED);
    __atomic_store_n(&tenant->half_open_limit, item->half_open_limit, __ATOMIC_RELAXED);
    __atomic_store_n(&tenant->source_limit, item->source_session_limit, __ATOMIC_RELAXED);
    __atomic_store_n(&tenant->fragment_limit, item->fragment_limit, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < API_N_TIMEOUTS; i++)
        set_timeout(tenant, i, item->timeout_sec[i]);
}

uint32_t session_timeout_ms(const struct session_tenant *tenant, enum api_timeout timeout)
{
    return __atomic_load_n(&tenant->timeout_ms[timeout], __ATOMIC_RELAXED);
}

void session_tenant_counts(const struct session_tenant *tenant, uint32_t *n_sessions,
                           uint32_t *n_half_open)
{
    *n_sessions = __atomic_load_n(&tenant->n_sessions, __ATOMIC_RELAXED);
    *n_half_open = __atomic_load_n(&tenant->n_half_open, __ATOMIC_RELAXED);
}

void tenant_fini(void)
{
    for (uint32_t i = 0; i < n_tenants; i++) {
        free(tenants[i]);
        tenants[i] = NULL;
    }
    n_tenants = 0;
}
