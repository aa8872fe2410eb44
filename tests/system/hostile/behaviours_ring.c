// SPDX-License-Identifier: BSD-3-Clause
// What if the rings lie? Indices that jump, chains that loop or never end, lengths and addresses
// that point nowhere, flags the wrong way round. The guest kernel alone can do all of it (tier T1).
// Each deed spoils one thing on a device that play.c has started and seen polled.
// Next file: behaviours_indirect.c for the same lies told in an indirect table.
#include <pthread.h>
#include <stdatomic.h>

#include "tests/system/hostile/behaviours.h"

#define WRONG_WAY(p) ((p)->b->ring == TX ? VRING_DESC_F_WRITE : 0U)
#define RIGHT_WAY(p) ((p)->b->ring == TX ? 0U : VRING_DESC_F_WRITE)

static struct ring *ring_of(struct play *p)
{
    return &p->guest.ring[p->b->ring];
}

// Traffic for a receive ring that was spoilt: it comes back if something outside loops or floods
// it.
static int publish(struct play *p)
{
    unsigned int j;

    ring_publish(ring_of(p));
    if (p->b->ring == RX) {
        for (j = 0; j < 32; j++)
            play_sound_frame(p, j);
        ring_publish(&p->guest.ring[TX]);
    }
    return 0;
}

static int jump(struct play *p)
{
    struct ring *r = ring_of(p);

    r->avail_idx = (uint16_t)(r->avail_idx + p->b->arg);
    return publish(p);
}

// An avail entry of size + arg, and a random one above it.
static int bad_head(struct play *p)
{
    struct ring *r = ring_of(p);

    ring_offer(r, r->size + (unsigned int)p->b->arg);
    ring_offer(r, r->size + (unsigned int)play_below(p, 65536U - r->size));
    return publish(p);
}

// arg descriptors in a chain whose last one points to `next` (or ends, when next is negative).
static int chain(struct play *p, unsigned int n, uint32_t len, int next)
{
    struct ring *r = ring_of(p);
    unsigned int flags = RIGHT_WAY(p);
    unsigned int j;

    for (j = 0; j < n; j++)
        ring_describe(r, j, guest_gpa(guest_buffer_off(p->b->ring, 0)), len,
                      flags | VRING_DESC_F_NEXT, j + 1);
    r->desc[n - 1].next = (uint16_t)next;
    if (next < 0)
        r->desc[n - 1].flags = (uint16_t)flags;
    ring_offer(r, 0);
    return publish(p);
}

static int next_outside(struct play *p)
{
    return chain(p, 2, 64, (int)(ring_of(p)->size + play_below(p, 65536U - ring_of(p)->size)));
}

static int loop(struct play *p)
{
    return chain(p, (unsigned int)p->b->arg, 64, 0);
}

static int loop_empty(struct play *p)
{
    return chain(p, (unsigned int)p->b->arg, 0, 0);
}

// 257 parts: more than the library's vector of 256.
static int chain_long(struct play *p)
{
    return chain(p, (unsigned int)p->b->arg, 16, -1);
}

// 256 parts of arg bytes, all in mapped memory: the sum is real as far as the backend can see.
static int chain_heavy(struct play *p)
{
    return chain(p, 256, (uint32_t)p->b->arg, -1);
}

static int length(struct play *p)
{
    return chain(p, 1, (uint32_t)p->b->arg, -1);
}

// The virtio header spread over 1 to 12 descriptors, the frame behind it.
static int split_header(struct play *p)
{
    struct ring *r = ring_of(p);
    uint64_t off = guest_buffer_off(TX, 0);
    unsigned int n = 1 + (unsigned int)play_below(p, GUEST_NET_HDR);
    unsigned int j;

    for (j = 0; j < n; j++)
        ring_describe(r, j, guest_gpa(off + j), 1, VRING_DESC_F_NEXT, j + 1);
    ring_describe(r, n - 1, guest_gpa(off + n - 1), GUEST_NET_HDR + 1 - n, VRING_DESC_F_NEXT, n);
    ring_describe(r, n, guest_gpa(off + GUEST_NET_HDR), 60, 0, 0);
    ring_offer(r, 0);
    return publish(p);
}

