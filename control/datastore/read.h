// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_READ_H
#define CONTROL_DATASTORE_READ_H

// From a document to a data tree, each node with its line.

#include "control/datastore/config.h"
#include "control/datastore/document.h"

// Build the tree of `d` (whose values may be brought to canonical case in place). *tree is the
// caller's, NULL if the document is empty. What is found here: fields that the schema does not
// have, twice the same field or name, fields that are missing, values out of their type. 0 or
// -errno.
int document_read(struct document *d, const struct schema *schema, struct lyd_node **tree,
                  struct config_error *e);

#endif
