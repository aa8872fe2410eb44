// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_DATASTORE_H
#define CONTROL_DATASTORE_DATASTORE_H

// Configurations: parsed, validated, compared, printed, kept on disk. Knows nothing of who asks
// (northbound/) nor of where they go (southbound/). All functions are synchronous; those that take
// a whole configuration may run off the event loop, one at a time per schema.

#include <stddef.h>
#include <stdint.h>

struct lyd_node;
struct schema; // the compiled YANG module of control/schema/culvert.yang
struct config; // one validated configuration, immutable

enum config_format {
    CONFIG_YAML, // without anchors, aliases, tags, directives and further documents
    CONFIG_JSON, // RFC 7951; read as YAML, JSON's superset, in which all but JSON's forms are
                 // refused
    CONFIG_AUTO, // to read: YAML, which takes JSON as well. To print: YAML
};

struct config_error {
    int code;       // negative errno: -EINVAL (content), -ENOTSUP (not yet supported), -EIO, …
    unsigned line;  // in the text, 0: not known
    char path[256]; // as the user would say it: tenants/blue/ports/vm1/mtu; may be empty
    char sentence[256]; // what is wrong and what to do
};

// Compile the schema, which is part of the program. -ENOMEM, -EINVAL with a sentence.
int schema_create(struct schema **schema, struct config_error *e);
void schema_destroy(struct schema *schema);

// Parse and validate a text. What the dataplane can't do yet is refused with -ENOTSUP and its path:
// nothing is accepted and ignored. The new configuration is the caller's.
int config_parse(struct schema *schema, const char *text, size_t size, enum config_format format,
                 struct config **config, struct config_error *e);
void config_destroy(struct config *config);

// The empty configuration. -ENOMEM.
int config_empty(struct schema *schema, struct config **config);

// A hash of the content, never 0: equal for equal configurations whatever their format and order.
uint64_t config_id(const struct config *config);

// The data tree (defaults filled in), owned by the configuration: for southbound/. May be NULL if
// empty.
const struct lyd_node *config_tree(const struct config *config);

// As text, YAML or JSON; defaults are left out. The caller frees. NULL if out of memory.
char *config_print(const struct config *config, enum config_format format);

enum config_operation {
    CONFIG_CREATE,
    CONFIG_DELETE,
    CONFIG_REPLACE, // of one value
};

struct config_change {
    enum config_operation operation;
    char *path;      // tenants/blue/ports/vm1/mtu
    char *old_value; // NULL where there is none: containers, lists, CONFIG_CREATE
    char *new_value;
};

struct config_diff {
    struct config_change *changes; // in document order
    size_t n;
};

// What leads from one configuration to the other, by keyed look-ups (linear in their size). The
// caller frees with config_diff_free. -ENOMEM.
int config_compare(const struct config *from, const struct config *to, struct config_diff *diff);
void config_diff_free(struct config_diff *diff);

// Keep a configuration as the running one in state_dir, in two steps, so that whatever can fail has
// failed before the dataplane commits: a temporary file with fsync, then rename with fsync of the
// directory. On failure the old file stands: -errno with a sentence.
int config_prepare(const struct config *config, const char *state_dir, struct config_error *e);
// 0 once the new file is in place. If it may still not survive a power cut, e->sentence says so,
// for a warning, with e->code 0; else it is empty.
int config_keep(const char *state_dir, struct config_error *e);
// What was prepared is not wanted.
void config_forget(const char *state_dir);

// Read it back. No file: the empty configuration. A damaged one: -EINVAL, and the sentence says
// which file and what to do.
int config_load(struct schema *schema, const char *state_dir, struct config **config,
                struct config_error *e);

#endif
