// SPDX-License-Identifier: BSD-3-Clause
// What of an interface is the kernel's own? Its MAC address, its IP addresses and the VLANs it has
// interfaces for. Called by xdp.c on the event loop whenever the kernel says that something
// changed. Next: maps.c.

#include "control/xdp/interface.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void add_address(struct interface *interface, const struct sockaddr *address)
{
    struct steer_address *to = &interface->addresses[interface->n_addresses];

    if (interface->n_addresses == STEER_MAX_ADDRESSES)
        return;
    *to = (struct steer_address){0};
    if (address->sa_family == AF_INET) {
        to->family = 4;
        memcpy(to->address, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else {
        to->family = 6;
        memcpy(to->address, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    }
    interface->n_addresses++;
}

static void add_mac(struct interface *interface, const struct sockaddr *address)
{
    const struct sockaddr_ll *link = (const void *)address;

    if (link->sll_halen == sizeof(interface->mac))
        memcpy(interface->mac, link->sll_addr, sizeof(interface->mac));
}

// Is `other` a VLAN interface on `name`?
static void add_vlan(struct interface *interface, int fd, const char *name, const char *other)
{
    struct vlan_ioctl_args request = {.cmd = GET_VLAN_REALDEV_NAME_CMD};

    snprintf(request.device1, sizeof(request.device1), "%s", other);
    if (ioctl(fd, SIOCGIFVLAN, &request) < 0 || strcmp(request.u.device2, name) != 0)
        return;
    request = (struct vlan_ioctl_args){.cmd = GET_VLAN_VID_CMD};
    snprintf(request.device1, sizeof(request.device1), "%s", other);
    if (ioctl(fd, SIOCGIFVLAN, &request) == 0 && request.u.VID > 0 &&
        request.u.VID < STEER_MAX_VLANS)
        interface->has_vlan[request.u.VID] = true;
}

static bool add(struct interface *interface, int fd, const char *name, const struct ifaddrs *entry)
{
    int family = entry->ifa_addr == NULL ? AF_UNSPEC : entry->ifa_addr->sa_family;

    if (strcmp(entry->ifa_name, name) != 0) {
        if (family == AF_PACKET)
            add_vlan(interface, fd, name, entry->ifa_name);
        return false;
    }
    if (family == AF_INET || family == AF_INET6)
        add_address(interface, entry->ifa_addr);
    else if (family == AF_PACKET)
        add_mac(interface, entry->ifa_addr);
    return true;
}

int interface_read(const char *name, struct interface *interface)
{
    struct ifaddrs *list;
    bool is_there = false;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (getifaddrs(&list) < 0) {
        int rc = -errno;

        close(fd);
        return rc;
    }
    memset(interface, 0, sizeof(*interface));
    for (const struct ifaddrs *entry = list; entry != NULL; entry = entry->ifa_next)
        if (add(interface, fd, name, entry))
            is_there = true;
    freeifaddrs(list);
    close(fd);
    return is_there ? 0 : -ENODEV;
}

int interface_strip_vlans(const char *name, bool strip)
{
    struct ethtool_value value = {.cmd = ETHTOOL_GFLAGS};
    struct ifreq request = {0};
    int changed = 0, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return 0;
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    request.ifr_data = (char *)&value;
    if (ioctl(fd, SIOCETHTOOL, &request) == 0 && !(value.data & ETH_FLAG_RXVLAN) == strip) {
        value.cmd = ETHTOOL_SFLAGS;
        value.data ^= ETH_FLAG_RXVLAN;
        changed = ioctl(fd, SIOCETHTOOL, &request) == 0;
    }
    close(fd);
    return changed;
}
