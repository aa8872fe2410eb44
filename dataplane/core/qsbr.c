// SPDX-License-Identifier: BSD-3-Clause
// When has every worker let go of what was taken out of its sight? A thin cover of rte_rcu_qsbr:
// workers report once a loop, whoever frees waits (main thread, librte_vhost's thread). A worker
// never waits here. Next: walk/generation.c, which publishes.

#include "dataplane/core/qsbr.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_rcu_qsbr.h>

static struct rte_rcu_qsbr *qsbr; // written before the workers start and after they end

int qsbr_init(unsigned n_workers)
{
    size_t size = rte_rcu_qsbr_get_memsize(n_workers);
    int rc;

    qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(size));
    if (qsbr == NULL)
        return -ENOMEM;
    rc = rte_rcu_qsbr_init(qsbr, n_workers);
    for (unsigned i = 0; rc == 0 && i < n_workers; i++)
        rc = rte_rcu_qsbr_thread_register(qsbr, i);
    if (rc != 0) {
        qsbr_fini();
        return -EINVAL;
    }
    return 0;
}

void qsbr_fini(void)
{
    free(qsbr);
    qsbr = NULL;
}

void qsbr_online(unsigned worker_id)
{
    rte_rcu_qsbr_thread_online(qsbr, worker_id);
}

void qsbr_offline(unsigned worker_id)
{
    rte_rcu_qsbr_thread_offline(qsbr, worker_id);
}

void qsbr_quiescent(unsigned worker_id)
{
    rte_rcu_qsbr_quiescent(qsbr, worker_id);
}

void qsbr_wait(void)
{
    if (qsbr != NULL)
        rte_rcu_qsbr_synchronize(qsbr, RTE_QSBR_THRID_INVALID);
}
