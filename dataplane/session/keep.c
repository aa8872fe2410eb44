// SPDX-License-Identifier: BSD-3-Clause
// How does what was learned outlive the process? As one text of sections, an owner and its records
// each, in one of two halves of a region; a header tells which half counts. Written by the server's
// loop about once a second, read while the first configuration is activated. Main thread. Who
// writes and takes: switch/keep.c, vnf/router/neighbor_keep.c.

#include "dataplane/session/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_hash_crc.h>

#include "dataplane/api/culvert_api.h"
#include "dataplane/core/log.h"
#include "dataplane/session/state.h"

#define HALF_SIZE ((size_t)64 << 20)
#define HEADER_SIZE ((size_t)4096)
#define LAYOUT UINT64_C(1)
#define IDLE_PARTS 20 // of the time, one is writing

struct half_header {
    uint64_t size; // bytes used
    uint32_t crc;
    uint32_t reserved;
};

// At the region's start.
struct header {
    uint32_t current; // atomic: half that counts, + 1; 0: none yet
    uint32_t reserved;
    struct half_header halves[2];
};

// In front of the records of one owner.
struct section {
    uint32_t size; // of what follows, records with their heads
    char kind[16];
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint32_t is_taken; // reader: in private memory
};

struct record {
    uint32_t size;
};

static struct {
    struct header *header;
    uint8_t *old; // what the process before kept, a copy; NULL: nothing
    size_t old_size;
    uint8_t *half; // being written
    size_t used, reserved;
    struct section *section; // being written
    uint32_t n_left_out;
    int is_told;
    uint64_t begun_tsc, due_tsc;
} keep;

static uint8_t *half_of(unsigned i)
{
    return (uint8_t *)keep.header + HEADER_SIZE + i * HALF_SIZE;
}

// CRC32c over a half; its length is at most HALF_SIZE.
static uint32_t checksum(const uint8_t *data, size_t size)
{
    return rte_hash_crc(data, (uint32_t)size, 0);
}

static void copy_old(void)
{
    unsigned current = keep.header->current;
    struct half_header half;

    if (current != 1 && current != 2)
        return;
    half = keep.header->halves[current - 1];
    // What was there may be gone, and a hole of a file system that is full can't even be read.
    if (half.size == 0 || half.size > HALF_SIZE ||
        state_reserve(keep.header, HEADER_SIZE + (current - 1) * HALF_SIZE, half.size) < 0)
        return;
    keep.old = malloc(half.size);
    if (keep.old == NULL)
        return;
    keep.old_size = half.size;
    memcpy(keep.old, half_of(current - 1), half.size);
    if (checksum(keep.old, half.size) == half.crc)
        return;
    log_warn("what was learned before the restart is damaged: begun anew");
    free(keep.old);
    keep.old = NULL;
}

int keep_init(struct error *e)
{
    int was_there;

    memset(&keep, 0, sizeof(keep));
    keep.header = state_region("learned", HEADER_SIZE + 2 * HALF_SIZE, LAYOUT, &was_there, e);
    if (keep.header == NULL)
        return e->code;
    if (state_reserve(keep.header, 0, HEADER_SIZE) < 0)
        return error_set(e, -ENOSPC, NULL,
                         "no room for what was learned: the run directory is "
                         "full");
    if (was_there)
        copy_old();
    keep.due_tsc = rte_rdtsc() + rte_get_tsc_hz();
    return 0;
}

void keep_fini(void)
{
    free(keep.old);
    memset(&keep, 0, sizeof(keep));
}

int keep_is_due(void)
{
    return keep.header != NULL && rte_rdtsc() >= keep.due_tsc;
}

void keep_begin(void)
{
    unsigned next = keep.header->current == 1 ? 1 : 0;

    keep.begun_tsc = rte_rdtsc();
    keep.half = half_of(next);
    keep.header->halves[next].size = 0;
    keep.used = 0;
    keep.reserved = 0;
    keep.section = NULL;
    keep.n_left_out = 0;
}

