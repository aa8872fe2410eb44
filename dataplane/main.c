// SPDX-License-Identifier: BSD-3-Clause
// How does the dataplane start and end? Arguments, the EAL (dataplane/eal.c), then an ordered list
// of inits, undone in reverse. From then on the main thread is server/server.c and the packets are
// in worker/worker.c.

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/log.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/server/server.h"
#include "dataplane/switch/switch.h"
#include "dataplane/walk/queue.h"
#include "dataplane/worker/worker.h"
#include "vnf/functions.h"

static const char usage[] =
    "usage: culvert-dataplane [--run-dir DIR] [--workers N] [--cpus LIST] [--busy-poll]\n"
    "                         [-- EAL arguments]\n"
    "\n"
    "Carries packets between ports as culvertd tells it through DIR/dataplane.sock.\n"
    "\n"
    "  --run-dir DIR   sockets and counters (default /run/culvert; made if missing)\n"
    "  --workers N     poll-mode worker threads, 1 to 32 (default 1)\n"
    "  --cpus LIST     CPUs of the workers, such as 1,2 or 4-7 (default: the last N)\n"
    "  --busy-poll     workers never sleep: lowest latency, a CPU each at 100 %\n"
    "  -- ...          passed to the EAL, such as -m 512 or --log-level debug\n"
    "\n"
    "Without free huge pages it runs on normal ones. SIGTERM and SIGINT end it cleanly.\n";

#define MAX_KINDS 16

struct settings {
    const char *run_dir;
    struct eal_settings eal;
    int busy_poll;
};

static int parse_count(const char *text, unsigned max, unsigned *count)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value < 1 || value > max)
        return -EINVAL;
    *count = (unsigned)value;
    return 0;
}

// 0: go on; else the process's exit code + 1.
static int parse_arguments(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {
        {"run-dir", required_argument, NULL, 'r'},
        {"workers", required_argument, NULL, 'w'},
        {"cpus", required_argument, NULL, 'c'},
        {"busy-poll", no_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'r':
            settings->run_dir = optarg;
            break;
        case 'w':
            if (parse_count(optarg, API_MAX_WORKERS, &settings->eal.n_workers) < 0) {
                fprintf(stderr, "culvert-dataplane: --workers takes 1 to %d\n", API_MAX_WORKERS);
                return 3;
            }
            break;
        case 'c':
            settings->eal.cpus = optarg;
            break;
        case 'b':
            settings->busy_poll = 1;
            break;
        case 'h':
            fputs(usage, stdout);
            return 1;
        case 'v':
            printf("culvert-dataplane %s\n", CULVERT_VERSION);
            return 1;
        default:
            fputs(usage, stderr);
            return 3;
        }
    }
    settings->eal.n_extra = argc - optind;
    settings->eal.extra = argv + optind;
    if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
        fprintf(stderr, "culvert-dataplane: what is '%s'? EAL arguments go behind --\n",
                argv[optind]);
        return 3;
    }
    return 0;
}

static int make_run_dir(const char *run_dir, struct error *e)
{
    if (mkdir(run_dir, 0755) < 0 && errno != EEXIST)
        return error_set(e, -errno, NULL, "can't make %s: %s", run_dir, strerror(errno));
    return 0;
}

// All that a packet can walk through.
static void list_functions(void)
{
    static const struct function_ops *kinds[MAX_KINDS + 1] = {&switch_ops};

    for (unsigned i = 0; i < MAX_KINDS - 1 && vnf_functions[i] != NULL; i++)
        kinds[1 + i] = vnf_functions[i];
    function_kinds = kinds;
}

static int run(const struct settings *settings, struct error *e)
{
    unsigned n_workers = settings->eal.n_workers;
    int rc = make_run_dir(settings->run_dir, e);

    if (rc < 0)
        return rc;
    // First the socket: it tells whether another dataplane has this directory.
    rc = server_init(settings->run_dir, e);
    if (rc < 0)
        return rc;
    rc = eal_start(&settings->eal, e);
    if (rc < 0)
        goto fini_server;
    clock_update();
    rc = counters_init(settings->run_dir, n_workers);
    if (rc < 0) {
        error_set(e, rc, NULL, "no counter segment in %s: %s", settings->run_dir, strerror(-rc));
        goto stop_eal;
    }
    rc = qsbr_init(n_workers);
    if (rc < 0) {
        error_set(e, rc, NULL, "out of memory");
        goto fini_counters;
    }
    rc = port_init(settings->run_dir, n_workers, e);
    if (rc < 0)
        goto fini_qsbr;
    rc = walk_queue_init(n_workers, e);
    if (rc < 0)
        goto fini_port;
    list_functions();
    rc = worker_start(n_workers, settings->busy_poll, e);
    if (rc < 0)
        goto fini_queue;
    log_info("ready: %u worker%s, %s pages, %s", n_workers, n_workers == 1 ? "" : "s",
             eal_has_huge_pages() ? "huge" : "normal", settings->run_dir);

    server_run();

    log_info("ending");
    generation_publish(NULL);
    worker_stop();
fini_queue:
    walk_queue_fini();
fini_port:
    port_fini();
fini_qsbr:
    qsbr_fini();
fini_counters:
    counters_fini();
stop_eal:
    eal_stop();
fini_server:
    server_fini();
    return rc;
}

int main(int argc, char **argv)
{
    struct settings settings = {.run_dir = "/run/culvert", .eal = {.n_workers = 1}};
    struct error e = {0};
    int rc = parse_arguments(argc, argv, &settings);

    if (rc != 0)
        return rc - 1;
    setvbuf(stderr, NULL, _IOLBF, 0);
    if (run(&settings, &e) < 0) {
        fprintf(stderr, "culvert-dataplane: %s\n", e.sentence);
        return 1;
    }
    return 0;
}
