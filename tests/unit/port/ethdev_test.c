// SPDX-License-Identifier: BSD-3-Clause
// Does a port on a DPDK device follow its link, take every MTU, and survive that the device is
// unplugged? With virtual devices, no root; net_tap needs a network namespace of its own.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

#include "dataplane/core/counters.h"
#include "dataplane/core/packet.h"
#include "dataplane/port/port.h"

#define LARGEST_MTU 9216
#define LARGEST_FRAME (LARGEST_MTU + 22)

// What a driver calls when its device says that it is unplugged, and the device with the number 0:
// exported, but declared only in headers for drivers.
int rte_eth_dev_callback_process(void *device, enum rte_eth_event_type event, void *result);
extern char rte_eth_devices[];

static int has_namespace;

static struct port *get(const char *device, uint16_t mtu, uint16_t n_queues)
{
    struct api_port config = {.type = API_PORT_ETHDEV,
                              .name = "e",
                              .n_queues = n_queues,
                              .mtu = mtu,
                              .queue_size = 64,
                              .mac_limit = 8};
    struct port *port = NULL;
    struct error e;

    snprintf(config.device, sizeof(config.device), "%s", device);
    assert_int_equal(port_get("blue", &config, &port, &e), 0);
    port_watch(1);
    return port;
}

static const char *text_of(const struct port *port)
{
    return counters_stats->port[port->slot].text;
}

static void put(struct port *port)
{
    port_put(port);
    port_watch(1);
    assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static uint16_t port_id(void)
{
    return (uint16_t)rte_eth_find_next(0);
}

static struct rte_mbuf *make_frame(struct rte_mempool *pool, unsigned len)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    char *data = m == NULL ? NULL : rte_pktmbuf_append(m, (uint16_t)len);

    assert_non_null(data);
    memset(data, 0x5a, len);
    return m;
}

// What one sends over net_ring comes back in one piece, whatever its length.
static void the_largest_frame_fits_one_buffer(void **state)
{
    struct rte_mempool *pool = rte_pktmbuf_pool_create("frames", 64, 0, sizeof(struct packet),
                                                       LARGEST_FRAME + RTE_PKTMBUF_HEADROOM, 0);
    static const uint16_t mtus[] = {68, 1500, 9000, LARGEST_MTU};

    (void)state;
    assert_non_null(pool);
    for (unsigned i = 0; i < RTE_DIM(mtus); i++) {
        struct port *port = get("net_ring0", mtus[i], 1);
        struct rte_mbuf *m = make_frame(pool, port->max_frame_len), *received;

        assert_string_equal(text_of(port), "");
        assert_int_equal(port->state, API_PORT_LINK_UP);
        assert_int_equal(port->ops->tx_burst(port, 0, &m, 1), 1);
        assert_int_equal(port->ops->rx_burst(port, 0, 0, &received, 1), 1);
        assert_int_equal(received->pkt_len, mtus[i] + 22);
        assert_int_equal(packet_of(received)->in_port, port->slot);
        rte_pktmbuf_free(received);
        put(port);
    }
    assert_int_equal(rte_mempool_avail_count(pool), 64);
    rte_mempool_free(pool);
}

// net_null gives frames of a length we choose: buffers of the port's own pool.
static void received_frames_are_in_one_piece(void **state)
{
    static const struct {
        uint16_t mtu;
        const char *device;
    } cases[] = {{1500, "net_null0,size=1522"}, {9216, "net_null0,size=9238"}};

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        struct port *port = get(cases[i].device, cases[i].mtu, 1);
        struct rte_mbuf *m[4];

        assert_string_equal(text_of(port), "");
        assert_int_equal(port->ops->rx_burst(port, 0, 0, m, 4), 4);
        assert_int_equal(m[0]->nb_segs, 1);
        assert_int_equal(m[0]->pkt_len, cases[i].mtu + 22);
        // Devices that count in KiB: what is left of it is enough, the CRC included.
        assert_true((m[0]->buf_len - RTE_PKTMBUF_HEADROOM) / 1024 * 1024 >= cases[i].mtu + 26);
        rte_pktmbuf_free_bulk(m, 4);
        put(port);
    }
}

