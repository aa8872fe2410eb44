// SPDX-License-Identifier: BSD-3-Clause
// Which frames do the offload tests use, and how are they read back? Used by *_test.c here.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/core/counters.h"
#include "dataplane/parse/parse.h"
#include "tests/unit/port/offload_lab.h"

#define A "52:54:00:00:00:11"
#define B "52:54:00:00:00:22"
#define FLAGS (0x80 | 0x10 | 0x08 | 0x01) // CWR ACK PSH FIN

struct rte_mempool *lab_pool;

static void ip4(struct frame *f)
{
    frame_ip4(f, "10.0.0.11", "10.0.0.22");
    frame_put16(f, f->ip4_off + 4, LAB_IP_ID);
}

static void tcp(struct frame *f, unsigned n_option_words)
{
    frame_tcp(f, 40000, 80, FLAGS, n_option_words);
    frame_put16(f, f->l4_off + 4, (uint16_t)(LAB_SEQUENCE >> 16));
    frame_put16(f, f->l4_off + 6, (uint16_t)LAB_SEQUENCE);
}

static void tcp4(struct frame *f)
{
    frame_ether(f, B, A);
    ip4(f);
    tcp(f, 0);
}

static void tcp4_options(struct frame *f)
{
    frame_ether(f, B, A);
    ip4(f);
    tcp(f, 10);
}

static void tcp4_tagged(struct frame *f)
{
    frame_ether(f, B, A);
    frame_vlan(f, 0x8100, 10);
    ip4(f);
    tcp(f, 3);
}

static void tcp4_two_tags(struct frame *f)
{
    frame_ether(f, B, A);
    frame_vlan(f, 0x88a8, 10);
    frame_vlan(f, 0x8100, 20);
    ip4(f);
    tcp(f, 3);
}

static void tcp4_ip_options(struct frame *f)
{
    static const uint8_t options[40] = {1, 1, 1, 1}; // no operation, end of list

    frame_ether(f, B, A);
    frame_ip4_options(f, "10.0.0.11", "10.0.0.22", options, sizeof(options));
    frame_put16(f, f->ip4_off + 4, LAB_IP_ID);
    tcp(f, 3);
}

static void tcp6(struct frame *f)
{
    frame_ether(f, B, A);
    frame_ip6(f, "fd00::11", "fd00::22");
    tcp(f, 3);
}

static void tcp6_tagged(struct frame *f)
{
    frame_ether(f, B, A);
    frame_vlan(f, 0x8100, 10);
    frame_ip6(f, "fd00::11", "fd00::22");
    tcp(f, 0);
}

static void tcp6_extensions(struct frame *f)
{
    frame_ether(f, B, A);
    frame_ip6(f, "fd00::11", "fd00::22");
    frame_ip6_extension(f, 0, 1);
    frame_ip6_extension(f, 60, 2);
    tcp(f, 3);
}

static void udp4(struct frame *f)
{
    frame_ether(f, B, A);
    ip4(f);
    frame_udp(f, 1000, 2000);
}

static void udp6_tagged(struct frame *f)
{
    frame_ether(f, B, A);
    frame_vlan(f, 0x8100, 10);
    frame_ip6(f, "fd00::11", "fd00::22");
    frame_udp(f, 1000, 2000);
}

static void udp6_extension(struct frame *f)
{
    frame_ether(f, B, A);
    frame_ip6(f, "fd00::11", "fd00::22");
    frame_ip6_extension(f, 60, 1);
    frame_udp(f, 1000, 2000);
}

const struct lab_kind lab_kinds[] = {
    {"tcp4", tcp4, 1, 0, 0},
    {"tcp4, TCP options", tcp4_options, 1, 0, 0},
    {"tcp4, tag", tcp4_tagged, 1, 0, 0},
    {"tcp4, two tags", tcp4_two_tags, 1, 0, 0},
    {"tcp4, IP options", tcp4_ip_options, 1, 0, 0},
    {"tcp6", tcp6, 1, 1, 0},
    {"tcp6, tag", tcp6_tagged, 1, 1, 0},
    {"tcp6, extensions", tcp6_extensions, 1, 1, 1},
    {"udp4", udp4, 0, 0, 0},
    {"udp6, tag", udp6_tagged, 0, 1, 0},
    {"udp6, extension", udp6_extension, 0, 1, 1},
};
const unsigned n_lab_kinds = RTE_DIM(lab_kinds);

int lab_init(void **state)
{
    (void)state;
    mbuf_eal_init();
    lab_pool = mbuf_pool("lab", 511, 65400);
    if (counters_init(NULL, 1) < 0)
        return -1;
    return 0;
}

int lab_fini(void **state)
{
    (void)state;
    counters_fini();
    rte_mempool_free(lab_pool);
    return 0;
}

void lab_build(const struct lab_kind *kind, struct frame *f, size_t payload_size)
{
    kind->headers(f);
    frame_payload(f, payload_size);
    frame_end(f);
}

uint16_t lab_pseudo_sum(const struct frame *f, uint32_t l4_len)
{
    uint32_t sum = l4_len + f->l4_proto;

    if (f->ip4_off != 0)
        sum = frame_sum(f->bytes + f->ip4_off + 12, 8, sum); // RFC 9293, 3.1
    else
        sum = frame_sum(f->bytes + f->ip6_off + 8, 32, sum); // RFC 8200, 8.1
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

struct rte_mbuf *lab_packet(struct frame *f, uint8_t offload, uint16_t gso_size,
                            const uint32_t *cuts, unsigned n_cuts)
{
    struct rte_mbuf *m;

    if (offload & PACKET_CSUM_PARTIAL)
        frame_put16(f, frame_l4_checksum_off(f), lab_pseudo_sum(f, f->len - f->l4_off));
    m = mbuf_build(lab_pool, f->bytes, f->len, cuts, n_cuts, MBUF_TAILROOM_ANY);
    parse_burst(&m, 1);
    packet_of(m)->offload = offload;
    packet_of(m)->gso_size = gso_size;
    return m;
}

void lab_read(const struct rte_mbuf *m, const struct frame *like, struct frame *out)
{
    const uint8_t *bytes;

    *out = *like;
    out->len = m->pkt_len;
    bytes = rte_pktmbuf_read(m, 0, m->pkt_len, out->bytes);
    assert_non_null(bytes);
    if (bytes != out->bytes)
        memcpy(out->bytes, bytes, m->pkt_len);
}

static void assert_full(struct rte_mempool *pool, void *arg)
{
    (void)arg;
    if (!rte_mempool_full(pool))
        fail_msg("%u buffers of pool %s are missing", rte_mempool_in_use_count(pool), pool->name);
}

void lab_assert_no_leak(void)
{
    rte_mempool_walk(assert_full, NULL);
}
