// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_DOCUMENT_H
#define CONTROL_DATASTORE_DOCUMENT_H

// A YAML or JSON text as nodes with lines, before any schema. Anchors, aliases, tags,
// directives and further documents are refused, so that a text of n bytes never means more than n
// bytes.

#include "control/datastore/datastore.h"

#define DOCUMENT_MAX_SIZE (64U << 20) // bytes of text
#define DOCUMENT_MAX_NODES (4U << 20)
#define DOCUMENT_MAX_DEPTH 32

enum document_kind {
    DOCUMENT_SCALAR,
    DOCUMENT_SEQUENCE,
    DOCUMENT_MAPPING,
};

#define DOCUMENT_NONE 0U // index 0 is the root, which is nobody's child

struct document_node {
    uint32_t key;     // in a mapping: offset of its name in text
    uint32_t value;   // of a scalar: offset in text
    uint32_t line;    // of the key in a mapping, else of the value
    uint32_t next;    // node after it in the same sequence or mapping, or DOCUMENT_NONE
    uint32_t child;   // first node in it, or DOCUMENT_NONE
    uint8_t kind;     // enum document_kind
    uint8_t is_plain; // a scalar without quotation marks
};

struct document {
    struct document_node *nodes; // the root first
    size_t n_nodes, nodes_size;
    char *text; // strings with their NUL
    size_t text_len, text_size;
};

// Read one document. CONFIG_JSON also demands JSON's quotation marks, brackets and literals.
// -EINVAL with line and sentence, -E2BIG beyond the limits above, -ENOMEM. On failure *d is empty.
int document_parse(struct document *d, const char *text, size_t size, enum config_format format,
                   struct config_error *e);
void document_fini(struct document *d);

static inline const char *document_key(const struct document *d, uint32_t node)
{
    return d->text + d->nodes[node].key;
}

static inline char *document_value(const struct document *d, uint32_t node)
{
    return d->text + d->nodes[node].value;
}

#endif
