// SPDX-License-Identifier: BSD-3-Clause
// Is the counter segment read as it is, and never believed beyond its bounds? A segment is written
// here as the dataplane writes it, then broken in ways that a crash or another version leaves
// behind.

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/southbound/stats.h"

struct segment {
    char dir[64], path[128];
    struct api_stats *map;
};

static int setup(void **state)
{
    struct segment *s = calloc(1, sizeof(*s));
    int fd;

    strcpy(s->dir, "/tmp/culvert-test-XXXXXX");
    if (mkdtemp(s->dir) == NULL)
        return -1;
    snprintf(s->path, sizeof(s->path), "%s/%s", s->dir, API_STATS_NAME);
    fd = open(s->path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct api_stats)) < 0)
        return -1;
    s->map = mmap(NULL, sizeof(struct api_stats), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    s->map->magic = API_MAGIC;
    s->map->version = API_VERSION;
    s->map->schema_hash = api_schema_hash();
    s->map->n_workers = 2;
    *state = s;
    return s->map == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
    struct segment *s = *state;

    munmap(s->map, sizeof(*s->map));
    unlink(s->path);
    rmdir(s->dir);
    free(s);
    return 0;
}

static void test_counters_are_summed_over_workers(void **state)
{
    struct segment *s = *state;
    struct stats *stats;
    struct api_counters sum;

    for (unsigned w = 0; w < 4; w++) { // two workers, the main thread, and a row nobody has
        s->map->counters[3][w].rx_packets = 10 + w;
        s->map->counters[3][w].drops[DROP_PORT_DOWN] = 1;
        s->map->counters[3][w].drops[DROP_RUNT_FRAME] = w;
    }
    assert_int_equal(stats_open(s->dir, &stats), 0);
    stats_counters(stats, 3, &sum);
    assert_int_equal(sum.rx_packets, 33);
    assert_int_equal(sum.drops[DROP_PORT_DOWN], 3);
    assert_int_equal(sum.drops[DROP_RUNT_FRAME], 3);
    assert_int_equal(stats_drops(&sum), 6);
    stats_close(stats);
}

static void test_rows(void **state)
{
    struct segment *s = *state;
    struct api_stats_port *row = &s->map->port[API_MAX_PORTS - 1], copy;
    struct stats *stats;

    assert_int_equal(stats_open(s->dir, &stats), 0);
    assert_false(stats_port(stats, API_MAX_PORTS - 1, &copy)); // unused
    row->state = API_PORT_LINK_UP;
    memset(row->tenant, 'x', sizeof(row->tenant)); // no NUL
    strcpy(row->name, "a\nb\"c\x80");
    row->n_macs = 7;
    assert_true(stats_port(stats, API_MAX_PORTS - 1, &copy));
    assert_int_equal(strlen(copy.tenant), API_NAME_SIZE - 1);
    assert_string_equal(copy.name, "a?b\"c?");
    assert_int_equal(copy.n_macs, 7);
    row->sequence = 1; // the writer died in the middle
    assert_false(stats_port(stats, API_MAX_PORTS - 1, &copy));
    row->sequence = 2;
    assert_true(stats_port(stats, API_MAX_PORTS - 1, &copy));
    stats_close(stats);
}

static void test_other_segments_are_refused(void **state)
{
    struct segment *s = *state;
    struct stats *stats;

    s->map->magic = 0; // not finished
    assert_int_equal(stats_open(s->dir, &stats), -EPROTO);
    s->map->magic = API_MAGIC;
    s->map->version++;
    assert_int_equal(stats_open(s->dir, &stats), -EPROTO);
    s->map->version--;
    s->map->schema_hash++;
    assert_int_equal(stats_open(s->dir, &stats), -EPROTO);
    s->map->schema_hash--;
    s->map->n_workers = API_MAX_WORKERS + 1;
    assert_int_equal(stats_open(s->dir, &stats), -EPROTO);
    s->map->n_workers = API_MAX_WORKERS;
    assert_int_equal(stats_open(s->dir, &stats), 0);
    stats_close(stats);
    assert_int_equal(truncate(s->path, sizeof(struct api_stats) - 1), 0);
    assert_int_equal(stats_open(s->dir, &stats), -EPROTO);
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(stats_open(s->dir, &stats), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counters_are_summed_over_workers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_segments_are_refused, setup, teardown),
    };

    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
