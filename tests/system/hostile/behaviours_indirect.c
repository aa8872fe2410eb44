// SPDX-License-Identifier: BSD-3-Clause
// What if an indirect table lies? A length that is no multiple of 16, a table inside a table, a
// table that is nowhere or over two regions, more entries than the ring, a circle inside. Tier T1.
// Next file: behaviours_frame.c for what lies inside sound buffers.
#include "tests/system/hostile/behaviours.h"

enum {
    ODD,
    NESTED,
    CHAINED,
    HOLE,
    CROSSING,
    HUGE_TABLE,
    LOOP,
    EMPTY,
    HUGE_LEN,
    NEXT_OUT,
    LAST_BYTE
};

static void fill_table(struct vring_desc *table, unsigned int n)
{
    unsigned int j;

    for (j = 0; j < n; j++)
        table[j] = (struct vring_desc){.addr = guest_gpa(guest_buffer_off(TX, 0)),
                                       .len = 72,
                                       .flags = j + 1 < n ? VRING_DESC_F_NEXT : 0,
                                       .next = (uint16_t)(j + 1)};
}

// A sound table over the border of the two regions, which are apart in the backend's memory.
static uint64_t crossing_table(struct play *p)
{
    struct vring_desc *head = guest_at(&p->guest, GUEST_REGION_SIZE - sizeof(*head));
    struct vring_desc *tail = (void *)p->guest.base[1];

    *head = (struct vring_desc){.addr = guest_gpa(guest_buffer_off(TX, 0)),
                                .len = GUEST_NET_HDR,
                                .flags = VRING_DESC_F_NEXT,
                                .next = 1};
    *tail =
        (struct vring_desc){.addr = guest_gpa(guest_buffer_off(TX, 0)) + GUEST_NET_HDR, .len = 60};
    return guest_gpa(GUEST_REGION_SIZE - sizeof(*head));
}

// What is wrong inside the table.
static void spoil_table(struct play *p, struct vring_desc *table, const struct vring_desc *head)
{
    switch (p->b->arg) {
    case NESTED:
        table[0] = *head;
        break;
    case HUGE_TABLE:
        fill_table(table, 4096);
        break;
    case LOOP:
        table[1].flags = VRING_DESC_F_NEXT;
        table[1].next = 0;
        break;
    case NEXT_OUT:
        table[0].next = (uint16_t)(2 + play_below(p, 65534));
        break;
    default:
        break;
    }
}

// What is wrong with the descriptor that names the table.
static void spoil_head(struct play *p, struct vring_desc *head)
{
    switch (p->b->arg) {
    case ODD:
        head->len += 1 + (uint32_t)play_below(p, 15);
        break;
    case CHAINED:
        head->flags |= VRING_DESC_F_NEXT;
        head->next = 1;
        ring_describe(&p->guest.ring[TX], 1, guest_gpa(guest_buffer_off(TX, 0)), 64,
                      VRING_DESC_F_NEXT, 0);
        break;
    case HOLE:
        head->addr = GUEST_HOLE + 64;
        break;
    case LAST_BYTE:
        head->addr = GUEST_HOLE - 1;
        break;
    case CROSSING:
        head->addr = crossing_table(p);
        break;
    case HUGE_TABLE:
        head->len = 4096 * sizeof(*head);
        break;
    case HUGE_LEN:
        head->len = UINT32_MAX & ~15U;
        break;
    case EMPTY:
        head->len = 0;
        break;
    default:
        break;
    }
}

static int indirect(struct play *p)
{
    struct ring *r = &p->guest.ring[TX];
    struct vring_desc *table = guest_at(&p->guest, GUEST_TABLE_OFF);
    struct vring_desc head = {.addr = guest_gpa(GUEST_TABLE_OFF),
                              .len = 2 * sizeof(head),
                              .flags = VRING_DESC_F_INDIRECT};

    fill_table(table, 2);
    spoil_table(p, table, &head);
    spoil_head(p, &head);
    r->desc[0] = head;
    ring_offer(r, 0);
    ring_publish(r);
    return 0;
}

#define INDIRECT(arg_) .run = play_rings, .deed = indirect, .ring = TX, .arg = (arg_)

const struct behaviour behaviours_indirect[] = {
    {"indirect-odd", "a table length that is no multiple of 16", INDIRECT(ODD)},
    {"indirect-nested", "an indirect table inside itself", INDIRECT(NESTED)},
    {"indirect-next", "INDIRECT and NEXT together, in a circle", INDIRECT(CHAINED)},
    {"indirect-hole", "a table in no region", INDIRECT(HOLE)},
    {"indirect-end", "a table that starts on the last byte", INDIRECT(LAST_BYTE)},
    {"indirect-cross", "a table over two regions (sound)", INDIRECT(CROSSING)},
    {"indirect-huge", "a table of 4096 entries, chained", INDIRECT(HUGE_TABLE)},
    {"indirect-len-max", "a table that claims 4 GiB - 16", INDIRECT(HUGE_LEN)},
    {"indirect-loop", "a circle inside a table", INDIRECT(LOOP)},
    {"indirect-next-outside", "a next beyond the table", INDIRECT(NEXT_OUT)},
    {"indirect-empty", "a table of no entries", INDIRECT(EMPTY)},
    {.name = NULL},
};
