// SPDX-License-Identifier: BSD-3-Clause
// Can configurations, changes of rules and first packets of any content make a firewall read what
// is not there, lose memory or count wrongly? libFuzzer with ASan and UBSan. The input is a list of
// steps: a whole configuration, a datagram of changes, a case to be judged, an end of a session.
// Items come as bytes, past the border's table, so that nothing relies on it. What was allowed a
// moment ago is still allowed; when all sessions have ended none is counted.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/model.h"
#include "tests/fuzz/lab.h"
#include "vnf/firewall/state.h"

#define MAX_STEPS 64
#define MAX_RULES 64
#define MAX_CHANGES 8
#define N_SESSIONS 32

extern const struct function_ops firewall_ops;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct function f;
    struct walk_context ctx;
    uint64_t slots[N_SESSIONS];
    struct session_tuple tuples[N_SESSIONS];
    uint8_t is_inward[N_SESSIONS];
} it;

static void take_range(struct input *in, uint16_t *first, uint16_t *last)
{
    uint8_t len = take(in);

    *first = take(in);
    *last = len >= 0xf0 ? UINT16_MAX : (uint16_t)(*first + len);
}

// Bytes of the input over a rule that is sound, at few places, so that many are accepted.
static void take_rule(struct input *in, struct api_rule *rule)
{
    unsigned n_spoilt = take(in) % 6;

    *rule = (struct api_rule){.seq = take(in) % 64U + 1,
                              .direction = (uint8_t)(1 + take(in) % 2),
                              .action = (uint8_t)(1 + take(in) % 3),
                              .source_port_last = UINT16_MAX,
                              .destination_port_last = UINT16_MAX,
                              .source_group = take(in) % 4 == 0 ? 0 : API_NONE,
                              .destination_group = take(in) % 4 == 0 ? 1 : API_NONE,
                              .source_port_group = API_NONE,
                              .destination_port_group = API_NONE};
    if (take(in) & 1) {
        rule->flags |= API_RULE_PROTOCOL;
        rule->protocol = 6;
        take_range(in, &rule->destination_port_first, &rule->destination_port_last);
        if (take(in) % 4 == 0)
            take_range(in, &rule->source_port_first, &rule->source_port_last);
        rule->tcp_flags_mask = take(in) & 0x3f;
        rule->tcp_flags = rule->tcp_flags_mask & take(in);
        rule->destination_port_group = take(in) % 4 == 0 ? 0 : API_NONE;
    }
    rule->connection_limit = take(in) % 4;
    for (unsigned i = 0; i < n_spoilt; i++)
        ((uint8_t *)rule)[take(in) % sizeof(*rule)] = take(in);
    rule->owner = 0;
}

static void add(struct model *model, enum api_type type, const void *item)
{
    if (model_add(model, type, item, 1) < 0)
        abort();
}

static void add_groups(struct input *in, struct model *model)
{
    for (uint32_t g = 0; g < 2; g++) {
        const struct api_address_group group = {.name = {(char)('a' + g)}};
        const struct api_port_group port_group = {.name = {(char)('a' + g)}};
        unsigned n = take(in) % 80;

        add(model, API_ADDRESS_GROUP, &group);
        add(model, API_PORT_GROUP, &port_group);
        for (unsigned i = 0; i < n; i++) {
            struct api_group_prefix prefix = {.owner = g, .family = 4, .prefix_len = 16};

            prefix.address[0] = take(in);
            prefix.address[1] = (uint8_t)i;
            if (take(in) % 16 == 0)
                take_bytes(in, &prefix.family, 4);
            add(model, API_GROUP_PREFIX, &prefix);
        }
        for (unsigned i = 0; i < n % 8; i++) {
            struct api_group_ports ports = {.owner = g, .first = take(in)};

            ports.last = (uint16_t)(ports.first + (take(in) & 0x87));
            add(model, API_GROUP_PORTS, &ports);
        }
    }
}

static void configure(struct input *in)
{
    struct api_firewall firewall = {.name = "fw", .default_in = API_ACTION_DENY};
    const struct api_tenant tenant = {.name = "blue"};
    struct function next = {.ops = &firewall_ops};
    unsigned n = take(in) % MAX_RULES;
    int is_given_up = take(in) % 4 == 0;
    struct error e = {0};
    struct model model;

    firewall.default_out = (uint8_t)(1 + take(in) % 3);
    model_init(&model);
    add(&model, API_TENANT, &tenant);
    add_groups(in, &model);
    add(&model, API_FIREWALL, &firewall);
    for (unsigned i = 0; i < n; i++) {
        struct api_rule rule;

        take_rule(in, &rule);
        if (take(in) % 8 != 0)
            rule.seq = i + 1;
        add(&model, API_RULE, &rule);
    }
    if (firewall_ops.config_create(&next, &model, 0, NULL, &e) < 0) {
        assert(e.sentence[0] != '\0');
    } else if (is_given_up && it.f.config != NULL) {
        firewall_ops.config_destroy(&next);
    } else {
        firewall_ops.activate(&next, NULL);
        if (it.f.config != NULL)
            firewall_ops.config_destroy(&it.f);
        it.f = next;
    }
    model_fini(&model);
}

