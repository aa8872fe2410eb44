// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_FUNCTIONS_H
#define VNF_FUNCTIONS_H

// The functions that this build has. Only main.c and tests know this list.

#include "dataplane/walk/function.h"

extern const struct function_ops *const vnf_functions[]; // NULL behind the last

#endif
