// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_SOUTHBOUND_ENCODE_LAB_H
#define TESTS_UNIT_SOUTHBOUND_ENCODE_LAB_H

// From a user's text to the dataplane's datagrams, for the encode_*_test.c.

#include "control/southbound/encoding.h"

extern struct schema *lab_schema; // from lab_setup to lab_teardown

int lab_setup(void **state);
int lab_teardown(void **state);

// Encode a YAML text; each datagram is checked against the table of the border, and the encoding
// has the configuration's name. Fails the test with what is wrong.
struct encoding *lab_encode(const char *text);

#endif
