// SPDX-License-Identifier: BSD-3-Clause
// Does the XDP program give each frame to whom it belongs? The program as it is built, in this
// machine's kernel, its maps written by control/xdp/maps.c; each frame also cut at every byte.
// Without the right to load programs there is nothing to test, and the tests are skipped.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_xdp.h>
#include <steer.skel.h>

#include "control/xdp/maps.h"
#include "tests/lib/packet_builder.h"

#define OWN_MAC "02:00:00:00:00:01"
#define GUEST_MAC "02:00:00:00:00:02"
#define PEER_MAC "02:00:00:00:00:99"
#define BROADCAST "ff:ff:ff:ff:ff:ff"
#define SOLICITED "33:33:ff:00:00:01"
#define N_RX_RING 64

struct lab {
    struct steer_skeleton *skeleton;
    struct program program;
    int socket;
};

static struct lab lab = {.socket = -1};

static int setup(void **state)
{
    int size = N_RX_RING;
    uint32_t queue = 0;

    (void)state;
    program_init();
    lab.skeleton = steer_skeleton__open_and_load();
    if (lab.skeleton == NULL)
        return 0;
    lab.program.map_fd[MAP_XSKS] = bpf_map__fd(lab.skeleton->maps.xsks);
    lab.program.map_fd[MAP_COUNTERS] = bpf_map__fd(lab.skeleton->maps.counters);
    lab.program.map_fd[MAP_SETTINGS] = bpf_map__fd(lab.skeleton->maps.settings);
    lab.program.map_fd[MAP_VLANS] = bpf_map__fd(lab.skeleton->maps.vlans);
    lab.program.map_fd[MAP_MACS] = bpf_map__fd(lab.skeleton->maps.macs);
    lab.program.map_fd[MAP_OWN] = bpf_map__fd(lab.skeleton->maps.own);
    lab.program.map_fd[MAP_PREFIXES] = bpf_map__fd(lab.skeleton->maps.prefixes);
    lab.program.map_fd[MAP_DENIED] = bpf_map__fd(lab.skeleton->maps.denied);
    // A socket that could receive; the test run comes by queue 0.
    lab.socket = socket(AF_XDP, SOCK_RAW, 0);
    if (lab.socket < 0 || setsockopt(lab.socket, SOL_XDP, XDP_RX_RING, &size, sizeof(size)) < 0 ||
        bpf_map_update_elem(lab.program.map_fd[MAP_XSKS], &queue, &lab.socket, BPF_ANY) < 0)
        return -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    steer_skeleton__destroy(lab.skeleton);
    if (lab.socket >= 0)
        close(lab.socket);
    return 0;
}

// What the kernel has: MAC, an IPv4 and an IPv6 address, VLANs 30 and 31.
static void make_interface(struct interface *interface)
{
    struct steer_prefix prefix;
    static const char *const addresses[] = {"10.0.0.1", "fd00::1"};

    memset(interface, 0, sizeof(*interface));
    frame_mac(OWN_MAC, interface->mac);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(settings_prefix(addresses[i], &prefix), 0);
        interface->addresses[i].family = prefix.family;
        memcpy(interface->addresses[i].address, prefix.address, 16);
    }
    interface->n_addresses = 2;
    interface->has_vlan[30] = true;
    interface->has_vlan[31] = true;
}

static struct key_list prefixes_of(struct steer_prefix *keys, const char *const *texts, size_t n)
{
    struct key_list list = {keys, n, sizeof(*keys)};

    for (size_t i = 0; i < n; i++)
        assert_int_equal(settings_prefix(texts[i], &keys[i]), 0);
    key_list_sort(&list);
    return list;
}

