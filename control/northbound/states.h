// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_STATES_H
#define CONTROL_NORTHBOUND_STATES_H

// The state of all chains, firewalls or NATs, collected from the dataplane for those who show it.

#include "control/northbound/running.h"

struct state_report {
    struct object_name name;
    uint32_t index; // in the running configuration as it was when they were collected
    bool is_wanted; // it was, or is to be, asked for
    bool is_known;  // the dataplane has one of this name: else there is no state
    union {
        struct api_chain_state chain;
        struct api_firewall_state firewall;
        struct api_nat_state nat;
    };
};

struct state_reports {
    struct config_error error; // code 0: all were asked
    struct state_report *reports;
    size_t n;
};

// Ask the dataplane for each object of a type (API_CHAIN, API_FIREWALL, API_NAT) of the running
// configuration, one after the other; a chain without functions is a cable and has no state. `done`
// is called once, at once or later; the reports are gone when it returns.
void states_collect(struct exchange *x, enum api_type type,
                    void (*done)(struct exchange *x, const struct state_reports *reports));

// The same as an answer: {"culvert:<key>": [what `describe` says of each]}.
struct states_view {
    enum api_type type;
    const char *key;
    json_t *(*describe)(const struct encoding *encoding, const struct state_report *report);
};
void states_answer(struct exchange *x, const struct states_view *view);

// Where the object stands in the running configuration now, API_NONE if it went.
uint32_t states_index(const struct encoding *encoding, enum api_type type,
                      const struct state_report *report);

#endif
