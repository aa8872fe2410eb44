// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_EXCHANGE_H
#define CONTROL_NORTHBOUND_EXCHANGE_H

// One HTTP request and its answer. The server makes it and sends the answer; a handler fills the
// answer in, at once or later. Event loop only.

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "control/southbound/apply.h"

struct MHD_Connection;
struct northbound;
struct route;
struct client;

enum role {
    ROLE_READ,  // may look
    ROLE_ADMIN, // may change
};

struct exchange {
    struct northbound *n;
    struct MHD_Connection *connection;
    struct client *client;
    const struct route *route;
    char resource[128]; // what is behind the route's path, of a route that ends with =
    enum config_format content, accept; // of the body; wanted in the answer
    char *body;
    size_t size, n_allocated;     // of the body, bytes
    struct apply_request request; // for handlers that need it
    void *work;                   // a handler's own while it goes on later; not freed

    // The answer.
    bool is_answered, is_suspended;
    unsigned status;
    const char *allow; // with status 405
    const char *content_type;
    char *answer; // freed by the server
    size_t answer_size;
    struct exchange *next, **previous; // of all that are under way
};

// The answer, once per exchange. `text` becomes the exchange's; NULL is answered as out of memory.
void exchange_answer(struct exchange *x, unsigned status, const char *content_type, char *text,
                     size_t size);

// The reference becomes the exchange's.
void exchange_answer_json(struct exchange *x, unsigned status, json_t *json);

// The identity of a configuration as the user reads it: 16 hexadecimal digits. The caller's.
json_t *exchange_id_json(uint64_t id);

// As ietf-restconf:errors (RFC 8040, section 7.1): path, sentence, and the line in error-info.
// Status and error-tag follow from e->code.
void exchange_refuse(struct exchange *x, const struct config_error *e);

// The same with a status and an error-tag of its own.
void exchange_refuse_as(struct exchange *x, unsigned status, const char *tag,
                        const struct config_error *e);

// A query parameter, NULL if it is not there.
const char *exchange_query(const struct exchange *x, const char *name);

#endif
