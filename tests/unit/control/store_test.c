// SPDX-License-Identifier: BSD-3-Clause
// Is the running configuration on disk either the old one or the new one, whatever happens, and is
// damage told? A full disk and a failing fsync are made without a mount or a privilege. All tests
// share one new directory; each saves first what it wants to find.

#include "tests/unit/control/texts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct schema *test_schema;

static char dir[] = "/tmp/culvert-store-XXXXXX";
static char file[64], temporary[64];

static uint64_t load_id(void)
{
    struct config *config = NULL;
    struct config_error e;
    uint64_t id;

    if (config_load(test_schema, dir, &config, &e) < 0)
        fail_msg("%s", e.sentence);
    id = config_id(config);
    config_destroy(config);
    return id;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);

static bool fsync_of_directory_fails;

// The linker puts it in fsync's place.
int __wrap_fsync(int fd)
{
    struct stat st;

    if (!fsync_of_directory_fails || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
        return __real_fsync(fd);
    errno = EIO;
    return -1;
}

static uint64_t save(const char *text)
{
    struct config *config = must_parse(text, CONFIG_YAML);
    struct config_error e;
    uint64_t id = config_id(config);

    if (config_prepare(config, dir, &e) < 0 || config_keep(dir, &e) < 0)
        fail_msg("%s", e.sentence);
    assert_string_equal(e.sentence, "");
    config_destroy(config);
    return id;
}

static void check_save_fails(const char *text, int code, const char *sentence)
{
    struct config *config = must_parse(text, CONFIG_YAML);
    struct config_error e;
    char wanted[256];

    assert_int_equal(config_prepare(config, dir, &e), code);
    (void)snprintf(wanted, sizeof(wanted), sentence, dir);
    assert_string_equal(e.sentence, wanted);
    assert_int_equal(e.code, code);
    config_destroy(config);
}

static size_t n_files(void)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    assert_int_equal(closedir(d), 0);
    return n - 2;
}

static void test_no_file_is_the_empty_configuration(void **state)
{
    struct config *empty = NULL;

    (void)state;
    assert_int_equal(config_empty(test_schema, &empty), 0);
    assert_true(load_id() == config_id(empty));
    config_destroy(empty);
}

