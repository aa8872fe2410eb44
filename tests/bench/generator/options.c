// SPDX-License-Identifier: BSD-3-Clause
// What does the user want to send? Called once by main before EAL starts; nothing here knows DPDK.
// Every number is checked against its range here, so that the rest of the generator need not.
// Next: main.c.
#include "tests/bench/generator/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: culvert-generator --a SOCKET --b SOCKET [options] -- [EAL arguments]\n"
    "Two virtio-user ports (a guest's side of vhost-user) that load a switch or a chain.\n"
    "  --server           listen on both sockets, the DUT dials (default: we dial)\n"
    "  --packed           offer packed rings\n"
    "  --queue-size N     descriptors per ring (1024)\n"
    "  --vdev-extra LIST  more arguments for both devices, e.g. in_order=0,mrg_rxbuf=0\n"
    "  --burst N          frames per call, at most 64 (64)\n"
    "  --flows N          distinct 5-tuples (1)\n"
    "  --macs N           distinct MAC addresses per side, 02:00:00:aa:x:x and :bb: (1)\n"
    "  --size BYTES|imix  frame with its 4 bytes of FCS: 64 means 60 in the ring (64)\n"
    "  --order random|sequential  of the flows (random: a permutation made in advance)\n"
    "  --direction both|ab|ba     (both)\n"
    "  --rate PPS         per direction, 0: as fast as possible (0)\n"
    "  --learn            first send one frame from each MAC address, on both sides\n"
    "  --warmup SEC       load before the measurement (1)\n"
    "  --duration SEC     of the measurement (5)\n"
    "  --wait SEC         for the DUT to connect and to pass a first frame (20)\n"
    "  --json FILE        result as JSON, - for stdout\n"
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
    KEY_ORDER,
    KEY_DIRECTION,
    KEY_RATE,
    KEY_LEARN,
    KEY_WARMUP,
    KEY_DURATION,
    KEY_WAIT,
    KEY_JSON,
    KEY_DISTANCE,
    KEY_EVERY,
    KEY_HELP,
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
    {"order", required_argument, NULL, KEY_ORDER},
    {"direction", required_argument, NULL, KEY_DIRECTION},
    {"rate", required_argument, NULL, KEY_RATE},
    {"learn", no_argument, NULL, KEY_LEARN},
    {"warmup", required_argument, NULL, KEY_WARMUP},
    {"duration", required_argument, NULL, KEY_DURATION},
    {"wait", required_argument, NULL, KEY_WAIT},
    {"json", required_argument, NULL, KEY_JSON},
    {"distance", required_argument, NULL, KEY_DISTANCE},
    {"every", required_argument, NULL, KEY_EVERY},
    {"help", no_argument, NULL, KEY_HELP},
    {NULL, 0, NULL, 0},
};

static int parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < min || value > max)
        return -EINVAL;
    *out = value;
    return 0;
}

static int parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t value;
    int err = parse_count(text, min, max, &value);

    if (err == 0)
        *out = (uint32_t)value;
    return err;
}

static int parse_u16(const char *text, uint16_t min, uint16_t max, uint16_t *out)
{
    uint64_t value;
    int err = parse_count(text, min, max, &value);

    if (err == 0)
        *out = (uint16_t)value;
    return err;
}

static int parse_sec(const char *text, double *out)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(value) || value < 0 || value > 86400)
        return -EINVAL;
    *out = value;
    return 0;
}

static int parse_size(const char *text, uint32_t *out)
{
    if (strcmp(text, "imix") == 0) {
        *out = FRAME_SIZE_IMIX;
        return 0;
    }
    return parse_u32(text, FRAME_SIZE_MIN, FRAME_SIZE_MAX, out);
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

static int parse_cpus(const char *text, unsigned *cpus)
{
    int n_read = 0;

    if (sscanf(text, "%u,%u%n", &cpus[0], &cpus[1], &n_read) != 2 || text[n_read] != '\0')
        return -EINVAL;
    return 0;
}

// What shapes the frames; the rest is below.
static int take_traffic(struct options *o, int key, const char *text)
{
    switch (key) {
    case KEY_FLOWS:
        return parse_u32(text, 1, FLOWS_MAX, &o->n_flows);
    case KEY_MACS:
        return parse_u32(text, 1, MACS_MAX, &o->n_macs);
    case KEY_SIZE:
        return parse_size(text, &o->frame_size);
    case KEY_ORDER:
        return parse_order(text, &o->is_random);
    case KEY_DIRECTION:
        return parse_direction(text, o->is_sending);
    case KEY_RATE:
        return parse_count(text, 0, 1000000000, &o->rate_pps);
    case KEY_LEARN:
        o->is_learning = true;
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

static int take_option(struct options *o, int key, const char *text)
{
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
        return parse_u16(text, 2 * BURST_MAX, 32768, &o->queue_size);
    case KEY_VDEV_EXTRA:
        o->vdev_extra = text;
        return 0;
    case KEY_BURST:
        return parse_u16(text, 1, BURST_MAX, &o->burst_size);
    case KEY_DISTANCE:
        o->is_distance = true;
        return parse_cpus(text, o->cpus);
    case KEY_EVERY:
        return parse_sec(text, &o->every_sec);
    case KEY_JSON:
        o->json_path = text;
        return 0;
    default:
        return take_traffic(o, key, text);
    }
}

int options_parse(struct options *o, int argc, char **argv, int *n_used)
{
    int index = 0;
    int key;

    *o = (struct options){.queue_size = 1024,
                          .vdev_extra = "",
                          .burst_size = BURST_MAX,
                          .n_flows = 1,
                          .n_macs = 1,
                          .frame_size = FRAME_SIZE_MIN,
                          .warmup_sec = 1,
                          .duration_sec = 5,
                          .wait_sec = 20,
                          .is_sending = {true, true},
                          .is_random = true};
    while ((key = getopt_long(argc, argv, "+", long_options, &index)) != -1) {
        if (key == KEY_HELP) {
            fputs(usage, stdout);
            return -ECANCELED;
        }
        if (key == '?')
            return -EINVAL; // getopt has said why
        if (take_option(o, key, optarg) < 0) {
            fprintf(stderr, "culvert-generator: bad value for --%s: %s\n", long_options[index].name,
                    optarg);
            return -EINVAL;
        }
    }
    if (o->is_distance)
        return 0;
    if (o->paths[SIDE_A] == NULL || o->paths[SIDE_B] == NULL) {
        fprintf(stderr, "culvert-generator: --a and --b are needed, see --help\n");
        return -EINVAL;
    }
    if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
        fprintf(stderr, "culvert-generator: unexpected word: %s\n", argv[optind]);
        return -EINVAL;
    }
    *n_used = optind;
    return 0;
}
