// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_TAP_NETNS_H
#define DATAPLANE_PORT_TAP_NETNS_H

// Network namespaces by the names that `ip netns` gives them, for taps that live in one. The main
// thread steps into a namespace for some system calls and back; sockets and taps opened there stay
// there. No thread may be started in between: it would inherit the namespace.

#include <sys/types.h>

#include "dataplane/core/error.h"

// Which namespace it is, whatever its name.
struct netns_id {
    dev_t device;
    ino_t inode;
};

// *fd: the namespace `name`; -1 for the empty name, the process's own. -errno with a sentence.
int netns_open(const char *name, int *fd, struct error *e);

// Step into the namespace of a descriptor (-1: stay) or of a name, and back. -errno with a
// sentence: the thread is where it was then. Not nested. Main thread.
int netns_enter_fd(int fd, const char *name, struct error *e);
int netns_enter(const char *name, struct error *e);
void netns_leave(void);

// Which namespace a name stands for now. -errno if there is none.
int netns_find(const char *name, struct netns_id *id);
int netns_identify(int fd, struct netns_id *id);

static inline int netns_is_same(const struct netns_id *a, const struct netns_id *b)
{
    return a->device == b->device && a->inode == b->inode;
}

// Call `visit` in the process's own namespace and in each that has a name, every one once, with
// what it is; those that we may not enter are left out. Main thread.
void netns_for_each(void (*visit)(const struct netns_id *id));

#endif
