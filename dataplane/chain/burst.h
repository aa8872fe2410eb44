// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CHAIN_BURST_H
#define DATAPLANE_CHAIN_BURST_H

// What the stages of a burst through a chain share. Private to this folder. Worker.

#include "dataplane/chain/packet.h"
#include "dataplane/chain/state.h"
#include "dataplane/session/fragment.h"

#define CHAIN_OPENED_WORDS 16 // of 64 bits each

// A session to be, that all have allowed: its places in the index are being fetched meanwhile.
struct chain_opening {
    struct rte_mbuf *m; // NULL: none
    struct session_draft draft;
};

struct chain_burst {
    const struct function *f;
    const struct chain_config *config;
    const struct walk_context *ctx;
    struct chain_counters *counters;
    uint32_t stamp; // chain_stamp at the burst's start: what comes later is judged again
    uint32_t now_ms;
    // One is filled while the other one waits: openings[!next].
    struct chain_opening *openings;
    unsigned next;
    // Sessions that look-ups before did not find yet, by some bits of their keys' hashes.
    uint64_t opened[CHAIN_OPENED_WORDS];
};

static inline void chain_note_opened(struct chain_burst *b, const uint32_t hash[2])
{
    for (unsigned i = 0; i < 2; i++)
        b->opened[hash[i] / 64 % CHAIN_OPENED_WORDS] |= UINT64_C(1) << hash[i] % 64;
}

static inline int chain_may_be_opened(const struct chain_burst *b, uint32_t hash)
{
    return (int)(b->opened[hash / 64 % CHAIN_OPENED_WORDS] >> hash % 64 & 1);
}

// What is to become of a packet.
struct chain_outcome {
    struct session *session; // NULL: none, it goes on as it came
    uint8_t direction;       // enum session_direction
    uint8_t drop;            // API_DROP_NONE: forwarded
    uint8_t is_rejected;     // dropped, and the sender is told
    uint8_t with_reset;      // TCP: by a RST
    uint8_t is_waiting;      // in an opening, which will carry it out
    uint16_t identification; // of the whole packet whose fragment it is; 0: its own
};

static inline unsigned chain_side_of(const struct chain_burst *b, const struct packet *p)
{
    return p->in - b->f->first_attachment;
}

// process.c: verdicts. MACs are swapped where a packet goes back by where it came from.
void chain_drop(const struct chain_burst *b, struct rte_mbuf *m, uint8_t reason);
void chain_forward(const struct chain_burst *b, struct rte_mbuf *m, unsigned side);

// session.c: which session has a packet, or does it begin one? `hit` is what the burst's look-up
// found.
void chain_settle(struct chain_burst *b, struct rte_mbuf *m, const struct session_query *query,
                  const struct session_hit *hit, struct chain_outcome *outcome);
// session.c: the opening that waits, if there is one.
void chain_complete(struct chain_burst *b);
// session.c: a packet that belongs to many: nobody keeps anything for it.
void chain_settle_alone(struct chain_burst *b, struct rte_mbuf *m,
                        const struct session_query *query, struct chain_outcome *outcome);
// session.c: is it open, and still allowed? Ends it if not. 0 or 1.
int chain_is_allowed(struct chain_burst *b, struct session *s);
// session.c: the session that a packet with this query belongs to; NULL: none, or no longer.
struct session *chain_find(struct chain_burst *b, const struct session_query *query,
                           unsigned *direction);
// inherit.c, where config->home is not 0: the session that it becomes part of, made here of what
// the segment beside a new guest knows; NULL: there is none.
struct session *chain_inherit(struct chain_burst *b, const struct session_query *query,
                              unsigned *direction);
// session.c: translate and forward the packet, or drop it.
void chain_carry_out(struct chain_burst *b, struct rte_mbuf *m,
                     const struct chain_outcome *outcome);

// late.c: the packet, if it is a SYN, is answered in six seconds unless something comes of it.
void chain_late_add(const struct chain_burst *b, struct rte_mbuf *m);

// related.c: an ICMP error.
void chain_relate(struct chain_burst *b, struct rte_mbuf *m);

// fragments.c: *m is NULL afterwards where the packet waits or has been sent.
void chain_fragment_later(struct chain_burst *b, struct rte_mbuf **m);
// 0: it may be judged; else it has been dropped.
int chain_fragment_first(struct chain_burst *b, struct rte_mbuf *m);
// Carry out what was decided for a first fragment, and for those that have waited for it.
void chain_fragment_decided(struct chain_burst *b, struct rte_mbuf **m,
                            struct chain_outcome *outcome);

#endif
