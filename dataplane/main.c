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

#include "dataplane/chain/chain.h"
#include "dataplane/core/clock.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/log.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/eal.h"
#include "dataplane/flow/flow.h"
#include "dataplane/port/port.h"
#include "dataplane/server/server.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/fragment.h"
#include "dataplane/session/keep.h"
#include "dataplane/session/session.h"
#include "dataplane/session/state.h"
#include "dataplane/switch/switch.h"
#include "dataplane/walk/queue.h"
#include "dataplane/walk/version.h"
#include "dataplane/worker/worker.h"
#include "vnf/functions.h"

static const char usage[] =
    "usage: culvert-dataplane [--run-dir DIR] [--workers N] [--cpus LIST] [--busy-poll]\n"
    "                         [--sessions N] [--flows N] [-- EAL arguments]\n"
    "\n"
    "Carries packets between ports as culvertd tells it through DIR/dataplane.sock.\n"
    "\n"
    "  --run-dir DIR   sockets and counters (default /run/culvert; made if missing)\n"
    "  --workers N     poll-mode worker threads, 1 to 32 (default 1)\n"
    "  --cpus LIST     CPUs of the workers, such as 1,2 or 4-7 (default: the last N)\n"
    "  --busy-poll     workers never sleep: lowest latency, a CPU each at 100 %\n"
    "  --sessions N    at most so many sessions of all chains together (default 4194304);\n"
    "                  memory comes with use, some 400 bytes each\n"
    "  --flows N       at most so many flows, one for each direction of a connection that has\n"
    "                  traffic (default 4194304), some 150 bytes each; 0: every packet walks\n"
    "  --session-clock-jumps FILE\n"
    "                  for tests: the milliseconds in FILE pass at once for sessions, and it is\n"
    "                  taken away then\n"
    "  -- ...          passed to the EAL, such as -m 512 or --log-level debug\n"
    "\n"
    "Without free huge pages it runs on normal ones. SIGTERM and SIGINT end it cleanly.\n";

#define MAX_KINDS 16
#define DEFAULT_SESSIONS (1U << 22)
#define DEFAULT_FLOWS (1U << 22)

struct settings {
    const char *run_dir;
    struct eal_settings eal;
    int busy_poll;
    unsigned max_sessions;
    unsigned max_flows;
    const char *clock_jumps;
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

// A count that an option takes, or a line on stderr.
static int take_count(const char *name, unsigned max, unsigned *count)
{
    int rc = parse_count(optarg, max, count);

    if (rc < 0)
        fprintf(stderr, "culvert-dataplane: --%s takes 1 to %u\n", name, max);
    return rc;
}

static int take_flows(unsigned *count)
{
    if (strcmp(optarg, "0") == 0) {
        *count = 0;
        return 0;
    }
    return take_count("flows", FLOW_MAX, count);
}

// 0: go on; else the process's exit code + 1.
static int parse_arguments(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {
        {"run-dir", required_argument, NULL, 'r'},
        {"workers", required_argument, NULL, 'w'},
        {"cpus", required_argument, NULL, 'c'},
        {"busy-poll", no_argument, NULL, 'b'},
        {"sessions", required_argument, NULL, 's'},
        {"flows", required_argument, NULL, 'f'},
        {"session-clock-jumps", required_argument, NULL, 'j'},
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
            if (take_count("workers", API_MAX_WORKERS, &settings->eal.n_workers) < 0)
                return 3;
            break;
        case 's':
            if (take_count("sessions", SESSION_MAX, &settings->max_sessions) < 0)
                return 3;
            break;
        case 'f':
            if (take_flows(&settings->max_flows) < 0)
                return 3;
            break;
        case 'j':
            settings->clock_jumps = optarg;
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

// All that a packet can walk through, in the order in which it is made: a chain needs those that
// stand on it.
static void list_functions(void)
{
    static const struct function_ops *kinds[MAX_KINDS + 1] = {&switch_ops};
    unsigned n = 1;

    for (unsigned i = 0; n < MAX_KINDS - 1 && vnf_functions[i] != NULL; i++)
        kinds[n++] = vnf_functions[i];
    kinds[n] = &chain_ops;
    function_kinds = kinds;
}

// What outlives the process: sessions, and what functions have learned.
static int open_memory(const struct settings *settings, struct error *e)
{
    int rc = state_init(settings->run_dir, e);

    if (rc < 0)
        return rc;
    session_clock_init(settings->clock_jumps);
    rc = session_init(settings->eal.n_workers, settings->max_sessions, e);
    if (rc < 0)
        goto fini_state;
    rc = keep_init(e);
    if (rc < 0)
        goto fini_session;
    return 0;

fini_session:
    session_fini();
fini_state:
    state_fini();
    return rc;
}

static void close_memory(void)
{
    keep_fini();
    session_fini();
    state_fini();
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
    rc = open_memory(settings, e);
    if (rc < 0)
        goto fini_qsbr;
    rc = chains_init(e);
    if (rc < 0)
        goto close_memory;
    walk_version_init();
    rc = flow_init(n_workers, settings->max_flows, e);
    if (rc < 0)
        goto fini_chains;
    rc = port_init(settings->run_dir, n_workers, e);
    if (rc < 0)
        goto fini_flow;
    rc = fragment_init(n_workers, e);
    if (rc < 0)
        goto fini_port;
    rc = walk_queue_init(n_workers, e);
    if (rc < 0)
        goto fini_fragment;
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
fini_fragment:
    fragment_fini();
fini_port:
    port_fini();
fini_flow:
    flow_fini();
fini_chains:
    chains_fini();
close_memory:
    close_memory();
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
    struct settings settings = {.run_dir = "/run/culvert",
                                .eal = {.n_workers = 1},
                                .max_sessions = DEFAULT_SESSIONS,
                                .max_flows = DEFAULT_FLOWS};
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
