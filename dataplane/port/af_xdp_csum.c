// SPDX-License-Identifier: BSD-3-Clause
// Did the sender leave the checksum to its network card? The peer of a veth does, and others that a
// program in generic mode sees: no one completes the sum on the way to an AF_XDP socket, nor tells.
// The field then holds the pseudo-header's sum. A complete sum has that value once in 65536
// packets, and completing it again changes nothing: so the two need not be told apart. Worker;
// called by af_xdp_rx_tx.c. Next: offload.c.

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/port/af_xdp.h"

#define MAX_TAGS 2

// The L4 header at `at`, `len` bytes to the end of the IP packet.
static int has_sum(const void *at, unsigned len, uint8_t protocol, uint16_t pseudo)
{
    const struct rte_tcp_hdr *tcp = at;
    const struct rte_udp_hdr *udp = at;

    if (protocol == IPPROTO_TCP)
        return len >= sizeof(*tcp) && tcp->cksum == pseudo;
    if (protocol == IPPROTO_UDP)
        return len >= sizeof(*udp) && rte_be_to_cpu_16(udp->dgram_len) == len &&
               udp->dgram_cksum != 0 && udp->dgram_cksum == pseudo;
    return 0;
}

static int is_partial4(const char *at, unsigned len)
{
    const struct rte_ipv4_hdr *ip = (const void *)at;
    unsigned header_len, total_len;

    if (len < sizeof(*ip) || ip->version_ihl >> 4 != 4)
        return 0;
    header_len = (ip->version_ihl & 15U) * 4;
    total_len = rte_be_to_cpu_16(ip->total_length);
    if (header_len < sizeof(*ip) || total_len < header_len || total_len > len ||
        (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)))
        return 0;
    return has_sum(at + header_len, total_len - header_len, ip->next_proto_id,
                   rte_ipv4_phdr_cksum(ip, 0));
}

static int is_partial6(const char *at, unsigned len)
{
    const struct rte_ipv6_hdr *ip = (const void *)at;
    unsigned payload_len;

    if (len < sizeof(*ip) || at[0] >> 4 != 6)
        return 0;
    payload_len = rte_be_to_cpu_16(ip->payload_len);
    if (payload_len > len - sizeof(*ip))
        return 0;
    return has_sum(ip + 1, payload_len, ip->proto, rte_ipv6_phdr_cksum(ip, 0));
}

int af_xdp_is_partial(const struct rte_mbuf *m)
{
    const char *frame = rte_pktmbuf_mtod(m, const char *);
    unsigned off = offsetof(struct rte_ether_hdr, ether_type);
    unsigned len = m->data_len;
    uint16_t type;

    for (unsigned n_tags = 0;; n_tags++, off += sizeof(struct rte_vlan_hdr)) {
        if (len < off + sizeof(type))
            return 0;
        type = (uint16_t)((uint8_t)frame[off] << 8 | (uint8_t)frame[off + 1]);
        if (n_tags == MAX_TAGS || (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ))
            break;
    }
    off += sizeof(type);
    if (type == RTE_ETHER_TYPE_IPV4)
        return is_partial4(frame + off, len - off);
    return type == RTE_ETHER_TYPE_IPV6 && is_partial6(frame + off, len - off);
}
