// SPDX-License-Identifier: BSD-3-Clause
// Who is hostile today? Reads the arguments, plays one behaviour or all of them, prints a line for
// each; or runs the twin. Exit status: 0 carried out, 1 could not be carried out, 2 wrong usage.
// Whether the peer survived is for the caller to judge. Next files: play.c (how a behaviour is
// carried out), behaviours_*.c (what they are), twin.c.
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/hostile/behaviours.h"
#include "tests/system/hostile/twin.h"

static const struct behaviour *const tables[] = {
    behaviours_ring,   behaviours_indirect, behaviours_frame, behaviours_notify,
    behaviours_socket, behaviours_memory,   behaviours_live,
};

struct options {
    const char *name; // behaviour or "twin"
    bool is_all;
    bool is_list;
    unsigned int seconds;
    uint64_t seed;
    struct twin_options twin;
};

static int usage(void)
{
    fprintf(
        stderr,
        "usage: culvert-hostile --socket PATH [--connect] [--seconds N] [--seed S] "
        "BEHAVIOUR|--all\n"
        "       culvert-hostile twin --socket PATH --peer-socket PATH [--connect] [--rate PPS]\n"
        "                       [--seconds N] [--size BYTES] [--flood-every N] [--reconnect]\n"
        "                       [--mac-a MAC] [--mac-b MAC] [--ip-a ADDRESS] [--ip-b ADDRESS]\n"
        "       culvert-hostile --list\n");
    return 2;
}

static bool read_number(const char *text, uint64_t most, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoull(text, &end, 0);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *value <= most;
}

static bool read_mac(const char *text, uint8_t mac[6])
{
    char end;

    return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &mac[0], &mac[1], &mac[2], &mac[3],
                  &mac[4], &mac[5], &end) == 6;
}

static bool read_ip(const char *text, uint32_t *ip)
{
    struct in_addr in;

    if (inet_pton(AF_INET, text, &in) != 1)
        return false;
    *ip = ntohl(in.s_addr);
    return true;
}

enum {
    SOCKET_,
    PEER,
    CONNECT,
    SECONDS,
    SEED,
    LIST,
    ALL,
    RATE,
    SIZE,
    FLOOD,
    RECONNECT,
    MAC_A,
    MAC_B,
    IP_A,
    IP_B
};

static const struct option long_options[] = {
    {"socket", required_argument, NULL, SOCKET_},
    {"peer-socket", required_argument, NULL, PEER},
    {"connect", no_argument, NULL, CONNECT},
    {"seconds", required_argument, NULL, SECONDS},
    {"seed", required_argument, NULL, SEED},
    {"list", no_argument, NULL, LIST},
    {"all", no_argument, NULL, ALL},
    {"rate", required_argument, NULL, RATE},
    {"size", required_argument, NULL, SIZE},
    {"flood-every", required_argument, NULL, FLOOD},
    {"reconnect", no_argument, NULL, RECONNECT},
    {"mac-a", required_argument, NULL, MAC_A},
    {"mac-b", required_argument, NULL, MAC_B},
    {"ip-a", required_argument, NULL, IP_A},
    {"ip-b", required_argument, NULL, IP_B},
    {NULL, 0, NULL, 0},
};

static bool read_option(struct options *o, int option, const char *text)
{
    uint64_t n = 0;

    switch (option) {
    case SOCKET_:
    case PEER:
        o->twin.path[option == PEER] = text;
        return true;
    case CONNECT:
        return o->twin.is_dialling = true;
    case RECONNECT:
        return o->twin.is_reconnecting = true;
    case LIST:
        return o->is_list = true;
    case ALL:
        return o->is_all = true;
    case SEED:
        return read_number(text, UINT64_MAX, &o->seed);
    case RATE:
        return read_number(text, 1000000, &o->twin.rate) && o->twin.rate > 0;
    case MAC_A:
    case MAC_B:
        return read_mac(text, o->twin.end[option == MAC_B].mac);
    case IP_A:
    case IP_B:
        return read_ip(text, &o->twin.end[option == IP_B].ip);
    case SECONDS:
        if (!read_number(text, 86400, &n) || n == 0)
            return false;
        o->seconds = o->twin.seconds = (unsigned int)n;
        return true;
    case SIZE:
        if (!read_number(text, FRAME_MAX, &n) || n < FRAME_MIN)
            return false;
        o->twin.frame_size = (unsigned int)n;
        return true;
    case FLOOD:
        if (!read_number(text, 1000000, &n))
            return false;
        o->twin.flood_every = (unsigned int)n;
        return true;
    default:
        return false;
    }
}

static int list(void)
{
    const struct behaviour *b;
    size_t i;

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (b = tables[i]; b->name != NULL; b++)
            printf("%-24s %s\n", b->name, b->description);
    }
    return 0;
}

static int play_one(struct frontend *fe, const struct behaviour *b, const struct options *o)
{
    struct play p = {.fe = fe};
    int err = play_run(&p, b, o->seconds, o->seed);

    if (err < 0)
        printf("%s: not carried out: %s\n", b->name, p.why);
    else
        printf("%s: done %" PRIu64 " times, connection closed by the peer: %s, refused: %s, "
               "buffers returned: %" PRIu64 "\n",
               b->name, p.n_done, p.n_closed > 0 ? "yes" : "no", p.was_refused ? "yes" : "no",
               p.n_returned);
    fflush(stdout);
    return err;
}

static int play_chosen(const struct options *o)
{
    const struct behaviour *b;
    struct frontend fe;
    bool is_known = o->is_all;
    int failure = 0;
    size_t i;
    int err;

    err = frontend_init(&fe, o->twin.path[0], o->twin.is_dialling);
    if (err < 0) {
        fprintf(stderr, "culvert-hostile: %s: %s\n", o->twin.path[0], strerror(-err));
        return 1;
    }
    for (i = 0; i < sizeof(tables) / sizeof(tables[0]) && failure != -ENOTCONN; i++) {
        for (b = tables[i]; b->name != NULL && failure != -ENOTCONN; b++) {
            if (!o->is_all && strcmp(b->name, o->name) != 0)
                continue;
            is_known = true;
            err = play_one(&fe, b, o);
            failure = err < 0 ? err : failure;
        }
    }
    frontend_fini(&fe);
    if (!is_known) {
        fprintf(stderr, "culvert-hostile: no behaviour is called %s, see --list\n", o->name);
        return 2;
    }
    return failure < 0 ? 1 : 0;
}

static int play_twin(const struct options *o)
{
    const char *why = "";
    int err = twin_run(&o->twin, &why);

    if (err < 0)
        fprintf(stderr, "culvert-hostile: twin: %s: %s\n", why, strerror(-err));
    return err < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options o = {.seconds = 5,
                        .seed = 1,
                        .twin = {.end = {{{0x02, 0, 0, 0, 0, 0x0a}, 0x0a63000a},
                                         {{0x02, 0, 0, 0, 0, 0x0b}, 0x0a63000b}},
                                 .frame_size = 64,
                                 .rate = 20000,
                                 .seconds = 5}};
    int option;

    signal(SIGPIPE, SIG_IGN);
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (!read_option(&o, option, optarg))
            return usage();
    }
    o.name = optind < argc ? argv[optind] : NULL;
    if (o.is_list)
        return list();
    if (argc - optind > 1 || o.twin.path[0] == NULL || (o.name == NULL) != o.is_all)
        return usage();
    if (o.name != NULL && strcmp(o.name, "twin") == 0)
        return o.twin.path[1] != NULL ? play_twin(&o) : usage();
    return play_chosen(&o);
}
