// SPDX-License-Identifier: BSD-3-Clause
// What is culvertd made of, and in which order does it start and stop? One event loop; the parts
// are made in the order of the inits below and undone in reverse. Nothing here or below it touches
// the dataplane when culvertd ends: packets go on. Next: southbound/apply.c.

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/failure.h"
#include "control/kernel/kernel.h"
#include "control/log.h"
#include "control/northbound/server.h"
#include "control/southbound/apply.h"
#include "control/xdp/xdp.h"

#define LOCK_NAME "lock"

struct process {
    const char *run_dir, *state_dir;
    int lock_fd;
    uv_loop_t loop;
    uv_signal_t terminate, interrupt;
    struct southbound *southbound;
    struct apply *apply;
    struct xdp *xdp;
    struct kernel *kernel;
    struct northbound *northbound;
};

static const char help[] =
    "usage: culvertd [options]\n"
    "Owns the configuration of Culvert: keeps it, gives it to the dataplane, answers `culvert`.\n"
    "\n"
    "  --run-dir DIR      sockets and counters, shared with the dataplane (/run/culvert)\n"
    "  --state-dir DIR    where the running configuration is kept (/var/lib/culvert)\n"
    "  --log-level LEVEL  error, warn, info or debug (info)\n"
    "  --help             this text\n"
    "  --version          the version\n"
    "\n"
    "SIGTERM and SIGINT end it; a change under way is finished first. The dataplane goes on.\n"
    "Exit status: 0 after a signal, 1 if it can't start, 2 for wrong options.\n";

// 0: go on; 1: exit with success; -EINVAL: exit with failure.
static int read_options(struct process *p, int argc, char **argv)
{
    static const struct option options[] = {
        {"run-dir", required_argument, NULL, 'r'},   {"state-dir", required_argument, NULL, 's'},
        {"log-level", required_argument, NULL, 'l'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},         {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        if (option == 'r') {
            p->run_dir = optarg;
        } else if (option == 's') {
            p->state_dir = optarg;
        } else if (option == 'l') {
            if (log_level_set(optarg) < 0) {
                fprintf(stderr, "culvertd: %s is no log level\n", optarg);
                return -EINVAL;
            }
        } else if (option == 'h') {
            fputs(help, stdout);
            return 1;
        } else if (option == 'v') {
            puts("culvertd " CULVERT_VERSION);
            return 1;
        } else {
            return -EINVAL; // getopt has said why
        }
    }
    if (optind < argc)
        fprintf(stderr, "culvertd: unknown argument %s\n", argv[optind]);
    return optind < argc ? -EINVAL : 0;
}

static int make_directory(const char *path, mode_t mode, struct config_error *e)
{
    struct stat st;

    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return failure(e, -errno, NULL, "can't make the directory %s: %s", path, strerror(errno));
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return failure(e, -ENOTDIR, NULL, "%s is no directory", path);
    return 0;
}

// Two that save to one directory would undo each other's changes.
static int lock_state(struct process *p, struct config_error *e)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/" LOCK_NAME, p->state_dir);
    p->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (p->lock_fd < 0)
        return failure(e, -errno, NULL, "can't open %s: %s", path, strerror(errno));
    if (flock(p->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    close(p->lock_fd);
    return failure(e, -EBUSY, NULL, "another culvertd uses the state directory %s", p->state_dir);
}

// All is said and done: without these handles the loop ends.
static void on_idle(void *arg)
{
    struct process *p = arg;

    kernel_destroy(p->kernel);
    xdp_destroy(p->xdp);
    southbound_destroy(p->southbound);
    northbound_destroy(p->northbound);
    apply_destroy(p->apply);
    uv_close((uv_handle_t *)&p->terminate, NULL);
    uv_close((uv_handle_t *)&p->interrupt, NULL);
}

static void on_signal(uv_signal_t *handle, int signal_number)
{
    struct process *p = handle->data;

    log_info("signal %d: stopping, the dataplane goes on", signal_number);
    uv_signal_stop(&p->terminate); // the second one kills
    uv_signal_stop(&p->interrupt);
    apply_stop(p->apply, on_idle, p);
}

static int start_northbound(struct process *p, struct config_error *e)
{
    struct northbound_context context = {
        .apply = p->apply,
        .kernel = p->kernel,
        .southbound = p->southbound,
        .xdp = p->xdp,
        .run_dir = p->run_dir,
        .state_dir = p->state_dir,
    };

    clock_gettime(CLOCK_REALTIME, &context.started);
    return northbound_create(&p->loop, &context, &p->northbound, e);
}

static void watch_signals(struct process *p)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); // nothing is read again: `culvert apply` is how changes come
    uv_signal_init(&p->loop, &p->terminate);
    uv_signal_init(&p->loop, &p->interrupt);
    p->terminate.data = p;
    p->interrupt.data = p;
    uv_signal_start(&p->terminate, on_signal, SIGTERM);
    uv_signal_start(&p->interrupt, on_signal, SIGINT);
}

static int start(struct process *p, struct config_error *e)
{
    int rc = uv_loop_init(&p->loop);

    if (rc < 0)
        return failure(e, rc, NULL, "no event loop: %s", uv_strerror(rc));
    rc = southbound_create(&p->loop, p->run_dir, &p->southbound, e);
    if (rc < 0)
        goto close_loop;
    rc = apply_create(&p->loop, p->state_dir, p->southbound, &p->apply, e);
    if (rc < 0)
        goto destroy_southbound;
    rc = xdp_create(&p->loop, p->run_dir, p->southbound, p->apply, &p->xdp, e);
    if (rc < 0)
        goto destroy_apply;
    rc = kernel_create(&p->loop, p->southbound, p->apply, &p->kernel, e);
    if (rc < 0)
        goto destroy_xdp;
    rc = start_northbound(p, e);
    if (rc < 0)
        goto destroy_kernel;
    watch_signals(p);
    return 0;
destroy_kernel:
    kernel_destroy(p->kernel);
destroy_xdp:
    xdp_destroy(p->xdp);
destroy_apply:
    apply_destroy(p->apply);
destroy_southbound:
    southbound_destroy(p->southbound);
close_loop:
    uv_run(&p->loop, UV_RUN_DEFAULT);
    uv_loop_close(&p->loop);
    return rc;
}

int main(int argc, char **argv)
{
    struct process p = {.run_dir = "/run/culvert", .state_dir = "/var/lib/culvert"};
    struct config_error e = {0};
    int rc = read_options(&p, argc, argv);

    if (rc != 0)
        return rc < 0 ? 2 : 0;
    rc = make_directory(p.run_dir, 0755, &e);
    if (rc == 0)
        rc = make_directory(p.state_dir, 0750, &e);
    if (rc == 0)
        rc = lock_state(&p, &e);
    if (rc < 0)
        goto fail;
    rc = start(&p, &e);
    if (rc < 0)
        goto unlock;
    log_info("ready: %s/" NORTHBOUND_SOCKET_NAME, p.run_dir);
    uv_run(&p.loop, UV_RUN_DEFAULT);
    uv_loop_close(&p.loop);
    close(p.lock_fd);
    return 0;
unlock:
    close(p.lock_fd);
fail:
    log_error("%s%s%s", e.path, e.path[0] == '\0' ? "" : ": ", e.sentence);
    return 1;
}
