// SPDX-License-Identifier: BSD-3-Clause
// What did the user type? Options and the command's name; the rest is the command's. A client of
// culvertd's socket without a privilege or a decision of its own: whatever a user may do here, curl
// can do too. One thread. Next: commands.c, show.c, ping.c.

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "control/cli/commands.h"

static const char help[] =
    "usage: culvert [options] COMMAND\n"
    "\n"
    "  apply FILE                make FILE (YAML or JSON, - for standard input) the configuration\n"
    "  diff FILE                 what apply would change\n"
    "  set rule TENANT/FIREWALL SEQ FIELD=VALUE...\n"
    "                            put this rule in, or in the place of the one with this SEQ\n"
    "  delete rule TENANT/FIREWALL SEQ\n"
    "                            take a rule out\n"
    "  show config               the running configuration\n"
    "  show ports                ports with their state and counters\n"
    "  show switches             switches with their members\n"
    "  show macs TENANT/SWITCH   the MAC addresses that a switch knows\n"
    "  show routers              routers with their interfaces, counters and sizes\n"
    "  show routes TENANT/ROUTER [ADDRESS]\n"
    "                            its routes, those in use with *; or the one to ADDRESS\n"
    "  show neighbors [TENANT/ROUTER]\n"
    "                            whose MAC addresses routers know\n"
    "  show chains               chains with what stands on them and their counters\n"
    "  show sessions [FILTER]    open sessions, those that fit the filter\n"
    "  clear sessions [FILTER]   end them\n"
    "  show firewalls            firewalls with their counters\n"
    "  show rules TENANT/FIREWALL\n"
    "                            its rules with their hits\n"
    "  show nats                 NATs with their sizes and counters\n"
    "  show bindings TENANT/NAT  which inside endpoint has which outside endpoint\n"
    "  show drops                dropped packets by port and reason, and by tenant\n"
    "  show workers              the dataplane's cores\n"
    "  show status               both processes\n"
    "  ping TENANT/ROUTER ADDRESS\n"
    "                            ask ADDRESS for an echo, from the router\n"
    "\n"
    "  --run-dir DIR             where culvertd's socket is (/run/culvert)\n"
    "  --format yaml|json        of show config (yaml)\n"
    "  --json                    answers for programs\n"
    "  --family 4|6              of show routes (both)\n"
    "  -c N                      of ping: so many (until Ctrl-C)\n"
    "  -i SECONDS                of ping: between two (1)\n"
    "  -s BYTES, -t TTL          of ping: size of the data (56), time to live (64)\n"
    "  -I ADDRESS                of ping: source, one of the router's own (chosen by the route)\n"
    "\n"
    "  FILTER, of show sessions and clear sessions, is any of\n"
    "  --tenant T, --chain C     of this tenant, of its chain C\n"
    "  --protocol P              tcp, udp, icmp, icmpv6, sctp, gre, esp or a number\n"
    "  --address A[/LENGTH]      of either endpoint, on either side of a NAT; so is\n"
    "  --port N                  the port\n"
    "\n"
    "  --help, --version\n"
    "\n"
    "Errors are FILE:LINE: path: what is wrong.\n"
    "Exit status: 0 done (diff: no difference, ping: an answer), 1 refused (ping: no answer),\n"
    "2 usage, 3 culvertd can't be reached, 4 diff found differences, 130 interrupted.\n";

static const struct {
    const char *name;
    int (*run)(const struct options *o, int n_words, char **words);
} commands[] = {
    {"apply", command_apply},   {"diff", command_diff},   {"show", command_show},
    {"ping", command_ping},     {"clear", command_clear}, {"set", command_set},
    {"delete", command_delete},
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

static int refuse(const char *sentence)
{
    fputs(sentence, stderr);
    return EXIT_USAGE;
}

// 0, or EXIT_USAGE once the reason has been said. What a command does not know is refused by it.
static int take_option(struct options *o, int option)
{
    bool is_family = option == 'F' && (strcmp(optarg, "4") == 0 || strcmp(optarg, "6") == 0);

    if (option == 'r')
        o->run_dir = optarg;
    else if (option == 'j')
        o->json = true;
    else if (option == 'f' && (strcmp(optarg, "yaml") == 0 || strcmp(optarg, "json") == 0))
        o->format = optarg;
    else if (is_family)
        o->family = optarg;
    else if (option == 'c')
        o->ping.count = optarg;
    else if (option == 'i')
        o->ping.interval = optarg;
    else if (option == 's')
        o->ping.size = optarg;
    else if (option == 't')
        o->ping.ttl = optarg;
    else if (option == 'I')
        o->ping.source = optarg;
    else if (option == 'T')
        o->filter.tenant = optarg;
    else if (option == 'C')
        o->filter.chain = optarg;
    else if (option == 'P')
        o->filter.protocol = optarg;
    else if (option == 'A')
        o->filter.address = optarg;
    else if (option == 'N')
        o->filter.port = optarg;
    else if (option == 'f')
        return refuse("culvert: --format is yaml or json\n");
    else if (option == 'F')
        return refuse("culvert: --family is 4 or 6\n");
    else
        return EXIT_USAGE;
    return 0;
}

// Options of one command are a mistake beside another.
static int check_options(const struct options *o, int n_words, char **words)
{
    bool is_ping = n_words > 0 && strcmp(words[0], "ping") == 0;
    bool is_routes =
        n_words > 1 && strcmp(words[0], "show") == 0 && strcmp(words[1], "routes") == 0;
    bool is_sessions = n_words > 1 && strcmp(words[1], "sessions") == 0;

    if (!is_ping &&
        (o->ping.count || o->ping.interval || o->ping.size || o->ping.ttl || o->ping.source))
        return refuse("culvert: -c, -i, -s, -t and -I belong to ping\n");
    if (!is_routes && o->family)
        return refuse("culvert: --family belongs to show routes\n");
    if (!is_sessions && (o->filter.tenant || o->filter.chain || o->filter.protocol ||
                         o->filter.address || o->filter.port))
        return refuse("culvert: --tenant, --chain, --protocol, --address and --port belong to "
                      "show sessions and clear sessions\n");
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"run-dir", required_argument, NULL, 'r'},  {"format", required_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},           {"family", required_argument, NULL, 'F'},
        {"tenant", required_argument, NULL, 'T'},   {"chain", required_argument, NULL, 'C'},
        {"protocol", required_argument, NULL, 'P'}, {"address", required_argument, NULL, 'A'},
        {"port", required_argument, NULL, 'N'},     {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},        {NULL, 0, NULL, 0},
    };
    struct options o = {.run_dir = "/run/culvert", .format = "yaml"};
    int option;

    while ((option = getopt_long(argc, argv, "c:i:s:t:I:", long_options, NULL)) >= 0) {
        if (option == 'h') {
            fputs(help, stdout);
            return EXIT_DONE;
        }
        if (option == 'v') {
            puts("culvert " CULVERT_VERSION);
            return EXIT_DONE;
        }
        if (take_option(&o, option) != 0)
            return EXIT_USAGE;
    }
    if (check_options(&o, argc - optind, argv + optind) != 0)
        return EXIT_USAGE;
    return run(&o, argc - optind, argv + optind);
}
