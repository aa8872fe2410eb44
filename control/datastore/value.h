// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_VALUE_H
#define CONTROL_DATASTORE_VALUE_H

// One value of the text against its leaf in the schema: the parts that libyang would take in a way
// that the writer did not mean, and the sentence when it takes a value not at all.

#include "control/datastore/config.h"

#define VALUE_SENTENCE_SIZE 256

// Bring `text` to the leaf's canonical case, in place.
void value_prepare(const struct lysc_node *leaf, char *text);

// Whether libyang's reading of `text` would be the writer's: no octal or hexadecimal numbers, no
// prefix with bits beyond its length. 0, or -EINVAL with a sentence.
int value_check(const struct lysc_node *leaf, const char *text, char sentence[VALUE_SENTENCE_SIZE]);

// What a value of this leaf must be, from the schema's error-messages, types and cv:must-be.
// `found` is what libyang said of the value, NULL if it was not asked.
void value_must_be(const struct lysc_node *leaf, const char *found,
                   char sentence[VALUE_SENTENCE_SIZE]);

#endif
