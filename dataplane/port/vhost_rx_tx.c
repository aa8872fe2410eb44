// SPDX-License-Identifier: BSD-3-Clause
// How do frames come from a guest's rings and go there? Worker. Straight on librte_vhost, two calls
// a burst, and what the library said of offloads turned into our words. A vid is read once a burst:
// it stays valid until this worker's next quiescent state (vhost_events.c waits for it).
// Next on a packet's way: parse/parse.c; on its way out: the guest.

#include "dataplane/core/counters.h"
#include "dataplane/port/vhost.h"

#define LIBRARY_BURST 32 // the library moves no more than these at once (lib/vhost/vhost.h)
#define MIN_ASK 4        // one line of packed descriptors

static uint16_t ring_rx(unsigned queue) // the guest transmits there
{
    return (uint16_t)(2 * queue + 1);
}

static uint16_t ring_tx(unsigned queue)
{
    return (uint16_t)(2 * queue);
}

// The guest need not kick us, we poll. Bursts are counted from here.
static void restart(struct vhost_queue *q, int vid, unsigned queue)
{
    uint16_t used;

    __atomic_store_n(&q->restart, 0, __ATOMIC_RELAXED);
    rte_vhost_enable_guest_notification(vid, ring_rx(queue), 0);
    rte_vhost_enable_guest_notification(vid, ring_tx(queue), 0);
    rte_vhost_get_vring_base(vid, ring_rx(queue), &q->next, &used);
    q->ask = BURST_SIZE;
}

// The library ends a burst at a chain that is no frame, or too long for a buffer, and gives it back
// to the guest. That shows in its index only. Returns how many were refused: 0 or 1.
static unsigned count_refused(struct vhost_device *device, struct vhost_queue *q, int vid,
                              unsigned queue, unsigned n)
{
    uint16_t before = q->next;
    uint16_t used;

    if (rte_vhost_get_vring_base(vid, ring_rx(queue), &q->next, &used) < 0)
        return 0;
    // A frame may take several packed descriptors: there it is certain only when none came.
    if (device->is_packed)
        return n == 0 && q->next != before;
    return (uint16_t)(q->next - before) == n + 1;
}

// The packed ring's code allocates all that is asked for before it looks at the ring, so ask for
// what was there last time and a little more.
static unsigned take_packed(struct vhost_device *device, struct vhost_queue *q, int vid,
                            unsigned queue, struct rte_mbuf **m, unsigned n)
{
    unsigned ask = RTE_MIN(n, q->ask);
    unsigned n_got = rte_vhost_dequeue_burst(vid, ring_rx(queue), device->pool, m, (uint16_t)ask);

    q->ask = (uint16_t)(n_got == ask ? RTE_MIN(2 * ask, (unsigned)BURST_SIZE)
                                     : RTE_MAX(RTE_ALIGN_CEIL(n_got, MIN_ASK), (unsigned)MIN_ASK));
    return n_got;
}

static unsigned take_split(struct vhost_device *device, int vid, unsigned queue,
                           struct rte_mbuf **m, unsigned n)
{
    unsigned total = 0, ask, n_got;

    do {
        ask = RTE_MIN(n - total, (unsigned)LIBRARY_BURST);
        n_got =
            rte_vhost_dequeue_burst(vid, ring_rx(queue), device->pool, m + total, (uint16_t)ask);
        total += n_got;
    } while (n_got == ask && total < n);
    return total;
}

static void take_offload(const struct vhost_device *device, struct rte_mbuf *m, struct packet *p)
{
    uint8_t offload = 0;

    if (m->ol_flags & RTE_MBUF_F_RX_LRO)
        offload |= PACKET_TSO;
    if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE)
        offload |= PACKET_CSUM_PARTIAL;
    p->offload = offload & device->rx_offloads;
    p->gso_size = p->offload & PACKET_TSO ? m->tso_segsz : 0;
    m->ol_flags = 0;
}

