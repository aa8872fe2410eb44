// SPDX-License-Identifier: BSD-3-Clause
// Is the configuration read as the maps want it? Texts in, keys out.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/xdp/settings.h"

static const char config_text[] =
    "tenants:\n"
    "- name: blue\n"
    "  ports:\n"
    "  - {name: t0, type: tap, interface: t0}\n"
    "  - name: up\n"
    "    type: af-xdp\n"
    "    interface: eth1\n"
    "    xdp-mode: native\n"
    "    steering:\n"
    "      mac-addresses: ['52:54:00:00:00:11', '52:54:00:00:00:10']\n"
    "      vlans: [10, 4094]\n"
    "      addresses: [10.0.0.5, 10.0.0.0/24, 'fd00::/64']\n"
    "    drop-prefixes: ['2001:db8::/32', 192.0.2.0/24, 192.0.2.1]\n"
    "  - {name: down, type: af-xdp, interface: eth2, broadcast: kernel}\n"
    "  switches:\n"
    "  - {name: lan, members: [t0, up.20, down]}\n"
    "- name: red\n"
    "  ports: [{name: up, type: af-xdp, interface: eth3, xdp-mode: generic}]\n"
    "  switches: [{name: lan, members: [up, up.7.8]}]\n";

struct lab {
    struct schema *schema;
    struct config *config;
    struct encoding *encoding;
    struct settings *settings;
};

static int setup(void **state)
{
    static struct lab lab;
    struct config_error e = {0};

    if (schema_create(&lab.schema, &e) < 0 ||
        config_parse(lab.schema, config_text, strlen(config_text), CONFIG_YAML, &lab.config, &e) <
            0 ||
        encoding_create(lab.config, &lab.encoding, &e) < 0 ||
        settings_create(lab.config, lab.encoding, &lab.settings) < 0) {
        print_error("%s: %s\n", e.path, e.sentence);
        return -1;
    }
    *state = &lab;
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    settings_destroy(lab->settings);
    encoding_destroy(lab->encoding);
    config_destroy(lab->config);
    schema_destroy(lab->schema);
    return 0;
}

static void test_ports_in_order(void **state)
{
    const struct lab *lab = *state;
    const struct settings *s = lab->settings;

    assert_string_equal(s->tenant, "blue");
    assert_string_equal(s->port, "up");
    assert_string_equal(s->interface, "eth1");
    assert_int_equal(s->mode, PROGRAM_NATIVE);
    assert_int_equal(s->flags, STEER_EXPLICIT);
    s = s->next;
    assert_string_equal(s->interface, "eth2");
    assert_int_equal(s->mode, PROGRAM_AUTO);
    assert_int_equal(s->flags, 0);
    s = s->next;
    assert_string_equal(s->tenant, "red");
    assert_int_equal(s->mode, PROGRAM_GENERIC);
    assert_int_equal(s->flags, STEER_BROADCAST);
    assert_null(s->next);
}

static void test_lists_are_sorted_keys(void **state)
{
    static const struct steer_mac macs[] = {{{0x52, 0x54, 0, 0, 0, 0x10}, {0}},
                                            {{0x52, 0x54, 0, 0, 0, 0x11}, {0}}};
    const struct lab *lab = *state;
    const struct settings *s = lab->settings;
    struct steer_prefix key;

    assert_int_equal(s->macs.n, 2);
    assert_memory_equal(s->macs.keys, macs, sizeof(macs));
    assert_int_equal(s->prefixes.n, 3);
    assert_int_equal(s->denied.n, 3);
    assert_int_equal(settings_prefix("192.0.2.0/24", &key), 0);
    assert_true(key_list_has(&s->denied, &key));
    assert_int_equal(settings_prefix("192.0.2.1/32", &key), 0);
    assert_true(key_list_has(&s->denied, &key));
    assert_int_equal(settings_prefix("192.0.2.2", &key), 0);
    assert_false(key_list_has(&s->denied, &key));
    for (unsigned id = 0; id < STEER_MAX_VLANS; id++)
        assert_int_equal(s->is_listed[id], id == 10 || id == 4094);
}

static void test_vlans_with_something_attached(void **state)
{
    const struct lab *lab = *state;
    const struct settings *red = lab->settings->next->next;

    for (unsigned id = 0; id < STEER_MAX_VLANS; id++) {
        assert_int_equal(lab->settings->is_attached[id], id == 20);
        assert_int_equal(lab->settings->next->is_attached[id], 0);
        assert_int_equal(red->is_attached[id], id == 7);
    }
}

static void test_prefixes(void **state)
{
    static const char *const bad[] = {"",
                                      "/",
                                      "10.0.0.0/33",
                                      "fd00::/129",
                                      "10.0.0",
                                      "x",
                                      "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/1"};
    static const uint8_t address[16] = {10, 1};
    struct steer_prefix key;

    (void)state;
    assert_int_equal(settings_prefix("10.1.0.0/16", &key), 0);
    assert_int_equal(key.prefix_len, 32 + 16);
    assert_int_equal(key.family, 4);
    assert_memory_equal(key.address, address, 16);
    assert_int_equal(settings_prefix("::/0", &key), 0);
    assert_int_equal(key.prefix_len, 32);
    assert_int_equal(key.family, 6);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(settings_prefix(bad[i], &key), -EINVAL);
}

static void test_doubles_are_dropped(void **state)
{
    uint32_t keys[] = {7, 3, 7, 7, 3};
    struct key_list list = {keys, 5, sizeof(keys[0])};
    uint32_t absent = 4;

    (void)state;
    key_list_sort(&list);
    assert_int_equal(list.n, 2);
    assert_true(key_list_has(&list, &keys[0]) && key_list_has(&list, &keys[1]));
    assert_false(key_list_has(&list, &absent));
}

// Each thing that maps hold makes two ports different; names and modes do not.
static void test_what_maps_hold_is_compared(void **state)
{
    const struct lab *lab = *state;
    const struct settings *up = lab->settings;
    struct settings other = *up;
    unsigned char key = 0;

    assert_true(settings_steer_alike(up, &other));
    memset(other.tenant, 0, sizeof(other.tenant));
    other.mode++;
    other.next = NULL;
    assert_true(settings_steer_alike(up, &other));
    other.flags ^= 1;
    assert_false(settings_steer_alike(up, &other));
    other = *up;
    other.is_listed[11] = true;
    assert_false(settings_steer_alike(up, &other));
    other = *up;
    other.is_attached[11] = true;
    assert_false(settings_steer_alike(up, &other));
    other = *up;
    other.macs = (struct key_list){&key, 0, 6};
    assert_false(settings_steer_alike(up, &other));
    other = *up;
    other.prefixes.n--;
    assert_false(settings_steer_alike(up, &other));
    other = *up;
    other.denied.keys = (unsigned char *)up->denied.keys + up->denied.key_size; // others, as many
    other.denied.n--;
    assert_false(settings_steer_alike(up, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports_in_order),
        cmocka_unit_test(test_lists_are_sorted_keys),
        cmocka_unit_test(test_vlans_with_something_attached),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_doubles_are_dropped),
        cmocka_unit_test(test_what_maps_hold_is_compared),
    };

    return cmocka_run_group_tests_name("xdp settings", tests, setup, teardown);
}
