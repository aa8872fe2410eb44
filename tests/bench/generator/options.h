// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_OPTIONS_H
#define TESTS_BENCH_GENERATOR_OPTIONS_H

// What the user asked for, checked. Written once by options_parse, read by everyone.

#include <stdbool.h>
#include <stdint.h>

#define BURST_MAX 64
#define FCS_LEN 4 // counted in every frame size, never in the mbuf: 64 bytes are 60 there
#define FRAME_SIZE_MIN 64
#define FRAME_SIZE_MAX 9000
#define FRAME_SIZE_MIN_IP6 78 // headers and mark
#define FRAME_SIZE_IMIX 0
#define MACS_MAX 65536 // two bytes of the address count them
#define FLOWS_MAX (16U << 20)
#define PATHS_MAX 64
#define PAIRS_MAX 64
#define VLANS_MAX 4094
#define FRAME_SIZE_MIN_STAMP 64     // with a stamp behind the mark,
#define FRAME_SIZE_MIN_STAMP_TAG 68 // and with a VLAN tag before it

enum side_id { SIDE_A, SIDE_B, N_SIDES };

struct options {
    const char *paths[N_SIDES]; // vhost-user sockets; '%' stands for the number of the pair
    uint32_t n_pairs;           // of ports, of all parts
    uint32_t part; // which of n_parts processes this is: each has its share of the pairs
    uint32_t n_parts;
    bool is_server; // we listen, the DUT dials
    bool is_packed;
    uint16_t queue_size;
    const char *vdev_extra; // appended to both virtio-user devices, may be ""
    uint16_t burst_size;
    uint32_t n_flows;
    uint32_t n_macs;
    uint32_t n_vlans;    // between which flows are shared out, IDs 1, 2, …; 0: no tags
    uint32_t n_routes;   // to which frames go, half of them behind each side; 0: a switch's frames
    uint32_t n_paths;    // next hops of each side, which are checked; 0: not
    uint32_t frame_size; // with FCS, or FRAME_SIZE_IMIX
    unsigned family;     // 4 or 6
    uint64_t rate_pps;   // per direction, 0: as fast as possible
    uint32_t window;     // frames of a direction and a pair under way, 0: no limit
    double churn;        // share of A's frames that begin a flow
    double warmup_sec;
    double duration_sec;
    double wait_sec; // for the DUT: connection and first frame
    bool is_sending[N_SIDES];
    bool is_random; // order of flows
    bool is_learning;
    bool is_nat;           // B sends to what it has seen of A's flows, not to what A has sent
    bool is_stamped;       // frames carry the time
    bool is_commanded;     // by lines on stdin
    bool is_distance;      // measure how far apart two CPUs are, and nothing else
    unsigned cpus[2];      // of these
    double every_sec;      // again and again, 0: once
    const char *json_path; // NULL: no JSON, "-": stdout
};

// Parse argv up to "--". *n_used is the number of words taken, "--" included: the rest is EAL's.
// 0, -EINVAL after a message on stderr, or -ECANCELED after --help.
int options_parse(struct options *o, int argc, char **argv, int *n_used);

#endif
