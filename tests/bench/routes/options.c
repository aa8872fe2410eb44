// SPDX-License-Identifier: BSD-3-Clause
// Which routes go to which router? Called once by loader.c. Numbers are held to their ranges here.
// Next: loader.c.
#include "tests/bench/routes/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/api/culvert_api.h"
#include "tests/bench/arguments.h"
#include "tests/bench/routes/prefixes.h"

static const char usage[] =
    "usage: culvert-route-loader --run-dir DIR --routes N [options]\n"
    "Gives the first N routes of the bench to a router with interfaces a and b: half of them to "
    "the\n"
    "next hop 10.0.0.2 (fd00:a::2) on a, half to 10.0.1.2 (fd00:b::2) on b.\n"
    "  --tenant NAME   (bench)\n"
    "  --router NAME   (r)\n"
    "  --family 4|6    (4)\n"
    "  --first I       begin with route number I (0)\n"
    "  --paths N       next hops on each interface, .2, .3, …: the routes are shared (1)\n"
    "  --delete        take the routes back\n"
    "  --print         only say which they are, a line each: prefix, a or b\n"
    "  --flap          add them, take them back and add them again, on and on until SIGTERM\n";

enum option_key {
    KEY_RUN_DIR = 1,
    KEY_TENANT,
    KEY_ROUTER,
    KEY_FAMILY,
    KEY_FIRST,
    KEY_ROUTES,
    KEY_PATHS,
    KEY_DELETE,
    KEY_FLAP,
    KEY_PRINT,
};

static const struct option long_options[] = {
    {"run-dir", required_argument, NULL, KEY_RUN_DIR},
    {"tenant", required_argument, NULL, KEY_TENANT},
    {"router", required_argument, NULL, KEY_ROUTER},
    {"family", required_argument, NULL, KEY_FAMILY},
    {"first", required_argument, NULL, KEY_FIRST},
    {"routes", required_argument, NULL, KEY_ROUTES},
    {"paths", required_argument, NULL, KEY_PATHS},
    {"delete", no_argument, NULL, KEY_DELETE},
    {"flap", no_argument, NULL, KEY_FLAP},
    {"print", no_argument, NULL, KEY_PRINT},
    {"help", no_argument, NULL, ARGUMENT_HELP},
    {NULL, 0, NULL, 0},
};

static int parse_name(const char *text, const char **out)
{
    *out = text;
    return strlen(text) < API_NAME_SIZE ? 0 : -EINVAL;
}

static int take_option(void *options, int key, const char *text)
{
    struct options *o = options;

    switch (key) {
    case KEY_RUN_DIR:
        o->run_dir = text;
        return 0;
    case KEY_TENANT:
        return parse_name(text, &o->tenant);
    case KEY_ROUTER:
        return parse_name(text, &o->router);
    case KEY_FAMILY:
        return argument_family(text, &o->family);
    case KEY_FIRST:
        return argument_u32(text, 0, PREFIXES_MAX - 1, &o->first);
    case KEY_ROUTES:
        return argument_u32(text, 1, PREFIXES_MAX, &o->n_routes);
    case KEY_PATHS:
        return argument_u32(text, 1, API_MAX_PATHS, &o->n_paths);
    case KEY_DELETE:
        o->is_delete = true;
        return 0;
    case KEY_FLAP:
        o->is_flap = true;
        return 0;
    case KEY_PRINT:
        o->is_print = true;
        return 0;
    default:
        return -EINVAL;
    }
}

int options_parse(struct options *o, int argc, char **argv)
{
    static const struct arguments arguments = {"culvert-route-loader", usage, long_options,
                                               take_option};
    int err;

    *o = (struct options){.tenant = "bench", .router = "r", .family = 4, .n_paths = 1};
    err = arguments_parse(&arguments, o, argc, argv);
    if (err < 0)
        return err;
    if ((o->run_dir == NULL && !o->is_print) || o->n_routes == 0 || optind < argc) {
        fprintf(stderr, "culvert-route-loader: --run-dir and --routes are needed, see --help\n");
        return -EINVAL;
    }
    if (o->first + o->n_routes > PREFIXES_MAX) {
        fprintf(stderr, "culvert-route-loader: there are %u routes\n", PREFIXES_MAX);
        return -EINVAL;
    }
    return 0;
}
