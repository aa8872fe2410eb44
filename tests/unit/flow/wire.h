// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_WIRE_H
#define TESTS_UNIT_FLOW_WIRE_H

// A frame as hosts see it, read and written by the test's own understanding of the formats, so that
// a fault of parse or of the fast path is no fault of the judge. Addresses are bytes in network
// order, ports and numbers in host order.

#include <stdint.h>

#define WIRE_SIZE 65535U // bytes of a frame, tags and padding included

enum wire_tcp_flag {
    WIRE_FIN = 0x01,
    WIRE_SYN = 0x02,
    WIRE_RST = 0x04,
    WIRE_PSH = 0x08,
    WIRE_ACK = 0x10,
};

struct wire {
    uint32_t len;
    // Offsets; 0: there is no such header. Filled by wire_scan and by what appends.
    uint16_t l3, l4, payload;
    uint16_t end;   // of the IP packet
    uint8_t family; // 4, 6; 0: another protocol
    uint8_t n_tags;
    uint8_t protocol;
    uint8_t is_fragment;
    uint8_t bytes[WIRE_SIZE];
};

// What an IP packet begins with.
struct wire_ip {
    uint8_t family, protocol, ttl;
    uint8_t source[16], destination[16];
};

// Begin a frame: MACs, tags (0: none), EtherType by family (4, 6; 0: ARP).
struct wire_link {
    uint8_t destination[6], source[6];
    uint16_t outer_vlan, inner_vlan;
};

void wire_begin(struct wire *w, const struct wire_link *link, uint16_t ether_type);
void wire_add(struct wire *w, const void *bytes, uint32_t n);
void wire_add_ip(struct wire *w, const struct wire_ip *ip);
void wire_add_udp(struct wire *w, uint16_t source, uint16_t destination);
void wire_add_tcp(struct wire *w, uint16_t source, uint16_t destination, uint8_t flags);
void wire_add_icmp(struct wire *w, uint8_t type, uint8_t code, uint32_t rest);
// n bytes of payload that tell `mark` and where they stand.
void wire_add_payload(struct wire *w, uint32_t n, uint32_t mark);
// Lengths and checksums, as of now. A fragment's L4 checksum is left alone.
void wire_seal(struct wire *w);
// The L4 field holds the pseudo-header's sum only, as a guest with checksum offload sends it.
void wire_make_partial(struct wire *w);

// Find the headers of a frame that was received. Not sealed again, nothing is checked beyond what
// is needed to stay within it.
void wire_scan(struct wire *w);

uint16_t wire_get16(const struct wire *w, uint32_t at);
void wire_put16(struct wire *w, uint32_t at, uint16_t value);
uint32_t wire_get32(const struct wire *w, uint32_t at);
void wire_put32(struct wire *w, uint32_t at, uint32_t value);
uint8_t *wire_source(struct wire *w);      // of an IP packet
uint8_t *wire_destination(struct wire *w); // likewise
static inline unsigned wire_address_len(const struct wire *w)
{
    return w->family == 4 ? 4 : 16;
}

// Put `n` bytes in, or take them out.
void wire_insert(struct wire *w, uint32_t at, const void *bytes, uint32_t n);
void wire_remove(struct wire *w, uint32_t at, uint32_t n);

// One line: "a.1>b.2 UDP ..." into text.
void wire_describe(const uint8_t *bytes, uint32_t len, char *text, unsigned size);

#endif
