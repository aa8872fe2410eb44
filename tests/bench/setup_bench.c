// SPDX-License-Identifier: BSD-3-Clause
// What does a new session cost on the walk? First packets, in bursts, from a port through a router
// and a chain of firewall and NAT to another port, as one worker carries them; beside it a thread
// does what the main thread does. No port is behind it: packets are made before, and let go of
// after, what is timed. Optional arguments: how many sessions (default 1048576), of how many inside
// hosts (65536), how many flows there may be (0: the walk alone). No root. For counts of
// instructions and cache misses:
//
//   valgrind --tool=callgrind --cache-sim=yes --toggle-collect=walk_burst setup-bench 100000

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ip.h>

#include "dataplane/chain/chain.h"
#include "dataplane/chain/state.h"
#include "dataplane/core/clock.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/flow/flow.h"
#include "dataplane/parse/parse.h"
#include "dataplane/port/tx.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/fragment.h"
#include "dataplane/session/state.h"
#include "dataplane/walk/walk.h"
#include "tests/bench/pauses.h"
#include "tests/bench/tending.h"
#include "tests/lib/packet_builder.h"
#include "tests/lib/walk_lab.h"
#include "vnf/functions.h"

#define N_BUFFERS 4095
#define WINDOW 8 // bursts of one figure
#define MAX_WINDOWS 16384
#define N_PARTS 16      // of the table's growth
#define WARM_BYTES 1024 // a session takes less, all in all
#define POOL_FIRST "198.51.100.0"
#define POOL_LAST "198.51.100.63"
#define HOST_MAC "52:54:00:00:00:01"
#define LAN_MAC "02:00:00:00:00:01"
#define N_DESTINATIONS 1000

enum { PORT_IN, PORT_OUT, N_PORTS };
enum { LAN, WAN, N_INTERFACES };

static uint32_t n_sessions = 1U << 20, n_hosts = 65536, n_flows;
static struct frame frame;
static struct rte_mbuf *sent[2 * BURST_SIZE];
static unsigned n_sent;
static struct pauses pauses;
static double windows[MAX_WINDOWS];
static unsigned n_windows;
// Loops in which this thread touched memory that nobody had made ready: a pause of ours, and not of
// the machine's.
static unsigned n_faulting;
static uint64_t longest_faulting; // cycles

static unsigned take(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n)
{
    (void)port;
    (void)queue;
    memcpy(&sent[n_sent], m, n * sizeof(m[0]));
    n_sent += n;
    return n;
}

static void no_watch(struct port *port)
{
    (void)port;
}

static const struct port_ops sink = {.name = "sink", .tx_burst = take, .watch = no_watch};

static void add(struct model *model, enum api_type type, const void *items, uint32_t n)
{
    if (model_add(model, type, items, n) < 0)
        abort();
}

static void add_router(struct model *model)
{
    const struct api_router router = {
        .name = "gw", .neighbor_limit = 16, .route_limit = 16, .dynamic_preference = 1};
    const struct api_interface interfaces[N_INTERFACES] = {
        {.name = "lan", .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500, .kernel_port = API_NONE},
        {.name = "wan", .mac = {2, 0, 0, 0, 0, 2}, .mtu = 1500, .kernel_port = API_NONE}};
    const struct api_interface_address addresses[N_INTERFACES] = {
        {.owner = LAN, .family = 4, .prefix_len = 8, .address = {10, 0, 0, 1}},
        {.owner = WAN, .family = 4, .prefix_len = 24, .address = {192, 0, 2, 2}}};
    const struct api_neighbor neighbor = {
        .owner = WAN, .family = 4, .mac = {82, 84, 0, 0, 0, 2}, .address = {192, 0, 2, 1}};
    const struct api_next_hop_group group = {.type = API_ROUTE_UNICAST};
    const struct api_next_hop hop = {
        .interface = WAN, .family = 4, .weight = 1, .address = {192, 0, 2, 1}};
    const struct api_route route = {.family = 4, .preference = 1};

    add(model, API_ROUTER, &router, 1);
    add(model, API_INTERFACE, interfaces, N_INTERFACES);
    add(model, API_INTERFACE_ADDRESS, addresses, N_INTERFACES);
    add(model, API_NEIGHBOR, &neighbor, 1);
    add(model, API_NEXT_HOP_GROUP, &group, 1);
    add(model, API_NEXT_HOP, &hop, 1);
    add(model, API_ROUTE, &route, 1);
}

