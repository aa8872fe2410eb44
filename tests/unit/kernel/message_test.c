// SPDX-License-Identifier: BSD-3-Clause
// What is read from a message of the kernel, and that a cut or false one is refused.

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/kernel/message.h"
#include "control/kernel/netlink.h"
#include "control/kernel/nexthops.h"

static void put_address(struct nl_msg *msg, int type, const char *text)
{
    unsigned char bytes[16];
    int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;

    assert_int_equal(inet_pton(family, text, bytes), 1);
    nla_put(msg, type, family == AF_INET ? 4 : 16, bytes);
}

static struct nl_msg *route_to(const char *prefix, unsigned char len)
{
    struct nl_msg *msg = netlink_message(RTM_NEWROUTE, 0, sizeof(struct rtmsg));
    struct rtmsg *m = netlink_message_data(msg);

    m->rtm_family = strchr(prefix, ':') != NULL ? AF_INET6 : AF_INET;
    m->rtm_dst_len = len;
    m->rtm_table = RT_TABLE_MAIN;
    m->rtm_protocol = RTPROT_BGP;
    m->rtm_type = RTN_UNICAST;
    put_address(msg, RTA_DST, prefix);
    return msg;
}

static int read_and_free(struct nl_msg *msg, struct kernel_route *route)
{
    int rc = message_read_route(nlmsg_hdr(msg), route);

    nlmsg_free(msg);
    return rc;
}

static void a_route_is_read(void **state)
{
    struct nl_msg *msg = route_to("10.1.0.0", 16);
    struct kernel_route route;

    (void)state;
    put_address(msg, RTA_GATEWAY, "10.2.0.2");
    nla_put_u32(msg, RTA_OIF, 7);
    nla_put_u32(msg, RTA_PRIORITY, 20);
    assert_int_equal(read_and_free(msg, &route), 0);
    assert_true(route.is_new);
    assert_false(route.is_replace);
    assert_int_equal(route.type, API_ROUTE_UNICAST);
    assert_int_equal(route.prefix.family, 4);
    assert_int_equal(route.prefix.len, 16);
    assert_memory_equal(route.prefix.address, "\x0a\x01\x00\x00", 4);
    assert_int_equal(route.metric, 20);
    assert_int_equal(route.n_hops, 1);
    assert_int_equal(route.hop[0].ifindex, 7);
    assert_int_equal(route.hop[0].family, 4);
    assert_memory_equal(route.hop[0].address, "\x0a\x02\x00\x02", 4);
    assert_int_equal(route.hop[0].weight, 1);
}

static void what_is_none_of_ours(void **state)
{
    static const struct {
        size_t offset;
        unsigned char value;
    } others[] = {
        {offsetof(struct rtmsg, rtm_table), RT_TABLE_LOCAL},
        {offsetof(struct rtmsg, rtm_protocol), RTPROT_KERNEL},
        {offsetof(struct rtmsg, rtm_protocol), RTPROT_REDIRECT},
        {offsetof(struct rtmsg, rtm_type), RTN_LOCAL},
        {offsetof(struct rtmsg, rtm_type), RTN_BROADCAST},
        {offsetof(struct rtmsg, rtm_type), RTN_MULTICAST},
        {offsetof(struct rtmsg, rtm_type), RTN_THROW},
        {offsetof(struct rtmsg, rtm_family), AF_MPLS},
        {offsetof(struct rtmsg, rtm_src_len), 8},
        {offsetof(struct rtmsg, rtm_tos), 4},
    };
    struct kernel_route route;

    (void)state;
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct nl_msg *msg = route_to("10.1.0.0", 16);

        ((unsigned char *)netlink_message_data(msg))[others[i].offset] = others[i].value;
        nla_put_u32(msg, RTA_OIF, 7);
        assert_int_equal(read_and_free(msg, &route), -ENOENT);
    }
    assert_int_equal(read_and_free(route_to("fe80::", 64), &route), -ENOENT);
    assert_int_equal(read_and_free(route_to("ff00::", 8), &route), -ENOENT);
}

static void what_is_malformed(void **state)
{
    struct kernel_route route;
    struct nl_msg *msg;

    (void)state;
    assert_int_equal(read_and_free(route_to("10.1.0.0", 33), &route), -EINVAL);
    msg = route_to("10.1.0.0", 16);
    put_address(msg, RTA_GATEWAY, "fd00::1"); // of the other family, and not by RTA_VIA
    nla_put_u32(msg, RTA_OIF, 7);
    assert_int_equal(read_and_free(msg, &route), -EINVAL);
    msg = route_to("10.1.0.0", 16);
    nla_put(msg, RTA_OIF, 2, "\x07");
    assert_int_equal(read_and_free(msg, &route), -EINVAL);
    msg = route_to("10.1.0.0", 16);
    nla_put(msg, RTA_VIA, 3, "\x02\x00\x0a");
    nla_put_u32(msg, RTA_OIF, 7);
    assert_int_equal(read_and_free(msg, &route), -EINVAL);
    msg = netlink_message(RTM_NEWROUTE, 0, 4); // ends inside its header
    assert_int_equal(read_and_free(msg, &route), -EINVAL);
}

