// SPDX-License-Identifier: BSD-3-Clause
// Does each request find its function, and only that? Methods, paths, media types and roles go in,
// a route or a refusal comes out: no socket, no server. What is sent over a socket is in
// http_test.c.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/northbound/clients.h"
#include "control/northbound/handlers.h"
#include "control/northbound/router.h"

static void test_routes(void **state)
{
    static const struct {
        const char *method, *path;
        void (*handle)(struct exchange *x);
        enum role role;
        bool has_body;
        unsigned status;
        const char *allow;
    } cases[] = {
        {"GET", "/restconf/data", handle_get_data, ROLE_READ, false, 0, NULL},
        {"HEAD", "/restconf/data", handle_get_data, ROLE_READ, false, 0, NULL},
        {"PUT", "/restconf/data", handle_put_data, ROLE_ADMIN, true, 0, NULL},
        {"POST", "/restconf/operations/culvert:diff", handle_diff, ROLE_ADMIN, true, 0, NULL},
        {"GET", "/restconf/data/culvert:state/ports", handle_ports, ROLE_READ, false, 0, NULL},
        {"GET", "/restconf/data/culvert:state/switches", handle_switches, ROLE_READ, false, 0,
         NULL},
        {"GET", "/restconf/data/culvert:state/macs", handle_macs, ROLE_READ, false, 0, NULL},
        {"GET", "/restconf/data/culvert:state/routers", handle_routers, ROLE_READ, false, 0, NULL},
        {"GET", "/restconf/data/culvert:state/routes", handle_routes, ROLE_READ, false, 0, NULL},
        {"GET", "/restconf/data/culvert:state/neighbors", handle_neighbors, ROLE_READ, false, 0,
         NULL},
        {"POST", "/restconf/operations/culvert:ping", handle_ping, ROLE_ADMIN, false, 0, NULL},
        {"GET", "/restconf/data/culvert:state/drops", handle_drops, ROLE_READ, false, 0, NULL},
        {"GET", "/restconf/data/culvert:state/workers", handle_workers, ROLE_READ, false, 0, NULL},
        {"GET", "/restconf/data/culvert:state/status", handle_status, ROLE_READ, false, 0, NULL},
        {"GET", "/restconf/data/culvert:state/chains", handle_chains, ROLE_READ, false, 0, NULL},
        {"GET", "/restconf/data/culvert:state/sessions", handle_sessions, ROLE_READ, false, 0,
         NULL},
        {"GET", "/restconf/data/culvert:state/firewalls", handle_firewalls, ROLE_READ, false, 0,
         NULL},
        {"GET", "/restconf/data/culvert:state/rules", handle_rules, ROLE_READ, false, 0, NULL},
        {"GET", "/restconf/data/culvert:state/nats", handle_nats, ROLE_READ, false, 0, NULL},
        {"GET", "/restconf/data/culvert:state/bindings", handle_bindings, ROLE_READ, false, 0,
         NULL},
        {"POST", "/restconf/operations/culvert:clear-sessions", handle_clear_sessions, ROLE_ADMIN,
         false, 0, NULL},
        {"PUT", "/restconf/data/culvert:tenants=a/firewalls=b/rules=1", handle_put_rule, ROLE_ADMIN,
         true, 0, NULL},
        {"DELETE", "/restconf/data/culvert:tenants=", handle_delete_rule, ROLE_ADMIN, false, 0,
         NULL},
        {"GET", "/restconf/data/culvert:tenants=a", NULL, 0, false, 405, "PUT, DELETE"},
        {"PUT", "/restconf/data/culvert:tenants", NULL, 0, false, 404, NULL},
        {"GET", "/metrics", handle_metrics, ROLE_READ, false, 0, NULL},
        {"POST", "/restconf/data", NULL, 0, false, 405, "GET, HEAD, PUT"},
        {"PUT", "/metrics", NULL, 0, false, 405, "GET, HEAD"},
        {"GET", "/restconf/operations/culvert:diff", NULL, 0, false, 405, "POST"},
        {"get", "/metrics", NULL, 0, false, 405, "GET, HEAD"},
        {"GET", "/restconf/data/", NULL, 0, false, 404, NULL},
        {"GET", "/metrics2", NULL, 0, false, 404, NULL},
        {"GET", "", NULL, 0, false, 404, NULL},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned status = 0;
        const char *allow = NULL;
        const struct route *r = router_find(cases[i].method, cases[i].path, &status, &allow);

        if (cases[i].handle == NULL) {
            assert_null(r);
            assert_int_equal(status, cases[i].status);
            if (cases[i].allow != NULL)
                assert_string_equal(allow, cases[i].allow);
            continue;
        }
        assert_non_null(r);
        assert_true(r->handle == cases[i].handle);
        assert_int_equal(r->role, cases[i].role);
        assert_int_equal(r->has_body, cases[i].has_body);
    }
}

static void test_content_types(void **state)
{
    enum config_format format = CONFIG_AUTO;

    (void)state;
    assert_int_equal(router_content("application/yang-data+json", &format), 0);
    assert_int_equal(format, CONFIG_JSON);
    assert_int_equal(router_content("Application/YAML; charset=utf-8", &format), 0);
    assert_int_equal(format, CONFIG_YAML);
    assert_int_equal(router_content("application/json", &format), 0);
    assert_int_equal(format, CONFIG_JSON);
    assert_int_equal(router_content("application/jsonx", &format), -ENOTSUP);
    assert_int_equal(router_content("application/x-www-form-urlencoded", &format), -ENOTSUP);
    assert_int_equal(router_content("", &format), -ENOTSUP);
    assert_int_equal(router_content(NULL, &format), -ENOTSUP);
}

static void test_accept(void **state)
{
    (void)state;
    assert_int_equal(router_accept(NULL), CONFIG_JSON);
    assert_int_equal(router_accept("*/*"), CONFIG_JSON);
    assert_int_equal(router_accept("application/yaml"), CONFIG_YAML);
    assert_int_equal(router_accept("text/html, application/yaml;q=0.9,*/*"), CONFIG_YAML);
    assert_int_equal(router_accept("application/json, application/yaml"), CONFIG_JSON);
    assert_int_equal(router_accept(", ,,"), CONFIG_JSON);
}

static void test_roles(void **state)
{
    (void)state;
    assert_int_equal(clients_role(0), ROLE_ADMIN);
    assert_int_equal(clients_role(geteuid()), ROLE_ADMIN);
    assert_int_equal(clients_role(geteuid() + 1), ROLE_READ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_content_types),
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_roles),
    };

    return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
