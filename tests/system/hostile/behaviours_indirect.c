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

static int indirect(struct play *p)
{
    struct ring *r = &p->guest.ring[TX];
    struct vring_desc *table = guest_at(&p->guest, GUEST_TABLE_OFF);
    struct vring_desc d = {
        .addr = guest_gpa(GUEST_TABLE_OFF), .len = 2 * sizeof(d), .flags = VRING_DESC_F_INDIRECT};

    fill_table(table, 2);
    switch (p->b->arg) {
    case ODD:
        d.len = 2 * sizeof(d) + 1 + (uint32_t)play_below(p, 15);
        break;
    case NESTED:
        table[0].flags = VRING_DESC_F_INDIRECT;
        table[0].addr = d.addr;
        table[0].len = d.len;
        break;
    case CHAINED:
        d.flags |= VRING_DESC_F_NEXT;
        d.next = 1;
        ring_describe(r, 1, table[0].addr, 64, VRING_DESC_F_NEXT, 0);
        break;
    case HOLE:
        d.addr = GUEST_HOLE + 64;
        break;
    case CROSSING:
        d.addr = crossing_table(p);
        break;
    case HUGE_TABLE:
        fill_table(table, 4096);
        d.len = 4096 * sizeof(d);
        break;
    case LOOP:
        table[1].flags = VRING_DESC_F_NEXT;
        table[1].next = 0;
        break;
    case EMPTY:
        d.len = 0;
        break;
    case HUGE_LEN:
        d.len = UINT32_MAX & ~15U;
        break;
    case NEXT_OUT:
        table[0].next = (uint16_t)(2 + play_below(p, 65534));
        break;
    default: // LAST_BYTE
        d.addr = GUEST_HOLE - 1;
        break;
    }
    r->desc[0] = d;
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
