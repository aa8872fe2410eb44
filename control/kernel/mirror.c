// SPDX-License-Identifier: BSD-3-Clause
// When is what looked at? The thread of the mirror: takes plans from the event loop, waits for the
// kernel, passes on what it tells, and reads everything anew when something may have been missed.
// It may block and be slow, and holds nobody up. Next: space.c.

#include "control/kernel/mirror.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "control/kernel/thread.h"
#include "control/log.h"

#define MS_NS 1000000ULL
#define TICK_MS 1000
#define READS_IN_A_ROW 4096
#define BURST_NS 1000000
#define MAX_RESYNCS 16 // asked for by name and not yet seen
#define MANY_GROUPS 65536

struct wish {
    char tenant[API_NAME_SIZE], name[API_NAME_SIZE];
};

struct mirror {
    pthread_t thread;
    int wake_fd;
    pthread_mutex_t lock; // the mail: all up to `feed`
    bool is_ending;
    struct plan *plan; // NULL: no new one
    uint64_t session;
    struct wish wishes[MAX_RESYNCS];
    unsigned n_wishes; // more than MAX_RESYNCS: of all
    struct feed *feed;
    struct mirror_thread t; // the thread's
};

uint64_t thread_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * MS_NS + (uint64_t)now.tv_nsec;
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec spent;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return (uint64_t)spent.tv_sec * 1000 * MS_NS + (uint64_t)spent.tv_nsec;
}

static void make_due(struct mirror_router *router, unsigned delay_ms)
{
    uint64_t due = thread_now_ns() + delay_ms * MS_NS;

    if (router->due_ns == 0 || due < router->due_ns)
        router->due_ns = due;
}

void thread_resync_router(struct mirror_thread *t, uint32_t router, unsigned delay_ms)
{
    make_due(&t->routers[router], delay_ms);
}

void thread_resync_space(struct space *s, unsigned delay_ms)
{
    const struct plan *plan = s->thread->plan;

    for (uint32_t i = 0; i < plan->n_twins; i++)
        if (strcmp(plan->twins[i].netns, s->name) == 0)
            thread_resync_router(s->thread, plan->twins[i].router, delay_ms);
}

static struct space *find_space(const struct mirror_thread *t, const char *name)
{
    struct space *s = t->spaces;

    while (s != NULL && strcmp(s->name, name) != 0)
        s = s->next;
    return s;
}

static struct space *add_space(struct mirror_thread *t, const char *name)
{
    struct space *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    memcpy(s->name, name, strnlen(name, sizeof(s->name) - 1));
    s->number = t->n_spaces_ever++;
    s->thread = t;
    s->netns = s->events = s->requests = -1;
    s->next = t->spaces;
    t->spaces = s;
    return s;
}

static void drop_unwanted_spaces(struct mirror_thread *t)
{
    struct space **link = &t->spaces, *s;

    while ((s = *link) != NULL) {
        if (s->is_wanted) {
            link = &s->next;
            continue;
        }
        *link = s->next;
        space_close(s);
        free(s->before);
        free(s);
    }
}

// The namespaces of the new plan. Devices are found by their links again.
static void place_twins(struct mirror_thread *t)
{
    for (struct space *s = t->spaces; s != NULL; s = s->next) {
        s->is_wanted = false;
        s->n_routers = 0;
        s->before = s->devices;
        s->n_before = s->n_devices;
        s->devices = NULL;
        s->n_devices = 0;
    }
    for (uint32_t i = 0; i < t->plan->n_twins; i++) {
        const struct plan_twin *twin = &t->plan->twins[i];
        struct space *s = find_space(t, twin->netns);

        if (s == NULL)
            s = add_space(t, twin->netns);
        if (s == NULL)
            continue;
        s->is_wanted = true;
        if (s->n_routers == 0 || s->only_router != twin->router)
            s->n_routers++; // only_router is the last one as yet
        s->only_router = twin->router;
    }
    for (struct space *s = t->spaces; s != NULL; s = s->next)
        if (s->n_routers != 1 || s->name[0] == '\0')
            s->only_router = API_NONE;
    drop_unwanted_spaces(t);
}

static void free_routers(struct mirror_thread *t)
{
    for (uint32_t i = 0; t->plan != NULL && i < t->plan->n_routers; i++) {
        groups_reset(&t->routers[i].groups);
        batch_discard(&t->routers[i].batch);
    }
    free(t->routers);
    t->routers = NULL;
}

