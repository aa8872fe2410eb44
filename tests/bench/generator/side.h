// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_SIDE_H
#define TESTS_BENCH_GENERATOR_SIDE_H

// One of the two guests: a virtio-user port with its pools, what it sends and what it saw.
// Everything is written by the one thread that there is.

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "tests/bench/generator/flows.h"
#include "tests/bench/generator/frame.h"
#include "tests/bench/generator/options.h"

#define IMIX_PERIOD 48 // 28 x 64, 16 x 570, 4 x 1518 bytes

// Zeroed by side_forget. Frames of ours count in the stats of the side that received them.
struct side_stats {
    uint64_t n_tx;
    uint64_t n_tx_refused; // the ring was full, or the schedule could not be kept
    uint64_t n_tx_bursts;
    uint64_t n_tx_full;  // bursts of which the ring refused at least one frame
    uint64_t n_rx;       // frames that the other side sent
    uint64_t n_rx_bytes; // of those, without FCS
    uint64_t n_rx_late;  // of those, with an older number than seen before: reordered or doubled
    uint64_t n_rx_reflected; // frames that this side had sent
    uint64_t n_rx_foreign;   // frames that nobody here sent
    uint64_t n_rx_bursts;    // polls that brought a frame
    uint64_t n_rx_polls;
    uint64_t n_checked;            // of n_rx: one a burst, if the DUT is to be a router
    uint64_t n_wrong;              // of those
    const char *fault;             // of the first wrong one
    uint64_t n_by_path[PATHS_MAX]; // of those checked and right: by next hop
};

struct side {
    uint16_t port_id;
    uint16_t burst_size;
    enum side_id id;
    bool is_sending;
    uint32_t n_paths;            // next hops that frames may come to; 0: they are not checked
    struct rte_mempool *tx_pool; // apart from rx: payloads in it stay zero
    struct rte_mempool *rx_pool;
    struct frame_template template;
    const struct flows *flows;
    uint32_t flow_next;
    uint32_t len_next;
    uint32_t n_lens;
    uint16_t lens[IMIX_PERIOD]; // without FCS
    uint32_t tx_seq;
    uint32_t rx_seq; // expected next
    uint16_t pending_first;
    uint16_t n_pending;
    struct rte_mbuf *pending[BURST_MAX]; // written, and not yet taken by the ring
    struct side_stats stats;
};

// The device's EAL argument, ready after rte_eal_init as port "net_virtio_user<side>".
int side_vdev(char *buf, size_t size, const struct options *o, enum side_id id);

// Set up and start the port. `f` must outlive the side. 0 or -errno, the reason is printed.
int side_init(struct side *s, const struct options *o, const struct flows *f, enum side_id id);
void side_fini(struct side *s);

// Poll once. Returns the number of frames taken, ours or not.
unsigned side_receive(struct side *s);

// Send up to `budget` frames of the next flows, at most one burst. Returns how many the ring took;
// what it refused is kept for the next call.
unsigned side_send(struct side *s, unsigned budget);

// Start counting anew; nothing of the past may be under way.
void side_forget(struct side *s);

#endif
