// SPDX-License-Identifier: BSD-3-Clause
// Do fragments follow what was decided for the first one, does none slip by that a receiver could
// put together in another way, and is all that waits bounded?

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/core/counters.h"
#include "dataplane/core/pool.h"
#include "dataplane/parse/parse.h"
#include "dataplane/session/fragment_table.h"
#include "dataplane/session/table.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/lib/packet_builder.h"

#define POOL_SIZE 2048 // a quarter may wait
#define PORT 7         // as mbuf_build says
#define WORKER 1
#define TIMEOUT_MS 2000
#define OK API_DROP_NONE
#define OVERLAP DROP_FRAGMENT_OVERLAP
#define TINY DROP_FRAGMENT_TINY
#define LIMIT DROP_FRAGMENT_LIMIT
#define WAITS 253 // in place of a drop reason

static struct rte_mempool *pool;
static struct session_tenant *blue, *red;
static uint32_t now_ms;
static const struct fragment_decision decision = {
    .session = 42, .opened_ms = 7, .direction = 1, .drop = API_DROP_NONE};

static void limit(struct session_tenant *tenant, uint32_t n)
{
    struct api_tenant item = {.fragment_limit = n};

    item.timeout_sec[API_TIMEOUT_fragment] = TIMEOUT_MS / 1000;
    session_tenant_configure(tenant, &item);
}

static int set_up(void **state)
{
    (void)state;
    if (pool == NULL) {
        mbuf_eal_init();
        assert_int_equal(counters_init(NULL, 2), 0);
        pool = pool_create("fragment", POOL_SIZE, 2048);
        assert_non_null(pool);
        blue = session_tenant_get("blue");
        red = session_tenant_get("red");
        assert_non_null(blue);
        assert_non_null(red);
    }
    limit(blue, 1000);
    limit(red, 1000);
    now_ms = UINT32_MAX - 1000;
    assert_int_equal(fragment_init(2, NULL), 0);
    memset(counters_of(PORT, WORKER), 0, sizeof(struct api_counters));
    return 0;
}

static int tear_down(void **state)
{
    struct pool_private *private = rte_mempool_get_priv(pool);

    (void)state;
    fragment_fini();
    assert_int_equal(rte_mempool_in_use_count(pool), 0);
    assert_int_equal(private->n_waiting, 0);
    assert_int_equal(blue->n_fragments, 0);
    assert_int_equal(red->n_fragments, 0);
    return 0;
}

static uint64_t n_dropped(unsigned reason)
{
    return counters_of(PORT, WORKER)->drops[reason];
}

// A fragment of a packet with this identification, its bytes [begin, end) and whether more come.
struct piece {
    uint16_t id;
    uint32_t begin, end;
    int more;
    uint8_t proto; // 0: UDP
};

static struct rte_mbuf *make(const struct piece *piece, int is_ip6)
{
    static struct frame f;
    uint32_t len = piece->end - piece->begin;
    struct rte_mbuf *m;

    frame_ether(&f, "52:54:00:00:00:22", "52:54:00:00:00:11");
    if (is_ip6) {
        frame_ip6(&f, "fd00::1", "fd00::2");
        frame_ip6_extension(&f, 60, 2);
        frame_ip6_fragment(&f, piece->begin, piece->more);
        frame_put16(&f, f.fragment_off + 6, piece->id);
    } else {
        frame_ip4(&f, "10.0.0.1", "10.0.0.2");
        frame_ip4_fragment(&f, piece->begin, piece->more);
        frame_put16(&f, f.ip4_off + 4, piece->id);
    }
    if (piece->begin > 0) {
        frame_proto(&f, piece->proto ? piece->proto : 17);
        frame_payload(&f, len);
    } else if (piece->proto == 6) {
        frame_tcp(&f, 1000, 80, 0x10, 0);
        frame_payload(&f, len - 20);
    } else {
        frame_udp(&f, 1000, 2000);
        frame_payload(&f, len - 8);
    }
    frame_end(&f);
    m = mbuf_build(pool, f.bytes, f.len, NULL, 0, MBUF_TAILROOM_ANY);
    parse_burst(&m, 1);
    assert_true(packet_of(m)->flags & PACKET_FRAGMENT);
    assert_int_equal(packet_of(m)->l3_error, API_DROP_NONE);
    return m;
}

