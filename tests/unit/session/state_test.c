// SPDX-License-Identifier: BSD-3-Clause
// What lives on after a restart, and what of a damaged segment? Sessions are opened, the table is
// left as a killed process leaves it, and opened again on the same directory; bytes of records and
// of the header are changed in between.

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "tests/unit/session/table_lab.h"

#define MAX_SESSIONS 2000
#define N_SESSIONS 300
#define HEADER_SIZE 1024 // more than state.c's header

static char dir[64];
static uint32_t max_sessions = MAX_SESSIONS;
static char path[96];

static int make_dir(void **state)
{
    (void)state;
    // A tmpfs, as the run directory is.
    snprintf(dir, sizeof(dir), "%s/culvert-state-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/kept", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void start(void)
{
    lab_open(dir, 1, max_sessions);
    lab_configure();
    lab_limit(0, 100000, 100000, 100000);
    lab_limit(1, 100000, 100000, 100000);
    // Of lab_limit's short timeouts nothing ends meanwhile.
    lab.now_ms = session_clock_ms(rte_rdtsc());
}

static int accept_all(struct session *s, void *context)
{
    uint32_t *n = context;

    assert_true(session_is_valid(s));
    (*n)++;
    s->stamp = 4711;
    return 1;
}

static int refuse_all(struct session *s, void *context)
{
    (void)s;
    (void)context;
    return 0;
}

static struct session_draft draft_of(uint16_t i)
{
    struct session_draft draft = lab_draft(i % 2, i % 7, i);

    draft.is_half_open = i % 3 == 0;
    draft.slots[1] = i;
    return draft;
}

static void open_many(void)
{
    for (uint16_t i = 0; i < N_SESSIONS; i++) {
        struct session_draft draft = draft_of(i);
        struct session *s = lab_session(&draft);

        s->total_packets[0] = i;
    }
}

static uint32_t adopt_all(void)
{
    uint32_t n = 0, n_asked = 0;

    for (unsigned i = 0; i < LAB_N_CHAINS; i++)
        n += session_adopt(lab.chain[i], lab.tenant[i], accept_all, &n_asked);
    assert_true(n_asked >= n);
    return n;
}

static uint32_t count_found(void)
{
    uint32_t n = 0;

    for (uint16_t i = 0; i < N_SESSIONS; i++) {
        struct session_draft draft = draft_of(i);
        unsigned direction;
        const struct session *s = lab_find(draft.chain, draft.side[1], &draft.key[1], &direction);

        if (s == NULL)
            continue;
        n++;
        assert_int_equal(direction, SESSION_REPLY);
        assert_true(session_tuple_is_equal(&s->key_original, &draft.key[0]));
    }
    return n;
}

static void a_restart_keeps_all(void **state)
{
    struct session_draft draft = draft_of(5);
    uint32_t chain[LAB_N_CHAINS], n_sessions, n_half_open;
    const struct session *s;
    unsigned direction;

    (void)state;
    start();
    memcpy(chain, lab.chain, sizeof(chain));
    open_many();
    lab_close();
    start();
    assert_memory_equal(chain, lab.chain, sizeof(chain));
    // Nobody sees them before their chain has said yes, and ageing leaves them alone.
    assert_int_equal(count_found(), 0);
    lab_pass(200000);
    assert_int_equal(lab.n_visits, 0);
    assert_int_equal(adopt_all(), N_SESSIONS);
    assert_int_equal(adopt_all(), 0);
    assert_int_equal(count_found(), N_SESSIONS);
    session_chain_counts(lab.chain[0], &n_sessions, &n_half_open);
    assert_int_equal(n_sessions, N_SESSIONS / 2);
    assert_int_equal(n_half_open, N_SESSIONS / 6);
    session_tenant_counts(lab.tenant[1], &n_sessions, &n_half_open);
    assert_int_equal(n_sessions, N_SESSIONS / 2);
    draft = draft_of(5);
    s = lab_find(draft.chain, draft.side[0], &draft.key[0], &direction);
    assert_non_null(s);
    assert_int_equal(s->slots[1], 5);
    assert_int_equal(s->stamp, 4711);
    assert_int_equal(s->total_packets[0], 5);
    // They age and go as if nothing had been.
    lab_pass(20000);
    lab_assert_empty();
    open_many();
    lab_close();
}

static void what_nobody_wants_is_dropped(void **state)
{
    (void)state;
    start();
    open_many();
    lab_close();
    start();
    assert_int_equal(session_adopt(lab.chain[0], lab.tenant[0], refuse_all, NULL), 0);
    assert_int_equal(session_forget_orphans(), N_SESSIONS / 2);
    assert_int_equal(session_forget_orphans(), 0);
    assert_int_equal(adopt_all(), 0);
    lab_assert_empty();
    open_many();
    assert_int_equal(count_found(), N_SESSIONS);
    assert_in_range(numbers_n_ever(&session_table.numbers), N_SESSIONS, N_SESSIONS + 20000);
    lab_close();
}

// A chain that is gone gives its number back, one that is still there keeps it.
static void names_of_chains_are_swept(void **state)
{
    const char *tenant;
    uint32_t gone;

    (void)state;
    start();
    gone = session_chain_id("gone", "edge");
    lab_close();
    start();
    assert_string_equal(session_chain_name(gone, &tenant), "edge");
    assert_int_equal(session_forget_orphans(), 0);
    assert_null(session_chain_name(gone, &tenant));
    assert_string_equal(session_chain_name(lab.chain[1], &tenant), "edge");
    assert_int_equal(session_chain_id("red", "edge"), lab.chain[1]);
    lab_close();
}

static void two_with_one_key_become_one(void **state)
{
    struct session_draft draft;
    struct session *s;

    (void)state;
    start();
    draft = draft_of(0);
    lab_session(&draft);
    draft = draft_of(2);
    s = lab_session(&draft);
    s->key_original = draft_of(0).key[0];
    s->hash[0] = hash_of_key(s, 0);
    lab_close();
    start();
    assert_int_equal(adopt_all(), 1);
    assert_int_equal(lab.tenant[0]->n_sessions, 1);
    lab_close();
}

// Damage of each byte, one after the other: the record comes back as something that can be, or not
// at all; nothing else is touched.
static void a_damaged_byte_harms_one_session(void **state)
{
    uint32_t n_dropped = 0;

    (void)state;
    start();
    open_many();
    lab_close();
    for (unsigned i = 0; i < sizeof(struct session); i++) {
        uint32_t n, n_found;
        struct session_draft draft = draft_of(7);
        unsigned direction;
        struct session *s;

        start();
        n = adopt_all();
        n_found = count_found();
        assert_in_range(n, N_SESSIONS - 1, N_SESSIONS);
        assert_in_range(n_found, N_SESSIONS - 1, N_SESSIONS);
        n_dropped += n < N_SESSIONS;
        for (uint32_t id = 1; id <= numbers_n_ever(&session_table.numbers); id++)
            if (session_is_valid(session_at(id)))
                session_close(session_at(id), SESSION_MAIN);
        lab_assert_empty();
        open_many();
        s = lab_find(draft.chain, draft.side[0], &draft.key[0], &direction);
        ((uint8_t *)s)[i] ^= (uint8_t)(1 + lab_draw(255));
        lab_close();
    }
    // All of `valid`, chain, keys, hashes, sides and what else has few values.
    assert_in_range(n_dropped, 4 + 4 + 80 + 8 + 2 + 2, 120);
}

static void overwrite(off_t at, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, at), size);
    close(fd);
}

