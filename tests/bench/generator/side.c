// SPDX-License-Identifier: BSD-3-Clause
// How does a guest put frames on its ring? Called by load.c and setup.c, on the only thread. The
// costs that matter are here and in receive.c: every frame's first line is written before it is
// sent and read when it arrives, as a guest would do; else frames stay in the DUT's cache and
// copies look free. Next: receive.c, how they are taken off.
#include "tests/bench/generator/side.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#define POOL_CACHE_SIZE 256
#define POOL_SLACK 1024U // buffers beyond a full ring: cache and bursts
#define ROOM_MIN 512U
#define HEADERS_MAX 64U // of Ethernet, tags and virtio: the driver wants room for them

#define NAME_SIZE 32
#define INTERFACE_PREFIX "iface:"
#define INTERFACE_ROOM 2048 // what its driver asks for
#define INTERFACE_MTU 1500
#define POSITION_MAX (1U << 30) // frames, until a flow's place is told from a nearer one

// The kernel's interface that a path names instead of a socket, NULL if it does not.
static const char *interface_of(const char *path)
{
    size_t len = strlen(INTERFACE_PREFIX);

    return strncmp(path, INTERFACE_PREFIX, len) == 0 ? path + len : NULL;
}

static void device_name(char *buf, size_t size, const struct options *o, uint32_t pair,
                        enum side_id id)
{
    snprintf(buf, size, "%s%u",
             interface_of(o->paths[id]) != NULL ? "net_af_packet" : "net_virtio_user",
             pair * N_SIDES + id);
}

