// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_VHOST_MESSAGE_H
#define DATAPLANE_PORT_VHOST_MESSAGE_H

// The vhost-user messages as librte_vhost hands them to its external handlers: struct
// vhu_msg_context of lib/vhost/vhost_user.h, which is not installed. Layout of release 22.11, whose
// comment there promises not to change it carelessly; a build against another one stops here, and
// the port refuses to open with another one at run time.

#include <stdint.h>

#include <rte_version.h>

#if RTE_VER_YEAR != 22 || RTE_VER_MONTH != 11
#error "compare struct vhost_message with lib/vhost/vhost_user.h of this DPDK release, then adapt"
#endif

#define VHOST_MESSAGE_MAX_REGIONS 8
#define VHOST_MESSAGE_NEED_REPLY (1U << 3)
#define VHOST_MESSAGE_RING_MASK 0xffU
#define VHOST_MESSAGE_NO_FD (1U << 8)

// Requests of the front end: vhost-user protocol, QEMU's docs/interop/vhost-user.rst.
enum vhost_request {
    REQUEST_GET_FEATURES = 1,
    REQUEST_SET_FEATURES = 2,
    REQUEST_SET_OWNER = 3,
    REQUEST_SET_MEM_TABLE = 5,
    REQUEST_SET_VRING_NUM = 8,
    REQUEST_SET_VRING_ADDR = 9,
    REQUEST_SET_VRING_BASE = 10,
    REQUEST_GET_VRING_BASE = 11,
    REQUEST_SET_VRING_KICK = 12,
    REQUEST_SET_VRING_CALL = 13,
    REQUEST_SET_VRING_ERR = 14,
    REQUEST_GET_PROTOCOL_FEATURES = 15,
    REQUEST_SET_PROTOCOL_FEATURES = 16,
    REQUEST_GET_QUEUE_NUM = 17,
    REQUEST_SET_VRING_ENABLE = 18,
    REQUEST_NET_SET_MTU = 20,
    REQUEST_SET_STATUS = 39,
    REQUEST_GET_STATUS = 40,
    N_REQUESTS,
};

struct vhost_message_region {
    uint64_t guest_address;
    uint64_t size;
    uint64_t user_address;
    uint64_t offset;
} __attribute__((packed, aligned(4)));

struct vhost_message_state {
    uint32_t ring;
    uint32_t number;
} __attribute__((packed, aligned(4)));

struct vhost_message_address {
    uint32_t ring;
    uint32_t flags;
    uint64_t descriptors, used, available, log;
} __attribute__((packed, aligned(4)));

struct vhost_message {
    uint32_t request;
    uint32_t flags;
    uint32_t size; // of the payload
    union {
        uint64_t u64;
        struct vhost_message_state state;
        struct vhost_message_address address;
        struct {
            uint32_t n_regions;
            uint32_t padding;
            struct vhost_message_region region[VHOST_MESSAGE_MAX_REGIONS];
        } memory;
        uint8_t largest[632]; // VhostUserCryptoSessionParam
    } __attribute__((packed, aligned(4))) payload;
    int fds[VHOST_MESSAGE_MAX_REGIONS];
    int n_fds;
} __attribute__((packed, aligned(4)));

_Static_assert(sizeof(struct vhost_message) == 12 + 632 + 32 + 4, "as the library has it");

#endif
