// SPDX-License-Identifier: BSD-3-Clause
// Does the dataplane run what it should? Compares what it says in its hello and after each commit
// with the wanted configuration and sends that if they differ. Event loop only; called by apply.c
// for changes, by link.c's events when the dataplane comes and goes. Next: apply.c.

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/log.h"
#include "control/southbound/southbound.h"

struct southbound {
    struct link *link;
    char *run_dir;
    const struct encoding *wanted;        // NULL before the first is settled
    uint64_t wanted_sent_id, sent_id;     // of the transactions under way
    uint64_t config_id, generation;       // what the dataplane runs
    bool is_held;                         // between southbound_send and southbound_settle
    bool is_sending;                      // the wanted configuration is on its way
    char refusal[2 * API_TEXT_SIZE + 64]; // why it did not take it; empty: it did
    uv_timer_t retry;                     // after a refusal
    struct stats *stats;
    struct southbound_follower follower;
    struct southbound_feeder feeder;
    void (*done)(void *arg, const struct transaction_result *result); // of southbound_send
    void *arg;
};

static void reconcile(struct southbound *s);

static bool is_in_step(const struct southbound *s)
{
    return s->wanted != NULL && link_state(s->link) == LINK_UP &&
           s->config_id == encoding_config_id(s->wanted);
}

static void tell_in_step(struct southbound *s)
{
    if (s->is_held || !is_in_step(s))
        return;
    if (s->follower.in_step != NULL)
        s->follower.in_step(s->follower.arg);
    if (s->feeder.in_step != NULL)
        s->feeder.in_step(s->feeder.arg);
}

static void on_retry(uv_timer_t *timer)
{
    reconcile(timer->data);
}

static void on_wanted_done(void *arg, const struct transaction_result *result)
{
    struct southbound *s = arg;

    s->is_sending = false;
    if (result->error.code == 0) {
        s->refusal[0] = '\0';
        s->config_id = s->wanted_sent_id;
        s->generation = result->generation;
        log_info("the dataplane runs the configuration: generation %" PRIu64, s->generation);
        reconcile(s); // another one may be wanted by now
        tell_in_step(s);
        return;
    }
    if (link_state(s->link) != LINK_UP)
        return; // it is told again when it is back
    snprintf(s->refusal, sizeof(s->refusal), "%s%s%s", result->error.path,
             result->error.path[0] == '\0' ? "" : ": ", result->error.sentence);
    log_warn("the dataplane does not take the running configuration: %s", s->refusal);
    uv_timer_start(&s->retry, on_retry, LINK_RETRY_SLOW_MS, 0);
}

static void reconcile(struct southbound *s)
{
    if (s->wanted == NULL || s->is_held || s->is_sending || link_state(s->link) != LINK_UP ||
        is_in_step(s))
        return;
    s->is_sending = true;
    s->wanted_sent_id = encoding_config_id(s->wanted);
    if (transaction_start(s->link, s->wanted, on_wanted_done, s) < 0) {
        s->is_sending = false;
        uv_timer_start(&s->retry, on_retry, LINK_RETRY_SLOW_MS, 0);
    }
}

static void on_up(void *arg, const struct api_hello *hello)
{
    struct southbound *s = arg;

    s->config_id = hello->config_id;
    s->generation = hello->generation;
    s->refusal[0] = '\0';
    log_info("the dataplane is there, generation %" PRIu64 "%s", s->generation,
             is_in_step(s) ? ", with the running configuration" : "");
    reconcile(s);
    tell_in_step(s);
}

static void on_down(void *arg)
{
    struct southbound *s = arg;

    if (s->wanted != NULL) // else it is we who go
        log_info("the dataplane is gone: %s", link_sentence(s->link));
    stats_close(s->stats);
    s->stats = NULL;
    if (s->feeder.gone != NULL)
        s->feeder.gone(s->feeder.arg);
}

int southbound_create(uv_loop_t *loop, const char *run_dir, struct southbound **southbound,
                      struct config_error *e)
{
    struct southbound *s = calloc(1, sizeof(*s));
    struct link_events events = {.up = on_up, .down = on_down, .arg = s};
    char path[4096];
    int rc;

