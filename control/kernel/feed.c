// SPDX-License-Identifier: BSD-3-Clause
// How do changes get from the mirror's thread to the event loop without either one waiting for long
// or memory without bound? A session that is over lets the thread go on at once. Next: kernel.c
// takes from it, batch.c puts into it.

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "control/kernel/feed.h"

struct feed {
    pthread_mutex_t lock; // all below
    pthread_cond_t has_room;
    struct datagram *first, **last;
    unsigned n;
    uint64_t session;
    void (*wake)(void *arg);
    void *arg;
};

int feed_create(void (*wake)(void *arg), void *arg, struct feed **feed)
{
    struct feed *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return -ENOMEM;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->has_room, NULL);
    f->last = &f->first;
    f->wake = wake;
    f->arg = arg;
    *feed = f;
    return 0;
}

// Locked.
static struct datagram *take(struct feed *f)
{
    struct datagram *d = f->first;

    if (d == NULL)
        return NULL;
    f->first = d->next;
    if (f->first == NULL)
        f->last = &f->first;
    f->n--;
    d->next = NULL;
    return d;
}

void feed_destroy(struct feed *f)
{
    feed_open(f, 0);
    pthread_cond_destroy(&f->has_room);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void feed_open(struct feed *f, uint64_t session)
{
    struct datagram *d;

    pthread_mutex_lock(&f->lock);
    while ((d = take(f)) != NULL)
        free(d);
    f->session = session;
    pthread_cond_broadcast(&f->has_room);
    pthread_mutex_unlock(&f->lock);
}

struct datagram *feed_take(struct feed *f)
{
    struct datagram *d;

    pthread_mutex_lock(&f->lock);
    d = take(f);
    pthread_cond_signal(&f->has_room);
    pthread_mutex_unlock(&f->lock);
    return d;
}

void feed_put(struct feed *f, struct datagram *d)
{
    bool is_first;

    pthread_mutex_lock(&f->lock);
    while (f->n >= FEED_SIZE && f->session == d->session)
        pthread_cond_wait(&f->has_room, &f->lock);
    if (f->session != d->session) {
        pthread_mutex_unlock(&f->lock);
        free(d);
        return;
    }
    is_first = f->first == NULL;
    d->next = NULL;
    *f->last = d;
    f->last = &d->next;
    f->n++;
    pthread_mutex_unlock(&f->lock);
    if (is_first)
        f->wake(f->arg);
}
