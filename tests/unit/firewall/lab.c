// SPDX-License-Identifier: BSD-3-Clause
// See lab.h.
#include "tests/unit/firewall/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "dataplane/core/counters.h"

#define INDEX 1 // of the firewall in the model
#define FIRST_GROUP 1
#define L3_LEN 20
#define PAYLOAD 100

extern const struct function_ops firewall_ops;

static struct {
    struct function f;
    struct walk_context ctx;
    uint8_t bytes[256];
    struct rte_mbuf m;
    struct packet p;
} lab = {.ctx = {.now_tsc = 1000000}};

uint64_t lab_slot;

void lab_spec_init(struct lab_spec *spec)
{
    memset(spec, 0, sizeof(*spec));
    spec->firewall = (struct api_firewall){
        .owner = 1, .name = "fw", .default_in = API_ACTION_DENY, .default_out = API_ACTION_DENY};
}

struct api_rule *lab_rule(struct lab_spec *spec, uint32_t seq, enum api_direction direction,
                          enum api_action action)
{
    struct api_rule *rule = &spec->rules[spec->n_rules++];

    assert_true(spec->n_rules <= LAB_MAX_RULES);
    *rule = (struct api_rule){
        .owner = INDEX,
        .seq = seq,
        .direction = (uint8_t)direction,
        .action = (uint8_t)action,
        .source_port_last = UINT16_MAX,
        .destination_port_last = UINT16_MAX,
        .source_group = API_NONE,
        .destination_group = API_NONE,
        .source_port_group = API_NONE,
        .destination_port_group = API_NONE,
    };
    return rule;
}

static uint8_t parse(const char *prefix, uint8_t *address, uint8_t *len)
{
    char text[64];
    char *slash;
    uint8_t family;

    snprintf(text, sizeof(text), "%s", prefix);
    slash = strchr(text, '/');
    if (slash != NULL)
        *slash++ = '\0';
    memset(address, 0, 16);
    family = strchr(text, ':') != NULL ? 6 : 4;
    assert_int_equal(inet_pton(family == 6 ? AF_INET6 : AF_INET, text, address), 1);
    if (len != NULL)
        *len = (uint8_t)atoi(slash);
    return family;
}

void lab_source(struct api_rule *rule, const char *prefix)
{
    rule->family = parse(prefix, rule->source, &rule->source_len);
}

void lab_destination(struct api_rule *rule, const char *prefix)
{
    rule->family = parse(prefix, rule->destination, &rule->destination_len);
}

void lab_protocol(struct api_rule *rule, uint8_t protocol)
{
    rule->flags |= API_RULE_PROTOCOL;
    rule->protocol = protocol;
}

void lab_ports(struct api_rule *rule, uint16_t first, uint16_t last)
{
    lab_protocol(rule, IPPROTO_TCP);
    rule->destination_port_first = first;
    rule->destination_port_last = last;
}

void lab_prefix(struct lab_spec *spec, unsigned group, const char *prefix)
{
    struct api_group_prefix *p = &spec->prefixes[group][spec->n_prefixes[group]++];

    p->family = parse(prefix, p->address, &p->prefix_len);
}

uint32_t lab_group(unsigned group)
{
    return FIRST_GROUP + group;
}

static void put(struct model *model, enum api_type type, const void *item)
{
    assert_int_equal(model_add(model, type, item, 1), 0);
}

static void fill(struct model *model, const struct lab_spec *spec)
{
    static const struct api_tenant tenants[] = {{.name = "amber"}, {.name = "blue"}};
    static const struct api_firewall other = {
        .name = "fw", .default_in = API_ACTION_ALLOW, .default_out = API_ACTION_ALLOW};
    static const struct api_address_group other_group = {.name = "g"};
    static const struct api_port_group other_ports = {.name = "g"};

    model_init(model);
    put(model, API_TENANT, &tenants[0]);
    put(model, API_TENANT, &tenants[1]);
    put(model, API_ADDRESS_GROUP, &other_group);
    put(model, API_PORT_GROUP, &other_ports);
    for (uint32_t g = 0; g < 2; g++) {
        const struct api_address_group group = {.owner = 1, .name = {(char)('a' + g)}};
        const struct api_port_group port_group = {.owner = 1, .name = {(char)('a' + g)}};

        put(model, API_ADDRESS_GROUP, &group);
        put(model, API_PORT_GROUP, &port_group);
        for (uint32_t i = 0; i < spec->n_prefixes[g]; i++) {
            struct api_group_prefix prefix = spec->prefixes[g][i];

            prefix.owner = lab_group(g);
            put(model, API_GROUP_PREFIX, &prefix);
        }
        for (uint32_t i = 0; i < spec->n_ports[g]; i++) {
            struct api_group_ports ports = spec->ports[g][i];

            ports.owner = lab_group(g);
            put(model, API_GROUP_PORTS, &ports);
        }
    }
    put(model, API_FIREWALL, &other);
    put(model, API_FIREWALL, &spec->firewall);
    for (uint32_t i = 0; i < spec->n_rules; i++)
        put(model, API_RULE, &spec->rules[i]);
}

