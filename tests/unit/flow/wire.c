// SPDX-License-Identifier: BSD-3-Clause
// How is a frame made, read and changed, byte by byte? By what the RFCs say, with nothing of the
// dataplane's. Called by traffic.c for frames that hosts send and by transcript.c for those it
// tells of.

#include "tests/unit/flow/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#define MACS_SIZE 12U
#define TAG_SIZE 4U
#define TYPE_IP4 0x0800
#define TYPE_ARP 0x0806
#define TYPE_CTAG 0x8100
#define TYPE_STAG 0x88a8
#define TYPE_IP6 0x86dd
#define IP4_SIZE 20U
#define IP6_SIZE 40U
#define UDP_SIZE 8U
#define TCP_SIZE 20U
#define ICMP_SIZE 8U
#define DEFAULT_WINDOW 8192
#define SLACK 128U

uint16_t wire_get16(const struct wire *w, uint32_t at)
{
    return (uint16_t)(w->bytes[at] << 8 | w->bytes[at + 1]);
}

void wire_put16(struct wire *w, uint32_t at, uint16_t value)
{
    w->bytes[at] = (uint8_t)(value >> 8);
    w->bytes[at + 1] = (uint8_t)value;
}

uint32_t wire_get32(const struct wire *w, uint32_t at)
{
    return (uint32_t)wire_get16(w, at) << 16 | wire_get16(w, at + 2);
}

void wire_put32(struct wire *w, uint32_t at, uint32_t value)
{
    wire_put16(w, at, (uint16_t)(value >> 16));
    wire_put16(w, at + 2, (uint16_t)value);
}

uint8_t *wire_source(struct wire *w)
{
    return &w->bytes[w->l3 + (w->family == 4 ? 12 : 8)];
}

uint8_t *wire_destination(struct wire *w)
{
    return wire_source(w) + wire_address_len(w);
}

void wire_add(struct wire *w, const void *bytes, uint32_t n)
{
    if (n > WIRE_SIZE - w->len)
        abort();
    memcpy(&w->bytes[w->len], bytes, n);
    w->len += n;
}

static void add_zeros(struct wire *w, uint32_t n)
{
    static const uint8_t zeros[IP6_SIZE];

    wire_add(w, zeros, n);
}

static void add16(struct wire *w, uint16_t value)
{
    add_zeros(w, 2);
    wire_put16(w, w->len - 2, value);
}

void wire_begin(struct wire *w, const struct wire_link *link, uint16_t ether_type)
{
    w->len = 0;
    w->l3 = w->l4 = w->payload = w->end = 0;
    w->family = w->n_tags = w->protocol = w->is_fragment = 0;
    wire_add(w, link->destination, sizeof(link->destination));
    wire_add(w, link->source, sizeof(link->source));
    if (link->outer_vlan != 0) {
        add16(w, link->inner_vlan != 0 ? TYPE_STAG : TYPE_CTAG);
        add16(w, link->outer_vlan);
        w->n_tags++;
    }
    if (link->inner_vlan != 0) {
        add16(w, TYPE_CTAG);
        add16(w, link->inner_vlan);
        w->n_tags++;
    }
    add16(w, ether_type);
    w->l3 = (uint16_t)w->len;
}

void wire_add_ip(struct wire *w, const struct wire_ip *ip)
{
    w->family = ip->family;
    w->protocol = ip->protocol;
    w->l3 = (uint16_t)w->len;
    if (ip->family == 4) {
        add_zeros(w, IP4_SIZE);
        w->bytes[w->l3] = 0x45;
        w->bytes[w->l3 + 8] = ip->ttl;
        w->bytes[w->l3 + 9] = ip->protocol;
    } else {
        add_zeros(w, IP6_SIZE);
        w->bytes[w->l3] = 0x60;
        w->bytes[w->l3 + 6] = ip->protocol;
        w->bytes[w->l3 + 7] = ip->ttl;
    }
    memcpy(wire_source(w), ip->source, wire_address_len(w));
    memcpy(wire_destination(w), ip->destination, wire_address_len(w));
    w->l4 = w->payload = (uint16_t)w->len;
}

void wire_add_udp(struct wire *w, uint16_t source, uint16_t destination)
{
    add16(w, source);
    add16(w, destination);
    add_zeros(w, UDP_SIZE - 4);
    w->payload = (uint16_t)w->len;
}

void wire_add_tcp(struct wire *w, uint16_t source, uint16_t destination, uint8_t flags)
{
    uint32_t at = w->len;

    add16(w, source);
    add16(w, destination);
    add_zeros(w, TCP_SIZE - 4);
    w->bytes[at + 12] = 0x50;
    w->bytes[at + 13] = flags;
    wire_put16(w, at + 14, DEFAULT_WINDOW);
    w->payload = (uint16_t)w->len;
}

