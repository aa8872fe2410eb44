// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/router/lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FAR4 "192.0.2.77"     // behind 10.0.1.2
#define FAR6 "2001:db8:1::77" // behind fd00:1::2
#define HOST4 "10.0.0.2"
#define HOST6 "fd00:0::2"

static void make_syn(struct frame *f, const char *src, const char *dst, uint8_t flags, uint16_t mss,
                     unsigned shift)
{
    lab_ip(f, 0, src, dst);
    frame_tcp(f, 1000, 80, flags, 4);
    f->bytes[f->l4_off + 20 + shift] = 2;
    f->bytes[f->l4_off + 21 + shift] = 4;
    frame_put16(f, f->l4_off + 22 + shift, mss);
    frame_payload(f, 3);
    frame_end(f);
}

static void start_clamped(uint16_t in, uint16_t out)
{
    struct lab_spec spec;

    lab_spec_init(&spec);
    lab_route(&spec, "192.0.2.0", 24, 1, "10.0.1.2");
    lab_route(&spec, "2001:db8:1::", 48, 1, "fd00:1::2");
    spec.interfaces[0].tcp_mss = in;
    spec.interfaces[1].tcp_mss = out;
    lab_start(&spec);
}

static void the_mss_is_clamped(void **state)
{
    static const struct {
        uint16_t in, out, mss, expected;
        uint8_t flags;
    } cases[] = {
        {1400, 0, 1460, 1400, 0x02},    {0, 1300, 1460, 1300, 0x02}, {1400, 1300, 1460, 1300, 0x12},
        {1300, 1400, 1460, 1300, 0x12}, {1400, 0, 1200, 1200, 0x02}, {1400, 0, 1400, 1400, 0x02},
        {1400, 1400, 1460, 1460, 0x10}, {0, 0, 1460, 1460, 0x02},    {256, 0, 65535, 256, 0x02},
    };
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        for (unsigned k = 0; k < 2 * 12; k++) { // both families, each place of the option
            const char *src = k % 2 ? HOST6 : HOST4, *dst = k % 2 ? FAR6 : FAR4;

            start_clamped(cases[i].in, cases[i].out);
            make_syn(&f, src, dst, cases[i].flags, cases[i].mss, k / 2);
            lab_receive(0, &f);
            make_syn(&f, src, dst, cases[i].flags, cases[i].expected, k / 2);
            lab_sent_on(&f, 1);
            lab_expect(1, 0, &f);
            lab_expect_sound(1);
            lab_stop();
        }
    }
}

// Where the receiver is to complete the checksum, the field is the pseudo-header's sum and stays.
static void a_partial_checksum_is_left_by_the_clamp(void **state)
{
    static struct frame f;
    uint32_t len;
    const uint8_t *bytes;

    (void)state;
    start_clamped(1400, 0);
    make_syn(&f, HOST4, FAR4, 0x02, 1460, 0);
    frame_put16(&f, f.l4_off + 16, 0x1234);
    lab_port(1)->capability |= PORT_TX_CSUM;
    lab_receive_offload(0, &f, PACKET_CSUM_PARTIAL, 0);
    bytes = lab_sent_bytes(1, 0, &len);
    assert_int_equal(bytes[f.l4_off + 22] << 8 | bytes[f.l4_off + 23], 1400);
    assert_int_equal(bytes[f.l4_off + 16] << 8 | bytes[f.l4_off + 17], 0x1234);
    lab_stop();
}

// Options that lie about their length are left as they are.
static void bad_tcp_options_are_left_alone(void **state)
{
    static const uint8_t options[][8] = {
        {2, 0, 255, 255},
        {2, 1, 255, 255},
        {2, 3, 255, 255},
        {2, 5, 255, 255, 1},
        {3, 0, 2, 4},
        {3, 200, 2, 4},
        {0, 2, 4, 255},
        {1, 1, 1, 1, 1, 1, 1, 2},
        {1, 1, 1, 1, 1, 1, 2, 4},
    };
    static struct frame f;

    (void)state;
    start_clamped(1000, 1000);
    for (unsigned i = 0; i < RTE_DIM(options); i++) {
        lab_ip(&f, 0, HOST4, FAR4);
        frame_tcp(&f, 1000, 80, 0x02, 2);
        memcpy(f.bytes + f.l4_off + 20, options[i], 8);
        frame_payload(&f, 20);
        frame_end(&f);
        lab_receive(0, &f);
        lab_sent_on(&f, 1);
        lab_expect(1, 0, &f);
        lab_clear();
    }
    lab_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mss_is_clamped),
        cmocka_unit_test(a_partial_checksum_is_left_by_the_clamp),
        cmocka_unit_test(bad_tcp_options_are_left_alone),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
