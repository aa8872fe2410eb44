// SPDX-License-Identifier: BSD-3-Clause
// Is one rule changed without the rest? culvertd runs in a thread as in chains_test.c; its
// dataplane (tests/lib/fake_dataplane.c) notes what it is sent. After each edit the configuration
// must be the one that a whole new text would have given, also in another culvertd that reads the
// same files.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/fake_dataplane.h"
#include "tests/unit/northbound/http_lab.h"

#define RULES "/restconf/data/culvert:tenants=blue/firewalls=fw/rules="

static const char text[] =
    "tenants:\n"
    "- name: red\n"
    "  firewalls: [{name: fw, rules: [{seq: 10, direction: in, action: allow}]}]\n"
    "- name: blue\n"
    "  address-groups: [{name: a}, {name: hosts, prefixes: [10.0.0.0/8]}]\n"
    "  port-groups: [{name: web, ports: [80]}]\n"
    "  firewalls:\n"
    "  - {name: fw, rules: [\n"
    "     {seq: 10, direction: out, action: allow}, {seq: 30, direction: in, action: deny}]}\n"
    "  - {name: none}\n"
    "  - {name: last, rules: [{seq: 5, direction: in, action: allow}]}\n";

static struct fake_dataplane dataplane;
static struct api_rule_change last, lasts[8];
static uint32_t n_last;
static bool is_refusing;

static int answer(void *arg, const struct api_header *request, const void *item,
                  struct fake_answer *out)
{
    (void)arg;
    if (request->type != API_RULE_CHANGE) {
        fake_refuse(out, -EPROTO, "not asked for here");
        return 1;
    }
    memcpy(&last, item, sizeof(last));
    n_last = request->n_items < 8 ? request->n_items : 8;
    memcpy(lasts, item, n_last * sizeof(lasts[0]));
    if (is_refusing)
        fake_refuse(out, -ENOSPC, "no room for it");
    else
        out->n = 1; // a plain API_REPLY
    if (!is_refusing)
        memset(out->items, 0, sizeof(struct api_reply));
    return 1;
}

static int setup(void **state)
{
    (void)state;
    dataplane.answer = answer;
    fake_dataplane_start(&dataplane);
    if (http_lab_start(dataplane.dir) != 0)
        return 1;
    http_check(http_ask("PUT", "/restconf/data", YAML, text), "200", "\"changed\": true");
    return 0;
}

static int teardown(void **state)
{
    int rc = http_lab_stop();

    (void)state;
    fake_dataplane_stop(&dataplane);
    return rc;
}

static void put(const char *seq, const char *fields, const char *status, const char *part)
{
    char path[128], body[512];

    snprintf(path, sizeof(path), RULES "%s", seq);
    snprintf(body, sizeof(body), "{\"culvert:rules\": [{\"seq\": %s, %s}]}", seq, fields);
    http_check(http_ask("PUT", path, JSON, body), status, part);
}

// The running configuration is what this text would give: identity and all.
static void expect_running(const char *yaml)
{
    http_check(http_ask("POST", "/restconf/operations/culvert:diff", YAML, yaml), "200",
               "\"change\": []");
    http_check(http_ask("PUT", "/restconf/data", YAML, yaml), "200", "\"changed\": false");
}

// The text with other rules of blue/fw.
static const char *with(const char *rules)
{
    static char made[2048];
    const char *begin = strstr(text, "     {seq: 10, direction: out"), *end = strchr(begin, '\n');

    snprintf(made, sizeof(made), "%.*s%s]}%s", (int)(begin - text), text, rules, end);
    return made;
}

