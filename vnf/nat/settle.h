// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_NAT_SETTLE_H
#define VNF_NAT_SETTLE_H

// What the files share that judge a case: process.c asks, settle.c finds translations, hairpin.c
// turns packets back. Private to this folder. Worker; main thread for RESTORE.

#include "vnf/nat/state.h"

struct nat_scene {
    const struct nat_config *config;
    struct nat_state *state;
    const struct walk_context *ctx;
    struct function_case *c;
    uint32_t source, destination; // network order
    uint64_t kept;                // slot of AGAIN and RESTORE
};

// One translation, and the binding that stands for it, if one does.
struct nat_way {
    enum nat_deed deed;
    uint32_t address; // network order
    uint16_t port;
    struct nat_binding *binding;
};

static inline int nat_is_first(const struct nat_scene *s)
{
    return s->c->occasion == FUNCTION_FIRST;
}

static inline enum function_verdict nat_deny(const struct nat_scene *s, enum api_drop reason)
{
    s->c->drop = (uint8_t)reason;
    return FUNCTION_DENY;
}

// Who begins is told; a session that may not go on ends.
static inline enum function_verdict nat_refuse(const struct nat_scene *s, uint8_t reason)
{
    s->c->drop = reason;
    return nat_is_first(s) ? FUNCTION_REJECT : FUNCTION_DENY;
}

static inline int nat_is_kept(const struct nat_scene *s, const struct nat_way *way)
{
    return nat_slot_address(s->kept) == way->address && nat_slot_port(s->kept) == way->port;
}

void nat_write_source(const struct nat_scene *s, const struct nat_way *way);
void nat_write_destination(const struct nat_scene *s, const struct nat_way *way);

// By configuration alone. Of the source: a static rule is a binding both ways, before one is made
// on demand. Of the destination: where an outside address and port lead.
struct nat_way nat_plan_source(const struct nat_scene *s, const struct nat_source *rule);
struct nat_way nat_plan_target(const struct nat_scene *s);

// The rest with the lock held.

// Carry out the plan for the source: 1, or 0 with *drop.
int nat_settle_source(const struct nat_scene *s, const struct nat_source *rule, struct nat_way *way,
                      uint8_t *drop);
// A binding, or the rest of the address; the plan has found nothing. *way stays so if nothing does.
void nat_settle_target(const struct nat_scene *s, struct nat_way *way);
// RFC 4787, 5: does the binding's filter admit this remote endpoint (network order)? Who is spoken
// to already needs no permission: that is a session.
int nat_may_enter(const struct nat_scene *s, const struct nat_binding *b, uint32_t remote,
                  uint16_t port);
// Whom the binding speaks to may send to it, as far as that is no session's to say.
void nat_admit(const struct nat_scene *s, struct nat_binding *b, uint32_t remote, uint16_t port);
// The session holds the binding from now on.
void nat_hold(const struct nat_scene *s, const struct nat_way *way);
// A binding that was made for nothing.
void nat_let_go(const struct nat_scene *s, const struct nat_way *way);

// hairpin.c: from inside to an outside address of this NAT. *source is planned.
enum function_verdict nat_hairpin(const struct nat_scene *s, const struct nat_source *rule,
                                  struct nat_way *source);

#endif
