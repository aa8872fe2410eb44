// SPDX-License-Identifier: BSD-3-Clause
// Which bytes make up this frame? Called by unit, replay and fuzz tests on their only thread. It
// shares no code with what it tests: no DPDK, no offsets from dataplane/parse. It does not judge
// what it builds, a test may ask for nonsense. Next: the test that called it.

#include "tests/lib/packet_builder.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what)
{
    fprintf(stderr, "packet_builder: %s\n", what);
    abort();
}

static uint8_t *append(struct frame *f, size_t n)
{
    if (n > FRAME_SIZE - f->len)
        fail("frame outgrows its buffer");
    uint8_t *bytes = f->bytes + f->len;
    memset(bytes, 0, n);
    f->len += (uint32_t)n;
    return bytes;
}

void frame_put16(struct frame *f, uint32_t off, uint16_t value)
{
    f->bytes[off] = (uint8_t)(value >> 8);
    f->bytes[off + 1] = (uint8_t)value;
}

uint16_t frame_get16(const struct frame *f, uint32_t off)
{
    return (uint16_t)(f->bytes[off] << 8 | f->bytes[off + 1]);
}

void frame_mac(const char *text, uint8_t mac[6])
{
    unsigned b[6];
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
        fail("not a MAC");
    for (int i = 0; i < 6; i++)
        mac[i] = (uint8_t)b[i];
}

static void address(int family, const char *text, uint8_t *bytes)
{
    if (inet_pton(family, text, bytes) != 1)
        fail("not an address");
}

void frame_ether(struct frame *f, const char *dst_mac, const char *src_mac)
{
    memset((uint8_t *)f + sizeof(f->bytes), 0, sizeof(*f) - sizeof(f->bytes));
    frame_mac(dst_mac, append(f, 6));
    frame_mac(src_mac, append(f, 6));
    f->type_off = f->len;
    append(f, 2);
}

void frame_vlan(struct frame *f, uint16_t tpid, uint16_t tci)
{
    frame_type(f, tpid);
    append(f, 4);
    frame_put16(f, f->len - 4, tci);
    f->type_off = f->len - 2;
}

void frame_type(struct frame *f, uint16_t ether_type)
{
    frame_put16(f, f->type_off, ether_type);
}

void frame_proto(struct frame *f, uint8_t proto)
{
    f->bytes[f->proto_off] = proto;
}

void frame_arp(struct frame *f, uint16_t operation, const char *sender_mac, const char *sender_ip,
               const char *target_mac, const char *target_ip)
{
    static const uint8_t fixed[6] = {0, 1, 8, 0, 6, 4}; // Ethernet, IPv4, their lengths
    frame_type(f, 0x0806);
    f->arp_off = f->len;
    memcpy(append(f, 6), fixed, 6);
    append(f, 2);
    frame_put16(f, f->len - 2, operation);
    frame_mac(sender_mac, append(f, 6));
    address(AF_INET, sender_ip, append(f, 4));
    frame_mac(target_mac, append(f, 6));
    address(AF_INET, target_ip, append(f, 4));
}

void frame_ip4_options(struct frame *f, const char *src, const char *dst, const uint8_t *options,
                       size_t n)
{
    if (n > 40)
        fail("more than 40 bytes of IPv4 options");
    frame_type(f, 0x0800);
    f->ip4_off = f->len;
    size_t padded = (n + 3) / 4 * 4;
    uint8_t *ip = append(f, 20 + padded);
    ip[0] = (uint8_t)(0x45 + padded / 4);
    ip[8] = 64;
    f->proto_off = f->ip4_off + 9;
    address(AF_INET, src, ip + 12);
    address(AF_INET, dst, ip + 16);
    if (n)
        memcpy(ip + 20, options, n);
}

void frame_ip4(struct frame *f, const char *src, const char *dst)
{
    frame_ip4_options(f, src, dst, NULL, 0);
}

void frame_ip4_whole(struct frame *f)
{
    frame_put16(f, f->ip4_off + 6, 0x4000);
}

void frame_ip4_fragment(struct frame *f, uint32_t offset, int more)
{
    frame_put16(f, f->ip4_off + 6, (uint16_t)(offset / 8 | (more ? 0x2000U : 0)));
}

void frame_ip6(struct frame *f, const char *src, const char *dst)
{
    frame_type(f, 0x86dd);
    f->ip6_off = f->len;
    uint8_t *ip = append(f, 40);
    ip[0] = 0x60;
    ip[6] = 59; // no next header
    ip[7] = 64;
    f->proto_off = f->ip6_off + 6;
    address(AF_INET6, src, ip + 8);
    address(AF_INET6, dst, ip + 24);
}

void frame_ip6_extension(struct frame *f, uint8_t type, unsigned n_units)
{
    frame_proto(f, type);
    f->extension_off = f->len;
    uint8_t *extension = append(f, n_units * 8);
    extension[0] = 59;
    // RFC 8200 section 4.3: 8-byte units without the first; RFC 4302 section 2.2: 4-byte units
    // without the first two.
    extension[1] = (uint8_t)(type == 51 ? n_units * 2 - 2 : n_units - 1);
    f->proto_off = f->extension_off;
}

