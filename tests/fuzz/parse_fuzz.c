// SPDX-License-Identifier: BSD-3-Clause
// Can bytes from the wire make parse or the guard read what is not there, or prove what is not so?
// libFuzzer with ASan and UBSan, without EAL: mbufs lie on plain memory, each segment in a heap
// block that ends where its data may end. The input's first bytes say how the frame is cut, the
// rest is the frame. Each frame is parsed three times: in one piece (the short way if it can), cut
// without room to gather, and cut with room. Next: what the assertions name.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/parse/parse.h"
#include "dataplane/walk/guard.h"
#include "tests/fuzz/lab.h"

#define MAX_CUTS 8
#define MAX_FRAME 4096
#define N_GUARDS 3 // with addresses, with IPv4 addresses only, with a MAC only

static struct guard *guards[N_GUARDS];
static const uint8_t mac[6] = {0x52, 0x54, 0, 0, 0, 0x11};

static void add_address(struct model *model, uint32_t port, uint8_t family, const uint8_t *address)
{
    struct api_port_address item = {.owner = port, .family = family};
    item.prefix_len = family == 4 ? 32 : 128;
    memcpy(item.address, address, family == 4 ? 4 : 16);
    if (model_add(model, API_PORT_ADDRESS, &item, 1) != 0)
        abort();
}

static void make_guards(void)
{
    static const uint8_t ip4[4] = {10, 0, 0, 11};
    static const uint8_t ip6[16] = {0xfd, [15] = 0x11};
    struct model model;
    model_init(&model);
    for (uint32_t i = 0; i < N_GUARDS; i++) {
        struct api_port port = {.flags = API_PORT_GUARD};
        memcpy(port.mac, mac, sizeof(mac));
        if (model_add(&model, API_PORT, &port, 1) != 0)
            abort();
    }
    add_address(&model, 0, 4, ip4);
    add_address(&model, 0, 6, ip6);
    add_address(&model, 1, 4, ip4);
    for (uint32_t i = 0; i < N_GUARDS; i++) {
        guards[i] = guard_create(&model, i);
        assert(guards[i]);
    }
    model_fini(&model);
}

// Cut where the input says, with so much room behind the first segment. At an odd address: nothing
// may rely on alignment.
static struct rte_mbuf *chain(const uint8_t *bytes, uint32_t len, const uint8_t *cuts,
                              unsigned n_cuts, uint32_t tailroom)
{
    uint32_t lens[MAX_CUTS];
    struct rte_mbuf *m;

    for (unsigned i = 0; i < n_cuts; i++)
        lens[i] = cuts[i];
    m = fuzz_segments(bytes, len, lens, n_cuts, 1, tailroom);
    memset(packet_of(m), 0x5a, sizeof(struct packet));
    return m;
}

static void assert_holds(const struct rte_mbuf *m, const uint8_t *bytes, uint32_t len)
{
    uint32_t at = 0;
    unsigned n = 0;
    assert(m->pkt_len == len);
    for (const struct rte_mbuf *s = m; s; s = s->next, n++) {
        assert(s->data_len <= len - at);
        assert(memcmp(rte_pktmbuf_mtod(s, const uint8_t *), bytes + at, s->data_len) == 0);
        at += s->data_len;
    }
    assert(at == len && n == m->nb_segs);
}

static void assert_l4(const struct packet *p, const uint8_t *frame, uint32_t have)
{
    assert(p->flags & (PACKET_IP4 | PACKET_IP6));
    assert(p->l3_error == API_DROP_NONE && !(p->flags & PACKET_LATER_FRAGMENT));
    assert(p->l4_off >= p->l3_off + (p->flags & PACKET_IP4 ? 20 : 40));
    assert(p->l4_off < p->payload_off);
    assert(p->payload_off <= p->l3_end && p->payload_off <= have);
    uint32_t len = p->payload_off - p->l4_off;
    switch (p->l4_proto) {
    case 6:
        assert(len >= 20 && len == (frame[p->l4_off + 12] >> 4) * 4U);
        break;
    case 17:
        assert(len == 8);
        break;
    case 132:
        assert(len == 12);
        break;
    default:
        assert(len == 8 && p->l4_proto == (p->flags & PACKET_IP4 ? 1 : 58));
    }
}

