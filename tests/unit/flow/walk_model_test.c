// SPDX-License-Identifier: BSD-3-Clause
// Flow = walk: whatever is done, nobody can tell from outside whether packets go by flows. Random
// sequences are run twice, with flows and without; the walk is the model. A sequence that shows a
// difference is made as short as it can be and printed.
//
//   flow-walk-model-test [--seconds N] [--seed N] [--count N] [--replay HEX] [--no-shrink]
//
// Environment: CULVERT_PROPERTY_SECONDS=N is as --seconds N. A mask is an array of bits, of kinds
// of steps, changes, genes (steps.h, genes.h) that are not to occur, to look behind what is known:
// --mask-kinds N, --mask-changes N, --mask-genes N.

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/flow/pair.h"

#define DEFAULT_SECONDS 20
#define MIN_SHARE_PERCENT 35
#define MIN_COUNT 50 // sequences before the share is held to anything
#define HANG_SECONDS 60
#define SHRINK_SECONDS 120

static struct {
    unsigned seconds;
    uint64_t seed, count;
    const char *replay;
    int is_verbose, is_raw;
    struct sequence_mask masked;
} options = {.seconds = DEFAULT_SECONDS, .count = UINT64_MAX};

static struct pair pair;
static struct sequence sequence;
static volatile uint64_t current;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// The sequence that ends the process is not lost.
static void on_signal(int signal_number)
{
    fprintf(stderr, "signal %d in sequence --seed %llu --count 1:\n", signal_number,
            (unsigned long long)current);
    sequence_print(&sequence, stderr);
    fflush(stderr);
    _exit(1);
}

static void hear_signals(void)
{
    signal(SIGSEGV, on_signal);
    signal(SIGABRT, on_signal);
    signal(SIGALRM, on_signal);
    signal(SIGBUS, on_signal);
    signal(SIGFPE, on_signal);
}

static unsigned digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static void read_replay(void)
{
    static uint8_t bytes[sizeof(struct sequence)];
    size_t n = strlen(options.replay) / 2;

    if (n > sizeof(bytes))
        n = sizeof(bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(digit(options.replay[2 * i]) << 4 | digit(options.replay[2 * i + 1]));
    sequence_read(&sequence, bytes, n);
}

// Whatever differs from one run to the next without flows is no fault of flows.
static int is_repeatable(void)
{
    static struct transcript again;
    int is_equal;

    run_sequence(&sequence, 0, &pair.order, &again);
    is_equal = transcript_difference(&pair.without, &again) == UINT32_MAX;
    if (!is_equal) {
        fprintf(stderr, "sequence %llu is not the same twice:\n", (unsigned long long)current);
        transcript_print_difference(&pair.without, &again, stderr);
    }
    transcript_fini(&again);
    return is_equal;
}

static int check(void)
{
    int is_equal;

    alarm(HANG_SECONDS);
    is_equal = pair_is_equal(&pair, &sequence);
    alarm(0);
    if (is_equal)
        return 1;
    if (!is_repeatable())
        return 0;
    if (!options.is_raw)
        pair_shrink(&pair, &sequence, SHRINK_SECONDS);
    fprintf(stderr, "sequence %llu: ", (unsigned long long)current);
    pair_print(&pair, &sequence, stderr);
    return 0;
}

// A run that is repeated is the same, else nothing else is worth anything.
static int repeats_itself(void)
{
    static struct transcript first, second;
    int is_equal;

    sequence_draw(&sequence, options.seed, &options.masked);
    run_sequence(&sequence, 0, NULL, &first);
    run_sequence(&sequence, 1, NULL, &second);
    run_sequence(&sequence, 0, NULL, &second);
    is_equal = transcript_difference(&first, &second) == UINT32_MAX;
    if (!is_equal) {
        fprintf(stderr, "two runs of sequence %llu without flows differ:\n",
                (unsigned long long)options.seed);
        transcript_print_difference(&first, &second, stderr);
    }
    transcript_fini(&first);
    transcript_fini(&second);
    memset(&world_share, 0, sizeof(world_share));
    return is_equal;
}

static int parse_arguments(int argc, char **argv)
{
    static const struct option names[] = {
        {"seconds", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'r'},
        {"count", required_argument, NULL, 'c'},
        {"replay", required_argument, NULL, 'p'},
        {"mask-kinds", required_argument, NULL, 'k'},
        {"mask-changes", required_argument, NULL, 'm'},
        {"mask-genes", required_argument, NULL, 'g'},
        {"no-shrink", no_argument, NULL, 'n'},
        {"verbose", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    const char *seconds = getenv("CULVERT_PROPERTY_SECONDS");
    int option;

    if (seconds != NULL)
        options.seconds = (unsigned)strtoul(seconds, NULL, 10);
    options.seed = (uint64_t)time(NULL) * 1000003U;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 's':
            options.seconds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            options.seed = strtoull(optarg, NULL, 10);
            break;
        case 'c':
            options.count = strtoull(optarg, NULL, 10);
            break;
        case 'p':
            options.replay = optarg;
            break;
        case 'k':
            options.masked.kinds = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'm':
            options.masked.changes = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'g':
            options.masked.genes = strtoull(optarg, NULL, 0);
            break;
        case 'n':
            options.is_raw = 1;
            break;
        case 'v':
            options.is_verbose = 1;
            break;
        default:
            return -1;
        }
    }
    return 0;
}

static int run_many(void)
{
    double end = now() + options.seconds;
    uint64_t n = 0;
    unsigned percent;

    for (; n < options.count && now() < end; n++) {
        current = options.seed + n;
        sequence_draw(&sequence, current, &options.masked);
        if (!check())
            return 1;
    }
    percent = world_share.n_eligible > 0
                  ? (unsigned)(100 * world_share.n_carried / world_share.n_eligible)
                  : 0;
    printf("%llu sequences from seed %llu: %llu packets, of %llu that went as others before %u %% "
           "by flows; %llu were denied without a walk\n",
           (unsigned long long)n, (unsigned long long)options.seed,
           (unsigned long long)world_share.n_packets, (unsigned long long)world_share.n_eligible,
           percent, (unsigned long long)world_share.n_denied);
    return n >= MIN_COUNT && (percent < MIN_SHARE_PERCENT || world_share.n_denied == 0);
}

static int run_replay(void)
{
    int is_equal;

    read_replay();
    is_equal = check();
    if (options.is_verbose)
        transcript_print(&pair.without, stdout);
    return !is_equal;
}

int main(int argc, char **argv)
{
    int rc = 1;

    if (parse_arguments(argc, argv) < 0)
        return 3;
    hear_signals();
    world_init();
    if (options.replay != NULL)
        rc = run_replay();
    else if (repeats_itself())
        rc = run_many();
    pair_fini(&pair);
    return rc;
}