// Whatever a header says: sessions are kept, or they begin anew.
static void a_damaged_header_is_not_believed(void **state)
{
    static uint8_t noise[HEADER_SIZE];
    struct stat st;

    (void)state;
    start();
    open_many();
    lab_close();
    for (unsigned i = 0; i < 400; i++) {
        uint32_t n;

        if (i < 390) {
            uint8_t byte = (uint8_t)lab_draw(256);

            overwrite(lab_draw(256), &byte, 1);
        } else {
            for (unsigned k = 0; k < sizeof(noise); k++)
                noise[k] = (uint8_t)lab_draw(256);
            overwrite(0, noise, sizeof(noise));
        }
        start();
        n = adopt_all();
        assert_true(n == 0 || n == N_SESSIONS);
        if (n == 0)
            open_many();
        assert_int_equal(count_found(), N_SESSIONS);
        lab_close();
    }
    for (off_t size = 0; size < 1000; size += 130) {
        assert_int_equal(truncate(path, size), 0);
        start();
        assert_int_equal(adopt_all(), 0);
        open_many();
        lab_close();
    }
    // Half of the records cut off.
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size / 2), 0);
    start();
    adopt_all();
    lab_close();
}

static void noise_in_records_is_dropped(void **state)
{
    (void)state;
    start();
    open_many();
    for (uint32_t i = 1; i <= N_SESSIONS; i++) {
        struct session *s = table_record(i);

        for (unsigned k = 4; k < sizeof(*s); k++)
            ((uint8_t *)s)[k] = (uint8_t)lab_draw(256);
        s->valid = SESSION_VALID;
        if (i % 2 == 0) { // what was written on purpose
            s->chain = lab.chain[0];
            s->hash[0] = hash_of_key(s, 0);
            s->hash[1] = hash_of_key(s, 1);
        }
    }
    lab_close();
    start();
    assert_int_equal(adopt_all(), 0);
    session_forget_orphans();
    lab_pass(5000);
    lab_assert_empty();
    lab_close();
}