static int wrong_way(struct play *p)
{
    struct ring *r = ring_of(p);

    ring_describe(r, 0, guest_gpa(guest_buffer_off(p->b->ring, 0)), 1024, WRONG_WAY(p), 0);
    ring_offer(r, 0);
    return publish(p);
}

static int address(struct play *p)
{
    struct ring *r = ring_of(p);

    ring_describe(r, 0, p->b->arg, GUEST_BUFFER_SIZE, RIGHT_WAY(p), 0);
    ring_offer(r, 0);
    return publish(p);
}

// Receive buffers of arg bytes each, as many as the ring holds.
static int small_buffers(struct play *p)
{
    struct ring *r = &p->guest.ring[RX];
    unsigned int j;

    for (j = 0; j < r->size; j++) {
        ring_describe(r, j, guest_gpa(guest_buffer_off(RX, j)), (uint32_t)p->b->arg,
                      VRING_DESC_F_WRITE, 0);
        ring_offer(r, j);
    }
    return publish(p);
}

// The used ring laid over the descriptors (arg 0) or over the avail ring (arg 1) before the start.
static int overlay_used(struct play *p)
{
    struct ring *r = ring_of(p);
    struct vring_used *saved = r->used;
    int err;

    err = guest_stop_rings(&p->guest);
    r->used = p->b->arg == 0 ? (void *)r->desc : (void *)r->avail;
    if (err == 0)
        err = play_refusable(p, guest_start_rings(&p->guest));
    if (err == 0)
        publish(p);
    sleep_us(5000);
    r->used = saved;
    return err;
}

struct toctou {
    struct ring *ring;
    atomic_bool is_over;
    uint64_t sound_gpa;
};

// The second thread: flips length, address, flags and next of every descriptor while they are
// polled.
static void *rewrite(void *arg)
{
    struct toctou *t = arg;
    unsigned int k = 0;
    unsigned int j;
    volatile struct vring_desc *d;

    while (!atomic_load(&t->is_over)) {
        for (j = 0; j < 4096; j++, k++) {
            d = &t->ring->desc[k & 31];
            d->len = (k & 64) != 0 ? 72 : 0x7fffffff;
            d->addr = (k & 128) != 0 ? t->sound_gpa : GUEST_HOLE - 1;
            d->next = (k & 256) != 0 ? (uint16_t)(k & 31) : 0xfff0;
            d->flags = (uint16_t)(k >> 9 & 7);
        }
        sleep_us(50);
    }
    return NULL;
}

static int race(struct play *p)
{
    struct ring *r = ring_of(p);
    struct toctou t = {
        .ring = r, .is_over = false, .sound_gpa = guest_gpa(guest_buffer_off(p->b->ring, 0))};
    pthread_t thread;
    unsigned int i, j;

    if (pthread_create(&thread, NULL, rewrite, &t) != 0)
        return play_fail(p, -1, "no second thread");
    for (i = 0; i < 200 && !play_is_over(p); i++) {
        for (j = 0; j < 32; j++)
            ring_offer(r, j);
        publish(p);
        sleep_us(500);
    }
    atomic_store(&t.is_over, true);
    pthread_join(thread, NULL);
    return 0;
}

#define RING(deed_, ring_, arg_) .run = play_rings, .deed = (deed_), .ring = (ring_), .arg = (arg_)

