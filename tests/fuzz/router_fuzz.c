// SPDX-License-Identifier: BSD-3-Clause
// Can frames, in bursts and one after the other, make a router read what is not there, lose a
// buffer, send what is malformed, or answer an error with an error? libFuzzer with ASan and UBSan.
// The input is a list of steps: frames made from templates with bytes changed, or raw ones; time;
// links that go down; pings. Buffers lie on the heap and end where their data may end. A real
// router is built for each input and its ports record what it sends. Next: what the assertions
// name.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/parse/parse.h"
#include "dataplane/walk/queue.h"
#include "dataplane/walk/walk.h"
#include "tests/fuzz/lab.h"
#include "tests/unit/router/lab.h"

#define MAX_FRAME 4096
#define MARK 0xa5 // in metadata that no stage reads: a frame of the input, and its TTL
#define MAX_STEPS 200
#define POOL_SIZE 1024 // of which a part may wait for neighbours

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (lab_init(NULL) != 0)
        abort();
    walk_queue_of(0)->pool = fuzz_heap(POOL_SIZE, 1);
    return 0;
}

static const char *const hosts4[] = {"10.0.0.2", "10.0.1.2",   "10.0.0.9",  "192.0.2.7",
                                     "10.0.0.1", "10.0.1.255", "224.0.0.5", "203.0.113.1"};
static const char *const hosts6[] = {"fd00:0::2", "fd00:1::2", "fd00:0::9", "2001:db8::7",
                                     "fd00:0::1", "fe80::77",  "ff02::1",   "fe80::ff:fe00:0"};

static void make_ip(struct input *in, struct frame *f, unsigned port)
{
    unsigned from = take(in) % 8, to = take(in) % 8;
    int is_ip6 = take(in) & 1;

    lab_ip(f, port % LAB_N_INTERFACES, is_ip6 ? hosts6[from] : hosts4[from],
           is_ip6 ? hosts6[to] : hosts4[to]);
}

static void make_l4(struct input *in, struct frame *f)
{
    switch (take(in) % 6) {
    case 0:
        frame_udp(f, take(in), take(in));
        break;
    case 1:
        frame_tcp(f, take(in), take(in), take(in), take(in) % 11);
        for (uint32_t i = f->l4_off + 20; i < f->len; i++)
            f->bytes[i] = take(in);
        break;
    case 2:
        frame_icmp(f, take(in), take(in));
        break;
    case 3:
        frame_icmp(f, f->ip4_off != 0 ? 8 : 128, 0);
        break;
    default:
        frame_proto(f, take(in));
        break;
    }
}

static void make_options(struct input *in, struct frame *f)
{
    unsigned n = take(in) % 4;

    if (f->ip4_off != 0) {
        uint8_t options[40];

        for (unsigned i = 0; i < sizeof(options); i++)
            options[i] = i < 4 * n ? take(in) : 0;
        if (n > 0) {
            memmove(f->bytes + 34 + 4 * n, f->bytes + 34, f->len - 34);
            memcpy(f->bytes + 34, options, 4 * n);
            f->bytes[14] = (uint8_t)(0x45 + n);
            f->len += 4 * n;
        }
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        static const uint8_t types[] = {0, 43, 60, 51};

        frame_ip6_extension(f, types[take(in) % 4], 1 + take(in) % 3);
        f->bytes[f->extension_off + 2] = take(in);
        f->bytes[f->extension_off + 3] = take(in);
    }
}

static void make_neighbor(struct input *in, struct frame *f, unsigned port)
{
    uint8_t kind = take(in), who = take(in) % 8, target = take(in) % 8;

    if (kind & 1) {
        lab_ip(f, port % LAB_N_INTERFACES, hosts6[who], hosts6[take(in) % 8]);
        frame_nd(f, (uint8_t)(133 + (kind >> 1) % 4), (kind >> 1) % 4 == 0 ? NULL : hosts6[target]);
        for (unsigned i = take(in) % 4; i > 0; i--)
            frame_nd_option(f, take(in) % 3, "52:54:00:00:00:99");
        return;
    }
    frame_ether(f, kind & 2 ? "ff:ff:ff:ff:ff:ff" : "02:00:00:00:00:00", "52:54:00:00:00:99");
    f->bytes[5] = kind & 2 ? 0xff : (uint8_t)(port % LAB_N_INTERFACES);
    frame_arp(f, (uint16_t)(1 + (kind >> 2) % 3), "52:54:00:00:00:99", hosts4[who],
              "00:00:00:00:00:00", hosts4[target]);
}