void wire_add_icmp(struct wire *w, uint8_t type, uint8_t code, uint32_t rest)
{
    add16(w, (uint16_t)(type << 8 | code));
    add16(w, 0);
    add_zeros(w, 4);
    wire_put32(w, w->len - 4, rest);
    w->payload = (uint16_t)w->len;
}

void wire_add_payload(struct wire *w, uint32_t n, uint32_t mark)
{
    for (uint32_t i = 0; i < n && w->len < WIRE_SIZE; i++)
        w->bytes[w->len++] = (uint8_t)(i < 4 ? mark >> (8 * i) : i * 7 + mark);
}

// RFC 1071: neither folded at the end nor inverted.
static uint32_t sum(const uint8_t *bytes, uint32_t n, uint32_t before)
{
    for (uint32_t i = 0; i < n; i++) {
        before += (uint32_t)bytes[i] << (i & 1 ? 0 : 8);
        before = (before & 0xffff) + (before >> 16);
    }
    return before;
}

static uint32_t pseudo_sum(struct wire *w)
{
    uint32_t len = (uint32_t)w->end - w->l4;

    return sum(wire_source(w), 2 * wire_address_len(w), len + w->protocol);
}

// Offset of the checksum in the L4 header, 0: none.
static uint32_t checksum_off(const struct wire *w)
{
    switch (w->protocol) {
    case IPPROTO_TCP:
        return 16;
    case IPPROTO_UDP:
        return 6;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return 2;
    default:
        return 0;
    }
}

static void seal_l4(struct wire *w)
{
    uint32_t at = w->l4 + checksum_off(w), value;

    if (checksum_off(w) == 0 || w->is_fragment || at + 2 > w->end)
        return;
    if (w->protocol == IPPROTO_UDP)
        wire_put16(w, w->l4 + 4, (uint16_t)(w->end - w->l4));
    wire_put16(w, at, 0);
    value = sum(&w->bytes[w->l4], (uint32_t)w->end - w->l4,
                w->protocol == IPPROTO_ICMP ? 0 : pseudo_sum(w));
    value = ~value & 0xffff;
    wire_put16(w, at, (uint16_t)(value == 0 && w->protocol == IPPROTO_UDP ? 0xffff : value));
}

void wire_seal(struct wire *w)
{
    uint32_t header_len;

    if (w->family == 0)
        return;
    w->end = (uint16_t)w->len;
    if (w->family == 6) {
        wire_put16(w, w->l3 + 4U, (uint16_t)(w->len - w->l3 - IP6_SIZE));
    } else {
        header_len = (w->bytes[w->l3] & 0xfU) * 4;
        wire_put16(w, w->l3 + 2U, (uint16_t)(w->len - w->l3));
        wire_put16(w, w->l3 + 10U, 0);
        wire_put16(w, w->l3 + 10U, (uint16_t)~sum(&w->bytes[w->l3], header_len, 0));
    }
    seal_l4(w);
}

void wire_make_partial(struct wire *w)
{
    if (w->protocol == IPPROTO_TCP || w->protocol == IPPROTO_UDP)
        wire_put16(w, w->l4 + checksum_off(w), (uint16_t)pseudo_sum(w));
}

static void scan_l4(struct wire *w)
{
    uint32_t size = w->protocol == IPPROTO_TCP ? TCP_SIZE : UDP_SIZE;

    w->payload = w->l4;
    if (w->end > w->len)
        w->end = (uint16_t)w->len;
    if (checksum_off(w) == 0 || w->l4 + size > w->end)
        return;
    if (w->protocol == IPPROTO_TCP)
        size = (w->bytes[w->l4 + 12U] >> 4) * 4U;
    if (w->l4 + size <= w->end)
        w->payload = (uint16_t)(w->l4 + size);
}

static void scan_ip4(struct wire *w)
{
    if (w->l3 + IP4_SIZE > w->len)
        return;
    w->family = 4;
    w->protocol = w->bytes[w->l3 + 9U];
    w->is_fragment = (wire_get16(w, w->l3 + 6U) & 0x3fff) != 0;
    w->l4 = (uint16_t)(w->l3 + (w->bytes[w->l3] & 0xfU) * 4);
    w->end = (uint16_t)(w->l3 + wire_get16(w, w->l3 + 2U));
    scan_l4(w);
}

