// SPDX-License-Identifier: BSD-3-Clause
// What has the dataplane counted? Maps its segment read-only and copies rows out of it; never waits
// for a writer longer than a bounded number of tries, since that writer may be dead. Event loop
// only; called by apply.c and northbound/. Next: northbound/state.c.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/southbound/stats.h"

#define MAX_TRIES 10000 // a row is written in less than a microsecond

struct stats {
    const struct api_stats *map;
    struct stats_overlay overlay;
};

static bool is_ours(const struct api_stats *map)
{
    return __atomic_load_n(&map->magic, __ATOMIC_ACQUIRE) == API_MAGIC &&
           map->version == API_VERSION && map->schema_hash == api_schema_hash() &&
           map->n_workers <= API_MAX_WORKERS;
}

int stats_open(const char *run_dir, struct stats **stats)
{
    char path[4096];
    struct stat st;
    void *map;
    int fd, rc = 0;

    snprintf(path, sizeof(path), "%s/%s", run_dir, API_STATS_NAME);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(struct api_stats))
        rc = -EPROTO;
    map = rc < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct api_stats), PROT_READ, MAP_SHARED, fd, 0);
    if (rc == 0 && map == MAP_FAILED)
        rc = -errno;
    close(fd);
    if (rc < 0)
        return rc;
    *stats = is_ours(map) ? calloc(1, sizeof(**stats)) : NULL;
    if (*stats == NULL) {
        rc = is_ours(map) ? -ENOMEM : -EPROTO;
        munmap(map, sizeof(struct api_stats));
        return rc;
    }
    (*stats)->map = map;
    return 0;
}

void stats_set_overlay(struct stats *stats, const struct stats_overlay *overlay)
{
    stats->overlay = *overlay;
}

void stats_close(struct stats *stats)
{
    union {
        const void *in;
        void *out;
    } map; // munmap takes no const

    if (stats == NULL)
        return;
    map.in = stats->map;
    munmap(map.out, sizeof(*stats->map));
    free(stats);
}

void stats_summary(const struct stats *stats, struct stats_summary *summary)
{
    const struct api_stats *map = stats->map;
    uint32_t n_workers = map->n_workers;

    *summary = (struct stats_summary){
        .generation = __atomic_load_n(&map->generation, __ATOMIC_ACQUIRE),
        .started_ns = map->started_ns,
        .cycles_hz = map->cycles_hz,
        .pid = map->pid,
        .n_workers = n_workers <= API_MAX_WORKERS ? n_workers : API_MAX_WORKERS,
    };
}

static void make_printable(char *text, size_t size)
{
    text[size - 1] = '\0';
    for (; *text != '\0'; text++)
        if (*text < 0x20 || *text > 0x7e)
            *text = '?';
}

bool stats_port(const struct stats *stats, unsigned port, struct api_stats_port *row)
{
    const struct api_stats_port *from = &stats->map->port[port];
    uint32_t before, after;
    unsigned n_tries = 0;

    do {
        if (n_tries++ == MAX_TRIES)
            return false;
        before = __atomic_load_n(&from->sequence, __ATOMIC_ACQUIRE);
        memcpy(row, from, sizeof(*row));
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        after = __atomic_load_n(&from->sequence, __ATOMIC_RELAXED);
    } while ((before & 1) != 0 || before != after);
    make_printable(row->tenant, sizeof(row->tenant));
    make_printable(row->name, sizeof(row->name));
    make_printable(row->text, sizeof(row->text));
    if (stats->overlay.port != NULL && row->state != API_PORT_UNUSED)
        stats->overlay.port(stats->overlay.arg, row);
    return row->state != API_PORT_UNUSED;
}

static void add_counters(struct api_counters *sum, const struct api_counters *row)
{
    sum->rx_packets += __atomic_load_n(&row->rx_packets, __ATOMIC_RELAXED);
    sum->rx_bytes += __atomic_load_n(&row->rx_bytes, __ATOMIC_RELAXED);
    sum->tx_packets += __atomic_load_n(&row->tx_packets, __ATOMIC_RELAXED);
    sum->tx_bytes += __atomic_load_n(&row->tx_bytes, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < API_N_DROPS; i++)
        sum->drops[i] += __atomic_load_n(&row->drops[i], __ATOMIC_RELAXED);
}

void stats_counters(const struct stats *stats, unsigned port, struct api_counters *sum)
{
    struct stats_summary summary;

    stats_summary(stats, &summary);
    memset(sum, 0, sizeof(*sum));
    for (unsigned i = 0; i <= summary.n_workers; i++) // the last row is the main thread's
        add_counters(sum, &stats->map->counters[port][i]);
}

uint64_t stats_drops(const struct api_counters *sum)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < API_N_DROPS; i++)
        n += sum->drops[i];
    return n;
}

void stats_worker(const struct stats *stats, unsigned worker, struct api_stats_worker *row)
{
    const struct api_stats_worker *from = &stats->map->worker[worker];

    memset(row, 0, sizeof(*row));
    row->loops = __atomic_load_n(&from->loops, __ATOMIC_RELAXED);
    row->busy_cycles = __atomic_load_n(&from->busy_cycles, __ATOMIC_RELAXED);
    row->sleeps = __atomic_load_n(&from->sleeps, __ATOMIC_RELAXED);
    row->n_bursts = __atomic_load_n(&from->n_bursts, __ATOMIC_RELAXED);
    row->n_walked = __atomic_load_n(&from->n_walked, __ATOMIC_RELAXED);
    row->n_by_flow = __atomic_load_n(&from->n_by_flow, __ATOMIC_RELAXED);
    row->cpu = from->cpu;
}
