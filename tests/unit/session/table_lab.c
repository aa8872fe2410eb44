// SPDX-License-Identifier: BSD-3-Clause
// The world around the session table: see the header.

#include "tests/unit/session/table_lab.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

struct lab lab;

static void on_close(struct session *s, unsigned worker)
{
    (void)worker;
    lab.n_closed++;
    lab.last_closed = session_id(s);
    assert_false(session_is_valid(s));
}

static void on_credit(struct session *s, unsigned worker, const uint32_t packets[2],
                      const uint64_t bytes[2])
{
    (void)s;
    (void)worker;
    for (unsigned i = 0; i < 2; i++) {
        lab.packets[i] += packets[i];
        lab.bytes[i] += bytes[i];
    }
}

static int on_visit(struct session *s, unsigned worker)
{
    (void)worker;
    lab.n_visits++;
    return session_id(s) == lab.end_at_visit;
}

static void on_miss(const struct session_query *const *queries, unsigned n)
{
    session_foresee(lab.tenant[0], queries, n);
    lab.n_missed += n;
}

static void on_evict(const struct session *s, unsigned worker)
{
    (void)worker;
    assert_int_equal(session_id(s), lab.last_closed);
    lab.n_evicted++;
    lab.last_evicted = session_id(s);
}

void lab_open(const char *run_dir, unsigned n_workers, uint32_t max_sessions)
{
    static const struct session_hooks hooks = {on_close, on_credit, on_visit, on_miss, on_evict};
    struct error e = {0};

    lab = (struct lab){.now_ms = 1000};
    if (state_init(run_dir, &e) < 0)
        fail_msg("%s", e.sentence);
    session_clock_init(NULL);
    session_set_hooks(&hooks);
    if (session_init(n_workers, max_sessions, &e) < 0)
        fail_msg("%s", e.sentence);
}

void lab_configure(void)
{
    static const char *const names[LAB_N_CHAINS] = {"blue", "red"};

    for (unsigned i = 0; i < LAB_N_CHAINS; i++) {
        lab.chain[i] = session_chain_id(names[i], "edge");
        lab.tenant[i] = session_tenant_get(names[i]);
        assert_int_not_equal(lab.chain[i], 0);
        assert_non_null(lab.tenant[i]);
    }
}

void lab_close(void)
{
    for (unsigned i = 0; i < LAB_N_CHAINS; i++)
        session_tenant_put(lab.tenant[i]);
    session_fini();
    state_fini();
}

void lab_limit(unsigned i, uint32_t sessions, uint32_t half_open, uint32_t source)
{
    struct api_tenant item = {.session_limit = sessions,
                              .half_open_limit = half_open,
                              .source_session_limit = source,
                              .fragment_limit = 1};

    for (unsigned k = 0; k < API_N_TIMEOUTS; k++)
        item.timeout_sec[k] = 10 * (k + 1);
    session_tenant_configure(lab.tenant[i], &item);
}

static void set_address(uint8_t address[16], uint32_t host_order)
{
    uint32_t word = htonl(host_order);

    memset(address, 0, 16);
    memcpy(address, &word, 4);
}

struct session_draft lab_draft(unsigned chain, uint32_t source, uint16_t port)
{
    struct session_draft draft = {
        .chain = lab.chain[chain],
        .tenant = lab.tenant[chain],
        .side = {SESSION_INSIDE, SESSION_OUTSIDE},
        .timeout = API_TIMEOUT_udp,
        .state = API_SESSION_OPENING,
    };

    draft.key[0] = (struct session_tuple){.source_port = htons(port),
                                          .destination_port = htons(53),
                                          .family = 4,
                                          .protocol = IPPROTO_UDP};
    set_address(draft.key[0].source, 0x0a000000 + source);
    set_address(draft.key[0].destination, 0xc0000201);
    draft.key[1] = session_tuple_reverse(&draft.key[0]);
    return draft;
}

struct session *lab_session(const struct session_draft *draft)
{
    uint8_t drop = 0;
    int is_new = 0;
    struct session *s = session_open(draft, 0, lab.now_ms, &is_new, &drop);

    assert_non_null(s);
    assert_int_equal(is_new, 1);
    return s;
}

struct session *lab_find(uint32_t chain, uint8_t side, const struct session_tuple *t,
                         unsigned *direction)
{
    const struct session_query query = {.chain = chain, .side = side, .tuple = *t};
    const struct session_query *queries[] = {&query};
    struct session_hit hit;

    session_find_burst(queries, &hit, 1);
    if (hit.session != NULL)
        *direction = hit.direction;
    return hit.session;
}

void lab_pass(uint32_t ms)
{
    lab.now_ms += ms;
    // Enough for a round of the largest table that a test has, by the pace of age.c.
    for (unsigned i = 0; i < 256; i++)
        session_age(0, lab.now_ms, 1);
}

void lab_assert_empty(void)
{
    uint32_t n_sessions, n_half_open;

    for (unsigned i = 0; i < LAB_N_CHAINS; i++) {
        session_chain_counts(lab.chain[i], &n_sessions, &n_half_open);
        assert_int_equal(n_sessions, 0);
        assert_int_equal(n_half_open, 0);
        session_tenant_counts(lab.tenant[i], &n_sessions, &n_half_open);
        assert_int_equal(n_sessions, 0);
        assert_int_equal(n_half_open, 0);
        assert_int_equal(lab.tenant[i]->first, 0);
        assert_int_equal(lab.tenant[i]->last, 0);
    }
}

uint32_t lab_draw(uint32_t n)
{
    static uint64_t seed = 42;

    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(seed >> 33) % n;
}