static void queues_are_spread(void **state)
{
    struct port *port = get("net_null0", 1500, 2);

    (void)state;
    assert_string_equal(text_of(port), "");
    assert_int_equal(port->n_rx_queues, 2);
    put(port);
    port = get("net_ring0", 1500, 2); // knows no RSS
    assert_string_equal(text_of(port), "");
    assert_int_equal(port->n_rx_queues, 2);
    put(port);
}

static void the_link_is_followed(void **state)
{
    struct port *port = get("net_ring0", 1500, 1);

    (void)state;
    assert_int_equal(port->state, API_PORT_LINK_UP);
    assert_int_equal(rte_eth_dev_set_link_down(port_id()), 0);
    port_watch(0);
    assert_int_equal(port->state, API_PORT_LINK_DOWN);
    assert_int_equal(rte_eth_dev_set_link_up(port_id()), 0);
    port_watch(0);
    assert_int_equal(port->state, API_PORT_LINK_UP);
    put(port);
}

static void set_flags(const char *interface, short flags)
{
    struct ifreq request = {.ifr_flags = flags};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
    assert_return_code(ioctl(fd, SIOCSIFFLAGS, &request), errno);
    close(fd);
}

static void wait_state(struct port *port, enum api_port_state state)
{
    for (unsigned n = 0; n < 500 && port->state != state; n++) {
        usleep(10000);
        port_watch(0);
    }
    assert_int_equal(port->state, state);
}

static void the_link_of_a_kernel_interface_is_followed(void **state)
{
    struct port *port;

    (void)state;
    if (!has_namespace)
        skip();
    port = get("net_tap0,iface=cvu0", 1504, 1);
    assert_string_equal(text_of(port), "");
    wait_state(port, API_PORT_LINK_UP);
    set_flags("cvu0", 0);
    wait_state(port, API_PORT_LINK_DOWN);
    set_flags("cvu0", IFF_UP);
    wait_state(port, API_PORT_LINK_UP);
    put(port);
}

static void an_unplugged_device_is_told_and_opened_again(void **state)
{
    struct port *port = get("net_null0", 1500, 1);

    (void)state;
    assert_int_equal(port_id(), 0);
    rte_eth_dev_callback_process(rte_eth_devices, RTE_ETH_EVENT_INTR_RMV, NULL);
    assert_int_equal(port->state, API_PORT_LINK_UP);
    port_watch(0);
    assert_int_equal(port->state, API_PORT_ERROR);
    assert_string_equal(text_of(port), "the device was unplugged");
    assert_null(port->device);
    assert_int_equal(rte_eth_dev_count_avail(), 0);
    port_watch(1);
    assert_int_equal(port->state, API_PORT_LINK_UP);
    put(port);
}

static void an_mtu_that_the_device_refuses_is_told(void **state)
{
    struct port *port;

    (void)state;
    if (!has_namespace)
        skip();
    port = get("net_tap0,iface=cvu0", 9000, 1);
    assert_int_equal(port->state, API_PORT_ERROR);
    assert_string_equal(text_of(port), "an MTU of 9000 asked for, the device takes 46 to 1504");
    put(port);
}

static int start(void **state)
{
    struct error e;

    (void)state;
    return counters_init(NULL, 1) < 0 || port_init("/tmp", 1, &e) < 0;
}

static int start_eal(void)
{
    char *arguments[] = {"ethdev-test", "--no-huge",      "--no-pci",    "--no-shconf", "-m",
                         "512",         "--no-telemetry", "--log-level", "critical",    NULL};

    return rte_eal_init((int)RTE_DIM(arguments) - 1, arguments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_frame_fits_one_buffer),
        cmocka_unit_test(received_frames_are_in_one_piece),
        cmocka_unit_test(queues_are_spread),
        cmocka_unit_test(the_link_is_followed),
        cmocka_unit_test(the_link_of_a_kernel_interface_is_followed),
        cmocka_unit_test(an_unplugged_device_is_told_and_opened_again),
        cmocka_unit_test(an_mtu_that_the_device_refuses_is_told),
    };

    has_namespace = unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
                    access("/dev/net/tun", R_OK | W_OK) == 0;
    if (start_eal() < 0)
        return 1;
    return cmocka_run_group_tests(tests, start, NULL);
}
