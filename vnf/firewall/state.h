// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_FIREWALL_STATE_H
#define VNF_FIREWALL_STATE_H

// What a firewall keeps, and what its files share. Private to this folder and its tests.
//
// The rules in force are the state's, found again by the names of tenant and firewall, for they
// change with transactions and beside them (API_RULE_CHANGE). They are one immutable
// firewall_policy: workers take it by one pointer, and an edit makes the next one beside it. What
// has counts (sessions, hits, the rate used) is a firewall_counter, which belongs to a rule's
// number and stays when the rule is replaced.
//
// A packet's way: process.c (which rule, what of it), count.c (what its session stands for), log.c
// (the line about it). A rule's way: validate.c, rules.c (the difference to what is in force),
// rule.c, config.c and change.c (who asks for it), activate.c.

#include "dataplane/core/meter.h"
#include "dataplane/walk/generation.h"
#include "vnf/lib/classifier.h"

#define FIREWALL_LOG_SIZE 64 // lines that one worker has ready for the main thread

// A slot of a session: which rule let it pass, and the byte of its first packet that rules look at
// and later packets don't tell: TCP flags, or the ICMP code. So a session is judged again as its
// first packet was.
#define FIREWALL_SLOT_DEFAULT (UINT64_C(1) << 63) // no rule: the default of its direction
#define FIREWALL_SLOT_FIRST_SHIFT 32

// What counts a packet that is denied: of a rule's number, or (FIREWALL_SLOT_DEFAULT) of a
// direction.
#define FIREWALL_ACCOUNT (UINT64_C(1) << 62)

// What a rule's number has counted. Workers add, with atomics; freed only when no rule has the
// number and no session counts.
struct firewall_counter {
    uint32_t seq;
    uint32_t n_sessions;
    uint64_t hits, packets, bytes;
    struct meter meter; // of the rate limit
    // Main thread.
    struct firewall_counter *next; // of the state's list
    uint64_t serial;               // of the edit that wants it, or lets it go
    uint8_t has_rule, is_dying;
} __attribute__((aligned(64)));

// Immutable while a policy has it. `match` is first: what the classifier finds is the rule.
struct firewall_rule {
    struct classifier_rule match; // seq; zone is the enum api_direction
    uint8_t action;
    uint16_t flags; // enum api_rule_flag
    uint32_t connection_limit, rate_limit, rate_burst;
    struct meter_limit limit;
    struct firewall_counter *counter;
};

struct firewall_entry {
    uint32_t seq;
    struct firewall_rule *rule;
};

// All that decides; immutable.
struct firewall_policy {
    struct classifier *classifier;
    struct trie_node *counters;     // by firewall_hash of seq
    struct firewall_entry *entries; // in order of seq
    uint32_t n_entries;
    int64_t memory; // bytes of all of this, but for the entries
    uint8_t default_action[API_DIRECTION_N_KINDS];
    uint8_t is_default_logged;
};

// A worker's counters of one firewall.
struct firewall_counters {
    uint64_t allowed, denied, limited;
    uint64_t default_hits[API_DIRECTION_N_KINDS];
} __attribute__((aligned(64)));

struct firewall_record {
    struct session_tuple tuple;
    uint32_t seq; // 0: the default
    uint8_t direction, action;
    uint8_t drop; // API_DROP_NONE: allowed
};

// From one worker to the main thread. Each side writes its own line.
struct firewall_log {
    uint32_t n_written;                           // atomic; worker
    uint32_t n_lost;                              // atomic; worker: no room
    uint32_t n_read __attribute__((aligned(64))); // atomic; main thread
    uint32_t n_lost_told;
    struct firewall_record records[FIREWALL_LOG_SIZE] __attribute__((aligned(64)));
};

struct firewall_edit;

struct firewall_state {
    struct firewall_policy *policy;     // atomic
    uint32_t version;                   // atomic; main thread: changes with the policy
    struct firewall_counters *counters; // [workers]; behind them the main thread's
    struct firewall_log *logs;          // [workers]

