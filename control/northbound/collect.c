// SPDX-License-Identifier: BSD-3-Clause
// How do all routers fare? Asks the dataplane for one after the other, a question at a time, so
// that a thousand routers hold up neither the event loop nor a commit. Event loop only; called by
// routers.c and metrics.c. The configuration may change meanwhile: names are noted first, and who
// is gone is left out. Next: southbound/listing.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/northbound/routers.h"
#include "control/northbound/running.h"
#include "control/northbound/server.h"

#define MAX_INTERFACES 65536 // of one router, more than it may have

struct collection {
    struct exchange *x;
    struct object_name *names;
    size_t n_names, next;
    bool with_interfaces;
    struct router_reports result;
    void (*done)(struct exchange *x, const struct router_reports *reports);
};

static void ask_next(struct collection *c);

static void collection_end(struct collection *c)
{
    c->done(c->x, &c->result);
    for (size_t i = 0; i < c->result.n; i++)
        free(c->result.reports[i].interfaces);
    free(c->result.reports);
    free(c->names);
    free(c);
}

static void ask(struct collection *c, const struct listing_question *question,
                void (*done)(void *arg, struct listing *listing))
{
    struct southbound *southbound = northbound_context(c->x->n)->southbound;
    int rc = southbound_ask(southbound, question, done, c);
    struct southbound_status status;

    if (rc == 0)
        return;
    southbound_status(southbound, &status);
    failure(&c->result.error, rc, NULL, "%s", rc == -ENOMEM ? "out of memory" : status.sentence);
    collection_end(c);
}

// True: there is an answer to take. Else the next router is asked for, or it is over.
static bool is_good(struct collection *c, const struct listing *listing)
{
    if (listing->error.code == 0)
        return true;
    if (listing->error.code == -ENOENT) {
        ask_next(c);
        return false;
    }
    c->result.error = listing->error;
    collection_end(c);
    return false;
}

static void on_interfaces(void *arg, struct listing *listing)
{
    struct collection *c = arg;
    struct router_report *report = &c->result.reports[c->result.n];

    if (!is_good(c, listing)) {
        free(listing->items);
        return;
    }
    report->interfaces = listing->items;
    report->n_interfaces = listing->n;
    c->result.n++;
    ask_next(c);
}

static void on_state(void *arg, struct listing *listing)
{
    struct collection *c = arg;
    struct listing_question question = {.type = API_LIST_INTERFACES, .limit = MAX_INTERFACES};
    struct router_report *report = &c->result.reports[c->result.n];

    if (!is_good(c, listing)) {
        free(listing->items);
        return;
    }
    *report = (struct router_report){.state = *(struct api_router_state *)listing->items};
    free(listing->items);
    if (!c->with_interfaces) {
        c->result.n++;
        ask_next(c);
        return;
    }
    memcpy(question.request.interfaces.tenant, report->state.tenant, API_NAME_SIZE);
    memcpy(question.request.interfaces.name, report->state.name, API_NAME_SIZE);
    ask(c, &question, on_interfaces);
}

static void ask_next(struct collection *c)
{
    struct listing_question question = {.type = API_SHOW_ROUTER};

    if (c->next == c->n_names) {
        collection_end(c);
        return;
    }
    memcpy(question.request.router.tenant, c->names[c->next].tenant, API_NAME_SIZE);
    memcpy(question.request.router.name, c->names[c->next].name, API_NAME_SIZE);
    c->next++;
    ask(c, &question, on_state);
}

static int note_names(struct collection *c)
{
    const struct encoding *encoding = apply_running(northbound_context(c->x->n)->apply);
    const struct api_router *router;
    size_t n = 0;

    while (encoding_item(encoding, API_ROUTER, (uint32_t)n) != NULL)
        n++;
    c->names = calloc(n + 1, sizeof(*c->names));
    c->result.reports = calloc(n + 1, sizeof(*c->result.reports));
    if (c->names == NULL || c->result.reports == NULL)
        return failure(&c->result.error, -ENOMEM, NULL, "out of memory");
    for (; c->n_names < n; c->n_names++) {
        router = encoding_item(encoding, API_ROUTER, (uint32_t)c->n_names);
        memcpy(c->names[c->n_names].name, router->name, API_NAME_SIZE);
        memcpy(c->names[c->n_names].tenant, running_tenant(encoding, router->owner), API_NAME_SIZE);
    }
    return 0;
}

void routers_collect(struct exchange *x, bool with_interfaces,
                     void (*done)(struct exchange *x, const struct router_reports *reports))
{
    struct router_reports none = {0};
    struct collection *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        failure(&none.error, -ENOMEM, NULL, "out of memory");
        done(x, &none);
        return;
    }
    c->x = x;
    c->with_interfaces = with_interfaces;
    c->done = done;
    if (note_names(c) < 0)
        collection_end(c);
    else
        ask_next(c);
}