static void make_frame(struct input *in, struct frame *f, unsigned port)
{
    static const uint16_t sizes[] = {0, 1, 20, 60, 500, 1400, 1480, 3000};
    uint8_t kind = take(in) % 8;

    if (kind == 0) { // raw
        uint8_t len = take(in);

        frame_ether(f, "00:00:00:00:00:00", "00:00:00:00:00:00");
        f->len = 0;
        for (unsigned i = 0; i < len; i++)
            f->bytes[f->len++] = take(in);
        return;
    }
    if (kind == 1) {
        make_neighbor(in, f, port);
    } else {
        make_ip(in, f, port);
        if (kind == 2)
            make_options(in, f);
        if (kind == 3 && f->ip4_off != 0)
            frame_ip4_fragment(f, take(in) * 8U, take(in) & 1);
        else if (kind == 3)
            frame_ip6_fragment(f, take(in) * 8U, take(in) & 1);
        make_l4(in, f);
    }
    frame_payload(f, sizes[take(in) % 8]);
    uint8_t n_changes = take(in) % 4;
    if (n_changes & 1)
        f->bytes[f->ip4_off != 0 ? 22 : 21] = take(in); // TTL, or what is there in others
    if (f->ip4_off != 0 && take(in) & 1)
        frame_put16(f, 20, frame_get16(f, 20) | 0x4000);
    frame_end(f);
    for (; n_changes > 1; n_changes--) {
        uint8_t at = take(in);

        f->bytes[at % f->len] = take(in);
    }
}

// The frame in one to three segments, with little or much room around them.
static struct rte_mbuf *make_mbuf(struct input *in, const struct frame *f, unsigned port)
{
    static const uint16_t rooms[] = {0, 8, 47, RTE_PKTMBUF_HEADROOM};
    uint8_t shape = take(in);
    uint32_t first = shape & 0x80 ? RTE_MIN(f->len, (uint32_t)take(in)) : f->len;
    const uint32_t lens[] = {first, (f->len - first) / 2};
    struct rte_mbuf *m = fuzz_segments(f->bytes, f->len, lens, first < f->len ? 2 : 0,
                                       rooms[shape & 3], (shape >> 2 & 3) * 100U);
    struct packet *p = packet_of(m);

    p->in_port = (uint16_t)lab_port(port)->slot;
    if (shape & 0x40) {
        p->offload = take(in) & (PACKET_CSUM_PARTIAL | PACKET_TSO);
        p->gso_size = (uint16_t)(take(in) << 3);
    }
    p->reserved[0] = MARK;
    if (f->len > 22)
        p->reserved[1] = f->bytes[f->bytes[12] == 0x08 ? 22 : 21];
    return m;
}

static int is_ip4_error(const uint8_t *icmp)
{
    return icmp[0] == 3 || icmp[0] == 4 || icmp[0] == 5 || icmp[0] == 11 || icmp[0] == 12;
}

// A message of the router's own: if it is an error, then not about one, nor to or about a group.
static void assert_own(const uint8_t *frame, uint32_t len)
{
    const uint8_t *ip = frame + 14, *quote;

    if (frame[12] == 0x08 && frame[13] == 0x00) {
        if (ip[9] != 1 || !is_ip4_error(ip + 20))
            return;
        quote = ip + 28;
        assert(len <= 14 + 576 && ip[0] == 0x45);
        assert(quote[16] < 224 && quote[12] < 224 && quote[12] != 127 && quote[12] != 0);
        assert((quote[6] << 8 & 0x1f00) == 0 && quote[7] == 0);
        assert(memcmp(quote + 12, ip + 16, 4) == 0);
        uint32_t at = (quote[0] & 0xfU) * 4;
        if (quote[9] == 1 && 14 + 28 + at < len)
            assert(!is_ip4_error(quote + at));
    } else if (frame[12] == 0x86) {
        if (ip[6] != 58 || ip[40] >= 128)
            return;
        quote = ip + 48;
        assert(len <= 14 + 1280);
        assert(quote[24] != 0xff && quote[8] != 0xff);
        assert(memcmp(quote + 8, ip + 24, 16) == 0);
        if (quote[6] == 58 && len > 14 + 48 + 40)
            assert(quote[40] >= 128 && quote[40] != 137);
    }
}

