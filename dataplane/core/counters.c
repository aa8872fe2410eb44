// SPDX-License-Identifier: BSD-3-Clause
// Where do the counters live? In a file that others map read-only; made anew at each start under a
// temporary name, so that a reader never sees half of one. Main thread at start and end; what is
// hot is inline in the header. Next: control/southbound/stats.c, which reads it.

#include "dataplane/core/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

struct api_stats *counters_stats;

// Blocks for all that is ever written, not just a promise of them: a full disk is an error now, no
// SIGBUS later. The rows of workers that do not exist stay holes.
static int reserve_blocks(int fd, unsigned n_workers)
{
    const off_t row = sizeof(struct api_counters);
    int rc = posix_fallocate(fd, 0, offsetof(struct api_stats, counters));

    for (off_t port = 0; rc == 0 && port < API_MAX_PORTS; port++) {
        off_t first =
            (off_t)offsetof(struct api_stats, counters) + port * (API_MAX_WORKERS + 1) * row;

        rc = posix_fallocate(fd, first, (n_workers + 1) * row);
    }
    return -rc;
}

static int create_file(const char *run_dir, unsigned n_workers, char *path, size_t path_size)
{
    int fd, rc;

    snprintf(path, path_size, "%s/%s.%d", run_dir, API_STATS_NAME, (int)getpid());
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -errno;
    rc = ftruncate(fd, sizeof(struct api_stats)) < 0 ? -errno : reserve_blocks(fd, n_workers);
    if (rc < 0) {
        close(fd);
        unlink(path);
        return rc;
    }
    return fd;
}

static int map_file(const char *run_dir, unsigned n_workers)
{
    char path[4096], final[4096];
    int fd = create_file(run_dir, n_workers, path, sizeof(path));
    void *map;

    if (fd < 0)
        return fd;
    map = mmap(NULL, sizeof(struct api_stats), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    snprintf(final, sizeof(final), "%s/%s", run_dir, API_STATS_NAME);
    unlink(final); // of who died: ext4 would write the new one out before it replaces the old
    if (map == MAP_FAILED || rename(path, final) < 0) {
        int rc = -errno;

        unlink(path);
        return rc;
    }
    counters_stats = map;
    return 0;
}

static int map_private(void)
{
    void *map = mmap(NULL, sizeof(struct api_stats), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (map == MAP_FAILED)
        return -errno;
    counters_stats = map;
    return 0;
}

int counters_init(const char *run_dir, unsigned n_workers)
{
    struct timespec now;
    int rc = run_dir != NULL ? map_file(run_dir, n_workers) : map_private();

    if (rc < 0)
        return rc;
    clock_gettime(CLOCK_REALTIME, &now);
    counters_stats->version = API_VERSION;
    counters_stats->n_workers = (uint16_t)n_workers;
    counters_stats->schema_hash = api_schema_hash();
    counters_stats->started_ns = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
    counters_stats->cycles_hz = rte_get_tsc_hz();
    counters_stats->pid = (uint32_t)getpid();
    __atomic_store_n(&counters_stats->magic, API_MAGIC, __ATOMIC_RELEASE);
    return 0;
}

void counters_fini(void)
{
    if (counters_stats != NULL)
        munmap(counters_stats, sizeof(*counters_stats));
    counters_stats = NULL;
}

struct api_stats_port *counters_port_write(unsigned port)
{
    struct api_stats_port *p = &counters_stats->port[port];

    __atomic_store_n(&p->sequence, p->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return p;
}

void counters_port_done(struct api_stats_port *p)
{
    __atomic_store_n(&p->sequence, p->sequence + 1, __ATOMIC_RELEASE);
}
