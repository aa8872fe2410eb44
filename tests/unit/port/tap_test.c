// SPDX-License-Identifier: BSD-3-Clause
// How long does a tap's interface live, and what does the kernel see of its link? The port layer
// alone, in a network namespace of its own (and a user namespace, so that nobody must be root).

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_eal.h>

#include "dataplane/core/counters.h"
#include "dataplane/port/port.h"

#define SKIPPED 77 // as meson reads it

static int sock = -1;

static struct api_port make(const char *interface)
{
    struct api_port config = {
        .type = API_PORT_TAP, .name = "t", .n_queues = 1, .mtu = 1500, .mac_limit = 8};

    snprintf(config.device, sizeof(config.device), "%s", interface);
    return config;
}

static struct port *get(const struct api_port *config)
{
    struct port *port = NULL;
    struct error e;

    assert_int_equal(port_get("blue", config, &port, &e), 0);
    return port;
}

// What the kernel behind the tap sees.
static int has_carrier(const char *interface)
{
    struct ethtool_value value = {.cmd = ETHTOOL_GLINK};
    struct ifreq request = {.ifr_data = (char *)&value};

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
    assert_return_code(ioctl(sock, SIOCETHTOOL, &request), errno);
    return value.data != 0;
}

static void set_flags(const char *interface, short flags)
{
    struct ifreq request = {.ifr_flags = flags};

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
    assert_return_code(ioctl(sock, SIOCSIFFLAGS, &request), errno);
}

static unsigned mtu_of(const char *interface)
{
    struct ifreq request = {0};

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
    assert_return_code(ioctl(sock, SIOCGIFMTU, &request), errno);
    return (unsigned)request.ifr_mtu;
}

static const char *text_of(const struct port *port)
{
    return counters_stats->port[port->slot].text;
}

static void it_goes_with_its_port_when_the_dataplane_goes_on(void **state)
{
    struct api_port config = make("t0");
    struct port *port = get(&config);

    (void)state;
    port_watch(1);
    assert_int_equal(port->state, API_PORT_LINK_UP);
    assert_int_not_equal(if_nametoindex("t0"), 0);
    port_put(port);
    assert_int_not_equal(if_nametoindex("t0"), 0); // this may be the end of the process
    port_watch(0);
    assert_int_equal(if_nametoindex("t0"), 0);
}

static void it_lives_while_another_port_has_it(void **state)
{
    struct api_port config = make("t0"), other = make("t0");
    struct port *port = get(&config), *next;
    unsigned index;

    (void)state;
    port_watch(1);
    index = if_nametoindex("t0");
    assert_int_not_equal(index, 0);
    other.mtu = 9216;
    other.flags = API_PORT_CSUM | API_PORT_TSO;
    next = get(&other);
    port_put(port);
    port_watch(1);
    assert_int_equal(next->state, API_PORT_LINK_UP);
    assert_int_equal(if_nametoindex("t0"), index);
    assert_int_equal(mtu_of("t0"), 9216);
    port_put(next);
    port_watch(1);
    assert_int_equal(if_nametoindex("t0"), 0);
}

static void a_port_that_was_never_committed_takes_nothing_along(void **state)
{
    struct api_port config = make("t0"), other = make("t0");
    struct port *port = get(&config);

    (void)state;
    port_watch(1);
    other.mtu = 2000;
    port_put(get(&other)); // built, then refused
    port_watch(0);
    assert_int_not_equal(if_nametoindex("t0"), 0);
    assert_int_equal(mtu_of("t0"), 1500);
    assert_int_equal(port->state, API_PORT_LINK_UP);
    port_put(port);
    port_watch(1);
}