// Outcome of a fragment in chain 3, by side 0, of blue: OK, WAITS or the reason. A first one is
// not decided yet.
static uint8_t give(const struct piece *piece, int is_ip6)
{
    struct rte_mbuf *m = make(piece, is_ip6);
    struct fragment_decision follow;
    uint8_t drop = 0x5a;

    if (piece->begin == 0) {
        drop = fragment_first(WORKER, 3, 0, blue, m, now_ms);
    } else {
        switch (fragment_later(WORKER, 3, 0, blue, m, now_ms, &follow, &drop)) {
        case FRAGMENT_WAIT:
            return WAITS;
        case FRAGMENT_FOLLOW:
            assert_int_equal(drop, API_DROP_NONE);
            assert_int_equal(follow.session, decision.session);
            assert_int_equal(follow.opened_ms, decision.opened_ms);
            assert_int_equal(follow.direction, decision.direction);
            break;
        default:
            assert_int_not_equal(drop, API_DROP_NONE);
        }
    }
    rte_pktmbuf_free(m);
    return drop;
}

// The first one, given before, is decided. Returns how many had waited; they are in order.
static unsigned decide(const struct piece *piece, int is_ip6, uint8_t drop)
{
    struct rte_mbuf *m[FRAGMENT_MAX_WAITING], *first = make(piece, is_ip6);
    struct fragment_decision d = decision;
    unsigned n;

    d.drop = drop;
    n = fragment_decided(WORKER, 3, 0, first, &d, m);
    rte_pktmbuf_free(first);
    for (unsigned i = 0; i < n; i++) {
        assert_true(packet_of(m[i])->flags & PACKET_LATER_FRAGMENT);
        rte_pktmbuf_free(m[i]);
    }
    return n;
}

static void later_ones_follow_the_first(void **state)
{
    static const struct piece pieces[] = {
        {1, 0, 1000, 1, 0}, {1, 1000, 2000, 1, 0}, {1, 2000, 3000, 1, 0}, {1, 3000, 3001, 0, 0}};

    (void)state;
    for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
        assert_int_equal(give(&pieces[0], is_ip6), OK);
        assert_int_equal(decide(&pieces[0], is_ip6, OK), 0);
        assert_int_equal(blue->n_fragments, 1 + is_ip6);
        for (unsigned i = 1; i < 4; i++)
            assert_int_equal(give(&pieces[i], is_ip6), OK);
        // All is there: what comes with the same name is another packet.
        assert_int_equal(blue->n_fragments, is_ip6);
        assert_int_equal(give(&pieces[1], is_ip6), WAITS);
        assert_int_equal(blue->n_fragments, 1 + is_ip6);
    }
}

// RFC 4787 REQ-14: in any order.
static void rfc4787_req14_earlier_ones_wait_for_the_first(void **state)
{
    static const struct piece pieces[] = {
        {1, 0, 1000, 1, 0}, {1, 3000, 3500, 0, 0}, {1, 1000, 2000, 1, 0}, {1, 2000, 3000, 1, 0}};

    (void)state;
    for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
        for (unsigned i = 1; i < 3; i++)
            assert_int_equal(give(&pieces[i], is_ip6), WAITS);
        assert_int_equal(give(&pieces[0], is_ip6), OK);
        assert_int_equal(decide(&pieces[0], is_ip6, OK), 2);
        assert_int_equal(give(&pieces[3], is_ip6), OK);
        assert_int_equal(blue->n_fragments, 0);
        for (unsigned i = 1; i < 4; i++)
            assert_int_equal(give(&pieces[i], is_ip6), WAITS);
        assert_int_equal(give(&pieces[0], is_ip6), OK);
        assert_int_equal(decide(&pieces[0], is_ip6, OK), 3);
        assert_int_equal(blue->n_fragments, 0);
    }
}

