// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_IDENTIFICATION_H
#define DATAPLANE_SESSION_IDENTIFICATION_H

// The IPv4 identification of packets that hosts behind one address send. Worker.

#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/core/checksum.h"
#include "dataplane/core/packet.h"

#define IP4_IDENTIFICATION_OFF 4
#define IP4_FRAGMENT_OFF 6
#define IP4_DONT_FRAGMENT 0x4000

// May routers cut the packet in pieces, or has that happened: would its identification be told
// apart by who puts them together? IPv4 only. Atomic is what must not be cut and has not been (RFC
// 6864, 4); others of one packet keep DF.
static inline int identification_is_needed(const struct rte_mbuf *m, const struct packet *p)
{
    uint16_t field;

    if (!(p->flags & PACKET_IP4))
        return 0;
    memcpy(&field, rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l3_off + IP4_FRAGMENT_OFF),
           sizeof(field));
    return (p->flags & PACKET_FRAGMENT) != 0 || (field & RTE_BE16(IP4_DONT_FRAGMENT)) == 0;
}
// One that no other packet with these addresses (of four bytes) and protocol has had for long;
// never 0. It stands for as many that follow as the frame will be cut into segments.
uint16_t identification_next(const struct packet *p, const uint8_t *source,
                             const uint8_t *destination);
// Give it to the packet; the header's checksum grows by what is returned (sum_apply).
static inline uint64_t identification_set(struct rte_mbuf *m, const struct packet *p,
                                          uint16_t identification)
{
    uint8_t *at = rte_pktmbuf_mtod_offset(m, uint8_t *, p->l3_off + IP4_IDENTIFICATION_OFF);
    uint16_t id = rte_cpu_to_be_16(identification);
    uint64_t change = sum_change(at, &id, sizeof(id));

    memcpy(at, &id, sizeof(id));
    return change;
}

// The same, with the checksum.
void identification_write(struct rte_mbuf *m, const struct packet *p, uint16_t identification);
// Begin anew. Main thread.
void identification_init(void);

#endif
