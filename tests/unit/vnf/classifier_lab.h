// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_VNF_CLASSIFIER_LAB_H
#define TESTS_UNIT_VNF_CLASSIFIER_LAB_H

// Rules and packets drawn at random, and the naive list as judge. Few addresses and ports, so that
// rules overlap and packets meet them.

#include "vnf/lib/classifier.h"

struct draw {
    uint64_t state;
};

uint64_t draw_word(struct draw *d);
// Below n.
uint32_t draw_below(struct draw *d, uint32_t n);

#define LAB_N_SETS 6
// 0 to 3: address sets, small, large, of one family, empty; 4 and 5: port sets.
extern const struct classifier_set *lab_sets[LAB_N_SETS];
void lab_sets_make(void);
void lab_sets_put(void);

void lab_draw_rule(struct draw *d, uint32_t seq, struct classifier_rule *rule);
void lab_draw_key(struct draw *d, struct classifier_key *key);
// Of rules that are alike but for ports, types and flags; and packets that meet them.
void lab_draw_alike(struct draw *d, uint32_t seq, struct classifier_rule *rule);
void lab_draw_alike_key(struct draw *d, struct classifier_key *key);

// Whether a rule matches, by its fields alone.
int lab_matches(const struct classifier_rule *rule, const struct classifier_key *key);

#endif
