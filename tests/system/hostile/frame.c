// SPDX-License-Identifier: BSD-3-Clause
// Which bytes go over the wire? One UDP frame, valid to the last checksum, that carries who sent it
// and its number, so that the receiver can tell lost from late and ours from foreign. Pure
// functions.
#include "tests/system/hostile/frame.h"

#include <arpa/inet.h>
#include <string.h>

#define IP_OFF 14U
#define UDP_OFF 34U
#define RECORD_OFF 42U
#define MAGIC 0x76636c74U

struct record {
    uint32_t magic;
    uint32_t sender;
    uint64_t seq;
};

_Static_assert(RECORD_OFF + sizeof(struct record) <= FRAME_MIN,
               "the record fits the shortest frame");

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

// RFC 1071 over an even or odd number of bytes, not yet complemented.
static uint32_t sum16(const uint8_t *at, unsigned int len, uint32_t sum)
{
    unsigned int i;

    for (i = 0; i < len; i++)
        sum += (i & 1) != 0 ? at[i] : (uint32_t)at[i] << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

void frame_fill(uint8_t *bytes, unsigned int len, const struct frame_end *from,
                const struct frame_end *to, uint32_t sender, uint64_t seq)
{
    const struct record record = {.magic = MAGIC, .sender = sender, .seq = seq};
    uint8_t *ip = bytes + IP_OFF;
    uint8_t *udp = bytes + UDP_OFF;
    uint32_t sum;

    memset(bytes, 0, len);
    memcpy(bytes, to->mac, 6);
    memcpy(bytes + 6, from->mac, 6);
    put16(bytes + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, len - IP_OFF);
    ip[8] = 64;
    ip[9] = 17;
    put32(ip + 12, from->ip);
    put32(ip + 16, to->ip);
    put16(ip + 10, ~sum16(ip, 20, 0));
    put16(udp, FRAME_UDP_PORT);
    put16(udp + 2, FRAME_UDP_PORT);
    put16(udp + 4, len - UDP_OFF);
    memcpy(bytes + RECORD_OFF, &record, sizeof(record));
    sum = ~sum16(udp, len - UDP_OFF, sum16(ip + 12, 8, 17 + len - UDP_OFF)) & 0xffff;
    put16(udp + 6, sum != 0 ? sum : 0xffff);
}

bool frame_read(const uint8_t *bytes, unsigned int len, uint32_t *sender, uint64_t *seq)
{
    struct record record;

    if (len < FRAME_MIN)
        return false;
    memcpy(&record, bytes + RECORD_OFF, sizeof(record));
    *sender = record.sender;
    *seq = record.seq;
    return record.magic == MAGIC && bytes[12] == 0x08 && bytes[13] == 0;
}
