// SPDX-License-Identifier: BSD-3-Clause
// Which checksums are taken for incomplete? Frames of all kinds as the kernel leaves them to a
// network card, and the same with complete sums; cut and damaged in between.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/port/af_xdp.h"
#include "tests/unit/port/offload_lab.h"

// An mbuf that ends with the frame's bytes, so that a byte too many is seen by ASan.
static int is_partial(const struct frame *f, uint32_t len)
{
    static struct rte_mbuf m;
    uint8_t *copy = malloc(len);
    int result;

    assert_non_null(copy);
    memcpy(copy, f->bytes, len);
    m.buf_addr = copy;
    m.data_len = (uint16_t)len;
    m.pkt_len = len;
    m.nb_segs = 1;
    result = af_xdp_is_partial(&m);
    free(copy);
    return result;
}

static void make_partial(struct frame *f)
{
    frame_put16(f, frame_l4_checksum_off(f), lab_pseudo_sum(f, f->len - f->l4_off));
}

static void test_kinds(void **state)
{
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < n_lab_kinds; i++) {
        lab_build(&lab_kinds[i], &f, 100);
        assert_false(is_partial(&f, f.len));
        make_partial(&f);
        // Behind extension headers nobody leaves sums.
        assert_int_equal(is_partial(&f, f.len), !lab_kinds[i].has_extensions);
        for (uint32_t len = 0; len < f.len; len++)
            assert_false(is_partial(&f, len));
        // The frame may be padded.
        assert_int_equal(is_partial(&f, f.len + 20), !lab_kinds[i].has_extensions);
    }
}

static void test_no_udp_checksum_is_complete(void **state)
{
    static struct frame f;

    (void)state;
    frame_ether(&f, "52:54:00:00:00:22", "52:54:00:00:00:11");
    frame_ip4(&f, "10.0.0.11", "10.0.0.22");
    frame_udp(&f, 1000, 2000);
    frame_payload(&f, 10);
    frame_end(&f);
    frame_put16(&f, frame_l4_checksum_off(&f), 0);
    assert_false(is_partial(&f, f.len));
    make_partial(&f);
    assert_true(is_partial(&f, f.len));
    frame_put16(&f, f.l4_off + 4, 17); // its length does not fill the packet
    assert_false(is_partial(&f, f.len));
}

static void test_fragments_and_others(void **state)
{
    static struct frame f;

    (void)state;
    frame_ether(&f, "52:54:00:00:00:22", "52:54:00:00:00:11");
    frame_ip4(&f, "10.0.0.11", "10.0.0.22");
    frame_udp(&f, 1000, 2000);
    frame_payload(&f, 16);
    frame_end(&f);
    make_partial(&f);
    assert_true(is_partial(&f, f.len));
    frame_put16(&f, f.ip4_off + 6, 0x2000); // more fragments
    assert_false(is_partial(&f, f.len));
    frame_put16(&f, f.ip4_off + 6, 0x0001); // a later one
    assert_false(is_partial(&f, f.len));
    frame_put16(&f, f.ip4_off + 6, 0x4000); // don't fragment
    assert_true(is_partial(&f, f.len));
    f.bytes[f.ip4_off] = 0x44;
    assert_false(is_partial(&f, f.len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_no_udp_checksum_is_complete),
        cmocka_unit_test(test_fragments_and_others),
    };

    return cmocka_run_group_tests_name("af-xdp csum", tests, NULL, NULL);
}
