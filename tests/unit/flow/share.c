// SPDX-License-Identifier: BSD-3-Clause
// Do packets go by flows at all, and does none overtake another? Called by loop.c before and behind
// each burst. A test that has no flows is equal to anything.

#include <string.h>

#include "dataplane/flow/packet.h"
#include "tests/unit/flow/world_parts.h"

#define N_SEEN 4096
#define MIN_SEEN 2 // the first packet of a session has no flow, the second one makes it

struct world_share world_share;

// By stream: bursts of it that packets of have left, up to MIN_SEEN.
static uint8_t seen[N_SEEN];

void world_forget_streams(void)
{
    memset(seen, 0, sizeof(seen));
}

// How many bursts of this stream have seen packets leave.
static uint8_t *seen_of(uint64_t stream)
{
    return &seen[(stream ^ world_burst.port * UINT64_C(0x9e3779b97f4a7c15)) % N_SEEN];
}

uint64_t world_find_eligible(void)
{
    const struct port *port = world.generation->port_list[world_burst.port];
    enum flow_mask mask = (enum flow_mask)flow_table.masks[port->slot];
    struct flow_key key;
    uint64_t eligible = 0;

    for (unsigned i = 0; mask != FLOW_MASK_NONE && i < world_burst.n; i++)
        if (world_burst.stream[i] != 0 && *seen_of(world_burst.stream[i]) >= MIN_SEEN &&
            flow_key_of(world_burst.m[i], port, mask, &key) == FLOW_PACKET_PLAIN)
            eligible |= UINT64_C(1) << i;
    return eligible;
}

void world_count_share(uint64_t eligible)
{
    uint64_t counted = 0;

    world_share.n_packets += world_burst.n;
    for (unsigned i = 0; i < world_burst.n; i++) {
        uint8_t *n = seen_of(world_burst.stream[i]);

        world_share.n_denied += (world_burst.carried >> i & 1) && world_burst.left_as[i] == 0;
        if (world_burst.left_as[i] == 0 || world_burst.stream[i] == 0)
            continue;
        world_share.n_eligible += eligible >> i & 1;
        world_share.n_carried += (eligible & world_burst.carried) >> i & 1;
        if (*n < MIN_SEEN && !(counted >> world_burst.stream[i] % 64 & 1))
            (*n)++;
        counted |= UINT64_C(1) << world_burst.stream[i] % 64;
    }
}

void world_tell_overtaking(void)
{
    for (unsigned i = 1; i < world_burst.n; i++) {
        if (!(world_burst.carried >> i & 1) || world_burst.left_as[i] == 0 ||
            world_burst.stream[i] == 0)
            continue;
        for (unsigned k = 0; k < i; k++)
            if (!(world_burst.carried >> k & 1) && world_burst.stream[k] == world_burst.stream[i] &&
                world_burst.left_as[k] > world_burst.left_as[i])
                transcript_text(world.setup.transcript,
                                "packet %u of the burst has overtaken %u of the same stream", i, k);
    }
}
