// SPDX-License-Identifier: BSD-3-Clause
// Time and chance for a run that can be repeated: in place of session/clock.c, and of the kernel's
// random numbers; and of core/log.c, which would tell the same thousands of times. Linked before
// the dataplane's library, so that these are the ones that are found.

#include "tests/unit/flow/chance.h"

#include <string.h>
#include <sys/random.h>

#include <rte_random.h>

#include "dataplane/core/log.h"
#include "dataplane/session/clock.h"

uint32_t chance_now_ms;

static uint64_t state;

static uint64_t next(void)
{
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15)); // splitmix64

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void chance_begin(uint64_t seed)
{
    state = seed;
    rte_srand(next());
}

ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
    uint8_t *bytes = buffer;

    (void)flags;
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)next();
    return (ssize_t)length;
}

void session_clock_init(const char *jump_file)
{
    (void)jump_file;
}

void session_clock_update(void)
{
}

uint32_t session_clock_ms(uint64_t tsc)
{
    (void)tsc;
    return chance_now_ms;
}

void log_info(const char *format, ...)
{
    (void)format;
}

void log_warn(const char *format, ...)
{
    (void)format;
}
