// SPDX-License-Identifier: BSD-3-Clause
// Which messages of a front end reach librte_vhost? Each one is judged here before the library acts
// on it: an allow-list of requests, exact lengths, rings that exist, an order of ring messages in
// which nothing is used before it has a size and an address, descriptors of the right kind, a
// budget. What fails ends the connection. On the library's message thread, with its ring locks
// held, so: nothing here may block. Memory tables: vhost_table.c. Next: the library.

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "dataplane/port/vhost.h"
#include "dataplane/port/vhost_message.h"
#include "dataplane/port/vhost_table.h"

#define SOCKET_TIMEOUT_US 200000
#define MAX_UNREAD_REPLIES (32 * 1024) // bytes as the kernel accounts them
// Budgets. A start takes some ten messages a ring and one or two memory tables.
#define MESSAGE_PERIOD_NS 5000000U
#define MESSAGE_BURST 1024U
#define TABLE_PERIOD_NS 250000000U
#define TABLE_BURST 32U

// A check returns NULL, or the fact that ends the connection.
typedef const char *check_fn(struct vhost_device *device, int vid, struct vhost_message *msg);

static const char *check_ring(const struct vhost_device *device, uint32_t ring)
{
    return ring < 2U * device->port->config.n_queues ? NULL
                                                     : "a message for a ring that is not offered";
}

static const char *check_features(struct vhost_device *device, int vid, struct vhost_message *msg)
{
    uint64_t before = 0;

    rte_vhost_get_negotiated_features(vid, &before);
    if (!((before ^ msg->payload.u64) & VHOST_BIT(VIRTIO_F_RING_PACKED)))
        return NULL;
    // The library keeps what it has allocated for a ring of the other kind.
    for (unsigned i = 0; i < VHOST_MAX_RINGS; i++)
        if (device->ring[i].size != 0)
            return "packed rings negotiated while a ring is in use";
    return NULL;
}

static const char *check_num(struct vhost_device *device, int vid, struct vhost_message *msg)
{
    const struct vhost_message_state *state = &msg->payload.state;
    const char *fault = check_ring(device, state->ring);
    struct vhost_ring *ring;

    (void)vid;
    if (fault != NULL)
        return fault;
    // virtio 1.2, 2.7: a power of 2, at most 32768.
    if (state->number == 0 || state->number > 32768 || (state->number & (state->number - 1)) != 0)
        return "a ring of a size that can't be";
    ring = &device->ring[state->ring];
    if (ring->has_address || ring->is_started)
        return "the size of a ring in use was changed"; // its mapped length was proven for the old
    ring->size = (uint16_t)state->number;
    return NULL;
}

static const char *check_base(struct vhost_device *device, int vid, struct vhost_message *msg)
{
    const struct vhost_message_state *state = &msg->payload.state;
    const char *fault = check_ring(device, state->ring);
    const struct vhost_ring *ring;
    uint64_t features = 0;

    if (fault != NULL)
        return fault;
    ring = &device->ring[state->ring];
    if (ring->size == 0 || ring->is_started)
        return "the index of a ring without a size, or in use, was set";
    rte_vhost_get_negotiated_features(vid, &features);
    if (!(features & VHOST_BIT(VIRTIO_F_RING_PACKED)))
        return state->number <= UINT16_MAX ? NULL : "an index beyond 16 bits";
    // Packed: an index into the ring and the wrap counter, in the upper half the same for used
    // descriptors; the library takes the lower as it is.
    if ((state->number & 0x7fff) >= ring->size || (state->number >> 16 & 0x7fff) >= ring->size)
        return "an index beyond the packed ring";
    return NULL;
}

static const char *check_address(struct vhost_device *device, int vid, struct vhost_message *msg)
{
    const struct vhost_message_address *address = &msg->payload.address;
    const char *fault = check_ring(device, address->ring);

    (void)vid;
    if (fault != NULL)
        return fault;
    if (device->ring[address->ring].size == 0)
        return "an address for a ring without a size";
    if (address->flags != 0)
        return "dirty logging, which is not offered";
    device->ring[address->ring].has_address = 1;
    return NULL;
}

