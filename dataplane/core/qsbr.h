// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CORE_QSBR_H
#define DATAPLANE_CORE_QSBR_H

// Quiescent-state-based reclamation (DPDK rte_rcu_qsbr): when has every worker let go of what was
// just taken out of its sight? A worker reports once a loop and is offline while it sleeps.

#include <stdint.h>

// Make room for n_workers threads, numbered from 0. -ENOMEM.
int qsbr_init(unsigned n_workers);
void qsbr_fini(void);

// Worker.
void qsbr_online(unsigned worker_id);
void qsbr_offline(unsigned worker_id);
void qsbr_quiescent(unsigned worker_id);

// Wait until each online worker has passed a quiescent state since the call. Any thread that is not
// a worker. Returns at once before qsbr_init (there are no workers then).
void qsbr_wait(void);

// Without waiting: the token of this moment, and whether each online worker has passed a quiescent
// state since. Any thread. Before qsbr_init: passed at once.
uint64_t qsbr_token(void);
int qsbr_has_passed(uint64_t token);

// The main thread counts as a worker that passes no quiescent state in between: what it looks at is
// not freed by others. It must not wait (qsbr_wait) there.
void qsbr_main_enter(void);
void qsbr_main_leave(void);

#endif
