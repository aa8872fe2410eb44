// SPDX-License-Identifier: BSD-3-Clause
// When has every worker let go of what was taken out of its sight? A thin cover of rte_rcu_qsbr:
// workers report once a loop, whoever frees waits (main thread, librte_vhost's thread). A worker
// never waits here. Next: walk/generation.c, which publishes.

#include "dataplane/core/qsbr.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_rcu_qsbr.h>

static struct rte_rcu_qsbr *qsbr; // written before the workers start and after they end
static unsigned main_id;          // behind the workers

int qsbr_init(unsigned n_workers)
{
    unsigned n_threads = n_workers + 1;
    size_t size = rte_rcu_qsbr_get_memsize(n_threads);
    int rc;

    qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(size));
    if (qsbr == NULL)
        return -ENOMEM;
    main_id = n_workers;
    rc = rte_rcu_qsbr_init(qsbr, n_threads);
    for (unsigned i = 0; rc == 0 && i < n_threads; i++)
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

uint64_t qsbr_token(void)
{
    return qsbr != NULL ? rte_rcu_qsbr_start(qsbr) : 0;
}

int qsbr_has_passed(uint64_t token)
{
    return qsbr == NULL || rte_rcu_qsbr_check(qsbr, token, false) == 1;
}

void qsbr_main_enter(void)
{
    if (qsbr != NULL)
        rte_rcu_qsbr_thread_online(qsbr, main_id);
}

void qsbr_main_leave(void)
{
    if (qsbr != NULL)
        rte_rcu_qsbr_thread_offline(qsbr, main_id);
}
