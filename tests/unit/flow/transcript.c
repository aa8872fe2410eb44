// SPDX-License-Identifier: BSD-3-Clause
// What was seen, and where do two runs part? Written by world.c and observe.c, compared by pair.c.

#include "tests/unit/flow/transcript.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/flow/wire.h"

#define N_BEFORE 16 // records that are told before the one that differs

enum record_kind {
    RECORD_FRAME,
    RECORD_TEXT,
};

struct record {
    uint32_t kind;
    uint32_t step;
    uint32_t port;
    uint32_t len;
    uint64_t left;
    // `len` bytes follow.
};

void transcript_clear(struct transcript *t)
{
    t->len = 0;
    t->step = 0;
}

void transcript_fini(struct transcript *t)
{
    free(t->bytes);
    memset(t, 0, sizeof(*t));
}

static void append(struct transcript *t, const void *bytes, size_t n)
{
    if (t->capacity - t->len < n) {
        t->capacity = 2 * (t->capacity + n);
        t->bytes = realloc(t->bytes, t->capacity);
        if (t->bytes == NULL)
            abort();
    }
    memcpy(t->bytes + t->len, bytes, n);
    t->len += n;
}

void transcript_frame(struct transcript *t, unsigned port, const uint8_t *frame, uint32_t len,
                      uint64_t left)
{
    const struct record r = {
        .kind = RECORD_FRAME, .step = t->step, .port = port, .len = len, .left = left};

    append(t, &r, sizeof(r));
    append(t, frame, len);
}

void transcript_text(struct transcript *t, const char *format, ...)
{
    struct record r = {.kind = RECORD_TEXT, .step = t->step};
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    r.len = (uint32_t)strlen(text);
    append(t, &r, sizeof(r));
    append(t, text, r.len);
}

// The record at `at`; its bytes are behind it. 0: the end.
static int record_at(const struct transcript *t, size_t at, struct record *r)
{
    if (at == t->len)
        return 0;
    memcpy(r, t->bytes + at, sizeof(*r));
    return 1;
}

static size_t size_of(const struct record *r)
{
    return sizeof(*r) + r->len;
}

// Offset of the first record that is not in both.
static size_t part(const struct transcript *a, const struct transcript *b)
{
    struct record r, s;
    size_t at = 0;

    while (record_at(a, at, &r) && record_at(b, at, &s) && r.len == s.len &&
           memcmp(a->bytes + at, b->bytes + at, size_of(&r)) == 0)
        at += size_of(&r);
    return at;
}

uint32_t transcript_difference(const struct transcript *a, const struct transcript *b)
{
    struct record r;
    size_t at;

    if (a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0)
        return UINT32_MAX;
    at = part(a, b);
    if (record_at(a, at, &r) || record_at(b, at, &r))
        return r.step;
    return 0;
}

static void print_bytes(const uint8_t *bytes, uint32_t len, FILE *out)
{
    for (uint32_t i = 0; i < len && i < 160; i++)
        fprintf(out, "%s%02x", i % 32 == 0 ? "\n        " : i % 4 == 0 ? " " : "", bytes[i]);
    fprintf(out, "%s\n", len > 160 ? " ..." : "");
}

static void print_record(const struct transcript *t, size_t at, int is_whole, FILE *out)
{
    const uint8_t *bytes = t->bytes + at + sizeof(struct record);
    struct record r;
    char text[256];

    if (!record_at(t, at, &r)) {
        fprintf(out, "nothing more\n");
        return;
    }
    if (r.kind == RECORD_TEXT) {
        fprintf(out, "step %u: %.*s\n", r.step, (int)r.len, (const char *)bytes);
        return;
    }
    wire_describe(bytes, r.len, text, sizeof(text));
    fprintf(out, "step %u: out of port %u: %s", r.step, r.port, text);
    if (r.left != 0)
        fprintf(out, " left %#llx", (unsigned long long)r.left);
    if (is_whole)
        print_bytes(bytes, r.len, out);
    else
        fprintf(out, "\n");
}

void transcript_print_difference(const struct transcript *expected, const struct transcript *got,
                                 FILE *out)
{
    size_t end = part(expected, got), before[N_BEFORE] = {0}, at = 0;
    unsigned n = 0;
    struct record r;

    while (at < end && record_at(expected, at, &r)) {
        before[n++ % N_BEFORE] = at;
        at += size_of(&r);
    }
    for (unsigned i = n > N_BEFORE ? n - N_BEFORE : 0; i < n; i++) {
        fprintf(out, "    both      ");
        print_record(expected, before[i % N_BEFORE], 0, out);
    }
    fprintf(out, "    walk      ");
    print_record(expected, end, 1, out);
    fprintf(out, "    flows     ");
    print_record(got, end, 1, out);
}

void transcript_print(const struct transcript *t, FILE *out)
{
    struct record r;

    for (size_t at = 0; record_at(t, at, &r); at += size_of(&r)) {
        fprintf(out, "    ");
        print_record(t, at, 1, out);
    }
}
