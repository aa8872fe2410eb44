// SPDX-License-Identifier: BSD-3-Clause
// How do all chains, firewalls or NATs fare? Asks the dataplane for one after the other, a question
// at a time, so that a thousand of them hold up neither the event loop nor a commit. Event loop
// only; called by chains.c, firewalls.c, nats.c and metrics.c. The configuration may change
// meanwhile: names are noted first, and who is gone has no state. Next: southbound/listing.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/northbound/server.h"
#include "control/northbound/states.h"

struct collection {
    struct exchange *x;
    enum api_type type;
    size_t next;
    struct state_reports result;
    const struct states_view *view; // NULL: `done` is told
    void (*done)(struct exchange *x, const struct state_reports *reports);
};

static void ask_next(struct collection *c);

static void answer(struct exchange *x, const struct states_view *view,
                   const struct state_reports *reports)
{
    const struct encoding *encoding = apply_running(northbound_context(x->n)->apply);
    json_t *list;

    if (reports->error.code != 0) {
        exchange_refuse(x, &reports->error);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < reports->n; i++)
        json_array_append_new(list, view->describe(encoding, &reports->reports[i]));
    exchange_answer_json(x, 200, json_pack("{s:o}", view->key, list));
}

static void tell(const struct collection *c)
{
    if (c->view != NULL)
        answer(c->x, c->view, &c->result);
    else
        c->done(c->x, &c->result);
}

static void collection_end(struct collection *c)
{
    tell(c);
    free(c->result.reports);
    free(c);
}

static size_t state_size(enum api_type type)
{
    if (type == API_CHAIN)
        return sizeof(struct api_chain_state);
    return type == API_FIREWALL ? sizeof(struct api_firewall_state) : sizeof(struct api_nat_state);
}

static enum api_type question_type(enum api_type type)
{
    if (type == API_CHAIN)
        return API_SHOW_CHAIN;
    return type == API_FIREWALL ? API_SHOW_FIREWALL : API_SHOW_NAT;
}

static void on_state(void *arg, struct listing *listing)
{
    struct collection *c = arg;
    struct state_report *report = &c->result.reports[c->next - 1];

    if (listing->error.code == 0 && listing->n > 0) {
        memcpy(&report->chain, listing->items, state_size(c->type)); // any of the union
        report->is_known = true;
    }
    free(listing->items);
    if (listing->error.code == 0 || listing->error.code == -ENOENT) {
        ask_next(c);
        return;
    }
    c->result.error = listing->error;
    collection_end(c);
}

static void mark(struct collection *c, const struct encoding *encoding)
{
    const struct api_header *h;
    size_t cursor = 0;

    for (size_t i = 0; i < c->result.n; i++)
        c->result.reports[i].is_wanted = c->type != API_CHAIN;
    while (c->type == API_CHAIN && (h = encoding_next(encoding, &cursor)) != NULL) {
        const struct api_chain_function *f = (const void *)(h + 1);

        for (uint32_t i = 0; h->type == API_CHAIN_FUNCTION && i < h->n_items; i++)
            c->result.reports[f[i].owner].is_wanted = true;
    }
}

static void ask_next(struct collection *c)
{
    struct southbound *southbound = northbound_context(c->x->n)->southbound;
    struct listing_question question = {.type = question_type(c->type)};
    struct api_show_chain *request = &question.request.chain; // the others are the same
    const struct state_report *report;
    struct southbound_status status;
    int rc;

    while (c->next < c->result.n && !c->result.reports[c->next].is_wanted)
        c->next++;
    if (c->next == c->result.n) {
        collection_end(c);
        return;
    }
    report = &c->result.reports[c->next];
    memcpy(request->tenant, report->name.tenant, API_NAME_SIZE);
    memcpy(request->name, report->name.name, API_NAME_SIZE);
    c->next++;
    rc = southbound_ask(southbound, &question, on_state, c);
    if (rc == 0)
        return;
    southbound_status(southbound, &status);
    failure(&c->result.error, rc, NULL, "%s", rc == -ENOMEM ? "out of memory" : status.sentence);
    collection_end(c);
}

static int note_names(struct collection *c)
{
    const struct encoding *encoding = apply_running(northbound_context(c->x->n)->apply);
    const struct api_chain *item; // owner and name begin all of them
    size_t n = 0;

    while (encoding_item(encoding, c->type, (uint32_t)n) != NULL)
        n++;
    c->result.reports = calloc(n + 1, sizeof(*c->result.reports));
    if (c->result.reports == NULL)
        return failure(&c->result.error, -ENOMEM, NULL, "out of memory");
    for (; c->result.n < n; c->result.n++) {
        struct state_report *report = &c->result.reports[c->result.n];

        report->index = (uint32_t)c->result.n;
        item = encoding_item(encoding, c->type, report->index);
        memcpy(report->name.name, item->name, API_NAME_SIZE);
        memcpy(report->name.tenant, running_tenant(encoding, item->owner), API_NAME_SIZE);
    }
    mark(c, encoding);
    return 0;
}

static void begin(const struct collection *wanted)
{
    struct collection *c = malloc(sizeof(*c)), none = *wanted;

    if (c == NULL) {
        failure(&none.result.error, -ENOMEM, NULL, "out of memory");
        tell(&none);
        return;
    }
    *c = *wanted;
    if (note_names(c) < 0)
        collection_end(c);
    else
        ask_next(c);
}

void states_collect(struct exchange *x, enum api_type type,
                    void (*done)(struct exchange *x, const struct state_reports *reports))
{
    begin(&(struct collection){.x = x, .type = type, .done = done});
}

void states_answer(struct exchange *x, const struct states_view *view)
{
    begin(&(struct collection){.x = x, .type = view->type, .view = view});
}

uint32_t states_index(const struct encoding *encoding, enum api_type type,
                      const struct state_report *report)
{
    const struct api_chain *item = encoding_item(encoding, type, report->index);

    if (item != NULL && strcmp(item->name, report->name.name) == 0 &&
        strcmp(running_tenant(encoding, item->owner), report->name.tenant) == 0)
        return report->index;
    return running_find(encoding, type, &report->name);
}
