// SPDX-License-Identifier: BSD-3-Clause
// Which addresses can one host have? Called by validate.c and route_dynamic.c for what comes over
// the border, and wherever a packet names one; any thread. Knows ranges, no router. The sums are
// inline in the header.

#include "vnf/router/address.h"

static int is_unicast6(const uint8_t *a)
{
    static const uint8_t zero[15];

    if (memcmp(a, zero, 15) == 0 && a[15] <= 1)
        return 0; // unspecified, loopback
    if (memcmp(a, zero, 10) == 0 && a[10] == 0xff && a[11] == 0xff)
        return 0; // IPv4-mapped
    return a[0] != 0xff;
}

int router_address_is_unicast(uint8_t family, const uint8_t *address)
{
    if (family == 6)
        return is_unicast6(address);
    return address[0] != 0 && address[0] != 127 && address[0] < 224;
}