static void a_dropped_first_drops_the_others(void **state)
{
    static const struct piece pieces[] = {
        {1, 0, 1000, 1, 0}, {1, 1000, 2000, 1, 0}, {1, 2000, 3000, 0, 0}};

    (void)state;
    assert_int_equal(give(&pieces[1], 0), WAITS);
    assert_int_equal(give(&pieces[0], 0), OK);
    assert_int_equal(decide(&pieces[0], 0, DROP_FIREWALL_DENIED), 1); // the caller's to drop
    assert_int_equal(give(&pieces[2], 0), DROP_FIREWALL_DENIED);
}

static void rfc5722_overlap_ends_the_whole_packet(void **state)
{
    // Each behind the first [0, 1000), a middle one [1000, 2000) and the last [3000, 3004).
    static const struct piece overlaps[] = {
        {1, 992, 1992, 1, 0},  {1, 1008, 2008, 1, 0}, {1, 1992, 3000, 1, 0}, {1, 2000, 3008, 1, 0},
        {1, 1200, 1304, 1, 0}, {1, 992, 2008, 1, 0},  {1, 3008, 3016, 1, 0}, {1, 2000, 2500, 0, 0},
        {1, 3000, 3032, 1, 0}, {1, 8, 16, 1, 0},      {1, 4000, 4001, 0, 0}, {1, 1000, 2000, 0, 0},
    };
    static const struct piece others[] = {
        {1, 0, 1000, 1, 0}, {1, 1000, 2000, 1, 0}, {1, 3000, 3004, 0, 0}, {1, 2000, 3000, 1, 0}};

    (void)state;
    for (unsigned i = 0; i < 2 * RTE_DIM(overlaps); i++) {
        int is_ip6 = i % 2;

        assert_int_equal(give(&others[0], is_ip6), OK);
        assert_int_equal(decide(&others[0], is_ip6, OK), 0);
        assert_int_equal(give(&others[1], is_ip6), OK);
        assert_int_equal(give(&others[2], is_ip6), OK);
        assert_int_equal(give(&overlaps[i / 2], is_ip6), OVERLAP);
        for (unsigned k = 0; k < 4; k++) // those too that were sound
            assert_int_equal(give(&others[k], is_ip6), OVERLAP);
        now_ms += TIMEOUT_MS;
        fragment_age(WORKER, now_ms);
        assert_int_equal(blue->n_fragments, 0);
    }
}

static void rfc5722_overlap_ends_what_waits(void **state)
{
    static const struct piece pieces[] = {{1, 1000, 2000, 1, 0}, {1, 2000, 3000, 1, 0}};
    static const struct piece overlap = {1, 1992, 2992, 1, 0}, first = {1, 0, 1000, 1, 0};

    (void)state;
    assert_int_equal(give(&pieces[0], 0), WAITS);
    assert_int_equal(give(&pieces[1], 0), WAITS);
    assert_int_equal(give(&overlap, 0), OVERLAP);
    assert_int_equal(n_dropped(OVERLAP), 2); // those that waited; the last one is the caller's
    assert_int_equal(rte_mempool_in_use_count(pool), 0);
    assert_int_equal(give(&first, 0), OVERLAP);
    assert_int_equal(decide(&first, 0, OK), 0);
    assert_int_equal(give(&pieces[1], 0), OVERLAP);
}

// RFC 8200, 4.5: a copy may go alone, for nobody gets two of them.
static void rfc8200_4_5_copies_are_dropped_alone(void **state)
{
    static const struct piece pieces[] = {
        {1, 0, 1000, 1, 0}, {1, 1000, 2000, 1, 0}, {1, 2000, 3000, 1, 0}, {1, 3000, 3001, 0, 0}};

    (void)state;
    assert_int_equal(give(&pieces[3], 0), WAITS);
    assert_int_equal(give(&pieces[3], 0), OVERLAP);
    assert_int_equal(give(&pieces[0], 0), OK);
    assert_int_equal(give(&pieces[0], 0), OVERLAP); // before it was decided, and after
    assert_int_equal(decide(&pieces[0], 0, OK), 1);
    assert_int_equal(give(&pieces[0], 0), OVERLAP);
    assert_int_equal(give(&pieces[1], 0), OK);
    assert_int_equal(give(&pieces[1], 0), OVERLAP);
    assert_int_equal(give(&pieces[2], 0), OK);
    assert_int_equal(blue->n_fragments, 0);
}