static void the_kernel_sees_the_carrier(void **state)
{
    struct api_port config = make("t0"), other = make("t0");
    struct port *port = get(&config), *next;

    (void)state;
    port_set_carrier(port, 0); // not open yet
    port_watch(1);
    assert_false(has_carrier("t0"));
    assert_int_equal(port->state, API_PORT_LINK_UP); // the port's own link is another matter
    port_set_carrier(port, 1);
    assert_true(has_carrier("t0"));
    port_set_carrier(port, 0);
    assert_false(has_carrier("t0"));
    other.mtu = 2000;
    next = get(&other);
    port_put(port);
    port_watch(1);
    assert_true(has_carrier("t0"));
    port_put(next);
    port_watch(1);
}

static void a_vhost_port_ignores_the_carrier(void **state)
{
    struct api_port config = {
        .type = API_PORT_VHOST_USER, .name = "v", .n_queues = 1, .mtu = 1500, .mac_limit = 8};
    struct port *port = get(&config);

    (void)state;
    port_set_carrier(port, 0);
    assert_int_equal(port->is_carrier_off, 1);
    port_put(port);
}

static void it_follows_the_interface(void **state)
{
    struct api_port config = make("t0");
    struct port *port = get(&config);

    (void)state;
    port_watch(1);
    set_flags("t0", 0);
    port_watch(0);
    assert_int_equal(port->state, API_PORT_LINK_DOWN);
    assert_string_equal(text_of(port), "the interface is set down: ip link set t0 up");
    set_flags("t0", IFF_UP);
    port_watch(0);
    assert_int_equal(port->state, API_PORT_LINK_UP);
    assert_string_equal(text_of(port), "");
    port_put(port);
    port_watch(1);
}

static void names_that_cant_be_are_refused(void **state)
{
    static const struct {
        const char *interface, *netns, *text;
    } cases[] = {
        {"t%d", "", "'t%d' can't be the name of an interface"},
        {"t/0", "", "'t/0' can't be the name of an interface"},
        {"sixteen-letters-", "", "sixteen-letters-: an interface's name has at most 15 characters"},
        {"t0", "culvert-none",
         "there is no network namespace culvert-none: make it with: ip netns add culvert-none"},
        {"t0", "../../proc/self/ns/net",
         "can't enter network namespace ../../proc/self/ns/net: Invalid argument"},
        {"t0", "..", "can't enter network namespace ..: Invalid argument"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct api_port config = make(cases[i].interface);
        struct port *port;

        snprintf(config.netns, sizeof(config.netns), "%s", cases[i].netns);
        port = get(&config);
        port_watch(1);
        assert_int_equal(port->state, API_PORT_ERROR);
        assert_string_equal(text_of(port), cases[i].text);
        port_put(port);
    }
    assert_int_equal(if_nametoindex("t0"), 0);
    assert_int_equal(if_nametoindex("lo"), 1); // back in our namespace
}

static int start(void **state)
{
    struct error e;

    (void)state;
    return counters_init(NULL, 1) < 0 || port_init("/tmp", 1, &e) < 0;
}

static int start_eal(void)
{
    char *arguments[] = {"tap-test", "--no-huge",      "--no-pci",    "--no-shconf", "-m",
                         "256",      "--no-telemetry", "--log-level", "error",       NULL};

    return rte_eal_init(9, arguments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_with_its_port_when_the_dataplane_goes_on),
        cmocka_unit_test(it_lives_while_another_port_has_it),
        cmocka_unit_test(a_port_that_was_never_committed_takes_nothing_along),
        cmocka_unit_test(the_kernel_sees_the_carrier),
        cmocka_unit_test(a_vhost_port_ignores_the_carrier),
        cmocka_unit_test(it_follows_the_interface),
        cmocka_unit_test(names_that_cant_be_are_refused),
    };

    if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) < 0 ||
        access("/dev/net/tun", R_OK | W_OK) < 0) {
        printf("no namespace, or no /dev/net/tun: skipped\n");
        return SKIPPED;
    }
    sock = socket(AF_INET, SOCK_DGRAM, 0);
    if (sock < 0 || start_eal() < 0)
        return 1;
    return cmocka_run_group_tests(tests, start, NULL);
}
