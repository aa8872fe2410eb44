// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_ROUTES_CLIENT_H
#define TESTS_BENCH_ROUTES_CLIENT_H

// A client of the dataplane's control socket that asks one thing at a time and waits for the
// answer.

#include <stdint.h>

#include "dataplane/api/culvert_api.h"

struct datagram {
    struct api_header header;
    uint8_t items[API_DATAGRAM_SIZE - sizeof(struct api_header)] __attribute__((aligned(8)));
};

struct client {
    int fd;
    struct datagram request; // items are filled in by the caller
    struct datagram answer;
};

// How many items of this size a datagram holds.
#define CLIENT_ITEMS_MAX(size) ((uint32_t)(sizeof(((struct datagram *)0)->items) / (size)))

// Connect and say hello. 0 or -errno, the reason is printed. The client is closed with the process.
int client_open(struct client *c, const char *run_dir);

// Send n_items items of c->request and wait for an answer of the type `wanted`, which is then in
// c->answer. 0 or -errno, the reason is printed: the dataplane's own sentence if it refused.
int client_ask(struct client *c, enum api_type type, uint32_t n_items, enum api_type wanted);

#endif
