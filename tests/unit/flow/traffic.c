// SPDX-License-Identifier: BSD-3-Clause
// What do hosts send? Packets to each other, answers to what they got, more of what they sent; and
// what a neighbour or a guest on a chain does by itself. Called by run.c for each step. Next:
// changes.c, which spoils some, then loop.c.

#include "tests/unit/flow/run.h"

#include <stddef.h>
#include <string.h>

#include <netinet/in.h>

#define N_DESTINATIONS 16
#define TYPE_IP4 0x0800
#define TYPE_IP6 0x86dd

static const char *const destinations[N_DESTINATIONS][2] = {
    {"203.0.113.5", "2001:db8:203::5"},  {"203.0.113.77", "2001:db8:203::77"},
    {"198.51.100.1", "2001:db8:1::1"},   {"10.0.0.11", "fd00::11"},
    {"10.0.0.21", "fd00::21"},           {"10.0.4.10", "fd00:4::10"},
    {"198.51.100.2", "2001:db8:1::2"},   {"198.51.100.12", "2001:db8:1::12"},
    {"192.0.2.9", "2001:db8:2::9"},      {"100.64.1.1", "2001:db8:64::1"},
    {"198.51.100.50", "2001:db8:1::50"}, {"10.0.0.1", "fd00::1"},
    {"10.0.0.12", "fd00::12"},           {"198.51.100.3", "2001:db8:1::3"},
    {"203.0.113.6", "2001:db8:203::6"},  {"224.0.0.251", "ff02::fb"},
};
// Who has which of them as the address of its own.
static const uint8_t owners[N_DESTINATIONS] = {
    N_HOSTS, N_HOSTS, HOST_W1, HOST_A1, HOST_B1, HOST_D1, N_HOSTS, N_HOSTS,
    N_HOSTS, N_HOSTS, N_HOSTS, N_HOSTS, HOST_A2, HOST_W2, N_HOSTS, N_HOSTS,
};
// Where conversations are likely: of hosts inside, of those outside.
static const uint8_t likely[2][8] = {{0, 1, 0, 2, 0, 1, 5, 13}, {3, 6, 12, 3, 6, 7, 4, 5}};
static const uint16_t port_numbers[16] = {8080, 53, 80, 443,  1000, 40000, 5353, 4500,
                                          7,    25, 22, 2000, 1234, 40001, 1024, 1025};
static const uint16_t sizes[16] = {0,  1,   20,  8,    100,  64,   300,  18,
                                   26, 512, 900, 1200, 1400, 1460, 1472, 3};

struct genes_place run_place(const struct run *run, enum genes_host host)
{
    return genes_place(run->genes, run->hosts[host].at);
}

int run_is_outside(unsigned host)
{
    return host == HOST_W1 || host == HOST_W2;
}

static int is_near(const struct run *run, enum genes_host host, unsigned other)
{
    if (other >= N_HOSTS)
        return 0;
    if (genes_shape(run->genes) == SHAPE_BRIDGED)
        return 1;
    return run_is_outside(host) == run_is_outside(other) && (host == HOST_D1) == (other == HOST_D1);
}

static void next_mac(const struct run *run, enum genes_host host, unsigned where, uint8_t mac[6])
{
    static const uint8_t group4[6] = {1, 0, 0x5e, 0, 0, 0xfb},
                         broadcast[6] = {255, 255, 255, 255, 255, 255};
    unsigned owner = owners[where];

    if (is_near(run, host, owner))
        memcpy(mac, run->hosts[owner].mac, 6);
    else if (where == 15)
        memcpy(mac, host == HOST_A2 ? broadcast : group4, 6);
    else
        genes_gateway(run->genes, host, mac);
}

// A host on the outside speaks for others behind it, too.
static void source_of(const struct run *run, const struct step *step, enum genes_host host,
                      uint8_t family, uint8_t address[16])
{
    uint8_t f;

    (void)run;
    if (run_is_outside(host) && step->who & 0x30)
        genes_parse(destinations[step->who & 0x10 ? 0 : 1][family == 6], address, &f);
    else
        genes_host_address(host, family, address);
}

