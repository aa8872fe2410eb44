// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_CLI_COMMANDS_H
#define CONTROL_CLI_COMMANDS_H

#include <stdbool.h>

#include "control/cli/client.h"

// What the command line ends with; --help tells the user.
enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_DIFFERENT = 4,
    EXIT_INTERRUPTED = 130, // as a shell says of SIGINT
};

struct options {
    const char *run_dir;
    const char *format; // of show config: "yaml" or "json"
    bool json;          // for programs
    const char *family; // of show routes: "4", "6", or NULL for both
    struct {            // of ping, as written; NULL: not given
        const char *count, *interval, *size, *ttl, *source;
    } ping;
    struct { // of show sessions and clear sessions, likewise
        const char *tenant, *chain, *protocol, *address, *port;
    } filter;
};

// Each gets the words after its name and returns an exit code.
int command_apply(const struct options *o, int n_words, char **words);
int command_diff(const struct options *o, int n_words, char **words);
int command_show(const struct options *o, int n_words, char **words);
int command_ping(const struct options *o, int n_words, char **words);
int command_clear(const struct options *o, int n_words, char **words);
int command_set(const struct options *o, int n_words, char **words);
int command_delete(const struct options *o, int n_words, char **words);

// show_router.c, for show.c. `address` and the router of neighbours may be NULL.
int show_routers(const struct options *o);
int show_routes(const struct options *o, const char *router, const char *address);
int show_neighbors(const struct options *o, const char *router);

// show_chain.c and show_function.c, for show.c.
int show_chains(const struct options *o);
int show_sessions(const struct options *o);
int show_firewalls(const struct options *o);
int show_rules(const struct options *o, const char *firewall);
int show_nats(const struct options *o);
int show_bindings(const struct options *o, const char *nat);

// Send a request. EXIT_DONE: it was carried out and *response is to be released. Otherwise the
// reason has been said; errors as FILE:LINE: path: sentence if `file` is not NULL.
int command_send(const struct options *o, const struct request *request, const char *file,
                 struct response *response);

#endif
