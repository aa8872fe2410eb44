// SPDX-License-Identifier: BSD-3-Clause
// What does the user want to send? Called once by main before EAL starts; nothing here knows DPDK.
// Every number is checked against its range here, so that the rest of the generator need not.
// Next: main.c.
#include "tests/bench/generator/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/arguments.h"
#include "tests/bench/routes/prefixes.h"

#define SEC_MAX 86400

static const char usage[] =
    "usage: culvert-generator --a SOCKET --b SOCKET [options] -- [EAL arguments]\n"
    "Pairs of virtio-user ports (a guest's side of vhost-user) that load a switch, a router or a "
    "chain.\n"
    "SOCKET may be iface:NAME, an interface of the kernel.\n"
    "  --pairs N          so many pairs of ports; % in SOCKET is a pair's number, from 0 (1)\n"
    "  --part I/N         this is process I, from 0, of N that share pairs and a core: DPDK has\n"
    "                     but 32 ports in a process (0/1)\n"
    "  --server           listen on both sockets, the DUT dials (default: we dial)\n"
    "  --packed           offer packed rings\n"
    "  --queue-size N     descriptors per ring (1024)\n"
    "  --vdev-extra LIST  more arguments for both devices, e.g. in_order=0,mrg_rxbuf=0\n"
    "  --burst N          frames per call, at most 64 (64)\n"
    "  --flows N          distinct 5-tuples (1)\n"
    "  --macs N           distinct MAC addresses per side, 02:00:00:aa:x:x and :bb: (1)\n"
    "  --size BYTES|imix  frame with its 4 bytes of FCS: 64 means 60 in the ring (64)\n"
    "  --family 4|6       IPv4 or IPv6; 6 needs --size 78 or more (4)\n"
    "  --routes N         to the MACs of a router, 02:00:00:0a:00:00 and :0b:, and to addresses "
    "in\n"
    "                     the first N prefixes of culvert-route-loader, a flow or more in each\n"
    "  --vlans N          frames are tagged, flows shared out between the VLANs 1 to N\n"
    "  --nat              A is inside a NAT: B sends to the source that it has seen of each flow.\n"
    "                     All flows are set up and proven first, both ways\n"
    "  --churn SHARE      of A's frames begin a flow in place of an older one (0)\n"
    "  --paths N          check a frame of each burst: routed, to one of N next hops, "
    "02:00:00:aa:0:x\n"
    "  --order random|sequential  of the flows (random: a permutation made in advance)\n"
    "  --direction both|ab|ba     (both)\n"
    "  --rate PPS         per direction, 0: as fast as possible (0)\n"
    "  --window N         at most N frames of a direction and pair under way (as many as go)\n"
    "  --latency          frames carry the time; IPv4, tagged ones of 68 bytes or more\n"
    "  --learn            first send one frame from each MAC address, on both sides\n"
    "  --warmup SEC       load before the measurement (1)\n"
    "  --duration SEC     of the measurement (5)\n"
    "  --wait SEC         for the DUT to connect and to pass a first frame (20)\n"
    "  --json FILE        results as JSON, a line each, - for stdout\n"
    "  --commands         do what lines on stdin say, else: setup, load, trial. RATE is per\n"
    "                     direction, 0: as fast as possible\n"
    "    setup            pass a first frame, learn, prove all flows\n"
    "    open             instead: all flows begin as fast as they can; then they are proven\n"
    "    cycles           instead: each flow is a TCP connection from SYN to the last ACK\n"
    "    load RATE SEC    and count nothing\n"
    "    trial RATE SEC   what is lost and how fast it is\n"
    "    burst FRAMES     in each direction, back to back\n"
    "  --distance CPU,CPU only print the cycles that a cache line takes there and back\n"
    "  --every SEC        again and again, with --distance\n";

enum option_key {
    KEY_A = 1,
    KEY_B,
    KEY_SERVER,
    KEY_PACKED,
    KEY_QUEUE_SIZE,
    KEY_VDEV_EXTRA,
    KEY_BURST,
    KEY_FLOWS,
    KEY_MACS,
    KEY_SIZE,
    KEY_FAMILY,
    KEY_ROUTES,
    KEY_PATHS,
    KEY_ORDER,
    KEY_DIRECTION,
    KEY_RATE,
    KEY_WINDOW,
    KEY_LEARN,
    KEY_WARMUP,
    KEY_DURATION,
    KEY_WAIT,
    KEY_JSON,
    KEY_DISTANCE,
    KEY_EVERY,
    KEY_PAIRS,
    KEY_PART,
    KEY_VLANS,
    KEY_NAT,
    KEY_CHURN,
    KEY_LATENCY,
    KEY_COMMANDS,
};