static void add_l4(struct run *run, const struct step *step, struct wire *w)
{
    uint16_t from = port_numbers[step->ports & 15], to = port_numbers[step->ports >> 4];
    uint32_t size = sizes[step->size & 15];

    if (w->protocol == IPPROTO_UDP) {
        wire_add_udp(w, from, to);
    } else if (w->protocol == IPPROTO_TCP) {
        wire_add_tcp(w, from, to, step->extra < 200 ? WIRE_SYN : step->extra & 0x3f);
        wire_put32(w, w->l4 + 4U, 1000000 + 1000 * (uint32_t)(step->extra & 7));
        if (step->extra < 200)
            size = 0;
    } else if (w->protocol == IPPROTO_ICMP || w->protocol == IPPROTO_ICMPV6) {
        wire_add_icmp(w, w->family == 4 ? 8 : 128, 0, (uint32_t)(step->ports & 3) << 16);
    }
    wire_add_payload(w, size, run->mark);
}

// RFC 9293, 3.2; RFC 7323: as most SYNs have them.
static void add_syn_options(struct wire *w)
{
    static const uint8_t options[8] = {2, 4, 5, 180, 1, 3, 3, 7};

    w->bytes[w->l4 + 12U] = 0x70;
    wire_add(w, options, sizeof(options));
    w->payload = (uint16_t)w->len;
}

// Whether the L4 header is one.
static int is_sound(const struct wire *w)
{
    uint32_t udp_len;

    if (w->protocol == IPPROTO_TCP)
        return w->payload >= w->l4 + 20;
    if (w->protocol != IPPROTO_UDP)
        return 1;
    udp_len = wire_get16(w, w->l4 + 4U);
    return w->payload > w->l4 && udp_len >= 8 && w->l4 + udp_len <= w->end;
}

// Of packets that nobody may put into another order; 0: of none.
static uint64_t stream_of(const struct wire *sealed)
{
    static struct wire w;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    uint32_t end;

    w.len = sealed->len;
    memcpy(w.bytes, sealed->bytes, sealed->len);
    wire_scan(&w);
    if (w.family == 0 || w.is_fragment || w.l4 + 4U > w.len || !is_sound(&w))
        return 0;
    end = w.protocol == IPPROTO_TCP || w.protocol == IPPROTO_UDP ? 4 : 0;
    for (uint32_t i = 0; i < w.l3; i++)
        hash = (hash ^ w.bytes[i]) * UINT64_C(0x100000001b3);
    for (uint32_t i = 0; i < 2 * wire_address_len(&w); i++)
        hash = (hash ^ wire_source(&w)[i]) * UINT64_C(0x100000001b3);
    for (uint32_t i = 0; i < end; i++)
        hash = (hash ^ w.bytes[w.l4 + i]) * UINT64_C(0x100000001b3);
    return (hash ^ w.protocol) | 1;
}

static void send_one(struct run *run, const struct step *step, unsigned port, struct wire *w)
{
    static struct wire second;
    struct run_change c = {.wire = w, .frame = {.wire = w}, .port = port, .second = &second};

    second.len = 0;
    run_change(run, step, &c);
    c.frame.stream = stream_of(w);
    world_add(c.port, &c.frame);
    if (second.len > 0) {
        c.frame = (struct world_frame){.wire = &second};
        world_add(c.port, &c.frame);
    }
}

void run_send(struct run *run, const struct step *step, unsigned port, const struct wire *w)
{
    static struct wire copy;
    const struct run_frame sent = {port, run->transcript->step, (struct wire *)(uintptr_t)w};

    for (unsigned i = 0; i < step_copies(step); i++) {
        memcpy(&copy, w, offsetof(struct wire, bytes) + w->len);
        send_one(run, step, port, &copy);
    }
    run_remember(run->sent, &run->n_sent, &sent);
    if (!(step->form & 0x80)) // else the next step's are of the same burst
        run_receive(run);
}

// In his place who is there in each configuration, mostly.
static enum genes_host present(const struct run *run, const struct step *step)
{
    static const uint8_t senders[8] = {HOST_A1, HOST_B1, HOST_A2, HOST_W1,
                                       HOST_A1, HOST_W2, HOST_D1, HOST_A1};
    enum genes_host host = senders[step->who & 7];
    unsigned port = run_place(run, host).port;

