// SPDX-License-Identifier: BSD-3-Clause
// How does a guest put frames on its ring and take them off? Called by run.c, on the only thread.
// The costs that matter are here: every frame's first line is written before it is sent and read
// when it arrives, as a guest would do; else frames stay in the DUT's cache and copies look free.
// Next: run.c, when to call it.
#include "tests/bench/generator/side.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_prefetch.h>

#include "tests/bench/generator/routed.h"

#define POOL_CACHE_SIZE 256
#define POOL_SLACK 1024U // buffers beyond a full ring: cache and bursts
#define ROOM_MIN 512U
#define HEADERS_MAX 64U // of Ethernet, tags and virtio: the driver wants room for them

static const char *const device_names[N_SIDES] = {
    [SIDE_A] = "net_virtio_user0",
    [SIDE_B] = "net_virtio_user1",
};

int side_vdev(char *buf, size_t size, const struct options *o, enum side_id id)
{
    int n = snprintf(buf, size, "--vdev=%s,path=%s,queues=1,queue_size=%u%s%s%s%s",
                     device_names[id], o->paths[id], o->queue_size, o->is_server ? ",server=1" : "",
                     o->is_packed ? ",packed_vq=1" : "", *o->vdev_extra != '\0' ? "," : "",
                     o->vdev_extra);

    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

// The pattern's order is fixed and mixed: steps of 7 through 48 places meet each one once.
static void lens_init(struct side *s, uint32_t frame_size)
{
    s->n_lens = 1;
    s->lens[0] = (uint16_t)(frame_size - FCS_LEN);
    if (frame_size != FRAME_SIZE_IMIX)
        return;
    s->n_lens = IMIX_PERIOD;
    for (uint32_t i = 0; i < IMIX_PERIOD; i++) {
        uint32_t size = i < 28 ? 64 : i < 44 ? 570 : 1518;

        s->lens[i * 7 % IMIX_PERIOD] = (uint16_t)(size - FCS_LEN);
    }
}

// Payloads behind the first line are zero from now on: nothing writes there.
static void clear_data(struct rte_mempool *pool, void *arg, void *object, unsigned idx)
{
    struct rte_mbuf *m = object;

    (void)pool;
    (void)arg;
    (void)idx;
    memset(m->buf_addr, 0, m->buf_len);
}

// Bytes that a buffer offers. Buffers are as far apart as the frames need, as a Linux guest's are:
// at 2 KB each, small frames would measure the TLB.
static uint32_t buffer_room(const struct options *o)
{
    uint32_t room = o->frame_size == FRAME_SIZE_IMIX ? 1518 : o->frame_size;

    return room < ROOM_MIN ? ROOM_MIN : (room + 63) / 64 * 64 + HEADERS_MAX;
}

static struct rte_mempool *create_pool(const char *what, const struct options *o, enum side_id id)
{
    char name[RTE_MEMPOOL_NAMESIZE];
    struct rte_mempool *pool;

    snprintf(name, sizeof(name), "%s_%c", what, 'a' + (int)id);
    pool =
        rte_pktmbuf_pool_create(name, o->queue_size + POOL_SLACK, POOL_CACHE_SIZE, 0,
                                (uint16_t)(RTE_PKTMBUF_HEADROOM + buffer_room(o)), SOCKET_ID_ANY);
    if (pool == NULL) {
        fprintf(stderr, "culvert-generator: no memory for pool %s: %s\n", name,
                rte_strerror(rte_errno));
        return NULL;
    }
    rte_mempool_obj_iter(pool, clear_data, NULL);
    return pool;
}

static int start_port(struct side *s, const struct options *o)
{
    struct rte_eth_conf conf = {.rxmode = {.mtu = buffer_room(o) - HEADERS_MAX}};
    struct rte_eth_txconf tx_conf = {0};
    int err;

    err = rte_eth_dev_get_port_by_name(device_names[s->id], &s->port_id);
    if (err < 0)
        return err;
    err = rte_eth_dev_configure(s->port_id, 1, 1, &conf);
    if (err < 0)
        return err;
    err = rte_eth_rx_queue_setup(s->port_id, 0, o->queue_size, (unsigned)SOCKET_ID_ANY, NULL,
                                 s->rx_pool);
    if (err < 0)
        return err;
    err = rte_eth_tx_queue_setup(s->port_id, 0, o->queue_size, (unsigned)SOCKET_ID_ANY, &tx_conf);
    if (err < 0)
        return err;
    return rte_eth_dev_start(s->port_id);
}

int side_init(struct side *s, const struct options *o, const struct flows *f, enum side_id id)
{
    int err;

    *s = (struct side){.id = id,
                       .burst_size = o->burst_size,
                       .is_sending = o->is_sending[id],
                       .n_paths = o->n_paths,
                       .flows = f};
    frame_template_init(&s->template, o, id);
    lens_init(s, o->frame_size);
    s->tx_pool = create_pool("tx", o, id);
    s->rx_pool = create_pool("rx", o, id);
    if (s->tx_pool == NULL || s->rx_pool == NULL) {
        err = -ENOMEM;
        goto free_pools;
    }
    err = start_port(s, o);
    if (err < 0) {
        fprintf(stderr, "culvert-generator: port %s does not start: %s\n", device_names[id],
                rte_strerror(-err));
        goto free_pools;
    }
    return 0;

free_pools:
    rte_mempool_free(s->rx_pool);
    rte_mempool_free(s->tx_pool);
    return err;
}

void side_fini(struct side *s)
{
    rte_pktmbuf_free_bulk(&s->pending[s->pending_first], s->n_pending);
    rte_eth_dev_stop(s->port_id);
    rte_eth_dev_close(s->port_id);
    rte_mempool_free(s->rx_pool);
    rte_mempool_free(s->tx_pool);
}

static void count_frame(struct side *s, const struct rte_mbuf *m)
{
    const struct frame_udp *u = frame_udp(rte_pktmbuf_mtod(m, const void *), &s->template);
    enum side_id sender = frame_sender(u, &s->template, m->data_len);

    if (unlikely(sender == N_SIDES)) {
        s->stats.n_rx_foreign++;
        return;
    }
    if (unlikely(sender == s->id)) {
        s->stats.n_rx_reflected++;
        return;
    }
    s->stats.n_rx++;
    s->stats.n_rx_bytes += m->pkt_len;
    if (likely((int32_t)(u->seq - s->rx_seq) >= 0))
        s->rx_seq = u->seq + 1; // a gap is seen in the end, as the difference of sent and received
    else
        s->stats.n_rx_late++;
}

static void check_frame(struct side *s, const struct rte_mbuf *m)
{
    const void *data = rte_pktmbuf_mtod(m, const void *);
    enum side_id sender = frame_sender(frame_udp(data, &s->template), &s->template, m->data_len);
    const char *fault;
    uint32_t path;

    if (sender == N_SIDES || sender == s->id || m->nb_segs > 1)
        return;
    fault = routed_fault(data, m->data_len, &s->template, s->n_paths, &path);
    s->stats.n_checked++;
    if (fault == NULL) {
        s->stats.n_by_path[path]++;
        return;
    }
    s->stats.n_wrong++;
    if (s->stats.fault == NULL)
        s->stats.fault = fault;
}

unsigned side_receive(struct side *s)
{
    struct rte_mbuf *mbufs[BURST_MAX];
    uint16_t n = rte_eth_rx_burst(s->port_id, 0, mbufs, s->burst_size);

    s->stats.n_rx_polls++;
    if (n == 0)
        return 0;
    s->stats.n_rx_bursts++;
    for (uint16_t i = 0; i < n; i++)
        rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
    for (uint16_t i = 0; i < n; i++)
        count_frame(s, mbufs[i]);
    if (s->n_paths > 0) // each place in a burst has its turn
        check_frame(s, mbufs[s->stats.n_rx_bursts % n]);
    rte_pktmbuf_free_bulk(mbufs, n);
    return n;
}

// Buffers come raw from the pool: what rte_pktmbuf_alloc_bulk would reset beyond these fields is as
// rte_pktmbuf_free left it.
static void write_burst(struct side *s)
{
    uint16_t n = s->burst_size;

    s->pending_first = 0;
    if (rte_mempool_get_bulk(s->tx_pool, (void **)s->pending, n) < 0)
        return; // all buffers are in the ring
    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *m = s->pending[i];
        uint16_t len = s->lens[s->len_next];

        m->data_off = RTE_PKTMBUF_HEADROOM;
        m->ol_flags = 0;
        m->data_len = len;
        m->pkt_len = len;
        frame_write(rte_pktmbuf_mtod(m, void *), &s->template, &s->flows->table[s->flow_next], len,
                    s->tx_seq++);
        s->flow_next = s->flow_next + 1 == s->flows->n ? 0 : s->flow_next + 1;
        s->len_next = s->len_next + 1 == s->n_lens ? 0 : s->len_next + 1;
    }
    s->n_pending = n;
}

unsigned side_send(struct side *s, unsigned budget)
{
    uint16_t n_wanted;
    uint16_t n;

    if (s->n_pending == 0)
        write_burst(s);
    n_wanted = s->n_pending < budget ? s->n_pending : (uint16_t)budget;
    if (n_wanted == 0)
        return 0;
    n = rte_eth_tx_burst(s->port_id, 0, &s->pending[s->pending_first], n_wanted);
    s->pending_first = (uint16_t)(s->pending_first + n);
    s->n_pending = (uint16_t)(s->n_pending - n);
    s->stats.n_tx += n;
    s->stats.n_tx_bursts++;
    s->stats.n_tx_full += n < n_wanted;
    return n;
}

void side_forget(struct side *s)
{
    s->stats = (struct side_stats){0};
}