int side_socket(char *buf, size_t size, const struct options *o, uint32_t pair, enum side_id id)
{
    const char *pattern = o->paths[id];
    const char *mark = strchr(pattern, '%');
    int n;

    if (mark == NULL)
        n = snprintf(buf, size, "%s", pattern);
    else
        n = snprintf(buf, size, "%.*s%u%s", (int)(mark - pattern), pattern, pair, mark + 1);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int side_vdev(char *buf, size_t size, const struct options *o, uint32_t pair, enum side_id id)
{
    char name[NAME_SIZE];
    char path[SOCKET_PATH_SIZE];
    int err = side_socket(path, sizeof(path), o, pair, id);
    int n;

    if (err < 0)
        return err;
    device_name(name, sizeof(name), o, pair, id);
    if (interface_of(path) != NULL)
        n = snprintf(buf, size, "--vdev=%s,iface=%s,framecnt=%u,qdisc_bypass=1", name,
                     interface_of(path), o->queue_size);
    else
        n = snprintf(buf, size, "--vdev=%s,path=%s,queues=1,queue_size=%u%s%s%s%s", name, path,
                     o->queue_size, o->is_server ? ",server=1" : "",
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

    if (interface_of(o->paths[SIDE_A]) != NULL)
        return INTERFACE_ROOM;
    return room < ROOM_MIN ? ROOM_MIN : (room + 63) / 64 * 64 + HEADERS_MAX;
}

static struct rte_mempool *create_pool(const char *what, const struct options *o, uint32_t number)
{
    char name[RTE_MEMPOOL_NAMESIZE];
    struct rte_mempool *pool;

    snprintf(name, sizeof(name), "%s_%u", what, number);
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

static int start_port(struct side *s, const struct options *o, const char *name)
{
    struct rte_eth_conf conf = {.rxmode = {.mtu = interface_of(o->paths[SIDE_A]) != NULL
                                                      ? INTERFACE_MTU
                                                      : buffer_room(o) - HEADERS_MAX}};
    struct rte_eth_txconf tx_conf = {0};
    int err;

    err = rte_eth_dev_get_port_by_name(name, &s->port_id);
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

// Memory that only some trials need.
static int alloc_notes(struct side *s, const struct options *o)
{
    if (o->is_nat) {
        s->seen = calloc(((size_t)s->flows->n + 63) / 64, sizeof(*s->seen));
        if (s->seen == NULL)
            return -ENOMEM;
    }
    if (o->is_stamped) {
        s->latency = calloc(1, sizeof(*s->latency));
        if (s->latency == NULL)
            return -ENOMEM;
    }
    return 0;
}

static void free_notes(struct side *s)
{
    free(s->seen);
    free(s->latency);
}

int side_init(struct side *s, const struct options *o, struct flows *f, uint32_t pair,
              enum side_id id)
{
    uint32_t number = pair * N_SIDES + id;
    char name[NAME_SIZE];
    int err;

    *s = (struct side){.options = o,
                       .id = id,
                       .burst_size = o->burst_size,
                       .is_sending = o->is_sending[id],
                       .is_learning = o->is_nat && id == SIDE_B,
                       .n_paths = o->n_paths,
                       .flows = f};
    if (id == SIDE_A && o->churn > 0)
        s->churn_period = s->churn_left = (uint32_t)(1 / o->churn + 0.5);
    frame_template_init(&s->template, o, id, pair);
    lens_init(s, o->frame_size);
    err = alloc_notes(s, o);
    if (err < 0)
        goto free_notes;
    s->tx_pool = create_pool("tx", o, number);
    s->rx_pool = create_pool("rx", o, number);
    if (s->tx_pool == NULL || s->rx_pool == NULL) {
        err = -ENOMEM;
        goto free_pools;
    }
    device_name(name, sizeof(name), o, pair, id);
    err = start_port(s, o, name);
    if (err < 0) {
        fprintf(stderr, "culvert-generator: port %s does not start: %s\n", name,
                rte_strerror(-err));
        goto free_pools;
    }
    return 0;

free_pools:
    rte_mempool_free(s->rx_pool);
    rte_mempool_free(s->tx_pool);
free_notes:
    free_notes(s);
    return err;
}

void side_fini(struct side *s)
{
    rte_pktmbuf_free_bulk(&s->pending[s->pending_first], s->n_pending);
    rte_eth_dev_stop(s->port_id);
    rte_eth_dev_close(s->port_id);
    rte_mempool_free(s->rx_pool);
    rte_mempool_free(s->tx_pool);
    free_notes(s);
}

// A flow that nobody has seen takes the place of the next one, when it is time.
static bool begin_flow(struct side *s)
{
    if (s->churn_period == 0 || s->is_all_new || --s->churn_left > 0)
        return false;
    s->churn_left = s->churn_period;
    flows_renew(s->flows, s->flow_next);
    return true;
}

static void step(struct side *s)
{
    s->tx_seq++;
    s->len_next = s->len_next + 1 == s->n_lens ? 0 : s->len_next + 1;
    s->flow_next++;
    if (s->flow_next < s->flows->n)
        return;
    s->flow_next = 0;
    if (s->tx_seq - s->seq_base > POSITION_MAX) {
        s->flow_base = 0;
        s->seq_base = s->tx_seq;
    }
}

// Buffers come raw from the pool: what rte_pktmbuf_alloc_bulk would reset beyond these fields is as
// rte_pktmbuf_free left it.
static void write_burst(struct side *s, uint16_t n)
{
    struct frame_vary v = {.stamp = s->latency != NULL ? rte_rdtsc() : 0};

    s->pending_first = 0;
    if (rte_mempool_get_bulk(s->tx_pool, (void **)s->pending, n) < 0)
        return; // all buffers are in the ring
    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *m = s->pending[i];

        v.len = s->lens[s->len_next];
        v.seq = s->tx_seq;
        v.is_new = begin_flow(s) || s->is_all_new;
        s->stats.n_tx_new += v.is_new;
        m->data_off = RTE_PKTMBUF_HEADROOM;
        m->ol_flags = 0;
        m->data_len = v.len;
        m->pkt_len = v.len;
        frame_write(rte_pktmbuf_mtod(m, void *), &s->template, &s->flows->table[s->flow_next], &v);
        step(s);
    }
    s->n_pending = n;
}

unsigned side_send(struct side *s, unsigned budget)
{
    uint16_t n_wanted;
    uint16_t n;

    // Frames that carry the time are written when they are due.
    if (s->n_pending == 0)
        write_burst(s,
                    s->latency != NULL ? (uint16_t)RTE_MIN(s->burst_size, budget) : s->burst_size);
    n_wanted = s->n_pending < budget ? s->n_pending : (uint16_t)budget;
    if (n_wanted == 0)
        return 0;
    n = rte_eth_tx_burst(s->port_id, 0, &s->pending[s->pending_first], n_wanted);
    s->pending_first = (uint16_t)(s->pending_first + n);
    s->n_pending = (uint16_t)(s->n_pending - n);
    s->stats.n_tx += n;
    s->stats.n_tx_bursts++;
    s->is_blocked = n < n_wanted;
    s->stats.n_tx_full += s->is_blocked;
    return n;
}

void side_seek(struct side *s, uint32_t place)
{
    rte_pktmbuf_free_bulk(&s->pending[s->pending_first], s->n_pending);
    s->n_pending = 0;
    s->flow_next = s->flow_base = place;
    s->seq_base = s->tx_seq;
}

void side_forget_seen(struct side *s)
{
    memset(s->seen, 0, ((size_t)s->flows->n + 63) / 64 * sizeof(*s->seen));
    s->n_seen = s->n_translated = 0;
}

void side_forget(struct side *s)
{
    s->stats = (struct side_stats){0};
    if (s->latency != NULL)
        *s->latency = (struct histogram){0};
}
