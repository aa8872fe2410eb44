// SPDX-License-Identifier: BSD-3-Clause
// What do many firewall rules cost? Prints, for sets of rules like those of ClassBench (Taylor and
// Turner, 2007) in sizes from ten to 100,000: time to load a configuration, to load one that is the
// same, to change one rule beside transactions; memory; cycles of a look-up. And sets that nothing
// but ranges of ports, ICMP types and TCP flags tells apart. No root; takes a minute of one core.
//   classifier-bench             all
//   classifier-bench KIND SIZE   one, looked up for valgrind --tool=callgrind
//                                --toggle-collect=classifier_lookup

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include "vnf/firewall/state.h"

#define N_BURSTS 4000
#define N_CHANGES 200

extern const struct function_ops firewall_ops;

static uint64_t random_state = 1;

static uint64_t draw(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(draw() >> 32) % n;
}

// A prefix of one of few sites, as long as `len`, more or less.
static void draw_prefix(uint8_t family, uint8_t *address, uint8_t *len, const uint8_t *lens)
{
    uint64_t word[2] = {draw(), draw()};

    *len = lens[below(8)];
    memset(address, 0, 16);
    memcpy(address, word, 16);
    address[0] = family == 4 ? 10 : 0x20;
    address[1] = (uint8_t)below(100);
    for (unsigned bit = *len; bit < 128; bit++)
        address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    if (family == 4)
        memset(address + 4, 0, 12);
}

static void draw_ports(struct api_rule *rule, int has_ranges)
{
    static const uint16_t ports[] = {22, 25, 53, 80, 110, 143, 443, 993, 1433, 3306, 5432, 8080};
    uint32_t pick = below(10);

    rule->flags |= API_RULE_PROTOCOL;
    rule->protocol = below(3) == 0 ? 17 : 6;
    if (pick < 6) {
        rule->destination_port_first = rule->destination_port_last =
            pick < 4 ? ports[below(12)] : (uint16_t)below(65536);
    } else if (pick < 8 && has_ranges) {
        rule->destination_port_first = below(2) ? 1024 : (uint16_t)below(32768);
        rule->destination_port_last =
            below(2) ? 65535 : (uint16_t)(rule->destination_port_first + below(2000));
    }
}

// Access lists: many destinations, known ports, sources wide or exact. What is wide on both sides
// would make most of a large set redundant.
static void draw_acl(struct api_rule *rule, uint32_t number)
{
    static const uint8_t sources[8] = {0, 0, 8, 16, 24, 24, 30, 32};
    static const uint8_t destinations[8] = {16, 24, 24, 28, 30, 32, 32, 32};

    (void)number;
    rule->family = 4;
    draw_prefix(4, rule->destination, &rule->destination_len, destinations);
    do
        draw_prefix(4, rule->source, &rule->source_len, sources);
    while (rule->source_len + rule->destination_len < 28);
    if (below(8) != 0)
        draw_ports(rule, 0);
}

// Firewalls: more that is open on one side, ranges of ports.
static void draw_firewall(struct api_rule *rule, uint32_t number)
{
    static const uint8_t wide[8] = {0, 0, 0, 8, 12, 16, 24, 32};
    static const uint8_t narrow[8] = {8, 16, 22, 24, 27, 29, 32, 32};

    rule->family = 4;
    do {
        draw_prefix(4, rule->source, &rule->source_len, number % 2 ? wide : narrow);
        draw_prefix(4, rule->destination, &rule->destination_len, number % 2 ? narrow : wide);
    } while (rule->source_len + rule->destination_len < 24);
    if (below(6) != 0)
        draw_ports(rule, 1);
}

static void draw_acl6(struct api_rule *rule, uint32_t number)
{
    static const uint8_t sources[8] = {0, 0, 32, 48, 56, 64, 64, 128};
    static const uint8_t destinations[8] = {48, 56, 64, 64, 96, 128, 128, 128};

    (void)number;
    rule->family = 6;
    draw_prefix(6, rule->source, &rule->source_len, sources);
    draw_prefix(6, rule->destination, &rule->destination_len, destinations);
    if (below(8) != 0)
        draw_ports(rule, 0);
}

// Nothing but the ends of port ranges tells rules apart, all in one another.
static void draw_nested(struct api_rule *rule, uint32_t number)
{
    rule->flags |= API_RULE_PROTOCOL;
    rule->protocol = 6;
    rule->destination_port_first = (uint16_t)(32767 - number % 10000);
    rule->destination_port_last = (uint16_t)(32768 + number / 10000);
}

static void draw_range(uint16_t *first, uint16_t *last, uint32_t most)
{
    *first = (uint16_t)(2 + below(65534 - most));
    *last = (uint16_t)(*first + 1 + below(most));
}

