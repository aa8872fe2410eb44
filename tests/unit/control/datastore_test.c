// SPDX-License-Identifier: BSD-3-Clause
// Does the datastore read what was meant, know equal from unequal, say what changed, and print what
// reads back the same? The errors are in config_errors_test.c, the files in store_test.c.
// Reads the tree through node.h, as southbound/ does.

#include "tests/unit/control/texts.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "control/datastore/config.h"
#include "control/datastore/document.h"

struct schema *test_schema;

static uint64_t id_of(const char *text, enum config_format format)
{
    struct config *config = must_parse(text, format);
    uint64_t id = config_id(config);

    config_destroy(config);
    return id;
}

static const struct lyd_node *port_of(const struct config *config, const char *tenant,
                                      const char *name)
{
    const struct lyd_node *t, *object;

    for (t = config_tree(config); t; t = node_next(t))
        for (object = node_first(t); object; object = node_next(object))
            if (strcmp(node_value(t, "name"), tenant) == 0 &&
                strcmp(node_name(object), "ports") == 0 &&
                strcmp(node_value(object, "name"), name) == 0)
                return object;
    fail_msg("no port %s/%s", tenant, name);
    return NULL;
}

static void test_values_and_defaults_are_read(void **state)
{
    struct config *config = must_parse(test_text, CONFIG_YAML);
    const struct lyd_node *vm1 = port_of(config, "blue", "vm1"),
                          *up = port_of(config, "provider", "up");
    const struct lyd_node *address = node_child(vm1, "addresses");
    char path[64];

    (void)state;
    assert_string_equal(node_value(vm1, "mac-address"), "52:54:00:ab:00:11");
    assert_string_equal(node_text(address), "10.0.0.11");
    assert_string_equal(node_text(node_next(address)), "fd00::1");
    assert_string_equal(node_text(node_next(node_next(address))), "10.1.0.0/16");
    assert_int_equal(node_number(vm1, "guard"), 1);
    assert_int_equal(node_number(vm1, "mtu"), 1500);
    assert_int_equal(node_number(vm1, "queues"), 1);
    assert_int_equal(node_number(vm1, "mac-limit"), 256);
    assert_int_equal(node_number(vm1, "packed-ring"), 1);
    assert_string_equal(node_value(vm1, "mode"), "client");
    assert_int_equal(node_number(node_child(vm1, "offloads"), "tso"), 1);
    assert_int_equal(node_number(node_child(port_of(config, "blue", "vm2"), "offloads"), "tso"), 0);
    assert_int_equal(node_number(up, "mtu"), 9000);
    assert_null(node_child(up, "mode"));
    assert_string_equal(node_value(up, "mode"), "");
    assert_int_equal(node_line(address), 11);
    assert_int_equal(node_line(node_child(vm1, "mtu")), 7);
    node_path(vm1, "mtu", path, sizeof(path));
    assert_string_equal(path, "tenants/blue/ports/vm1/mtu");
    node_path(vm1, "mtu", path, 12);
    assert_string_equal(path, "tenants/blu");
    config_destroy(config);
}

static void test_identity_is_of_the_content(void **state)
{
    static const char *const same[] = {
        "{tenants: [{name: a, ports: [{name: x, type: tap, interface: t0},"
        " {name: y, type: vhost-user}]}, {name: b}]}",
        "tenants:\n- name: b\n- ports:\n  - type: vhost-user\n    name: y\n    mtu: 1500\n"
        "  - {interface: t0, name: x, type: tap, guard: false}\n  name: a\n",
        "{\"culvert:tenants\": [{\"name\": \"b\", \"switches\": []}, {\"name\": \"a\", \"ports\":"
        " [{\"name\":\"y\",\"type\":\"vhost-user\",\"offloads\":{}},"
        "{\"name\":\"x\",\"type\":\"tap\",\"interface\":\"t0\"}]}]}",
    };
    static const char *const other[] = {
        "{}",
        "{tenants: [{name: a}]}",
        "{tenants: [{name: b}]}",
        "{tenants: [{name: a}, {name: b}]}",
        "{tenants: [{name: a, switches: [{name: b}]}]}",
        "{tenants: [{name: a, ports: [{name: x, type: tap, interface: t0}]}]}",
        "{tenants: [{name: a, ports: [{name: x, type: tap, interface: t1}]}]}",
        "{tenants: [{name: a, ports: [{name: x, type: tap, interface: t0, mtu: 1501}]}]}",
        "{tenants: [{name: a, ports: [{name: t0, type: tap, interface: x}]}]}",
    };
    uint64_t ids[16];
    size_t i, j;

    (void)state;
    assert_true(id_of(same[0], CONFIG_AUTO) == id_of(same[1], CONFIG_AUTO));
    assert_true(id_of(same[0], CONFIG_YAML) == id_of(same[2], CONFIG_JSON));
    for (i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        ids[i] = id_of(other[i], CONFIG_AUTO);
        assert_true(ids[i] != 0 && ids[i] != id_of(same[0], CONFIG_AUTO));
        for (j = 0; j < i; j++)
            assert_true(ids[i] != ids[j]);
    }
}

