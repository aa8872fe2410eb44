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
};

// Each gets the words after its name and returns an exit code.
int command_apply(const struct options *o, int n_words, char **words);
int command_diff(const struct options *o, int n_words, char **words);
int command_show(const struct options *o, int n_words, char **words);
int command_ping(const struct options *o, int n_words, char **words);

// show_router.c, for show.c. `address` and the router of neighbours may be NULL.
int show_routers(const struct options *o);
int show_routes(const struct options *o, const char *router, const char *address);
int show_neighbors(const struct options *o, const char *router);

// Send a request. EXIT_DONE: it was carried out and *response is to be released. Otherwise the
// reason has been said; errors as FILE:LINE: path: sentence if `file` is not NULL.
int command_send(const struct options *o, const struct request *request, const char *file,
                 struct response *response);

#endif
