// SPDX-License-Identifier: BSD-3-Clause
// Which ports are guarded, and what does one of them answer? Shared by the guard's tests, on their
// only thread. It knows frames, not what is right: that is said in guard_test.c and
// guard_ip6_test.c.

#include "tests/unit/walk/guard_lab.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define N_MBUFS 127

struct rte_mempool *pool;
struct guard *guards[N_PORTS];
struct frame f;
static uint8_t met[API_DROP_NONE + 1];

void ether(const char *src)
{
    frame_ether(&f, OTHER, src);
}

void udp(const char *src, uint16_t src_port, uint16_t dst_port)
{
    ether(OWN);
    if (strchr(src, ':'))
        frame_ip6(&f, src, "fd00::99");
    else
        frame_ip4(&f, src, "10.0.0.99");
    frame_udp(&f, src_port, dst_port);
    frame_payload(&f, 20);
    frame_end(&f);
}

void arp(uint16_t operation, const char *mac, const char *sender, const char *target)
{
    frame_ether(&f, ALL, OWN);
    frame_arp(&f, operation, mac, sender, "00:00:00:00:00:00", target);
}

void nd(uint8_t type, const char *src, const char *dst, const char *target, uint8_t option,
        const char *option_mac)
{
    ether(OWN);
    frame_ip6(&f, src, dst);
    frame_nd(&f, type, target);
    if (option_mac)
        frame_nd_option(&f, option, option_mac);
    frame_end(&f);
}

void expect(int line, int port, uint8_t reason)
{
    // In one piece, and cut where it is gathered again.
    for (uint32_t cut = 0; cut < 60 && cut < f.len; cut += 59) {
        struct rte_mbuf *m = mbuf_build(pool, f.bytes, f.len, &cut, cut ? 1 : 0, MBUF_TAILROOM_ANY);
        parse_burst(&m, 1);
        struct packet before = *packet_of(m);
        uint8_t found = guard_check(guards[port], m, packet_of(m));
        if (found != reason)
            fail_msg("line %d: %s instead of %s", line, api_drop_name(found),
                     api_drop_name(reason));
        assert_memory_equal(&before, packet_of(m), sizeof(before));
        assert_true(mbuf_holds(m, f.bytes, f.len));
        rte_pktmbuf_free(m);
    }
    met[reason] = 1;
}

int is_met(uint8_t reason)
{
    return met[reason];
}

static void add_address(struct model *model, uint32_t port, const char *text, uint8_t prefix_len)
{
    struct api_port_address item = {.owner = port, .prefix_len = prefix_len};
    item.family = strchr(text, ':') ? 6 : 4;
    assert_int_equal(inet_pton(item.family == 6 ? AF_INET6 : AF_INET, text, item.address), 1);
    assert_int_equal(model_add(model, API_PORT_ADDRESS, &item, 1), 0);
}

int lab_setup(void **state)
{
    static struct model model;
    (void)state;
    mbuf_eal_init();
    pool = mbuf_pool("guard", N_MBUFS, 2048);
    model_init(&model);
    for (unsigned i = 0; i < N_PORTS; i++) {
        struct api_port port = {.flags = API_PORT_GUARD};
        frame_mac(OWN, port.mac);
        snprintf(port.name, sizeof(port.name), "vm%u", i + 1);
        assert_int_equal(model_add(&model, API_PORT, &port, 1), 0);
    }
    add_address(&model, VM1, "192.0.2.64", 32); // begins like the prefix below
    add_address(&model, VM1, OWN_IP6, 128);
    add_address(&model, VM1, "192.0.2.69", 28); // host bits don't matter
    add_address(&model, VM1, LISTED_LL, 128);
    add_address(&model, VM1, "10.0.0.11", 32);
    add_address(&model, VM1, "2001:db8:0:1::", 64);
    add_address(&model, IP4_ONLY, "10.0.0.11", 32);
    add_address(&model, ANY, "0.0.0.0", 0);
    add_address(&model, ANY, "::", 0);
    for (unsigned i = 0; i < N_PORTS; i++) {
        guards[i] = guard_create(&model, i);
        assert_non_null(guards[i]);
    }
    model_fini(&model); // a guard keeps nothing of it
    return 0;
}

int lab_teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_PORTS; i++)
        guard_destroy(guards[i]);
    guard_destroy(NULL);
    return 0;
}

int no_leak(void **state)
{
    (void)state;
    return rte_mempool_avail_count(pool) == N_MBUFS ? 0 : -1;
}