static void start(const struct lab_spec *spec, int is_activated)
{
    struct function next = {.ops = &firewall_ops};
    struct error e = {0};
    struct model model;
    int rc;

    fill(&model, spec);
    assert_int_equal(firewall_ops.n_instances(&model), 2);
    rc = firewall_ops.config_create(&next, &model, INDEX, NULL, &e);
    if (rc != 0)
        print_error("%s: %s\n", e.path, e.sentence);
    assert_int_equal(rc, 0);
    if (is_activated)
        firewall_ops.activate(&next, NULL);
    if (lab.f.config != NULL)
        firewall_ops.config_destroy(&lab.f);
    lab.f = next;
    model_fini(&model);
}

void lab_start(const struct lab_spec *spec)
{
    start(spec, 1);
}

void lab_build(const struct lab_spec *spec)
{
    start(spec, 0);
}

int lab_try(const struct lab_spec *spec, struct error *e)
{
    struct function next = {.ops = &firewall_ops};
    struct model model;
    int rc;

    fill(&model, spec);
    rc = firewall_ops.config_create(&next, &model, INDEX, NULL, e);
    if (rc == 0)
        firewall_ops.config_destroy(&next);
    model_fini(&model);
    return rc;
}

int lab_teardown(void **unused)
{
    (void)unused;
    if (lab.f.config != NULL)
        firewall_ops.config_destroy(&lab.f);
    return 0;
}

struct function *lab_function(void)
{
    return &lab.f;
}

struct firewall_state *lab_state(void)
{
    return lab.f.state;
}

struct walk_context *lab_context(void)
{
    return &lab.ctx;
}

void lab_case(struct function_case *c, const char *source, const char *destination, uint16_t port)
{
    *c = (struct function_case){.slot = &lab_slot, .chain = 1};
    lab_slot = 0;
    c->tuple.family = parse(source, c->tuple.source, NULL);
    assert_int_equal(parse(destination, c->tuple.destination, NULL), c->tuple.family);
    c->tuple.protocol = IPPROTO_TCP;
    c->tuple.source_port = htons(40000);
    c->tuple.destination_port = htons(port);
    lab.m = (struct rte_mbuf){.buf_addr = lab.bytes, .data_len = sizeof(lab.bytes)};
    lab.p = (struct packet){.flags = PACKET_L4,
                            .l4_proto = IPPROTO_TCP,
                            .l3_off = 14,
                            .l4_off = 14 + L3_LEN,
                            .payload_off = 14 + 2 * L3_LEN,
                            .l3_end = 14 + 2 * L3_LEN + PAYLOAD};
    lab_flags(0x02);
}

void lab_flags(uint8_t flags)
{
    lab.bytes[lab.p.l4_off + 13] = flags;
}

void lab_icmp(struct function_case *c, uint8_t type, uint8_t code)
{
    c->tuple.protocol = c->tuple.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    c->tuple.icmp_type = type;
    c->tuple.destination_port = 0;
    lab.p.l4_proto = c->tuple.protocol;
    lab.bytes[lab.p.l4_off] = type;
    lab.bytes[lab.p.l4_off + 1] = code;
}

enum function_verdict lab_judge(struct function_case *c)
{
    c->m = c->occasion == FUNCTION_FIRST ? &lab.m : NULL;
    c->p = c->occasion == FUNCTION_FIRST ? &lab.p : NULL;
    c->is_stateless = 0;
    c->drop = API_DROP_NONE;
    return firewall_ops.judge(&lab.f, &lab.ctx, c);
}

static enum function_verdict ask(const char *source, const char *destination, uint16_t port,
                                 uint8_t is_inward)
{
    enum function_verdict verdict;
    struct function_case c;

    lab_case(&c, source, destination, port);
    c.is_inward = is_inward;
    verdict = lab_judge(&c);
    if (lab_slot != 0)
        firewall_ops.release(lab.f.state, 1, IPPROTO_TCP, lab_slot);
    return verdict;
}

enum function_verdict lab_ask(const char *source, const char *destination, uint16_t port)
{
    return ask(source, destination, port, 0);
}

enum function_verdict lab_ask_inward(const char *source, const char *destination, uint16_t port)
{
    return ask(source, destination, port, 1);
}

struct api_rule_hits lab_hits(uint32_t seq)
{
    struct api_list_rules list = {.tenant = "blue", .name = "fw", .cursor = seq - 1};
    struct api_rule_hits answer[1];
    struct function_request request = {.type = API_LIST_RULES,
                                       .items = &list,
                                       .n_items = 1,
                                       .answer = answer,
                                       .answer_size = sizeof(answer)};

    assert_int_equal(firewall_ops.request(&lab.f, &request, NULL), 0);
    assert_int_equal(request.answer_type, API_RULES);
    assert_int_equal(answer[0].seq, seq);
    return answer[0];
}

struct api_firewall_state lab_show(void)
{
    struct api_show_firewall show = {.tenant = "blue", .name = "fw"};
    struct api_firewall_state answer;
    struct function_request request = {.type = API_SHOW_FIREWALL,
                                       .items = &show,
                                       .n_items = 1,
                                       .answer = &answer,
                                       .answer_size = sizeof(answer)};

    assert_int_equal(firewall_ops.request(&lab.f, &request, NULL), 0);
    assert_int_equal(request.answer_type, API_FIREWALL_STATE);
    return answer;
}
