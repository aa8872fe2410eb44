// SPDX-License-Identifier: BSD-3-Clause
// Can fragments, in whatever order and shape, be put together by a receiver in two ways, be lost,
// or outgrow what is given to them? Bytes become fragments of few packets, decisions and time. A
// naive model notes each byte of each packet that went on: none goes on twice. libFuzzer with ASan
// and UBSan, without EAL. Next: what the assertions name.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/counters.h"
#include "dataplane/parse/parse.h"
#include "dataplane/session/fragment.h"
#include "dataplane/session/table.h"
#include "tests/fuzz/lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_STEPS 300
#define N_PACKETS 6
#define MAX_UNITS 64 // of eight bytes, for each packet
#define LIMIT 5
#define POOL_SIZE 128
#define MAX_FRAME 600
#define TIMEOUT_MS 2000

static struct session_tenant tenant;
static uint32_t now_ms;

// Bytes that went on, in units, since the last time that all of it was forgotten.
static struct {
    uint8_t has_gone[MAX_UNITS];
    unsigned n_gone;
    unsigned n_all; // 0: not known
} model[N_PACKETS];

uint32_t session_timeout_ms(const struct session_tenant *t, enum api_timeout timeout)
{
    assert(t == &tenant && timeout == API_TIMEOUT_fragment);
    return TIMEOUT_MS;
}

// What a fragment is by our own account.
struct shape {
    unsigned packet, begin, len; // in bytes
    int more, is_ip6;
    uint8_t protocol;
};

static size_t write_ip(const struct shape *s, uint8_t *f)
{
    memset(f, 0, 14 + 48);
    if (s->is_ip6) {
        f[12] = 0x86, f[13] = 0xdd, f[14] = 0x60, f[20] = 44, f[21] = 64;
        f[18] = (uint8_t)((s->len + 8) >> 8), f[19] = (uint8_t)(s->len + 8);
        f[37] = 1, f[53] = 2, f[54] = s->protocol;
        f[56] = (uint8_t)(s->begin >> 8), f[57] = (uint8_t)(s->begin | (s->more ? 1U : 0U));
        f[61] = (uint8_t)s->packet;
        return 62;
    }
    f[12] = 8, f[14] = 0x45, f[16] = (uint8_t)((s->len + 20) >> 8), f[17] = (uint8_t)(s->len + 20);
    f[19] = (uint8_t)s->packet, f[20] = (uint8_t)(s->begin / 8 >> 8 | (s->more ? 0x20U : 0U));
    f[21] = (uint8_t)(s->begin / 8), f[23] = s->protocol, f[29] = 1, f[33] = 2;
    return 34;
}

static struct rte_mbuf *make(const struct shape *s)
{
    uint8_t f[MAX_FRAME] = {0};
    size_t header = write_ip(s, f), len = header + s->len;
    struct rte_mbuf *m;

    assert(len <= MAX_FRAME);
    if (s->begin == 0) {
        f[header + 4] = 4; // UDP length
        f[header + 12] = 0x50;
    }
    m = fuzz_segment(f, (uint32_t)len, 0, 0);
    parse_burst(&m, 1);
    return m;
}

static void read_shape(struct input *in, struct shape *s)
{
    uint8_t what = take(in);

    s->packet = what % N_PACKETS;
    s->is_ip6 = s->packet >= N_PACKETS / 2;
    s->protocol = s->packet % 3 == 0 ? 6 : 17;
    s->begin = take(in) % (MAX_UNITS / 2) * 8U;
    s->len = take(in) % 16 * 8U + 8;
    s->more = what < 192;
    if (!s->more)
        s->len -= take(in) % 8U;
}

