// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_NORTHBOUND_HTTP_LAB_H
#define TESTS_UNIT_NORTHBOUND_HTTP_LAB_H

// The whole of culvertd but its main, in a thread, and a client that talks HTTP to it by hand.
// Failures end the test.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "control/northbound/server.h"

#define YAML "Content-Type: application/yaml\r\n"
#define JSON "Content-Type: application/yang-data+json\r\n"
#define STATE "/restconf/data/culvert:state/"

struct http_lab {
    char dir[64]; // run and state directory
};
extern struct http_lab http_lab;

// Start in `dir`, or in a new directory if it is NULL; stop, and remove the directory. 0 or 1.
int http_lab_start(const char *dir);
int http_lab_stop(void);

// A connection of one's own.
int http_dial(void);
void http_send_text(int fd, const char *text);
// All until the server closes. Valid until the next call.
char *http_read_all(int fd);

// One request on a connection of its own and the whole answer to it.
const char *http_ask(const char *method, const char *path, const char *headers, const char *body);
// The answer has this status, and this part.
void http_check(const char *answer, const char *status, const char *part);

#endif
