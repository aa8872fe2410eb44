// SPDX-License-Identifier: BSD-3-Clause
// How do routes that daemons install get to the dataplane? The name of the router, and when that is
// accepted a few datagrams for it. What a commit has overtaken is not sent: positions of interfaces
// may mean others by then. Event loop only; called by southbound.c for kernel/. Next: link.c.

#include <errno.h>
#include <stdlib.h>

#include "control/failure.h"
#include "control/southbound/delivery.h"

struct target_message {
    struct api_header header;
    struct api_route_target item;
};

struct delivering {
    struct dialogue dialogue;
    struct delivery delivery;
    struct target_message message;
    const uint64_t *generation; // now,
    uint64_t begun_in;          // and when it began
    bool is_named, is_accepted; // the router
    unsigned n_answered;
    struct delivery_result result;
    void (*done)(void *arg, const struct delivery_result *result);
    void *arg;
};

static bool is_over(const struct delivering *d)
{
    return !d->is_accepted || d->result.n_sent == d->delivery.n || *d->generation != d->begun_in;
}

static const struct api_header *delivering_next(struct dialogue *dialogue)
{
    struct delivering *d = (struct delivering *)dialogue; // its first member

    if (!d->is_named) {
        d->is_named = true;
        return &d->message.header;
    }
    return is_over(d) ? NULL : d->delivery.datagrams[d->result.n_sent++];
}

static void note_refusal(struct delivering *d, const struct api_header *h)
{
    const struct api_reply *reply = (const void *)(h + 1);

    if (d->result.refusal.code != 0)
        return; // the first one is told
    if (h->type != API_REPLY)
        failure(&d->result.refusal, -EPROTO, NULL,
                "the dataplane answered with a message of type %u", h->type);
    else if (reply->error < 0)
        failure(&d->result.refusal, reply->error, reply->path, "%s", reply->sentence);
}

static bool delivering_answer(struct dialogue *dialogue, const struct api_header *h)
{
    struct delivering *d = (struct delivering *)dialogue;

    note_refusal(d, h);
    if (d->is_accepted)
        d->n_answered++;
    else
        d->is_accepted = d->result.refusal.code == 0;
    if (d->n_answered < d->result.n_sent || !is_over(d))
        return false;
    d->done(d->arg, &d->result);
    free(d);
    return true;
}

static void delivering_lost(struct dialogue *dialogue, const char *sentence)
{
    struct delivering *d = (struct delivering *)dialogue;

    (void)sentence; // link_lose has said it
    d->result.is_lost = true;
    d->done(d->arg, &d->result);
    free(d);
}

int delivery_start(struct link *link, const struct delivery *delivery, const uint64_t *generation,
                   void (*done)(void *arg, const struct delivery_result *result), void *arg)
{
    struct delivering *d = calloc(1, sizeof(*d));
    int rc;

    if (d == NULL)
        return -ENOMEM;
    d->dialogue = (struct dialogue){delivering_next, delivering_answer, delivering_lost, NULL};
    d->delivery = *delivery;
    d->message.header = (struct api_header){.magic = API_MAGIC,
                                            .version = API_VERSION,
                                            .type = API_ROUTE_TARGET,
                                            .len = sizeof(d->message),
                                            .n_items = 1};
    d->message.item = delivery->target;
    d->generation = generation;
    d->begun_in = *generation;
    d->done = done;
    d->arg = arg;
    rc = link_talk(link, &d->dialogue);
    if (rc < 0)
        free(d);
    return rc;
}