static void add_functions(struct model *model)
{
    const struct api_firewall firewall = {
        .name = "fw", .default_in = API_ACTION_DENY, .default_out = API_ACTION_DENY};
    const struct api_nat nat = {.name = "nat",
                                .mapping = API_NAT_ENDPOINT_INDEPENDENT,
                                .filtering = API_NAT_ENDPOINT_INDEPENDENT,
                                .flags = API_NAT_FLAGS,
                                .port_first = 1024,
                                .port_last = 65535,
                                .host_limit = 65535};
    const struct api_nat_source source = {.seq = 10, .prefix_len = 8, .prefix = {10}};
    struct api_nat_pool pool = {0};
    struct api_rule rule = {.seq = 10,
                            .direction = API_DIRECTION_OUT,
                            .action = API_ACTION_ALLOW,
                            .family = 4,
                            .source_len = 8,
                            .source_port_last = UINT16_MAX,
                            .destination_port_last = UINT16_MAX,
                            .source_group = API_NONE,
                            .destination_group = API_NONE,
                            .source_port_group = API_NONE,
                            .destination_port_group = API_NONE,
                            .source = {10}};

    inet_pton(AF_INET, POOL_FIRST, pool.first);
    inet_pton(AF_INET, POOL_LAST, pool.last);
    add(model, API_FIREWALL, &firewall, 1);
    add(model, API_RULE, &rule, 1);
    add(model, API_NAT, &nat, 1);
    add(model, API_NAT_SOURCE, &source, 1);
    add(model, API_NAT_POOL, &pool, 1);
}

static void add_chains(struct model *model)
{
    const struct api_chain chains[] = {{.name = "inside",
                                        .inside = {.kind = API_END_PORT, .index = PORT_IN},
                                        .outside = {.kind = API_END_INTERFACE, .index = LAN}},
                                       {.name = "edge",
                                        .inside = {.kind = API_END_INTERFACE, .index = WAN},
                                        .outside = {.kind = API_END_PORT, .index = PORT_OUT}}};
    const struct api_chain_function functions[] = {{.owner = 1, .kind = API_FUNCTION_FIREWALL},
                                                   {.owner = 1, .kind = API_FUNCTION_NAT}};

    add(model, API_CHAIN, chains, 2);
    add(model, API_CHAIN_FUNCTION, functions, 2);
}

static void publish(void)
{
    struct api_tenant tenant = {.name = "blue",
                                .neighbor_limit = 16,
                                .session_limit = UINT32_MAX,
                                .half_open_limit = UINT32_MAX,
                                .source_session_limit = UINT32_MAX,
                                .fragment_limit = 16};
    const struct api_port ports[N_PORTS] = {walk_lab_port_config("in"),
                                            walk_lab_port_config("out")};
    struct model model;

    for (unsigned i = 0; i < API_N_TIMEOUTS; i++)
        tenant.timeout_sec[i] = 3600;
    model_init(&model);
    add(&model, API_TENANT, &tenant, 1);
    add(&model, API_PORT, ports, N_PORTS);
    add_router(&model);
    add_functions(&model);
    add_chains(&model);
    walk_lab_publish(&model);
    for (unsigned i = 0; i < N_PORTS; i++)
        walk_lab_port(i)->ops = &sink;
}

// The first packet of session number i: all hosts in turn, in no order, a port after the other.
static void make(struct rte_mbuf *m, uint32_t i)
{
    uint32_t source = htonl(0x0a010000 + (uint32_t)((uint64_t)i * 2654435761U % n_hosts));
    uint32_t destination = htonl(0xcb007100 + i % N_DESTINATIONS);
    uint16_t port = htons((uint16_t)(1024 + i / n_hosts));
    struct rte_ipv4_hdr *ip;
    char *bytes;

    m->data_off = RTE_PKTMBUF_HEADROOM;
    bytes = rte_pktmbuf_mtod(m, char *);
    memcpy(bytes, frame.bytes, frame.len);
    ip = (struct rte_ipv4_hdr *)(void *)(bytes + frame.ip4_off);
    ip->src_addr = source;
    ip->dst_addr = destination;
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    memcpy(bytes + frame.l4_off, &port, sizeof(port));
    memset(bytes + frame.l4_off + 6, 0, 2); // without a checksum, as UDP may be
    m->data_len = (uint16_t)frame.len;
    m->pkt_len = frame.len;
    packet_of(m)->in_port = (uint16_t)walk_lab_port(PORT_IN)->slot;
    packet_of(m)->offload = 0;
    packet_of(m)->gso_size = 0;
}

// As worker.c does. Returns cycles.
static uint64_t carry(struct rte_mbuf **m, unsigned n)
{
    struct walk_context ctx = walk_lab_context();
    uint32_t now_ms;

    parse_burst(m, n);
    n = flow_burst(&ctx, m, n);
    if (n > 0)
        walk_burst(&ctx, m, n);
    flow_compose(&ctx);
    port_tx_flush(ctx.tx);
    now_ms = session_clock_ms(ctx.now_tsc);
    session_age(0, now_ms, 0);
    fragment_age(0, now_ms);
    flow_age(0, clock_sec(), 0);
    qsbr_quiescent(0);
    return rte_rdtsc() - ctx.now_tsc;
}

// Of this thread.
static long page_faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