// Services of some ports each, most of them narrow; packets meet one or none.
static void draw_services(struct api_rule *rule, uint32_t number)
{
    rule->flags |= API_RULE_PROTOCOL;
    rule->protocol = 6;
    draw_range(&rule->destination_port_first, &rule->destination_port_last,
               number % 100 == 0 ? 5000 : 100);
}

// Ranges at both ends.
static void draw_both(struct api_rule *rule, uint32_t number)
{
    (void)number;
    rule->flags |= API_RULE_PROTOCOL;
    rule->protocol = 17;
    draw_range(&rule->source_port_first, &rule->source_port_last, 500);
    draw_range(&rule->destination_port_first, &rule->destination_port_last, 2000);
}

// TCP flags and a range, or an ICMP type and code, or SCTP with a source port.
static void draw_small(struct api_rule *rule, uint32_t number)
{
    rule->flags |= API_RULE_PROTOCOL;
    rule->protocol = number % 3 == 0 ? 1 : number % 3 == 1 ? 6 : 132;
    if (rule->protocol == 1) {
        rule->flags |= API_RULE_ICMP_TYPE | API_RULE_ICMP_CODE;
        rule->icmp_type = (uint8_t)(1 + below(255));
        rule->icmp_code = (uint8_t)below(256);
        return;
    }
    if (rule->protocol == 6) {
        rule->tcp_flags_mask = below(2) ? 0x12 : 0x17;
        rule->tcp_flags = rule->tcp_flags_mask & (uint8_t)below(64);
        draw_range(&rule->destination_port_first, &rule->destination_port_last, 100);
        return;
    }
    rule->source_port_first = rule->source_port_last = (uint16_t)(1 + below(65535));
}

struct kind {
    const char *name;
    void (*draw)(struct api_rule *rule, uint32_t number);
    int is_half_missed; // every other packet goes to a port that no range has
};

static const struct kind kinds[] = {
    {"access list, IPv4", draw_acl, 0},          {"firewall, IPv4", draw_firewall, 0},
    {"access list, IPv6", draw_acl6, 0},         {"ranges, nested", draw_nested, 1},
    {"ranges, of services", draw_services, 1},   {"ranges, at both ends", draw_both, 1},
    {"ICMP types, flags, ranges", draw_small, 0}};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct api_rule rule_of(const struct kind *kind, uint32_t number)
{
    struct api_rule rule = {.seq = number + 1,
                            .direction = API_DIRECTION_OUT,
                            .action = API_ACTION_ALLOW,
                            .source_port_last = UINT16_MAX,
                            .destination_port_last = UINT16_MAX,
                            .source_group = API_NONE,
                            .destination_group = API_NONE,
                            .source_port_group = API_NONE,
                            .destination_port_group = API_NONE};

    kind->draw(&rule, number);
    return rule;
}

static void load(struct function *f, const struct model *model, double *ms)
{
    struct function next = {.ops = &firewall_ops};
    struct error e = {0};
    double start = now();

    if (firewall_ops.config_create(&next, model, 0, NULL, &e) < 0) {
        fprintf(stderr, "%s\n", e.sentence);
        exit(1);
    }
    firewall_ops.activate(&next, NULL);
    *ms = (now() - start) * 1e3;
    if (f->config != NULL)
        firewall_ops.config_destroy(f);
    *f = next;
}