    if ((step->form & 0x1c) == 0)
        return host;
    if (port == PORT_D && !genes_has_dmz(run->genes))
        return HOST_A2;
    if (port == PORT_B && !genes_has_switch(run->genes, GENE_LAN))
        return HOST_A1;
    return port == PORT_X && !genes_has_switch(run->genes, GENE_WAN) ? HOST_W1 : host;
}

enum genes_host run_make(struct run *run, const struct step *step, struct wire *w)
{
    static const uint8_t protocols[2][8] = {
        {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_ICMP, 47, 132},
        {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_ICMPV6, 47, 0}};
    enum genes_host host = present(run, step);
    unsigned where =
        step->form & 0x60 ? likely[run_is_outside(host)][step->where & 7] : step->where & 15U;
    uint8_t mac[6], is6 = (step->who >> 6 & 3) == 3, family;
    struct wire_ip ip = {
        .family = is6 ? 6 : 4, .protocol = protocols[is6][step->where >> 4 & 7], .ttl = 64};

    source_of(run, step, host, ip.family, ip.source);
    genes_parse(destinations[where][is6], ip.destination, &family);
    next_mac(run, host, where, mac);
    run_begin_frame(run, w, host, mac, is6 ? TYPE_IP6 : TYPE_IP4);
    wire_add_ip(w, &ip);
    add_l4(run, step, w);
    if (w->protocol == IPPROTO_TCP && w->bytes[w->l4 + 13U] == WIRE_SYN && step->extra & 0x20)
        add_syn_options(w);
    wire_seal(w);
    run->mark++;
    return host;
}

void run_new(struct run *run, const struct step *step)
{
    static struct wire w;
    enum genes_host host = run_make(run, step, &w);

    run_send(run, step, run_place(run, host).port, &w);
}

// By who got it: MACs, addresses and ports the other way round.
static void turn(struct wire *w)
{
    uint8_t mac[6], address[16];
    unsigned n = wire_address_len(w);
    uint16_t port = wire_get16(w, w->l4);

    memcpy(mac, w->bytes, 6);
    memmove(w->bytes, w->bytes + 6, 6);
    memcpy(w->bytes + 6, mac, 6);
    memcpy(address, wire_source(w), n);
    memmove(wire_source(w), wire_destination(w), n);
    memcpy(wire_destination(w), address, n);
    w->bytes[w->l3 + (w->family == 4 ? 8 : 7)] = 64;
    if (w->protocol == IPPROTO_TCP || w->protocol == IPPROTO_UDP || w->protocol == 132) {
        wire_put16(w, w->l4, wire_get16(w, w->l4 + 2U));
        wire_put16(w, w->l4 + 2U, port);
    }
}

static uint32_t payload_len(const struct wire *w)
{
    return (uint32_t)w->end - w->payload;
}

static void set_payload(struct run *run, struct wire *w, uint32_t size)
{
    w->len = w->payload;
    wire_add_payload(w, size, run->mark++);
}

// What the other side of a connection says next.
static void continue_tcp(const struct step *step, struct wire *w)
{
    uint8_t flags = w->bytes[w->l4 + 13U], next = WIRE_ACK;
    uint32_t seq = wire_get32(w, w->l4 + 4U), ack = wire_get32(w, w->l4 + 8U);
    uint32_t len = payload_len(w) + !!(flags & WIRE_SYN) + !!(flags & WIRE_FIN);

    if (!(flags & WIRE_ACK))
        ack = 5000000;
    if ((flags & (WIRE_SYN | WIRE_ACK)) == WIRE_SYN)
        next |= WIRE_SYN;
    if ((step->extra & 0xf) == 1)
        next |= WIRE_FIN;
    if ((step->extra & 0x3f) == 2)
        next = WIRE_RST | WIRE_ACK;
    wire_put32(w, w->l4 + 4U, ack);
    wire_put32(w, w->l4 + 8U, seq + len);
    wire_put16(w, w->l4 + 14U, step->extra & 0x40 ? 1024 : 65535);
    w->bytes[w->l4 + 12U] = 0x50;
    w->bytes[w->l4 + 13U] = next;
    w->payload = (uint16_t)(w->l4 + 20);
}

