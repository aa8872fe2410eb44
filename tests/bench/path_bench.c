// SPDX-License-Identifier: BSD-3-Clause
// What does a packet of an established session cost? Packets of many flows in random order, both
// ways, through a gateway (gateway.h), in bursts of 32: by flows or, with --walk, hop by hop; with
// --denied packets from outside that belong to none. Prints cycles a packet; ports cost nothing,
// packets are made before what is timed.
//
//   path-bench [--walk] [--denied] [FLOWS [FIREWALLS [WINDOWS]]]
//                                                     default 1000, 1, 256 (of 2048 packets)
//
// For instructions: valgrind --tool=callgrind --toggle-collect=gateway_path path-bench ...

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/core/packet.h"
#include "dataplane/core/qsbr.h"
#include "tests/bench/gateway.h"
#include "tests/lib/walk_lab.h"

#define BURST 32
#define WINDOW 64 // bursts of one figure
#define MAX_WINDOWS 4096
#define HEADERS_LEN 14

struct endpoints {
    uint32_t addresses[2];
    uint16_t ports[2];
};

static uint32_t n_flows = 1000;
static int is_denied;
static struct endpoints *flows[GATEWAY_N_PORTS]; // of packets that come in there
static uint64_t seed = 1;

static uint32_t draw(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)((seed >> 33) % n);
}

static void make(struct rte_mbuf **m, unsigned port, const uint32_t *numbers, unsigned n)
{
    if (rte_pktmbuf_alloc_bulk(walk_lab_pool(), m, n) < 0)
        abort();
    for (unsigned i = 0; i < n; i++) {
        const struct endpoints *e = &flows[port][numbers[i]];

        gateway_packet(m[i], port, e->addresses, e->ports);
    }
}

static void carry(unsigned port, uint32_t first, unsigned n, uint64_t *cycles)
{
    struct rte_mbuf *m[BURST];
    uint32_t numbers[BURST];

    for (unsigned i = 0; i < n; i++)
        numbers[i] = first == UINT32_MAX ? draw(n_flows) : first + i;
    make(m, port, numbers, n);
    *cycles += gateway_carry(m, n);
    qsbr_quiescent(0);
}

// What came out is what the other side answers to.
static void learn(uint32_t first)
{
    for (unsigned i = 0; i < gateway_n_sent; i++) {
        const struct rte_ipv4_hdr *ip =
            rte_pktmbuf_mtod_offset(gateway_sent[i], const struct rte_ipv4_hdr *, HEADERS_LEN);
        const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);

        flows[GATEWAY_OUT][first + i] =
            (struct endpoints){{ip->dst_addr, ip->src_addr}, {udp->dst_port, udp->src_port}};
    }
}

// Sessions of all, then a flow for each direction.
static void open_all(void)
{
    uint64_t cycles = 0;

    for (uint32_t i = 0; i < n_flows; i += BURST) {
        unsigned n = RTE_MIN(n_flows - i, (uint32_t)BURST);

        carry(GATEWAY_IN, i, n, &cycles);
        if (gateway_n_sent != n) {
            fprintf(stderr, "path-bench: %u of %u packets came through\n", gateway_n_sent, n);
            exit(1);
        }
        learn(i);
        gateway_forget();
        for (unsigned round = 0; round < 2; round++) {
            carry(GATEWAY_OUT, i, n, &cycles);
            carry(GATEWAY_IN, i, n, &cycles);
            gateway_forget();
        }
        if (i % 8192 == 0)
            gateway_tend();
    }
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void measure(unsigned n_windows)
{
    static double windows[MAX_WINDOWS];

    gateway_n_walked = 0;
    for (unsigned i = 0; i < n_windows; i++) {
        uint64_t cycles = 0;

        for (unsigned k = 0; k < WINDOW; k++) {
            carry(is_denied ? GATEWAY_OUT : k % 2, UINT32_MAX, BURST, &cycles);
            if (gateway_n_sent != (is_denied ? 0 : BURST)) {
                fprintf(stderr, "path-bench: %u of %u packets came through\n", gateway_n_sent,
                        BURST);
                exit(1);
            }
            gateway_forget();
        }
        windows[i] = (double)cycles / (WINDOW * BURST);
        gateway_tend();
    }
    qsort(windows, n_windows, sizeof(windows[0]), compare);
    printf("%u flows: cycles a packet: median %.0f, best tenth %.0f, best %.0f; %.1f %% walked\n",
           n_flows, windows[n_windows / 2], windows[n_windows / 10], windows[0],
           100.0 * (double)gateway_n_walked / (n_windows * WINDOW * BURST));
}

static void make_flows(void)
{
    for (unsigned i = 0; i < GATEWAY_N_PORTS; i++)
        flows[i] = calloc(n_flows, sizeof(flows[i][0]));
    for (uint32_t i = 0; i < n_flows; i++)
        flows[GATEWAY_IN][i] =
            (struct endpoints){{htonl(0x0a010000 + i % 65536), htonl(0xcb007100 + i % 1000)},
                               {htons((uint16_t)(1024 + i / 65536)), htons(53)}};
}

// To addresses of the NAT that nobody has asked from.
static void make_denied(void)
{
    uint64_t cycles = 0;

    for (uint32_t i = 0; i < n_flows; i++)
        flows[GATEWAY_OUT][i] =
            (struct endpoints){{htonl(0xcb007100 + i % 65536), htonl(0xc6336400 + i % 64)},
                               {htons((uint16_t)(1024 + i / 65536)), htons(22)}};
    for (unsigned round = 0; round < 2; round++)
        for (uint32_t i = 0; i + BURST <= n_flows; i += BURST)
            carry(GATEWAY_OUT, i, BURST, &cycles);
}

int main(int argc, char **argv)
{
    unsigned n_firewalls = 1, n_windows = 256;
    int is_walk = argc > 1 && strcmp(argv[1], "--walk") == 0;

    argc -= is_walk;
    argv += is_walk;
    is_denied = argc > 1 && strcmp(argv[1], "--denied") == 0;
    argc -= is_denied;
    argv += is_denied;
    if (argc > 1)
        n_flows = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        n_firewalls = (unsigned)strtoul(argv[2], NULL, 10);
    if (argc > 3)
        n_windows = (unsigned)strtoul(argv[3], NULL, 10);
    if (n_flows == 0 || n_flows > 1U << 22 || n_firewalls > 7 || n_windows == 0 ||
        n_windows > MAX_WINDOWS) {
        fprintf(stderr, "path-bench [--walk] [--denied] [FLOWS [FIREWALLS [WINDOWS]]]\n");
        return 1;
    }
    make_flows();
    gateway_start(n_flows + 1024, is_walk ? 0 : 4 * n_flows + 4096, n_firewalls);
    if (is_denied)
        make_denied();
    else
        open_all();
    measure(n_windows);
    gateway_end();
    return 0;
}
