// SPDX-License-Identifier: BSD-3-Clause
// Which number has a chain? One for each (tenant, name), given once and kept in the state segment,
// so that records of the last process still say whose they are. Main thread; workers read counts.
// Names that are in the segment are distrusted: what is not a proper name is dropped. Next:
// adopt.c, which asks whether a chain is known.

#include "dataplane/session/table.h"

#include "dataplane/core/log.h"
#include "dataplane/session/state.h"

#define MAX_CHAINS SESSION_MAX_CHAINS
#define LAYOUT_VERSION 1
#define PLACES (4 * MAX_CHAINS) // of the index by name, a power of two
#define PAGE_CHAINS 32          // that get memory in one go

struct chain_name { // in the segment; empty: no chain
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
};

static struct chain_name *names; // [0] is not used
static uint32_t n_chains;        // numbers 1 to n_chains may be in use
static uint32_t n_backed;        // numbers below have memory
static uint32_t places[PLACES];  // numbers by hash of the name, 0: free
static uint32_t orphans[MAX_CHAINS];
static uint8_t is_asked_for[MAX_CHAINS]; // in this process
static struct chain_counts counts[MAX_CHAINS];

static uint32_t hash_name(const struct chain_name *n)
{
    uint32_t hash = 0;
    uint64_t words[HASH_WORDS];

    _Static_assert(sizeof(*n) % 8 == 0, "whole words");
    for (size_t i = 0; i < sizeof(*n) / 8; i += HASH_WORDS - 1) {
        memset(words, 0, sizeof(words));
        words[0] = hash;
        for (size_t k = 0; k < HASH_WORDS - 1 && i + k < sizeof(*n) / 8; k++)
            memcpy(&words[1 + k], (const char *)n + (i + k) * 8, 8);
        hash = hash_words(words);
    }
    return hash;
}

// The place of this name, or the free one where it belongs.
static uint32_t *find_place(const struct chain_name *n)
{
    uint32_t i = hash_name(n) & (PLACES - 1);

    while (places[i] != 0 && memcmp(&names[places[i]], n, sizeof(*n)) != 0)
        i = (i + 1) & (PLACES - 1);
    return &places[i];
}

// The last two are in names of segments only (chain/segment.h).
static int is_name(const char name[API_NAME_SIZE])
{
    size_t len = strnlen(name, API_NAME_SIZE);

    if (len == 0 || len == API_NAME_SIZE)
        return 0;
    if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-<>") != len)
        return 0;
    for (; len < API_NAME_SIZE; len++)
        if (name[len] != '\0')
            return 0;
    return 1;
}

// Names that were there, each once.
static void index_names(void)
{
    memset(places, 0, sizeof(places));
    n_chains = 0;
    for (uint32_t i = 1; i < n_backed; i++) {
        uint32_t *place;

        if (is_name(names[i].tenant) && is_name(names[i].name) &&
            *(place = find_place(&names[i])) == 0) {
            *place = i;
            n_chains = i;
        } else {
            memset(&names[i], 0, sizeof(names[i]));
        }
    }
}

int chain_names_init(struct error *e)
{
    uint64_t layout = (uint64_t)LAYOUT_VERSION << 32 | sizeof(names[0]);
    int rc, was_there;
    size_t held;

    memset(orphans, 0, sizeof(orphans));
    memset(is_asked_for, 0, sizeof(is_asked_for));
    memset(counts, 0, sizeof(counts));
    names = state_region("chain-names", MAX_CHAINS * sizeof(names[0]), layout, &was_there, e);
    if (names == NULL)
        return e->code;
    held = state_held(names);
    rc = state_reserve(names, 0, held);
    if (rc < 0)
        return error_set(e, rc, NULL, "no memory for the names of chains");
    n_backed = (uint32_t)(held / sizeof(names[0]));
    index_names();
    return 0;
}

static uint32_t free_number(void)
{
    uint32_t number = 1;

    if (n_chains < MAX_CHAINS - 1)
        return n_chains + 1;
    chain_names_sweep(); // chains that are gone; rare, for it looks at all
    while (number < MAX_CHAINS && names[number].name[0] != '\0')
        number++;
    return number < MAX_CHAINS ? number : 0;
}

static int back(uint32_t number)
{
    uint32_t end = number + PAGE_CHAINS < MAX_CHAINS ? number + PAGE_CHAINS : MAX_CHAINS;
    int rc;

    if (number < n_backed)
        return 0;
    rc = state_reserve(names, 0, end * sizeof(names[0]));
    if (rc == 0)
        n_backed = end;
    return rc;
}

uint32_t session_chain_id(const char *tenant, const char *name)
{
    struct chain_name n = {0};
    uint32_t *place, number;

    strncpy(n.tenant, tenant, sizeof(n.tenant) - 1);
    strncpy(n.name, name, sizeof(n.name) - 1);
    place = find_place(&n);
    if (*place == 0) {
        number = free_number();
        if (number == 0 || back(number) < 0) {
            log_warn("chain %s/%s has no sessions: no room for its name", tenant, name);
            return 0;
        }
        names[number] = n;
        place = find_place(&n); // names may have been swept
        *place = number;
        if (number > n_chains)
            n_chains = number;
    }
    is_asked_for[*place] = 1;
    return *place;
}

void session_chain_forget(uint32_t chain)
{
    is_asked_for[chain] = 0;
}

const char *session_chain_name(uint32_t chain, const char **tenant)
{
    if (!chain_names_has(chain))
        return NULL;
    *tenant = names[chain].tenant;
    return names[chain].name;
}

int chain_names_has(uint32_t chain)
{
    return chain != 0 && chain <= n_chains && names[chain].name[0] != '\0';
}

struct chain_counts *chain_names_counts(uint32_t chain)
{
    return &counts[chain];
}

uint32_t *chain_names_orphans(uint32_t chain)
{
    return &orphans[chain];
}

void session_chain_counts(uint32_t chain, uint32_t *n_sessions, uint32_t *n_half_open)
{
    const struct chain_counts *c = &counts[chain < MAX_CHAINS ? chain : 0];

    *n_sessions = __atomic_load_n(&c->n_sessions, __ATOMIC_RELAXED);
    *n_half_open = __atomic_load_n(&c->n_half_open, __ATOMIC_RELAXED);
}

void chain_names_sweep(void)
{
    for (uint32_t i = 1; i <= n_chains; i++)
        if (!is_asked_for[i] && orphans[i] == 0 &&
            __atomic_load_n(&counts[i].n_sessions, __ATOMIC_ACQUIRE) == 0)
            memset(&names[i], 0, sizeof(names[i]));
    index_names();
}
