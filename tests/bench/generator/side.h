// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_SIDE_H
#define TESTS_BENCH_GENERATOR_SIDE_H

// A guest: a virtio-user port with its pools, what it sends and what it saw. Two of them are a
// pair. Everything is written by the one thread that there is.

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "tests/bench/generator/flows.h"
#include "tests/bench/generator/frame.h"
#include "tests/bench/generator/histogram.h"
#include "tests/bench/generator/options.h"

#define SOCKET_PATH_SIZE 108
#define IMIX_PERIOD 48 // 28 x 64, 16 x 570, 4 x 1518 bytes

// Zeroed by side_forget. Frames of ours count in the stats of the side that received them.
struct side_stats {
    uint64_t n_tx;
    uint64_t n_tx_refused; // the ring was full
    uint64_t n_tx_late;    // not written when they were due, though the ring had room
    uint64_t n_tx_bursts;
    uint64_t n_tx_full;  // bursts of which the ring refused at least one frame
    uint64_t n_tx_new;   // written ones that began a flow
    uint64_t n_rx;       // frames that the other side sent
    uint64_t n_rx_bytes; // of those, without FCS
    uint64_t n_rx_late;  // of those, with an older number than seen before: reordered or doubled
    uint64_t n_rx_reflected; // frames that this side had sent
    uint64_t n_rx_foreign;   // frames that nobody of this pair sent
    uint64_t n_rx_bursts;    // polls that brought a frame
    uint64_t n_rx_polls;
    uint64_t n_checked;            // of n_rx: one a burst, if the DUT is to be a router
    uint64_t n_wrong;              // of those
    const char *fault;             // of the first wrong one
    uint64_t n_by_path[PATHS_MAX]; // of those checked and right: by next hop
};

struct side {
    const struct options *options;
    struct side *peer;
    uint16_t port_id;
    uint16_t burst_size;
    enum side_id id;
    bool is_sending;
    bool is_learning;            // by frames that begin a flow: B of a pair around a NAT
    bool is_noting;              // flows of frames in `seen`,
    bool is_proving;             // if they are right
    bool is_all_new;             // each frame sent begins a flow
    bool is_blocked;             // the ring refused a frame when it was offered one last
    uint32_t n_paths;            // next hops that frames may come to; 0: they are not checked
    struct rte_mempool *tx_pool; // apart from rx: payloads in it stay zero
    struct rte_mempool *rx_pool;
    struct frame_template template;
    struct flows *flows; // what it sends and expects; with a NAT B's are not A's
    uint64_t *seen;      // with a NAT: a bit for each flow that has come
    uint32_t n_seen;
    uint32_t n_translated; // of those, not with the source that they were sent with
    uint32_t flow_next;
    uint32_t flow_base; // place of the flow that went with number seq_base
    uint32_t seq_base;
    uint32_t churn_period; // of so many frames one begins a flow, 0: none
    uint32_t churn_left;
    uint32_t len_next;
    uint32_t n_lens;
    uint16_t lens[IMIX_PERIOD]; // without FCS
    uint32_t tx_seq;
    uint32_t rx_seq; // expected next
    uint16_t pending_first;
    uint16_t n_pending;
    struct rte_mbuf *pending[BURST_MAX]; // written, and not yet taken by the ring
    uint64_t credit;                     // frames due at the wanted rate, x cycles_per_sec
    struct histogram *latency;           // in cycles, NULL: frames carry no time
    struct side_stats stats;
};

// Where a side's socket is: the option with the pair's number in it. 0 or -ENAMETOOLONG.
int side_socket(char *buf, size_t size, const struct options *o, uint32_t pair, enum side_id id);

// The EAL argument of a side's device, which is its port after rte_eal_init.
int side_vdev(char *buf, size_t size, const struct options *o, uint32_t pair, enum side_id id);

// Set up and start the port. `f` must outlive the side, and may be the peer's. 0 or -errno, the
// reason is printed.
int side_init(struct side *s, const struct options *o, struct flows *f, uint32_t pair,
              enum side_id id);
void side_fini(struct side *s);

// receive.c: poll once. Returns the number of frames taken, ours or not.
unsigned side_receive(struct side *s);

// Send up to `budget` frames of the next flows, at most one burst. Returns how many the ring took;
// what it refused is kept for the next call.
unsigned side_send(struct side *s, unsigned budget);

// The next frame is of the flow at this place. What is written and not sent is given up.
void side_seek(struct side *s, uint32_t place);

// Forget which flows have come.
void side_forget_seen(struct side *s);

// Start counting anew; nothing of the past may be under way.
void side_forget(struct side *s);

#endif
