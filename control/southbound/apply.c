// SPDX-License-Identifier: BSD-3-Clause
// How does a text become the running configuration? Parse, validate, compare, encode and write it
// beside the old file on a worker thread; commit in the dataplane; put it in the old file's place;
// then it is running. A failure anywhere leaves everything as it was. All steps but work_* run on
// the event loop; one request at a time, so that what work_* touch has one user. Next: ports.c,
// which says how the ports fare, then northbound/.

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/log.h"
#include "control/southbound/apply_edit.h"
#include "control/southbound/ports.h"

#define PORTS_POLL_MS 20
#define PORTS_MAX_POLLS 50 // so that a port that does not open holds an answer for a second

struct apply {
    uv_loop_t *loop;
    char *state_dir;
    struct southbound *southbound;
    struct schema *schema;
    struct config *running;
    struct encoding *encoding; // of running
    struct apply_follower follower;
    struct apply_request *first, **last; // the first one is under way
    uv_work_t work;
    uv_timer_t timer;
    unsigned n_polls;
    bool is_stopping;
    void (*idle)(void *arg);
    void *idle_arg;
};

static void apply_next(struct apply *a);

static void finish(struct apply *a)
{
    struct apply_request *r = a->first;

    a->first = r->next;
    if (a->first == NULL)
        a->last = &a->first;
    if (r->is_prepared)
        config_forget(a->state_dir);
    config_destroy(r->candidate);
    encoding_destroy(r->encoding);
    edit_destroy(r->edit);
    free(r->changes);
    r->edit = NULL;
    r->changes = NULL;
    r->candidate = NULL;
    r->encoding = NULL;
    r->done(r);
    apply_next(a);
}

static void queue_work(struct apply *a, uv_work_cb work, uv_after_work_cb after)
{
    a->work.data = a;
    uv_queue_work(a->loop, &a->work, work, after); // fails only without a callback
}

static void on_ports_timer(uv_timer_t *timer)
{
    struct apply *a = timer->data;
    struct apply_request *r = a->first;
    const struct stats *stats = southbound_stats(a->southbound);

    if (stats != NULL && ++a->n_polls < PORTS_MAX_POLLS &&
        ports_are_opening(stats, r->generation)) {
        uv_timer_start(&a->timer, on_ports_timer, PORTS_POLL_MS, 0);
        return;
    }
    if (stats != NULL)
        ports_add_warnings(stats, r);
    finish(a);
}

// The request is carried out; what is left is to look at the ports.
static void watch_ports(struct apply *a)
{
    a->n_polls = 0;
    on_ports_timer(&a->timer);
}

static void work_print(uv_work_t *work)
{
    struct apply *a = work->data;
    struct apply_request *r = a->first;

    r->config_id = config_id(a->running);
    r->printed = config_print(a->running, r->format);
    if (r->printed == NULL)
        failure(&r->error, -ENOMEM, NULL, "out of memory");
}

static void after_print(uv_work_t *work, int status)
{
    (void)status; // never cancelled
    finish(work->data);
}

static void work_prepare(uv_work_t *work)
{
    struct apply *a = work->data;
    struct apply_request *r = a->first;

    if (config_parse(a->schema, r->text, r->size, r->format, &r->candidate, &r->error) < 0) {
        r->candidate = NULL;
        return;
    }
    r->config_id = config_id(r->candidate);
    r->is_changed = r->config_id != config_id(a->running);
    if (config_compare(a->running, r->candidate, &r->diff) < 0)
        failure(&r->error, -ENOMEM, NULL, "out of memory");
    else if (r->kind == APPLY_COMMIT &&
             encoding_create(r->candidate, &r->encoding, &r->error) == 0 && r->is_changed) {
        apply_edit_find(a->encoding, r);
        r->is_prepared = config_prepare(r->candidate, a->state_dir, &r->error) == 0;
    }
}

static void on_rolled_back(void *arg, const struct transaction_result *result)
{
    struct apply *a = arg;

    if (result->error.code != 0)
        log_warn("the dataplane could not be rolled back yet: %s", result->error.sentence);
    southbound_settle(a->southbound, NULL);
    finish(a);
}

static void work_keep(uv_work_t *work)
{
    struct apply *a = work->data;

    if (a->first->kind == APPLY_EDIT)
        apply_edit_keep(a->running, a->state_dir, a->first);
    else
        config_keep(a->state_dir, &a->first->error);
}

// The candidate is the running configuration now; an edit has changed the running one in its place,
// and nobody follows what it changed.
static void take_over(struct apply *a, struct apply_request *r)
{
    a->encoding = r->encoding;
    r->encoding = NULL;
    if (r->kind == APPLY_EDIT)
        return;
    config_destroy(a->running);
    a->running = r->candidate;
    r->candidate = NULL;
    r->is_prepared = false;
    if (a->follower.running != NULL)
        a->follower.running(a->follower.arg, a->running, a->encoding);
}

static void after_keep(uv_work_t *work, int status)
{
    struct apply *a = work->data;
    struct apply_request *r = a->first;
    struct encoding *old_encoding = a->encoding;

    (void)status;
    if (r->error.code != 0) {
        log_error("%s", r->error.sentence);
        if (southbound_send(a->southbound, a->encoding, on_rolled_back, a) < 0) {
            southbound_settle(a->southbound, NULL);
            finish(a);
        }
        return;
    }
    if (r->error.sentence[0] != '\0') {
        log_warn("%s", r->error.sentence);
        apply_warn(r, "", "%s", r->error.sentence);
    }
    take_over(a, r);
    southbound_settle(a->southbound, a->encoding);
    encoding_destroy(old_encoding);
    if (r->kind == APPLY_EDIT)
        log_info("configuration %016" PRIx64 " is running: rule %" PRIu32 " of %s/%s", r->config_id,
                 r->place.seq, r->place.tenant, r->place.firewall);
    else
        log_info("configuration %016" PRIx64 " is running: %zu changes", r->config_id, r->diff.n);
    if (r->kind == APPLY_EDIT)
        finish(a); // it has opened no port
    else
        watch_ports(a);
}

