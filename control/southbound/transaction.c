// SPDX-License-Identifier: BSD-3-Clause
// How does a configuration get into the dataplane? Datagram by datagram, several in flight; the
// first refusal stops it and the transaction is aborted, so the dataplane keeps what it ran. Event
// loop only; called by southbound.c through link.c. Next: southbound.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/failure.h"
#include "control/southbound/transaction.h"

struct transaction {
    struct dialogue dialogue;
    const struct encoding *encoding;
    size_t cursor;
    uint32_t n_unanswered;
    bool is_abort_sent;
    struct api_header abort;
    struct transaction_result result;
    void (*done)(void *arg, const struct transaction_result *result);
    void *arg;
};

static struct transaction *of_dialogue(struct dialogue *d)
{
    return (struct transaction *)d; // its first member
}

static void transaction_end(struct transaction *t)
{
    t->done(t->arg, &t->result);
    free(t);
}

static const struct api_header *transaction_next(struct dialogue *d)
{
    struct transaction *t = of_dialogue(d);
    const struct api_header *h = NULL;

    if (t->result.error.code == 0) {
        h = encoding_next(t->encoding, &t->cursor);
    } else if (t->n_unanswered == 0 && !t->is_abort_sent) {
        t->is_abort_sent = true;
        h = &t->abort;
    }
    if (h != NULL)
        t->n_unanswered++;
    return h;
}

static void note_reply(struct transaction *t, const struct api_header *h)
{
    const struct api_reply *reply = (const void *)(h + 1);

    if (t->result.error.code != 0)
        return; // the first refusal is the reason
    if (h->type != API_REPLY)
        failure(&t->result.error, -EPROTO, NULL, "the dataplane answered with a message of type %u",
                h->type);
    else if (reply->error != 0)
        failure(&t->result.error, reply->error < 0 ? reply->error : -EPROTO, reply->path,
                "the dataplane refuses this: %s", reply->sentence);
    else
        t->result.generation = reply->generation;
}

static bool transaction_answer(struct dialogue *d, const struct api_header *h)
{
    struct transaction *t = of_dialogue(d);
    size_t cursor = t->cursor;

    t->n_unanswered--;
    note_reply(t, h);
    if (t->n_unanswered > 0)
        return false;
    if (t->result.error.code == 0 ? encoding_next(t->encoding, &cursor) != NULL : !t->is_abort_sent)
        return false;
    transaction_end(t);
    return true;
}

static void transaction_lost(struct dialogue *d, const char *sentence)
{
    struct transaction *t = of_dialogue(d);

    if (t->cursor == 0) // it was never there
        failure(&t->result.error, -ENOTCONN, NULL, "%s", sentence);
    else
        failure(&t->result.error, -ECONNRESET, NULL, "%s while the configuration was being sent",
                sentence);
    transaction_end(t);
}

int transaction_start(struct link *link, const struct encoding *encoding,
                      void (*done)(void *arg, const struct transaction_result *result), void *arg)
{
    struct transaction *t = calloc(1, sizeof(*t));
    int rc;

    if (t == NULL)
        return -ENOMEM;
    t->dialogue = (struct dialogue){transaction_next, transaction_answer, transaction_lost, NULL};
    t->encoding = encoding;
    t->abort = (struct api_header){
        .magic = API_MAGIC, .version = API_VERSION, .type = API_ABORT, .len = sizeof(t->abort)};
    t->done = done;
    t->arg = arg;
    rc = link_talk(link, &t->dialogue);
    if (rc < 0)
        free(t);
    return rc;
}
