// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_GENERATION_H
#define DATAPLANE_WALK_GENERATION_H

// One committed configuration, immutable: ports, what is attached to them, the functions. Built by
// server/ on the main thread; workers take it once a burst with generation_current().

#include "dataplane/port/port.h"
#include "dataplane/walk/function.h"

#define ATTACHMENT_NONE UINT32_MAX

// A place where a cable ends: a port or a VLAN on it, plugged into a function.
struct attachment {
    struct port *port;
    uint16_t outer_vlan; // VLAN IDs this attachment takes and gives; 0: none
    uint16_t inner_vlan;
    uint8_t n_tags; // 0, 1 or 2: how many tags are taken off at entry and put on at exit
    uint8_t reserved;
    uint32_t function; // index in generation.functions
};

// Where frames of one port go, by their tags. A port without VLAN attachments is transparent: all
// frames, tagged or not, go to `plain` as they are. Else the longest match of (outer, inner), then
// (outer) takes the frame, an untagged or priority-tagged one goes to `plain`.
struct port_entry {
    struct port *port;
    uint32_t plain;      // attachment, or ATTACHMENT_NONE
    uint32_t *by_outer;  // [4096], NULL on a transparent port
    uint32_t **by_inner; // [4096] of NULL or [4096], NULL if no attachment names an inner VLAN
    struct guard *guard; // walk/guard.h; NULL on a port without `guard`
};

struct worker_rx {
    struct port *port;
    uint16_t queue;
};

struct generation {
    uint64_t id;
    uint64_t config_id;
    struct port_entry *ports; // by slot, [API_MAX_PORTS]; port NULL where there is none
    struct port **port_list;  // those of this generation, in the model's order
    uint32_t n_ports;
    struct attachment *attachments; // in the order of API_MEMBER in the model
    uint32_t n_attachments;
    struct function *functions;
    uint32_t n_functions;
    struct worker_rx *rx[API_MAX_WORKERS]; // queues that a worker polls
    uint32_t n_rx[API_MAX_WORKERS];
};

// The attachment that takes frames with these VLAN IDs (0: no tag), or ATTACHMENT_NONE.
static inline uint32_t port_entry_find(const struct port_entry *entry, uint16_t outer,
                                       uint16_t inner)
{
    const uint32_t *by_inner;

    if (entry->by_outer == NULL || outer == 0)
        return entry->plain;
    by_inner = entry->by_inner != NULL ? entry->by_inner[outer] : NULL;
    if (by_inner != NULL && inner != 0 && by_inner[inner] != ATTACHMENT_NONE)
        return by_inner[inner];
    return entry->by_outer[outer];
}

// The published generation; NULL before the first. Worker, once a burst.
extern struct generation *generation_published;

static inline const struct generation *generation_current(void)
{
    return __atomic_load_n(&generation_published, __ATOMIC_ACQUIRE);
}

// Hand `generation` (may be NULL) to the workers, wait until none sees the one before, free that.
// Ports that only the old one named are closed then. Main thread.
void generation_publish(struct generation *generation);

// Free a generation that no worker can see. NULL is fine. Main thread.
void generation_destroy(struct generation *generation);

#endif
