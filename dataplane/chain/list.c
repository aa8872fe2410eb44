// SPDX-License-Identifier: BSD-3-Clause
// Which sessions are there, and which is the operator rid of? Over all chains, a bounded part of
// the table with each request. Main thread, called by server/transaction.c; sessions change
// meanwhile.

#include <stdio.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_cycles.h>

#include "dataplane/chain/segment.h"
#include "dataplane/chain/state.h"
#include "dataplane/session/clock.h"

#define N_SCANNED 65536 // records with each request

// What one request looks for, and what it has found.
struct scan {
    struct api_session_filter filter;
    uint32_t n_found;
    struct api_session_entry *entries; // list only
    uint32_t now_ms;
};

static int has_prefix(const uint8_t *address, const struct api_session_filter *filter)
{
    unsigned n_bytes = filter->prefix_len / 8, n_bits = filter->prefix_len % 8;

    if (memcmp(address, filter->address, n_bytes) != 0)
        return 0;
    return n_bits == 0 || ((address[n_bytes] ^ filter->address[n_bytes]) >> (8 - n_bits)) == 0;
}

static int has_endpoint(const struct session *s, const struct api_session_filter *filter)
{
    rte_be16_t port = rte_cpu_to_be_16(filter->port);
    int is_port_found = filter->port == 0,
        is_address_found = !(filter->flags & API_SESSION_ADDRESS);

    for (unsigned i = 0; i < 2; i++) {
        const struct session_tuple *t = session_key(s, i);

        is_port_found |= t->source_port == port || t->destination_port == port;
        is_address_found |= has_prefix(t->source, filter) || has_prefix(t->destination, filter);
    }
    return is_port_found && is_address_found;
}

// Segments of a chain go by its name.
static int is_of_chain(const struct session *s, const struct api_session_filter *filter)
{
    const char *tenant, *name = session_chain_name(s->chain, &tenant);

    if (name == NULL)
        return 0;
    if (filter->tenant[0] != '\0' && strcmp(filter->tenant, tenant) != 0)
        return 0;
    return filter->chain[0] == '\0' ||
           ((int)strlen(filter->chain) == chain_segment_base_len(name) &&
            strncmp(filter->chain, name, strlen(filter->chain)) == 0);
}

static int fits(const struct session *s, const struct api_session_filter *filter)
{
    if (filter->family != 0 && filter->family != s->key_original.family)
        return 0;
    if ((filter->flags & API_SESSION_PROTOCOL) && filter->protocol != s->key_original.protocol)
        return 0;
    return has_endpoint(s, filter) && is_of_chain(s, filter);
}

static void describe_direction(struct api_session_entry *item, const struct session *s, unsigned i)
{
    const struct session_tuple *t = session_key(s, i);

    memcpy(item->source[i], t->source, sizeof(item->source[i]));
    memcpy(item->destination[i], t->destination, sizeof(item->destination[i]));
    item->source_port[i] = rte_be_to_cpu_16(t->source_port);
    item->destination_port[i] = rte_be_to_cpu_16(t->destination_port);
    item->packets[i] = __atomic_load_n(&s->total_packets[i], __ATOMIC_RELAXED) +
                       __atomic_load_n(&s->packets[i], __ATOMIC_RELAXED);
    item->bytes[i] = __atomic_load_n(&s->total_bytes[i], __ATOMIC_RELAXED) +
                     __atomic_load_n(&s->bytes[i], __ATOMIC_RELAXED);
}

static void list_one(struct session *s, void *context)
{
    struct scan *scan = context;
    struct api_session_entry *item = &scan->entries[scan->n_found];
    uint32_t expires_ms = __atomic_load_n(&s->expires_ms, __ATOMIC_RELAXED);
    const char *tenant, *name;

    if (!fits(s, &scan->filter))
        return;
    memset(item, 0, sizeof(*item));
    name = session_chain_name(s->chain, &tenant);
    snprintf(item->tenant, sizeof(item->tenant), "%s", tenant);
    snprintf(item->chain, sizeof(item->chain), "%.*s", chain_segment_base_len(name), name);
    item->id = session_id(s);
    item->family = s->key_original.family;
    item->protocol = s->key_original.protocol;
    item->state = __atomic_load_n(&s->state, __ATOMIC_RELAXED);
    item->is_inside = s->side[SESSION_ORIGINAL] == SESSION_INSIDE;
    item->is_turned = s->side[SESSION_ORIGINAL] == s->side[SESSION_REPLY];
    item->icmp_type = s->key_original.icmp_type;
    item->age_sec = (scan->now_ms - s->opened_ms) / 1000;
    if (!session_clock_has_passed(expires_ms, scan->now_ms))
        item->expires_sec = (expires_ms - scan->now_ms) / 1000;
    for (unsigned i = 0; i < 2; i++)
        describe_direction(item, s, i);
    scan->n_found++;
}

static void list(struct scan *scan, struct function_request *request, uint32_t cursor)
{
    uint32_t n_max = (uint32_t)(request->answer_size / sizeof(*scan->entries)), n_scanned = 0;

    scan->entries = request->answer;
    do { // no more than there is room for
        uint32_t n = n_max - scan->n_found;

        session_visit(&cursor, n, list_one, scan);
        n_scanned += n;
    } while (cursor != 0 && scan->n_found < n_max && n_scanned < N_SCANNED);
    if (scan->n_found == 0)
        memset(&scan->entries[scan->n_found++], 0, sizeof(*scan->entries));
    scan->entries[scan->n_found - 1].next = cursor;
    request->answer_type = API_SESSIONS;
    request->n_answers = scan->n_found;
}

static void clear_one(struct session *s, void *context)
{
    struct scan *scan = context;

    if (fits(s, &scan->filter))
        scan->n_found += (uint32_t)session_close(s, SESSION_MAIN);
}

static void clear(struct scan *scan, struct function_request *request, uint32_t cursor)
{
    struct api_cleared *item = request->answer;

    session_visit(&cursor, N_SCANNED, clear_one, scan);
    *item = (struct api_cleared){.n_cleared = scan->n_found, .next = cursor};
    request->answer_type = API_CLEARED;
    request->n_answers = 1;
}

int chain_sessions_request(struct function_request *request, struct error *e)
{
    // Both kinds of request look alike.
    struct api_list_sessions question;
    struct scan scan = {.now_ms = session_clock_ms(rte_rdtsc())};

    _Static_assert(sizeof(struct api_list_sessions) == sizeof(struct api_clear_sessions), "alike");
    (void)e;
    memcpy(&question, request->items, sizeof(question));
    scan.filter = question.filter;
    if (request->type == API_LIST_SESSIONS)
        list(&scan, request, question.cursor);
    else
        clear(&scan, request, question.cursor);
    return 0;
}
