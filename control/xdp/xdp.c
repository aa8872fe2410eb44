// SPDX-License-Identifier: BSD-3-Clause
// Do all af-xdp ports have their program? One entry for each port; looked at after each commit,
// whenever the kernel tells of a change of interfaces, and once a second. What fails is told in the
// port's text and tried again; no transaction ever fails for it. Event loop only. Next: program.c,
// interface.c, maps.c.

#include "control/xdp/xdp.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/log.h"
#include "control/xdp/maps.h"
#include "control/xdp/monitor.h"

#define REFRESH_MS 1000

struct entry {
    struct settings *settings;
    struct program program; // link_fd -1: none
    bool was_stripping;     // the hardware took VLAN tags out before we came
    bool is_written;        // the maps are as `settings` and `seen` say
    struct interface seen;
    bool is_granted; // the dataplane was given the program
    char trouble[API_TEXT_SIZE];
    struct xdp *xdp;
    struct entry *next;
};

struct xdp {
    struct southbound *southbound;
    uint64_t owner;
    struct entry *entries;
    struct settings *settings; // what the entries point to
    struct monitor *monitor;   // NULL while there is no af-xdp port
    uv_timer_t timer;
};

static void on_granted(void *arg, const struct config_error *e)
{
    (void)arg;
    // Its port is not there yet, or no more: the next commit tells us to try again.
    if (e->code != 0)
        log_debug("the dataplane does not take an XDP program: %s", e->sentence);
}

static void grant(struct entry *entry)
{
    struct settings *s = entry->settings;
    struct api_xdp item = {.n_queues = STEER_MAX_QUEUES,
                           .is_native = entry->program.is_native,
                           .is_zero_copy = entry->program.is_native};
    const int fds[2] = {entry->program.map_fd[MAP_XSKS], entry->program.link_fd};

    if (entry->is_granted)
        return;
    memcpy(item.tenant, s->tenant, sizeof(item.tenant));
    memcpy(item.port, s->port, sizeof(item.port));
    memcpy(item.interface, s->interface, sizeof(s->interface));
    entry->is_granted =
        southbound_grant_xdp(entry->xdp->southbound, &item, fds, on_granted, NULL) == 0;
}

static void set_trouble(struct entry *entry, const char *sentence)
{
    const struct settings *s = entry->settings;

    if (strcmp(entry->trouble, sentence) == 0)
        return;
    snprintf(entry->trouble, sizeof(entry->trouble), "%s", sentence);
    if (sentence[0] != '\0')
        log_warn("port %s/%s: %s", s->tenant, s->port, sentence);
    else
        log_info("port %s/%s: the XDP program is on %s", s->tenant, s->port, s->interface);
}

static int load(struct entry *entry, struct config_error *e)
{
    const struct settings *s = entry->settings;
    int rc = program_open(&entry->program, s->interface, s->mode, entry->xdp->owner, e);

    if (rc < 0)
        return rc;
    entry->is_written = false;
    entry->is_granted = false;
    if (interface_strip_vlans(s->interface, false))
        entry->was_stripping = true;
    return 0;
}

static int write_maps(struct entry *entry, struct config_error *e)
{
    static struct interface now; // too large for a stack; the event loop is alone here
    int rc = interface_read(entry->settings->interface, &now);

    if (rc < 0)
        return failure(e, rc, NULL, "can't read the addresses of %s: %s",
                       entry->settings->interface, strerror(-rc));
    if (entry->is_written && memcmp(&now, &entry->seen, sizeof(now)) == 0)
        return 0;
    rc = maps_write(&entry->program, entry->settings, &now, entry->xdp->owner, e);
    entry->is_written = rc == 0;
    entry->seen = now;
    return rc;
}

// The program is of another interface by now, was taken off, or is in another mode.
static void drop_outdated(struct entry *entry)
{
    struct program *program = &entry->program;

    if (program->link_fd < 0)
        return;
    if (program->ifindex != if_nametoindex(entry->settings->interface) ||
        !program_is_attached(program))
        program_close(program);
    else if (!program_fits(program, entry->settings->mode))
        program_detach(program);
}

static void refresh(struct entry *entry)
{
    struct config_error e = {0};
    int rc = 0;

    drop_outdated(entry);
    if (entry->program.link_fd < 0)
        rc = load(entry, &e);
    if (rc == 0)
        rc = write_maps(entry, &e);
    set_trouble(entry, rc < 0 ? e.sentence : "");
    if (rc == 0)
        grant(entry);
}

static void refresh_all(void *arg)
{
    struct xdp *x = arg;

    for (struct entry *entry = x->entries; entry != NULL; entry = entry->next)
        refresh(entry);
}

static void on_timer(uv_timer_t *timer)
{
    refresh_all(timer->data);
}

// After each commit, and when the dataplane comes back: its ports may be new ones.
static void on_in_step(void *arg)
{
    struct xdp *x = arg;

    for (struct entry *entry = x->entries; entry != NULL; entry = entry->next) {
        entry->is_granted = false;
        if (entry->program.link_fd >= 0 && entry->trouble[0] == '\0')
            grant(entry);
    }
}