// RFC 1858, 3 and RFC 3128: the TCP header, flags above all, stands in the first fragment only.
static void rfc1858_3128_no_later_piece_of_a_tcp_header(void **state)
{
    static const struct piece first = {1, 0, 1000, 1, 6};
    static const struct piece tiny[] = {{1, 8, 16, 1, 6}, {1, 16, 1000, 1, 6}, {1, 8, 9, 0, 6}};
    static const struct piece small = {2, 24, 32, 1, 6}, udp = {3, 8, 16, 1, 17};

    (void)state;
    for (unsigned i = 0; i < 2 * RTE_DIM(tiny); i++) {
        assert_int_equal(give(&tiny[i / 2], i % 2), TINY);
        assert_int_equal(give(&first, i % 2), TINY); // and nothing of this packet any more
        now_ms += TIMEOUT_MS;
        fragment_age(WORKER, now_ms);
    }
    assert_int_equal(give(&small, 0), WAITS);
    assert_int_equal(give(&udp, 0), WAITS);
}

// A first fragment whose header parse did not find whole.
static void rfc7112_a_first_fragment_has_its_header(void **state)
{
    static const struct piece first = {1, 0, 1000, 1, 0}, later = {1, 1000, 2000, 1, 0};

    (void)state;
    for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
        struct rte_mbuf *m = make(&first, is_ip6);

        assert_int_equal(give(&later, is_ip6), WAITS);
        packet_of(m)->flags &= (uint16_t)~PACKET_L4;
        assert_int_equal(fragment_first(WORKER, 3, 0, blue, m, now_ms), TINY);
        rte_pktmbuf_free(m);
        assert_int_equal(n_dropped(TINY), 1U + (unsigned)is_ip6);
        assert_int_equal(give(&later, is_ip6), TINY);
    }
}

static void rfc6946_an_atomic_fragment_is_none(void **state)
{
    static struct frame f;
    struct rte_mbuf *m;

    (void)state;
    frame_ether(&f, "52:54:00:00:00:22", "52:54:00:00:00:11");
    frame_ip6(&f, "fd00::1", "fd00::2");
    frame_ip6_fragment(&f, 0, 0);
    frame_udp(&f, 1000, 2000);
    frame_end(&f);
    m = mbuf_build(pool, f.bytes, f.len, NULL, 0, MBUF_TAILROOM_ANY);
    parse_burst(&m, 1);
    assert_int_equal(packet_of(m)->flags & (PACKET_FRAGMENT | PACKET_L4), PACKET_L4);
    rte_pktmbuf_free(m);
}

static void a_packet_is_named_by_all_that_names_it(void **state)
{
    static const struct piece first = {1, 0, 1000, 1, 0}, later = {1, 1000, 2000, 1, 0};
    static const struct piece other_id = {2, 1000, 2000, 1, 0};
    static const struct piece other_proto = {1, 1000, 2000, 1, 132};
    struct fragment_decision follow;
    uint8_t drop;

    (void)state;
    for (int is_ip6 = 0; is_ip6 < 2; is_ip6++) {
        assert_int_equal(give(&first, is_ip6), OK);
        assert_int_equal(decide(&first, is_ip6, OK), 0);
        assert_int_equal(give(&other_id, is_ip6), WAITS);
    }
    assert_int_equal(give(&other_proto, 0), WAITS);
    assert_int_equal(give(&other_proto, 1), OK); // RFC 8200, 4.5: not by the protocol
    for (unsigned i = 0; i < 5; i++) {
        struct rte_mbuf *m = make(&later, 0);
        uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, packet_of(m)->l3_off);

        ip[12 + 4 * (i % 2)] ^= (i < 2); // another source, another destination
        assert_int_equal(fragment_later(WORKER - (i == 4), 3 + (i == 2), i == 3, blue, m, now_ms,
                                        &follow, &drop),
                         FRAGMENT_WAIT);
    }
    assert_int_equal(give(&later, 0), OK);
}