static void assert_sent(unsigned port, unsigned number)
{
    const struct packet *p = packet_of(lab_sent(port, number));
    uint32_t len;
    const uint8_t *frame = lab_sent_bytes(port, number, &len);
    int is_from_twin = p->in_port == lab_port(LAB_TWIN)->slot && p->reserved[0] == MARK;

    if (port == LAB_TWIN || is_from_twin)
        return;                                              // as they came
    assert(len >= 14 && frame[6] == 2 && frame[11] == port); // the interface speaks
    assert(p->l3_off == 14 && p->n_tags == 0);
    if (frame[12] == 0x08 && frame[13] == 0x00) {
        uint32_t header_len = (frame[14] & 0xfU) * 4;

        assert(header_len >= 20 && 14 + header_len <= len);
        assert((uint32_t)(frame[16] << 8 | frame[17]) == len - 14);
        assert(frame_sum(frame + 14, header_len, 0) % 0xffff == 0);
        assert(frame[22] > 0 && frame[30] < 224 && frame[30] != 127 && frame[30] != 0);
        if (p->in_port != API_MAX_PORTS)
            assert(frame[22] + 1 == p->reserved[1]);
    } else if (frame[12] == 0x86) {
        assert((uint32_t)(frame[18] << 8 | frame[19]) == len - 54);
        assert(frame[21] > 0);
        if (p->in_port != API_MAX_PORTS)
            assert(frame[21] + 1 == p->reserved[1] && frame[38] != 0xff);
    } else {
        assert(frame[12] == 0x08 && frame[13] == 0x06);
    }
    if (p->in_port == API_MAX_PORTS)
        assert_own(frame, len);
}

static void check_sent(void)
{
    for (unsigned port = 0; port <= LAB_TWIN; port++)
        for (unsigned i = 0; i < lab_n_sent(port); i++)
            assert_sent(port, i);
    lab_clear();
}

static void walk(struct rte_mbuf **m, unsigned *n)
{
    struct walk_context ctx = lab_context();

    parse_burst(m, *n);
    walk_burst(&ctx, m, *n);
    lab_flush();
    check_sent();
    *n = 0;
}

static void begin_ping(struct input *in)
{
    struct router_ping *ping = &lab_state()->pings[take(in) % ROUTER_MAX_PINGS];

    if (ping->state != PING_FREE && ping->state != PING_DONE)
        return;
    memset(ping, 0, sizeof(*ping));
    ping->id = take(in);
    ping->request.payload_len = take(in) * 5;
    ping->request.ttl = take(in);
    ping->request.family = take(in) & 1 ? lab_parse(hosts4[take(in) % 8], ping->request.address)
                                        : lab_parse(hosts6[take(in) % 8], ping->request.address);
    ping->state = PING_TO_SEND;
}

static void start(struct input *in)
{
    struct lab_spec spec;
    uint8_t bits = take(in);
    uint32_t group;

    lab_spec_init(&spec);
    spec.router.neighbor_limit = 4;
    spec.interfaces[0].flags = bits & 1 ? API_INTERFACE_STRICT_URPF : 0;
    spec.interfaces[1].tcp_mss = bits & 2 ? 536 : 0;
    spec.interfaces[1].mtu = 1280;
    group = lab_group(&spec, API_ROUTE_UNICAST);
    lab_next_hop(&spec, group, 1, "10.0.1.2", 1);
    lab_next_hop(&spec, group, 2, "10.0.2.99", 2); // who never answers
    lab_route_to(&spec, "192.0.2.0", 24, group);
    lab_route(&spec, "2001:db8::", 32, 1, "fd00:1::2");
    lab_route_to(&spec, "203.0.113.0", 24, lab_group(&spec, API_ROUTE_UNREACHABLE));
    if (bits & 4)
        lab_route(&spec, "0.0.0.0", 0, 0, "10.0.0.2");
    lab_start(&spec);
}

static void step(struct input *in, struct rte_mbuf **m, unsigned *n)
{
    static struct frame f;
    uint8_t op = take(in);
    unsigned port = op >> 4 & 7;

    switch (op & 15) {
    case 0:
        walk(m, n);
        lab_pass_ms(take(in) * 4U);
        check_sent();
        break;
    case 1:
        lab_link(port % LAB_N_INTERFACES, take(in) & 1);
        break;
    case 2:
        begin_ping(in);
        break;
    case 3:
        walk(m, n);
        break;
    default:
        port = port > LAB_TWIN ? 0 : port;
        make_frame(in, &f, port);
        if (f.len == 0 || f.len > MAX_FRAME)
            break;
        m[(*n)++] = make_mbuf(in, &f, port);
        if (*n == BURST_SIZE)
            walk(m, n);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct rte_mbuf *m[BURST_SIZE];
    unsigned n = 0;

    start(&in);
    for (unsigned i = 0; i < MAX_STEPS && in.size > 0; i++)
        step(&in, m, &n);
    walk(m, &n);
    lab_pass_ms(4000); // who waits has given up
    check_sent();
    lab_stop();
    assert(fuzz_n_live() == 0);
    return 0;
}