static struct entry *find_entry(struct entry *entry, const char *tenant, const char *port)
{
    while (entry != NULL && (strcmp(entry->settings->tenant, tenant) != 0 ||
                             strcmp(entry->settings->port, port) != 0))
        entry = entry->next;
    return entry;
}

// What is the matter here stands in the port's row for all who read it.
static void on_port_row(void *arg, struct api_stats_port *row)
{
    const struct xdp *x = arg;
    const struct entry *entry;

    if (row->type != API_PORT_AF_XDP)
        return;
    entry = find_entry(x->entries, row->tenant, row->name);
    if (entry == NULL || entry->trouble[0] == '\0')
        return;
    row->state = API_PORT_ERROR;
    snprintf(row->text, sizeof(row->text), "%s", entry->trouble);
}

static void entry_destroy(struct entry *entry, bool is_removed)
{
    if (is_removed && entry->was_stripping)
        interface_strip_vlans(entry->settings->interface, true);
    program_close(&entry->program);
    free(entry);
}

static struct entry *entry_create(struct xdp *x)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL)
        return NULL;
    entry->xdp = x;
    entry->program.link_fd = -1;
    for (unsigned i = 0; i < N_MAPS; i++)
        entry->program.map_fd[i] = -1;
    return entry;
}

// Take the entry of an interface out of the list, NULL if there is none.
static struct entry *take_entry(struct entry **list, const char *interface)
{
    struct entry *entry;

    for (; (entry = *list) != NULL; list = &entry->next) {
        if (strcmp(entry->settings->interface, interface) == 0) {
            *list = entry->next;
            return entry;
        }
    }
    return NULL;
}

static void watch_kernel(struct xdp *x)
{
    if (x->entries == NULL) {
        monitor_destroy(x->monitor);
        x->monitor = NULL;
        uv_timer_stop(&x->timer);
        return;
    }
    if (x->monitor == NULL)
        x->monitor = monitor_create(uv_handle_get_loop((uv_handle_t *)&x->timer), refresh_all, x);
    uv_timer_start(&x->timer, on_timer, REFRESH_MS, REFRESH_MS);
}

// An entry stays with its interface, whatever else changes, so that the program does.
static void on_running(void *arg, const struct config *config, const struct encoding *encoding)
{
    struct xdp *x = arg;
    struct settings *settings;
    struct entry *old = x->entries, **last = &x->entries, *next;

    if (settings_create(config, encoding, &settings) < 0) {
        log_error("out of memory: the XDP programs stay as they were");
        return;
    }
    x->entries = NULL;
    for (struct settings *s = settings; s != NULL; s = s->next) {
        struct entry *entry = take_entry(&old, s->interface);

        if (entry != NULL && !settings_steer_alike(entry->settings, s))
            entry->is_written = false; // else thousands of keys need not go to the kernel again
        if (entry == NULL)
            entry = entry_create(x);
        if (entry == NULL)
            continue;
        entry->settings = s;
        entry->next = NULL;
        *last = entry;
        last = &entry->next;
    }
    for (; old != NULL; old = next) {
        next = old->next;
        entry_destroy(old, true);
    }
    settings_destroy(x->settings);
    x->settings = settings;
    refresh_all(x);
    watch_kernel(x);
}

// FNV-1a over the run directory, which no two Culverts share.
static uint64_t owner_of(const char *run_dir)
{
    char *path = realpath(run_dir, NULL);
    uint64_t hash = 0xcbf29ce484222325U;

    for (const char *at = path != NULL ? path : run_dir; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3U;
    free(path);
    return hash;
}

int xdp_create(uv_loop_t *loop, const char *run_dir, struct southbound *southbound,
               struct apply *apply, struct xdp **xdp, struct config_error *e)
{
    struct xdp *x = calloc(1, sizeof(*x));
    struct southbound_follower to_dataplane = {on_in_step, on_port_row, x};
    struct apply_follower to_config = {on_running, x};

    if (x == NULL)
        return failure(e, -ENOMEM, NULL, "out of memory");
    x->southbound = southbound;
    x->owner = owner_of(run_dir);
    uv_timer_init(loop, &x->timer);
    x->timer.data = x;
    program_init();
    apply_follow(apply, &to_config);
    southbound_follow(southbound, &to_dataplane);
    *xdp = x;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void xdp_destroy(struct xdp *x)
{
    struct southbound_follower nobody = {0};
    struct entry *next;

    southbound_follow(x->southbound, &nobody);
    for (struct entry *entry = x->entries; entry != NULL; entry = next) {
        next = entry->next;
        entry_destroy(entry, false);
    }
    monitor_destroy(x->monitor);
    settings_destroy(x->settings);
    uv_close((uv_handle_t *)&x->timer, on_closed);
}

int xdp_counters(const struct xdp *x, const char *tenant, const char *port,
                 uint64_t counters[STEER_N_COUNTERS])
{
    const struct entry *entry = find_entry(x->entries, tenant, port);

    if (entry == NULL || entry->program.link_fd < 0)
        return -ENOENT;
    return program_counters(&entry->program, counters);
}