// Chains are refused by config_parse() so far; the tree is made by hand.
static struct lyd_node *chain_of(const char *first, const char *second)
{
    struct lyd_node *tenant = NULL, *chain = NULL;
    const struct lys_module *module = test_schema->module;

    assert_int_equal(lyd_new_list(NULL, module, "tenants", 0, &tenant, "a"), 0);
    assert_int_equal(lyd_new_list(tenant, NULL, "chains", 0, &chain, "c"), 0);
    assert_int_equal(lyd_new_term(chain, NULL, "functions", first, 0, NULL), 0);
    assert_int_equal(lyd_new_term(chain, NULL, "functions", second, 0, NULL), 0);
    return tenant;
}

static void test_order_counts_where_the_user_gives_one(void **state)
{
    struct lyd_node *a = chain_of("fw", "nat"), *b = chain_of("nat", "fw"),
                    *c = chain_of("fw", "nat");
    struct config_diff diff;

    (void)state;
    assert_true(tree_sum(a) == tree_sum(c));
    assert_true(tree_sum(a) != tree_sum(b));
    assert_int_equal(tree_compare(a, c, &diff), 0);
    assert_int_equal(diff.n, 0);
    assert_int_equal(tree_compare(a, b, &diff), 0);
    assert_int_equal(diff.n, 4);
    assert_string_equal(diff.changes[2].path, "tenants/a/chains/c/functions");
    assert_string_equal(diff.changes[2].new_value, "nat");
    config_diff_free(&diff);
    lyd_free_all(a);
    lyd_free_all(b);
    lyd_free_all(c);
}

static void check_change(const struct config_change *change, enum config_operation operation,
                         const char *path, const char *old_value, const char *new_value)
{
    assert_int_equal(change->operation, operation);
    assert_string_equal(change->path, path);
    assert_true(!old_value == !change->old_value && !new_value == !change->new_value);
    if (old_value)
        assert_string_equal(change->old_value, old_value);
    if (new_value)
        assert_string_equal(change->new_value, new_value);
}

static void test_diff_names_each_change(void **state)
{
    struct config *from = must_parse("tenants:\n"
                                     "- name: a\n"
                                     "  ports:\n"
                                     "  - {name: x, type: vhost-user, mac-limit: 9}\n"
                                     "  - {name: y, type: vhost-user, mtu: 1500}\n"
                                     "  - {name: z, type: vhost-user}\n"
                                     "  switches: [{name: s, members: [x, y, z]}]\n"
                                     "- name: b\n",
                                     CONFIG_YAML);
    struct config *to = must_parse("tenants:\n"
                                   "- name: a\n"
                                   "  switches: [{name: s, members: [w, y.7, x]}]\n"
                                   "  ports:\n"
                                   "  - {name: y, type: vhost-user, offloads: {tso: false}}\n"
                                   "  - {name: x, type: vhost-user}\n"
                                   "  - {name: w, type: tap, interface: t0}\n",
                                   CONFIG_YAML);
    const struct config_change *c;
    struct config_diff d;

    (void)state;
    assert_int_equal(config_compare(from, to, &d), 0);
    c = d.changes;
    assert_int_equal(d.n, 12);
    check_change(c++, CONFIG_DELETE, "tenants/b", NULL, NULL);
    check_change(c++, CONFIG_DELETE, "tenants/a/ports/z", NULL, NULL);
    check_change(c++, CONFIG_DELETE, "tenants/a/ports/z/type", "vhost-user", NULL);
    check_change(c++, CONFIG_REPLACE, "tenants/a/ports/y/offloads/tso", "true", "false");
    check_change(c++, CONFIG_REPLACE, "tenants/a/ports/x/mac-limit", "9", "256");
    check_change(c++, CONFIG_CREATE, "tenants/a/ports/w", NULL, NULL);
    check_change(c++, CONFIG_CREATE, "tenants/a/ports/w/type", NULL, "tap");
    check_change(c++, CONFIG_CREATE, "tenants/a/ports/w/interface", NULL, "t0");
    check_change(c++, CONFIG_DELETE, "tenants/a/switches/s/members", "y", NULL);
    check_change(c++, CONFIG_DELETE, "tenants/a/switches/s/members", "z", NULL);
    check_change(c++, CONFIG_CREATE, "tenants/a/switches/s/members", NULL, "w");
    check_change(c, CONFIG_CREATE, "tenants/a/switches/s/members", NULL, "y.7");
    config_diff_free(&d);
    config_destroy(from);
    config_destroy(to);
}

