// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_ND_H
#define VNF_ROUTER_ND_H

// What nd.c, nd_check.c and nd_send.c share: the messages of RFC 4861, section 4. Only for them.

#include "vnf/router/neighbor.h"
#include "vnf/router/packet.h"

#define ND_ROUTER_SOLICITATION 133
#define ND_ROUTER_ADVERTISEMENT 134
#define ND_SOLICITATION 135
#define ND_ADVERTISEMENT 136
#define ND_REDIRECT 137

#define ND_HOP_LIMIT 255
#define ND_ROUTER 0x80 // flags of an advertisement
#define ND_SOLICITED 0x40
#define ND_OVERRIDE 0x20
#define ND_OPTION_SOURCE 1
#define ND_OPTION_TARGET 2
#define ND_OPTION_LEN 8 // of these two: type, length in units of eight, six bytes of MAC

// Solicitation and advertisement up to their options.
struct nd_header {
    uint8_t type;
    uint8_t code;
    uint16_t checksum;
    uint8_t flags;
    uint8_t reserved[3];
    uint8_t target[16];
};

_Static_assert(sizeof(struct nd_header) == 24, "as on the wire");

// What a sound message says; points into the packet.
struct nd_message {
    uint8_t type;
    uint8_t flags; // of an advertisement
    const uint8_t *source;
    const uint8_t *destination;
    const uint8_t *target; // of solicitation and advertisement; else NULL
    const uint8_t *mac;    // link-layer address option of who speaks; NULL: none
};

// nd_check.c: is it a message that RFC 4861 (6.1, 7.1, 8.1) lets us believe? 1 with *nd filled.
int nd_check(struct rte_mbuf *m, const struct router_interface *in, struct nd_message *nd);

// nd_send.c: turn the solicitation in m into the answer, to `mac`: sets a verdict.
void nd_answer(const struct router_scene *s, struct rte_mbuf *m, const struct router_interface *in,
               const uint8_t *mac);
// nd_send.c: somebody else claims this address of ours: announce it, but not too often.
void nd_defend(const struct router_scene *s, const struct router_interface *in,
               const uint8_t *address);

#endif