    if (s == NULL)
        return failure(e, -ENOMEM, NULL, "out of memory");
    s->run_dir = strdup(run_dir);
    snprintf(path, sizeof(path), "%s/%s", run_dir, API_SOCKET_NAME);
    rc = s->run_dir == NULL ? -ENOMEM : link_create(loop, path, &events, &s->link);
    if (rc < 0) {
        free(s->run_dir);
        free(s);
        return failure(e, rc, NULL, "%s can't be the dataplane's socket: %s", path, strerror(-rc));
    }
    uv_timer_init(loop, &s->retry);
    s->retry.data = s;
    *southbound = s;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void southbound_destroy(struct southbound *s)
{
    s->wanted = NULL;
    link_destroy(s->link);
    stats_close(s->stats);
    free(s->run_dir);
    uv_close((uv_handle_t *)&s->retry, on_closed);
}

static void on_send_done(void *arg, const struct transaction_result *result)
{
    struct southbound *s = arg;

    if (result->error.code == 0) {
        s->config_id = s->sent_id;
        s->generation = result->generation;
    }
    s->done(s->arg, result);
}

int southbound_send(struct southbound *s, const struct encoding *encoding,
                    void (*done)(void *arg, const struct transaction_result *result), void *arg)
{
    s->done = done;
    s->arg = arg;
    s->sent_id = encoding_config_id(encoding);
    s->is_held = true;
    return transaction_start(s->link, encoding, on_send_done, s);
}

int southbound_send_rules(struct southbound *s, const struct api_rule_change *items, uint32_t n,
                          void (*done)(void *arg, const struct transaction_result *result),
                          void *arg)
{
    if (!is_in_step(s))
        return -EAGAIN;
    s->done = done;
    s->arg = arg;
    s->sent_id = items[0].config_id;
    s->is_held = true;
    return rule_change_start(s->link, items, n, on_send_done, s);
}

void southbound_settle(struct southbound *s, const struct encoding *wanted)
{
    bool is_first = s->wanted == NULL;

    if (wanted != NULL) {
        s->wanted = wanted;
        s->refusal[0] = '\0';
    }
    s->is_held = false;
    if (is_first)
        link_start(s->link);
    reconcile(s);
    tell_in_step(s);
}

static void set_overlay(struct southbound *s)
{
    const struct stats_overlay overlay = {s->follower.port, s->follower.arg};

    if (s->stats != NULL)
        stats_set_overlay(s->stats, &overlay);
}

void southbound_follow(struct southbound *s, const struct southbound_follower *follower)
{
    s->follower = *follower;
    set_overlay(s);
    tell_in_step(s);
}

int southbound_grant_xdp(struct southbound *s, const struct api_xdp *item, const int fds[2],
                         void (*done)(void *arg, const struct config_error *e), void *arg)
{
    if (s->is_held || !is_in_step(s))
        return -EAGAIN;
    return xdp_grant_start(s->link, item, fds, done, arg);
}

void southbound_feed(struct southbound *s, const struct southbound_feeder *feeder)
{
    s->feeder = *feeder;
    tell_in_step(s);
}

int southbound_deliver(struct southbound *s, const struct delivery *delivery,
                       void (*done)(void *arg, const struct delivery_result *result), void *arg)
{
    if (s->is_held || !is_in_step(s))
        return -EAGAIN;
    return delivery_start(s->link, delivery, &s->generation, done, arg);
}

int southbound_ask(struct southbound *s, const struct listing_question *question,
                   void (*done)(void *arg, struct listing *listing), void *arg)
{
    return listing_start(s->link, question, done, arg);
}

void southbound_status(const struct southbound *s, struct southbound_status *status)
{
    *status = (struct southbound_status){
        .link = link_state(s->link),
        .is_in_step = is_in_step(s),
        .sentence = link_sentence(s->link),
    };
    if (status->link != LINK_UP)
        return;
    status->config_id = s->config_id;
    status->generation = s->generation;
    if (s->refusal[0] != '\0')
        status->sentence = s->refusal;
    else if (!status->is_in_step)
        status->sentence = "the configuration is on its way";
}

const struct stats *southbound_stats(struct southbound *s)
{
    if (s->stats == NULL && link_state(s->link) == LINK_UP)
        if (stats_open(s->run_dir, &s->stats) < 0)
            s->stats = NULL;
    set_overlay(s);
    return s->stats;
}
