// SPDX-License-Identifier: BSD-3-Clause
// What was learned, and lives on? Records are written, the process "dies" (nothing but the mapping
// is given up), and the next one takes them: whole, once, by owner; and nothing of a damaged or
// unfinished copy.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/session/keep.h"
#include "dataplane/session/state.h"

static char dir[64], path[96];
static unsigned n_taken;
static uint64_t sum_taken;

static int make_dir(void **unused)
{
    (void)unused;
    snprintf(dir, sizeof(dir), "%s/culvert-keep-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/kept", dir);
    return 0;
}

static int remove_dir(void **unused)
{
    (void)unused;
    unlink(path);
    return rmdir(dir);
}

static void start(void)
{
    struct error e = {0};

    assert_int_equal(state_init(dir, &e), 0);
    assert_int_equal(keep_init(&e), 0);
}

static void die(void)
{
    keep_fini();
    state_fini();
}

static void write_records(const char *name, uint32_t first, unsigned n)
{
    keep_owner("switch", "blue", name);
    for (uint32_t i = first; i < first + n; i++)
        keep_add(&i, sizeof(i));
}

static void take_one(const void *record, size_t size, void *context)
{
    uint32_t value;

    assert_null(context);
    assert_int_equal(size, sizeof(value));
    memcpy(&value, record, sizeof(value));
    n_taken++;
    sum_taken += value;
}

static unsigned take(const char *kind, const char *name)
{
    n_taken = 0;
    sum_taken = 0;
    keep_take(kind, "blue", name, take_one, NULL);
    return n_taken;
}

static void each_owner_takes_its_own_once(void **unused)
{
    (void)unused;
    start();
    keep_begin();
    write_records("lan", 100, 3);
    write_records("other", 1000, 50000);
    assert_int_equal(keep_end(), 0);
    die();

    start();
    assert_int_equal(take("router", "lan"), 0);
    assert_int_equal(take("switch", "la"), 0);
    assert_int_equal(take("switch", "lan"), 3);
    assert_int_equal(sum_taken, 303);
    assert_int_equal(take("switch", "lan"), 0);
    assert_int_equal(take("switch", "other"), 50000);
    die();
}

static void the_last_finished_copy_counts(void **unused)
{
    (void)unused;
    start();
    for (uint32_t round = 1; round <= 5; round++) {
        keep_begin();
        write_records("lan", round, 1);
        assert_int_equal(keep_end(), 0);
    }
    keep_begin();
    write_records("lan", 77, 9); // and dies before the end
    die();

    start();
    assert_int_equal(take("switch", "lan"), 1);
    assert_int_equal(sum_taken, 5);
    die();
}

static void nothing_is_taken_after_the_first_own_copy(void **unused)
{
    (void)unused;
    start();
    keep_begin();
    write_records("lan", 1, 1);
    (void)keep_end();
    die();

    start();
    keep_begin();
    (void)keep_end();
    assert_int_equal(take("switch", "lan"), 0);
    die();
}

// Wherever a copy is damaged, all of it is left.
static void damage_is_seen(void **unused)
{
    static const uint8_t wanted[] = {0xde, 0xc0, 0xad, 0xde}; // a record
    uint32_t value = 0xdeadc0de;
    FILE *file;
    int c;
    size_t n_same = 0;

    (void)unused;
    start();
    keep_begin();
    keep_owner("switch", "blue", "lan");
    keep_add(&value, sizeof(value));
    (void)keep_end();
    die();

    file = fopen(path, "r+");
    assert_non_null(file);
    while (n_same < sizeof(wanted) && (c = fgetc(file)) != EOF)
        n_same = (uint8_t)c == wanted[n_same] ? n_same + 1 : (uint8_t)c == wanted[0];
    assert_int_equal(n_same, sizeof(wanted));
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    assert_int_not_equal(fputc(0xdf, file), EOF);
    fclose(file);

    start();
    assert_int_equal(take("switch", "lan"), 0);
    die();
}

static void what_finds_no_room_is_told(void **unused)
{
    uint8_t record[KEEP_MAX_RECORD + 1] = {0};

    (void)unused;
    start();
    keep_begin();
    keep_add(record, 4); // whose?
    keep_owner("switch", "blue", "lan");
    keep_add(record, KEEP_MAX_RECORD);
    keep_add(record, sizeof(record)); // too long
    assert_int_equal(keep_end(), 2);
    die();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_owner_takes_its_own_once, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(the_last_finished_copy_counts, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(nothing_is_taken_after_the_first_own_copy, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(damage_is_seen, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(what_finds_no_room_is_told, make_dir, remove_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