static void what_waits_too_long_is_lost(void **state)
{
    static const struct piece later = {1, 1000, 2000, 1, 0}, first = {1, 0, 1000, 1, 0};

    (void)state;
    assert_int_equal(give(&later, 0), WAITS);
    now_ms += TIMEOUT_MS - 1;
    fragment_age(WORKER, now_ms);
    assert_int_equal(n_dropped(DROP_FRAGMENT_LOST), 0);
    now_ms++;
    fragment_age(WORKER, now_ms);
    assert_int_equal(n_dropped(DROP_FRAGMENT_LOST), 1);
    assert_int_equal(rte_mempool_in_use_count(pool), 0);
    assert_int_equal(blue->n_fragments, 0);
    assert_int_equal(give(&first, 0), OK); // a packet of its own
    assert_int_equal(decide(&first, 0, OK), 0);
}

// Ageing is bounded, and yet meets all.
static void ageing_goes_round(void **state)
{
    unsigned n_calls = 0;

    (void)state;
    for (uint16_t i = 0; i < 1000; i++) {
        struct piece first = {i, 0, 1000, 1, 0};

        assert_int_equal(give(&first, 0), OK);
    }
    assert_int_equal(blue->n_fragments, 1000);
    now_ms += TIMEOUT_MS;
    fragment_age(WORKER, now_ms);
    assert_in_range(blue->n_fragments, 900, 999);
    for (; blue->n_fragments > 0 && n_calls < 100; n_calls++)
        fragment_age(WORKER, now_ms);
    assert_int_equal(blue->n_fragments, 0);
}

static void a_tenant_has_its_share(void **state)
{
    static const struct piece firsts[] = {
        {1, 0, 1000, 1, 0}, {2, 0, 1000, 1, 0}, {3, 0, 1000, 1, 0}};
    static const struct piece later = {4, 1000, 2000, 1, 0}, known = {1, 1000, 2000, 0, 0};
    struct rte_mbuf *m = make(&later, 0);

    (void)state;
    limit(blue, 2);
    assert_int_equal(give(&firsts[0], 0), OK);
    assert_int_equal(decide(&firsts[0], 0, OK), 0);
    assert_int_equal(give(&firsts[1], 0), OK);
    assert_int_equal(give(&firsts[2], 0), LIMIT);
    assert_int_equal(give(&later, 0), LIMIT);
    assert_int_equal(fragment_first(WORKER, 9, 0, red, m, now_ms), OK); // another has his own
    rte_pktmbuf_free(m);
    assert_int_equal(give(&known, 0), OK); // complete
    assert_int_equal(give(&firsts[2], 0), OK);
}

static void few_wait_for_one_packet(void **state)
{
    static const struct piece first = {1, 0, 8, 1, 0};

    (void)state;
    for (uint32_t i = 1; i <= FRAGMENT_MAX_WAITING + 4; i++) {
        struct piece later = {1, 8 * i, 8 * i + 8, 1, 0};

        assert_int_equal(give(&later, 0), i <= FRAGMENT_MAX_WAITING ? WAITS : LIMIT);
    }
    assert_int_equal(give(&first, 0), OK);
    assert_int_equal(decide(&first, 0, OK), FRAGMENT_MAX_WAITING);
    for (uint32_t i = 1; i <= FRAGMENT_MAX_WAITING + 4; i++) { // those dropped may come again
        struct piece later = {1, 8 * i, 8 * i + 8, 1, 0};

        assert_int_equal(give(&later, 0), i <= FRAGMENT_MAX_WAITING ? OVERLAP : OK);
    }
}