static void scan_ip6(struct wire *w)
{
    if (w->l3 + IP6_SIZE > w->len)
        return;
    w->family = 6;
    w->protocol = w->bytes[w->l3 + 6U];
    w->l4 = (uint16_t)(w->l3 + IP6_SIZE);
    w->end = (uint16_t)(w->l4 + wire_get16(w, w->l3 + 4U));
    scan_l4(w);
}

void wire_scan(struct wire *w)
{
    uint32_t at = MACS_SIZE;

    w->l3 = w->l4 = w->payload = w->end = 0;
    w->family = w->n_tags = w->protocol = w->is_fragment = 0;
    while (at + TAG_SIZE + 2 <= w->len && w->n_tags < 2 &&
           (wire_get16(w, at) == TYPE_CTAG || wire_get16(w, at) == TYPE_STAG)) {
        at += TAG_SIZE;
        w->n_tags++;
    }
    if (at + 2 > w->len)
        return;
    w->l3 = (uint16_t)(at + 2);
    if (wire_get16(w, at) == TYPE_IP4)
        scan_ip4(w);
    else if (wire_get16(w, at) == TYPE_IP6)
        scan_ip6(w);
}

void wire_insert(struct wire *w, uint32_t at, const void *bytes, uint32_t n)
{
    if (n > WIRE_SIZE - w->len || at > w->len)
        return;
    memmove(&w->bytes[at + n], &w->bytes[at], w->len - at);
    memcpy(&w->bytes[at], bytes, n);
    w->len += n;
}

void wire_remove(struct wire *w, uint32_t at, uint32_t n)
{
    if (at + n > w->len)
        return;
    memmove(&w->bytes[at], &w->bytes[at + n], w->len - at - n);
    w->len -= n;
}

static const char *name_of(const struct wire *w, char *text, unsigned size)
{
    static const char flags[] = "FSRPAUEC";
    unsigned n = 0;

    switch (w->protocol) {
    case IPPROTO_UDP:
        return "UDP";
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        snprintf(text, size, "ICMP %u/%u", w->bytes[w->l4], w->bytes[w->l4 + 1U]);
        return text;
    case IPPROTO_TCP:
        n = (unsigned)snprintf(text, size, "TCP seq %u ack %u ", wire_get32(w, w->l4 + 4U),
                               wire_get32(w, w->l4 + 8U));
        for (unsigned i = 0; i < 8; i++)
            if (w->bytes[w->l4 + 13U] & 1U << i)
                text[n++] = flags[i];
        text[n] = '\0';
        return text;
    default:
        snprintf(text, size, "protocol %u", w->protocol);
        return text;
    }
}

static unsigned describe_link(const struct wire *w, char *text, unsigned size)
{
    const uint8_t *b = w->bytes;
    int n = snprintf(text, size, "%02x:%02x>%02x:%02x", b[10], b[11], b[4], b[5]);

    for (unsigned i = 0; i < w->n_tags; i++)
        n += snprintf(text + n, size - (unsigned)n, " vlan %u",
                      wire_get16(w, MACS_SIZE + TAG_SIZE * i + 2) & 0xfff);
    return (unsigned)n;
}

void wire_describe(const uint8_t *bytes, uint32_t len, char *text, unsigned size)
{
    static struct wire w;
    char from[64], to[64], name[96];
    unsigned n, has_ports;

    w.len = len < WIRE_SIZE - SLACK ? len : WIRE_SIZE - SLACK;
    memcpy(w.bytes, bytes, w.len);
    memset(&w.bytes[w.len], 0, SLACK); // what is told may be cut off
    if (len < MACS_SIZE + 2) {
        snprintf(text, size, "%u bytes", len);
        return;
    }
    wire_scan(&w);
    n = describe_link(&w, text, size);
    if (w.family == 0) {
        snprintf(text + n, size - n, " type %04x op %u len %u", wire_get16(&w, w.l3 - 2U),
                 w.bytes[w.l3 + 7U], len);
        return;
    }
    inet_ntop(w.family == 4 ? AF_INET : AF_INET6, wire_source(&w), from, sizeof(from));
    inet_ntop(w.family == 4 ? AF_INET : AF_INET6, wire_destination(&w), to, sizeof(to));
    has_ports = w.protocol == IPPROTO_TCP || w.protocol == IPPROTO_UDP;
    snprintf(text + n, size - n, " %s.%u>%s.%u %s ttl %u%s len %u", from,
             has_ports ? wire_get16(&w, w.l4) : 0U, to, has_ports ? wire_get16(&w, w.l4 + 2U) : 0U,
             name_of(&w, name, sizeof(name)), w.bytes[w.l3 + (w.family == 4 ? 8U : 7U)],
             w.is_fragment ? " fragment" : "", len);
}