static void check_round_trip(const struct config *config)
{
    char *yaml = config_print(config, CONFIG_YAML), *json = config_print(config, CONFIG_JSON);

    assert_non_null(yaml);
    assert_non_null(json);
    assert_true(id_of(yaml, CONFIG_YAML) == config_id(config));
    assert_true(id_of(json, CONFIG_JSON) == config_id(config));
    assert_true(id_of(json, CONFIG_AUTO) == config_id(config));
    free(yaml);
    free(json);
}

static void test_print_reads_back_the_same(void **state)
{
    static const char *const texts[] = {
        test_text,
        "{}",
        "tenants: []",
        "tenants: [{name: x}]",
        "tenants: [{name: \"null\"}, {name: \"true\"}, {name: \"1e3\"}, {name: No}, {name: 0x10}]",
        "\xef\xbb\xbftenants:\r\n- name: x\r\n- name: y\r\n",
    };
    struct config *config;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        config = must_parse(texts[i], CONFIG_AUTO);
        check_round_trip(config);
        config_destroy(config);
    }
}

static void test_print_leaves_out_defaults_and_quotes_doubt(void **state)
{
    struct config *config =
        must_parse("{tenants: [{name: \"null\", ports: [{name: \"12\", type: tap, "
                   "mtu: 1500, interface: t0, storm-control: {}}]}]}",
                   CONFIG_YAML);
    struct config *empty = NULL;
    char *text = config_print(config, CONFIG_YAML);

    (void)state;
    assert_string_equal(text, "tenants:\n- name: \"null\"\n  ports:\n  - name: \"12\"\n"
                              "    type: tap\n    interface: t0\n");
    free(text);
    assert_int_equal(config_empty(test_schema, &empty), 0);
    assert_true(config_id(empty) == id_of("{}", CONFIG_JSON) && config_id(empty) != 0);
    assert_null(config_tree(empty));
    text = config_print(empty, CONFIG_YAML);
    assert_string_equal(text, "{}\n");
    free(text);
    check_round_trip(empty);
    config_destroy(empty);
    config_destroy(config);
}

static struct config *must_parse_routes(const char *routes)
{
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "{tenants: [{name: a, routers: [{name: gw, interfaces: [{name: x}, {name: w}], "
                   "routes: [%s]}]}]}",
                   routes);
    return must_parse(text, CONFIG_YAML);
}

// YANG wants each key of an entry; a user who leaves out one that has a usual value never sees it.
static void test_keys_may_be_left_out(void **state)
{
    struct config *from = must_parse_routes("{prefix: 10.0.0.0/8, type: blackhole}");
    struct config *same = must_parse_routes("{preference: 1, prefix: 10.0.0.0/8, type: blackhole}");
    struct config *to = must_parse_routes(
        "{prefix: 10.0.0.0/8, type: unreachable},"
        "{prefix: 10.0.0.0/8, type: blackhole, preference: 9},"
        "{prefix: '::/0', next-hops: [{address: 'fe80::1', outgoing-interface: x}, "
        "{address: 'fe80::1', outgoing-interface: w, weight: 2}]}");
    const struct config_change *c;
    struct config_diff d;
    char *text = config_print(to, CONFIG_YAML);

    (void)state;
    assert_true(config_id(from) == config_id(same) && config_id(from) != config_id(to));
    assert_non_null(strstr(text, "    - prefix: \"10.0.0.0/8\"\n"
                                 "      type: unreachable\n"
                                 "    - prefix: \"10.0.0.0/8\"\n"
                                 "      preference: 9\n"
                                 "      type: blackhole\n"
                                 "    - prefix: \"::/0\"\n"
                                 "      next-hops:\n"
                                 "      - address: \"fe80::1\"\n"
                                 "        outgoing-interface: x\n"
                                 "      - address: \"fe80::1\"\n"
                                 "        outgoing-interface: w\n"
                                 "        weight: 2\n"));
    free(text);
    check_round_trip(from);
    check_round_trip(to);
    assert_int_equal(config_compare(from, to, &d), 0);
    assert_true(d.n > 4);
    c = d.changes;
    check_change(c++, CONFIG_REPLACE, "tenants/a/routers/gw/routes/10.0.0.0/8/type", "blackhole",
                 "unreachable");
    check_change(c++, CONFIG_CREATE, "tenants/a/routers/gw/routes/10.0.0.0/8,9", NULL, NULL);
    check_change(c++, CONFIG_CREATE, "tenants/a/routers/gw/routes/10.0.0.0/8,9/type", NULL,
                 "blackhole");
    check_change(c++, CONFIG_CREATE, "tenants/a/routers/gw/routes/::/0", NULL, NULL);
    check_change(c, CONFIG_CREATE, "tenants/a/routers/gw/routes/::/0/next-hops/fe80::1,x", NULL,
                 NULL);
    config_diff_free(&d);
    config_destroy(from);
    config_destroy(same);
    config_destroy(to);
}

