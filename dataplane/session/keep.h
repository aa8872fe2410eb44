// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_KEEP_H
#define DATAPLANE_SESSION_KEEP_H

// What functions have learned (MACs, neighbours), kept over a restart: records of a few bytes that
// each function writes for itself, all of them about once a second, into the segment of state.h.
// Two copies take turns, so that a process that dies while writing leaves the one before. A reader
// distrusts each record: what comes back is checked for its checksum as a whole only.
//
// Main thread.

#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/error.h"

#define KEEP_MAX_RECORD 128 // bytes

// state_init goes before. -errno with a sentence.
int keep_init(struct error *e);
void keep_fini(void);

// Begin a new copy, tell whose records follow ("switch", tenant, name), add records, end it: from
// then on it is the one that counts. What does not fit is left out (keep_end tells how many, once
// in the log). Between begin and end nothing may fail; a copy that was begun and not ended never
// was.
void keep_begin(void);
void keep_owner(const char *kind, const char *tenant, const char *name);
void keep_add(const void *record, size_t size);
uint32_t keep_end(void);

// Whether it is time to write again: a second since the last time, longer if that took long, so
// that it is a twentieth of the main thread's time at most.
int keep_is_due(void);

// Call `take` for each record that the process before this one has kept for an owner. Nothing
// after the first keep_end of this process, and only once for each owner.
void keep_take(const char *kind, const char *tenant, const char *name,
               void (*take)(const void *record, size_t size, void *context), void *context);

#endif
