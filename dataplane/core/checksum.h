// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CORE_CHECKSUM_H
#define DATAPLANE_CORE_CHECKSUM_H

// One's complement sums (RFC 1071), of 16-bit words as they lie in memory, and checksums by
// difference (RFC 1624). Worker.

#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

static inline uint16_t sum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

// Of `len` bytes of the chain from `off` on, which it has.
uint16_t sum_range(const struct rte_mbuf *m, uint32_t off, uint32_t len);

// A checksum after the words that summed up to `from` have become words that sum up to `to`
// (RFC 1624, equation 3).
static inline uint16_t sum_update(uint16_t checksum, uint16_t from, uint16_t to)
{
    return (uint16_t)~sum_fold((uint64_t)(uint16_t)~checksum + (uint16_t)~from + to);
}

// What a sum grows by when `len` bytes, an even number, at an even place become others. Not folded:
// several of them may be added. 0 only where the sum stays what it is.
static inline uint64_t sum_change(const void *from, const void *to, uint32_t len)
{
    const uint8_t *a = (const uint8_t *)from, *b = (const uint8_t *)to;
    uint64_t change = 0;

    for (uint32_t i = 0; i + 2 <= len; i += 2) {
        uint16_t old, new;

        memcpy(&old, a + i, sizeof(old));
        memcpy(&new, b + i, sizeof(new));
        change += old != new ? (uint32_t)(uint16_t)~old + new : 0;
    }
    return change;
}

// The checksum of an IPv4 header whose TTL becomes one less: it is the high byte of its word (RFC
// 1141 as corrected by RFC 1624).
static inline uint16_t sum_decrement_ttl(uint16_t checksum)
{
    uint32_t sum = (uint32_t)checksum + RTE_BE16(0x0100);

    return (uint16_t)(sum + (sum >= 0xffff));
}

// A checksum after its sum has grown by that.
static inline uint16_t sum_apply(uint16_t checksum, uint64_t change)
{
    return (uint16_t)~sum_fold((uint16_t)~checksum + change);
}

#endif