static void test_what_is_saved_is_loaded(void **state)
{
    uint64_t first = save(test_text);
    uint64_t second;
    struct stat st;

    (void)state;
    assert_true(load_id() == first);
    second = save("{}");
    assert_true(second != first && load_id() == second);
    assert_true(load_id() == save("{}"));
    assert_int_equal(n_files(), 1);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void test_leftover_of_a_killed_process_is_removed(void **state)
{
    uint64_t id = save(test_text);
    int fd = open(temporary, O_WRONLY | O_CREAT, 0600);

    (void)state;
    assert_true(fd >= 0 && write(fd, "half", 4) == 4);
    assert_int_equal(close(fd), 0);
    assert_true(load_id() == id);
    assert_int_equal(n_files(), 1);
    // And a link in its place is not followed.
    assert_int_equal(symlink(file, temporary), 0);
    id = save("tenants: [{name: x}]");
    assert_true(load_id() == id);
    assert_int_equal(n_files(), 1);
}

// A file that can't grow is as good as a full disk, and needs no mount.
static void test_full_disk_leaves_the_old_file(void **state)
{
    uint64_t id = save("tenants: [{name: x}]");
    struct rlimit old, limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 200;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    check_save_fails(test_text, -EFBIG,
                     "can't write %s/running.yaml: File too large; the old file stands");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(n_files(), 1);
    assert_true(load_id() == id);
}

static void test_place_that_can_not_be_written(void **state)
{
    uint64_t id = save("tenants: [{name: x}]");
    struct config *config = NULL;
    struct config_error e;

    (void)state;
    assert_int_equal(mkdir(temporary, 0700), 0);
    check_save_fails(test_text, -EEXIST,
                     "can't write %s/running.yaml: File exists; the old file stands");
    assert_true(load_id() == id);
    assert_int_equal(rmdir(temporary), 0);
    assert_int_equal(config_load(test_schema, "/nonexistent", &config, &e), -ENOENT);
    assert_string_equal(e.sentence,
                        "can't open the state directory /nonexistent: No such file or directory");
}

// The rename is done: the new file is the running one, and nobody may go back to the old one.
static void test_failing_fsync_after_the_rename_is_a_warning(void **state)
{
    struct config *config = must_parse(test_text, CONFIG_YAML);
    struct config_error e;
    char wanted[256];

    (void)state;
    save("{}");
    fsync_of_directory_fails = true;
    assert_int_equal(config_prepare(config, dir, &e), 0);
    assert_int_equal(config_keep(dir, &e), 0);
    fsync_of_directory_fails = false;
    assert_int_equal(e.code, 0);
    (void)snprintf(wanted, sizeof(wanted),
                   "%s/running.yaml is written, but may not survive a power cut: "
                   "Input/output error",
                   dir);
    assert_string_equal(e.sentence, wanted);
    assert_true(load_id() == config_id(config));
    config_destroy(config);
}

static void test_nothing_prepared_is_nothing_kept(void **state)
{
    uint64_t id = save("tenants: [{name: x}]");
    struct config *config = must_parse(test_text, CONFIG_YAML);
    struct config_error e;

    (void)state;
    assert_int_equal(config_prepare(config, dir, &e), 0);
    assert_int_equal(n_files(), 2);
    config_forget(dir);
    assert_int_equal(n_files(), 1);
    assert_int_equal(config_keep(dir, &e), -ENOENT);
    assert_int_equal(e.code, -ENOENT);
    assert_true(load_id() == id);
    config_destroy(config);
}

static void check_load_fails(int code, const char *sentence)
{
    struct config *config = NULL;
    struct config_error e;
    char wanted[256];

    assert_int_equal(config_load(test_schema, dir, &config, &e), code);
    (void)snprintf(wanted, sizeof(wanted), sentence, dir);
    assert_string_equal(e.sentence, wanted);
}

// Each byte of the file flipped once, and the file cut at each byte.
static void test_damage_is_told(void **state)
{
    static const char damaged[] =
        "%s/running.yaml is damaged or was edited by hand: restore it, or "
        "move it away to start empty";
    char content[512];
    ssize_t size;
    off_t i;
    int fd;

    (void)state;
    save("tenants: [{name: x}]");
    fd = open(file, O_RDWR);
    assert_true(fd >= 0);
    size = read(fd, content, sizeof(content));
    assert_in_range(size, 80, 200);
    for (i = 0; i < size; i++) {
        char flipped = (char)(content[i] ^ 1);

        assert_int_equal(pwrite(fd, &flipped, 1, i), 1);
        check_load_fails(-EINVAL, damaged);
        assert_int_equal(pwrite(fd, &content[i], 1, i), 1);
    }
    for (i = size - 1; i >= 0; i--) {
        assert_int_equal(ftruncate(fd, i), 0);
        check_load_fails(-EINVAL, damaged);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkdir(file, 0700), 0);
    check_load_fails(-EFBIG, "can't read %s/running.yaml: File too large");
    assert_int_equal(rmdir(file), 0);
}

static int create_directory(void **state)
{
    struct config_error e;

    (void)state;
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(file, sizeof(file), "%s/running.yaml", dir);
    (void)snprintf(temporary, sizeof(temporary), "%s/running.yaml.tmp", dir);
    return schema_create(&test_schema, &e);
}

static int remove_directory(void **state)
{
    (void)state;
    schema_destroy(test_schema);
    (void)unlink(file);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_file_is_the_empty_configuration),
        cmocka_unit_test(test_what_is_saved_is_loaded),
        cmocka_unit_test(test_leftover_of_a_killed_process_is_removed),
        cmocka_unit_test(test_full_disk_leaves_the_old_file),
        cmocka_unit_test(test_place_that_can_not_be_written),
        cmocka_unit_test(test_failing_fsync_after_the_rename_is_a_warning),
        cmocka_unit_test(test_nothing_prepared_is_nothing_kept),
        cmocka_unit_test(test_damage_is_told),
    };

    return cmocka_run_group_tests(tests, create_directory, remove_directory);
}