static void test_rule_goes_alone(void **state)
{
    uint32_t n_begin = dataplane.n_requests[API_BEGIN];

    (void)state;
    put("20",
        "\"direction\": \"in\", \"action\": \"allow\", \"protocol\": \"tcp\","
        "\"source-group\": \"hosts\", \"destination-port-group\": \"web\"",
        "200", "\"changed\": true");
    assert_string_equal(last.tenant, "blue");
    assert_string_equal(last.name, "fw");
    assert_int_equal(last.is_delete, 0);
    assert_int_equal(last.rule.owner, 0);
    assert_int_equal(last.rule.seq, 20);
    assert_int_equal(last.rule.protocol, 6);
    assert_int_equal(last.rule.source_group, 1);
    assert_int_equal(last.rule.destination_group, API_NONE);
    assert_int_equal(last.rule.destination_port_group, 0);
    expect_running(with("{seq: 10, direction: out, action: allow}, {seq: 30, direction: in, "
                        "action: deny}, {seq: 20, direction: in, action: allow, protocol: tcp, "
                        "source-group: hosts, destination-port-group: web}"));
    put("10", "\"direction\": \"out\", \"action\": \"reject\"", "200", "\"changed\": true");
    assert_int_equal(last.rule.action, API_ACTION_REJECT);
    put("10", "\"direction\": \"out\", \"action\": \"reject\"", "200", "\"changed\": false");
    http_check(http_ask("DELETE", RULES "20", "", ""), "200", "\"changed\": true");
    assert_int_equal(last.is_delete, 1);
    assert_int_equal(last.rule.seq, 20);
    expect_running(with("{seq: 10, direction: out, action: reject}, {seq: 30, direction: in, "
                        "action: deny}"));
    assert_int_equal(dataplane.n_requests[API_BEGIN], n_begin); // nothing was sent as a whole
    assert_int_equal(dataplane.n_requests[API_RULE_CHANGE], 3);
}

static void test_refused_edit_goes_as_a_whole(void **state)
{
    uint32_t n_begin = dataplane.n_requests[API_BEGIN];

    (void)state;
    is_refusing = true;
    put("40", "\"direction\": \"out\", \"action\": \"allow\"", "200", "\"changed\": true");
    is_refusing = false;
    assert_int_equal(dataplane.n_requests[API_BEGIN], n_begin + 1);
    http_check(http_ask("DELETE", RULES "40", "", ""), "200", "\"changed\": true");
    assert_int_equal(dataplane.n_requests[API_BEGIN], n_begin + 1);
}

static uint64_t id_of(struct schema *schema, const char *yaml)
{
    struct config *config;
    struct config_error e;
    uint64_t id;

    assert_int_equal(config_parse(schema, yaml, strlen(yaml), CONFIG_YAML, &config, &e), 0);
    id = config_id(config);
    config_destroy(config);
    return id;
}

static void run(const char *format, const char *one, const char *other)
{
    char command[256];

    snprintf(command, sizeof(command), format, one, other);
    assert_int_equal(system(command), 0);
}

// As another culvertd would find the files now.
static void expect_loaded(struct schema *schema, const char *yaml, const char *appended)
{
    static const char other[] = "/tmp/culvert-test-rule-copy";
    char path[128];
    struct config *config;
    struct config_error e;
    FILE *f;

    run("rm -rf %s%s", other, "");
    run("cp -r %s %s", dataplane.dir, other);
    snprintf(path, sizeof(path), "%s/running.edits", other);
    f = fopen(path, "a");
    assert_non_null(f);
    fputs(appended, f);
    fclose(f);
    if (config_load(schema, other, &config, &e) < 0) {
        assert_null(yaml);
        assert_non_null(strstr(e.sentence, "running.edits is damaged in line 6"));
    } else {
        assert_non_null(yaml);
        assert_int_equal(config_id(config), id_of(schema, yaml));
        assert_int_equal(access(path, F_OK), -1); // it is in the other file now
        config_destroy(config);
        assert_int_equal(config_load(schema, other, &config, &e), 0);
        assert_int_equal(config_id(config), id_of(schema, yaml));
        config_destroy(config);
    }
    run("rm -r %s%s", other, "");
}

