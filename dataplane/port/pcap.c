// SPDX-License-Identifier: BSD-3-Clause
// A port whose packets come from one capture file and go to another: DPDK's net_pcap with our
// configuration. The input is played once, as fast as the worker takes it; the output is complete
// when the port is closed. The PMD reads and writes files on the worker: for tests, not for tenants
// who share a worker.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dataplane/port/ethdev.h"

// A FIFO or a device would hold up whoever opens it.
static int check_file(const char *path, int must_exist, struct error *e)
{
    struct stat st;

    if (path[0] == '\0')
        return 0;
    if (strchr(path, ',') != NULL)
        return error_set(e, -EINVAL, NULL, "a capture file's name can't have a comma");
    if (stat(path, &st) < 0)
        return errno == ENOENT && !must_exist
                   ? 0
                   : error_set(e, -errno, NULL, "can't read %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(e, -EINVAL, NULL, "%s is not a regular file", path);
    return 0;
}

static int pcap_open(struct port *port, struct error *e)
{
    const struct api_port *config = &port->config;
    char devargs[2 * API_DEVICE_SIZE + 64];
    int len, rc;

    rc = check_file(config->device, 1, e);
    if (rc == 0)
        rc = check_file(config->device_out, 0, e);
    if (rc < 0)
        return rc;
    len = snprintf(devargs, sizeof(devargs), "net_pcap_culvert%u", port->slot);
    if (config->device[0] != '\0')
        len +=
            snprintf(devargs + len, sizeof(devargs) - (size_t)len, ",rx_pcap=%s", config->device);
    if (config->device_out[0] != '\0')
        snprintf(devargs + len, sizeof(devargs) - (size_t)len, ",tx_pcap=%s", config->device_out);
    return ethdev_open(port, devargs, e);
}

const struct port_ops port_pcap_ops = {
    .name = "pcap",
    .open = pcap_open,
    .close = ethdev_close,
    .rx_burst = ethdev_rx_burst,
    .tx_burst = ethdev_tx_burst,
    .watch = ethdev_watch,
};
