// SPDX-License-Identifier: BSD-3-Clause
// How may a frame be odd? What hosts, attackers and broken software do to one before it is sent.
// Called by traffic.c for each frame. Next: loop.c.

#include "tests/unit/flow/run.h"

#include <string.h>

#include <netinet/in.h>

#include "dataplane/core/packet.h"

static void change_ttl(const struct step *step, struct wire *w)
{
    if (w->family == 0)
        return;
    w->bytes[w->l3 + (w->family == 4 ? 8 : 7)] = step->arg2 & 1 ? step->arg : step->arg % 4;
    wire_seal(w);
}

// NOPs, a router alert (RFC 2113), a record route, a source route; hop-by-hop or destination
// options, a routing header.
static void add_options(const struct step *step, struct wire *w)
{
    static const uint8_t options4[4][4] = {
        {1, 1, 1, 1}, {148, 4, 0, 0}, {7, 4, 4, 0}, {131, 3, 4, 0}};
    static const uint8_t extensions[4] = {0, 60, 43, 60};
    uint8_t extension[8] = {w->protocol, 0, 1, 4, 0, 0, 0, 0};

    if (w->family == 4) {
        wire_insert(w, w->l3 + 20U, options4[step->arg & 3], 4);
        w->bytes[w->l3] = 0x46;
        w->l4 = (uint16_t)(w->l4 + 4);
        w->payload = (uint16_t)(w->payload + 4);
        wire_seal(w);
    } else if (w->family == 6) {
        wire_seal(w);
        wire_insert(w, w->l3 + 40U, extension, sizeof(extension));
        w->bytes[w->l3 + 6U] = extensions[step->arg & 3];
        if ((step->arg & 3) == 2) // a routing header of type 0, used up or not
            memcpy(&w->bytes[w->l3 + 42U], (uint8_t[]){0, step->arg2 & 1}, 2);
        wire_put16(w, w->l3 + 4U, (uint16_t)(wire_get16(w, w->l3 + 4U) + 8));
    }
}

static void fragment4(const struct step *step, struct run_change *c)
{
    struct wire *w = c->wire;
    uint32_t first = 8U * (1 + step->arg % 8U), len = w->len - w->l4;

    if (len <= first)
        return;
    wire_put16(w, w->l3 + 4U, (uint16_t)(step->arg2 >> 2)); // identification
    memcpy(c->second, w, offsetof(struct wire, bytes) + w->len);
    wire_remove(c->second, w->l4, first);
    wire_put16(c->second, w->l3 + 6U, (uint16_t)(first / 8));
    w->len = w->l4 + first;
    wire_put16(w, w->l3 + 6U, 0x2000);
    w->is_fragment = c->second->is_fragment = 1;
    wire_seal(w);
    wire_seal(c->second);
}

static void fragment6(const struct step *step, struct run_change *c)
{
    uint8_t header[8] = {c->wire->protocol, 0, 0, 1, 0, 0, 0, (uint8_t)(step->arg2 >> 2)};
    struct wire *w = c->wire;
    uint32_t first = 8U * (1 + step->arg % 8U), len = w->len - w->l4;

    if (len <= first)
        return;
    memcpy(c->second, w, offsetof(struct wire, bytes) + w->len);
    wire_remove(c->second, w->l4, first);
    w->len = w->l4 + first;
    wire_insert(w, w->l4, header, sizeof(header));
    wire_put16(w, w->l3 + 4U, (uint16_t)(8 + first));
    w->bytes[w->l3 + 6U] = 44;
    header[2] = (uint8_t)(first >> 8);
    header[3] = (uint8_t)first;
    wire_insert(c->second, c->second->l4, header, sizeof(header));
    wire_put16(c->second, w->l3 + 4U, (uint16_t)(8 + len - first));
    c->second->bytes[w->l3 + 6U] = 44;
    w->is_fragment = c->second->is_fragment = 1;
}

