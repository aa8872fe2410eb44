// SPDX-License-Identifier: BSD-3-Clause
// What does the event loop have to do with the kernel mirror? Gives its thread the routers of each
// configuration that runs, and takes the thread's datagrams to the dataplane, a few at a time. What
// was made for another life of the dataplane, or for interfaces in another order, is thrown away:
// the thread is at it again. Next: mirror.c, the thread.

#include "control/kernel/kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/kernel/mirror.h"
#include "control/log.h"

#define FIRST_RETRY_MS 5000 // after a refusal everything is given again,
#define LAST_RETRY_MS 80000 // less and less often

// A router of the plan, as the event loop sees it.
struct row {
    struct kernel_status status;
    bool is_refused; // since the last retry
};

struct kernel {
    struct southbound *southbound;
    struct apply *apply;
    uv_async_t async;
    uv_timer_t retry;
    unsigned n_handles; // not yet closed
    struct feed *feed;
    struct mirror *mirror;
    struct plan *plan;              // the thread has one of its own
    struct row *rows;               // of the plan's routers
    uint64_t config_id;             // of the plan
    uint64_t session, last_session; // 0: the dataplane is not there
    struct datagram *waiting;       // taken from the feed and not sent
    struct datagram *sending[DELIVERY_SIZE];
    unsigned n_sending;
    unsigned retry_ms;
};

static void pump(struct kernel *k);

static struct row *find_row(const struct kernel *k, const char *tenant, const char *name)
{
    const struct plan_router *router = k->plan == NULL ? NULL : plan_find(k->plan, tenant, name);

    return router == NULL ? NULL : &k->rows[router - k->plan->routers];
}

static void free_sending(struct kernel *k, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        free(k->sending[i]);
    memmove(k->sending, &k->sending[n], (k->n_sending - n) * sizeof(k->sending[0]));
    k->n_sending -= n;
}

// Those that were not sent come first next time.
static void put_back(struct kernel *k)
{
    while (k->n_sending > 0) {
        k->n_sending--;
        k->sending[k->n_sending]->next = k->waiting;
        k->waiting = k->sending[k->n_sending];
    }
}

static struct datagram *take(struct kernel *k)
{
    struct datagram *d = k->waiting;

    if (d == NULL)
        return feed_take(k->feed);
    k->waiting = d->next;
    return d;
}

static void drop_waiting(struct kernel *k)
{
    struct datagram *d;

    while ((d = k->waiting) != NULL) {
        k->waiting = d->next;
        free(d);
    }
}

// The dataplane may have room for more by now.
static void on_retry(uv_timer_t *timer)
{
    struct kernel *k = timer->data;

    for (uint32_t i = 0; k->session != 0 && i < k->plan->n_routers; i++) {
        if (!k->rows[i].is_refused)
            continue;
        k->rows[i].is_refused = false;
        mirror_resync(k->mirror, k->plan->routers[i].tenant, k->plan->routers[i].name);
    }
    k->retry_ms = k->retry_ms < LAST_RETRY_MS ? 2 * k->retry_ms : LAST_RETRY_MS;
}

static void note_refusal(struct kernel *k, struct row *row, const struct api_route_target *target,
                         const struct config_error *e)
{
    char sentence[API_TEXT_SIZE];

    snprintf(sentence, sizeof(sentence), "%s", e->sentence);
    if (strcmp(row->status.refusal, sentence) != 0)
        log_warn("router %s/%s does not take all that the kernel has: %s", target->tenant,
                 target->name, sentence);
    memcpy(row->status.refusal, sentence, sizeof(sentence));
    row->status.n_refusals++;
    row->status.is_complete = false;
    row->is_refused = true;
    if (!uv_is_active((uv_handle_t *)&k->retry))
        uv_timer_start(&k->retry, on_retry, k->retry_ms, 0);
}

static void note_sweep(struct kernel *k, struct row *row)
{
    row->status.n_resyncs++;
    if (row->is_refused)
        return;
    row->status.is_complete = true;
    row->status.refusal[0] = '\0';
    k->retry_ms = FIRST_RETRY_MS;
}

static void note_delivered(struct kernel *k, const struct delivery_result *result)
{
    const struct api_route_target *target = &k->sending[0]->target;
    struct row *row = find_row(k, target->tenant, target->name);

    if (row == NULL)
        return; // it is in no configuration any more
    if (result->refusal.code != 0)
        note_refusal(k, row, target, &result->refusal);
    for (unsigned i = 0; i < result->n_sent; i++) {
        if (k->sending[i]->header.type == API_ROUTE_SWEEP)
            note_sweep(k, row);
        else
            row->status.n_changes += k->sending[i]->header.n_items;
    }
}

static void on_delivered(void *arg, const struct delivery_result *result)
{
    struct kernel *k = arg;

    if (!result->is_lost && k->session != 0)
        note_delivered(k, result);
    // Without the router in the dataplane none of them is of use.
    free_sending(k,
                 result->n_sent == 0 && result->refusal.code != 0 ? k->n_sending : result->n_sent);
    put_back(k);
    pump(k);
}

// Whether it is for this life of the dataplane and the interfaces as they are now.
static bool is_valid(const struct kernel *k, const struct datagram *d)
{
    const struct plan_router *router = plan_find(k->plan, d->target.tenant, d->target.name);

    return d->session == k->session && router != NULL && router->layout == d->layout;
}

