// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SERVER_CHECK_H
#define DATAPLANE_SERVER_CHECK_H

#include "dataplane/core/error.h"
#include "dataplane/core/model.h"

// Check what api_check can't see of one datagram: owners exist and ascend, references are in range,
// names are unique among their kind, each attachment is plugged in once. 0, or -errno with path and
// sentence in *e; -ENOMEM. Main thread.
int check_model(const struct model *model, struct error *e);

// check_chains.c: what stands on chains, once owners are checked.
int check_chains(const struct model *model, struct error *e);

// check_cables.c: members, chains, guests on chains and kernel twins, likewise.
int check_cables(const struct model *model, struct error *e);

// The name of a tenant, "?" beyond the last.
const char *check_tenant_name(const struct model *model, uint32_t tenant);

// -EINVAL with the path tenant/name.
int check_refuse(struct error *e, const char *tenant, const char *name, const char *sentence);

#endif
