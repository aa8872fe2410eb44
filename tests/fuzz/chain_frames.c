// SPDX-License-Identifier: BSD-3-Clause
// See chain_frames.h.
#include "tests/fuzz/chain_frames.h"

#include <arpa/inet.h>
#include <string.h>

#include "tests/fuzz/chain_setup.h"

#define MAC_IN "52:54:00:00:00:01"
#define MAC_OUT "52:54:00:00:00:02"
#define TCP_SYN 0x02
#define TCP_SYN_ACK 0x12

static const char *const hosts4[] = {"10.0.0.1",    "10.0.0.2",    "10.0.0.3",  "10.0.0.4",
                                     "192.0.2.1",   "192.0.2.2",   "192.0.2.3", "203.0.113.1",
                                     "203.0.113.2", "203.0.113.3", "224.0.0.5", "255.255.255.255",
                                     "0.0.0.0",     "10.0.0.1",    "192.0.2.1", "203.0.113.1"};
static const char *const hosts6[] = {"fd00::1", "fd00::2", "2001:db8::1", "2001:db8::2",
                                     "ff02::1", "fe80::1", "::",          "fd00::3"};

static void begin(struct frame *f, unsigned port)
{
    frame_ether(f, port == SETUP_IN ? MAC_OUT : MAC_IN, port == SETUP_IN ? MAC_IN : MAC_OUT);
}

static void put_numbers(struct input *in, struct frame *f)
{
    static const uint8_t numbers[] = {0, 1, 2, 8, 9, 21, 100, 255};
    uint8_t what = take(in);

    memset(f->bytes + f->l4_off + 4, 0, 8);
    f->bytes[f->l4_off + 7] = numbers[what & 7];
    f->bytes[f->l4_off + 11] = numbers[what >> 3 & 7];
    if (what >= 0xe0) // far away
        f->bytes[f->l4_off + 4] = f->bytes[f->l4_off + 8] = take(in);
}

static void make_l4(struct input *in, uint8_t protocol, struct frame *f)
{
    uint16_t from = (uint16_t)(SETUP_FIRST_PORT + take(in) % 8);
    uint16_t to = (uint16_t)(SETUP_FIRST_PORT + take(in) % 4);

    switch (protocol) {
    case 0:
        frame_udp(f, from, to);
        break;
    case 1:
        frame_tcp(f, from, to, take(in) & 0x3f, 0);
        put_numbers(in, f);
        break;
    case 2:
        frame_icmp(f, f->ip4_off != 0 ? 8 : 128, 0);
        frame_put16(f, f->l4_off + 4, from);
        break;
    case 3:
        frame_icmp(f, take(in), take(in) % 4);
        break;
    case 4:
        frame_sctp(f, from, to);
        break;
    default:
        frame_proto(f, 47);
    }
}

static void make_ip(struct input *in, uint8_t what, struct frame *f)
{
    uint8_t ends = take(in);

    if (what >= 0x30)
        frame_ip4(f, hosts4[ends & 15], hosts4[ends >> 4]);
    else
        frame_ip6(f, hosts6[ends & 7], hosts6[ends >> 4 & 7]);
}

int frames_change(struct input *in, struct frame *f)
{
    uint8_t n = take(in);

    if (n < 0xe0)
        return 0;
    for (unsigned i = 0; i < (n & 3U) + 1; i++)
        f->bytes[12 + take(in) % (f->len - 12)] = take(in);
    return 1;
}

void frames_make(struct input *in, unsigned port, struct frame *f)
{
    uint8_t what = take(in);

    begin(f, port);
    make_ip(in, what, f);
    if ((what & 15) == 15) {
        uint8_t offset = take(in);

        (f->ip4_off != 0 ? frame_ip4_fragment : frame_ip6_fragment)(f, offset % 4 * 24U,
                                                                    offset & 0x10);
        f->bytes[f->ip4_off != 0 ? f->ip4_off + 5 : f->fragment_off + 7] = offset >> 5;
    }
    make_l4(in, what % 7, f);
    frame_payload(f, take(in) % 64);
    frame_end(f);
}

void frames_begin(struct input *in, unsigned port, struct frame *f)
{
    uint8_t what = take(in);

    begin(f, port);
    make_ip(in, what, f);
    make_l4(in, what % 3, f);
    if (f->l4_proto == IPPROTO_TCP)
        f->bytes[f->l4_off + 13] = TCP_SYN;
    frame_end(f);
}

// The addresses of a frame that was sent, as text.
struct ends {
    int is_ip4;
    char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
};

// 0: it has none.
static int read_ends(const uint8_t *bytes, const struct packet *p, struct ends *e)
{
    const uint8_t *ip = bytes + p->l3_off;

    e->is_ip4 = (p->flags & PACKET_IP4) != 0;
    if (p->l3_error != API_DROP_NONE || !(p->flags & (PACKET_IP4 | PACKET_IP6)))
        return 0;
    (void)inet_ntop(e->is_ip4 ? AF_INET : AF_INET6, ip + (e->is_ip4 ? 12 : 8), e->source,
                    sizeof(e->source));
    (void)inet_ntop(e->is_ip4 ? AF_INET : AF_INET6, ip + (e->is_ip4 ? 16 : 24), e->destination,
                    sizeof(e->destination));
    return 1;
}

static void begin_answer(unsigned port, const struct ends *e, struct frame *f)
{
    begin(f, port);
    (e->is_ip4 ? frame_ip4 : frame_ip6)(f, e->destination, e->source);
}

int frames_answer(const struct wire *w, const struct packet *p, struct frame *f)
{
    const uint8_t *l4 = w->bytes + p->l4_off;
    struct ends e;

    if (!read_ends(w->bytes, p, &e) || !(p->flags & PACKET_L4))
        return 0;
    begin_answer(w->port, &e, f);
    switch (p->l4_proto) {
    case IPPROTO_UDP:
        frame_udp(f, (uint16_t)(l4[2] << 8 | l4[3]), (uint16_t)(l4[0] << 8 | l4[1]));
        break;
    case IPPROTO_TCP:
        frame_tcp(f, (uint16_t)(l4[2] << 8 | l4[3]), (uint16_t)(l4[0] << 8 | l4[1]), TCP_SYN_ACK,
                  0);
        memset(f->bytes + f->l4_off + 4, 0, 4);
        memcpy(f->bytes + f->l4_off + 8, l4 + 4, 4);
        for (uint32_t at = f->l4_off + 11; ++f->bytes[at] == 0 && at > f->l4_off + 8;) // carry
            at--;
        break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        if (l4[0] != (e.is_ip4 ? 8 : 128))
            return 0;
        frame_icmp(f, e.is_ip4 ? 0 : 129, 0);
        memcpy(f->bytes + f->l4_off + 4, l4 + 4, 4);
        break;
    default:
        return 0;
    }
    frame_payload(f, 8);
    frame_end(f);
    return 1;
}

int frames_complain(const struct wire *w, const struct packet *p, struct frame *f)
{
    struct ends e;

    if (!read_ends(w->bytes, p, &e))
        return 0;
    begin_answer(w->port, &e, f);
    frame_icmp(f, e.is_ip4 ? 3 : 1, 1);
    frame_bytes(f, w->bytes + p->l3_off, p->l3_end - p->l3_off);
    frame_end(f);
    return 1;
}