static void change(struct input *in)
{
    struct api_rule_change items[MAX_CHANGES];
    struct function_request request = {.type = API_RULE_CHANGE, .items = items};
    uint32_t version = firewall_ops.version(&it.f);
    struct error e = {0};

    request.n_items = take(in) % MAX_CHANGES + 1U;
    for (unsigned i = 0; i < request.n_items; i++) {
        items[i] = (struct api_rule_change){
            .tenant = "blue", .name = "fw", .config_id = 1, .is_delete = take(in) % 4 == 0};
        take_rule(in, &items[i].rule);
    }
    if (firewall_ops.request(&it.f, &request, &e) == 0)
        return;
    assert(e.sentence[0] != '\0' && firewall_ops.version(&it.f) == version);
}

static enum function_verdict judge(unsigned at, enum function_occasion occasion,
                                   const struct rte_mbuf *m, const struct packet *p)
{
    struct function_case c = {.tuple = it.tuples[at],
                              .slot = &it.slots[at],
                              .m = m,
                              .p = p,
                              .occasion = (uint8_t)occasion,
                              .is_inward = it.is_inward[at]};
    enum function_verdict verdict = firewall_ops.judge(&it.f, &it.ctx, &c);

    assert(verdict == FUNCTION_ALLOW || c.drop != API_DROP_NONE);
    return verdict;
}

static void end(unsigned at)
{
    if (it.slots[at] != 0)
        firewall_ops.release(it.f.state, 1, 6, it.slots[at]);
    it.slots[at] = 0;
}

static void begin(struct input *in, unsigned at)
{
    uint8_t bytes[40];
    struct rte_mbuf m = {.buf_addr = bytes, .data_len = sizeof(bytes)};
    struct packet p = {.l4_proto = 6, .l4_off = 20, .l3_end = 40};
    struct session_tuple *t = &it.tuples[at];

    end(at);
    memset(t, 0, sizeof(*t));
    take_bytes(in, bytes, sizeof(bytes));
    p.flags = take(in) % 4 != 0 ? PACKET_L4 : 0;
    t->family = take(in) % 4 == 0 ? 6 : 4;
    take_bytes(in, t->source, t->family == 6 ? 16 : 2);
    take_bytes(in, t->destination, t->family == 6 ? 16 : 2);
    t->source_port = (uint16_t)(take(in) << 8);
    t->destination_port = (uint16_t)(take(in) << 8);
    t->protocol = take(in) % 4 == 0 ? take(in) : 6;
    t->icmp_type = take(in);
    it.is_inward[at] = take(in) & 1;
    if (judge(at, FUNCTION_FIRST, &m, &p) != FUNCTION_ALLOW) {
        assert(it.slots[at] == 0);
        return;
    }
    if (it.slots[at] != 0) {
        uint64_t slot = it.slots[at];

        assert(judge(at, FUNCTION_AGAIN, NULL, NULL) == FUNCTION_ALLOW && it.slots[at] == slot);
        firewall_ops.release(it.f.state, 1, 6, slot);
        assert(judge(at, FUNCTION_RESTORE, NULL, NULL) == FUNCTION_ALLOW && it.slots[at] == slot);
    }
}

static void finish(void)
{
    const struct firewall_state *state = it.f.state;

    for (unsigned at = 0; at < N_SESSIONS; at++)
        end(at);
    for (const struct firewall_counter *c = state->all_counters; c != NULL; c = c->next)
        assert(c->n_sessions == 0);
    firewall_ops.age(&it.f, NULL);
    firewall_ops.config_destroy(&it.f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    memset(&it, 0, sizeof(it));
    it.f.ops = &firewall_ops;
    for (unsigned i = 0; i < MAX_STEPS && in.size > 0; i++) {
        unsigned what = take(&in) % 8, at = take(&in) % N_SESSIONS;

        if (what == 0 || it.f.config == NULL)
            configure(&in);
        else if (what == 1)
            change(&in);
        else if (what == 2 && it.slots[at] != 0 &&
                 judge(at, FUNCTION_AGAIN, NULL, NULL) != FUNCTION_ALLOW)
            end(at);
        else if (what == 3)
            end(at);
        else if (what > 3)
            begin(&in, at);
    }
    if (it.f.config != NULL)
        finish();
    return 0;
}
