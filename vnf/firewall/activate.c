// SPDX-License-Identifier: BSD-3-Clause
// What changes once workers run the new configuration? The policy that config.c has made ready
// comes into force by one store. As time goes by, what workers have noted is logged. Main thread.
// Next: rules.c, log.c.

#include "vnf/firewall/state.h"

void firewall_activate(struct function *f, const struct generation *generation)
{
    struct firewall_config *config = f->config;

    (void)generation;
    if (config->edit == NULL)
        return;
    firewall_edit_commit(config->edit);
    config->edit = NULL;
}

void firewall_age(struct function *f, const struct generation *generation)
{
    (void)generation;
    firewall_log_drain(f->state);
}
