// SPDX-License-Identifier: BSD-3-Clause
// Is a pool freed when its last buffer is back, not before, and may the library write one byte
// behind a full buffer?

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/packet.h"
#include "dataplane/core/pool.h"
#include "tests/lib/mbuf_builder.h"

static void a_pool_waits_for_its_buffers(void **state)
{
    struct rte_mempool *pool = pool_create("p", 256, 2048);
    char name[RTE_MEMPOOL_NAMESIZE];
    struct rte_mbuf *m;

    (void)state;
    assert_non_null(pool);
    snprintf(name, sizeof(name), "%s", pool->name);
    m = rte_pktmbuf_alloc(pool);
    pool_retire(pool);
    assert_int_equal(pool_reap(), 1);
    assert_ptr_equal(rte_mempool_lookup(name), pool);
    rte_pktmbuf_free(m);
    assert_int_equal(pool_reap(), 1); // seen complete once
    assert_int_equal(pool_reap(), 0);
    assert_null(rte_mempool_lookup(name));
}

static void a_full_pool_is_freed_when_seen_so_twice(void **state)
{
    struct rte_mempool *pool = pool_create("q", 256, 2048);
    char name[RTE_MEMPOOL_NAMESIZE];

    (void)state;
    snprintf(name, sizeof(name), "%s", pool->name);
    pool_retire(pool);
    pool_retire(NULL);
    assert_int_equal(pool_reap(), 1);
    assert_int_equal(pool_reap(), 0);
    assert_null(rte_mempool_lookup(name));
}

// Closed ports' memory is there for new ones although nobody has reaped yet.
static void a_new_pool_takes_the_memory_of_retired_ones(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) { // far more than there is memory for at once
        struct rte_mempool *pool = pool_create("big", 512, 60000);

        assert_non_null(pool);
        pool_retire(pool);
    }
    while (pool_reap() > 0)
        ;
}

// Sizes from small to the largest that fits 16 bits: the frame fits, and eight bytes lie behind the
// buffer that belong to no other element.
static void buffers_hold_a_frame_and_have_spare_bytes(void **state)
{
    static const unsigned sizes[] = {64, 1522, 2040, 2048, 2100, 9022, 60000, UINT16_MAX - 136};

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(sizes); i++) {
        struct rte_mempool *pool = pool_create("size", 256, sizes[i]);
        struct rte_mbuf *m;

        assert_non_null(pool);
        m = rte_pktmbuf_alloc(pool);
        assert_true(rte_pktmbuf_tailroom(m) >= sizes[i]);
        assert_true((char *)m->buf_addr + m->buf_len + 8 <=
                    (char *)m + pool->elt_size + pool->trailer_size);
        assert_true((uintptr_t)packet_of(m) % RTE_CACHE_LINE_SIZE == 0);
        rte_pktmbuf_free(m);
        pool_retire(pool);
    }
}

// Of 1024 buffers 256 may wait, segments counted; the room is there again once they don't.
static void so_many_buffers_may_wait(void **state)
{
    struct rte_mempool *pool = pool_create("wait", 1024, 2048);
    struct rte_mbuf *single, *chain;

    (void)state;
    assert_non_null(pool);
    single = rte_pktmbuf_alloc(pool);
    chain = rte_pktmbuf_alloc(pool);
    assert_int_equal(rte_pktmbuf_chain(chain, rte_pktmbuf_alloc(pool)), 0);
    for (unsigned i = 0; i < 127; i++)
        assert_true(pool_begin_wait(chain));
    assert_true(pool_begin_wait(single));
    assert_false(pool_begin_wait(chain));
    assert_true(pool_begin_wait(single));
    assert_false(pool_begin_wait(single));
    pool_end_wait(chain);
    assert_true(pool_begin_wait(chain));
    assert_false(pool_begin_wait(single));
    rte_pktmbuf_free(single);
    rte_pktmbuf_free(chain);
    pool_retire(pool);
}

static int start(void **state)
{
    (void)state;
    mbuf_eal_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_waits_for_its_buffers),
        cmocka_unit_test(a_full_pool_is_freed_when_seen_so_twice),
        cmocka_unit_test(a_new_pool_takes_the_memory_of_retired_ones),
        cmocka_unit_test(buffers_hold_a_frame_and_have_spare_bytes),
        cmocka_unit_test(so_many_buffers_may_wait),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
