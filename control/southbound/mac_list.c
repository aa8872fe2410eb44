// SPDX-License-Identifier: BSD-3-Clause
// Which MACs does a switch know? Asked of the dataplane page by page when a user wants to see them.
// Event loop only; called by southbound.c. What the dataplane answers is bounded here, so that it
// can't keep culvertd asking for ever. Next: northbound/state.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/southbound/transaction.h"

struct request_message {
    struct api_header header;
    struct api_list_macs item;
};

struct mac_request {
    struct dialogue dialogue;
    struct request_message message;
    bool is_wanted; // the next page is to be asked for
    struct mac_list list;
    void (*done)(void *arg, struct mac_list *list);
    void *arg;
};

static const struct api_header *mac_list_next(struct dialogue *d)
{
    struct mac_request *r = (struct mac_request *)d;

    if (!r->is_wanted)
        return NULL;
    r->is_wanted = false;
    return &r->message.header;
}

static void mac_list_end(struct mac_request *r)
{
    r->done(r->arg, &r->list);
    free(r);
}

static int append_page(struct mac_list *list, const struct api_mac *page, uint32_t n)
{
    static const uint8_t zero[6];
    struct api_mac *macs = realloc(list->macs, (list->n + n) * sizeof(*macs));

    if (macs == NULL)
        return failure(&list->error, -ENOMEM, NULL, "out of memory");
    list->macs = macs;
    for (uint32_t i = 0; i < n; i++)
        if (memcmp(page[i].mac, zero, sizeof(zero)) != 0) // an empty page has one such
            macs[list->n++] = page[i];
    return 0;
}

static bool mac_list_answer(struct dialogue *d, const struct api_header *h)
{
    struct mac_request *r = (struct mac_request *)d;
    const struct api_mac *page = (const void *)(h + 1);
    const struct api_reply *reply = (const void *)(h + 1);
    uint32_t next;

    if (h->type == API_REPLY && reply->error < 0) {
        failure(&r->list.error, reply->error, reply->path, "%s", reply->sentence);
    } else if (h->type != API_MACS) {
        failure(&r->list.error, -EPROTO, NULL, "the dataplane answered with a message of type %u",
                h->type);
    } else if (append_page(&r->list, page, h->n_items) == 0) {
        next = page[h->n_items - 1].next;
        // A cursor that does not move on would never end.
        if (next > r->message.item.cursor && r->list.n < MAC_LIST_MAX) {
            r->message.item.cursor = next;
            r->is_wanted = true;
            return false;
        }
    }
    mac_list_end(r);
    return true;
}

static void mac_list_lost(struct dialogue *d, const char *sentence)
{
    struct mac_request *r = (struct mac_request *)d;

    failure(&r->list.error, -ENOTCONN, NULL, "%s", sentence);
    mac_list_end(r);
}

int mac_list_start(struct link *link, const char *tenant, const char *name,
                   void (*done)(void *arg, struct mac_list *list), void *arg)
{
    struct mac_request *r = calloc(1, sizeof(*r));
    int rc;

    if (r == NULL)
        return -ENOMEM;
    r->dialogue = (struct dialogue){mac_list_next, mac_list_answer, mac_list_lost, NULL};
    r->message.header = (struct api_header){.magic = API_MAGIC,
                                            .version = API_VERSION,
                                            .type = API_LIST_MACS,
                                            .len = sizeof(r->message),
                                            .n_items = 1};
    snprintf(r->message.item.tenant, API_NAME_SIZE, "%s", tenant);
    snprintf(r->message.item.name, API_NAME_SIZE, "%s", name);
    r->is_wanted = true;
    r->done = done;
    r->arg = arg;
    rc = link_talk(link, &r->dialogue);
    if (rc < 0)
        free(r);
    return rc;
}