static unsigned draw(unsigned n)
{
    static uint32_t x = 2463534242U;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x % n;
}

// A small configuration out of few choices, so that equal ones occur, in random order.
static struct config *random_config(void)
{
    char text[1024] = "tenants: [";
    unsigned start = draw(3), i, k;

    for (i = 0; i < 3; i++) {
        size_t len = strlen(text);
        unsigned t = (start + i) % 3, first = draw(2);

        (void)snprintf(text + len, sizeof(text) - len, "{name: t%u, ports: [", t);
        for (k = 0; k < 2; k++) {
            len = strlen(text);
            if (draw(4))
                (void)snprintf(text + len, sizeof(text) - len,
                               "{mtu: %u, name: p%u, type: vhost-user%s},", 1500 + draw(2),
                               first ^ k, draw(2) ? ", queues: 1" : "");
        }
        strcat(text, "]},");
    }
    strcat(text, "]");
    return must_parse(text, CONFIG_AUTO);
}

static void test_no_change_is_the_same_identity(void **state)
{
    unsigned i, n_same = 0;

    (void)state;
    for (i = 0; i < 3000; i++) {
        struct config *a = random_config(), *b = random_config();
        struct config_diff there, back;

        assert_int_equal(config_compare(a, b, &there), 0);
        assert_int_equal(config_compare(b, a, &back), 0);
        assert_int_equal(there.n, back.n);
        assert_int_equal(there.n == 0, config_id(a) == config_id(b));
        n_same += there.n == 0;
        if (i % 50 == 0)
            check_round_trip(a);
        config_diff_free(&there);
        config_diff_free(&back);
        config_destroy(a);
        config_destroy(b);
    }
    assert_true(n_same > 0);
}

static void check_refused(const char *text, size_t size, unsigned line, const char *sentence)
{
    struct config *config = NULL;
    struct config_error e;

    assert_true(config_parse(test_schema, text, size, CONFIG_YAML, &config, &e) < 0);
    assert_int_equal(e.line, line);
    assert_string_equal(e.sentence, sentence);
}

static void test_bytes_that_are_no_text(void **state)
{
    static const char nul[] = "tenants:\n- name: a\0b\n";
    char *big = calloc(1, DOCUMENT_MAX_SIZE + 1);

    (void)state;
    assert_non_null(big);
    check_refused("tenants:\n\n- name: \xff\n", 19, 3, "syntax error: invalid leading UTF-8 octet");
    check_refused(nul, sizeof(nul) - 1, 2, "syntax error: control characters are not allowed");
    check_refused(big, DOCUMENT_MAX_SIZE + 1, 0, "the text has more than 64 MiB");
    free(big);
}

// n ports, one on a line from line 3 on.
static char *many_ports(unsigned n)
{
    char *text = malloc(64 + n * 64), *p = text;
    unsigned i;

    assert_non_null(text);
    p += sprintf(p, "tenants:\n- name: a\n  ports:\n");
    for (i = 0; i < n; i++)
        p += sprintf(p, "  - {name: p%u, type: vhost-user}\n", i);
    return text;
}

static void test_number_of_ports_is_limited(void **state)
{
    char *most = many_ports(1024), *more = many_ports(1025);

    (void)state;
    config_destroy(must_parse(most, CONFIG_YAML));
    check_refused(more, strlen(more), 4 + 1024, "more than 1024 ports in all tenants");
    free(most);
    free(more);
}