// Known to the dataplane, or it will be: keep it.
static void keep(struct apply *a)
{
    if (a->first->is_changed) {
        queue_work(a, work_keep, after_keep);
        return;
    }
    southbound_settle(a->southbound, NULL);
    watch_ports(a);
}

static void add_absent_warning(struct apply *a)
{
    struct southbound_status status;

    southbound_status(a->southbound, &status);
    apply_warn(a->first, "", "%s: the configuration is kept and takes effect when it is there",
               status.sentence);
}

static void on_sent(void *arg, const struct transaction_result *result)
{
    struct apply *a = arg;
    struct apply_request *r = a->first;

    if (result->error.code == -ENOTCONN) {
        add_absent_warning(a);
        keep(a);
        return;
    }
    if (result->error.code != 0) {
        r->error = result->error;
        southbound_settle(a->southbound, NULL);
        finish(a);
        return;
    }
    r->generation = result->generation;
    keep(a);
}

static void send_whole(struct apply *a)
{
    if (southbound_send(a->southbound, a->first->encoding, on_sent, a) == 0)
        return;
    add_absent_warning(a);
    keep(a);
}

// What the dataplane refuses as an edit it may take as a whole, or its reason is the better one.
static void on_rules_sent(void *arg, const struct transaction_result *result)
{
    struct apply *a = arg;
    const struct api_rule_change *first = a->first->changes;

    if (result->error.code == 0 || result->error.code == -ENOTCONN ||
        result->error.code == -ECONNRESET) {
        on_sent(a, result);
        return;
    }
    log_info("the dataplane does not take rules of %s/%s by themselves: %s", first->tenant,
             first->name, result->error.sentence);
    send_whole(a);
}

static void work_edit(uv_work_t *work)
{
    struct apply *a = work->data;

    apply_edit_prepare(a->running, a->encoding, a->first);
}

static void after_prepare(uv_work_t *work, int status)
{
    struct apply *a = work->data;
    struct apply_request *r = a->first;
    struct southbound_status s;

    (void)status;
    southbound_status(a->southbound, &s);
    if (r->error.code != 0 || r->kind == APPLY_DIFF) {
        finish(a);
    } else if (!r->is_changed && s.is_in_step) {
        r->generation = s.generation;
        watch_ports(a);
    } else if (r->changes == NULL || southbound_send_rules(a->southbound, r->changes, r->n_changes,
                                                           on_rules_sent, a) < 0) {
        send_whole(a);
    }
}

static void apply_next(struct apply *a)
{
    struct apply_request *r = a->first;

    if (r == NULL) {
        if (a->is_stopping)
            a->idle(a->idle_arg);
    } else if (a->is_stopping) {
        failure(&r->error, -ESHUTDOWN, NULL, "culvertd is stopping");
        finish(a);
    } else if (r->kind == APPLY_PRINT) {
        queue_work(a, work_print, after_print);
    } else if (r->kind == APPLY_EDIT) {
        queue_work(a, work_edit, after_prepare);
    } else {
        queue_work(a, work_prepare, after_prepare);
    }
}

void apply_submit(struct apply *a, struct apply_request *r)
{
    bool is_alone = a->first == NULL;

    r->next = NULL;
    *a->last = r;
    a->last = &r->next;
    if (is_alone)
        apply_next(a);
}

void apply_request_fini(struct apply_request *r)
{
    config_diff_free(&r->diff);
    free(r->printed);
    free(r->warnings);
}

void apply_stop(struct apply *a, void (*idle)(void *arg), void *arg)
{
    a->is_stopping = true;
    a->idle = idle;
    a->idle_arg = arg;
    if (a->first == NULL)
        idle(arg);
}

void apply_follow(struct apply *a, const struct apply_follower *follower)
{
    a->follower = *follower;
    if (follower->running != NULL)
        follower->running(follower->arg, a->running, a->encoding);
}

const struct encoding *apply_running(const struct apply *a)
{
    return a->encoding;
}

static int load(struct apply *a, struct config_error *e)
{
    int rc = schema_create(&a->schema, e);

    if (rc == 0)
        rc = config_load(a->schema, a->state_dir, &a->running, e);
    if (rc == 0)
        rc = encoding_create(a->running, &a->encoding, e);
    return rc;
}

static void unload(struct apply *a)
{
    encoding_destroy(a->encoding);
    if (a->running != NULL)
        config_destroy(a->running);
    if (a->schema != NULL)
        schema_destroy(a->schema);
    free(a->state_dir);
}

int apply_create(uv_loop_t *loop, const char *state_dir, struct southbound *southbound,
                 struct apply **apply, struct config_error *e)
{
    struct apply *a = calloc(1, sizeof(*a));
    int rc;

    if (a == NULL)
        return failure(e, -ENOMEM, NULL, "out of memory");
    a->loop = loop;
    a->southbound = southbound;
    a->last = &a->first;
    a->state_dir = strdup(state_dir);
    rc = a->state_dir == NULL ? failure(e, -ENOMEM, NULL, "out of memory") : load(a, e);
    if (rc < 0) {
        unload(a);
        free(a);
        return rc;
    }
    uv_timer_init(loop, &a->timer);
    a->timer.data = a;
    southbound_settle(southbound, a->encoding);
    *apply = a;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void apply_destroy(struct apply *a)
{
    unload(a);
    uv_close((uv_handle_t *)&a->timer, on_closed);
}
