// SPDX-License-Identifier: BSD-3-Clause
// Which sessions of the process before this one live on? Each record is distrusted: what can't be
// is dropped when it is mapped (adopt_scan); the rest waits in a list of its chain until that is
// configured and says yes (session_adopt). Main thread; workers don't see them before that. Next:
// table.c.

#include "dataplane/session/table.h"

#include <netinet/in.h>

#include <rte_cycles.h>

#include "dataplane/core/log.h"
#include "dataplane/session/clock.h"

#define MAX_SCALE 14 // RFC 7323, 2.3

static int is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return 0;
    return 1;
}

static int has_ports(uint8_t protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static int is_icmp(const struct session_tuple *t)
{
    return t->protocol == (t->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static int is_tuple(const struct session_tuple *t, unsigned direction)
{
    if (t->family != 4 && t->family != 6)
        return 0;
    if (t->family == 4 && (!is_zero(t->source + 4, 12) || !is_zero(t->destination + 4, 12)))
        return 0;
    if (t->reserved != 0 || (t->icmp_type != 0 && !is_icmp(t)))
        return 0;
    if (has_ports(t->protocol))
        return 1;
    // An ICMP query has its identifier as source port, the reply as destination port.
    if (t->source_port != 0 && (!is_icmp(t) || direction != SESSION_ORIGINAL))
        return 0;
    return t->destination_port == 0 || (is_icmp(t) && direction == SESSION_REPLY);
}

static int has_one_protocol(const struct session_tuple *a, const struct session_tuple *b)
{
    return a->family == b->family && a->protocol == b->protocol && a->icmp_type == b->icmp_type;
}

static int can_be(const struct session *s)
{
    if (!chain_names_has(s->chain) || s->side[0] > SESSION_OUTSIDE || s->side[1] > SESSION_OUTSIDE)
        return 0;
    if (!is_tuple(&s->key_original, SESSION_ORIGINAL) || !is_tuple(&s->key_reply, SESSION_REPLY) ||
        !has_one_protocol(&s->key_original, &s->key_reply))
        return 0;
    if (s->state < API_SESSION_OPENING || s->state >= API_SESSION_N_STATES ||
        s->timeout >= API_N_TIMEOUTS || s->timeout == API_TIMEOUT_fragment || s->is_half_open > 1)
        return 0;
    return s->tcp[0].scale <= MAX_SCALE && s->tcp[1].scale <= MAX_SCALE &&
           s->hash[0] == hash_of_key(s, 0) && s->hash[1] == hash_of_key(s, 1);
}

// What the last process left half done, or only it could know.
static void mend(struct session *s)
{
    struct session_tuple reverse = session_tuple_reverse(&s->key_original);
    uint32_t *first = chain_names_orphans(s->chain);

    s->is_translated = !session_tuple_is_equal(&reverse, &s->key_reply);
    s->reserved0 = 0;
    s->source = 0;
    s->lock = 0;
    s->list_prev = 0;
    s->list_next = *first;
    *first = table_number(s);
    s->tenant = TABLE_ORPHAN;
}

void adopt_scan(uint32_t n)
{
    uint32_t n_good = 0, n_bad = 0;

    for (uint32_t i = 1; i <= n; i++) {
        struct session *s = table_record(i);

        if (s->valid == SESSION_VALID && can_be(s)) {
            mend(s);
            n_good++;
            continue;
        }
        // A session that ended has 0 there, a record that was never used, too.
        n_bad += s->valid != 0;
        s->valid = 0;
        numbers_give(&session_table.numbers, SESSION_MAIN, i);
    }
    if (n_good + n_bad > 0)
        log_info("%u sessions of the process before this one are kept for their chains, %u are "
                 "damaged and dropped",
                 n_good, n_bad);
}

static int is_taken(const struct session *s)
{
    for (unsigned i = 0; i < 2; i++) {
        struct session_query q = {.chain = s->chain, .side = s->side[i], *session_key(s, i)};
        unsigned direction;

        if (table_find(&q, s->hash[i], &direction) != NULL)
            return 1;
    }
    return s->side[0] == s->side[1] && session_tuple_is_equal(&s->key_original, &s->key_reply);
}

// No more time than a packet would give it now.
static void limit_timeout(struct session *s, const struct session_tenant *tenant)
{
    uint32_t latest =
        session_clock_ms(rte_rdtsc()) + session_timeout_ms(tenant, (enum api_timeout)s->timeout);

    if (session_clock_has_passed(latest, s->expires_ms))
        s->expires_ms = latest;
}

// 1: packets find it. Limits don't count: it was there before.
static int take_over(struct session *s, struct session_tenant *tenant)
{
    struct session *other;
    unsigned which;

    if (quota_source_take(tenant, s->key_original.source, SESSION_MAIN, 1, &s->source) !=
        API_DROP_NONE) {
        numbers_give(&session_table.numbers, SESSION_MAIN, table_number(s));
        return 0;
    }
    limit_timeout(s, tenant);
    quota_take_forced(tenant, s->is_half_open);
    s->tenant = tenant->number;
    return table_open(s, s->is_half_open, SESSION_MAIN, &other, &which) == 0;
}

static int adopt(struct session *s, struct session_tenant *tenant,
                 int (*accept)(struct session *s, void *context), void *context)
{
    if (is_taken(s) || !accept(s, context)) {
        __atomic_store_n(&s->valid, 0, __ATOMIC_RELEASE);
        numbers_give(&session_table.numbers, SESSION_MAIN, table_number(s));
        return 0;
    }
    // Not to be seen while it is half in.
    __atomic_store_n(&s->valid, 0, __ATOMIC_RELEASE);
    if (take_over(s, tenant))
        return 1;
    if (session_hooks.on_close != NULL)
        session_hooks.on_close(s, SESSION_MAIN);
    return 0;
}

uint32_t session_adopt(uint32_t chain, struct session_tenant *tenant,
                       int (*accept)(struct session *s, void *context), void *context)
{
    uint32_t number, next, n = 0;

    if (!chain_names_has(chain))
        return 0;
    number = *chain_names_orphans(chain);
    *chain_names_orphans(chain) = 0;
    table_main_enter();
    for (; number != 0; number = next) {
        struct session *s = table_record(number);

        next = s->list_next;
        n += (uint32_t)adopt(s, tenant, accept, context);
    }
    table_main_leave();
    return n;
}

uint32_t session_forget_orphans(void)
{
    uint32_t next, n = 0;

    for (uint32_t chain = 1; chain < SESSION_MAX_CHAINS; chain++) {
        uint32_t number = *chain_names_orphans(chain);

        *chain_names_orphans(chain) = 0;
        for (; number != 0; number = next, n++) {
            struct session *s = table_record(number);

            next = s->list_next;
            __atomic_store_n(&s->valid, 0, __ATOMIC_RELEASE);
            limbo_add(SESSION_MAIN, s); // a worker that ages may just look at it
        }
    }
    chain_names_sweep();
    if (n > 0)
        log_info("%u sessions of the process before this one belong to no chain any more", n);
    return n;
}
