// SPDX-License-Identifier: BSD-3-Clause
// How do a few rules get to the dataplane, when all else stays as it is? As one datagram that takes
// effect as a whole, with one answer. Event loop only; called by southbound.c. Who may send it, and
// what becomes of a refusal, is decided in apply.c. Next: link.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/southbound/rule_change.h"

struct rule_change {
    struct dialogue dialogue;
    bool is_sent;
    struct transaction_result result;
    void (*done)(void *arg, const struct transaction_result *result);
    void *arg;
    struct api_header header; // the items stand behind it
    struct api_rule_change items[];
};

static const struct api_header *change_next(struct dialogue *d)
{
    struct rule_change *c = (struct rule_change *)d; // its first member

    if (c->is_sent)
        return NULL;
    c->is_sent = true;
    return &c->header;
}

static bool change_answer(struct dialogue *d, const struct api_header *h)
{
    struct rule_change *c = (struct rule_change *)d;
    const struct api_reply *reply = (const void *)(h + 1);

    if (h->type != API_REPLY)
        failure(&c->result.error, -EPROTO, NULL, "the dataplane answered with a message of type %u",
                h->type);
    else if (reply->error != 0)
        failure(&c->result.error, reply->error < 0 ? reply->error : -EPROTO, reply->path, "%s",
                reply->sentence);
    else
        c->result.generation = reply->generation;
    c->done(c->arg, &c->result);
    free(c);
    return true;
}

static void change_lost(struct dialogue *d, const char *sentence)
{
    struct rule_change *c = (struct rule_change *)d;

    failure(&c->result.error, c->is_sent ? -ECONNRESET : -ENOTCONN, NULL,
            c->is_sent ? "%s while a rule was being sent" : "%s", sentence);
    c->done(c->arg, &c->result);
    free(c);
}

int rule_change_start(struct link *link, const struct api_rule_change *items, uint32_t n,
                      void (*done)(void *arg, const struct transaction_result *result), void *arg)
{
    struct rule_change *c = calloc(1, sizeof(*c) + n * sizeof(*items));
    int rc;

    if (c == NULL)
        return -ENOMEM;
    c->dialogue = (struct dialogue){change_next, change_answer, change_lost, NULL};
    c->header = (struct api_header){.magic = API_MAGIC,
                                    .version = API_VERSION,
                                    .type = API_RULE_CHANGE,
                                    .len = (uint32_t)(sizeof(c->header) + n * sizeof(*items)),
                                    .n_items = n};
    memcpy(c->items, items, n * sizeof(*items));
    c->done = done;
    c->arg = arg;
    rc = link_talk(link, &c->dialogue);
    if (rc < 0)
        free(c);
    return rc;
}
