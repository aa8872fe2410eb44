// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/session/track_lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "dataplane/parse/parse.h"
#include "tests/lib/mbuf_builder.h"

#define POOL_SIZE 31

struct lab lab;
static struct rte_mempool *pool;

// What session.c, table.c and tenant.c do.

void session_lock(struct session *s)
{
    assert_ptr_equal(s, &lab.s);
    assert_int_equal(lab.n_locked++, 0);
}

void session_unlock(struct session *s)
{
    assert_ptr_equal(s, &lab.s);
    assert_int_equal(lab.n_locked--, 1);
}

void session_confirm(struct session *s)
{
    assert_int_equal(lab.n_locked, 0);
    s->is_half_open = 0;
    lab.n_confirmed++;
}

uint32_t session_timeout_ms(const struct session_tenant *tenant, enum api_timeout timeout)
{
    static const uint32_t seconds[API_N_TIMEOUTS] = {
#define LAB_SECONDS(name, sec, text) [API_TIMEOUT_##name] = (sec),
        API_TIMEOUTS(LAB_SECONDS)
#undef LAB_SECONDS
    };

    (void)tenant;
    assert_in_range(timeout, 0, API_N_TIMEOUTS - 1);
    return seconds[timeout] * 1000;
}

void lab_start(void)
{
    if (pool == NULL) {
        mbuf_eal_init();
        pool = mbuf_pool("track", POOL_SIZE, 65000);
    }
    memset(&lab, 0, sizeof(lab));
    lab.now_ms = UINT32_MAX - 4000; // time wraps in each test
}

void lab_stop(void)
{
    assert_int_equal(rte_mempool_in_use_count(pool), 0);
    assert_int_equal(lab.n_locked, 0);
}

void lab_ip4(struct frame *f, char direction)
{
    frame_ether(f, "52:54:00:00:00:22", "52:54:00:00:00:11");
    if (direction == '>')
        frame_ip4(f, "10.0.0.1", "10.0.0.2");
    else
        frame_ip4(f, "10.0.0.2", "10.0.0.1");
}

void lab_tcp(struct frame *f, char direction, uint8_t flags, const uint32_t numbers[2])
{
    lab_ip4(f, direction);
    frame_tcp(f, direction == '>' ? 1000 : 80, direction == '>' ? 80 : 1000, flags, 10);
    for (unsigned i = 0; i < 2; i++) {
        frame_put16(f, f->l4_off + 4 + 4 * i, (uint16_t)(numbers[i] >> 16));
        frame_put16(f, f->l4_off + 6 + 4 * i, (uint16_t)numbers[i]);
    }
}

static struct rte_mbuf *packet(const struct frame *f)
{
    struct rte_mbuf *m = mbuf_build(pool, f->bytes, f->len, NULL, 0, MBUF_TAILROOM_ANY);

    parse_burst(&m, 1);
    assert_int_equal(packet_of(m)->l3_error, API_DROP_NONE);
    return m;
}

static void open_session(const struct session_draft *draft)
{
    memset(&lab.s, 0, sizeof(lab.s));
    lab.s.valid = SESSION_VALID;
    lab.s.key_original = draft->key[0];
    lab.s.side[0] = draft->side[0];
    lab.s.side[1] = draft->side[1];
    lab.s.state = draft->state;
    lab.s.timeout = draft->timeout;
    lab.s.is_half_open = draft->is_half_open;
    lab.s.protocol_state = draft->protocol_state;
    memcpy(lab.s.tcp, draft->tcp, sizeof(lab.s.tcp));
    lab.s.expires_ms = lab.now_ms + session_timeout_ms(NULL, draft->timeout);
}

uint8_t lab_begin(const struct frame *f, uint8_t side)
{
    struct session_draft draft;
    struct rte_mbuf *m = packet(f);
    uint8_t drop;

    memset(&draft, 0xa5, sizeof(draft)); // what is not set, is not
    draft.side[0] = side;
    draft.side[1] = !side;
    draft.key[0].protocol = packet_of(m)->l4_proto;
    drop = session_track_begin(&draft, m, packet_of(m), lab.flags);
    if (drop == API_DROP_NONE)
        open_session(&draft);
    rte_pktmbuf_free(m);
    return drop;
}

uint8_t lab_track(const struct frame *f, char direction)
{
    struct rte_mbuf *m = packet(f);
    unsigned way = direction == '>' ? SESSION_ORIGINAL : SESSION_REPLY;
    struct session_packet step = {m, packet_of(m), way, lab.flags, lab.now_ms += 1000};
    int is_over = 7;
    uint8_t drop = session_track(&lab.s, NULL, &step, &is_over);

    rte_pktmbuf_free(m);
    assert_in_range(is_over, 0, 1);
    if (is_over)
        assert_int_equal(drop, API_DROP_NONE);
    return is_over ? LAB_IS_OVER : drop;
}
