// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PARSE_STEPS_H
#define DATAPLANE_PARSE_STEPS_H

// The steps of the general parse, from one header to the next. Only for the files of this folder.

#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/core/packet.h"

// What a step may read. Steps narrow it: nothing behind the IP packet's end is ever looked at.
struct view {
    const uint8_t *data; // the frame's first byte
    uint32_t limit;      // bytes at data that may be read: first segment and packet have them
    uint32_t end;        // where the frame, later the IP packet, ends; limit <= end <= 65535
};

static inline uint16_t read_be16(const uint8_t *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof(value));
    return rte_be_to_cpu_16(value);
}

// Set the L2 fields and go on. Each step returns nothing: faults are in p.
void parse_l2(struct view *v, struct packet *p);

// The header behind the tags at `off`, of the kind that p->ether_type names.
void parse_arp(struct view *v, struct packet *p, uint32_t off);
void parse_ip4(struct view *v, struct packet *p, uint32_t off);
void parse_ip6(struct view *v, struct packet *p, uint32_t off);

// The header of p->l4_proto at `off` <= v->limit, in a packet that is no later fragment.
void parse_l4(const struct view *v, struct packet *p, uint32_t off);

#endif