// The configuration: `flags`; VLAN 31 has something attached; two sources are denied. With
// STEER_EXPLICIT also a MAC, VLAN 40 and two destinations.
static void configure(uint8_t flags)
{
    static const char *const denied_texts[] = {"192.0.2.0/24", "2001:db8:bad::/48"};
    static const char *const prefix_texts[] = {"10.0.0.64/26", "fd00:1::/64"};
    static struct settings settings;
    static struct interface interface;
    struct steer_prefix denied[2], prefixes[2];
    struct steer_mac mac = {{0}, {0}};
    struct config_error e = {0};

    if (lab.skeleton == NULL)
        skip();
    make_interface(&interface);
    memset(&settings, 0, sizeof(settings));
    settings.flags = flags;
    settings.is_attached[31] = true;
    settings.denied = prefixes_of(denied, denied_texts, 2);
    settings.macs.key_size = sizeof(mac);
    settings.prefixes.key_size = sizeof(prefixes[0]);
    if (flags & STEER_EXPLICIT) {
        frame_mac(GUEST_MAC, mac.bytes);
        settings.macs = (struct key_list){&mac, 1, sizeof(mac)};
        settings.prefixes = prefixes_of(prefixes, prefix_texts, 2);
        settings.is_listed[40] = true;
    }
    assert_int_equal(maps_write(&lab.program, &settings, &interface, 7, &e), 0);
}

static int run(const uint8_t *bytes, uint32_t len)
{
    uint8_t out[FRAME_SIZE];
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes, .data_size_in = len, .data_out = out,
                .data_size_out = sizeof(out), .repeat = 1);

    assert_int_equal(
        bpf_prog_test_run_opts(bpf_program__fd(lab.skeleton->progs.culvert_xdp), &options), 0);
    assert_int_equal(options.data_size_out, len);
    assert_memory_equal(out, bytes, len); // no byte is changed
    return (int)options.retval;
}

static const char *verdict_name(int verdict)
{
    return verdict == XDP_REDIRECT ? "redirect" : verdict == XDP_PASS ? "pass" : "drop";
}

// The frame meets `verdict` and its counter; shorter than `needed`, it is malformed.
static void expect(const char *name, const struct frame *f, uint32_t needed, int verdict)
{
    enum steer_counter counter = verdict == XDP_REDIRECT ? STEER_REDIRECTED
                                 : verdict == XDP_PASS   ? STEER_PASSED
                                                         : STEER_DENIED;
    uint64_t before[STEER_N_COUNTERS], after[STEER_N_COUNTERS];

    for (uint32_t len = 14; len <= f->len; len++) {
        int wanted = len < needed ? XDP_DROP : verdict, is;

        assert_int_equal(program_counters(&lab.program, before), 0);
        is = run(f->bytes, len);
        if (is != wanted)
            fail_msg("%s, %u of %u bytes: %s, expected %s", name, len, f->len, verdict_name(is),
                     verdict_name(wanted));
        before[len < needed ? STEER_MALFORMED : counter]++;
        assert_int_equal(program_counters(&lab.program, after), 0);
        assert_memory_equal(before, after, sizeof(before));
    }
}

// Frames. Each returns how many bytes are needed to know whose it is.
static uint32_t udp4(struct frame *f, const char *mac, uint16_t vlan, const char *from,
                     const char *to)
{
    frame_ether(f, mac, PEER_MAC);
    if (vlan != 0)
        frame_vlan(f, 0x8100, vlan);
    frame_ip4(f, from, to);
    frame_udp(f, 1, 2);
    frame_payload(f, 20);
    frame_end(f);
    return f->ip4_off + 20;
}

static uint32_t udp6(struct frame *f, const char *mac, const char *from, const char *to)
{
    frame_ether(f, mac, PEER_MAC);
    frame_ip6(f, from, to);
    frame_udp(f, 1, 2);
    frame_payload(f, 20);
    frame_end(f);
    return f->ip6_off + 40;
}

static uint32_t arp(struct frame *f, const char *mac, uint16_t operation, const char *target)
{
    frame_ether(f, mac, PEER_MAC);
    frame_arp(f, operation, PEER_MAC, "10.0.0.9", "00:00:00:00:00:00", target);
    frame_end(f);
    return f->arp_off + 28;
}

static uint32_t nd(struct frame *f, const char *mac, uint8_t type, const char *target)
{
    frame_ether(f, mac, PEER_MAC);
    frame_ip6(f, "fe80::9", "ff02::1:ff00:1");
    frame_nd(f, type, target);
    frame_nd_option(f, 1, PEER_MAC);
    frame_end(f);
    return f->ip6_off + (type == 135 ? 64 : 41);
}