// Both pieces, or one of them.
static void fragment(const struct step *step, struct run_change *c)
{
    if (c->wire->family == 4)
        fragment4(step, c);
    else if (c->wire->family == 6)
        fragment6(step, c);
    if ((step->arg2 & 3) == 1)
        c->second->len = 0;
    if ((step->arg2 & 3) == 2 && c->second->len > 0) {
        memcpy(c->wire, c->second, offsetof(struct wire, bytes) + c->second->len);
        c->second->len = 0;
    }
}

static void change_number(const struct step *step, struct wire *w, uint32_t at)
{
    static const uint32_t by[16] = {1,        0xffffffff, 100,   0xffffff9c, 65535,  8192,
                                    8193,     70000,      66000, 0xfffefe30, 200000, 0xfff00000,
                                    1U << 31, 16,         1460,  0xffff0000};

    if (w->protocol != IPPROTO_TCP || w->family == 0)
        return;
    wire_put32(w, w->l4 + at, wire_get32(w, w->l4 + at) + by[step->arg & 15]);
    wire_seal(w);
}

static void change_tcp(const struct step *step, struct wire *w, enum change change)
{
    static const uint8_t options[2][12] = {{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8},
                                           {2, 4, 5, 180, 1, 3, 3, 7, 4, 2, 0, 0}};

    if (w->protocol != IPPROTO_TCP || w->family == 0)
        return;
    if (change == CHANGE_WINDOW)
        wire_put16(w, w->l4 + 14U, (uint16_t)(step->arg2 & 1 ? step->arg : step->arg << 8));
    if (change == CHANGE_FLAGS)
        w->bytes[w->l4 + 13U] = step->arg;
    if (change == CHANGE_TCP_OPTIONS && w->payload == w->l4 + 20) {
        wire_insert(w, w->payload, options[step->arg & 1], 12);
        w->bytes[w->l4 + 12U] = 0x80;
        w->payload = (uint16_t)(w->payload + 12);
    }
    wire_seal(w);
}

static void change_checksum(const struct step *step, struct wire *w, enum change change)
{
    uint32_t at = w->l4 + (w->protocol == IPPROTO_TCP ? 16U : w->protocol == IPPROTO_UDP ? 6U : 2U);

    if (w->family == 0 || at + 2 > w->len)
        return;
    if (change == CHANGE_IP_CHECKSUM && w->family == 4)
        w->bytes[w->l3 + 10U] ^= (uint8_t)(step->arg | 1);
    if (change == CHANGE_L4_CHECKSUM)
        wire_put16(w, at,
                   (uint16_t)(step->arg2 & 1 ? 0xffff : wire_get16(w, at) ^ (step->arg | 1)));
    if (change == CHANGE_NO_CHECKSUM && w->protocol == IPPROTO_UDP)
        wire_put16(w, at, 0);
}

// As if it had another header behind that of IP.
static void change_protocol(const struct step *step, struct wire *w)
{
    static const uint8_t protocols[8] = {0, 47, 132, 253, 17, 6, 1, 50};

    if (w->family == 0)
        return;
    w->protocol = 255; // the checksum stays as it is
    w->bytes[w->l3 + (w->family == 4 ? 9 : 6)] = protocols[step->arg & 7];
    wire_seal(w);
}

// What IP says of its length, or UDP.
static void change_length(const struct step *step, struct wire *w, enum change change)
{
    uint32_t at = change == CHANGE_UDP_LENGTH ? w->l4 + 4U : w->l3 + (w->family == 4 ? 2U : 4U);

    if (w->family == 0 || (change == CHANGE_UDP_LENGTH && w->protocol != IPPROTO_UDP))
        return;
    wire_put16(w, at, (uint16_t)(wire_get16(w, at) - step->arg % 32 + (step->arg2 & 1 ? 32 : 0)));
    if (change == CHANGE_LENGTH && w->family == 4) {
        uint32_t sum = 0;

        wire_put16(w, w->l3 + 10U, 0);
        for (uint32_t i = 0; i < (w->bytes[w->l3] & 0xfU) * 4; i += 2)
            sum += wire_get16(w, w->l3 + i);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        wire_put16(w, w->l3 + 10U, (uint16_t)~sum);
    }
}