// As many datagrams for one router as a delivery takes.
static void gather(struct kernel *k)
{
    struct datagram *d;

    while (k->n_sending < DELIVERY_SIZE && (d = take(k)) != NULL) {
        if (!is_valid(k, d)) {
            free(d);
            continue;
        }
        if (k->n_sending > 0 &&
            memcmp(&k->sending[0]->target, &d->target, sizeof(d->target)) != 0) {
            d->next = k->waiting;
            k->waiting = d;
            return;
        }
        k->sending[k->n_sending++] = d;
    }
}

static void pump(struct kernel *k)
{
    struct delivery delivery = {.n = 0};

    if (k->session == 0 || k->n_sending > 0)
        return;
    gather(k);
    if (k->n_sending == 0)
        return;
    delivery.target = k->sending[0]->target;
    for (unsigned i = 0; i < k->n_sending; i++)
        delivery.datagrams[delivery.n++] = &k->sending[i]->header;
    if (southbound_deliver(k->southbound, &delivery, on_delivered, k) < 0)
        put_back(k); // on_in_step is next
}

static void on_async(uv_async_t *async)
{
    pump(async->data);
}

static void wake(void *arg)
{
    struct kernel *k = arg;

    uv_async_send(&k->async);
}

// The plan of the event loop itself. Rows go along with their routers.
static void keep_plan(struct kernel *k, struct plan *plan, struct row *rows)
{
    struct row *row;

    for (uint32_t i = 0; i < plan->n_routers; i++) {
        row = find_row(k, plan->routers[i].tenant, plan->routers[i].name);
        if (row != NULL)
            rows[i] = *row;
    }
    plan_destroy(k->plan);
    free(k->rows);
    k->plan = plan;
    k->rows = rows;
}

// The thread is told of another plan, or for another life of the dataplane: most changes (a rule of
// a firewall) are none of its business.
static int take_configuration(struct kernel *k, bool is_new)
{
    const struct encoding *encoding = apply_running(k->apply);
    struct plan *own = NULL, *given = NULL;
    struct row *rows;

    if (plan_create(encoding, &own) < 0)
        return -ENOMEM;
    if (!is_new && k->plan != NULL && plan_is_same(own, k->plan)) {
        k->config_id = encoding_config_id(encoding);
        plan_destroy(own);
        return 0;
    }
    if (plan_create(encoding, &given) < 0) {
        plan_destroy(own);
        return -ENOMEM;
    }
    rows = calloc(own->n_routers + 1, sizeof(*rows));
    if (rows == NULL) {
        plan_destroy(own);
        plan_destroy(given);
        return -ENOMEM;
    }
    keep_plan(k, own, rows);
    k->config_id = encoding_config_id(encoding);
    mirror_give(k->mirror, given, k->session);
    return 0;
}

static void on_in_step(void *arg)
{
    struct kernel *k = arg;
    bool is_new = k->session == 0;

    if (is_new) {
        k->session = ++k->last_session;
        feed_open(k->feed, k->session);
    }
    if (is_new || k->config_id != encoding_config_id(apply_running(k->apply)))
        if (take_configuration(k, is_new) < 0)
            log_error("the kernel mirror is out of memory: it does not follow the configuration");
    if (k->plan != NULL)
        pump(k);
}

static void on_gone(void *arg)
{
    struct kernel *k = arg;

    k->session = 0;
    feed_open(k->feed, 0);
    drop_waiting(k);
    for (uint32_t i = 0; k->plan != NULL && i < k->plan->n_routers; i++)
        k->rows[i].status.is_complete = k->rows[i].is_refused = false;
}

static void start(uv_loop_t *loop, struct kernel *k)
{
    struct southbound_feeder feeder = {on_in_step, on_gone, k};

    uv_async_init(loop, &k->async, on_async);
    uv_timer_init(loop, &k->retry);
    k->async.data = k;
    k->retry.data = k;
    k->n_handles = 2;
    k->retry_ms = FIRST_RETRY_MS;
    southbound_feed(k->southbound, &feeder);
}

int kernel_create(uv_loop_t *loop, struct southbound *southbound, struct apply *apply,
                  struct kernel **kernel, struct config_error *e)
{
    struct kernel *k = calloc(1, sizeof(*k));
    int rc;

    if (k == NULL)
        return failure(e, -ENOMEM, NULL, "out of memory");
    k->southbound = southbound;
    k->apply = apply;
    rc = feed_create(wake, k, &k->feed);
    if (rc < 0)
        goto free_kernel;
    rc = mirror_create(k->feed, &k->mirror);
    if (rc < 0)
        goto destroy_feed;
    start(loop, k);
    *kernel = k;
    return 0;
destroy_feed:
    feed_destroy(k->feed);
free_kernel:
    free(k);
    return failure(e, rc, NULL, "no thread for the kernel mirror: %s", strerror(-rc));
}

static void on_closed(uv_handle_t *handle)
{
    struct kernel *k = handle->data;

    if (--k->n_handles > 0)
        return;
    free_sending(k, k->n_sending);
    free(k->rows);
    plan_destroy(k->plan);
    free(k);
}

void kernel_destroy(struct kernel *k)
{
    struct southbound_feeder nobody = {0};

    southbound_feed(k->southbound, &nobody);
    on_gone(k); // so that the thread waits for nobody
    mirror_destroy(k->mirror);
    feed_destroy(k->feed);
    k->feed = NULL;
    uv_close((uv_handle_t *)&k->async, on_closed);
    uv_close((uv_handle_t *)&k->retry, on_closed);
}

bool kernel_status(const struct kernel *k, const char *tenant, const char *name,
                   struct kernel_status *status)
{
    const struct row *row = find_row(k, tenant, name);

    if (row == NULL || !k->plan->routers[row - k->rows].has_twins)
        return false;
    *status = row->status;
    return true;
}
