// SPDX-License-Identifier: BSD-3-Clause
// Which state belongs to a switch, and which slot to a member? Called by config.c on the main
// thread while a generation is built and when one is freed. Changes nothing that a running
// generation uses: slots are only added until no configuration holds them. Next: config.c.

#include "dataplane/switch/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct switch_state *states;
static uint64_t n_lives;

int switch_state_get(const char *tenant, const char *name, uint32_t mac_table_size,
                     struct switch_state **state)
{
    struct switch_state *s = states;
    int rc;

    while (s != NULL && (strcmp(s->tenant, tenant) != 0 || strcmp(s->name, name) != 0))
        s = s->next;
    if (s == NULL) {
        s = calloc(1, sizeof(*s));
        if (s == NULL)
            return -ENOMEM;
        rc = mac_table_create(mac_table_size, s, &s->table);
        if (rc != 0) {
            free(s);
            return rc;
        }
        memset(s->chain, 0xff, sizeof(s->chain));
        s->free_slot = SLOT_NONE;
        s->life = ++n_lives;
        snprintf(s->tenant, sizeof(s->tenant), "%s", tenant);
        snprintf(s->name, sizeof(s->name), "%s", name);
        s->next = states;
        states = s;
    }
    s->n_references++;
    *state = s;
    return 0;
}

// What else process() reads of a configuration is which attachments there are. A switch that was
// gone has other MACs, at the same places.
uint64_t switch_fingerprint(const struct function *f)
{
    const struct switch_state *state = f->state;

    return walk_mix((uint64_t)(uintptr_t)state, state->life);
}

void switch_state_put(struct switch_state *state)
{
    struct switch_state **link = &states;

    if (--state->n_references > 0)
        return;
    while (*link != state)
        link = &(*link)->next;
    *link = state->next;
    mac_table_destroy(state->table);
    free(state->slots);
    free(state);
}

// The port by name, or a new one. NULL with the reason in *rc.
static struct switch_port *find_port(struct switch_state *state, const char *tenant,
                                     const char *name, int is_chain, int *rc)
{
    struct switch_port *port;
    unsigned free_id = MAC_TABLE_MAX_PORTS;

    for (unsigned id = 0; id < MAC_TABLE_MAX_PORTS; id++) {
        port = state->ports[id];
        if (port == NULL && free_id == MAC_TABLE_MAX_PORTS)
            free_id = id;
        if (port != NULL && port->is_chain == is_chain && strcmp(port->name, name) == 0 &&
            strcmp(port->tenant, tenant) == 0)
            return port;
    }
    *rc = -ENOSPC;
    if (free_id == MAC_TABLE_MAX_PORTS)
        return NULL;
    port = aligned_alloc(_Alignof(struct switch_port), sizeof(*port));
    *rc = -ENOMEM;
    if (port == NULL)
        return NULL;
    memset(port, 0, sizeof(*port));
    snprintf(port->tenant, sizeof(port->tenant), "%s", tenant);
    snprintf(port->name, sizeof(port->name), "%s", name);
    port->is_chain = is_chain;
    port->id = (uint16_t)free_id;
    state->ports[free_id] = port;
    return port;
}

static void release_port(struct switch_state *state, struct switch_port *port)
{
    if (port->n_slots > 0)
        return;
    state->ports[port->id] = NULL;
    free(port);
}

// A slot that nobody has, taken from the free ones or added. -ENOMEM, -ENOSPC.
static int new_slot(struct switch_state *state, uint16_t *slot)
{
    struct switch_slot *grown;

    if (state->free_slot != SLOT_NONE) {
        *slot = state->free_slot;
        state->free_slot = state->slots[*slot].next;
        return 0;
    }
    if (state->n_slots == MAC_TABLE_MAX_MEMBERS)
        return -ENOSPC;
    if (state->n_slots == state->slots_capacity) {
        uint32_t capacity = RTE_MAX(16U, 2 * state->slots_capacity);

        grown = realloc(state->slots, capacity * sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        state->slots = grown;
        state->slots_capacity = capacity;
    }
    *slot = (uint16_t)state->n_slots++;
    return 0;
}

static uint16_t *chain_of(struct switch_state *state, const char *tenant, const char *name,
                          uint32_t vlans)
{
    uint32_t hash = vlans;

    for (const char *c = tenant; *c != '\0'; c++)
        hash = hash * 31 + (uint8_t)*c;
    for (const char *c = name; *c != '\0'; c++)
        hash = hash * 31 + (uint8_t)*c;
    return &state->chain[(hash ^ hash >> 8 ^ hash >> 16) % STATE_N_CHAINS];
}

int switch_slot_get(struct switch_state *state, const char *tenant, const char *name,
                    uint32_t vlans, uint16_t *slot)
{
    uint16_t *chain = chain_of(state, tenant, name, vlans);
    struct switch_port *switch_port;
    struct switch_slot *s;
    int rc;

    for (*slot = *chain; *slot != SLOT_NONE; *slot = s->next) {
        s = &state->slots[*slot];
        if (s->vlans == vlans && strcmp(s->port->name, name) == 0 &&
            strcmp(s->port->tenant, tenant) == 0) {
            s->n_references++;
            return 0;
        }
    }
    switch_port = find_port(state, tenant, name, vlans == SLOT_CHAIN, &rc);
    if (switch_port == NULL)
        return rc;
    rc = new_slot(state, slot);
    if (rc != 0) {
        release_port(state, switch_port);
        return rc;
    }
    state->slots[*slot] = (struct switch_slot){switch_port, vlans, *chain, 1};
    *chain = *slot;
    switch_port->n_slots++;
    mac_table_set_port(state->table, *slot, switch_port->id);
    return 0;
}

void switch_slot_put(struct switch_state *state, uint16_t slot)
{
    struct switch_slot *s = &state->slots[slot];
    uint16_t *link;

    if (--s->n_references > 0)
        return;
    link = chain_of(state, s->port->tenant, s->port->name, s->vlans);
    while (*link != slot)
        link = &state->slots[*link].next;
    *link = s->next;
    s->port->n_slots--;
    release_port(state, s->port);
    s->port = NULL;
    s->next = state->free_slot;
    state->free_slot = slot;
}