static const struct option long_options[] = {
    {"a", required_argument, NULL, KEY_A},
    {"b", required_argument, NULL, KEY_B},
    {"server", no_argument, NULL, KEY_SERVER},
    {"packed", no_argument, NULL, KEY_PACKED},
    {"queue-size", required_argument, NULL, KEY_QUEUE_SIZE},
    {"vdev-extra", required_argument, NULL, KEY_VDEV_EXTRA},
    {"burst", required_argument, NULL, KEY_BURST},
    {"flows", required_argument, NULL, KEY_FLOWS},
    {"macs", required_argument, NULL, KEY_MACS},
    {"size", required_argument, NULL, KEY_SIZE},
    {"family", required_argument, NULL, KEY_FAMILY},
    {"routes", required_argument, NULL, KEY_ROUTES},
    {"paths", required_argument, NULL, KEY_PATHS},
    {"order", required_argument, NULL, KEY_ORDER},
    {"direction", required_argument, NULL, KEY_DIRECTION},
    {"rate", required_argument, NULL, KEY_RATE},
    {"window", required_argument, NULL, KEY_WINDOW},
    {"learn", no_argument, NULL, KEY_LEARN},
    {"warmup", required_argument, NULL, KEY_WARMUP},
    {"duration", required_argument, NULL, KEY_DURATION},
    {"wait", required_argument, NULL, KEY_WAIT},
    {"json", required_argument, NULL, KEY_JSON},
    {"distance", required_argument, NULL, KEY_DISTANCE},
    {"every", required_argument, NULL, KEY_EVERY},
    {"pairs", required_argument, NULL, KEY_PAIRS},
    {"part", required_argument, NULL, KEY_PART},
    {"vlans", required_argument, NULL, KEY_VLANS},
    {"nat", no_argument, NULL, KEY_NAT},
    {"churn", required_argument, NULL, KEY_CHURN},
    {"latency", no_argument, NULL, KEY_LATENCY},
    {"commands", no_argument, NULL, KEY_COMMANDS},
    {"help", no_argument, NULL, ARGUMENT_HELP},
    {NULL, 0, NULL, 0},
};

static int parse_real(const char *text, double max, double *out)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(value) || value < 0 || value > max)
        return -EINVAL;
    *out = value;
    return 0;
}

static int parse_sec(const char *text, double *out)
{
    return parse_real(text, SEC_MAX, out);
}

static int parse_size(const char *text, uint32_t *out)
{
    if (strcmp(text, "imix") == 0) {
        *out = FRAME_SIZE_IMIX;
        return 0;
    }
    return argument_u32(text, FRAME_SIZE_MIN, FRAME_SIZE_MAX, out);
}

static int parse_direction(const char *text, bool *is_sending)
{
    is_sending[SIDE_A] = strcmp(text, "ba") != 0;
    is_sending[SIDE_B] = strcmp(text, "ab") != 0;
    if (strcmp(text, "both") != 0 && is_sending[SIDE_A] && is_sending[SIDE_B])
        return -EINVAL;
    return 0;
}

static int parse_order(const char *text, bool *is_random)
{
    *is_random = strcmp(text, "random") == 0;
    return *is_random || strcmp(text, "sequential") == 0 ? 0 : -EINVAL;
}

// Half of them behind each side.
static int parse_routes(const char *text, uint32_t *n_routes)
{
    int err = argument_u32(text, N_SIDES, PREFIXES_MAX, n_routes);

    return err == 0 && *n_routes % N_SIDES != 0 ? -EINVAL : err;
}

static int parse_cpus(const char *text, unsigned *cpus)
{
    int n_read = 0;

    if (sscanf(text, "%u,%u%n", &cpus[0], &cpus[1], &n_read) != 2 || text[n_read] != '\0')
        return -EINVAL;
    return 0;
}

static int parse_part(const char *text, struct options *o)
{
    int n_read = 0;

    if (sscanf(text, "%u/%u%n", &o->part, &o->n_parts, &n_read) != 2 || text[n_read] != '\0')
        return -EINVAL;
    return o->n_parts <= PAIRS_MAX && o->part < o->n_parts ? 0 : -EINVAL;
}

// What shapes the frames; the rest is below.
static int take_traffic(struct options *o, int key, const char *text)
{
    switch (key) {
    case KEY_FLOWS:
        return argument_u32(text, 1, FLOWS_MAX, &o->n_flows);
    case KEY_MACS:
        return argument_u32(text, 1, MACS_MAX, &o->n_macs);
    case KEY_SIZE:
        return parse_size(text, &o->frame_size);
    case KEY_FAMILY:
        return argument_family(text, &o->family);
    case KEY_ROUTES:
        return parse_routes(text, &o->n_routes);
    case KEY_PATHS:
        return argument_u32(text, 1, PATHS_MAX, &o->n_paths);
    case KEY_ORDER:
        return parse_order(text, &o->is_random);
    case KEY_DIRECTION:
        return parse_direction(text, o->is_sending);
    case KEY_RATE:
        return argument_u64(text, 0, 1000000000, &o->rate_pps);
    case KEY_WINDOW:
        return argument_u32(text, 1, 32768, &o->window);
    case KEY_LEARN:
        o->is_learning = true;
        return 0;
    case KEY_VLANS:
        return argument_u32(text, 1, VLANS_MAX, &o->n_vlans);
    case KEY_NAT:
        o->is_nat = true;
        return 0;
    case KEY_CHURN:
        return parse_real(text, 1, &o->churn);
    case KEY_LATENCY:
        o->is_stamped = true;
        return 0;
    case KEY_WARMUP:
        return parse_sec(text, &o->warmup_sec);
    case KEY_DURATION:
        return parse_sec(text, &o->duration_sec);
    case KEY_WAIT:
        return parse_sec(text, &o->wait_sec);
    default:
        return -EINVAL;
    }
}

