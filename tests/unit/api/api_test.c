// SPDX-License-Identifier: BSD-3-Clause
// Does api_check refuse whatever the table does not describe? Starting from a good datagram of each
// type, every field is taken past its limits and every byte of padding is set.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/api/culvert_api.h"

#define N_ITEMS 2

struct datagram {
    struct api_header header;
    uint8_t items[4096];
};

// A datagram of a type with fields at their minimum and names "a".
static size_t make(struct datagram *d, unsigned type)
{
    const struct api_message *message = api_message(type);
    uint32_t n = message->max_items < N_ITEMS ? message->max_items : N_ITEMS;

    memset(d, 0, sizeof(*d));
    for (uint32_t i = 0; i < n; i++) {
        for (unsigned f = 0; f < message->n_fields; f++) {
            const struct api_field *field = &message->fields[f];
            uint8_t *at = d->items + i * message->item_size + field->offset;

            if (field->kind == API_FIELD_NAME)
                *at = 'a';
            else if (field->kind == API_FIELD_UINT)
                memcpy(at, &field->min, field->size);
        }
    }
    d->header = (struct api_header){
        .magic = API_MAGIC, .version = API_VERSION, .type = (uint16_t)type, .n_items = n};
    d->header.len = (uint32_t)(sizeof(d->header) + n * message->item_size);
    return d->header.len;
}

static void table_covers_every_byte(void **state)
{
    (void)state;
    for (unsigned type = 0; type < API_N_TYPES; type++) {
        const struct api_message *message = api_message(type);
        unsigned next = 0;

        for (unsigned f = 0; message != NULL && f < message->n_fields; f++) {
            assert_int_equal(message->fields[f].offset, next);
            next += message->fields[f].size;
        }
        if (message != NULL)
            assert_int_equal(next, message->item_size);
    }
}

static void good_ones_pass(void **state)
{
    struct datagram d;

    (void)state;
    for (unsigned type = 1; type < API_N_TYPES; type++) {
        size_t size = make(&d, type);

        assert_int_equal(api_check(&d, size, NULL), 0);
    }
}

static void headers_are_exact(void **state)
{
    struct api_reply reply;
    struct datagram d;
    size_t size = make(&d, API_PORT);

    (void)state;
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(api_check(&d, cut, &reply), -EPROTO);
    assert_int_equal(api_check(&d, size + 1, &reply), -EPROTO);

    d.header.n_items = 0;
    assert_int_equal(api_check(&d, size, &reply), -EPROTO);
    make(&d, API_PORT);
    d.header.magic ^= 1;
    assert_int_equal(api_check(&d, size, &reply), -EPROTO);
    make(&d, API_PORT);
    d.header.version++;
    assert_int_equal(api_check(&d, size, &reply), -EPROTO);
    make(&d, API_PORT);
    d.header.reserved = 1;
    assert_int_equal(api_check(&d, size, &reply), -EPROTO);
    make(&d, API_PORT);
    d.header.type = API_N_TYPES;
    assert_int_equal(api_check(&d, size, &reply), -EPROTO);
    assert_non_null(strstr(reply.sentence, "unknown message type "));
    // A count whose size wraps in 32 bits.
    make(&d, API_TENANT);
    d.header.n_items = 0x8000000U + N_ITEMS;
    assert_int_equal(api_check(&d, d.header.len, &reply), -EPROTO);
}

static void expect_refused(struct datagram *d, uint8_t *at, const void *bad, size_t size,
                           const struct api_field *field)
{
    uint8_t good[512];
    struct api_reply reply = {0};

    memcpy(good, at, size);
    memcpy(at, bad, size);
    assert_int_equal(api_check(d, d->header.len, &reply), -EPROTO);
    assert_int_equal(reply.index, d->header.n_items - 1);
    assert_non_null(strstr(reply.path, field->name));
    assert_true(reply.sentence[0] != '\0');
    memcpy(at, good, size);
}

static void check_limits(struct datagram *d, const struct api_message *message,
                         const struct api_field *field)
{
    uint8_t *at = d->items + (d->header.n_items - 1) * message->item_size + field->offset;
    uint64_t all = field->size == 8 ? UINT64_MAX : (1ULL << (8 * field->size % 64)) - 1;
    uint64_t above = field->max + 1, below = field->min - 1;
    uint8_t full[512];

    memset(full, 'a', sizeof(full));
    switch (field->kind) {
    case API_FIELD_UINT:
        if (field->max < all)
            expect_refused(d, at, &above, field->size, field);
        if (field->min > 0)
            expect_refused(d, at, &below, field->size, field);
        break;
    case API_FIELD_FLAGS:
        expect_refused(d, at, &above, field->size, field);
        break;
    case API_FIELD_ZERO:
        for (unsigned i = 0; i < field->size; i++)
            expect_refused(d, at + i, "\1", 1, field);
        break;
    case API_FIELD_NAME:
        expect_refused(d, at, "", 1, field);
        expect_refused(d, at, "/", 1, field);
        // fall through
    case API_FIELD_STRING:
        expect_refused(d, at, full, field->size, field);        // no NUL
        expect_refused(d, at + field->size - 1, "b", 1, field); // something behind the NUL
        expect_refused(d, at, "\n", 1, field);
        break;
    default:
        break;
    }
}

static void fields_are_in_range(void **state)
{
    struct datagram d;

    (void)state;
    for (unsigned type = 1; type < API_N_TYPES; type++) {
        const struct api_message *message = api_message(type);

        make(&d, type);
        for (unsigned f = 0; f < message->n_fields; f++)
            check_limits(&d, message, &message->fields[f]);
        assert_int_equal(api_check(&d, d.header.len, NULL), 0);
    }
}

static void drops_have_names(void **state)
{
    (void)state;
    assert_string_equal(api_drop_name(DROP_RUNT_FRAME), "RUNT_FRAME");
    assert_string_equal(api_drop_text(DROP_PORT_TX_FULL), "receiver's ring is full");
    assert_string_equal(api_drop_name(API_N_DROPS), "?");
    assert_string_equal(api_drop_text(UINT32_MAX), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_covers_every_byte), cmocka_unit_test(good_ones_pass),
        cmocka_unit_test(headers_are_exact),       cmocka_unit_test(fields_are_in_range),
        cmocka_unit_test(drops_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
