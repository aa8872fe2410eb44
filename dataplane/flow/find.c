// SPDX-License-Identifier: BSD-3-Clause
// Which record has this hash? The seven entries of a bucket are compared at once, by what the
// machine has: chosen at the start, for the build is a generic one. Called by burst.c on workers.
// Next: burst.c, which compares keys.

#include <immintrin.h>

#include <rte_cpuflags.h>

#include "dataplane/flow/table.h"

// An entry is a hash in the upper half and a value in the lower one; the line begins with one word
// that is neither.
#define ODD_BITS 0xaaaaU
#define FIRST_WORD 0x3U

_Static_assert(sizeof(struct index_line) == 64 && offsetof(struct index_line, entries) == 8,
               "entry i is word i + 1");

// `equal`: a bit for each 32-bit half of the line that is the hash.
static inline uint32_t value_at(const struct index_line *line, unsigned equal)
{
    uint64_t entry;

    equal &= ODD_BITS & ~FIRST_WORD;
    if (equal == 0)
        return 0;
    entry =
        __atomic_load_n(&line->entries[(unsigned)__builtin_ctz(equal) / 2 - 1], __ATOMIC_RELAXED);
    return (uint32_t)entry;
}

static uint32_t find_sse2(const struct index_line *line, uint32_t hash)
{
    const __m128i *words = (const __m128i *)(const void *)line;
    __m128i wanted = _mm_set1_epi32((int)hash);
    unsigned equal = 0;

    for (unsigned i = 0; i < 4; i++) {
        __m128i same = _mm_cmpeq_epi32(_mm_load_si128(&words[i]), wanted);

        equal |= (unsigned)_mm_movemask_ps(_mm_castsi128_ps(same)) << (4 * i);
    }
    return value_at(line, equal);
}

__attribute__((target("avx2"))) static uint32_t find_avx2(const struct index_line *line,
                                                          uint32_t hash)
{
    const __m256i *words = (const __m256i *)(const void *)line;
    __m256i wanted = _mm256_set1_epi32((int)hash);
    __m256i low = _mm256_cmpeq_epi32(_mm256_load_si256(&words[0]), wanted);
    __m256i high = _mm256_cmpeq_epi32(_mm256_load_si256(&words[1]), wanted);

    return value_at(line, (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(low)) |
                              (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(high)) << 8);
}

uint32_t (*flow_find)(const struct index_line *line, uint32_t hash) = find_sse2;

void flow_find_init(void)
{
    if (rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) > 0)
        flow_find = find_avx2;
}