static int take_option(void *options, int key, const char *text)
{
    struct options *o = options;

    switch (key) {
    case KEY_A:
        o->paths[SIDE_A] = text;
        return 0;
    case KEY_B:
        o->paths[SIDE_B] = text;
        return 0;
    case KEY_SERVER:
        o->is_server = true;
        return 0;
    case KEY_PACKED:
        o->is_packed = true;
        return 0;
    case KEY_QUEUE_SIZE:
        return argument_u16(text, 2 * BURST_MAX, 32768, &o->queue_size);
    case KEY_VDEV_EXTRA:
        o->vdev_extra = text;
        return 0;
    case KEY_BURST:
        return argument_u16(text, 1, BURST_MAX, &o->burst_size);
    case KEY_DISTANCE:
        o->is_distance = true;
        return parse_cpus(text, o->cpus);
    case KEY_PAIRS:
        return argument_u32(text, 1, PAIRS_MAX, &o->n_pairs);
    case KEY_PART:
        return parse_part(text, o);
    case KEY_COMMANDS:
        o->is_commanded = true;
        return 0;
    case KEY_EVERY:
        return parse_sec(text, &o->every_sec);
    case KEY_JSON:
        o->json_path = text;
        return 0;
    default:
        return take_traffic(o, key, text);
    }
}

static const char *contradiction_of_flows(const struct options *o)
{
    uint32_t stamped = o->n_vlans > 0 ? FRAME_SIZE_MIN_STAMP_TAG : FRAME_SIZE_MIN_STAMP;

    if (o->n_pairs > 1 &&
        (strchr(o->paths[SIDE_A], '%') == NULL || strchr(o->paths[SIDE_B], '%') == NULL))
        return "--pairs needs a % in the names of the sockets";
    if ((o->n_vlans > 0 || o->is_nat || o->churn > 0) && (o->n_routes == 0 || o->family == 6))
        return "--vlans, --nat and --churn need --routes, and IPv4";
    if (o->is_nat && (o->n_paths == 0 || !o->is_sending[SIDE_A] || !o->is_sending[SIDE_B]))
        return "--nat needs --paths and both directions";
    // The IMIX has frames of 64 bytes.
    if (o->is_stamped &&
        (o->family == 6 ||
         (o->frame_size != FRAME_SIZE_IMIX ? o->frame_size < stamped : o->n_vlans > 0)))
        return "--latency needs IPv4, and with --vlans --size 68 or more";
    if (o->n_parts > o->n_pairs)
        return "--part: no process may be without a pair";
    if (o->n_vlans > 0 && o->n_pairs > 1)
        return "--vlans needs one pair";
    return NULL;
}

// What options say of each other. 0 or a message.
static const char *contradiction(const struct options *o)
{
    if (o->paths[SIDE_A] == NULL || o->paths[SIDE_B] == NULL)
        return "--a and --b are needed, see --help";
    if (o->family == 6 && o->frame_size < FRAME_SIZE_MIN_IP6)
        return "--family 6 needs --size 78 or more";
    if (o->n_routes > 0 && (o->n_macs > 1 || o->is_learning))
        return "--routes goes with neither --macs nor --learn";
    if (o->n_paths > 0 && o->n_routes == 0)
        return "--paths needs --routes";
    return contradiction_of_flows(o);
}

// Each route, pair and VLAN is met.
static uint32_t least_flows(const struct options *o)
{
    uint32_t n = o->n_routes / N_SIDES;

    n = n < o->n_pairs ? o->n_pairs : n;
    return n < o->n_vlans ? o->n_vlans : n;
}

int options_parse(struct options *o, int argc, char **argv, int *n_used)
{
    static const struct arguments arguments = {"culvert-generator", usage, long_options,
                                               take_option};
    const char *reason;
    int err;

    *o = (struct options){.queue_size = 1024,
                          .vdev_extra = "",
                          .burst_size = BURST_MAX,
                          .n_flows = 1,
                          .n_macs = 1,
                          .n_pairs = 1,
                          .n_parts = 1,
                          .family = 4,
                          .frame_size = FRAME_SIZE_MIN,
                          .warmup_sec = 1,
                          .duration_sec = 5,
                          .wait_sec = 20,
                          .is_sending = {true, true},
                          .is_random = true};
    err = arguments_parse(&arguments, o, argc, argv);
    if (err < 0)
        return err;
    if (o->is_distance)
        return 0;
    reason = contradiction(o);
    if (reason != NULL) {
        fprintf(stderr, "culvert-generator: %s\n", reason);
        return -EINVAL;
    }
    if (o->n_flows < least_flows(o))
        o->n_flows = least_flows(o);
    if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
        fprintf(stderr, "culvert-generator: unexpected word: %s\n", argv[optind]);
        return -EINVAL;
    }
    *n_used = optind;
    return 0;
}