static uint64_t carry_window(uint32_t first, uint32_t n)
{
    uint64_t cycles = 0;

    for (uint32_t i = 0; i < n; i += BURST_SIZE) {
        struct rte_mbuf *m[BURST_SIZE];
        unsigned n_burst = RTE_MIN(n - i, (uint32_t)BURST_SIZE);
        uint64_t once;
        long faults;

        if (rte_pktmbuf_alloc_bulk(walk_lab_pool(), m, n_burst) < 0)
            abort();
        for (unsigned k = 0; k < n_burst; k++)
            make(m[k], first + i + k);
        faults = page_faults();
        once = carry(m, n_burst);
        if (page_faults() != faults) {
            n_faulting++;
            longest_faulting = RTE_MAX(longest_faulting, once);
        }
        pauses_add(&pauses, once);
        cycles += once;
        rte_pktmbuf_free_bulk(sent, n_sent);
        n_sent = 0;
    }
    return cycles;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static uint64_t carry_all(void)
{
    uint64_t cycles = 0;

    for (uint32_t i = 0; i < n_sessions;) {
        uint32_t n = RTE_MIN(n_sessions - i, (uint32_t)(WINDOW * BURST_SIZE));
        uint64_t once = carry_window(i, n);

        if (n_windows < MAX_WINDOWS)
            windows[n_windows++] = (double)once / n;
        cycles += once;
        i += n;
    }
    return cycles;
}

// Others run on the machine, too: what is undisturbed is the best tenth, of each part of the
// growth, for a large table costs more.
static void print_cycles(double mean)
{
    unsigned n = n_windows / N_PARTS;
    double best = 0, median = 0;

    for (unsigned i = 0; n > 0 && i < N_PARTS; i++) {
        qsort(&windows[i * n], n, sizeof(windows[0]), compare);
        best += windows[i * n + n / 10] / N_PARTS;
        median += windows[i * n + n / 2] / N_PARTS;
    }
    printf("cycles a session: mean %.0f, median %.0f, best tenth %.0f\n", mean, median, best);
}

static void measure(void)
{
    double hz = (double)rte_get_tsc_hz();
    uint32_t n_open, n_half_open;
    uint64_t cycles;

    if (tending_start() != 0)
        return;
    pauses_print_machine(hz);
    qsbr_online(0);
    cycles = carry_all();
    session_chain_counts(session_chain_id("blue", "edge"), &n_open, &n_half_open);
    printf("%u packets, %u sessions: %.2f M a second\n", n_sessions, n_open,
           n_sessions / ((double)cycles / hz) / 1e6);
    print_cycles((double)cycles / n_sessions);
    pauses_print(&pauses, "longest loops", hz);
    printf("loops with page faults: %u, the longest %.1f us\n", n_faulting,
           (double)longest_faulting / hz * 1e6);
    printf("without memory: %lu packets\n", walk_lab_drops(PORT_IN, DROP_SESSION_NO_MEMORY));
    qsbr_offline(0);
    tending_stop();
}

static void make_frame(void)
{
    frame_ether(&frame, LAN_MAC, HOST_MAC);
    frame_ip4(&frame, "10.0.0.2", "203.0.113.1");
    frame_udp(&frame, 1, 53);
    frame_payload(&frame, 18);
    frame_end(&frame);
}

// A virtual machine may have memory only once it is touched, page by page from its host: that is
// not what is measured.
static void warm_memory(void)
{
    size_t size = (size_t)n_sessions * WARM_BYTES;
    char *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (memory != MAP_FAILED)
        munmap(memory, size);
}

static int start(const char *dir, struct error *e)
{
    int rc = state_init(dir, e);

    session_clock_init(NULL);
    if (rc == 0)
        rc = session_init(1, n_sessions + 128, e);
    if (rc == 0)
        rc = flow_init(1, n_flows, e);
    if (rc == 0)
        rc = chains_init(e);
    if (rc == 0)
        rc = fragment_init(1, e);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct function_ops *kinds[16];
    char dir[] = "/dev/shm/culvert-bench-XXXXXX", path[64];
    struct error e = {0};
    unsigned n = 0;
    int rc;

    if (argc > 1)
        n_sessions = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        n_hosts = (uint32_t)strtoul(argv[2], NULL, 10);
    if (argc > 3)
        n_flows = (uint32_t)strtoul(argv[3], NULL, 10);
    if (n_sessions == 0 || n_hosts == 0 || n_sessions / n_hosts >= 64512 || mkdtemp(dir) == NULL) {
        fprintf(stderr, "setup-bench [SESSIONS [HOSTS [FLOWS]]]\n");
        return 1;
    }
    snprintf(path, sizeof(path), "%s/kept", dir);
    for (; vnf_functions[n] != NULL; n++)
        kinds[n] = vnf_functions[n];
    kinds[n] = &chain_ops;
    warm_memory();
    walk_lab_init(kinds, N_BUFFERS);
    clock_update();
    qsbr_init(1);
    rc = start(dir, &e);
    if (rc == 0) {
        make_frame();
        publish();
        measure();
        generation_publish(NULL);
    } else {
        fprintf(stderr, "setup-bench: %s\n", e.sentence);
    }
    state_fini();
    unlink(path);
    rmdir(dir);
    return rc == 0 ? 0 : 1;
}
