// SPDX-License-Identifier: BSD-3-Clause
// Does a guarded port's IPv6 packet speak for the port only? Called by guard.c on a worker. Most is
// about neighbour discovery (RFC 4861), whose options parse does not walk: here their lengths are
// proven, and their number is bounded. It writes nothing. Next: back to guard.c.

#include "dataplane/walk/guard_parts.h"

#include <netinet/in.h>

#include <rte_ip.h>

#define DHCP6_SERVER_PORT 547
#define DHCP6_CLIENT_PORT 546

#define MLD_REPORT 131 // RFC 2710
#define MLD_DONE 132
#define ND_ROUTER_SOLICITATION 133 // RFC 4861 section 4
#define ND_ROUTER_ADVERTISEMENT 134
#define ND_SOLICITATION 135
#define ND_ADVERTISEMENT 136
#define ND_REDIRECT 137
#define MLD2_REPORT 143 // RFC 3810

#define ND_HOP_LIMIT 255
#define MLD_HOP_LIMIT 1
#define ND_TARGET 8              // offset of the target in solicitation and advertisement
#define ND_TARGETED_LEN (8 + 16) // and where their options begin
#define ND_ROUTER_SOLICITATION_LEN 8
#define ND_OPTION_UNIT 8
#define ND_OPTION_SOURCE 1
#define ND_OPTION_TARGET 2

static int is_unspecified(const uint8_t *ip6)
{
    static const uint8_t unspecified[16];
    return memcmp(ip6, unspecified, sizeof(unspecified)) == 0;
}

static int is_icmp6(const struct packet *p)
{
    return p->flags & PACKET_L4 && p->l4_proto == IPPROTO_ICMPV6;
}

// Who may send from the unspecified address: duplicate address detection and router solicitations
// (RFC 4861 sections 4.1, 4.3, judged further below), MLD reports (RFC 3590 section 4).
static int is_addressless(const struct rte_ipv6_hdr *ip, const uint8_t *frame,
                          const struct packet *p)
{
    if (!is_icmp6(p))
        return 0;
    switch (frame[p->l4_off]) {
    case ND_SOLICITATION:
    case ND_ROUTER_SOLICITATION:
        return 1;
    case MLD_REPORT:
    case MLD_DONE:
    case MLD2_REPORT:
        return ip->hop_limits == MLD_HOP_LIMIT;
    default:
        return 0;
    }
}

// Walk the options of an ND message between nd + off and nd + end. Each link-layer address must be
// the port's. *has_source is set if there is one of the sender (RFC 4861 section 4.6.1).
static uint8_t check_nd_options(const struct guard *guard, const uint8_t *nd, uint32_t off,
                                uint32_t end, int *has_source)
{
    for (unsigned n = 0; off < end; n++) {
        if (n == GUARD_MAX_ND_OPTIONS || end - off < ND_OPTION_UNIT)
            return DROP_GUARD_MALFORMED;
        const uint8_t *option = nd + off;
        uint32_t len = option[1] * (uint32_t)ND_OPTION_UNIT;
        if (!len || len > end - off)
            return DROP_GUARD_MALFORMED;
        if (option[0] == ND_OPTION_SOURCE || option[0] == ND_OPTION_TARGET) {
            if (len != ND_OPTION_UNIT || !guard_has_mac(guard, option + 2)) // RFC 2464 section 6
                return DROP_GUARD_ND;
            *has_source |= option[0] == ND_OPTION_SOURCE;
        }
        off += len;
    }
    return API_DROP_NONE;
}

// RFC 4291 section 2.7.1: ff02::1:ffXX:XXXX with the target's last three bytes.
static int is_solicited_node(const uint8_t *group, const uint8_t *target)
{
    static const uint8_t prefix[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
    return memcmp(group, prefix, sizeof(prefix)) == 0 && memcmp(group + 13, target + 13, 3) == 0;
}

// What a solicitation or an advertisement claims, once its options are found to be the port's.
static int is_own_claim(const struct guard *guard, const struct rte_ipv6_hdr *ip, const uint8_t *nd,
                        int has_source)
{
    const uint8_t *target = nd + ND_TARGET;
    if (nd[0] == ND_ADVERTISEMENT)
        return !guard->is_bound || guard_has_ip6(guard, target);
    if (!is_unspecified(ip->src_addr))
        return 1;
    if (has_source) // RFC 4861 sections 6.1.1 and 7.1.1
        return 0;
    return nd[0] == ND_ROUTER_SOLICITATION ||
           (is_solicited_node(ip->dst_addr, target) && // RFC 4861 section 7.1.1
            (!guard->is_bound || guard_has_ip6(guard, target)));
}

static uint8_t check_nd(const struct guard *guard, const struct rte_mbuf *m, const struct packet *p)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(frame + p->l3_off);
    const uint8_t *nd = frame + p->l4_off;
    if (p->flags & PACKET_FRAGMENT ||
        ip->hop_limits != ND_HOP_LIMIT) // RFC 6980, RFC 4861 section 7
        return DROP_GUARD_ND;
    uint32_t end = p->l3_end - (uint32_t)p->l4_off;
    uint32_t header_len =
        nd[0] == ND_ROUTER_SOLICITATION ? ND_ROUTER_SOLICITATION_LEN : ND_TARGETED_LEN;
    if (p->l3_end > m->data_len || end < header_len)
        return DROP_GUARD_MALFORMED;
    int has_source = 0;
    uint8_t reason = check_nd_options(guard, nd, header_len, end, &has_source);
    if (reason != API_DROP_NONE)
        return reason;
    return is_own_claim(guard, ip, nd, has_source) ? API_DROP_NONE : DROP_GUARD_ND;
}

uint8_t guard_check_ip6(const struct guard *guard, const struct rte_mbuf *m, const struct packet *p)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(frame + p->l3_off);
    if (guard->is_bound) {
        int is_own = is_unspecified(ip->src_addr) ? is_addressless(ip, frame, p)
                                                  : guard_has_ip6(guard, ip->src_addr);
        if (!is_own)
            return DROP_GUARD_IP6_SOURCE;
    }
    if (guard_is_dhcp_answer(frame, p, DHCP6_SERVER_PORT, DHCP6_CLIENT_PORT))
        return DROP_GUARD_ROUTER;
    if (!is_icmp6(p))
        return API_DROP_NONE;
    switch (frame[p->l4_off]) {
    case ND_ROUTER_ADVERTISEMENT:
    case ND_REDIRECT:
        return DROP_GUARD_ROUTER;
    case ND_ROUTER_SOLICITATION:
    case ND_SOLICITATION:
    case ND_ADVERTISEMENT:
        return check_nd(guard, m, p);
    default:
        return API_DROP_NONE;
    }
}
