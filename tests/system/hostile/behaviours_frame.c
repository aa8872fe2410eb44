// SPDX-License-Identifier: BSD-3-Clause
// What if the rings are sound and what they carry is not? Random virtio headers, offload requests
// that do not fit the frame, random bytes, runts, cut tags, frames longer than any MTU. Tier T1.
// One device is kept for all frames: a backend that stops taking them shows as a full ring.
#include <errno.h>
#include <string.h>

#include "tests/system/hostile/behaviours.h"
#include "tests/system/hostile/frame.h"

#define FRAMES_PER_DEED 64U

static void random_bytes(struct play *p, void *bytes, unsigned int len)
{
    uint8_t *at = bytes;
    unsigned int i;

    for (i = 0; i < len; i++)
        at[i] = (uint8_t)play_random(p);
}

// Flags, types and offsets that are each plausible, together mostly not.
static void combine_header(struct play *p, struct virtio_net_hdr_mrg_rxbuf *h)
{
    static const uint8_t types[] = {VIRTIO_NET_HDR_GSO_NONE,
                                    VIRTIO_NET_HDR_GSO_TCPV4,
                                    VIRTIO_NET_HDR_GSO_UDP,
                                    VIRTIO_NET_HDR_GSO_TCPV6,
                                    VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
                                    0x7f};
    static const uint16_t edges[] = {0, 1, 6, 14, 16, 34, 54, 58, 59, 60, 61, 1448, 32767, 65535};
    const unsigned int n_edges = sizeof(edges) / sizeof(edges[0]);

    h->hdr.flags = (uint8_t)play_below(p, 8);
    h->hdr.gso_type = types[play_below(p, sizeof(types))];
    h->hdr.hdr_len = edges[play_below(p, n_edges)];
    h->hdr.gso_size = edges[play_below(p, n_edges)];
    h->hdr.csum_start = edges[play_below(p, n_edges)];
    h->hdr.csum_offset = edges[play_below(p, n_edges)];
    h->num_buffers = edges[play_below(p, n_edges)];
}

enum { RANDOM_HEADER, COMBINED_HEADER, RANDOM_FRAME, FUZZED_FRAME, RUNT, CUT_TAG, LONG };

// Spoils the sound frame in buffer j; returns its new length.
static unsigned int spoil(struct play *p, unsigned int j)
{
    struct virtio_net_hdr_mrg_rxbuf *h = guest_at(&p->guest, guest_buffer_off(TX, j));
    uint8_t *bytes = (uint8_t *)(h + 1);
    unsigned int len = FRAME_MIN;

    switch (p->b->arg) {
    case RANDOM_HEADER:
        random_bytes(p, h, sizeof(*h));
        break;
    case COMBINED_HEADER:
        combine_header(p, h);
        break;
    case RANDOM_FRAME:
        len = (unsigned int)play_below(p, 1515);
        random_bytes(p, bytes, len);
        break;
    case FUZZED_FRAME:
        for (unsigned int i = 0; i < 4; i++)
            bytes[12 + play_below(p, 31)] = (uint8_t)play_random(p);
        len = 14 + (unsigned int)play_below(p, FRAME_MIN - 13);
        break;
    case RUNT:
        len = (unsigned int)play_below(p, 14);
        break;
    case CUT_TAG:
        bytes[12] = 0x81;
        bytes[13] = 0x00;
        len = 14 + (unsigned int)play_below(p, 4);
        break;
    default: // LONG: runs on over the neighbouring buffers, which are ours too
        len = 1515 + (unsigned int)play_below(p, 65536 - 1515);
        break;
    }
    return len;
}

static int send_frames(struct play *p)
{
    struct ring *r = &p->guest.ring[TX];
    unsigned int j, n, len;

    if ((uint16_t)(r->avail_idx - ring_used(r)) > r->size - FRAMES_PER_DEED)
        return -ETIMEDOUT;
    for (n = 0; n < FRAMES_PER_DEED; n++) {
        j = r->avail_idx & (r->size - 1U);
        play_sound_frame(p, j);
        len = spoil(p, j);
        r->desc[j].len = GUEST_NET_HDR + len;
    }
    ring_publish(r);
    return 0;
}

#define FRAME(arg_) .run = play_live, .deed = send_frames, .ring = TX, .arg = (arg_)

const struct behaviour behaviours_frame[] = {
    {"header-random", "12 random bytes as virtio header, no offloads", FRAME(RANDOM_HEADER)},
    {"header-random-offload", "the same with all offloads taken", FRAME(RANDOM_HEADER),
     .takes_offloads = true},
    {"header-combine", "flags, gso and csum fields at their edges", FRAME(COMBINED_HEADER)},
    {"header-combine-offload", "the same with all offloads taken", FRAME(COMBINED_HEADER),
     .takes_offloads = true},
    {"frame-random", "frames of random bytes and length", FRAME(RANDOM_FRAME)},
    {"frame-fuzz", "a sound frame with four bytes changed, cut", FRAME(FUZZED_FRAME)},
    {"frame-runt", "frames of 0 to 13 bytes", FRAME(RUNT)},
    {"frame-tag-cut", "a VLAN tag that is cut", FRAME(CUT_TAG)},
    {"frame-long", "frames of 1515 to 65535 bytes", FRAME(LONG)},
    {.name = NULL},
};