// The library answers with the index and takes the ring apart.
static const char *check_stop(struct vhost_device *device, int vid, struct vhost_message *msg)
{
    const char *fault = check_ring(device, msg->payload.state.ring);

    (void)vid;
    if (fault == NULL)
        memset(&device->ring[msg->payload.state.ring], 0, sizeof(struct vhost_ring));
    return fault;
}

static const char *check_enable(struct vhost_device *device, int vid, struct vhost_message *msg)
{
    (void)vid;
    return check_ring(device, msg->payload.state.ring);
}

static int is_eventfd(int fd)
{
    static const char wanted[] = "anon_inode:[eventfd]";
    char path[64], target[sizeof(wanted)] = {0};
    ssize_t len;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    len = readlink(path, target, sizeof(target) - 1);
    return len == (ssize_t)sizeof(wanted) - 1 && memcmp(target, wanted, sizeof(wanted) - 1) == 0;
}

// Workers write to call descriptors: those must not make them wait. (The front end can undo
// O_NONBLOCK; vhost.c looks after that.)
static const char *check_notifier(struct vhost_device *device, int vid, struct vhost_message *msg)
{
    const char *fault = check_ring(device, (uint32_t)(msg->payload.u64 & VHOST_MESSAGE_RING_MASK));
    int flags;

    (void)vid;
    if (fault != NULL || (msg->payload.u64 & VHOST_MESSAGE_NO_FD))
        return fault;
    if (msg->n_fds != 1 || !is_eventfd(msg->fds[0]))
        return "a notifier that is no eventfd";
    flags = fcntl(msg->fds[0], F_GETFL);
    if (flags < 0 || fcntl(msg->fds[0], F_SETFL, flags | O_NONBLOCK) < 0)
        return "a notifier that can't be made non-blocking";
    return NULL;
}

static const char *check_kick(struct vhost_device *device, int vid, struct vhost_message *msg)
{
    const char *fault = check_notifier(device, vid, msg);
    struct vhost_ring *ring;

    if (fault != NULL)
        return fault;
    ring = &device->ring[msg->payload.u64 & VHOST_MESSAGE_RING_MASK];
    if (ring->size == 0 || !ring->has_address)
        return "a ring was started without a size or an address";
    ring->is_started = 1;
    return NULL;
}

static const char *check_table(struct vhost_device *device, int vid, struct vhost_message *msg)
{
    const char *fault = vhost_table_check(msg);

    (void)vid;
    if (fault == NULL && vhost_take_token(&device->tables_ns, TABLE_PERIOD_NS, TABLE_BURST) < 0)
        fault = "memory tables in a flood";
    if (fault != NULL)
        return fault;
    // From here to `after_message` workers stay out, rather than spin on the library's lock while
    // it maps and unmaps.
    __atomic_store_n(&device->vid, VHOST_NO_VID, __ATOMIC_RELEASE);
    __atomic_store_n(&device->is_remapping, 1, __ATOMIC_RELEASE);
    vhost_memory_expect(device);
    return NULL;
}

static const struct {
    uint32_t min_size, max_size;
    check_fn *check; // NULL: nothing more to check
} requests[N_REQUESTS] = {
    [REQUEST_GET_FEATURES] = {0, 8, NULL},
    [REQUEST_SET_FEATURES] = {8, 8, check_features},
    [REQUEST_SET_OWNER] = {0, 8, NULL},
    [REQUEST_SET_MEM_TABLE] = {8 + 32, 8 + 32 * VHOST_MESSAGE_MAX_REGIONS, check_table},
    [REQUEST_SET_VRING_NUM] = {8, 8, check_num},
    [REQUEST_SET_VRING_ADDR] = {40, 40, check_address},
    [REQUEST_SET_VRING_BASE] = {8, 8, check_base},
    [REQUEST_GET_VRING_BASE] = {8, 8, check_stop},
    [REQUEST_SET_VRING_KICK] = {8, 8, check_kick},
    [REQUEST_SET_VRING_CALL] = {8, 8, check_notifier},
    [REQUEST_SET_VRING_ERR] = {8, 8, check_notifier},
    [REQUEST_GET_PROTOCOL_FEATURES] = {0, 8, NULL},
    [REQUEST_SET_PROTOCOL_FEATURES] = {8, 8, NULL},
    [REQUEST_GET_QUEUE_NUM] = {0, 8, NULL},
    [REQUEST_SET_VRING_ENABLE] = {8, 8, check_enable},
    [REQUEST_NET_SET_MTU] = {8, 8, NULL},
    [REQUEST_SET_STATUS] = {8, 8, NULL},
    [REQUEST_GET_STATUS] = {0, 8, NULL},
};

