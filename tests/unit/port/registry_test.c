// SPDX-License-Identifier: BSD-3-Clause
// Does a port keep its device while its configuration stays, and does the registry end at its
// limit? No device is opened here: opening is the tests' of the kinds.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/counters.h"
#include "dataplane/port/port.h"

static struct api_port make(const char *name)
{
    struct api_port config = {
        .type = API_PORT_VHOST_USER, .n_queues = 2, .mtu = 1500, .mac_limit = 8};

    snprintf(config.name, sizeof(config.name), "%s", name);
    return config;
}

static struct port *get(const char *tenant, const struct api_port *config)
{
    struct port *port = NULL;
    struct error e;

    assert_int_equal(port_get(tenant, config, &port, &e), 0);
    return port;
}

static void the_same_configuration_is_the_same_port(void **state)
{
    struct api_port config = make("vm1"), other = config;
    struct port *port = get("blue", &config);

    (void)state;
    // What the switch and the guard read is no business of the device.
    other.mac_limit = 9;
    other.storm_broadcast_pps = 5;
    other.flags |= API_PORT_GUARD;
    other.owner = 7;
    assert_ptr_equal(get("blue", &other), port);
    assert_string_equal(port->path, "/run/x/vhost/blue-vm1.sock");
    assert_int_equal(port->max_frame_len, 1522);

    other.mtu = 9000;
    assert_ptr_not_equal(get("blue", &other), port);
    assert_ptr_not_equal(get("red", &config), port);
    assert_string_equal(counters_stats->port[port->slot].name, "vm1");
    assert_int_equal(counters_stats->port[port->slot].state, API_PORT_OPENING);
}

static void queues_spread_over_workers(void **state)
{
    struct api_port config = make("spread");
    struct port *port = get("blue", &config);

    (void)state;
    assert_int_not_equal(port->rx_worker[0], port->rx_worker[1]);
    port_put(port);
}

static void a_slot_comes_back_with_counters_at_zero(void **state)
{
    struct api_port config = make("gone");
    struct port *port = get("blue", &config);
    uint32_t slot = port->slot;

    (void)state;
    counters_drop(slot, 0, DROP_RUNT_FRAME, 3);
    get("blue", &config);
    port_put(port);
    assert_int_equal(counters_stats->port[slot].state, API_PORT_OPENING); // one reference is left
    port_put(port);
    assert_int_equal(counters_stats->port[slot].state, API_PORT_UNUSED);
    port = get("blue", &config);
    assert_int_equal(port->slot, slot);
    assert_int_equal(counters_of(slot, 0)->drops[DROP_RUNT_FRAME], 0);
    port_put(port);
}

static void the_registry_has_a_limit(void **state)
{
    static struct port *ports[API_MAX_PORTS + 1];
    struct api_port config = make("");
    struct error e = {0};
    unsigned n = 0;
    int rc;

    (void)state;
    do {
        snprintf(config.name, sizeof(config.name), "n%u", n);
        rc = port_get("blue", &config, &ports[n], &e);
    } while (rc == 0 && ++n <= API_MAX_PORTS);
    assert_int_equal(rc, -ENOSPC);
    assert_string_equal(e.sentence, "no more than 1024 ports, those being replaced included");
    while (n > 0)
        port_put(ports[--n]);
    assert_int_equal(port_get("blue", &config, &ports[0], &e), 0);
    port_put(ports[0]);
}

static int start(void **state)
{
    struct error e;

    (void)state;
    return counters_init(NULL, 2) < 0 || port_init("/run/x", 2, &e) < 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_configuration_is_the_same_port),
        cmocka_unit_test(queues_spread_over_workers),
        cmocka_unit_test(a_slot_comes_back_with_counters_at_zero),
        cmocka_unit_test(the_registry_has_a_limit),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