// A tag more, another one, none, priority bits, a tag of priority only.
static void change_vlan(const struct step *step, struct wire *w)
{
    static const uint16_t vlans[8] = {10, 20, 100, 200, 30, 7, 5, 6};
    uint16_t vlan = vlans[step->arg & 7];
    uint8_t tag[4] = {0x81, 0, (uint8_t)(vlan >> 8), (uint8_t)vlan};

    switch (step->arg2 & 7) {
    case 0:
        wire_insert(w, 12, tag, sizeof(tag));
        break;
    case 1:
    case 2:
        if (w->n_tags >= (step->arg2 & 3))
            wire_put16(w, step->arg2 & 1 ? 14 : 18, vlan);
        break;
    case 3:
        if (w->n_tags > 0)
            wire_remove(w, 12, 4);
        break;
    case 4:
        if (w->n_tags > 0)
            w->bytes[14] |= 0x60;
        break;
    case 5:
        if (w->n_tags > 0)
            wire_insert(w, 16, tag, sizeof(tag));
        break;
    default:
        wire_insert(w, 12, (const uint8_t[]){0x81, 0, 0x60, 0}, sizeof(tag));
        break;
    }
    wire_scan(w);
}

static void change_mac(struct run *run, const struct step *step, struct wire *w, uint32_t at)
{
    static const uint8_t odd[4][6] = {{255, 255, 255, 255, 255, 255},
                                      {0x52, 0x54, 0, 0, 0x99, 1},
                                      {1, 0x80, 0xc2, 0, 0, 0},
                                      {0, 0, 0, 0, 0, 0}};

    if (step->arg & 0x80)
        memcpy(&w->bytes[at], odd[step->arg & 3], 6);
    else if (step->arg & 0x40)
        genes_gateway(run->genes, (step->arg & 7) % N_HOSTS, &w->bytes[at]);
    else
        memcpy(&w->bytes[at], run->hosts[(step->arg & 7) % N_HOSTS].mac, 6);
}

// What a guest leaves to us; some ask for what can't be.
static void leave(const struct step *step, struct run_change *c, int is_tso)
{
    static const uint16_t sizes[8] = {1448, 500, 1200, 88, 1448, 1000, 0, 1};
    struct wire *w = c->wire;

    if (w->family == 0 || (w->protocol != IPPROTO_TCP && w->protocol != IPPROTO_UDP))
        return;
    if (is_tso && (w->protocol == IPPROTO_TCP ? !(w->bytes[w->l4 + 13U] & 6) : step->arg2 & 8)) {
        wire_add_payload(w, 200U + 37U * step->arg, step->arg2);
        wire_seal(w);
        c->frame.gso_size = sizes[step->arg2 & 7];
        c->frame.offload = PACKET_TSO;
    }
    if ((step->arg2 & 0x70) == 0x70)
        return;
    c->frame.offload |= PACKET_CSUM_PARTIAL;
    wire_make_partial(w);
    if ((step->arg2 & 0x70) == 0x60 && w->protocol == IPPROTO_UDP)
        wire_put16(w, w->l4 + 4U, (uint16_t)(wire_get16(w, w->l4 + 4U) - 1));
}

static void change_bytes(const struct step *step, struct wire *w, enum change change)
{
    static const uint8_t garbage[64] = {0xde, 0xad, 0xbe, 0xef, 0x45, 0x00, 0x11, 0x06};

    if (change == CHANGE_PADDING)
        wire_add(w, garbage, step->arg % 48U);
    if (change == CHANGE_TRUNCATE)
        w->len -= w->len > step->arg % 64U + 14U ? step->arg % 64U : 0;
    if (change == CHANGE_BYTE)
        w->bytes[step->arg2 % w->len] = step->arg;
    if (change == CHANGE_DF && w->family == 4) {
        w->bytes[w->l3 + 6U] |= 0x40;
        w->bytes[w->l3 + 1U] = step->arg; // type of service
        wire_seal(w);
    }
    if (change == CHANGE_DF && w->family == 6)
        w->bytes[w->l3 + 2U] = step->arg; // flow label
}