static void few_wait_for_one_tenant(void **state)
{
    const unsigned n_max = FRAGMENT_MAX_HELD / FRAGMENT_TENANT_SHARE;

    (void)state;
    for (unsigned i = 0; i < n_max + 5; i++) {
        struct piece later = {(uint16_t)i, 1000, 2000, 1, 0};

        assert_int_equal(give(&later, 0), i < n_max ? WAITS : LIMIT);
    }
    assert_int_equal(blue->n_held_fragments, n_max);
}

static void few_buffers_of_a_port_wait(void **state)
{
    struct pool_private *private = rte_mempool_get_priv(pool);

    (void)state;
    private->n_waiting = POOL_SIZE / POOL_WAITING_SHARE - 3;
    for (unsigned i = 0; i < 5; i++) {
        struct piece later = {1, 1000 + 8 * i, 1008 + 8 * i, 1, 0};

        assert_int_equal(give(&later, 0), i < 3 ? WAITS : LIMIT);
    }
    private->n_waiting -= POOL_SIZE / POOL_WAITING_SHARE - 3;
}

// Few pieces are kept apart; joined ones take no room, and one too many ends the packet.
static void pieces_are_bounded(void **state)
{
    static const struct piece first = {1, 0, 8, 1, 0}, inside = {1, 80, 88, 1, 0};
    static const struct piece end = {2, 8000, 8001, 0, 0}, second = {2, 0, 8, 1, 0};

    (void)state;
    assert_int_equal(give(&first, 0), OK);
    assert_int_equal(decide(&first, 0, OK), 0);
    for (uint32_t i = 1; i < 1000; i++) {
        struct piece later = {1, 8 * i, 8 * i + 8, i < 999, 0};

        assert_int_equal(give(&later, 0), OK);
    }
    assert_int_equal(blue->n_fragments, 0);
    assert_int_equal(give(&second, 0), OK);
    assert_int_equal(decide(&second, 0, OK), 0);
    assert_int_equal(give(&end, 0), OK);
    for (uint32_t i = 1; i <= FRAGMENT_MAX_PIECES; i++) {
        struct piece scattered = {2, 16 * i, 16 * i + 8, 1, 0};

        assert_int_equal(give(&scattered, 0), i <= FRAGMENT_MAX_PIECES - 2 ? OK : LIMIT);
    }
    assert_int_equal(give(&inside, 0), WAITS); // of the first, which was complete
}

static void a_tenant_has_a_quarter_of_the_room(void **state)
{
    const unsigned n_max = FRAGMENT_MAX_PACKETS / FRAGMENT_TENANT_SHARE;

    (void)state;
    limit(blue, UINT32_MAX);
    for (unsigned i = 0; i <= n_max; i++) {
        struct piece first = {(uint16_t)i, 0, 1000, 1, 0};

        assert_int_equal(give(&first, 0), i < n_max ? OK : LIMIT);
    }
    assert_int_equal(blue->n_fragments, n_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        CASE(later_ones_follow_the_first),
        CASE(rfc4787_req14_earlier_ones_wait_for_the_first),
        CASE(a_dropped_first_drops_the_others),
        CASE(rfc5722_overlap_ends_the_whole_packet),
        CASE(rfc5722_overlap_ends_what_waits),
        CASE(rfc8200_4_5_copies_are_dropped_alone),
        CASE(rfc1858_3128_no_later_piece_of_a_tcp_header),
        CASE(rfc7112_a_first_fragment_has_its_header),
        CASE(rfc6946_an_atomic_fragment_is_none),
        CASE(a_packet_is_named_by_all_that_names_it),
        CASE(what_waits_too_long_is_lost),
        CASE(ageing_goes_round),
        CASE(a_tenant_has_its_share),
        CASE(few_wait_for_one_packet),
        CASE(few_wait_for_one_tenant),
        CASE(few_buffers_of_a_port_wait),
        CASE(pieces_are_bounded),
        CASE(a_tenant_has_a_quarter_of_the_room),
    };

    return cmocka_run_group_tests_name("fragment", tests, NULL, NULL);
}
