// SPDX-License-Identifier: BSD-3-Clause
// What is done in a run? Bytes become steps, by chance or from a file or a fuzzer. Called by
// walk_model_test.c and the fuzz target. Next: run.c, which does it.

#include "tests/unit/flow/steps.h"

#include <string.h>

#define N_FIRST 12 // steps that rather begin conversations

static const struct {
    enum step_kind kind;
    unsigned weight; // of 256
    const char *name;
} kinds[N_STEP_KINDS] = {
    {STEP_NEW, 26, "new"},    {STEP_REPLY, 78, "reply"},  {STEP_AGAIN, 78, "again"},
    {STEP_PASS, 12, "pass"},  {STEP_EDIT, 10, "edit"},    {STEP_RULE, 8, "rule"},
    {STEP_ROUTE, 6, "route"}, {STEP_STATIC, 3, "static"}, {STEP_LINK, 5, "link"},
    {STEP_MOVE, 5, "move"},   {STEP_RENEW, 5, "renew"},   {STEP_CLEAR, 2, "clear"},
    {STEP_CHECK, 4, "check"}, {STEP_COMMIT, 3, "commit"}, {STEP_ASK, 5, "ask"},
    {STEP_SPOOF, 6, "spoof"},
};

static const char *const change_names[N_CHANGES] = {
    "",
    "ttl",
    "options",
    "fragments",
    "padding",
    "ip-checksum",
    "l4-checksum",
    "no-checksum",
    "seq",
    "ack",
    "window",
    "flags",
    "protocol",
    "truncate",
    "length",
    "vlan",
    "to-mac",
    "from-mac",
    "port",
    "partial",
    "tso",
    "df",
    "udp-length",
    "byte",
    "tcp-options",
    "cut",
    "to-edge",
};

enum step_kind step_kind(const struct step *step)
{
    unsigned sum = 0, i = 0;

    while (i + 1 < N_STEP_KINDS && (sum += kinds[i].weight) <= step->kind)
        i++;
    return kinds[i].kind;
}

uint8_t step_of_kind(enum step_kind kind)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < (unsigned)kind; i++)
        sum += kinds[i].weight;
    return (uint8_t)sum;
}

unsigned step_distance(const struct step *step)
{
    return step->index < 128 ? step->index % (STEP_MAX_DISTANCE + 1) : step->index % 3;
}

unsigned step_copies(const struct step *step)
{
    static const uint8_t more[] = {2, 3, 4, 6, 8, 16, 31, 32, 33, 63, 64, 65};

    return step->copies < 150 ? 1 : more[step->copies % 12];
}

enum change step_change(const struct step *step)
{
    if (step->change < 150)
        return CHANGE_NONE;
    return CHANGE_NONE + 1 + (unsigned)(step->change - 150) % (N_CHANGES - 1);
}

void sequence_read(struct sequence *s, const uint8_t *bytes, size_t size)
{
    size_t n = size < N_GENES ? size : N_GENES;

    memset(s, 0, sizeof(*s));
    memcpy(s->genes, bytes, n);
    size -= n;
    s->n = (uint32_t)(size / sizeof(s->steps[0]));
    if (s->n > MAX_STEPS)
        s->n = MAX_STEPS;
    memcpy(s->steps, bytes + n, s->n * sizeof(s->steps[0]));
}

static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15)); // splitmix64

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void draw_step(struct step *step, uint64_t *state, int is_first,
                      const struct sequence_mask *masked)
{
    do {
        uint64_t words[2] = {next(state), next(state)};

        memcpy(step, words, sizeof(*step));
        if (is_first)
            step->kind = (uint8_t)(step->kind % (step_of_kind(STEP_PASS)));
    } while (masked->kinds >> step_kind(step) & 1 || masked->changes >> step_change(step) & 1);
}

void sequence_draw(struct sequence *s, uint64_t seed, const struct sequence_mask *masked)
{
    uint64_t state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    unsigned calm = (unsigned)(next(&state) % 4); // the fewer changes the longer flows live

    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < N_GENES; i++)
        if (!(masked->genes >> i & 1) && next(&state) % 2)
            s->genes[i] = (uint8_t)next(&state);
    s->n = 40 + (uint32_t)(next(&state) % 160);
    for (uint32_t i = 0; i < s->n; i++) {
        draw_step(&s->steps[i], &state, i < N_FIRST, masked);
        if (calm > 0 && next(&state) % 4 < calm)
            s->steps[i].kind %= step_of_kind(STEP_PASS);
    }
}

static void print_step(const struct step *s, unsigned number, FILE *out)
{
    enum step_kind kind = step_kind(s);

    fprintf(out, "    %3u %-6s who %u where %u ports %u size %u x%u", number, kinds[kind].name,
            s->who, s->where, s->ports, s->size, step_copies(s));
    if (step_change(s) != CHANGE_NONE)
        fprintf(out, " %s %u %u", change_names[step_change(s)], s->arg, s->arg2);
    else
        fprintf(out, " arg %u %u", s->arg, s->arg2);
    fprintf(out, " form %u index %u extra %u\n", s->form, s->index, s->extra);
}

void sequence_print(const struct sequence *s, FILE *out)
{
    const uint8_t *bytes = (const uint8_t *)s->steps;

    fprintf(out, "    genes");
    for (unsigned i = 0; i < N_GENES; i++)
        if (s->genes[i] != 0)
            fprintf(out, " [%u]=%u", i, s->genes[i]);
    fprintf(out, "\n");
    for (uint32_t i = 0; i < s->n; i++)
        print_step(&s->steps[i], i, out);
    fprintf(out, "    --replay ");
    for (unsigned i = 0; i < N_GENES; i++)
        fprintf(out, "%02x", s->genes[i]);
    for (unsigned i = 0; i < s->n * sizeof(s->steps[0]); i++)
        fprintf(out, "%02x", bytes[i]);
    fprintf(out, "\n");
}
