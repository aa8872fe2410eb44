// SPDX-License-Identifier: BSD-3-Clause
// How does the dataplane get the XDP program of a port? One datagram with two descriptors, and its
// answer. Event loop only; called by southbound.c for control/xdp/. The descriptors are copied, so
// that whoever gave them may close his own at once. Next: link.c.

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/failure.h"
#include "control/southbound/xdp_grant.h"

struct xdp_grant {
    struct dialogue dialogue;
    struct link_xdp_message message;
    bool is_sent;
    void (*done)(void *arg, const struct config_error *e);
    void *arg;
};

static void xdp_grant_free(struct xdp_grant *g)
{
    for (unsigned i = 0; i < LINK_N_FDS; i++)
        if (g->message.fds[i] >= 0)
            close(g->message.fds[i]);
    free(g);
}

static void xdp_grant_end(struct xdp_grant *g, const struct config_error *e)
{
    g->done(g->arg, e);
    xdp_grant_free(g);
}

static const struct api_header *xdp_grant_next(struct dialogue *d)
{
    struct xdp_grant *g = (struct xdp_grant *)d; // its first member

    if (g->is_sent)
        return NULL;
    g->is_sent = true;
    return &g->message.header;
}

static bool xdp_grant_answer(struct dialogue *d, const struct api_header *h)
{
    const struct api_reply *reply = (const void *)(h + 1);
    struct config_error e = {0};

    if (h->type != API_REPLY)
        failure(&e, -EPROTO, NULL, "the dataplane answered with a message of type %u", h->type);
    else if (reply->error < 0)
        failure(&e, reply->error, reply->path, "%s", reply->sentence);
    xdp_grant_end((struct xdp_grant *)d, &e);
    return true;
}

static void xdp_grant_lost(struct dialogue *d, const char *sentence)
{
    struct config_error e;

    failure(&e, -ENOTCONN, NULL, "%s", sentence);
    xdp_grant_end((struct xdp_grant *)d, &e);
}

int xdp_grant_start(struct link *link, const struct api_xdp *item, const int fds[2],
                    void (*done)(void *arg, const struct config_error *e), void *arg)
{
    struct xdp_grant *g = calloc(1, sizeof(*g));
    int rc = 0;

    if (g == NULL)
        return -ENOMEM;
    g->dialogue = (struct dialogue){xdp_grant_next, xdp_grant_answer, xdp_grant_lost, NULL};
    g->message.header = (struct api_header){.magic = API_MAGIC,
                                            .version = API_VERSION,
                                            .type = API_XDP,
                                            .len = sizeof(g->message.header) + sizeof(*item),
                                            .n_items = 1};
    g->message.item = *item;
    g->done = done;
    g->arg = arg;
    for (unsigned i = 0; i < LINK_N_FDS; i++) {
        g->message.fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
        if (g->message.fds[i] < 0)
            rc = -errno;
    }
    if (rc == 0)
        rc = link_talk(link, &g->dialogue);
    if (rc < 0)
        xdp_grant_free(g);
    return rc;
}
