// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PARSE_EXTENSION_H
#define DATAPLANE_PARSE_EXTENSION_H

// IPv6 extension headers: which they are and how long they say they are. Parse proves their lengths
// (ip6.c); who walks them again may use this without proving anew.

#include <netinet/in.h>
#include <stdint.h>

#define EXTENSION_UNIT 8 // bytes; the shortest header

static inline int extension_is(uint8_t proto)
{
    return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
           proto == IPPROTO_AH || proto == IPPROTO_DSTOPTS;
}

// Of the kind `proto`, by its first two bytes.
static inline uint32_t extension_len(uint8_t proto, const uint8_t *header)
{
    uint32_t len;

    if (proto == IPPROTO_FRAGMENT) // its second byte is reserved
        return 8;
    if (proto != IPPROTO_AH)
        return (header[1] + 1U) * EXTENSION_UNIT;
    len = (header[1] + 2U) * 4U; // RFC 4302, 2.2: 4-byte units, less two
    return len < 12 ? 12 : len;
}

#endif
