// SPDX-License-Identifier: BSD-3-Clause
// How does a text become datagrams in a test? Through the real schema, as culvertd does it.

#include "tests/unit/southbound/encode_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct schema *lab_schema;

int lab_setup(void **state)
{
    struct config_error e;

    (void)state;
    return schema_create(&lab_schema, &e);
}

int lab_teardown(void **state)
{
    (void)state;
    schema_destroy(lab_schema);
    return 0;
}

struct encoding *lab_encode(const char *text)
{
    struct config *config;
    struct encoding *encoding;
    struct config_error e = {0};
    const struct api_header *h;
    struct api_reply reply;
    size_t cursor = 0;

    if (config_parse(lab_schema, text, strlen(text), CONFIG_YAML, &config, &e) < 0)
        fail_msg("line %u, %s: %s", e.line, e.path, e.sentence);
    if (encoding_create(config, &encoding, &e) < 0)
        fail_msg("%s: %s", e.path, e.sentence);
    assert_int_equal(encoding_config_id(encoding), config_id(config));
    config_destroy(config);
    while ((h = encoding_next(encoding, &cursor)) != NULL)
        if (api_check(h, h->len, &reply) < 0)
            fail_msg("%s: %s", reply.path, reply.sentence);
    return encoding;
}
