// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_CLI_CLIENT_H
#define CONTROL_CLI_CLIENT_H

// One request to culvertd and its answer.

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct request {
    const char *run_dir;
    const char *method, *path; // path: escaped, with its query
    const char *accept;        // NULL: JSON
    const char *content_type;  // NULL: no body
    const char *body;
    size_t size;
    bool is_quiet; // an interruption is the caller's to tell
};

struct response {
    long status; // HTTP
    char *body;  // with a NUL behind it
    size_t size;
    json_t *json; // the body, NULL if it is no JSON
};

// 0 and *response, which client_release frees. -ENOTCONN: culvertd can't be reached, -EINTR: the
// user interrupted; both have been said on stderr.
int client_request(const struct request *request, struct response *response);
// Ctrl-C was pressed since the first request.
bool client_is_interrupted(void);
void client_release(struct response *response);

// A text as part of a query; the caller frees with curl_free. NULL: out of memory.
char *client_escape(const char *text);

#endif