    // Main thread.
    struct firewall_counter *all_counters;
    uint32_t n_idle;       // of them, those that no rule has
    int is_new;            // no policy of a configuration yet
    unsigned n_references; // configurations, and slots of chains
    uint32_t n_log_skipped;
    char tenant_name[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    struct firewall_state *next;
};

// Immutable but for `edit`.
struct firewall_config {
    // Groups of the tenant, by their index in the model less the first.
    const struct classifier_set **address_sets, **port_sets;
    uint32_t first_address, n_address, first_port, n_port;
    struct firewall_edit *edit; // to be put into effect by activate; NULL: done, or no difference
};

// What one rule is to be: as item says, or (NULL) gone.
struct firewall_wish {
    uint32_t seq;
    const struct api_rule *item;
};

struct firewall_wanted {
    const struct firewall_config *config; // its groups are what rules name
    const struct api_firewall *defaults;  // NULL: as they are
    const struct firewall_wish *wishes;   // in ascending order of seq, each once
    uint32_t n;
    int is_complete; // other rules go
};

static inline uint32_t firewall_hash(uint32_t seq)
{
    seq = (seq ^ seq >> 16) * 0x45d9f3bU;
    seq = (seq ^ seq >> 16) * 0x45d9f3bU;
    return seq ^ seq >> 16;
}

static inline const struct firewall_policy *firewall_policy_of(const struct firewall_state *state)
{
    return __atomic_load_n(&state->policy, __ATOMIC_ACQUIRE);
}

// count.c: of a rule's number, or NULL. Any thread.
struct firewall_counter *firewall_counter_find(const struct firewall_policy *policy, uint32_t seq);
// count.c: one session less; never below 0. Any thread.
void firewall_counter_leave(struct firewall_counter *counter);

// log.c: note for the main thread what was decided. Worker.
void firewall_log_add(struct firewall_log *log, const struct firewall_record *record);
// log.c: write what workers have noted, within a limit for all firewalls. Main thread.
void firewall_log_drain(struct firewall_state *state);

// rules.c: the next policy of a state, beside the one in force. 0 with *edit (NULL: there is no
// difference), or -errno with path and sentence and nothing kept: -ENOENT (a rule that is to go is
// not there), -ENOMEM. Main thread, as all below.
int firewall_edit_create(struct firewall_state *state, const struct firewall_wanted *wanted,
                         struct firewall_edit **edit, struct error *e);
// Put it into effect: when this returns no worker uses the policy before, which is freed.
void firewall_edit_commit(struct firewall_edit *edit);
void firewall_edit_abort(struct firewall_edit *edit); // NULL is fine

// rule.c: what an item of the model is as a rule; without references, counter and limit.
void firewall_rule_fill(struct firewall_rule *rule, const struct api_rule *item,
                        const struct firewall_config *config);
int firewall_rule_is_same(const struct firewall_rule *a, const struct firewall_rule *b);
// One with references, to be put into a policy. NULL: out of memory.
struct firewall_rule *firewall_rule_copy(const struct firewall_rule *rule);
// Free a copy that is in no policy.
void firewall_rule_destroy(struct firewall_rule *rule);

// state.c: find the state by name or make it, with an empty policy. Takes a reference. -ENOMEM.
int firewall_state_get(const char *tenant, const char *name, struct firewall_state **state);
// state.c: rows of counters and logs.
unsigned firewall_n_workers(void);

// validate.c: does firewall number `index` of the model make sense? -EINVAL with path and sentence.
int firewall_validate(const struct model *model, uint32_t index, struct error *e);
// validate.c: what is wrong with a rule, NULL: nothing. Groups are not looked at.
const char *firewall_rule_fault(const struct api_rule *rule);

// change.c: API_RULE_CHANGE.
int firewall_change(struct function *f, struct function_request *request, struct error *e);

// show.c: -errno with the firewall's path.
int firewall_refuse(const struct firewall_state *state, struct error *e, int code,
                    const char *sentence);

// The members of firewall_ops: see walk/function.h.
uint32_t firewall_n_instances(const struct model *model);
void firewall_identify(const struct model *model, uint32_t index, const char **tenant,
                       const char **name, uint32_t *n_sides);
int firewall_config_create(struct function *f, const struct model *model, uint32_t index,
                           const struct generation *generation, struct error *e);
void firewall_config_destroy(struct function *f);
void firewall_activate(struct function *f, const struct generation *generation);
void firewall_age(struct function *f, const struct generation *generation);
int firewall_request(struct function *f, struct function_request *request, struct error *e);
enum function_verdict firewall_judge(const struct function *f, const struct walk_context *ctx,
                                     struct function_case *c);
void firewall_release(void *state, uint32_t chain, uint8_t protocol, uint64_t slot);
void firewall_credit(void *state, uint64_t slot, uint64_t packets, uint64_t bytes);
void firewall_account(const struct function *f, uint64_t account, uint64_t packets, uint64_t bytes);
uint32_t firewall_version(const struct function *f);
void firewall_state_hold(void *state);
void firewall_state_put(void *state);

#endif
