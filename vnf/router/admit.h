// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_ADMIT_H
#define VNF_ROUTER_ADMIT_H

// The first judgement over a packet. Private to this folder.

#include "dataplane/parse/parse.h"
#include "vnf/router/state.h"

// 1: the packet is to be routed; *scope is the reason to drop it unless it is for the router itself
// (it may not leave its link), DROP_ROUTER_BAD_FRAME: unless for a broadcast address; else
// untouched. 0: it is decided, or gone. Worker.
int router_admit(const struct router_scene *s, struct rte_mbuf **m, uint8_t *scope);

#endif