static const char *check_message(struct vhost_device *device, int vid, struct vhost_message *msg)
{
    int n_unread = 0;

    if (__atomic_load_n(&device->is_remapping, __ATOMIC_ACQUIRE))
        return "a memory table that could not be mapped";
    if (msg->request >= N_REQUESTS || requests[msg->request].max_size == 0)
        return "a request that is not offered";
    if (msg->size < requests[msg->request].min_size || msg->size > requests[msg->request].max_size)
        return "a message of a length that can't be";
    if (vhost_take_token(&device->messages_ns, MESSAGE_PERIOD_NS, MESSAGE_BURST) < 0)
        return "messages in a flood";
    if (ioctl(device->connection, SIOCOUTQ, &n_unread) == 0 && n_unread > MAX_UNREAD_REPLIES)
        return "replies are not read"; // each would hold the thread for a timeout
    if (requests[msg->request].check == NULL)
        return NULL;
    return requests[msg->request].check(device, vid, msg);
}

// The library closes neither descriptors nor, if an answer is wanted, the connection when a message
// is refused here: do the one, and take the wish for an answer away for the other.
static enum rte_vhost_msg_result refuse(struct vhost_device *device, struct vhost_message *msg,
                                        const char *fault)
{
    for (int i = 0; i < msg->n_fds && i < VHOST_MESSAGE_MAX_REGIONS; i++) {
        if (msg->fds[i] >= 0)
            close(msg->fds[i]);
        msg->fds[i] = -1;
    }
    msg->n_fds = 0;
    msg->flags &= ~VHOST_MESSAGE_NEED_REPLY;
    vhost_events_note(device, fault);
    return RTE_VHOST_MSG_RESULT_ERR;
}

static enum rte_vhost_msg_result before_message(int vid, void *context)
{
    struct vhost_device *device = vhost_events_device(vid);
    struct vhost_message *msg = context;
    const char *fault;

    if (device == NULL)
        return RTE_VHOST_MSG_RESULT_ERR;
    fault = check_message(device, vid, msg);
    if (fault != NULL)
        return refuse(device, msg, fault);
    if (msg->request != REQUEST_GET_QUEUE_NUM || msg->n_fds != 0)
        return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
    // The library would say what it could do, not what this port has.
    msg->payload.u64 = device->port->config.n_queues;
    msg->size = sizeof(msg->payload.u64);
    return RTE_VHOST_MSG_RESULT_REPLY;
}

// Only called when the library was content.
static enum rte_vhost_msg_result after_message(int vid, void *context)
{
    struct vhost_device *device = vhost_events_device(vid);
    const struct vhost_message *msg = context;

    if (device == NULL || msg->request != REQUEST_SET_MEM_TABLE)
        return RTE_VHOST_MSG_RESULT_OK;
    vhost_memory_set(device, vid);
    __atomic_store_n(&device->is_remapping, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&device->vid, device->running_vid, __ATOMIC_RELEASE);
    if (vhost_memory_has_failed(device))
        __atomic_store_n(&device->vid, VHOST_NO_VID, __ATOMIC_RELEASE);
    return RTE_VHOST_MSG_RESULT_OK;
}

int vhost_fence_enter(struct vhost_device *device, int vid, int fd)
{
    static const struct rte_vhost_user_extern_ops ops = {
        .pre_msg_handle = before_message,
        .post_msg_handle = after_message,
    };
    const struct timeval timeout = {.tv_usec = SOCKET_TIMEOUT_US};

    device->messages_ns = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
        return -errno;
    return rte_vhost_extern_callback_register(vid, &ops, NULL) == 0 ? 0 : -EINVAL;
}
