// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_ADDRESS_H
#define VNF_ROUTER_ADDRESS_H

// Arithmetic with addresses as the border gives them: 16 bytes in network order, IPv4 in the first
// four. Any thread.

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#define ROUTER_ADDRESS_TEXT INET6_ADDRSTRLEN

// The first len bits, zeros behind.
static inline void router_address_mask(uint8_t *out, const uint8_t *address, unsigned len)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned bits = len > 8 * i ? len - 8 * i : 0;

        out[i] = (uint8_t)(bits >= 8 ? address[i] : address[i] & ~(0xff >> bits));
    }
}

// The IPv4 address of the same subnet with all host bits set.
static inline void router_address_broadcast(uint8_t *out, const uint8_t *address, unsigned len)
{
    uint32_t host = htonl(len < 32 ? UINT32_MAX >> len : 0), word;

    memset(out, 0, 16);
    memcpy(&word, address, sizeof(word));
    word |= host;
    memcpy(out, &word, sizeof(word));
}

static inline int router_address_covers(const uint8_t *prefix, unsigned len, const uint8_t *address)
{
    unsigned n = len / 8, bits = len % 8;

    if (memcmp(prefix, address, n) != 0)
        return 0;
    return bits == 0 || ((prefix[n] ^ address[n]) & (0xff00 >> bits) & 0xff) == 0;
}

// Whether nothing is set beyond len.
static inline int router_address_is_prefix(const uint8_t *address, unsigned len)
{
    uint8_t masked[16];

    router_address_mask(masked, address, len);
    return memcmp(masked, address, sizeof(masked)) == 0;
}

// Whether the bytes can be an address of this family at all.
static inline int router_address_has_family(const uint8_t *address, uint8_t family)
{
    return family == 6 || (family == 4 && router_address_is_prefix(address, 32));
}

// Whether one host may have it: not zero, loopback, multicast, reserved (RFC 6890), mapped IPv4.
int router_address_is_unicast(uint8_t family, const uint8_t *address);

static inline int router_address_is_link_local(uint8_t family, const uint8_t *address)
{
    return family == 6 && address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

static inline const char *router_address_text(char text[ROUTER_ADDRESS_TEXT], uint8_t family,
                                              const uint8_t *address)
{
    if (inet_ntop(family == 4 ? AF_INET : AF_INET6, address, text, ROUTER_ADDRESS_TEXT) == NULL)
        text[0] = '\0';
    return text;
}

#endif