static int compare_times(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

// One rule becomes another one, or back. The median; *worst has in it what the system does to us.
static double change(struct function *f, const struct kind *kind, const struct model *model,
                     double *worst)
{
    uint32_t n;
    const struct api_rule *rules = model_items(model, API_RULE, &n);
    static double took[N_CHANGES];

    for (uint32_t i = 0; i < N_CHANGES; i++) {
        struct api_rule_change item = {.tenant = "blue", .name = "fw", .config_id = 1};
        struct function_request request = {.type = API_RULE_CHANGE, .items = &item, .n_items = 1};
        uint32_t number = below(n);
        struct error e = {0};
        double start;

        item.rule = i % 2 ? rules[number] : rule_of(kind, number);
        item.rule.action = (uint8_t)(1 + i % 2);
        start = now();
        if (firewall_ops.request(f, &request, &e) < 0)
            exit(1);
        took[i] = (now() - start) * 1e6;
    }
    qsort(took, N_CHANGES, sizeof(took[0]), compare_times);
    *worst = took[N_CHANGES - 1];
    return took[N_CHANGES / 2];
}

static uint16_t draw_port(uint16_t first, uint16_t last)
{
    return (uint16_t)(first + below(last - first + 1U));
}

// Packets that some rule was made for, with what the rule leaves open drawn.
static struct classifier_key key_of(const struct api_rule *rule)
{
    struct classifier_key key = {.family = rule->family ? rule->family : 4,
                                 .zone = API_DIRECTION_OUT,
                                 .protocol = rule->flags & API_RULE_PROTOCOL ? rule->protocol : 6};
    unsigned n_bits = key.family == 4 ? 32 : 128;

    memcpy(key.source, rule->source, 16);
    memcpy(key.destination, rule->destination, 16);
    for (unsigned bit = rule->source_len; bit < n_bits; bit++)
        key.source[bit / 8] |= (uint8_t)(below(2) << (7 - bit % 8));
    for (unsigned bit = rule->destination_len; bit < n_bits; bit++)
        key.destination[bit / 8] |= (uint8_t)(below(2) << (7 - bit % 8));
    if (key.protocol == 6)
        key.tcp_flags = rule->tcp_flags_mask != 0 ? rule->tcp_flags : 2;
    if (key.protocol == 1) {
        key.icmp_type = rule->icmp_type;
        key.icmp_code = rule->icmp_code;
        return key;
    }
    key.source_port = draw_port(rule->source_port_first, rule->source_port_last);
    key.destination_port = draw_port(rule->destination_port_first, rule->destination_port_last);
    return key;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

// The median of many short bursts, so that what else the machine does counts for little.
static void look_up(const struct function *f, const struct kind *kind, const struct model *model)
{
    static uint64_t took[N_BURSTS];
    const struct firewall_state *state = f->state;
    uint32_t n, n_found = 0, n_over = 0;
    const struct api_rule *rules = model_items(model, API_RULE, &n);

    for (uint32_t i = 0; i < N_BURSTS; i++) {
        struct classifier_key keys[BURST_SIZE];
        uint64_t start;
        int is_over;

        for (uint32_t j = 0; j < BURST_SIZE; j++) {
            keys[j] = key_of(&rules[below(n)]);
            if (j % 2 != 0 && kind->is_half_missed)
                keys[j].destination_port = 1; // of no range
        }
        start = rte_rdtsc();
        for (uint32_t j = 0; j < BURST_SIZE; j++) {
            n_found += classifier_lookup(state->policy->classifier, &keys[j], &is_over) != NULL;
            n_over += is_over != 0;
        }
        took[i] = (rte_rdtsc() - start) / BURST_SIZE;
    }
    printf("%u look-ups, ", N_BURSTS * BURST_SIZE);
    qsort(took, N_BURSTS, sizeof(took[0]), compare);
    printf("%8u cycles (%3.0f %% found, %u given up), %u tables\n", (unsigned)took[N_BURSTS / 2],
           100.0 * n_found / N_BURSTS / BURST_SIZE, n_over,
           classifier_n_tables(state->policy->classifier, rules[0].family == 6 ? 6 : 4));
}

static void measure(const struct kind *kind, uint32_t n, int with_changes)
{
    static const struct api_tenant tenant = {.name = "blue"};
    static const struct api_firewall firewall = {
        .name = "fw", .default_in = API_ACTION_DENY, .default_out = API_ACTION_DENY};
    struct function f = {.ops = &firewall_ops};
    struct api_firewall_state shown;
    struct function_request show = {
        .type = API_SHOW_FIREWALL, .answer = &shown, .answer_size = sizeof(shown)};
    double load_ms, same_ms, change_us, worst_us;
    struct model model;

    model_init(&model);
    if (model_add(&model, API_TENANT, &tenant, 1) < 0 ||
        model_add(&model, API_FIREWALL, &firewall, 1) < 0)
        exit(1);
    for (uint32_t i = 0; i < n; i++) {
        struct api_rule rule = rule_of(kind, i);

        if (model_add(&model, API_RULE, &rule, 1) < 0)
            exit(1);
    }
    load(&f, &model, &load_ms);
    load(&f, &model, &same_ms);
    (void)firewall_ops.request(&f, &show, NULL);
    printf("%-26s %7u rules: load %6.1f ms, same %5.1f ms, %4.0f bytes a rule,", kind->name, n,
           load_ms, same_ms, (double)shown.rule_memory / n);
    look_up(&f, kind, &model);
    if (with_changes) {
        change_us = change(&f, kind, &model, &worst_us);
        printf("%43s change one rule: %6.0f us, at most %6.0f us; then", "", change_us, worst_us);
        look_up(&f, kind, &model);
    }
    firewall_ops.config_destroy(&f);
    model_fini(&model);
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {10, 1000, 10000, 100000};
    unsigned n_kinds = sizeof(kinds) / sizeof(kinds[0]);

    if (argc == 3 && strtoul(argv[1], NULL, 10) < n_kinds) {
        measure(&kinds[strtoul(argv[1], NULL, 10)], (uint32_t)strtoul(argv[2], NULL, 10), 0);
        return 0;
    }
    if (argc != 1) {
        fprintf(stderr, "usage: classifier-bench [KIND SIZE], KIND: 0 to %u\n", n_kinds - 1);
        return 1;
    }
    for (unsigned k = 0; k < n_kinds; k++)
        for (unsigned i = 0; i < 4; i++)
            measure(&kinds[k], sizes[i], 1);
    return 0;
}
