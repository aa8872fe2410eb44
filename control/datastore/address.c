// SPDX-License-Identifier: BSD-3-Clause
// Which address is this, and what kind? Called by check_router.c and southbound/encode_router.c off
// the event loop, and by northbound/ for what stands in a query. Knows texts and bytes, nothing of
// whose address it is. Next: check_router.c.

#include "control/datastore/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int address_parse(const char *text, struct address *a)
{
    size_t n = strcspn(text, "/");
    char host[INET6_ADDRSTRLEN], *end;
    unsigned long len;

    memset(a, 0, sizeof(*a));
    if (n >= sizeof(host))
        return -EINVAL;
    memcpy(host, text, n);
    host[n] = 0;
    if (inet_pton(AF_INET, host, a->bytes) == 1)
        a->family = 4;
    else if (inet_pton(AF_INET6, host, a->bytes) == 1)
        a->family = 6;
    else
        return -EINVAL;
    a->prefix_len = (uint8_t)address_size(a);
    if (!text[n])
        return 0;
    len = strtoul(text + n + 1, &end, 10);
    if (end == text + n + 1 || *end || len > address_size(a))
        return -EINVAL;
    a->prefix_len = (uint8_t)len;
    return 0;
}

unsigned address_size(const struct address *a)
{
    return a->family == 4 ? 32 : 128;
}

void address_mask(struct address *a, unsigned len)
{
    unsigned bit;

    for (bit = len; bit < 128; bit++)
        a->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    a->prefix_len = (uint8_t)len;
}

bool address_is_host(const struct address *a)
{
    static const uint8_t zero[15];

    if (a->family == 4)
        return a->bytes[0] != 0 && a->bytes[0] != 127 && a->bytes[0] < 224;
    if (a->bytes[0] == 0xff)
        return false;
    return memcmp(a->bytes, zero, 15) != 0 || a->bytes[15] > 1;
}

bool address_is_link_local(const struct address *a)
{
    return a->family == 6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}