// Room for `size` bytes behind what is used, or NULL. A file system that is full must not be
// written to: the write would be a SIGBUS.
static void *room(size_t size)
{
    const size_t step = (size_t)1 << 20;
    uint8_t *place = keep.half + keep.used;

    if (keep.used + size > HALF_SIZE)
        return NULL;
    while (keep.used + size > keep.reserved) {
        size_t from = (size_t)(keep.half - (uint8_t *)keep.header) + keep.reserved;

        if (state_reserve(keep.header, from, step) < 0)
            return NULL;
        keep.reserved += step;
    }
    keep.used += size;
    return place;
}

void keep_owner(const char *kind, const char *tenant, const char *name)
{
    struct section section = {0};

    strncpy(section.kind, kind, sizeof(section.kind) - 1);
    strncpy(section.tenant, tenant, sizeof(section.tenant) - 1);
    strncpy(section.name, name, sizeof(section.name) - 1);
    keep.section = room(sizeof(section));
    if (keep.section != NULL)
        memcpy(keep.section, &section, sizeof(section));
}

void keep_add(const void *data, size_t size)
{
    size_t whole = RTE_ALIGN_CEIL(sizeof(struct record) + size, sizeof(uint32_t));
    struct record record = {.size = (uint32_t)size};
    uint8_t *place = keep.section != NULL && size <= KEEP_MAX_RECORD ? room(whole) : NULL;

    if (place == NULL) {
        keep.n_left_out++;
        return;
    }
    memset(place, 0, whole);
    memcpy(place, &record, sizeof(record));
    memcpy(place + sizeof(record), data, size);
    keep.section->size += (uint32_t)whole;
}

uint32_t keep_end(void)
{
    unsigned next = keep.header->current == 1 ? 1 : 0;
    uint64_t took;

    keep.header->halves[next].size = keep.used;
    keep.header->halves[next].crc = checksum(keep.half, keep.used);
    __atomic_store_n(&keep.header->current, next + 1, __ATOMIC_RELEASE);
    free(keep.old); // who did not take it by now is gone
    keep.old = NULL;
    if (keep.n_left_out > 0 && !keep.is_told) {
        log_warn("%u learned addresses find no room to be kept over a restart", keep.n_left_out);
        keep.is_told = 1;
    }
    took = rte_rdtsc() - keep.begun_tsc;
    keep.due_tsc = rte_rdtsc() + RTE_MAX(rte_get_tsc_hz(), took * IDLE_PARTS);
    return keep.n_left_out;
}

static int is_owner(const struct section *s, const char *kind, const char *tenant, const char *name)
{
    return strncmp(s->kind, kind, sizeof(s->kind)) == 0 &&
           strncmp(s->tenant, tenant, sizeof(s->tenant)) == 0 &&
           strncmp(s->name, name, sizeof(s->name)) == 0;
}

static void take_section(const uint8_t *data, size_t size,
                         void (*take)(const void *record, size_t size, void *context),
                         void *context)
{
    size_t at = 0;

    while (size - at >= sizeof(struct record)) {
        struct record record;

        memcpy(&record, data + at, sizeof(record));
        at += sizeof(record);
        if (record.size > KEEP_MAX_RECORD || record.size > size - at)
            return;
        take(data + at, record.size, context);
        at += RTE_MIN(RTE_ALIGN_CEIL((size_t)record.size, sizeof(uint32_t)), size - at);
    }
}

void keep_take(const char *kind, const char *tenant, const char *name,
               void (*take)(const void *record, size_t size, void *context), void *context)
{
    size_t at = 0;

    while (keep.old != NULL && keep.old_size - at >= sizeof(struct section)) {
        struct section section;
        uint8_t *head = keep.old + at;

        memcpy(&section, head, sizeof(section));
        at += sizeof(section);
        if (section.size > keep.old_size - at)
            return;
        if (!section.is_taken && is_owner(&section, kind, tenant, name)) {
            section.is_taken = 1;
            memcpy(head, &section, sizeof(section));
            take_section(keep.old + at, section.size, take, context);
        }
        at += section.size;
    }
}