void frame_ip6_fragment(struct frame *f, uint32_t offset, int more)
{
    frame_ip6_extension(f, 44, 1);
    f->fragment_off = f->extension_off;
    f->bytes[f->fragment_off + 1] = 0;
    frame_put16(f, f->fragment_off + 2, (uint16_t)(offset | (more ? 1U : 0)));
}

static uint8_t *start_l4(struct frame *f, uint8_t proto, size_t n)
{
    frame_proto(f, proto);
    f->l4_proto = proto;
    f->l4_off = f->len;
    uint8_t *header = append(f, n);
    f->payload_off = f->len;
    return header;
}

void frame_udp(struct frame *f, uint16_t src_port, uint16_t dst_port)
{
    start_l4(f, 17, 8);
    frame_put16(f, f->l4_off, src_port);
    frame_put16(f, f->l4_off + 2, dst_port);
}

void frame_tcp(struct frame *f, uint16_t src_port, uint16_t dst_port, uint8_t flags,
               unsigned n_option_words)
{
    uint8_t *tcp = start_l4(f, 6, 20 + n_option_words * 4U);
    frame_put16(f, f->l4_off, src_port);
    frame_put16(f, f->l4_off + 2, dst_port);
    tcp[12] = (uint8_t)((5 + n_option_words) << 4);
    tcp[13] = flags;
    frame_put16(f, f->l4_off + 14, 0xffff);
    memset(tcp + 20, 1, n_option_words * 4U);
}

void frame_icmp(struct frame *f, uint8_t type, uint8_t code)
{
    uint8_t *icmp = start_l4(f, f->ip6_off ? 58 : 1, 8);
    icmp[0] = type;
    icmp[1] = code;
}

void frame_sctp(struct frame *f, uint16_t src_port, uint16_t dst_port)
{
    start_l4(f, 132, 12);
    frame_put16(f, f->l4_off, src_port);
    frame_put16(f, f->l4_off + 2, dst_port);
}

void frame_nd(struct frame *f, uint8_t type, const char *target)
{
    frame_icmp(f, type, 0);
    f->bytes[f->ip6_off + 7] = 255;
    if (type == 136)
        f->bytes[f->l4_off + 4] = 0x60;
    if (target)
        address(AF_INET6, target, append(f, 16));
}

void frame_nd_option(struct frame *f, uint8_t type, const char *mac)
{
    uint8_t *option = append(f, 8);
    option[0] = type;
    option[1] = 1;
    frame_mac(mac, option + 2);
}

void frame_payload(struct frame *f, size_t n)
{
    uint8_t *payload = append(f, n);
    for (size_t i = 0; i < n; i++)
        payload[i] = (uint8_t)(i % 251);
}

void frame_bytes(struct frame *f, const void *bytes, size_t n)
{
    memcpy(append(f, n), bytes, n);
}

uint32_t frame_sum(const uint8_t *bytes, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    return sum;
}

static uint16_t fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

uint32_t frame_l4_checksum_off(const struct frame *f)
{
    switch (f->l4_proto) {
    case 1:
    case 58:
        return f->l4_off + 2;
    case 6:
        return f->l4_off + 16;
    case 17:
        return f->l4_off + 6;
    default:
        return 0;
    }
}

uint16_t frame_l4_checksum(const struct frame *f, uint32_t end)
{
    uint32_t len = end - f->l4_off;
    uint32_t sum = 0;
    if (f->l4_proto != 1) { // pseudo-header: RFC 768, RFC 9293 section 3.1, RFC 8200 section 8.1
        sum = f->ip4_off ? frame_sum(f->bytes + f->ip4_off + 12, 8, 0)
                         : frame_sum(f->bytes + f->ip6_off + 8, 32, 0);
        sum += f->l4_proto + len;
    }
    sum = frame_sum(f->bytes + f->l4_off, len, sum);
    uint32_t checksum = fold(sum - frame_get16(f, frame_l4_checksum_off(f)));
    return (uint16_t)(checksum == 0 && f->l4_proto == 17 ? 0xffff : checksum);
}

static int is_fragment(const struct frame *f)
{
    if (f->ip4_off)
        return (frame_get16(f, f->ip4_off + 6) & 0x3fff) != 0;
    return f->fragment_off && (frame_get16(f, f->fragment_off + 2) & 0xfff9) != 0;
}

void frame_end(struct frame *f)
{
    if (f->ip4_off)
        frame_put16(f, f->ip4_off + 2, (uint16_t)(f->len - f->ip4_off));
    else if (f->ip6_off)
        frame_put16(f, f->ip6_off + 4, (uint16_t)(f->len - f->ip6_off - 40));
    if (f->l4_off && f->l4_proto == 17)
        frame_put16(f, f->l4_off + 4, (uint16_t)(f->len - f->l4_off));
    if (f->l4_off && frame_l4_checksum_off(f) && !is_fragment(f))
        frame_put16(f, frame_l4_checksum_off(f), frame_l4_checksum(f, f->len));
    if (f->ip4_off) {
        uint32_t header_len = (f->bytes[f->ip4_off] & 15U) * 4;
        frame_put16(f, f->ip4_off + 10, 0);
        frame_put16(f, f->ip4_off + 10, fold(frame_sum(f->bytes + f->ip4_off, header_len, 0)));
    }
}