// A whole text that differs in rules of one firewall only.
static void test_commit_of_a_few_rules(void **state)
{
    uint32_t n_begin, n_changes;

    (void)state;
    http_check(http_ask("PUT", "/restconf/data", YAML, text), "200", "");
    n_begin = dataplane.n_requests[API_BEGIN];
    n_changes = dataplane.n_requests[API_RULE_CHANGE];
    http_check(http_ask("PUT", "/restconf/data", YAML,
                        with("{seq: 10, direction: out, action: deny}, {seq: 40, direction: in, "
                             "action: allow, source-group: hosts}")),
               "200", "\"changed\": true");
    assert_int_equal(dataplane.n_requests[API_BEGIN], n_begin);
    assert_int_equal(dataplane.n_requests[API_RULE_CHANGE], n_changes + 1);
    assert_int_equal(n_last, 3);
    assert_int_equal(lasts[0].rule.seq, 10);
    assert_int_equal(lasts[0].rule.action, API_ACTION_DENY);
    assert_int_equal(lasts[0].rule.owner, 0);
    assert_string_equal(lasts[0].tenant, "blue");
    assert_int_equal(lasts[1].rule.seq, 30);
    assert_int_equal(lasts[1].is_delete, 1);
    assert_int_equal(lasts[2].rule.seq, 40);
    assert_int_equal(lasts[2].rule.source_group, 1);
    assert_int_equal(lasts[2].is_delete, 0);
    // Two firewalls at once, a default, or groups in another order: a transaction.
    http_check(http_ask("PUT", "/restconf/data", YAML,
                        "tenants: [{name: blue, address-groups: [{name: a}, {name: b}], firewalls: "
                        "[{name: x, rules: [{seq: 1, direction: in, action: allow, source-group: "
                        "b}]}, {name: y}]}]"),
               "200", "");
    assert_int_equal(dataplane.n_requests[API_BEGIN], n_begin + 1);
    http_check(http_ask("PUT", "/restconf/data", YAML,
                        "tenants: [{name: blue, address-groups: [{name: b}, {name: a}], firewalls: "
                        "[{name: x, rules: [{seq: 1, direction: in, action: deny, source-group: "
                        "b}]}, {name: y}]}]"),
               "200", "");
    assert_int_equal(dataplane.n_requests[API_BEGIN], n_begin + 2);
    http_check(http_ask("PUT", "/restconf/data", YAML,
                        "tenants: [{name: blue, address-groups: [{name: b}, {name: a}], firewalls: "
                        "[{name: x}, {name: y, rules: [{seq: 1, direction: in, action: deny}]}]}]"),
               "200", "");
    assert_int_equal(dataplane.n_requests[API_BEGIN], n_begin + 3);
    assert_int_equal(dataplane.n_requests[API_RULE_CHANGE], n_changes + 1);
    http_check(http_ask("PUT", "/restconf/data", YAML, text), "200", "\"changed\": true");
}

static void read_edits(char *to, size_t size)
{
    char path[128];
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), "%s/running.edits", dataplane.dir);
    f = fopen(path, "r");
    assert_non_null(f);
    n = fread(to, 1, size - 1, f);
    to[n] = '\0';
    fclose(f);
}

