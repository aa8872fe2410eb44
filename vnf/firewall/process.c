// SPDX-License-Identifier: BSD-3-Clause
// May this session begin, or stay? Called by dataplane/chain/ on a worker for a first packet, for
// each session after a change of policy, and (main thread) for those of the process before. Never
// sees a packet of an open session. Next: vnf/lib/classifier_lookup.c (which rule), count.c, log.c.

#include "vnf/firewall/state.h"

#include <netinet/in.h>

#include <rte_byteorder.h>

#define TCP_FLAGS_OFF 13 // RFC 9293, 3.1
#define TCP_FLAGS_MASK 0x3f
#define TCP_SYN 0x02
#define ICMP_CODE_OFF 1

// One case, and what the firewall says of it.
struct decision {
    const struct walk_context *ctx;
    struct firewall_state *state;
    const struct firewall_policy *policy;
    struct function_case *c;
    uint8_t direction;                // enum api_direction
    uint8_t first;                    // the byte of the first packet that the slot keeps
    const struct firewall_rule *rule; // NULL: the default, or
    int is_over;                      // too many rules are alike to tell
    uint8_t action;
};

static int has_ports(uint8_t protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static int is_icmp(uint8_t protocol)
{
    return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

// A session that no packet of ours is known of is taken to have begun as most do: with a SYN, and
// ICMP queries have the code 0 (RFC 792, RFC 4443).
static uint8_t first_byte(const struct function_case *c)
{
    unsigned off = c->tuple.protocol == IPPROTO_TCP ? TCP_FLAGS_OFF : ICMP_CODE_OFF;

    if (c->tuple.protocol != IPPROTO_TCP && !is_icmp(c->tuple.protocol))
        return 0;
    if (c->m != NULL && (c->p->flags & PACKET_L4) && c->p->l4_proto == c->tuple.protocol)
        return *rte_pktmbuf_mtod_offset(c->m, const uint8_t *, c->p->l4_off + off);
    if (c->slot != NULL && *c->slot != 0)
        return (uint8_t)(*c->slot >> FIREWALL_SLOT_FIRST_SHIFT);
    return c->tuple.protocol == IPPROTO_TCP ? TCP_SYN : 0;
}

static void classify(struct decision *d)
{
    const struct session_tuple *t = &d->c->tuple;
    struct classifier_key key = {
        .family = t->family, .zone = d->direction, .protocol = t->protocol};

    memcpy(key.source, t->source, sizeof(key.source));
    memcpy(key.destination, t->destination, sizeof(key.destination));
    if (has_ports(t->protocol)) {
        key.source_port = rte_be_to_cpu_16(t->source_port);
        key.destination_port = rte_be_to_cpu_16(t->destination_port);
    }
    if (t->protocol == IPPROTO_TCP)
        key.tcp_flags = d->first & TCP_FLAGS_MASK;
    if (is_icmp(t->protocol)) {
        key.icmp_type = t->icmp_type;
        key.icmp_code = d->first;
    }
    // `match` is the first member.
    d->rule = (const struct firewall_rule *)(const void *)classifier_lookup(d->policy->classifier,
                                                                            &key, &d->is_over);
    d->action = d->rule != NULL ? d->rule->action : d->policy->default_action[d->direction];
    if (d->is_over)
        d->action = API_ACTION_DENY;
}

static uint64_t slot_of(const struct decision *d)
{
    uint64_t first = (uint64_t)d->first << FIREWALL_SLOT_FIRST_SHIFT;

    return first | (d->rule != NULL ? d->rule->match.seq : FIREWALL_SLOT_DEFAULT);
}

// Take what the session needs of the rule's limits. Returns API_DROP_NONE, or why not.
static uint8_t take(const struct decision *d, int is_kept)
{
    const struct firewall_rule *rule = d->rule;
    uint32_t n;

    if (rule == NULL)
        return API_DROP_NONE;
    if (rule->rate_limit != 0 &&
        !meter_admit(&rule->limit, &rule->counter->meter, d->ctx->now_tsc, 1))
        return DROP_FIREWALL_RATE_LIMIT;
    if (!is_kept)
        return API_DROP_NONE;
    n = __atomic_fetch_add(&rule->counter->n_sessions, 1, __ATOMIC_RELAXED);
    if (rule->connection_limit == 0 || n < rule->connection_limit)
        return API_DROP_NONE;
    firewall_counter_leave(rule->counter);
    return DROP_FIREWALL_CONNECTION_LIMIT;
}

static uint8_t reason_of(const struct decision *d)
{
    if (d->is_over)
        return DROP_FIREWALL_RULES_TOO_ALIKE;
    switch (d->action) {
    case API_ACTION_ALLOW:
        return API_DROP_NONE;
    case API_ACTION_REJECT:
        return DROP_FIREWALL_REJECTED;
    default:
        return DROP_FIREWALL_DENIED;
    }
}

static void add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

// The packet counts at once if no session will count it.
static void count(const struct decision *d, uint8_t drop, int is_kept)
{
    struct firewall_counters *row = &d->state->counters[d->ctx->worker];
    const struct packet *p = d->c->p;

    if (drop == API_DROP_NONE)
        add(&row->allowed, 1);
    else if (d->action == API_ACTION_ALLOW)
        add(&row->limited, 1);
    else
        add(&row->denied, 1);
    if (d->rule == NULL) {
        add(&row->default_hits[d->direction], !d->is_over);
        return;
    }
    if (drop != API_DROP_NONE && d->action == API_ACTION_ALLOW)
        return;
    __atomic_fetch_add(&d->rule->counter->hits, 1, __ATOMIC_RELAXED);
    if (is_kept && drop == API_DROP_NONE)
        return;
    __atomic_fetch_add(&d->rule->counter->packets, 1, __ATOMIC_RELAXED);
    if (p != NULL)
        __atomic_fetch_add(&d->rule->counter->bytes, (uint64_t)(p->l3_end - p->l3_off),
                           __ATOMIC_RELAXED);
}

static int is_logged(const struct decision *d)
{
    return d->rule != NULL ? d->rule->flags & API_RULE_LOG : d->policy->is_default_logged;
}

static void note(const struct decision *d, uint8_t drop)
{
    const struct firewall_record record = {
        .tuple = d->c->tuple,
        .seq = d->rule != NULL ? d->rule->match.seq : 0,
        .direction = d->direction,
        .action = d->action,
        .drop = drop,
    };

    if (is_logged(d))
        firewall_log_add(&d->state->logs[d->ctx->worker], &record);
}

static enum function_verdict refuse(const struct decision *d, uint8_t drop)
{
    d->c->drop = drop;
    return drop == DROP_FIREWALL_REJECTED ? FUNCTION_REJECT : FUNCTION_DENY;
}

static int is_stateless(const struct decision *d)
{
    return d->rule != NULL && (d->rule->flags & API_RULE_STATELESS);
}

// By a rule alone, or the default: a packet like this one is denied until there is another policy.
static uint64_t account_of(const struct decision *d)
{
    if (d->rule != NULL)
        return FIREWALL_ACCOUNT | d->rule->match.seq;
    return FIREWALL_ACCOUNT | FIREWALL_SLOT_DEFAULT | d->direction;
}

static enum function_verdict judge_first(const struct decision *d)
{
    int is_kept = !is_stateless(d) && !d->c->is_turned && !d->c->is_alone && d->c->slot != NULL;
    uint8_t drop = reason_of(d);

    if (drop == API_DROP_NONE)
        drop = take(d, is_kept);
    count(d, drop, is_kept);
    note(d, drop);
    if (drop == DROP_FIREWALL_DENIED && !is_logged(d))
        d->c->account = account_of(d);
    if (drop != API_DROP_NONE)
        return refuse(d, drop);
    d->c->is_stateless = is_stateless(d) != 0;
    if (is_kept)
        *d->c->slot = slot_of(d);
    return FUNCTION_ALLOW;
}

// The session is the rule's that allows it now, or nobody's if that one wants none. Limits are for
// newcomers.
static enum function_verdict judge_again(const struct decision *d)
{
    uint64_t slot = is_stateless(d) ? 0 : slot_of(d), *old = d->c->slot;
    uint8_t drop = reason_of(d);
    int is_counted = d->c->occasion == FUNCTION_AGAIN;

    if (drop != API_DROP_NONE) {
        if (!is_counted && old != NULL)
            *old = 0; // nothing to be released
        return refuse(d, drop);
    }
    d->c->is_stateless = is_stateless(d) != 0;
    if (d->c->is_turned || old == NULL || (is_counted && *old == slot))
        return FUNCTION_ALLOW;
    if (d->rule != NULL && slot != 0)
        __atomic_fetch_add(&d->rule->counter->n_sessions, 1, __ATOMIC_RELAXED);
    if (is_counted && *old != 0)
        firewall_release(d->state, d->c->chain, d->c->tuple.protocol, *old);
    *old = slot;
    return FUNCTION_ALLOW;
}

enum function_verdict firewall_judge(const struct function *f, const struct walk_context *ctx,
                                     struct function_case *c)
{
    struct firewall_state *state = f->state;
    struct decision d = {
        .ctx = ctx,
        .state = state,
        .policy = firewall_policy_of(state),
        .c = c,
        .direction = c->is_inward ? API_DIRECTION_IN : API_DIRECTION_OUT,
    };

    d.first = first_byte(c);
    classify(&d);
    return c->occasion == FUNCTION_FIRST ? judge_first(&d) : judge_again(&d);
}

uint32_t firewall_version(const struct function *f)
{
    const struct firewall_state *state = f->state;

    return __atomic_load_n(&state->version, __ATOMIC_ACQUIRE);
}

const struct function_ops firewall_ops = {
    .name = "firewall",
    .n_instances = firewall_n_instances,
    .identify = firewall_identify,
    .config_create = firewall_config_create,
    .activate = firewall_activate,
    .config_destroy = firewall_config_destroy,
    .age = firewall_age,
    .request = firewall_request,
    .judge = firewall_judge,
    .release = firewall_release,
    .credit = firewall_credit,
    .account = firewall_account,
    .version = firewall_version,
    .state_get = firewall_state_hold,
    .state_put = firewall_state_put,
};
