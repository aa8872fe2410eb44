// SPDX-License-Identifier: BSD-3-Clause
// Is this word what the option wants? Called by the programs' options.c before anything else.
#include "tests/bench/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int argument_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < min || value > max)
        return -EINVAL;
    *out = value;
    return 0;
}

int argument_u32(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t value;
    int err = argument_u64(text, min, max, &value);

    if (err == 0)
        *out = (uint32_t)value;
    return err;
}

int argument_u16(const char *text, uint16_t min, uint16_t max, uint16_t *out)
{
    uint64_t value;
    int err = argument_u64(text, min, max, &value);

    if (err == 0)
        *out = (uint16_t)value;
    return err;
}

int argument_family(const char *text, unsigned *out)
{
    if (strcmp(text, "4") != 0 && strcmp(text, "6") != 0)
        return -EINVAL;
    *out = *text == '6' ? 6 : 4;
    return 0;
}

int arguments_parse(const struct arguments *a, void *options, int argc, char **argv)
{
    int index = 0;
    int key;

    while ((key = getopt_long(argc, argv, "+", a->long_options, &index)) != -1) {
        if (key == ARGUMENT_HELP) {
            fputs(a->usage, stdout);
            return -ECANCELED;
        }
        if (key == '?')
            return -EINVAL; // getopt has said why
        if (a->take(options, key, optarg) < 0) {
            fprintf(stderr, "%s: bad value for --%s: %s\n", a->program, a->long_options[index].name,
                    optarg);
            return -EINVAL;
        }
    }
    return 0;
}
