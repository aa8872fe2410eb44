// SPDX-License-Identifier: BSD-3-Clause
// What does the session table cost? Opens sessions as one worker does, while another thread tends
// memory as the main thread does; prints openings a second, the longest of them, memory for each
// session with everything that belongs to it, and cycles of a look-up. Optional arguments: how many
// sessions (default 4194304), and of how many sources (default 65536). No root; takes half a minute
// and two gigabytes.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "dataplane/core/packet.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/session.h"
#include "dataplane/session/state.h"
#include "tests/bench/pauses.h"

#define N_FOUND (1U << 22) // look-ups of one figure
#define TEND_US 100000

static uint32_t n_sessions = 1U << 22, n_sources = 65536, chain;
static struct session_tenant *tenant;
static int stop;
static struct pauses pauses;
static size_t resident_before;
static double tsc_hz;

static double clock_of(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double monotonic(void)
{
    return clock_of(CLOCK_MONOTONIC);
}

static void measure_tsc(void)
{
    uint64_t cycles = rte_rdtsc_precise();
    double start = monotonic(), end;

    do {
        end = monotonic();
    } while (end < start + 0.2);
    tsc_hz = (double)(rte_rdtsc_precise() - cycles) / (end - start);
}

static size_t resident(void)
{
    unsigned long size, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f == NULL || fscanf(f, "%lu %lu", &size, &pages) != 2)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

// Session number i: its source, and a port of it.
static struct session_draft draft_of(uint32_t i)
{
    struct session_draft draft = {
        .chain = chain,
        .tenant = tenant,
        .side = {SESSION_INSIDE, SESSION_OUTSIDE},
        .timeout = API_TIMEOUT_tcp_established,
        .state = API_SESSION_ESTABLISHED,
    };
    uint32_t source = htonl(0x0a000000 + i % n_sources), to = htonl(0xc6336400);

    draft.key[0] = (struct session_tuple){.source_port = htons((uint16_t)(i / n_sources)),
                                          .destination_port = htons((uint16_t)(i >> 16)),
                                          .family = 4,
                                          .protocol = IPPROTO_TCP};
    memcpy(draft.key[0].source, &source, 4);
    memcpy(draft.key[0].destination, &to, 4);
    draft.key[1] = session_tuple_reverse(&draft.key[0]);
    draft.key[1].destination_port = (uint16_t)i; // translated
    memcpy(draft.key[1].source + 1, &i, 3);
    return draft;
}

static void *tend(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        session_tend();
        usleep(TEND_US);
    }
    return NULL;
}

// With ageing, as a worker does. Waits where memory is not there yet.
static void open_all(uint32_t *n_waits)
{
    for (uint32_t i = 0; i < n_sessions; i++) {
        struct session_draft draft = draft_of(i);
        uint64_t start = rte_rdtsc(), cycles;
        uint8_t drop;
        int is_new;

        if (session_open(&draft, 0, session_clock_ms(start), &is_new, &drop) == NULL) {
            (*n_waits)++;
            usleep(1000);
            i--;
            continue;
        }
        cycles = rte_rdtsc() - start;
        pauses_add(&pauses, cycles);
        if (i % BURST_SIZE == 0) {
            start = rte_rdtsc();
            session_age(0, session_clock_ms(start), 0);
            pauses_add(&pauses, rte_rdtsc() - start);
            qsbr_quiescent(0);
        }
    }
}

static void find(uint32_t n_flows)
{
    static struct session_query query[1U << 16];
    const struct session_query *queries[BURST_SIZE];
    struct session_hit hits[BURST_SIZE];
    uint64_t random = 1;
    double seconds = 0;
    uint32_t n = 0;

    for (uint32_t round = 0; round < N_FOUND / (1U << 16); round++) {
        for (uint32_t i = 0; i < 1U << 16; i++) {
            struct session_draft draft;

            random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
            draft = draft_of((uint32_t)((random >> 33) % n_flows));
            query[i].chain = chain;
            query[i].side = (uint8_t)(i % 2);
            query[i].tuple = draft.key[i % 2];
        }
        seconds -= clock_of(CLOCK_THREAD_CPUTIME_ID);
        for (uint32_t i = 0; i < 1U << 16; i += BURST_SIZE) {
            for (unsigned k = 0; k < BURST_SIZE; k++)
                queries[k] = &query[i + k];
            session_find_burst(queries, hits, BURST_SIZE);
            for (unsigned k = 0; k < BURST_SIZE; k++)
                n += hits[k].session != NULL;
        }
        seconds += clock_of(CLOCK_THREAD_CPUTIME_ID);
    }
    printf("find among %8u: %5.1f cycles, %u of %u found\n", n_flows, seconds * tsc_hz / N_FOUND, n,
           N_FOUND);
}

// Of this thread.
static long page_faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

static void measure(void)
{
    long faults;
    uint32_t n_waits = 0;
    pthread_t thread;
    double seconds;

    if (pthread_create(&thread, NULL, tend, NULL) != 0)
        return;
    qsbr_online(0);
    pauses_print_machine(tsc_hz);
    seconds = -clock_of(CLOCK_THREAD_CPUTIME_ID);
    faults = page_faults();
    open_all(&n_waits);
    faults = page_faults() - faults;
    seconds += clock_of(CLOCK_THREAD_CPUTIME_ID);
    printf("open %u: %.2f M a second (%.0f cycles), waited %u times for memory\n", n_sessions,
           n_sessions / seconds / 1e6, seconds * tsc_hz / n_sessions, n_waits);
    pauses_print(&pauses, "longest openings", tsc_hz);
    printf("page faults: %ld\n", faults);
    printf("memory: %.1f bytes each, all in all\n",
           (double)(resident() - resident_before) / n_sessions);
    find(1);
    find(10000 < n_sessions ? 10000 : n_sessions);
    find(n_sessions < 1000000 ? n_sessions : 1000000);
    find(n_sessions);
    qsbr_offline(0);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    char dir[] = "/dev/shm/culvert-bench-XXXXXX", path[64];
    struct error e = {0};
    int rc = -1;

    if (argc > 1)
        n_sessions = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        n_sources = (uint32_t)strtoul(argv[2], NULL, 10);
    if (n_sessions == 0 || n_sources == 0 || mkdtemp(dir) == NULL) {
        fprintf(stderr, "session-bench [SESSIONS [SOURCES]]\n");
        return 1;
    }
    snprintf(path, sizeof(path), "%s/kept", dir);
    measure_tsc();
    qsbr_init(1);
    resident_before = resident();
    if (state_init(dir, &e) == 0) {
        session_clock_init(NULL);
        rc = session_init(1, n_sessions + 128, &e);
    }
    if (rc == 0) {
        chain = session_chain_id("bench", "edge");
        tenant = session_tenant_get("bench");
        measure();
        session_fini();
    } else {
        fprintf(stderr, "session-bench: %s\n", e.sentence);
    }
    state_fini();
    unlink(path);
    rmdir(dir);
    return rc == 0 ? 0 : 1;
}
