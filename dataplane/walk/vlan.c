// SPDX-License-Identifier: BSD-3-Clause
// How do VLAN tags come off at an attachment and on again at another? In place where the frame is
// ours alone; a flooded one is shared with other receivers, so its tagged copy gets a header of its
// own and refers to the payload. Worker; called by ingress.c and egress.c.

#include "dataplane/walk/vlan.h"

#include <string.h>

#include <rte_ether.h>

#define MACS_SIZE (2 * RTE_ETHER_ADDR_LEN)
#define ETHERTYPE_CTAG 0x8100
#define ETHERTYPE_STAG 0x88a8

static void shift_offsets(struct packet *p, int by)
{
    uint16_t *const offsets[] = {&p->l3_off, &p->l4_off, &p->payload_off, &p->l3_end};

    for (unsigned i = 0; i < RTE_DIM(offsets); i++)
        if (*offsets[i] != 0)
            *offsets[i] = (uint16_t)(*offsets[i] + by);
}

void vlan_pop(struct rte_mbuf *m, struct packet *p, unsigned n)
{
    uint16_t size = (uint16_t)(n * VLAN_TAG_SIZE);
    uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

    memmove(frame + size, frame, MACS_SIZE);
    rte_pktmbuf_adj(m, size);
    shift_offsets(p, -(int)size);
    p->n_tags = (uint8_t)(p->n_tags - n);
}

static void write_tag(uint8_t *at, uint16_t ether_type, uint16_t vlan)
{
    at[0] = (uint8_t)(ether_type >> 8);
    at[1] = (uint8_t)ether_type;
    at[2] = (uint8_t)(vlan >> 8);
    at[3] = (uint8_t)vlan;
}

static void write_tags(uint8_t *at, const struct attachment *a)
{
    if (a->n_tags == 1) {
        write_tag(at, ETHERTYPE_CTAG, a->outer_vlan);
    } else {
        write_tag(at, ETHERTYPE_STAG, a->outer_vlan);
        write_tag(at + VLAN_TAG_SIZE, ETHERTYPE_CTAG, a->inner_vlan);
    }
}

// A frame of a small header of its own and a reference to the rest of m.
static struct rte_mbuf *push_beside(struct rte_mbuf *m, const struct attachment *a)
{
    unsigned size = a->n_tags * VLAN_TAG_SIZE;
    struct rte_mbuf *head = rte_pktmbuf_alloc(m->pool);
    struct rte_mbuf *rest;
    uint8_t *frame;

    if (head == NULL)
        return NULL;
    rest = rte_pktmbuf_clone(m, m->pool);
    if (rest == NULL) {
        rte_pktmbuf_free(head);
        return NULL;
    }
    frame = (uint8_t *)rte_pktmbuf_append(head, (uint16_t)(MACS_SIZE + size));
    memcpy(frame, rte_pktmbuf_mtod(m, uint8_t *), MACS_SIZE);
    write_tags(frame + MACS_SIZE, a);
    *packet_of(head) = *packet_of(m);
    shift_offsets(packet_of(head), (int)size);
    packet_of(head)->n_tags = (uint8_t)(packet_of(head)->n_tags + a->n_tags);
    rte_pktmbuf_adj(rest, MACS_SIZE);
    rte_pktmbuf_chain(head, rest);
    rte_pktmbuf_free(m); // the clone holds the data now
    return head;
}

struct rte_mbuf *vlan_push(struct rte_mbuf *m, const struct attachment *a)
{
    uint16_t size = (uint16_t)(a->n_tags * VLAN_TAG_SIZE);
    struct packet *p = packet_of(m);
    uint8_t *frame;

    if (rte_mbuf_refcnt_read(m) > 1 || rte_pktmbuf_headroom(m) < size)
        return push_beside(m, a);
    frame = (uint8_t *)rte_pktmbuf_prepend(m, size);
    memmove(frame, frame + size, MACS_SIZE);
    write_tags(frame + MACS_SIZE, a);
    shift_offsets(p, size);
    p->n_tags = (uint8_t)(p->n_tags + a->n_tags);
    return m;
}
