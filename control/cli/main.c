// SPDX-License-Identifier: BSD-3-Clause
// What did the user type? Options and the command's name; the rest is the command's. A client of
// culvertd's socket without a privilege or a decision of its own: whatever a user may do here, curl
// can do too. One thread. Next: commands.c, show.c.

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "control/cli/commands.h"

static const char help[] =
    "usage: culvert [options] COMMAND\n"
    "\n"
    "  apply FILE                make FILE (YAML or JSON, - for standard input) the configuration\n"
    "  diff FILE                 what apply would change\n"
    "  show config               the running configuration\n"
    "  show ports                ports with their state and counters\n"
    "  show switches             switches with their members\n"
    "  show macs TENANT/SWITCH   the MAC addresses that a switch knows\n"
    "  show drops                dropped packets by port and reason, and by tenant\n"
    "  show workers              the dataplane's cores\n"
    "  show status               both processes\n"
    "\n"
    "  --run-dir DIR             where culvertd's socket is (/run/culvert)\n"
    "  --format yaml|json        of show config (yaml)\n"
    "  --json                    answers for programs\n"
    "  --help, --version\n"
    "\n"
    "Errors are FILE:LINE: path: what is wrong.\n"
    "Exit status: 0 done (diff: no difference), 1 refused, 2 usage, 3 culvertd can't be reached,\n"
    "4 diff found differences, 130 interrupted.\n";

static const struct {
    const char *name;
    int (*run)(const struct options *o, int n_words, char **words);
} commands[] = {
    {"apply", command_apply},
    {"diff", command_diff},
    {"show", command_show},
};

static int run(const struct options *o, int n_words, char **words)
{
    for (unsigned i = 0; n_words > 0 && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(words[0], commands[i].name) == 0)
            return commands[i].run(o, n_words - 1, words + 1);
    if (n_words == 0)
        fputs(help, stderr);
    else
        fprintf(stderr, "culvert: there is no command %s; see culvert --help\n", words[0]);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"run-dir", required_argument, NULL, 'r'}, {"format", required_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},          {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},       {NULL, 0, NULL, 0},
    };
    struct options o = {.run_dir = "/run/culvert", .format = "yaml"};
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
        if (option == 'r') {
            o.run_dir = optarg;
        } else if (option == 'j') {
            o.json = true;
        } else if (option == 'f' && (strcmp(optarg, "yaml") == 0 || strcmp(optarg, "json") == 0)) {
            o.format = optarg;
        } else if (option == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        } else if (option == 'v') {
            puts("culvert " CULVERT_VERSION);
            return EXIT_DONE;
        } else {
            if (option == 'f')
                fputs("culvert: --format is yaml or json\n", stderr);
            return EXIT_USAGE;
        }
    }
    return run(&o, argc - optind, argv + optind);
}
