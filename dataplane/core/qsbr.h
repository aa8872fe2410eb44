// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CORE_QSBR_H
#define DATAPLANE_CORE_QSBR_H

// Quiescent-state-based reclamation (DPDK rte_rcu_qsbr): when has every worker let go of what was
// just taken out of its sight? A worker reports once a loop and is offline while it sleeps.

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

#endif