static uint32_t other(struct frame *f, const char *mac)
{
    frame_ether(f, mac, PEER_MAC);
    frame_type(f, 0x88cc);
    frame_payload(f, 40);
    frame_end(f);
    return 14;
}

#define EXPECT(make, verdict)               \
    do {                                    \
        uint32_t needed = make;             \
                                            \
        expect(#make, &f, needed, verdict); \
    } while (0)

static struct frame f;

// All but the kernel's own is the dataplane's.
static void test_default(void **state)
{
    (void)state;
    configure(STEER_BROADCAST);
    EXPECT(udp4(&f, OWN_MAC, 0, "10.0.0.9", "10.0.0.1"), XDP_PASS);
    EXPECT(udp4(&f, OWN_MAC, 0, "10.0.0.9", "10.0.0.70"), XDP_PASS);
    EXPECT(udp4(&f, GUEST_MAC, 0, "10.0.0.9", "10.0.0.2"), XDP_REDIRECT);
    EXPECT(udp4(&f, BROADCAST, 0, "10.0.0.9", "255.255.255.255"), XDP_REDIRECT);
    EXPECT(udp6(&f, OWN_MAC, "fd00::9", "fd00::1"), XDP_PASS);
    EXPECT(udp6(&f, GUEST_MAC, "fd00::9", "fd00::2"), XDP_REDIRECT);
    EXPECT(arp(&f, BROADCAST, 1, "10.0.0.1"), XDP_PASS);
    EXPECT(arp(&f, BROADCAST, 1, "10.0.0.2"), XDP_REDIRECT);
    EXPECT(arp(&f, OWN_MAC, 2, "10.0.0.1"), XDP_PASS);
    EXPECT(arp(&f, GUEST_MAC, 2, "10.0.0.2"), XDP_REDIRECT);
    EXPECT(nd(&f, SOLICITED, 135, "fd00::1"), XDP_PASS);
    EXPECT(nd(&f, SOLICITED, 135, "fd00::2"), XDP_REDIRECT);
    EXPECT(nd(&f, SOLICITED, 136, "fd00::1"), XDP_REDIRECT);
    EXPECT(other(&f, "01:80:c2:00:00:0e"), XDP_REDIRECT);
    EXPECT(other(&f, OWN_MAC), XDP_PASS);
}

static void test_default_with_broadcast_for_the_kernel(void **state)
{
    (void)state;
    configure(0);
    EXPECT(udp4(&f, BROADCAST, 0, "10.0.0.9", "255.255.255.255"), XDP_PASS);
    EXPECT(other(&f, "01:80:c2:00:00:0e"), XDP_PASS);
    EXPECT(arp(&f, BROADCAST, 1, "10.0.0.2"), XDP_REDIRECT);
    EXPECT(nd(&f, SOLICITED, 135, "fd00::2"), XDP_REDIRECT);
    EXPECT(udp4(&f, GUEST_MAC, 0, "10.0.0.9", "10.0.0.2"), XDP_REDIRECT);
}

static void test_vlans(void **state)
{
    (void)state;
    configure(STEER_BROADCAST);
    // 30: the kernel's. 31: the kernel has it, but so has the configuration. 20: nobody's.
    EXPECT(udp4(&f, GUEST_MAC, 30, "10.0.0.9", "10.0.0.2"), XDP_PASS);
    EXPECT(udp4(&f, BROADCAST, 30, "10.0.0.9", "10.0.0.2"), XDP_PASS);
    EXPECT(udp4(&f, OWN_MAC, 31, "10.0.0.9", "10.0.0.1"), XDP_REDIRECT);
    EXPECT(udp4(&f, OWN_MAC, 20, "10.0.0.9", "10.0.0.1"), XDP_REDIRECT);
    EXPECT(udp4(&f, OWN_MAC, 0x2000, "10.0.0.9", "10.0.0.1"), XDP_PASS); // priority alone

    frame_ether(&f, GUEST_MAC, PEER_MAC);
    frame_vlan(&f, 0x88a8, 20);
    frame_vlan(&f, 0x8100, 30); // the inner tag decides nothing
    frame_ip4(&f, "192.0.2.1", "10.0.0.2");
    frame_udp(&f, 1, 2);
    frame_end(&f);
    expect("denied behind two tags", &f, f.ip4_off + 20, XDP_DROP);
}

static void test_steering(void **state)
{
    (void)state;
    configure(STEER_EXPLICIT);
    EXPECT(udp4(&f, GUEST_MAC, 0, "10.0.0.9", "10.0.0.2"), XDP_REDIRECT);
    EXPECT(udp4(&f, OWN_MAC, 0, "10.0.0.9", "10.0.0.1"), XDP_PASS);
    EXPECT(udp4(&f, OWN_MAC, 0, "10.0.0.9", "10.0.0.64"), XDP_REDIRECT);
    EXPECT(udp4(&f, OWN_MAC, 0, "10.0.0.9", "10.0.0.127"), XDP_REDIRECT);
    EXPECT(udp4(&f, OWN_MAC, 0, "10.0.0.9", "10.0.0.128"), XDP_PASS);
    EXPECT(udp4(&f, OWN_MAC, 40, "10.0.0.9", "10.0.0.1"), XDP_REDIRECT);
    EXPECT(udp4(&f, GUEST_MAC, 30, "10.0.0.9", "10.0.0.2"), XDP_PASS);
    EXPECT(udp4(&f, BROADCAST, 0, "10.0.0.9", "255.255.255.255"), XDP_PASS);
    EXPECT(udp6(&f, OWN_MAC, "fd00::9", "fd00:1::5"), XDP_REDIRECT);
    EXPECT(udp6(&f, OWN_MAC, "fd00::9", "fd00:2::5"), XDP_PASS);
    EXPECT(arp(&f, BROADCAST, 1, "10.0.0.65"), XDP_REDIRECT);
    EXPECT(arp(&f, BROADCAST, 1, "10.0.0.1"), XDP_PASS);
    EXPECT(arp(&f, BROADCAST, 1, "10.0.0.5"), XDP_PASS);
    EXPECT(nd(&f, SOLICITED, 135, "fd00:1::7"), XDP_REDIRECT);
    EXPECT(nd(&f, SOLICITED, 135, "fd00::1"), XDP_PASS);
    EXPECT(nd(&f, SOLICITED, 135, "fd00::7"), XDP_PASS);
    EXPECT(other(&f, GUEST_MAC), XDP_REDIRECT);
}

static void test_steering_with_broadcast_for_the_dataplane(void **state)
{
    (void)state;
    configure(STEER_EXPLICIT | STEER_BROADCAST);
    EXPECT(udp4(&f, BROADCAST, 0, "10.0.0.9", "255.255.255.255"), XDP_REDIRECT);
    EXPECT(arp(&f, BROADCAST, 1, "10.0.0.5"), XDP_REDIRECT);
    EXPECT(arp(&f, BROADCAST, 1, "10.0.0.1"), XDP_PASS);
    EXPECT(udp4(&f, PEER_MAC, 0, "10.0.0.9", "10.0.0.5"), XDP_PASS);
}

static void test_denied_sources(void **state)
{
    (void)state;
    configure(STEER_BROADCAST);
    EXPECT(udp4(&f, GUEST_MAC, 0, "192.0.2.255", "10.0.0.2"), XDP_DROP);
    EXPECT(udp4(&f, OWN_MAC, 0, "192.0.2.0", "10.0.0.1"), XDP_DROP);
    EXPECT(udp4(&f, OWN_MAC, 30, "192.0.2.0", "10.0.0.1"), XDP_DROP);
    EXPECT(udp4(&f, GUEST_MAC, 0, "192.0.3.0", "10.0.0.2"), XDP_REDIRECT);
    EXPECT(udp6(&f, OWN_MAC, "2001:db8:bad:ffff::1", "fd00::1"), XDP_DROP);
    EXPECT(udp6(&f, GUEST_MAC, "2001:db8:bae::1", "fd00::2"), XDP_REDIRECT);
    // The families don't mix: c000:200:: begins with the bytes of 192.0.2.0.
    EXPECT(udp6(&f, GUEST_MAC, "c000:200::1", "fd00::2"), XDP_REDIRECT);
}

// A list that is written again loses what it no longer has and keeps what it has.
static void test_lists_are_replaced(void **state)
{
    (void)state;
    configure(STEER_EXPLICIT);
    configure(STEER_BROADCAST);
    EXPECT(udp4(&f, GUEST_MAC, 40, "10.0.0.9", "10.0.0.2"), XDP_REDIRECT);
    EXPECT(udp4(&f, OWN_MAC, 0, "10.0.0.9", "10.0.0.64"), XDP_PASS);
    EXPECT(udp4(&f, OWN_MAC, 0, "192.0.2.1", "10.0.0.64"), XDP_DROP);
}

static struct key_list many_macs(struct steer_mac *macs, unsigned n, uint8_t kind)
{
    memset(macs, 0, n * sizeof(*macs));
    for (unsigned i = 0; i < n; i++) {
        macs[i].bytes[1] = kind;
        macs[i].bytes[4] = (uint8_t)(i >> 8);
        macs[i].bytes[5] = (uint8_t)i;
    }
    return (struct key_list){macs, n, sizeof(*macs)};
}

// Each fits its map, but not both at once.
static void test_a_full_list_makes_room_for_another(void **state)
{
    static struct steer_mac macs[STEER_MAX_MACS];
    static struct settings settings;
    static struct interface interface;
    struct config_error e = {0};
    uint8_t value;

    (void)state;
    if (lab.skeleton == NULL)
        skip();
    make_interface(&interface);
    memset(&settings, 0, sizeof(settings));
    settings.denied.key_size = settings.prefixes.key_size = sizeof(struct steer_prefix);
    for (uint8_t kind = 1; kind <= 2; kind++) {
        settings.macs = many_macs(macs, STEER_MAX_MACS, kind);
        assert_int_equal(maps_write(&lab.program, &settings, &interface, 7, &e), 0);
    }
    assert_int_equal(bpf_map_lookup_elem(lab.program.map_fd[MAP_MACS], &macs[9], &value), 0);
    macs[9].bytes[1] = 1;
    assert_int_equal(bpf_map_lookup_elem(lab.program.map_fd[MAP_MACS], &macs[9], &value), -ENOENT);
}

static void test_without_a_socket_all_is_the_kernels(void **state)
{
    uint32_t queue = 0;

    (void)state;
    configure(STEER_BROADCAST);
    bpf_map_delete_elem(lab.program.map_fd[MAP_XSKS], &queue);
    EXPECT(udp4(&f, GUEST_MAC, 0, "10.0.0.9", "10.0.0.2"), XDP_PASS);
    EXPECT(udp4(&f, GUEST_MAC, 0, "192.0.2.1", "10.0.0.2"), XDP_DROP);
    bpf_map_update_elem(lab.program.map_fd[MAP_XSKS], &queue, &lab.socket, BPF_ANY);
    EXPECT(udp4(&f, GUEST_MAC, 0, "10.0.0.9", "10.0.0.2"), XDP_REDIRECT);
}

static void test_odd_headers(void **state)
{
    (void)state;
    configure(STEER_BROADCAST);
    udp4(&f, OWN_MAC, 0, "10.0.0.9", "10.0.0.1");
    f.bytes[f.ip4_off] = 0x65; // version 6 in an IPv4 frame
    expect("bad version", &f, UINT32_MAX, XDP_DROP);

    // ARP for something else than IPv4 has no target of ours: by its MAC.
    arp(&f, GUEST_MAC, 1, "10.0.0.1");
    f.bytes[f.arp_off + 3] = 0x06;
    expect("ARP for another protocol", &f, f.arp_off + 28, XDP_REDIRECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_default_with_broadcast_for_the_kernel),
        cmocka_unit_test(test_vlans),
        cmocka_unit_test(test_steering),
        cmocka_unit_test(test_steering_with_broadcast_for_the_dataplane),
        cmocka_unit_test(test_denied_sources),
        cmocka_unit_test(test_lists_are_replaced),
        cmocka_unit_test(test_a_full_list_makes_room_for_another),
        cmocka_unit_test(test_without_a_socket_all_is_the_kernels),
        cmocka_unit_test(test_odd_headers),
    };

    return cmocka_run_group_tests_name("xdp steer", tests, setup, teardown);
}