// Two next hops, and a third that is dead; then each length but the right one.
static void several_next_hops(void **state)
{
    struct nl_msg *msg = route_to("fd10::", 32);
    struct {
        struct rtnexthop n;
        struct nlattr a;
        unsigned char address[16];
    } hops[3] = {0};
    struct kernel_route route;
    struct nlattr *list;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        hops[i].n = (struct rtnexthop){.rtnh_len = sizeof(hops[i]),
                                       .rtnh_hops = (unsigned char)(i == 0 ? 255 : i),
                                       .rtnh_flags = i == 2 ? RTNH_F_DEAD : 0,
                                       .rtnh_ifindex = (int)(10 + i)};
        hops[i].a = (struct nlattr){.nla_len = 20, .nla_type = RTA_GATEWAY};
        hops[i].address[15] = (unsigned char)i;
    }
    nla_put(msg, RTA_MULTIPATH, sizeof(hops), hops);
    assert_int_equal(message_read_route(nlmsg_hdr(msg), &route), 0);
    assert_int_equal(route.n_hops, 2);
    assert_int_equal(route.hop[0].weight, 255);
    assert_int_equal(route.hop[1].weight, 2);
    assert_int_equal(route.hop[1].ifindex, 11);
    assert_int_equal(route.hop[1].family, 6);
    assert_int_equal(route.hop[1].address[15], 1);
    list = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct rtmsg), RTA_MULTIPATH);
    ((struct rtnexthop *)nla_data(list))->rtnh_len = 4;
    assert_int_equal(message_read_route(nlmsg_hdr(msg), &route), -EINVAL);
    ((struct rtnexthop *)nla_data(list))->rtnh_len = sizeof(hops) + 4;
    assert_int_equal(message_read_route(nlmsg_hdr(msg), &route), -EINVAL);
    nlmsg_free(msg);
}

static int read_neighbor(int type, unsigned short nud, const char *address, const char *mac,
                         struct kernel_neighbor *neighbor)
{
    struct nl_msg *msg = netlink_message(type, 0, sizeof(struct ndmsg));
    struct ndmsg *m = netlink_message_data(msg);
    int rc;

    m->ndm_family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
    m->ndm_ifindex = 3;
    m->ndm_state = nud;
    put_address(msg, NDA_DST, address);
    nla_put(msg, NDA_LLADDR, 6, mac);
    rc = message_read_neighbor(nlmsg_hdr(msg), neighbor);
    nlmsg_free(msg);
    return rc;
}

static void neighbours_that_somebody_installed(void **state)
{
    static const char mac[] = "\x02\x00\x00\x00\x00\x07", group[] = "\x33\x33\x00\x00\x00\x01";
    struct kernel_neighbor n;

    (void)state;
    assert_int_equal(read_neighbor(RTM_NEWNEIGH, NUD_PERMANENT, "10.0.0.7", mac, &n), 0);
    assert_true(n.is_installed);
    assert_int_equal(n.ifindex, 3);
    assert_memory_equal(n.mac, mac, 6);
    assert_int_equal(read_neighbor(RTM_NEWNEIGH, NUD_REACHABLE, "10.0.0.7", mac, &n), 0);
    assert_false(n.is_installed);
    assert_int_equal(read_neighbor(RTM_DELNEIGH, NUD_PERMANENT, "fd00::7", mac, &n), 0);
    assert_false(n.is_installed);
    assert_int_equal(read_neighbor(RTM_NEWNEIGH, NUD_NOARP, "10.0.0.255", group, &n), 0);
    assert_false(n.is_installed);
    assert_int_equal(read_neighbor(RTM_NEWNEIGH, NUD_NOARP, "ff02::1", group, &n), -ENOENT);
    assert_int_equal(read_neighbor(RTM_NEWNEIGH, NUD_NOARP, "224.0.0.5", group, &n), -ENOENT);
}

static void next_hop_objects_are_resolved(void **state)
{
    struct nexthops t = {0};
    struct kernel_route route;
    struct kernel_nexthop n = {.is_new = true, .type = API_ROUTE_UNICAST, .is_alive = true};

    (void)state;
    for (uint32_t id = 1; id <= 100; id++) { // the table grows
        n.id = id;
        n.hop.ifindex = id;
        assert_int_equal(nexthops_change(&t, &n), 0);
    }
    n = (struct kernel_nexthop){.is_new = true, .id = 500, .n_members = 2};
    n.type = API_ROUTE_UNICAST;
    n.member[0].id = 3;
    n.member[0].weight = 9;
    n.member[1].id = 4;
    n.member[1].weight = 1;
    assert_int_equal(nexthops_change(&t, &n), 0);
    assert_true(nexthops_resolve(&t, 500, &route));
    assert_int_equal(route.n_hops, 2);
    assert_int_equal(route.hop[0].ifindex, 3);
    assert_int_equal(route.hop[0].weight, 9);
    assert_true(nexthops_involves(&t, 500, 4));
    assert_false(nexthops_involves(&t, 500, 5));
    n = (struct kernel_nexthop){.id = 3};
    assert_int_equal(nexthops_change(&t, &n), 1); // deleted
    assert_int_equal(nexthops_change(&t, &n), 0);
    assert_false(nexthops_resolve(&t, 3, &route));
    assert_true(nexthops_resolve(&t, 500, &route));
    assert_int_equal(route.n_hops, 1);
    n = (struct kernel_nexthop){.is_new = true, .id = 4, .type = API_ROUTE_BLACKHOLE};
    assert_int_equal(nexthops_change(&t, &n), 1); // replaced
    assert_true(nexthops_resolve(&t, 500, &route));
    assert_int_equal(route.type, API_ROUTE_BLACKHOLE);
    nexthops_reset(&t);
    assert_false(nexthops_resolve(&t, 500, &route));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_is_read),
        cmocka_unit_test(what_is_none_of_ours),
        cmocka_unit_test(what_is_malformed),
        cmocka_unit_test(several_next_hops),
        cmocka_unit_test(neighbours_that_somebody_installed),
        cmocka_unit_test(next_hop_objects_are_resolved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