// The router as it was under the plan before, or new.
static void carry_over(struct mirror_thread *t, const struct plan_router *router,
                       struct mirror_router *to)
{
    const struct plan_router *before =
        t->plan == NULL ? NULL : plan_find(t->plan, router->tenant, router->name);
    struct mirror_router *from;

    // Anywhere but where an earlier culvertd began.
    if (before == NULL && getrandom(&to->groups.last_id, sizeof(to->groups.last_id), 0) < 0)
        to->groups.last_id = (uint32_t)thread_now_ns();
    if (before == NULL)
        return;
    from = &t->routers[before - t->plan->routers];
    *to = *from;
    *from = (struct mirror_router){0};
}

static void take_plan(struct mirror *m, struct plan *plan, uint64_t session)
{
    struct mirror_thread *t = &m->t;
    struct mirror_router *routers = calloc(plan->n_routers + 1, sizeof(*routers));

    if (routers == NULL) {
        log_error("the kernel mirror is out of memory: it stays as it was");
        plan_destroy(plan);
        return;
    }
    for (uint32_t i = 0; i < plan->n_routers; i++) {
        struct mirror_router *router = &routers[i];

        carry_over(t, &plan->routers[i], router);
        if (router->session == session && router->layout == plan->routers[i].layout)
            continue;
        batch_discard(&router->batch);
        router->session = session;
        router->layout = plan->routers[i].layout;
        router->batch.feed = m->feed;
        router->batch.session = session;
        router->batch.layout = router->layout;
        memcpy(router->batch.target.tenant, plan->routers[i].tenant, API_NAME_SIZE);
        memcpy(router->batch.target.name, plan->routers[i].name, API_NAME_SIZE);
        make_due(router, 0);
    }
    free_routers(t);
    plan_destroy(t->plan);
    t->plan = plan;
    t->routers = routers;
    t->resync_not_before_ns = 0;
    t->tick_ns = 0;
    place_twins(t);
    for (struct space *s = t->spaces; s != NULL; s = s->next) {
        if (s->events >= 0 && space_dump_links(s) < 0)
            space_close(s);
        free(s->before);
        s->before = NULL;
        s->n_before = 0;
    }
}

static void take_wish(struct mirror_thread *t, const struct wish *wish)
{
    const struct plan_router *router =
        t->plan == NULL ? NULL : plan_find(t->plan, wish->tenant, wish->name);

    if (router != NULL)
        thread_resync_router(t, (uint32_t)(router - t->plan->routers), 0);
}

