// SPDX-License-Identifier: BSD-3-Clause
// What tests of a router send and expect, frame by frame: see lab.h.

#include "tests/unit/router/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void expect_sound_ip4(const uint8_t *bytes, uint32_t len, int is_partial)
{
    static struct frame f;
    uint32_t header_len = (bytes[14] & 0xfU) * 4;
    uint16_t field = (uint16_t)(bytes[20] << 8 | bytes[21]);

    assert_int_equal(bytes[16] << 8 | bytes[17], len - 14);
    assert_true(header_len >= 20 && header_len <= len - 14);
    assert_int_equal(frame_sum(bytes + 14, header_len, 0) % 0xffff, 0);
    if ((field & 0x3fff) != 0 || is_partial)
        return;
    memcpy(f.bytes, bytes, len);
    f.len = len;
    f.ip4_off = 14;
    f.ip6_off = 0;
    f.l4_off = 14 + header_len;
    f.l4_proto = bytes[23];
    if (frame_l4_checksum_off(&f) != 0)
        assert_int_equal(frame_get16(&f, frame_l4_checksum_off(&f)), frame_l4_checksum(&f, len));
}

static void expect_sound_ip6(const uint8_t *bytes, uint32_t len, int is_partial)
{
    static struct frame f;

    assert_int_equal(bytes[18] << 8 | bytes[19], len - 54);
    if (is_partial)
        return;
    memcpy(f.bytes, bytes, len);
    f.len = len;
    f.ip4_off = 0;
    f.ip6_off = 14;
    f.l4_off = 54;
    f.l4_proto = bytes[20];
    if (frame_l4_checksum_off(&f) != 0)
        assert_int_equal(frame_get16(&f, frame_l4_checksum_off(&f)), frame_l4_checksum(&f, len));
}

void lab_expect_sound(unsigned port)
{
    for (unsigned i = 0; i < lab_n_sent(port); i++) {
        uint32_t len;
        const uint8_t *bytes = lab_sent_bytes(port, i, &len);
        int is_partial = packet_of(lab_sent(port, i))->offload != 0;

        assert_true(len >= 14);
        if (bytes[12] == 0x08 && bytes[13] == 0x00)
            expect_sound_ip4(bytes, len, is_partial);
        else if (bytes[12] == 0x86 && bytes[13] == 0xdd)
            expect_sound_ip6(bytes, len, is_partial);
    }
}

void lab_ip(struct frame *f, unsigned in, const char *src, const char *dst)
{
    char from[32], to[32];

    snprintf(from, sizeof(from), "52:54:00:00:00:%02x", in);
    snprintf(to, sizeof(to), "02:00:00:00:00:%02x", in);
    frame_ether(f, to, from);
    if (strchr(src, ':') != NULL)
        frame_ip6(f, src, dst);
    else
        frame_ip4(f, src, dst);
}

void lab_udp(struct frame *f, unsigned in, const char *src, const char *dst, size_t n)
{
    lab_ip(f, in, src, dst);
    frame_udp(f, 1000, 2000);
    frame_payload(f, n);
    frame_end(f);
}

void lab_sent_on(struct frame *f, unsigned out)
{
    const uint8_t to[6] = {0x52, 0x54, 0, 0, 0, (uint8_t)out};
    const uint8_t from[6] = {0x02, 0, 0, 0, 0, (uint8_t)out};

    memcpy(f->bytes, to, sizeof(to));
    memcpy(f->bytes + 6, from, sizeof(from));
    if (f->ip6_off != 0) {
        f->bytes[f->ip6_off + 7]--;
        return;
    }
    f->bytes[f->ip4_off + 8]--;
    frame_put16(f, f->ip4_off + 10, 0);
    uint32_t sum = frame_sum(f->bytes + f->ip4_off, (f->bytes[f->ip4_off] & 0xfU) * 4, 0);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    frame_put16(f, f->ip4_off + 10, (uint16_t)~sum);
}

void lab_expect_drop(unsigned port, enum api_drop reason)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < API_N_DROPS; i++) {
        if (lab_drops_all(i) != 0 && i != (unsigned)reason)
            print_error("%s: %s\n", api_drop_name(i), api_drop_text(i));
        n += lab_drops_all(i);
    }
    assert_int_equal(lab_drops(port, reason), 1);
    assert_int_equal(n, 1);
    assert_int_equal(lab_n_sent_all(), 0);
    assert_int_equal(lab_counters()->dropped, 1);
}