static void test_edits_survive(void **state)
{
    static const char none[] = "/restconf/data/culvert:tenants=blue/firewalls=none/rules=1";
    static char stale[4096];
    struct schema *schema;
    struct config_error e;

    (void)state;
    http_check(http_ask("PUT", "/restconf/data", YAML, "tenants: []"), "200", "");
    http_check(http_ask("PUT", "/restconf/data", YAML, text), "200", "");
    put("50", "\"direction\": \"out\", \"action\": \"allow\", \"log\": true", "200", "");
    put("10", "\"direction\": \"in\", \"action\": \"allow\"", "200", "");
    http_check(http_ask("DELETE", RULES "30", "", ""), "200", "");
    http_check(http_ask("PUT", none, JSON,
                        "{\"culvert:rules\": [{\"seq\": 1, \"direction\": \"in\", \"action\":"
                        "\"deny\"}]}"),
               "200", "\"changed\": true");
    http_check(http_ask("DELETE", none, "", ""), "200", "\"changed\": true");
    assert_int_equal(schema_create(&schema, &e), 0);
    expect_loaded(schema,
                  with("{seq: 50, direction: out, action: allow, log: true}, {seq: 10, direction: "
                       "in, action: allow}"),
                  "0123"); // a line that was never whole
    expect_loaded(schema, NULL, "0123\n");
    read_edits(stale, sizeof(stale));
    // Of edits before a whole configuration nothing is left, nor would it count.
    http_check(http_ask("PUT", "/restconf/data", YAML, text), "200", "\"changed\": true");
    put("20", "\"direction\": \"in\", \"action\": \"allow\"", "200", "");
    http_check(http_ask("PUT", "/restconf/data", YAML, text), "200", "\"changed\": true");
    put("20", "\"direction\": \"in\", \"action\": \"deny\"", "200", "");
    expect_loaded(schema,
                  with("{seq: 10, direction: out, action: allow}, {seq: 30, direction: in, action: "
                       "deny}, {seq: 20, direction: in, action: deny}"),
                  stale);
    schema_destroy(schema);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *method, *path, *body, *status, *part;
    } cases[] = {
        {"PUT", RULES "7", "{}", "400", "the body must be"},
        {"PUT", RULES "7", "{\"culvert:rules\": []}", "400", "the body must be"},
        {"PUT", RULES "7",
         "{\"culvert:rules\": [{\"seq\": 8, \"direction\": \"in\", \"action\": \"deny\"}]}", "400",
         "the rule must have seq 7"},
        {"PUT", RULES "7", "{\"culvert:rules\": [{\"seq\": 7, \"direction\": \"in\"}]}", "400",
         "tenants/blue/firewalls/fw/rules/7/action"},
        {"PUT", RULES "7",
         "{\"culvert:rules\": [{\"seq\": 7, \"direction\": \"in\", \"action\": \"deny\","
         "\"source-group\": \"b\"}]}",
         "400", "tenant blue has no address-group of that name"},
        {"PUT", "/restconf/data/culvert:tenants=blue/firewalls=fx/rules=7",
         "{\"culvert:rules\": [{\"seq\": 7, \"direction\": \"in\", \"action\": \"deny\"}]}", "404",
         "there is no firewall blue/fx"},
        {"PUT", "/restconf/data/culvert:tenants=blue/firewalls=fw", "{}", "404", "only rules are"},
        {"DELETE", RULES "7", "", "404", "firewall blue/fw has no rule 7"},
        {"DELETE", RULES "7x", "", "404", "only rules are"},
        {"GET", RULES "7", "", "405", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        http_check(http_ask(cases[i].method, cases[i].path, JSON, cases[i].body), cases[i].status,
                   cases[i].part);
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

// For the reader: no time is asserted.
static void test_edit_among_many(void **state)
{
    const unsigned n = 100000;
    size_t size = n * 160 + 256, len;
    char *many = malloc(size);
    double begin, middle;
    clock_t middle_cpu;

    (void)state;
    assert_non_null(many);
    len = (size_t)snprintf(many, size, "tenants: [{name: blue, firewalls: [{name: fw, rules: [\n");
    for (unsigned i = 1; i <= n; i++)
        len += (size_t)snprintf(many + len, size - len,
                                "{seq: %u, direction: in, protocol: tcp, source-network: "
                                "10.%u.%u.0/24, destination-port: 80, action: allow},\n",
                                i * 10, i >> 8 & 255, i & 255);
    snprintf(many + len, size - len, "]}]}]\n");
    begin = now_ms();
    http_check(http_ask("PUT", "/restconf/data", YAML, many), "200", "\"changed\": true");
    printf("%u rules: %.0f ms\n", n, now_ms() - begin);
    put("3", "\"direction\": \"in\", \"action\": \"deny\"", "200", "\"changed\": true");
    middle = now_ms();
    middle_cpu = clock();
    for (unsigned i = 0; i < 20; i++) {
        char seq[16];

        snprintf(seq, sizeof(seq), "%u", 5000 * (i + 1) + 5);
        put(seq, "\"direction\": \"in\", \"action\": \"deny\"", "200", "\"changed\": true");
        assert_int_equal(last.rule.seq, 5000 * (i + 1) + 5);
    }
    printf("an edit among them: %.1f ms, of which the processor has %.1f\n",
           (now_ms() - middle) / 20, (double)(clock() - middle_cpu) * 1e3 / CLOCKS_PER_SEC / 20);
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_goes_alone), cmocka_unit_test(test_refused_edit_goes_as_a_whole),
        cmocka_unit_test(test_refusals),        cmocka_unit_test(test_commit_of_a_few_rules),
        cmocka_unit_test(test_edits_survive),   cmocka_unit_test(test_edit_among_many),
    };

    return cmocka_run_group_tests_name("northbound-rule", tests, setup, teardown);
}
