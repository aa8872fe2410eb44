// SPDX-License-Identifier: BSD-3-Clause
// Which memory tables of a front end are let through to be mapped? Real memfds and files, no EAL.
// Asserted: the verdict, the seal that is put on, and that no descriptor or mapping is kept.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/port/vhost_table.h"

#define MIB (1ULL << 20)
#define GUEST_ADDRESS 0x100000000ULL

static int memory(uint64_t size, unsigned flags)
{
    int fd = memfd_create("guest", flags);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    return fd;
}

// n regions of a MiB each, one after the other, in one file.
static struct vhost_message table(uint32_t n, int fd)
{
    struct vhost_message msg = {.request = REQUEST_SET_MEM_TABLE, .n_fds = (int)n};

    msg.size = 8 + n * 32;
    msg.payload.memory.n_regions = n;
    for (uint32_t i = 0; i < n && i < VHOST_MESSAGE_MAX_REGIONS; i++) {
        msg.payload.memory.region[i].guest_address = i * MIB;
        msg.payload.memory.region[i].user_address = GUEST_ADDRESS + i * MIB;
        msg.payload.memory.region[i].size = MIB;
        msg.payload.memory.region[i].offset = i * MIB;
        msg.fds[i] = fd;
    }
    return msg;
}

static void sound_tables_pass_and_are_sealed(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= VHOST_MESSAGE_MAX_REGIONS; n++) {
        int fd = memory(n * MIB, MFD_ALLOW_SEALING);
        struct vhost_message msg = table(n, fd);

        assert_null(vhost_table_check(&msg));
        assert_true((fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK) != 0);
        assert_int_equal(ftruncate(fd, 0), -1);
        close(fd);
    }
}

// Without huge pages virtio-user gives a memfd that can't be sealed.
static void unsealable_memory_passes(void **state)
{
    int fd = memory(MIB, 0);
    struct vhost_message msg = table(1, fd);

    (void)state;
    assert_null(vhost_table_check(&msg));
    close(fd);
}

static void assert_refused(const struct vhost_message *msg, const char *part)
{
    const char *fault = vhost_table_check(msg);

    assert_non_null(fault);
    if (strstr(fault, part) == NULL)
        fail_msg("'%s' does not say '%s'", fault, part);
}

static void counts_and_lengths_must_agree(void **state)
{
    int fd = memory(8 * MIB, 0);
    struct vhost_message msg = table(0, fd);

    (void)state;
    assert_refused(&msg, "no memory regions");
    msg = table(9, fd);
    assert_refused(&msg, "more than eight");
    msg = table(UINT32_MAX, fd);
    assert_refused(&msg, "more than eight");
    msg = table(2, fd);
    msg.n_fds = 1;
    assert_refused(&msg, "other regions");
    msg = table(2, fd);
    msg.size = 8 + 32;
    assert_refused(&msg, "other regions");
    close(fd);
}

static void sizes_must_be_possible(void **state)
{
    static const uint64_t ends[] = {UINT64_MAX, UINT64_MAX - MIB + 1, UINT64_MAX - MIB + 2};
    int fd = memory(8 * MIB, 0);
    struct vhost_message msg;

    (void)state;
    msg = table(1, fd);
    msg.payload.memory.region[0].size = 0;
    assert_refused(&msg, "no bytes");
    for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        msg = table(1, fd);
        msg.payload.memory.region[0].guest_address = ends[i];
        assert_refused(&msg, "wraps");
        msg = table(1, fd);
        msg.payload.memory.region[0].user_address = ends[i];
        assert_refused(&msg, "wraps");
        msg = table(1, fd);
        msg.payload.memory.region[0].offset = ends[i];
        assert_refused(&msg, "wraps");
    }
    msg = table(1, fd);
    msg.payload.memory.region[0].size = (1ULL << 40) + 1;
    assert_refused(&msg, "1 TiB");
    msg = table(1, fd);
    msg.payload.memory.region[0].offset = 7 * MIB + 1;
    assert_refused(&msg, "beyond its file");
    close(fd);
}

static void regions_must_not_overlap(void **state)
{
    int fd = memory(8 * MIB, 0);
    struct vhost_message msg = table(8, fd);

    (void)state;
    msg.payload.memory.region[7].guest_address = MIB - 1;
    assert_refused(&msg, "overlap");
    msg = table(8, fd);
    msg.payload.memory.region[0].user_address = GUEST_ADDRESS + 6 * MIB + 1;
    assert_refused(&msg, "overlap");
    msg = table(2, fd);
    msg.payload.memory.region[1].offset = 0; // the same bytes at two addresses: the guest's affair
    assert_null(vhost_table_check(&msg));
    close(fd);
}

static void files_must_be_memory(void **state)
{
    char path[] = "/var/tmp/vhost_table_test.XXXXXX"; // on a disk, where /tmp may be none
    int pipes[2], fd = memory(MIB, MFD_ALLOW_SEALING), disk = mkstemp(path);
    struct vhost_message msg = table(1, disk);

    (void)state;
    assert_true(disk >= 0);
    unlink(path);
    assert_int_equal(ftruncate(disk, MIB), 0);
    assert_refused(&msg, "neither shared memory");
    assert_int_equal(pipe(pipes), 0);
    msg = table(1, pipes[0]);
    assert_refused(&msg, "neither shared memory");
    msg = table(1, -1);
    assert_refused(&msg, "neither shared memory");
    msg = table(1, fd);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    assert_refused(&msg, "can't be mapped");
    close(pipes[0]);
    close(pipes[1]);
    close(disk);
    close(fd);
}

static unsigned count_mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned n = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        n += strstr(line, "memfd:guest") != NULL;
    fclose(file);
    return n;
}

static void nothing_is_kept(void **state)
{
    int fd = memory(2 * MIB, 0), before = dup(fd), after;
    struct vhost_message msg = table(2, fd);

    (void)state;
    close(before);
    assert_null(vhost_table_check(&msg));
    msg.payload.memory.region[1].offset = 2 * MIB;
    assert_refused(&msg, "beyond its file"); // the first had been tried
    assert_int_equal(count_mappings(), 0);
    after = dup(fd);
    assert_int_equal(after, before);
    close(after);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_tables_pass_and_are_sealed),
        cmocka_unit_test(unsealable_memory_passes),
        cmocka_unit_test(counts_and_lengths_must_agree),
        cmocka_unit_test(sizes_must_be_possible),
        cmocka_unit_test(regions_must_not_overlap),
        cmocka_unit_test(files_must_be_memory),
        cmocka_unit_test(nothing_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