unsigned vhost_rx_burst(struct port *port, unsigned queue, unsigned worker, struct rte_mbuf **m,
                        unsigned n)
{
    struct vhost_device *device = port->device;
    struct vhost_queue *q = &device->queue[queue];
    int vid = __atomic_load_n(&device->vid, __ATOMIC_ACQUIRE);
    unsigned n_got;

    if (unlikely(vid == VHOST_NO_VID))
        return 0;
    if (unlikely(__atomic_load_n(&q->restart, __ATOMIC_RELAXED)))
        restart(q, vid, queue);
    n_got = device->is_packed ? take_packed(device, q, vid, queue, m, n)
                              : take_split(device, vid, queue, m, n);
    if (unlikely(count_refused(device, q, vid, queue, n_got) != 0))
        counters_drop(port->slot, worker, DROP_VHOST_CHAIN_REFUSED, 1);
    if (n_got == 0) {
        q->n_empty++;
        return 0;
    }
    q->n_frames += n_got;
    for (unsigned i = 0; i < n_got; i++) {
        struct packet *p = packet_of(m[i]);

        p->in_port = (uint16_t)port->slot;
        p->offload = 0;
        p->gso_size = 0;
        if (unlikely(m[i]->ol_flags != 0))
            take_offload(device, m[i], p);
    }
    return n_got;
}

static unsigned give(int vid, unsigned queue, struct rte_mbuf **m, unsigned n)
{
    unsigned total = 0, ask, n_got;

    do {
        ask = RTE_MIN(n - total, (unsigned)LIBRARY_BURST);
        n_got = rte_vhost_enqueue_burst(vid, ring_tx(queue), m + total, (uint16_t)ask);
        total += n_got;
    } while (n_got == ask && total < n);
    return total;
}

// The library would write the pseudo-header's sum of a TCP frame to be cut without the length,
// which NICs want, but the virtio header's reader does not (virtio 1.2, 5.1.6.2): a guest that
// forwards the frame would send wrong checksums. It leaves headers alone that are spread over
// segments, and the field is right already; so show it the last byte of the headers as a segment of
// its own.
static unsigned give_tso(int vid, unsigned queue, struct rte_mbuf *m)
{
    uint16_t first_len = (uint16_t)(m->l2_len + m->l3_len + m->l4_len - 1);
    uint16_t whole_len = m->data_len;
    struct rte_mbuf rest;
    unsigned n;

    if (m->nb_segs != 1 || first_len >= whole_len)
        return give(vid, queue, &m, 1);
    rest = *m;
    rest.data_off = (uint16_t)(m->data_off + first_len);
    rest.data_len = (uint16_t)(whole_len - first_len);
    m->next = &rest;
    m->nb_segs = 2;
    m->data_len = first_len;
    n = give(vid, queue, &m, 1);
    m->next = NULL;
    m->nb_segs = 1;
    m->data_len = whole_len;
    return n;
}

static unsigned give_mixed(int vid, unsigned queue, struct rte_mbuf **m, unsigned n)
{
    unsigned total = 0;

    while (total < n) {
        unsigned plain = 0, n_got;

        while (total + plain < n && !(m[total + plain]->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
            plain++;
        if (plain == 0) {
            n_got = give_tso(vid, queue, m[total]);
            plain = 1;
        } else {
            n_got = give(vid, queue, m + total, plain);
        }
        total += n_got;
        if (n_got < plain)
            break;
    }
    return total;
}

unsigned vhost_tx_burst(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n)
{
    struct vhost_device *device = port->device;
    int vid = __atomic_load_n(&device->vid, __ATOMIC_ACQUIRE);
    uint32_t capability = __atomic_load_n(&port->capability, __ATOMIC_RELAXED);
    unsigned n_sent;

    if (unlikely(vid == VHOST_NO_VID))
        return 0;
    n_sent = capability & (PORT_TX_TSO4 | PORT_TX_TSO6) ? give_mixed(vid, queue, m, n)
                                                        : give(vid, queue, m, n);
    if (n_sent > 0)
        rte_pktmbuf_free_bulk(m, n_sent); // copied to the guest
    return n_sent;
}
