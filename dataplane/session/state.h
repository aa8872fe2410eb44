// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_STATE_H
#define DATAPLANE_SESSION_STATE_H

// The memory that outlives the process: <run-dir>/kept, a sparse file to be mapped (the run
// directory is on a tmpfs). A header with a layout hash, then named regions, each a fixed range of
// the file that is backed by memory as it is used. What is in there is distrusted by who maps it.
// Another layout, or a header that is damaged: a new empty file, and a line in the log.

#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/error.h"

// run_dir NULL: private memory, for tests. -errno with a sentence. Main thread.
int state_init(const char *run_dir, struct error *e);
// Unmaps; the file stays.
void state_fini(void);

// A region by name ("sessions"), `size` bytes of addresses that stay the same while the process
// lives. layout: a hash of what lies in it (sizes, offsets, a version); if the file has the region
// with another size or layout it is emptied. *was_there: it held something. NULL with a sentence.
void *state_region(const char *name, size_t size, uint64_t layout, int *was_there, struct error *e);

// Up to where a region has memory behind it: bytes from there on have never been written. Who reads
// what an earlier process wrote reserves it first (a hole can't be read when the tmpfs is full).
size_t state_held(const void *region);

// Back bytes [from, from + len) of a region with memory now, so that no page is missing when a
// worker touches it. 0, -ENOSPC, -ENOMEM. Main thread.
int state_reserve(const void *region, size_t from, size_t len);

// A seed that is random once for each file: the same after a restart.
uint64_t state_seed(void);

#endif