// What parse.h promises, for a frame of which `have` bytes are in the first segment.
static void assert_proven(const struct packet *p, const uint8_t *frame, uint32_t have, uint32_t len)
{
    assert(p->in_port == 0x5a5a && p->offload == 0x5a && p->gso_size == 0x5a5a);
    assert(p->n_tags <= PARSE_MAX_TAGS && p->outer_vlan < 4096 && p->inner_vlan < 4096);
    if (p->l2_error == API_DROP_NONE) {
        uint32_t l2_len = 14U + 4U * p->n_tags;
        assert(l2_len <= have);
        assert(!p->l3_off || p->l3_off == l2_len);
        assert(p->ether_type == (frame[l2_len - 2] << 8 | frame[l2_len - 1]));
    } else {
        assert(!p->l3_off && !p->flags);
    }
    unsigned n_kinds =
        !!(p->flags & PACKET_IP4) + !!(p->flags & PACKET_IP6) + !!(p->flags & PACKET_ARP);
    assert(n_kinds == (p->l3_off ? 1 : 0));
    uint32_t header = p->flags & PACKET_IP4 ? 20 : p->flags & PACKET_IP6 ? 40 : 28;
    if (p->l3_off)
        assert(p->l3_off + header <= have);
    if (p->flags & PACKET_IP4)
        assert(frame[p->l3_off] >> 4 == 4);
    if (p->flags & PACKET_IP6)
        assert(frame[p->l3_off] >> 4 == 6);
    if (p->l3_end)
        assert(p->l3_off && p->l3_off + header <= p->l3_end && p->l3_end <= len);
    if (p->l3_off && p->l3_error == API_DROP_NONE)
        assert(p->l3_end);
    if (p->flags & PACKET_L4)
        assert_l4(p, frame, have);
    else
        assert(!p->l4_off && !p->payload_off);
}

// What passes a guard must at least have the port's MAC, and an address of it in the header.
static void assert_guarded(const struct rte_mbuf *m, const struct packet *p)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    struct packet before = *p;
    for (unsigned i = 0; i < N_GUARDS; i++) {
        uint8_t reason = guard_check(guards[i], m, p);
        if (p->l2_error != API_DROP_NONE)
            assert(reason == p->l2_error);
        else if (p->l3_error != API_DROP_NONE)
            assert(reason == p->l3_error);
        else
            assert(reason == API_DROP_NONE ||
                   (reason >= DROP_GUARD_MAC && reason <= DROP_GUARD_ROUTER));
        if (reason != API_DROP_NONE)
            continue;
        assert(p->l2_error == API_DROP_NONE && p->l3_error == API_DROP_NONE);
        assert(memcmp(frame + 6, mac, sizeof(mac)) == 0);
        if (p->flags & PACKET_ARP)
            assert(memcmp(frame + p->l3_off + 8, mac, sizeof(mac)) == 0);
        if (p->flags & PACKET_IP4 && i < 2)
            assert(frame[p->l3_off + 12] == 10 || frame[p->l3_off + 12] == 0);
        if (p->flags & PACKET_IP6 && i < 2)
            assert(frame[p->l3_off + 8] >= 0xfd || frame[p->l3_off + 8] == 0);
    }
    assert(memcmp(&before, p, sizeof(before)) == 0);
}

static struct packet run(struct rte_mbuf *m, const uint8_t *frame, uint32_t len)
{
    parse_burst(&m, 1);
    struct packet *p = packet_of(m);
    assert_holds(m, frame, len);
    assert_proven(p, frame, m->data_len, len);
    assert_guarded(m, p);
    struct packet result = *p;
    rte_pktmbuf_free(m);
    assert(fuzz_n_live() == 0);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!guards[0]) {
        (void)fuzz_heap(1, 0);
        make_guards();
    }
    if (size < 1 || size > MAX_FRAME)
        return 0;
    unsigned n_cuts = data[0] % (MAX_CUTS + 1);
    if (size < 1 + n_cuts)
        return 0;
    const uint8_t *cuts = data + 1, *frame = cuts + n_cuts;
    uint32_t len = (uint32_t)(size - 1 - n_cuts);

    struct packet whole = run(chain(frame, len, NULL, 0, 0), frame, len);
    run(chain(frame, len, cuts, n_cuts, 0), frame, len);
    struct packet gathered = run(chain(frame, len, cuts, n_cuts, PARSE_GATHER_SIZE), frame, len);
    // Cut anywhere, by the short way or the general one: the same packet, as long as its headers
    // are in the bytes that are gathered.
    if (len <= PARSE_GATHER_SIZE || (whole.payload_off && whole.payload_off <= PARSE_GATHER_SIZE))
        assert(memcmp(&whole, &gathered, sizeof(whole)) == 0);
    return 0;
}
