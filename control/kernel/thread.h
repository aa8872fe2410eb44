// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_KERNEL_THREAD_H
#define CONTROL_KERNEL_THREAD_H

// What the files of the mirror's thread share. Only that thread touches it.

#include "control/kernel/batch.h"
#include "control/kernel/message.h"
#include "control/kernel/netlink.h"
#include "control/kernel/nexthops.h"
#include "control/kernel/plan.h"

// One router of the plan.
struct mirror_router {
    struct groups groups;
    struct batch batch;
    uint64_t session, layout;  // of what it was given last
    uint64_t due_ns;           // when it is to be given everything anew; 0: it is not
    bool is_dumping;           // what a dump brings is for it
    struct kernel_prefix last; // of the dump: the better one of a prefix comes first
    uint32_t n_groups;         // after the last time that it was given everything
};

// An interface of the kernel that is a twin.
struct device {
    uint32_t ifindex;
    uint32_t twin; // in the plan
    bool is_up;
    bool is_fresh;   // seen in this dump of links
    bool is_new;     // not yet set up
    bool has_mac;    // that of the router's interface
    bool has_warned; // that it can't be set up
    uint64_t due_ns; // when its addresses are to be looked at; 0: not
};

// A network namespace with twins. Open while `events` is a descriptor.
struct space {
    struct space *next;
    struct mirror_thread *thread;
    char name[API_NETNS_SIZE];
    uint32_t number; // never used twice
    int netns;       // descriptors; -1: not open
    int events, requests;
    uint64_t dev, ino;      // of the namespace
    bool is_wanted;         // by the plan
    bool has_warned;        // that it can't be opened
    struct device *devices; // by ifindex
    uint32_t n_devices;
    struct device *before; // the same, of the plan before; while the new one's are looked for
    uint32_t n_before;
    struct nexthops nexthops;
    uint32_t only_router; // of all twins here; API_NONE: there are several, or it is our own
    uint32_t n_routers;   // with twins here
    uint32_t metric[2];   // by family: of the routes so far
    bool has_metric[2];
    bool is_ambiguous[2]; // the kernel may have several routes of a prefix
    bool is_catching_up;  // with what came during a dump
    bool is_overrun;      // changes were lost, and are until all is read that was not
    bool is_dumping;
};

struct mirror_thread {
    struct plan *plan;
    uint64_t session;
    struct mirror_router *routers; // of the plan, in its order
    struct space *spaces;
    uint32_t n_spaces_ever;
    uint32_t last_epoch;
    uint64_t tick_ns; // when namespaces are looked after
    uint64_t resync_not_before_ns;
    uint64_t heard_ns;            // when the kernel was last heard to the end; 0: there is more
    int home;                     // the namespace that it began in
    struct netlink_buffer buffer; // for what `handle` is called with
    struct netlink_buffer answer; // for questions in between
};

uint64_t thread_now_ns(void);

// Everything of this router anew, no later than in so many milliseconds if the last time did not
// take long.
void thread_resync_router(struct mirror_thread *t, uint32_t router, unsigned delay_ms);
void thread_resync_space(struct space *s, unsigned delay_ms);

// space.c: 0, or -errno with a warning told once. Closed again, it forgets all.
int space_open(struct space *s);
void space_close(struct space *s);
// Whether the namespace of its name is the one that it has open.
bool space_is_current(const struct space *s);
// Links of the namespace: which twins are there. 0 or -errno.
int space_dump_links(struct space *s);
// Next-hop objects, routes and neighbours, for the routers that are dumping. 0 or -errno.
int space_dump(struct space *s);
// What there is to read, up to so many datagrams. False: there may be more.
bool space_read(struct space *s, unsigned n_max);
// NULL: no twin.
struct device *space_device(const struct space *s, uint32_t ifindex);

// events.c: what a message means to the routers.
void events_route(struct space *s, struct nlmsghdr *h);
void events_nexthop(struct space *s, struct nlmsghdr *h);
void events_neighbor(struct space *s, struct nlmsghdr *h);

// twin.c: addresses and settings of a twin.
void twin_configure(struct space *s, struct device *d);

#endif
