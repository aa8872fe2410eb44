// SPDX-License-Identifier: BSD-3-Clause
// What does a message of the kernel say of a neighbour, a link, an address, a next-hop object? Each
// attribute has its size proven by libnl before it is read. Pure; called by space.c on the mirror's
// thread. Next: message_route.c.

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "control/kernel/message.h"

static uint8_t family_of(int family)
{
    return family == AF_INET ? 4 : family == AF_INET6 ? 6 : 0;
}

static int copy_address(uint8_t to[16], uint8_t family, const struct nlattr *a)
{
    int size = family == 4 ? 4 : 16;

    if (family == 0 || a == NULL || nla_len(a) != size)
        return -EINVAL;
    memset(to, 0, 16);
    memcpy(to, nla_data(a), (size_t)size);
    return 0;
}

static int read_group(const struct nlattr *a, struct kernel_nexthop *nexthop)
{
    const struct nexthop_grp *member = nla_data(a);
    size_t n = (size_t)nla_len(a) / sizeof(*member);

    if (n == 0 || (size_t)nla_len(a) % sizeof(*member) != 0)
        return -EINVAL;
    for (size_t i = 0; i < n && i < API_MAX_PATHS; i++) {
        nexthop->member[i].id = member[i].id;
        nexthop->member[i].weight =
            member[i].weight == UINT8_MAX ? UINT8_MAX : (uint8_t)(member[i].weight + 1);
    }
    nexthop->n_members = n < API_MAX_PATHS ? (uint32_t)n : API_MAX_PATHS;
    return 0;
}

int message_read_nexthop(struct nlmsghdr *h, struct kernel_nexthop *nexthop)
{
    static const struct nla_policy checks[NHA_MAX + 1] = {
        [NHA_ID] = {.type = NLA_U32}, [NHA_OIF] = {.type = NLA_U32}};
    struct nlattr *a[NHA_MAX + 1];
    const struct nhmsg *m = nlmsg_data(h);

    *nexthop = (struct kernel_nexthop){.is_new = h->nlmsg_type == RTM_NEWNEXTHOP,
                                       .type = API_ROUTE_UNICAST};
    if (nlmsg_parse(h, sizeof(*m), a, NHA_MAX, checks) < 0 || a[NHA_ID] == NULL)
        return -EINVAL;
    if (a[NHA_FDB] != NULL || a[NHA_ENCAP] != NULL)
        return -ENOENT;
    nexthop->id = nla_get_u32(a[NHA_ID]);
    if (a[NHA_GROUP] != NULL)
        return read_group(a[NHA_GROUP], nexthop);
    if (a[NHA_BLACKHOLE] != NULL) {
        nexthop->type = API_ROUTE_BLACKHOLE;
        return 0;
    }
    nexthop->is_alive = a[NHA_OIF] != NULL && !(m->nh_flags & RTNH_F_DEAD);
    nexthop->hop.ifindex = a[NHA_OIF] != NULL ? nla_get_u32(a[NHA_OIF]) : 0;
    nexthop->hop.weight = 1;
    if (a[NHA_GATEWAY] == NULL)
        return 0;
    nexthop->hop.family = family_of(m->nh_family);
    return copy_address(nexthop->hop.address, nexthop->hop.family, a[NHA_GATEWAY]);
}

static bool is_group_address(uint8_t family, const uint8_t *address)
{
    return family == 4 ? address[0] >= 224 || address[0] == 0 : address[0] == 0xff;
}

