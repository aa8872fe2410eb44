// SPDX-License-Identifier: BSD-3-Clause
// Does a sequence look the same with flows and without, and if not, what is the least of it that
// does not? Called by walk_model_test.c and the fuzz target.

#include "tests/unit/flow/pair.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

int pair_is_equal(struct pair *pair, const struct sequence *s)
{
    run_sequence(s, 1, &pair->order, &pair->with);
    run_sequence(s, 0, &pair->order, &pair->without);
    return transcript_difference(&pair->with, &pair->without) == UINT32_MAX;
}

static double end; // of shrinking

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int try(struct pair *pair, struct sequence *s, const struct sequence *other)
{
    if (now() > end || pair_is_equal(pair, other))
        return 0;
    memcpy(s, other, sizeof(*s));
    return 1;
}

// Steps behind it still refer to what they did.
static void refer(struct step *step, uint32_t at, uint32_t first, uint32_t n)
{
    uint32_t distance = step_distance(step);
    uint32_t target = at > distance + 1 ? at - 1 - distance : 0;

    if (target < first)
        distance = distance > n ? distance - n : 0;
    else if (target < first + n)
        distance = at - n > first ? at - n - first : 0;
    step->index = (uint8_t)(distance < STEP_MAX_DISTANCE ? distance : STEP_MAX_DISTANCE);
}

// Without steps [first, first + n).
static int drop(struct pair *pair, struct sequence *s, uint32_t first, uint32_t n)
{
    static struct sequence other;

    memcpy(&other, s, sizeof(other));
    memmove(&other.steps[first], &other.steps[first + n],
            (s->n - first - n) * sizeof(other.steps[0]));
    other.n = s->n - n;
    for (uint32_t i = first; i < other.n; i++)
        refer(&other.steps[i], i + n, first, n);
    return try(pair, s, &other);
}

static int shrink_steps(struct pair *pair, struct sequence *s)
{
    int has_changed = 0;

    for (uint32_t n = s->n / 2 > 0 ? s->n / 2 : 1; n > 0; n /= 2)
        for (uint32_t first = s->n; first > 0;) {
            first = first > n ? first - n : 0;
            if (first + n <= s->n && drop(pair, s, first, n))
                has_changed = 1;
        }
    return has_changed;
}

static int plain(struct pair *pair, struct sequence *s, uint8_t *byte, uint8_t value)
{
    static struct sequence other;
    uint8_t before = *byte;
    int has_changed;

    if (before == value)
        return 0;
    *byte = value;
    memcpy(&other, s, sizeof(other));
    *byte = before;
    has_changed = try(pair, s, &other);
    return has_changed;
}

static int shrink_bytes(struct pair *pair, struct sequence *s)
{
    int has_changed = 0;

    for (unsigned i = 0; i < N_GENES; i++)
        has_changed |= plain(pair, s, &s->genes[i], 0);
    for (uint32_t i = 0; i < s->n; i++)
        for (unsigned k = 1; k < sizeof(s->steps[0]); k++)
            has_changed |= plain(pair, s, (uint8_t *)&s->steps[i] + k, 0);
    return has_changed;
}

void pair_shrink(struct pair *pair, struct sequence *s, unsigned seconds)
{
    end = now() + seconds;
    while (shrink_steps(pair, s))
        ;
    while (shrink_bytes(pair, s) && shrink_steps(pair, s))
        ;
}

void pair_print(struct pair *pair, const struct sequence *s, FILE *out)
{
    world_tells_input = 1;
    (void)pair_is_equal(pair, s);
    world_tells_input = 0;
    fprintf(out, "with flows it is not as without, at step %u of:\n",
            transcript_difference(&pair->without, &pair->with));
    sequence_print(s, out);
    transcript_print_difference(&pair->without, &pair->with, out);
}

void pair_fini(struct pair *pair)
{
    transcript_fini(&pair->with);
    transcript_fini(&pair->without);
    free(pair->order.carried);
    memset(pair, 0, sizeof(*pair));
}
