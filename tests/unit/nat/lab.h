// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_NAT_LAB_H
#define TESTS_UNIT_NAT_LAB_H

// A NAT alone: configured by a model, asked by cases, as a chain would. Failures end the test.
//
//   inside 10.0.0.0/24 ── nat ── outside, pool 198.51.100.2 (router's own, too)
//
// The chain is number 1 unless a test says otherwise.

#include "vnf/nat/state.h"

#define LAB_CHAIN 1
#define LAB_MAX_ITEMS 300

struct lab_spec {
    struct api_nat nat;
    struct api_nat_source sources[LAB_MAX_ITEMS];
    struct api_nat_pool pools[LAB_MAX_ITEMS]; // owner: index in sources, ascending
    struct api_nat_static statics[LAB_MAX_ITEMS];
    struct api_nat_forward forwards[LAB_MAX_ITEMS];
    uint32_t n_sources, n_pools, n_statics, n_forwards;
};

// The picture above: endpoint-independent, paired, hairpin, parity, ports 1024 to 65535.
void lab_spec_init(struct lab_spec *spec);
void lab_source(struct lab_spec *spec, uint32_t seq, const char *prefix, uint8_t len);
void lab_exempt(struct lab_spec *spec, uint32_t seq, const char *prefix, uint8_t len,
                const char *destination, uint8_t destination_len);
void lab_pool(struct lab_spec *spec, const char *first, const char *last); // of the last source
void lab_static(struct lab_spec *spec, const char *inside, const char *outside, uint8_t len);
void lab_forward(struct lab_spec *spec, uint8_t protocol, const char *address, uint16_t first,
                 uint16_t last);                                              // and then:
void lab_forward_to(struct lab_spec *spec, const char *to, uint16_t to_port); // the last one

// A commit; with the state of the one before. NULL: the picture.
void lab_start(const struct lab_spec *spec);
int lab_try(const struct lab_spec *spec, struct error *e); // 0 or the error; nothing changes
// The process is another: state is lost, the configuration is the same.
void lab_restart(void);
int lab_setup(void **state); // lab_start(NULL)
int lab_teardown(void **state);

struct function *lab_function(void);
struct nat_state *lab_state(void);

// A session to be, or one that is.
struct session_case {
    struct session_tuple tuple; // as it arrived
    struct session_tuple final; // as it goes on
    uint64_t slot;
    uint32_t chain;
    uint8_t is_inward;
    enum function_verdict verdict;
    uint8_t drop;
    uint8_t is_told_late;
};

// "10.0.0.5:1000" "203.0.113.1:53". ICMP: identifier and 0.
struct session_case lab_case(int is_inward, uint8_t protocol, const char *source,
                             const char *destination);
// First packet, judged.
struct session_case lab_out(uint8_t protocol, const char *source, const char *destination);
struct session_case lab_in(uint8_t protocol, const char *source, const char *destination);
void lab_judge(struct session_case *s, enum function_occasion occasion);
void lab_answer(struct session_case *s); // for the first time
void lab_close(struct session_case *s);  // release

// What the tuple became; "1.2.3.4:5", until the next call but one.
const char *lab_source_of(const struct session_case *s);
const char *lab_destination_of(const struct session_case *s);
uint16_t lab_port_of(const struct session_case *s); // its source port
void lab_expect_allowed(const struct session_case *s, const char *source, const char *destination);
void lab_expect_denied(const struct session_case *s, enum function_verdict verdict, uint8_t drop);
struct api_nat_state lab_show(void);

#endif