// What became of a packet with this payload, NULL: not known.
static const struct wire *find_outcome(const struct run *run, const struct wire *w)
{
    uint32_t len = (uint32_t)w->end - w->payload;

    for (unsigned i = 0; i < RUN_RING && run->got[i].wire != NULL; i++) {
        const struct wire *other = run->got[i].wire;

        if (other->protocol == w->protocol && other->payload > other->l4 &&
            (uint32_t)other->end - other->payload == len && other->end <= other->len &&
            memcmp(&other->bytes[other->payload], &w->bytes[w->payload], len) == 0)
            return other;
    }
    return NULL;
}

// One's complement: `word` grows by what `from` is more than `to`.
static uint16_t shift_sum(uint16_t word, uint16_t from, uint16_t to)
{
    uint32_t sum = (uint32_t)word + from + (uint16_t)~to;

    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

// Such that the checksum that it leaves with is one of those where arithmetic has edges.
static void change_to_edge(const struct run *run, const struct step *step, struct wire *w)
{
    static const uint16_t edges[8] = {0, 0xffff, 1, 0xfffe, 0xfeff, 0xff00, 0x0100, 0x00ff};
    const struct wire *out = find_outcome(run, w);
    uint32_t at = w->payload, field = w->protocol == IPPROTO_TCP ? 16 : 6;
    uint16_t edge = edges[step->arg & 7];

    if (out == NULL || w->is_fragment || w->payload <= w->l4 || w->end < w->payload + 2U)
        return;
    if (step->arg2 & 1 && w->family == 4)
        wire_put16(w, w->l3 + 4U,
                   shift_sum(wire_get16(w, w->l3 + 4U), wire_get16(out, out->l3 + 10U), edge));
    else if (w->protocol == IPPROTO_TCP || w->protocol == IPPROTO_UDP)
        wire_put16(w, at, shift_sum(wire_get16(w, at), wire_get16(out, out->l4 + field), edge));
    wire_seal(w);
}

void run_change(struct run *run, const struct step *step, struct run_change *c)
{
    enum change change = step_change(step);

    switch (change) {
    case CHANGE_TTL:
        change_ttl(step, c->wire);
        break;
    case CHANGE_OPTIONS:
        add_options(step, c->wire);
        break;
    case CHANGE_FRAGMENTS:
        fragment(step, c);
        break;
    case CHANGE_IP_CHECKSUM:
    case CHANGE_L4_CHECKSUM:
    case CHANGE_NO_CHECKSUM:
        change_checksum(step, c->wire, change);
        break;
    case CHANGE_SEQ:
    case CHANGE_ACK:
        change_number(step, c->wire, change == CHANGE_SEQ ? 4 : 8);
        break;
    case CHANGE_WINDOW:
    case CHANGE_FLAGS:
    case CHANGE_TCP_OPTIONS:
        change_tcp(step, c->wire, change);
        break;
    case CHANGE_PROTOCOL:
        change_protocol(step, c->wire);
        break;
    case CHANGE_LENGTH:
    case CHANGE_UDP_LENGTH:
        change_length(step, c->wire, change);
        break;
    case CHANGE_VLAN:
        change_vlan(step, c->wire);
        break;
    case CHANGE_DESTINATION_MAC:
    case CHANGE_SOURCE_MAC:
        change_mac(run, step, c->wire, change == CHANGE_SOURCE_MAC ? 6 : 0);
        break;
    case CHANGE_PORT:
        c->port = step->arg % N_PORTS;
        break;
    case CHANGE_PARTIAL:
    case CHANGE_TSO:
        leave(step, c, change == CHANGE_TSO);
        break;
    case CHANGE_TO_EDGE:
        change_to_edge(run, step, c->wire);
        break;
    case CHANGE_PADDING:
        change_bytes(step, c->wire, change);
        if (step->arg2 & 1) // in another segment, perhaps
            c->frame.cut = (uint16_t)(150 + 3 * step->arg2);
        break;
    case CHANGE_CUT:
        c->frame.cut = (uint16_t)(1 + step->arg);
        break;
    default:
        change_bytes(step, c->wire, change);
        break;
    }
}