// Who makes and removes chains all day takes no number from others, nor that of one that stays.
static void numbers_of_chains_come_back(void **state)
{
    const char *tenant;
    char name[16];

    (void)state;
    start();
    for (unsigned i = 0; i < SESSION_MAX_CHAINS + 100; i++) {
        uint32_t chain;

        snprintf(name, sizeof(name), "c%u", i);
        chain = session_chain_id("red", name);
        assert_int_not_equal(chain, 0);
        assert_int_not_equal(chain, lab.chain[0]);
        assert_int_not_equal(chain, lab.chain[1]);
        assert_string_equal(session_chain_name(chain, &tenant), name);
        session_chain_forget(chain);
    }
    assert_string_equal(session_chain_name(lab.chain[1], &tenant), "edge");
    assert_int_equal(session_chain_id("red", "edge"), lab.chain[1]);
    lab_close();
}

static void fewer_sessions_than_before(void **state)
{
    struct error e = {0};

    (void)state;
    start();
    open_many();
    lab_close();
    lab_open(dir, 1, 100);
    lab_configure();
    assert_in_range(adopt_all(), 1, 100);
    lab_close();
    start(); // those beyond do not come back
    assert_in_range(adopt_all(), 1, 100);
    lab_close();
    assert_int_equal(session_init(1, 0, &e), -EINVAL);
    assert_int_equal(session_init(1, SESSION_MAX + 1, &e), -EINVAL);
}

static void regions_are_kept_apart(void **state)
{
    struct error e = {0};
    int was_there = 9;
    uint64_t seed;
    char *a, *b;

    (void)state;
    assert_int_equal(state_init(dir, &e), 0);
    seed = state_seed();
    a = state_region("a", 10000, 1, &was_there, &e);
    b = state_region("b", 10000, 1, &was_there, &e);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(was_there, 0);
    assert_int_equal(state_held(a), 0);
    assert_int_equal(state_reserve(a, 9000, 1000), 0);
    assert_int_equal(state_reserve(b, 0, 1), 0);
    assert_int_equal(state_reserve(a, 9000, 1001), -EINVAL);
    assert_int_equal(state_reserve(a, 10001, 0), -EINVAL);
    a[9999] = 'a';
    b[0] = 'b';
    state_fini();
    assert_int_equal(state_init(dir, &e), 0);
    assert_int_equal(state_seed(), seed);
    a = state_region("a", 10000, 1, &was_there, &e);
    assert_int_equal(was_there, 1);
    assert_int_equal(a[9999], 'a');
    assert_true(state_held(a) >= 9999);
    // Another layout: emptied.
    b = state_region("b", 10000, 2, &was_there, &e);
    assert_int_equal(was_there, 0);
    assert_int_equal(state_held(b), 0);
    assert_int_equal(state_reserve(b, 0, 1), 0);
    assert_int_equal(b[0], 0);
    state_fini();
}

// What is no file of ours is not written to.
static void a_link_is_not_followed(void **state)
{
    struct error e = {0};
    char target[80];
    struct stat st;

    (void)state;
    snprintf(target, sizeof(target), "%s/target", dir);
    close(open(target, O_WRONLY | O_CREAT, 0600));
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(state_init(dir, &e), 0);
    state_fini();
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    unlink(target);
}

// In a mount namespace of its own, with a file system of 4 MB. Exit code 77: not allowed here.
static int run_on_little_memory(void)
{
    uint8_t drop = API_DROP_NONE;
    struct session_draft draft;
    uint32_t n = 0;
    int is_new;

    if (unshare(CLONE_NEWNS | (geteuid() != 0 ? CLONE_NEWUSER : 0)) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=4m") < 0)
        return 77;
    max_sessions = 100000;
    start();
    do {
        draft = lab_draft(0, n++, 1);
        if (n % 100 == 0)
            session_tend();
    } while (session_open(&draft, 0, lab.now_ms, &is_new, &drop) != NULL);
    if (drop != DROP_SESSION_NO_MEMORY || n < 1000 || n > 4 * 1024 * 1024 / 320)
        return 1;
    for (uint32_t i = 0; i < n - 1; i++) {
        unsigned direction;

        draft = lab_draft(0, i, 1);
        if (lab_find(draft.chain, draft.side[0], &draft.key[0], &direction) == NULL)
            return 2;
    }
    lab_close();
    start(); // a full file system is no reason not to start
    return adopt_all() == n - 1 ? 0 : 3;
}

static void a_full_file_system_refuses(void **state)
{
    int status = 0;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        _exit(run_on_little_memory());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_restart_keeps_all),
        TEST(what_nobody_wants_is_dropped),
        TEST(names_of_chains_are_swept),
        TEST(two_with_one_key_become_one),
        TEST(a_damaged_byte_harms_one_session),
        TEST(a_damaged_header_is_not_believed),
        TEST(noise_in_records_is_dropped),
        TEST(numbers_of_chains_come_back),
        TEST(fewer_sessions_than_before),
        TEST(regions_are_kept_apart),
        TEST(a_link_is_not_followed),
        TEST(a_full_file_system_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
