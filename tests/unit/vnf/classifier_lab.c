// SPDX-License-Identifier: BSD-3-Clause
// See classifier_lab.h. What a rule matches is told here bit by bit and shares nothing with the
// classifier.

#include "tests/unit/vnf/classifier_lab.h"

#include <stdlib.h>
#include <string.h>

#define N_LARGE 200

const struct classifier_set *lab_sets[LAB_N_SETS];

static struct classifier_prefix set_prefixes[4][N_LARGE];
static uint32_t n_set_prefixes[4];
static struct classifier_ports set_ports[2][8];
static uint32_t n_set_ports[2];

uint64_t draw_word(struct draw *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

uint32_t draw_below(struct draw *d, uint32_t n)
{
    return (uint32_t)(draw_word(d) % n);
}

static void draw_address(struct draw *d, uint8_t family, uint8_t *address)
{
    static const uint8_t bytes[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};

    memset(address, 0, 16);
    address[0] = family == 4 ? 10 : 0x20;
    for (unsigned i = 1; i < (family == 4 ? 4U : 16U); i++)
        address[i] = bytes[draw_below(d, i % 4 == 3 ? 6 : 2)];
}

static void cut(uint8_t *address, unsigned len)
{
    for (unsigned bit = len; bit < 128; bit++)
        address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static void draw_prefix(struct draw *d, uint8_t family, uint8_t *address, uint8_t *len)
{
    static const uint8_t lens[2][6] = {{0, 8, 16, 24, 28, 32}, {0, 32, 48, 64, 72, 128}};

    draw_address(d, family, address);
    *len = draw_below(d, 4) == 0 ? (uint8_t)draw_below(d, family == 4 ? 33 : 129)
                                 : lens[family == 6][draw_below(d, 6)];
    cut(address, *len);
}

static void add_prefix(unsigned set, struct draw *d, uint8_t family)
{
    struct classifier_prefix *p = &set_prefixes[set][n_set_prefixes[set]++];

    p->family = family;
    do
        draw_prefix(d, family, p->address, &p->len);
    while (p->len < 16);
}

void lab_sets_make(void)
{
    struct draw d = {77};

    memset(n_set_prefixes, 0, sizeof(n_set_prefixes));
    for (unsigned i = 0; i < 5; i++)
        add_prefix(0, &d, i % 2 != 0 ? 6 : 4);
    for (unsigned i = 0; i < N_LARGE; i++)
        add_prefix(1, &d, i % 3 != 0 ? 4 : 6);
    for (unsigned i = 0; i < 3; i++)
        add_prefix(2, &d, 4);
    for (unsigned i = 0; i < 4; i++)
        lab_sets[i] = classifier_address_set(set_prefixes[i], n_set_prefixes[i]);
    set_ports[0][0] = (struct classifier_ports){80, 80};
    set_ports[0][1] = (struct classifier_ports){443, 450};
    set_ports[0][2] = (struct classifier_ports){445, 445};
    n_set_ports[0] = 3;
    set_ports[1][0] = (struct classifier_ports){1024, 65535};
    n_set_ports[1] = 1;
    for (unsigned i = 0; i < 2; i++)
        lab_sets[4 + i] = classifier_port_set(set_ports[i], n_set_ports[i]);
}

void lab_sets_put(void)
{
    for (unsigned i = 0; i < LAB_N_SETS; i++)
        classifier_set_put(lab_sets[i]);
}

static uint16_t draw_port(struct draw *d)
{
    static const uint16_t ports[] = {0, 22, 80, 81, 443, 447, 1024, 8080, 50000, 65535};

    return ports[draw_below(d, 10)];
}

static void draw_ports(struct draw *d, uint16_t *first, uint16_t *last)
{
    uint16_t a = draw_port(d), b = draw_below(d, 2) ? a : draw_port(d);

    *first = a < b ? a : b;
    *last = a < b ? b : a;
}

static void draw_transport(struct draw *d, struct classifier_rule *r)
{
    r->flags = CLASSIFIER_PROTOCOL;
    r->protocol = draw_below(d, 3) == 0 ? 17 : 6;
    if (draw_below(d, 3) != 0)
        draw_ports(d, &r->destination_port_first, &r->destination_port_last);
    if (draw_below(d, 6) == 0)
        draw_ports(d, &r->source_port_first, &r->source_port_last);
    if (draw_below(d, 6) == 0)
        r->destination_port_set = lab_sets[4 + draw_below(d, 2)];
    if (draw_below(d, 12) == 0)
        r->source_port_set = lab_sets[4 + draw_below(d, 2)];
    if (r->protocol == 6 && draw_below(d, 4) == 0) {
        r->tcp_flags_mask = 0x12;
        r->tcp_flags = draw_below(d, 2) ? 0x02 : 0x10;
    }
}

static void draw_icmp(struct draw *d, struct classifier_rule *r)
{
    r->flags = CLASSIFIER_PROTOCOL;
    r->protocol = 1;
    if (draw_below(d, 2)) {
        r->flags |= CLASSIFIER_ICMP_TYPE;
        r->icmp_type = (uint8_t)draw_below(d, 3);
        if (draw_below(d, 2)) {
            r->flags |= CLASSIFIER_ICMP_CODE;
            r->icmp_code = (uint8_t)draw_below(d, 2);
        }
    }
}

void lab_draw_rule(struct draw *d, uint32_t seq, struct classifier_rule *r)
{
    memset(r, 0, sizeof(*r));
    r->seq = seq;
    r->zone = (uint8_t)(1 + draw_below(d, 2));
    r->source_port_last = r->destination_port_last = UINT16_MAX;
    r->family = draw_below(d, 8) == 0 ? 0 : draw_below(d, 3) == 0 ? 6 : 4;
    if (r->family != 0 && draw_below(d, 2))
        draw_prefix(d, r->family, r->source, &r->source_len);
    if (r->family != 0 && draw_below(d, 4) != 0)
        draw_prefix(d, r->family, r->destination, &r->destination_len);
    if (draw_below(d, 8) == 0)
        r->source_set = lab_sets[draw_below(d, 4)];
    if (draw_below(d, 8) == 0)
        r->destination_set = lab_sets[draw_below(d, 4)];
    if (draw_below(d, 6) == 0)
        draw_icmp(d, r);
    else if (draw_below(d, 6) != 0)
        draw_transport(d, r);
}

void lab_draw_key(struct draw *d, struct classifier_key *k)
{
    static const uint8_t protocols[] = {6, 6, 6, 17, 17, 1, 47};

    memset(k, 0, sizeof(*k));
    k->family = draw_below(d, 3) == 0 ? 6 : 4;
    k->zone = (uint8_t)(1 + draw_below(d, 2));
    k->protocol = protocols[draw_below(d, 7)];
    draw_address(d, k->family, k->source);
    draw_address(d, k->family, k->destination);
    if (k->protocol == 6 || k->protocol == 17) {
        k->source_port = draw_port(d);
        k->destination_port = draw_port(d);
    }
    if (k->protocol == 6)
        k->tcp_flags = (uint8_t[]){0x02, 0x10, 0x12, 0x01}[draw_below(d, 4)];
    if (k->protocol == 1) {
        k->icmp_type = (uint8_t)draw_below(d, 3);
        k->icmp_code = (uint8_t)draw_below(d, 2);
    }
}

// Near the ends of prefixes, or anywhere.
static uint16_t draw_any_port(struct draw *d)
{
    uint32_t at = 1U << draw_below(d, 17);

    return draw_below(d, 3) == 0 ? (uint16_t)draw_word(d)
                                 : (uint16_t)(at * draw_below(d, 4) + draw_below(d, 3) - 1);
}

static void draw_range(struct draw *d, uint16_t *first, uint16_t *last)
{
    uint16_t a = draw_any_port(d), b = draw_any_port(d);

    if (draw_below(d, 4) != 0)
        b = (uint16_t)(a + draw_below(d, 300));
    *first = a < b ? a : b;
    *last = a < b ? b : a;
}

void lab_draw_alike(struct draw *d, uint32_t seq, struct classifier_rule *r)
{
    memset(r, 0, sizeof(*r));
    r->seq = seq;
    r->zone = 1;
    r->flags = CLASSIFIER_PROTOCOL;
    r->protocol = draw_below(d, 3) == 0 ? 1 : 6;
    r->source_port_last = r->destination_port_last = UINT16_MAX;
    if (draw_below(d, 8) == 0) {
        r->family = 4;
        draw_prefix(d, 4, r->destination, &r->destination_len);
    }
    if (draw_below(d, 16) == 0)
        r->source_set = lab_sets[draw_below(d, 4)];
    if (r->protocol == 1) {
        r->flags |= CLASSIFIER_ICMP_TYPE;
        r->icmp_type = (uint8_t)draw_below(d, 20);
        r->flags |= draw_below(d, 2) ? CLASSIFIER_ICMP_CODE : 0;
        r->icmp_code = r->flags & CLASSIFIER_ICMP_CODE ? (uint8_t)draw_below(d, 20) : 0;
        return;
    }
    if (draw_below(d, 4) != 0)
        draw_range(d, &r->destination_port_first, &r->destination_port_last);
    if (draw_below(d, 4) == 0)
        draw_range(d, &r->source_port_first, &r->source_port_last);
    if (draw_below(d, 10) == 0)
        r->destination_port_set = lab_sets[4 + draw_below(d, 2)];
    if (draw_below(d, 10) == 0)
        r->source_port_set = lab_sets[4 + draw_below(d, 2)];
    if (draw_below(d, 3) == 0) {
        r->tcp_flags_mask = (uint8_t)draw_below(d, 64);
        r->tcp_flags = r->tcp_flags_mask & (uint8_t)draw_below(d, 64);
    }
}

void lab_draw_alike_key(struct draw *d, struct classifier_key *k)
{
    memset(k, 0, sizeof(*k));
    k->family = draw_below(d, 3) == 0 ? 6 : 4;
    k->zone = 1;
    draw_address(d, k->family, k->source);
    draw_address(d, k->family, k->destination);
    k->protocol = draw_below(d, 3) == 0 ? 1 : 6;
    if (k->protocol == 1) {
        k->icmp_type = (uint8_t)draw_below(d, 22);
        k->icmp_code = (uint8_t)draw_below(d, 22);
        return;
    }
    k->source_port = draw_any_port(d);
    k->destination_port = draw_any_port(d);
    k->tcp_flags = (uint8_t)draw_below(d, 64);
}

static int is_in(const uint8_t *prefix, unsigned len, const uint8_t *address)
{
    for (unsigned bit = 0; bit < len; bit++)
        if ((prefix[bit / 8] ^ address[bit / 8]) & (0x80 >> bit % 8))
            return 0;
    return 1;
}

static int set_has(const struct classifier_set *set, uint8_t family, const uint8_t *address)
{
    unsigned number = 0;

    if (set == NULL)
        return 1;
    while (lab_sets[number] != set)
        number++;
    for (uint32_t i = 0; i < n_set_prefixes[number]; i++) {
        const struct classifier_prefix *p = &set_prefixes[number][i];

        if (p->family == family && is_in(p->address, p->len, address))
            return 1;
    }
    return 0;
}

static int ports_have(const struct classifier_set *set, uint16_t port)
{
    unsigned number = 0;

    if (set == NULL)
        return 1;
    while (lab_sets[4 + number] != set)
        number++;
    for (uint32_t i = 0; i < n_set_ports[number]; i++)
        if (port >= set_ports[number][i].first && port <= set_ports[number][i].last)
            return 1;
    return 0;
}

int lab_matches(const struct classifier_rule *r, const struct classifier_key *k)
{
    return r->zone == k->zone && (r->family == 0 || r->family == k->family) &&
           (r->source_len == 0 || is_in(r->source, r->source_len, k->source)) &&
           (r->destination_len == 0 || is_in(r->destination, r->destination_len, k->destination)) &&
           set_has(r->source_set, k->family, k->source) &&
           set_has(r->destination_set, k->family, k->destination) &&
           ports_have(r->source_port_set, k->source_port) &&
           ports_have(r->destination_port_set, k->destination_port) &&
           k->source_port >= r->source_port_first && k->source_port <= r->source_port_last &&
           k->destination_port >= r->destination_port_first &&
           k->destination_port <= r->destination_port_last &&
           (!(r->flags & CLASSIFIER_PROTOCOL) || r->protocol == k->protocol) &&
           (!(r->flags & CLASSIFIER_ICMP_TYPE) || r->icmp_type == k->icmp_type) &&
           (!(r->flags & CLASSIFIER_ICMP_CODE) || r->icmp_code == k->icmp_code) &&
           (k->tcp_flags & r->tcp_flags_mask) == r->tcp_flags;
}