// An af-xdp port with a list of n, one on a line from line 7 on.
static char *long_list(const char *name, unsigned n)
{
    char *text = malloc(256 + n * 64), *p = text;
    int is_mac = strcmp(name, "mac-addresses") == 0;

    assert_non_null(text);
    p += sprintf(p, "tenants:\n- name: a\n  ports:\n"
                    "  - {name: x, type: af-xdp, interface: eth1,\n");
    p +=
        sprintf(p, strcmp(name, "drop-prefixes") == 0 ? "\n%s: [\n" : "steering: {\n%s: [\n", name);
    for (unsigned i = 0; i < n; i++)
        p += is_mac ? sprintf(p, "\"02:00:00:00:%02x:%02x\",\n", i >> 8, i & 255)
                    : sprintf(p, "\"%x:%x::/32\",\n", 0xfd00 + (i >> 16), i & 0xffff);
    sprintf(p, strcmp(name, "drop-prefixes") == 0 ? "]}\n" : "]}}\n");
    return text;
}

// What the maps of its XDP program hold.
static void test_lists_of_a_port_are_limited(void **state)
{
    static const struct {
        const char *name, *sentence;
        unsigned max;
    } lists[] = {
        {"drop-prefixes", "more than 65536 drop-prefixes", 65536},
        {"addresses", "more than 65536 addresses", 65536},
        {"mac-addresses", "more than 4096 mac-addresses", 4096},
    };

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        char *most = long_list(lists[i].name, lists[i].max);
        char *more = long_list(lists[i].name, lists[i].max + 1);

        config_destroy(must_parse(most, CONFIG_YAML));
        check_refused(more, strlen(more), 7 + lists[i].max, lists[i].sentence);
        free(most);
        free(more);
    }
}

static double seconds(void)
{
    struct timespec t;

    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// A switch with n members, VLANs of 1000 ports, and as many static MACs.
static double parse_and_compare(unsigned n)
{
    char *text = malloc(200 * 1000 + (size_t)n * 100), *p = text;
    struct config *config, *empty = NULL;
    struct config_diff d;
    double start;
    unsigned i;

    assert_non_null(text);
    p += sprintf(p, "{tenants: [{name: a, ports: [");
    for (i = 0; i < 1000; i++)
        p += sprintf(p, "{name: p%u, type: vhost-user},\n", i);
    p += sprintf(p, "], switches: [{name: s, mac-table-size: 1048576, members: [");
    for (i = 0; i < n; i++)
        p += sprintf(p, "p%u.%u,\n", i % 1000, i / 1000 + 1);
    p += sprintf(p, "], static-macs: [");
    for (i = 0; i < n; i++)
        p += sprintf(p, "{mac-address: \"02:00:%02x:%02x:%02x:00\", member: p%u.%u},\n", i >> 16,
                     i >> 8 & 255, i & 255, i % 1000, i / 1000 + 1);
    (void)sprintf(p, "]}]}]}");
    start = seconds();
    config = must_parse(text, CONFIG_AUTO);
    assert_int_equal(config_compare(config, config, &d), 0);
    assert_int_equal(d.n, 0);
    assert_int_equal(config_empty(test_schema, &empty), 0);
    assert_int_equal(config_compare(empty, config, &d), 0);
    assert_int_equal(d.n, 1 + 2 * 1000 + 2 + n + 2 * n);
    config_diff_free(&d);
    config_destroy(config);
    config_destroy(empty);
    free(text);
    return seconds() - start;
}

static void test_work_is_linear(void **state)
{
    double small, large;

    (void)state;
    small = parse_and_compare(10000);
    large = parse_and_compare(100000);
    print_message("10000 members and static MACs: %.2f s, 100000: %.2f s\n", small, large);
    // Ten times the work; a hundred times if something were quadratic.
    assert_true(large < 30 * small);
}

static int create_schema(void **state)
{
    struct config_error e;

    (void)state;
    return schema_create(&test_schema, &e);
}

static int destroy_schema(void **state)
{
    (void)state;
    schema_destroy(test_schema);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_and_defaults_are_read),
        cmocka_unit_test(test_identity_is_of_the_content),
        cmocka_unit_test(test_order_counts_where_the_user_gives_one),
        cmocka_unit_test(test_diff_names_each_change),
        cmocka_unit_test(test_print_reads_back_the_same),
        cmocka_unit_test(test_print_leaves_out_defaults_and_quotes_doubt),
        cmocka_unit_test(test_keys_may_be_left_out),
        cmocka_unit_test(test_no_change_is_the_same_identity),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_number_of_ports_is_limited),
        cmocka_unit_test(test_lists_of_a_port_are_limited),
        cmocka_unit_test(test_work_is_linear),
    };

    return cmocka_run_group_tests(tests, create_schema, destroy_schema);
}
