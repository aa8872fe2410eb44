// SPDX-License-Identifier: BSD-3-Clause
// How does this frame look in one mbuf, or in many? Called by unit tests on their only thread,
// after mbuf_eal_init. It does not look into the frame. Next: the test that called it.

#include "tests/lib/mbuf_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

static void fail(const char *what)
{
    fprintf(stderr, "mbuf_builder: %s: %s\n", what, rte_strerror(rte_errno));
    abort();
}

void mbuf_eal_init(void)
{
    static const char *const args[] = {
        "test", "--no-huge", "--no-pci",       "--no-shconf", "-m",    "128",
        "-l",   "0",         "--no-telemetry", "--log-level", "error",
    };
    static char texts[RTE_DIM(args)][16]; // the EAL keeps them
    char *argv[RTE_DIM(args)];
    for (unsigned i = 0; i < RTE_DIM(args); i++) {
        snprintf(texts[i], sizeof(texts[i]), "%s", args[i]);
        argv[i] = texts[i];
    }
    if (rte_eal_init(RTE_DIM(argv), argv) < 0)
        fail("rte_eal_init");
}

struct rte_mempool *mbuf_pool(const char *name, unsigned n, unsigned data_size)
{
    struct rte_mempool *pool = rte_pktmbuf_pool_create(
        name, n, 0, sizeof(struct packet), (uint16_t)(RTE_PKTMBUF_HEADROOM + data_size), 0);
    if (!pool)
        fail("rte_pktmbuf_pool_create");
    return pool;
}

static struct rte_mbuf *segment(struct rte_mempool *pool, const uint8_t *bytes, uint32_t len)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    if (!m)
        fail("rte_pktmbuf_alloc");
    char *data = rte_pktmbuf_append(m, (uint16_t)len);
    if (!data)
        fail("rte_pktmbuf_append");
    memcpy(data, bytes, len);
    return m;
}

static void keep_tailroom(struct rte_mbuf *m, uint32_t tailroom)
{
    uint32_t off = m->buf_len - m->data_len - tailroom;
    memmove((char *)m->buf_addr + off, rte_pktmbuf_mtod(m, char *), m->data_len);
    m->data_off = (uint16_t)off;
}

struct rte_mbuf *mbuf_build(struct rte_mempool *pool, const uint8_t *bytes, uint32_t len,
                            const uint32_t *cuts, unsigned n_cuts, uint32_t tailroom)
{
    uint32_t end = n_cuts ? cuts[0] : len;
    struct rte_mbuf *m = segment(pool, bytes, end);
    if (tailroom != MBUF_TAILROOM_ANY)
        keep_tailroom(m, tailroom);
    struct rte_mbuf *last = m;
    for (unsigned i = 0; i < n_cuts; i++) {
        uint32_t next = i + 1 < n_cuts ? cuts[i + 1] : len;
        last->next = segment(pool, bytes + end, next - end);
        last = last->next;
        end = next;
    }
    m->nb_segs = (uint16_t)(n_cuts + 1);
    m->pkt_len = len;
    struct packet *p = packet_of(m);
    memset(p, 0x5a, sizeof(*p));
    p->in_port = 7;
    p->offload = 0;
    p->gso_size = 0;
    return m;
}

int mbuf_holds(const struct rte_mbuf *m, const uint8_t *bytes, uint32_t len)
{
    uint32_t at = 0;
    unsigned n_segments = 0;
    if (m->pkt_len != len)
        return 0;
    for (const struct rte_mbuf *s = m; s; s = s->next) {
        if (s->data_len > len - at || (s != m && !s->data_len))
            return 0;
        if (memcmp(rte_pktmbuf_mtod(s, const uint8_t *), bytes + at, s->data_len) != 0)
            return 0;
        at += s->data_len;
        n_segments++;
    }
    return at == len && n_segments == m->nb_segs;
}
