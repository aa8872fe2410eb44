// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_GENERATION_H
#define DATAPLANE_WALK_GENERATION_H

// One committed configuration, immutable: ports, what is attached to them, the functions. Built by
// server/ on the main thread; workers take it once a burst with generation_current().

#include "dataplane/port/port.h"
#include "dataplane/walk/function.h"

#define ATTACHMENT_NONE UINT32_MAX

#define FUNCTION_NONE UINT32_MAX

// Where a cable ends: the side of a function, and what is plugged in there. Frames that the
// function sends out by it go to `port` with the VLAN tags, or else to the side `peer` of another
// function.
struct attachment {
    // By whose side it is and what is plugged in there; the same in any generation where that is
    // (generation_identify).
    uint64_t id;
    struct port *port;   // NULL: see peer
    uint32_t peer;       // attachment at the cable's other end; ATTACHMENT_NONE: nothing, or a port
    uint16_t outer_vlan; // VLAN IDs this attachment takes and gives; 0: none
    uint16_t inner_vlan;
    uint8_t n_tags;       // 0, 1 or 2: how many tags are taken off at entry and put on at exit
    uint8_t is_passed_by; // a guest on a chain: while it is down packets go to `beyond`
    // Index in generation.functions. FUNCTION_NONE: a cable from this port to the port of `peer`,
    // which takes frames as they come.
    uint32_t function;
    // A guest on a chain is plugged in here: its other port, and the side of the chain's next
    // segment that this one is plugged into. NULL: no guest.
    struct port *guest_port;
    uint32_t beyond;
    const char *chain_tenant; // the chain that is the cable; NULL: none, a member of a switch
    const char *chain;
};

// A chain, by name.
struct chain_cable {
    char name[API_NAME_SIZE];
    char tenant[API_NAME_SIZE];
    // By enum session_side: with functions the two outermost sides of its segments. Without: the
    // sides that it joins; ATTACHMENT_NONE for a port that is plugged into the other end's.
    uint32_t sides[2];
    uint32_t has_functions;
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
    struct attachment *attachments; // by function and side; then those of cables between ports
    uint32_t n_attachments;
    struct function *functions; // by kind, in the model's order
    uint32_t n_functions;
    struct function **by_name; // see generation_sort
    uint32_t *tick_list;       // functions with a tick()
    uint32_t n_tick;
    struct chain_cable *chains; // in the model's order
    uint32_t n_chains;
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

// Whether the link of what is plugged in is up: of a port its own, of a switch that of any other
// of its members, of a router always, of a chain with functions what is at its other end, if no
// guest in between is down and must not be passed by.
int attachment_is_up(const struct generation *generation, uint32_t attachment);

// Whether what a chain ends at (0 inside, 1 outside) is up in this sense.
int chain_end_is_up(const struct generation *generation, const struct chain_cable *cable,
                    unsigned end);

// Whether both ports of the guest that is plugged in here (guest_port) have a link.
static inline int attachment_has_guest_up(const struct attachment *a)
{
    return port_is_up(a->port) && port_is_up(a->guest_port);
}

// The other side of an instance of two sides.
static inline uint32_t attachment_opposite(const struct generation *generation, uint32_t attachment)
{
    const struct function *f = &generation->functions[generation->attachments[attachment].function];

    return 2 * f->first_attachment + 1 - attachment;
}

// Fill the attachments' ids, once functions and ports have their names. Main thread.
void generation_identify(struct generation *generation);

// For generation_find, once the functions have their names. 0 or -ENOMEM. Main thread.
int generation_sort(struct generation *generation);

// Instance `name` of a kind ("switch"), NULL if there is none. Main thread.
struct function *generation_find(const struct generation *generation, const char *kind,
                                 const char *tenant, const char *name);

// The published generation; NULL before the first. Worker, once a burst.
extern struct generation *generation_published;

static inline const struct generation *generation_current(void)
{
    return __atomic_load_n(&generation_published, __ATOMIC_ACQUIRE);
}

// Hand `generation` (may be NULL) to the workers, wait until none sees the one before, free that.
// Ports that only the old one named are closed then. Main thread.
void generation_publish(struct generation *generation);

// What is called while a generation is published: workers run it already and see nothing of the one
// before, whose ports and functions still are. It may take back what it gave to workers: before
// anything is freed each of them passes a quiescent state. NULL: nothing. Main thread.
extern void (*generation_on_publish)(const struct generation *generation);

// Free a generation that no worker can see. NULL is fine. Main thread.
void generation_destroy(struct generation *generation);

#endif
