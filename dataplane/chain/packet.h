// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CHAIN_PACKET_H
#define DATAPLANE_CHAIN_PACKET_H

// What the chain does to bytes: read the tuple of a packet, write another one into it, look into
// ICMP errors, and answer a refused packet. Pure but for reject.c; knows no session and no
// configuration. Worker.

#include "dataplane/core/packet.h"
#include "dataplane/session/tuple.h"
#include "dataplane/walk/function.h"

enum chain_packet_kind {
    CHAIN_PACKET_SESSION,        // has a tuple and may begin a session, also a first fragment
    CHAIN_PACKET_ALONE,          // has a tuple, but belongs to many: a group or broadcast
                                 // destination, an unspecified source; judged each on its own
    CHAIN_PACKET_ICMP_ERROR,     // about a packet that is quoted in it
    CHAIN_PACKET_LATER_FRAGMENT, // no L4 header
    CHAIN_PACKET_LINK,           // of the link itself: ARP, neighbour discovery (types 133 to 137,
                                 // RFC 4861; hop limit 255), MLD with link-local source
    CHAIN_PACKET_OTHER,          // not IP and not ARP
    CHAIN_PACKET_BAD,            // with *drop: parse's own reason
};

// tuple.c. *t is filled for SESSION and ALONE. ICMP queries (RFC 5508, 2; RFC 4443): echo,
// timestamp, address mask, information; each reply has the query's type in icmp_type. An ICMP type
// that is neither error nor query: ALONE with the type in icmp_type.
enum chain_packet_kind chain_packet_tuple(const struct rte_mbuf *m, const struct packet *p,
                                          struct session_tuple *t, uint8_t *drop);

// rewrite.c. Give a packet (kind SESSION, or LATER_FRAGMENT: addresses only) the addresses, ports
// and identifier of *to; family and protocol are the packet's own. Checksums by difference (RFC
// 1624, RFC 3022, 4.2): IPv4 header, TCP, UDP (0 stays 0, RFC 768, RFC 6936; never becomes 0), SCTP
// (CRC32c by difference, too: a first fragment keeps its old one, for nobody knows the length of
// the whole), ICMP, ICMPv6. PACKET_CSUM_PARTIAL: the field holds the pseudo-header's sum, so
// addresses count in it, ports don't. TSO frames are rewritten whole.
void chain_packet_rewrite(struct rte_mbuf *m, const struct packet *p,
                          const struct session_tuple *to);

// icmp.c. The tuple of the packet quoted in an ICMP error, as that packet was on its way when the
// error was made. Any protocol: without ports (a later fragment, or too little quoted) -EINVAL with
// *drop ICMP_BAD_INNER; a wrong checksum (RFC 5508, REQ-3): ICMP_BAD_CHECKSUM, in the quoted IPv4
// header ICMP_BAD_INNER. An error about an error has no session: likewise; and so one that does not
// go to the source of what it quotes.
int chain_icmp_inner(const struct rte_mbuf *m, const struct packet *p, struct session_tuple *inner,
                     uint8_t *drop);
// Translate an error: the quoted packet gets *inner, the error itself source and destination (4 or
// 16 bytes). All checksums by difference, the quoted IPv4 header's and, where it is quoted, the
// quoted L4 one's too (RFC 5508 REQ-4, RFC 4884's extensions stay).
void chain_icmp_rewrite(struct rte_mbuf *m, const struct packet *p,
                        const struct session_tuple *inner, const uint8_t *source,
                        const uint8_t *destination);

enum chain_answer {
    CHAIN_PROHIBITED, // ICMP destination unreachable, administratively prohibited (type 3 code 13,
                      // RFC 1812, 5.2.7.1; ICMPv6 type 1 code 1)
    CHAIN_RESET,      // to TCP a RST (RFC 9293, 3.10.7.1), else likewise
    CHAIN_NO_PORT,    // ICMP port unreachable (type 3 code 3; ICMPv6 type 1 code 4)
};

// reject.c. *m becomes the answer to itself, sent back by the attachment it came by with the MACs
// swapped, from the address it was sent to, quoting 576 or 1280 bytes at most. None (0, *m as it
// was) to groups, broadcasts, later fragments, a RST, ICMP errors (RFC 1122, 3.2.2), or where the
// limit of 1000 a second and worker is reached. 1: *m is ready with verdict PACKET_FORWARD.
// Checksums are complete. No port has brought it then (in_port API_MAX_PORTS): the refused packet
// is to be counted before.
int chain_reject(const struct walk_context *ctx, struct rte_mbuf *m, enum chain_answer answer);

#endif