// False: the thread is to end.
static bool take_mail(struct mirror *m)
{
    struct wish wishes[MAX_RESYNCS];
    struct plan *plan;
    uint64_t session, n;
    unsigned n_wishes;
    bool is_ending;

    if (read(m->wake_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
        return false;
    pthread_mutex_lock(&m->lock);
    plan = m->plan;
    m->plan = NULL;
    session = m->session;
    n_wishes = m->n_wishes;
    m->n_wishes = 0;
    memcpy(wishes, m->wishes, sizeof(wishes));
    is_ending = m->is_ending;
    pthread_mutex_unlock(&m->lock);
    if (plan != NULL)
        take_plan(m, plan, session);
    for (unsigned i = 0; i < n_wishes && i < MAX_RESYNCS; i++)
        take_wish(&m->t, &wishes[i]);
    for (uint32_t i = 0; n_wishes > MAX_RESYNCS && m->t.plan != NULL && i < m->t.plan->n_routers;
         i++)
        thread_resync_router(&m->t, i, 0);
    return !is_ending;
}

static void flush(struct mirror_thread *t)
{
    for (uint32_t i = 0; i < t->plan->n_routers; i++) {
        struct mirror_router *router = &t->routers[i];

        batch_flush(&router->batch);
        if (router->batch.is_short)
            make_due(router, 1000);
        router->batch.is_short = false;
        if (router->groups.n > MANY_GROUPS && router->groups.n > 2 * router->n_groups)
            make_due(router, 0); // most are not in use any more
    }
}

// An epoch that no other one before is called by, those of an earlier culvertd included.
static uint32_t next_epoch(struct mirror_thread *t)
{
    struct timespec now;
    uint32_t epoch;

    clock_gettime(CLOCK_REALTIME, &now);
    epoch = (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / MS_NS);
    if (epoch == t->last_epoch)
        epoch++;
    t->last_epoch = epoch;
    return epoch;
}

static bool is_concerned(const struct mirror_thread *t, const struct space *s)
{
    for (uint32_t i = 0; i < t->plan->n_twins; i++)
        if (t->routers[t->plan->twins[i].router].is_dumping &&
            strcmp(t->plan->twins[i].netns, s->name) == 0)
            return true;
    return false;
}

static void begin_router(struct mirror_thread *t, struct mirror_router *router)
{
    batch_flush(&router->batch);
    router->due_ns = 0;
    router->is_dumping = true;
    router->last = (struct kernel_prefix){0};
    router->batch.target.epoch = next_epoch(t);
    groups_reset(&router->groups);
}

static void end_router(struct mirror_router *router, bool is_complete)
{
    router->is_dumping = false;
    router->n_groups = router->groups.n;
    if (is_complete && !router->batch.is_short)
        batch_add_sweep(&router->batch);
    else
        make_due(router, 1000);
    router->batch.is_short = false;
}

// Give the routers whose time has come everything anew, under a new epoch, and sweep the rest.
static void resync(struct mirror_thread *t, uint64_t now)
{
    bool is_complete = true, is_due = false;
    uint64_t spent = thread_cpu_ns(), end;

    for (uint32_t i = 0; i < t->plan->n_routers; i++) {
        if (t->routers[i].due_ns == 0 || t->routers[i].due_ns > now)
            continue;
        is_due = true;
        begin_router(t, &t->routers[i]);
    }
    if (!is_due)
        return;
    for (struct space *s = t->spaces; s != NULL; s = s->next)
        if (s->events >= 0 && is_concerned(t, s) && (space_dump_links(s) < 0 || space_dump(s) < 0))
            is_complete = false;
    for (uint32_t i = 0; i < t->plan->n_routers; i++)
        if (t->routers[i].is_dumping)
            end_router(&t->routers[i], is_complete);
    end = thread_now_ns();
    log_debug("the kernel mirror read everything anew in %u ms", (unsigned)((end - now) / MS_NS));
    // Half the time at most, whatever goes on in the kernel. To wait for the dataplane is no work.
    t->resync_not_before_ns = end + thread_cpu_ns() - spent;
}

// Namespaces that came, went or are others by now.
static void look_after_spaces(struct mirror_thread *t)
{
    for (struct space *s = t->spaces; s != NULL; s = s->next) {
        if (s->events >= 0 && !space_is_current(s)) {
            log_info("the network namespace %s was deleted", s->name);
            space_close(s);
            thread_resync_space(s, 0);
        }
        if (s->events < 0 && space_open(s) == 0)
            thread_resync_space(s, 0);
    }
}

static void look_after_twins(struct mirror_thread *t, uint64_t now)
{
    for (struct space *s = t->spaces; s != NULL; s = s->next)
        for (uint32_t i = 0; s->events >= 0 && i < s->n_devices; i++)
            if (s->devices[i].due_ns != 0 && s->devices[i].due_ns <= now)
                twin_configure(s, &s->devices[i]);
}

// Until when there is nothing to do if the kernel is silent, at most the next tick.
static int patience_ms(const struct mirror_thread *t, uint64_t now)
{
    uint64_t until = t->spaces != NULL ? t->tick_ns : UINT64_MAX, due;

    for (uint32_t i = 0; t->plan != NULL && i < t->plan->n_routers; i++) {
        due = t->routers[i].due_ns;
        if (due != 0 && due < t->resync_not_before_ns)
            due = t->resync_not_before_ns;
        if (due != 0 && due < until)
            until = due;
    }
    for (const struct space *s = t->spaces; s != NULL; s = s->next)
        for (uint32_t i = 0; s->events >= 0 && i < s->n_devices; i++)
            if (s->devices[i].due_ns != 0 && s->devices[i].due_ns < until)
                until = s->devices[i].due_ns;
    if (until == UINT64_MAX)
        return -1;
    return until <= now ? 0 : (int)((until - now) / MS_NS) + 1;
}

// Of a burst the kernel tells one by one: after the first a moment is left for more to come, so
// that a datagram carries many and whoever installs them has the processor.
static void await_burst(const struct mirror_thread *t)
{
    struct timespec moment = {.tv_nsec = BURST_NS};

    if (t->heard_ns != 0 && thread_now_ns() - t->heard_ns < BURST_NS)
        nanosleep(&moment, NULL);
}

// Sleep until the kernel or the event loop has something to say, then hear the kernel.
static void listen_to_kernel(struct mirror *m, int patience)
{
    struct mirror_thread *t = &m->t;
    struct pollfd fds[1 + API_MAX_PORTS] = {{.fd = m->wake_fd, .events = POLLIN}};
    struct space *spaces[1 + API_MAX_PORTS];
    nfds_t n = 1;

    for (struct space *s = t->spaces; s != NULL; s = s->next) { // no more than ports
        if (s->events < 0 || n > API_MAX_PORTS)
            continue;
        spaces[n] = s;
        fds[n++] = (struct pollfd){.fd = s->events, .events = POLLIN};
    }
    if (poll(fds, n, patience) <= 0)
        return;
    await_burst(t);
    t->heard_ns = thread_now_ns();
    for (nfds_t i = 1; i < n; i++)
        if (fds[i].revents != 0 && !space_read(spaces[i], READS_IN_A_ROW))
            t->heard_ns = 0; // there is more
}

static void *run(void *arg)
{
    struct mirror *m = arg;
    struct mirror_thread *t = &m->t;
    uint64_t now;

    while (take_mail(m)) {
        now = thread_now_ns();
        if (t->plan != NULL) {
            if (now >= t->tick_ns) {
                look_after_spaces(t);
                t->tick_ns = now + TICK_MS * MS_NS;
            }
            look_after_twins(t, now);
            now = thread_now_ns();
            if (now >= t->resync_not_before_ns)
                resync(t, now);
        }
        listen_to_kernel(m, patience_ms(t, thread_now_ns()));
        if (t->plan != NULL)
            flush(t);
    }
    while (t->spaces != NULL) {
        t->spaces->is_wanted = false;
        drop_unwanted_spaces(t);
    }
    free_routers(t);
    plan_destroy(t->plan);
    return NULL;
}

int mirror_create(struct feed *feed, struct mirror **mirror)
{
    struct mirror *m = calloc(1, sizeof(*m));
    int rc;

    if (m == NULL)
        return -ENOMEM;
    m->feed = feed;
    m->t.home = netns_open("");
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = m->t.home < 0 ? m->t.home : m->wake_fd < 0 ? -errno : 0;
    if (rc == 0) {
        pthread_mutex_init(&m->lock, NULL);
        rc = -pthread_create(&m->thread, NULL, run, m);
    }
    if (rc == 0) {
        *mirror = m;
        return 0;
    }
    if (m->t.home >= 0)
        close(m->t.home);
    if (m->wake_fd >= 0)
        close(m->wake_fd);
    free(m);
    return rc;
}

static void wake(struct mirror *m)
{
    uint64_t one = 1;

    if (write(m->wake_fd, &one, sizeof(one)) < 0)
        return; // the counter is full: it is awake
}

void mirror_give(struct mirror *m, struct plan *plan, uint64_t session)
{
    struct plan *unseen;

    pthread_mutex_lock(&m->lock);
    unseen = m->plan;
    m->plan = plan;
    m->session = session;
    pthread_mutex_unlock(&m->lock);
    plan_destroy(unseen);
    wake(m);
}

void mirror_resync(struct mirror *m, const char *tenant, const char *name)
{
    pthread_mutex_lock(&m->lock);
    if (m->n_wishes < MAX_RESYNCS) {
        memcpy(m->wishes[m->n_wishes].tenant, tenant, API_NAME_SIZE);
        memcpy(m->wishes[m->n_wishes].name, name, API_NAME_SIZE);
    }
    if (m->n_wishes <= MAX_RESYNCS)
        m->n_wishes++;
    pthread_mutex_unlock(&m->lock);
    wake(m);
}

void mirror_destroy(struct mirror *m)
{
    pthread_mutex_lock(&m->lock);
    m->is_ending = true;
    pthread_mutex_unlock(&m->lock);
    wake(m);
    pthread_join(m->thread, NULL);
    plan_destroy(m->plan);
    close(m->wake_fd);
    close(m->t.home);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