const struct behaviour behaviours_ring[] = {
    {"avail-plus-1", "tx avail.idx one ahead of what was offered", RING(jump, TX, 1)},
    {"avail-plus-size", "tx avail.idx ahead by the ring size", RING(jump, TX, 512)},
    {"avail-plus-size-1", "tx avail.idx ahead by the ring size and one", RING(jump, TX, 513)},
    {"avail-plus-32768", "tx avail.idx ahead by 32768", RING(jump, TX, 32768)},
    {"avail-minus-1", "tx avail.idx one back", RING(jump, TX, 65535)},
    {"rx-avail-plus-32768", "rx avail.idx ahead by 32768", RING(jump, RX, 32768)},
    {"rx-avail-minus-1", "rx avail.idx back by one", RING(jump, RX, 65535)},
    {"head-outside", "tx avail entry at and above the ring size", RING(bad_head, TX, 0)},
    {"rx-head-outside", "rx avail entry at and above the ring size", RING(bad_head, RX, 0)},
    {"next-outside", "desc.next above the ring size", RING(next_outside, TX, 0)},
    {"rx-next-outside", "rx desc.next above the ring size", RING(next_outside, RX, 0)},
    {"loop-self", "a descriptor whose next is itself", RING(loop, TX, 1)},
    {"loop-two", "two descriptors in a circle", RING(loop, TX, 2)},
    {"loop-empty", "a circle of two descriptors of length 0", RING(loop_empty, TX, 2)},
    {"rx-loop-self", "an rx descriptor whose next is itself", RING(loop, RX, 1)},
    {"rx-loop-empty", "a circle of two rx descriptors of length 0", RING(loop_empty, RX, 2)},
    {"chain-257", "a chain of 257 descriptors", RING(chain_long, TX, 257)},
    {"chain-512", "a chain of the whole ring", RING(chain_long, TX, 512)},
    {"rx-chain-257", "an rx chain of 257 descriptors", RING(chain_long, RX, 257)},
    {"chain-128k", "256 descriptors of 512 bytes: 128 KiB in one frame",
     RING(chain_heavy, TX, 512)},
    {"chain-1g", "256 descriptors of 4 MiB, all mapped", RING(chain_heavy, TX, 4U << 20)},
    {"len-0", "a tx chain of no bytes", RING(length, TX, 0)},
    {"len-1", "a tx chain of one byte", RING(length, TX, 1)},
    {"len-header-1", "a byte less than the virtio header", RING(length, TX, GUEST_NET_HDR - 1)},
    {"len-header", "the virtio header alone", RING(length, TX, GUEST_NET_HDR)},
    {"len-header+1", "the virtio header and one byte", RING(length, TX, GUEST_NET_HDR + 1)},
    {"len-64k", "one descriptor of 64 KiB", RING(length, TX, 65536)},
    {"len-1g", "one descriptor that claims 1 GiB", RING(length, TX, 1U << 30)},
    {"len-max", "one descriptor that claims 4 GiB - 1", RING(length, TX, UINT32_MAX)},
    {"rx-len-0", "an rx buffer of no bytes", RING(length, RX, 0)},
    {"rx-len-max", "an rx buffer that claims 4 GiB - 1", RING(length, RX, UINT32_MAX)},
    {"header-split", "a virtio header over 1 to 12 descriptors", RING(split_header, TX, 0)},
    {"tx-write", "a tx descriptor marked for writing", RING(wrong_way, TX, 0)},
    {"rx-read", "an rx descriptor not marked for writing", RING(wrong_way, RX, 0)},
    {"addr-hole", "a tx buffer in no region", RING(address, TX, GUEST_HOLE + 4096)},
    {"addr-end", "a tx buffer that starts on the last byte", RING(address, TX, GUEST_HOLE - 1)},
    {"addr-cross", "a tx buffer over two regions (sound)",
     RING(address, TX, GUEST_BASE + GUEST_REGION_SIZE - 20)},
    {"addr-wrap", "a tx buffer that wraps 64 bits", RING(address, TX, UINT64_MAX - 15)},
    {"rx-addr-hole", "an rx buffer in no region", RING(address, RX, GUEST_HOLE + 4096)},
    {"rx-addr-end", "an rx buffer that starts on the last byte", RING(address, RX, GUEST_HOLE - 1)},
    {"rx-addr-wrap", "an rx buffer that wraps 64 bits", RING(address, RX, UINT64_MAX - 15)},
    {"rx-small", "rx buffers below a frame, mergeable buffers refused", RING(small_buffers, RX, 20),
     .refused_features = 1ULL << VIRTIO_NET_F_MRG_RXBUF},
    {"rx-tiny", "mergeable rx buffers of 13 bytes", RING(small_buffers, RX, 13)},
    {"rx-below-header", "mergeable rx buffers of 5 bytes", RING(small_buffers, RX, 5)},
    {"used-over-desc", "tx used ring over the descriptor table", RING(overlay_used, TX, 0)},
    {"used-over-avail", "tx used ring over the avail ring", RING(overlay_used, TX, 1)},
    {"rx-used-over-desc", "rx used ring over the descriptor table", RING(overlay_used, RX, 0)},
    {"toctou", "tx descriptors rewritten while they are polled", RING(race, TX, 0)},
    {"rx-toctou", "rx descriptors rewritten while they are polled", RING(race, RX, 0)},
    {.name = NULL},
};