// None goes on twice.
static void goes_on(struct rte_mbuf *m)
{
    const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);
    const struct packet *p = packet_of(m);
    int is_ip6 = (p->flags & PACKET_IP6) != 0;
    unsigned packet = is_ip6 ? f[61] : f[19];
    unsigned begin =
        is_ip6 ? (unsigned)(f[56] << 8 | f[57]) / 8 : (unsigned)(f[20] << 8 | f[21]) & 0x1fff;
    unsigned len = p->l3_end - (is_ip6 ? 62U : 34U);

    for (unsigned i = begin; i < begin + (len + 7) / 8; i++) {
        assert(i < MAX_UNITS && !model[packet].has_gone[i]);
        model[packet].has_gone[i] = 1;
        model[packet].n_gone++;
    }
    if (!(is_ip6 ? f[57] & 1 : f[20] & 0x20))
        model[packet].n_all = begin + (len + 7) / 8;
    // A whole packet is forgotten: its name is free for another one.
    assert(model[packet].n_all == 0 || model[packet].n_gone <= model[packet].n_all);
    if (model[packet].n_all > 0 && model[packet].n_gone == model[packet].n_all)
        memset(&model[packet], 0, sizeof(model[packet]));
    rte_pktmbuf_free(m);
}

static void first(struct input *in, const struct shape *s, struct rte_mbuf *m)
{
    struct fragment_decision d = {.session = s->packet, .drop = API_DROP_NONE};
    struct rte_mbuf *waiting[FRAGMENT_MAX_WAITING];
    uint8_t drop = fragment_first(0, 1, 0, &tenant, m, now_ms), choice = take(in);
    unsigned n;

    if (drop != API_DROP_NONE) {
        assert(drop >= DROP_FRAGMENT_LIMIT && drop <= DROP_FRAGMENT_LOST);
        rte_pktmbuf_free(m);
        return;
    }
    if (choice % 4 == 0)
        d.drop = DROP_FIREWALL_DENIED;
    if (choice % 16 == 1) { // the chain has lost it in between
        rte_pktmbuf_free(m);
        return;
    }
    n = fragment_decided(0, 1, 0, m, &d, waiting);
    assert(n <= FRAGMENT_MAX_WAITING);
    if (d.drop == API_DROP_NONE)
        goes_on(m);
    else
        rte_pktmbuf_free(m);
    for (unsigned i = 0; i < n; i++) {
        if (d.drop == API_DROP_NONE)
            goes_on(waiting[i]);
        else
            rte_pktmbuf_free(waiting[i]);
    }
}

static void later(struct rte_mbuf *m, const struct shape *s)
{
    struct fragment_decision follow;
    uint8_t drop = 0;

    switch (fragment_later(0, 1, 0, &tenant, m, now_ms, &follow, &drop)) {
    case FRAGMENT_FOLLOW:
        assert(drop == API_DROP_NONE && follow.session == s->packet);
        goes_on(m);
        return;
    case FRAGMENT_WAIT:
        return;
    default:
        assert(drop == DROP_FIREWALL_DENIED ||
               (drop >= DROP_FRAGMENT_LIMIT && drop <= DROP_FRAGMENT_LOST));
        rte_pktmbuf_free(m);
    }
}

// All that waits too long is lost, and nothing is remembered.
static void let_time_pass(void)
{
    now_ms += TIMEOUT_MS;
    for (unsigned i = 0; i < 8; i++)
        fragment_age(0, now_ms);
    assert(tenant.n_fragments == 0 && fuzz_n_live() == 0 && fuzz_n_waiting() == 0);
    memset(model, 0, sizeof(model));
}

static void set_up(void)
{
    if (counters_stats == NULL) {
        (void)fuzz_heap(POOL_SIZE, 0);
        assert(counters_init(NULL, 1) == 0);
        assert(fragment_init(1, NULL) == 0);
    }
    memset(model, 0, sizeof(model));
    tenant.fragment_limit = LIMIT;
    now_ms = UINT32_MAX - 5000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    set_up();
    for (unsigned i = 0; i < MAX_STEPS && in.size > 0; i++) {
        struct shape s;
        struct rte_mbuf *m;

        if (take(&in) == 255) {
            let_time_pass();
            continue;
        }
        read_shape(&in, &s);
        m = make(&s);
        if (packet_of(m)->l3_error != API_DROP_NONE || !(packet_of(m)->flags & PACKET_FRAGMENT))
            rte_pktmbuf_free(m);
        else if (packet_of(m)->flags & PACKET_LATER_FRAGMENT)
            later(m, &s);
        else
            first(&in, &s, m);
        assert(tenant.n_fragments <= LIMIT);
    }
    let_time_pass();
    return 0;
}