int message_read_neighbor(struct nlmsghdr *h, struct kernel_neighbor *neighbor)
{
    struct nlattr *a[NDA_MAX + 1];
    const struct ndmsg *m = nlmsg_data(h);
    bool is_installed;

    *neighbor = (struct kernel_neighbor){0};
    if (nlmsg_parse(h, sizeof(*m), a, NDA_MAX, NULL) < 0)
        return -EINVAL;
    neighbor->family = family_of(m->ndm_family);
    if (neighbor->family == 0 || m->ndm_ifindex <= 0 || a[NDA_DST] == NULL ||
        m->ndm_flags & NTF_PROXY)
        return -ENOENT;
    neighbor->ifindex = (uint32_t)m->ndm_ifindex;
    if (copy_address(neighbor->address, neighbor->family, a[NDA_DST]) < 0)
        return -EINVAL;
    if (is_group_address(neighbor->family, neighbor->address))
        return -ENOENT;
    is_installed = m->ndm_state & (NUD_PERMANENT | NUD_NOARP) || m->ndm_flags & NTF_EXT_LEARNED;
    if (h->nlmsg_type != RTM_NEWNEIGH || !is_installed || a[NDA_LLADDR] == NULL ||
        nla_len(a[NDA_LLADDR]) != 6)
        return 0;
    memcpy(neighbor->mac, nla_data(a[NDA_LLADDR]), 6);
    // What the kernel makes of broadcast addresses.
    neighbor->is_installed = !(neighbor->mac[0] & 1);
    return 0;
}

static bool is_tap(struct nlattr *info)
{
    struct nlattr *a[IFLA_INFO_MAX + 1];
    static const struct nla_policy checks[IFLA_INFO_MAX + 1] = {
        [IFLA_INFO_KIND] = {.type = NLA_STRING}};

    if (info == NULL || nla_parse_nested(a, IFLA_INFO_MAX, info, checks) < 0)
        return false;
    return a[IFLA_INFO_KIND] != NULL && nla_strcmp(a[IFLA_INFO_KIND], "tun") == 0;
}

int message_read_link(struct nlmsghdr *h, struct kernel_link *link)
{
    static const struct nla_policy checks[IFLA_MAX + 1] = {[IFLA_IFNAME] = {.type = NLA_STRING}};
    struct nlattr *a[IFLA_MAX + 1];
    const struct ifinfomsg *m = nlmsg_data(h);

    *link = (struct kernel_link){.is_new = h->nlmsg_type == RTM_NEWLINK};
    if (nlmsg_parse(h, sizeof(*m), a, IFLA_MAX, checks) < 0)
        return -EINVAL;
    if (m->ifi_family != AF_UNSPEC || m->ifi_index <= 0 || a[IFLA_IFNAME] == NULL)
        return -ENOENT; // a bridge's word on its ports
    link->ifindex = (uint32_t)m->ifi_index;
    link->is_up = m->ifi_flags & IFF_UP;
    link->is_tap = is_tap(a[IFLA_LINKINFO]);
    if (a[IFLA_ADDRESS] != NULL && nla_len(a[IFLA_ADDRESS]) == 6)
        memcpy(link->mac, nla_data(a[IFLA_ADDRESS]), 6);
    nla_strlcpy(link->name, a[IFLA_IFNAME], sizeof(link->name));
    return 0;
}

int message_read_address(struct nlmsghdr *h, struct kernel_address *address)
{
    static const struct nla_policy checks[IFA_MAX + 1] = {[IFA_PROTO] = {.type = NLA_U8}};
    struct nlattr *a[IFA_MAX + 1], *own;
    const struct ifaddrmsg *m = nlmsg_data(h);

    *address = (struct kernel_address){.is_new = h->nlmsg_type == RTM_NEWADDR};
    if (nlmsg_parse(h, sizeof(*m), a, IFA_MAX, checks) < 0)
        return -EINVAL;
    own = a[IFA_LOCAL] != NULL ? a[IFA_LOCAL] : a[IFA_ADDRESS];
    address->prefix.family = family_of(m->ifa_family);
    if (address->prefix.family == 0)
        return -ENOENT;
    address->ifindex = m->ifa_index;
    address->prefix.len = m->ifa_prefixlen;
    if (a[IFA_PROTO] != NULL) {
        address->is_ours = nla_get_u8(a[IFA_PROTO]) == MESSAGE_ADDRESS_PROTOCOL;
        address->is_automatic = nla_get_u8(a[IFA_PROTO]) == IFAPROT_KERNEL_LL;
    }
    return copy_address(address->prefix.address, address->prefix.family, own);
}