// An error about it (RFC 792, RFC 4443), by who got it.
static void make_error(const struct step *step, struct wire *w)
{
    static const uint8_t kinds4[4][2] = {{3, 3}, {3, 4}, {11, 0}, {3, 1}};
    static const uint8_t kinds6[4][2] = {{1, 4}, {2, 0}, {3, 0}, {1, 3}};
    const uint8_t *kind = w->family == 4 ? kinds4[step->arg & 3] : kinds6[step->arg & 3];
    struct wire quoted = {.len = w->len};
    uint16_t l3 = w->l3;
    uint32_t n = w->len - w->l3, most = step->arg2 & 1 ? (w->family == 4 ? 28 : 48) : 200;
    struct wire_ip ip = {.family = w->family, .ttl = 64};

    memcpy(quoted.bytes, w->bytes, w->len);
    ip.protocol = w->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    memcpy(ip.source, wire_destination(w), wire_address_len(w));
    memcpy(ip.destination, wire_source(w), wire_address_len(w));
    w->len = l3;
    memcpy(w->bytes, quoted.bytes + 6, 6);
    memcpy(w->bytes + 6, quoted.bytes, 6);
    wire_add_ip(w, &ip);
    wire_add_icmp(w, kind[0], kind[1], (step->arg & 3) == 1 ? 1300 : 0);
    wire_add(w, quoted.bytes + l3, n < most ? n : most);
}

void run_turn(const struct step *step, struct wire *w)
{
    turn(w);
    if (w->protocol == IPPROTO_TCP)
        continue_tcp(step, w);
    if (w->protocol == IPPROTO_ICMP && w->bytes[w->l4] == 8)
        w->bytes[w->l4] = 0;
    if (w->protocol == IPPROTO_ICMPV6 && w->bytes[w->l4] == 128)
        w->bytes[w->l4] = 129;
}

void run_reply(struct run *run, const struct step *step)
{
    const struct run_frame *f = run_recall(run, run->got, run->n_got, step);
    static struct wire w;

    if (f == NULL || f->wire->family == 0 || f->wire->is_fragment ||
        f->wire->l4 + 8U > f->wire->end || (f->wire->bytes[0] & 1) || !is_sound(f->wire))
        return;
    memcpy(&w, f->wire, offsetof(struct wire, bytes) + f->wire->len);
    w.len = w.end;
    if ((step->where & 0xf) == 1 && w.protocol != IPPROTO_ICMP && w.protocol != IPPROTO_ICMPV6) {
        make_error(step, &w);
    } else {
        run_turn(step, &w);
        if (w.protocol == IPPROTO_UDP || (w.protocol == IPPROTO_TCP && !(w.bytes[w.l4 + 13U] & 6)))
            set_payload(run, &w, sizes[step->size & 15]);
        else if (w.protocol == IPPROTO_TCP)
            w.len = w.payload;
        if (w.protocol == IPPROTO_TCP && w.bytes[w.l4 + 13U] & WIRE_SYN && step->extra & 0x80)
            add_syn_options(&w);
    }
    wire_seal(&w);
    run_send(run, step, f->port, &w);
}

void run_again(struct run *run, const struct step *step)
{
    const struct run_frame *f = run_recall(run, run->sent, run->n_sent, step);
    static struct wire w;
    uint32_t len;

    if (f == NULL)
        return;
    memcpy(&w, f->wire, offsetof(struct wire, bytes) + f->wire->len);
    if (w.protocol == IPPROTO_TCP && step->where & 1 && is_sound(&w) && w.family != 0 &&
        !w.is_fragment && w.end == w.len) {
        len = payload_len(&w) + !!(w.bytes[w.l4 + 13U] & WIRE_SYN);
        wire_put32(&w, w.l4 + 4U, wire_get32(&w, w.l4 + 4U) + len);
        w.bytes[w.l4 + 13U] = (uint8_t)(step->extra == 1 ? WIRE_ACK | WIRE_FIN : WIRE_ACK);
        if (step->where & 2)
            set_payload(run, &w, sizes[step->size & 15]);
        wire_seal(&w);
    }
    run_send(run, step, f->port, &w);
}
