// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_SYSTEM_HOSTILE_PROTOCOL_H
#define TESTS_SYSTEM_HOSTILE_PROTOCOL_H

// The vhost-user messages as the specification gives them (QEMU docs/interop/vhost-user), written
// out here so that this program shares no definition with the backend it attacks. All little
// endian.

#include <stdint.h>

enum {
    VU_GET_FEATURES = 1,
    VU_SET_FEATURES = 2,
    VU_SET_OWNER = 3,
    VU_RESET_OWNER = 4,
    VU_SET_MEM_TABLE = 5,
    VU_SET_LOG_BASE = 6,
    VU_SET_LOG_FD = 7,
    VU_SET_VRING_NUM = 8,
    VU_SET_VRING_ADDR = 9,
    VU_SET_VRING_BASE = 10,
    VU_GET_VRING_BASE = 11,
    VU_SET_VRING_KICK = 12,
    VU_SET_VRING_CALL = 13,
    VU_SET_VRING_ERR = 14,
    VU_GET_PROTOCOL_FEATURES = 15,
    VU_SET_PROTOCOL_FEATURES = 16,
    VU_GET_QUEUE_NUM = 17,
    VU_SET_VRING_ENABLE = 18,
    VU_SEND_RARP = 19,
    VU_NET_SET_MTU = 20,
    VU_IOTLB_MSG = 22,
    VU_POSTCOPY_ADVISE = 28,
    VU_POSTCOPY_LISTEN = 29,
    VU_POSTCOPY_END = 30,
    VU_GET_INFLIGHT_FD = 31,
    VU_SET_INFLIGHT_FD = 32,
    VU_SET_STATUS = 39,
};

#define VU_VERSION 0x1U
#define VU_FLAG_REPLY 0x4U
#define VU_FLAG_NEED_REPLY 0x8U
#define VU_VRING_NO_FD 0x100U

#define VU_F_PROTOCOL_FEATURES 30
#define VU_F_LOG_ALL 26
#define VU_PROTOCOL_F_REPLY_ACK 3

#define VU_MAX_REGIONS 8
#define VU_MAX_PAYLOAD 4096

struct vu_header {
    uint32_t request;
    uint32_t flags;
    uint32_t size;
};

struct vu_region {
    uint64_t gpa;
    uint64_t size;
    uint64_t user_address;
    uint64_t mmap_offset;
};

// One more region than the specification allows: regions-nine needs it.
struct vu_memory {
    uint32_t n_regions;
    uint32_t padding;
    struct vu_region regions[VU_MAX_REGIONS + 1];
};

struct vu_vring_state {
    uint32_t index;
    uint32_t num;
};

struct vu_vring_addr {
    uint32_t index;
    uint32_t flags;
    uint64_t desc;
    uint64_t used;
    uint64_t avail;
    uint64_t log;
};

struct vu_log {
    uint64_t size;
    uint64_t offset;
};

struct vu_inflight {
    uint64_t mmap_size;
    uint64_t mmap_offset;
    uint16_t n_queues;
    uint16_t queue_size;
    uint32_t padding;
};

struct vu_iotlb {
    uint64_t iova;
    uint64_t size;
    uint64_t user_address;
    uint8_t perm;
    uint8_t type;
    uint8_t padding[6];
};

#endif
