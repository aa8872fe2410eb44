// SPDX-License-Identifier: BSD-3-Clause
// Does a TCP connection fit the interfaces it goes over? The MSS option of a SYN or SYN-ACK
// (RFC 9293, 3.7.1) is lowered to what they are configured to, so that no path MTU has to be found
// out. Worker; called by output.c for packets that parse has proven to have a whole TCP header with
// its options. A SYN without the option is left alone. Next: output.c.

#include "vnf/router/packet.h"

#define TCP_LEN 20
#define CHECKSUM_OFF 16 // in the TCP header
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_MSS_LEN 4

// Where the MSS stands in the header, 0: nowhere.
static unsigned find_mss(const uint8_t *tcp, unsigned len)
{
    for (unsigned i = TCP_LEN; i < len && tcp[i] != OPTION_END;) {
        if (tcp[i] == OPTION_NOP) {
            i++;
            continue;
        }
        if (len - i < 2 || tcp[i + 1] < 2 || tcp[i + 1] > len - i)
            return 0;
        if (tcp[i] == OPTION_MSS)
            return tcp[i + 1] == OPTION_MSS_LEN ? i + 2 : 0;
        i += tcp[i + 1];
    }
    return 0;
}

static uint16_t read16(const uint8_t *bytes)
{
    uint16_t value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

static uint16_t smaller(uint16_t a, uint16_t b)
{
    if (a == 0 || b == 0)
        return a | b;
    return a < b ? a : b;
}

void router_clamp_mss(struct rte_mbuf *m, const struct router_interface *in,
                      const struct router_interface *out)
{
    uint16_t limit = smaller(in != NULL ? in->tcp_mss : 0, out != NULL ? out->tcp_mss : 0);
    const struct packet *p = packet_of(m);
    uint8_t *tcp = rte_pktmbuf_mtod_offset(m, uint8_t *, p->l4_off);
    unsigned at = find_mss(tcp, (unsigned)(p->payload_off - p->l4_off));
    uint16_t old, new = rte_cpu_to_be_16(limit), checksum;

    if (limit == 0 || at == 0)
        return;
    old = read16(tcp + at);
    if (rte_be_to_cpu_16(old) <= limit)
        return;
    memcpy(tcp + at, &new, sizeof(new));
    if (p->offload & PACKET_CSUM_PARTIAL)
        return;        // the field holds the pseudo-header's sum only
    if (at % 2 != 0) { // it lies across two words of the sum
        old = rte_bswap16(old);
        new = rte_bswap16(new);
    }
    checksum = sum_update(read16(tcp + CHECKSUM_OFF), old, new);
    memcpy(tcp + CHECKSUM_OFF, &checksum, sizeof(checksum));
}
