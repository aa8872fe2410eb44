// SPDX-License-Identifier: BSD-3-Clause
// Which endpoint outside belongs to an endpoint inside? Called by process.c with the NAT's lock
// held: judge() and release() on workers, on the main thread after a restart and where sessions are
// cleared. Allocates nothing: records are reserved memory. Next: choose.c, host.c.

#include <rte_byteorder.h>

#include "dataplane/session/opening.h"
#include "vnf/nat/state.h"

static uint32_t hash_inside(const struct nat_state *state, const struct nat_wish *w)
{
    return nat_hash(state->seed, (uint64_t)w->chain << 32 | w->inside,
                    (uint64_t)w->remote << 32 | (uint32_t)w->remote_port << 16 | w->inside_port,
                    w->protocol);
}

static uint32_t hash_outside(const struct nat_state *state, uint8_t protocol, uint32_t outside,
                             uint16_t port)
{
    return nat_hash(state->seed, outside, (uint32_t)protocol << 16 | port, 3);
}

static uint32_t number_of(const struct nat_state *state, const struct nat_binding *b)
{
    return (uint32_t)(b - state->bindings);
}

static int is_of(const struct nat_binding *b, const struct nat_wish *w)
{
    return b->inside == w->inside && b->inside_port == w->inside_port && b->chain == w->chain &&
           b->protocol == w->protocol && b->remote == w->remote && b->remote_port == w->remote_port;
}

static void foresee_inward(const struct nat_state *state, const struct session_tuple *t)
{
    uint32_t outside, hash;

    memcpy(&outside, t->destination, sizeof(outside));
    hash = hash_outside(state, t->protocol, outside, t->destination_port);
    __builtin_prefetch(nat_index_bucket(&state->by_outside, hash));
}

// One that is for all remote ends; others have other hashes.
static struct nat_wish foresee_wish(const struct function *f, const struct session_query *q)
{
    const struct nat_config *config = f->config;
    struct nat_wish wish = {.config = config,
                            .chain = q->chain,
                            .inside_port = q->tuple.source_port,
                            .protocol = q->tuple.protocol};
    uint32_t destination;

    memcpy(&wish.inside, q->tuple.source, sizeof(wish.inside));
    memcpy(&destination, q->tuple.destination, sizeof(destination));
    wish.source =
        nat_source_find(config, rte_be_to_cpu_32(wish.inside), rte_be_to_cpu_32(destination));
    return wish;
}

// In stages, for all of them: buckets, hosts, ports. Without the lock: what is read may be torn,
// but it only tells what to fetch.
void nat_foresee(const struct function *f, const struct session_query *const *queries, unsigned n)
{
    const struct nat_state *state = f->state;
    struct nat_wish wishes[BURST_SIZE];
    uint32_t hashes[BURST_SIZE], hosts[BURST_SIZE];
    unsigned n_wishes = 0;

    for (unsigned i = 0; i < n; i++) {
        struct nat_wish *wish = &wishes[n_wishes];

        if (queries[i]->tuple.family != 4)
            continue;
        if (queries[i]->side != SESSION_INSIDE) {
            foresee_inward(state, &queries[i]->tuple);
            continue;
        }
        *wish = foresee_wish(f, queries[i]);
        hashes[n_wishes] = nat_host_hash(state, wish->chain, wish->inside);
        __builtin_prefetch(nat_index_bucket(&state->by_host, hashes[n_wishes]));
        __builtin_prefetch(nat_index_bucket(&state->by_inside, hash_inside(state, wish)));
        n_wishes++;
    }
    for (unsigned i = 0; i < n_wishes; i++) {
        const struct nat_bucket *b = nat_index_bucket(&state->by_host, hashes[i]);
        uint32_t bits = nat_bucket_match(b, hashes[i]);

        hosts[i] = bits != 0 ? b->numbers[__builtin_ctz(bits)] : 0;
        __builtin_prefetch(&state->hosts[hosts[i]]);
    }
    for (unsigned i = 0; i < n_wishes; i++)
        nat_choose_foresee(state, &wishes[i], hosts[i]);
}

static struct nat_binding *find_inside(struct nat_state *state, const struct nat_wish *wish,
                                       uint32_t hash)
{
    uint32_t number = nat_index_first(&state->by_inside, hash);

    for (; number != 0; number = nat_index_next(&state->by_inside, number)) {
        struct nat_binding *b = &state->bindings[number];

        // One whose address has left the pool lives as long as its sessions do, without new ones.
        if (is_of(b, wish) && nat_source_number(wish->source, rte_be_to_cpu_32(b->outside)) >= 0)
            return b;
    }
    return NULL;
}

struct nat_binding *nat_binding_inside(struct nat_state *state, const struct nat_wish *wish)
{
    return find_inside(state, wish, hash_inside(state, wish));
}

struct nat_binding *nat_binding_outside(struct nat_state *state, uint8_t protocol, uint32_t outside,
                                        uint16_t outside_port)
{
    uint32_t hash = hash_outside(state, protocol, outside, outside_port);
    uint32_t number = nat_index_first(&state->by_outside, hash);

    for (; number != 0; number = nat_index_next(&state->by_outside, number)) {
        struct nat_binding *b = &state->bindings[number];

        if (b->outside == outside && b->outside_port == outside_port && b->protocol == protocol)
            return b;
    }
    return NULL;
}

uint16_t nat_binding_place(const struct nat_state *state, uint8_t protocol, uint32_t outside,
                           uint16_t outside_port)
{
    return opening_place(hash_outside(state, protocol, outside, outside_port));
}

// Hosts are never more than bindings.
static void tell_if_short(const struct nat_backed *backed, uint32_t n_ever)
{
    if (unlikely(__atomic_load_n(&backed->n, __ATOMIC_RELAXED) < n_ever + NAT_SHORT) &&
        __atomic_load_n(&function_is_short, __ATOMIC_RELAXED) == 0)
        __atomic_store_n(&function_is_short, 1, __ATOMIC_RELEASE);
}

static struct nat_binding *new_record(struct nat_state *state)
{
    struct nat_binding *b;

    if (state->free_binding != 0) {
        b = &state->bindings[state->free_binding];
        state->free_binding = b->by_inside.next;
        return b;
    }
    if (state->n_bindings_ever == NAT_MAX_BINDINGS - 1)
        return NULL;
    __atomic_store_n(&state->n_bindings_ever, state->n_bindings_ever + 1, __ATOMIC_RELAXED);
    tell_if_short(&state->backed_bindings, state->n_bindings_ever);
    __builtin_prefetch(&state->bindings[state->n_bindings_ever + 2], 1);
    return &state->bindings[state->n_bindings_ever];
}

static void free_record(struct nat_state *state, struct nat_binding *b)
{
    b->by_inside.next = state->free_binding;
    state->free_binding = number_of(state, b);
}

// The endpoint outside is the wish's now. `inside`: hash_inside. `host`: 0: it is not known yet.
static struct nat_binding *make(struct nat_state *state, const struct nat_wish *w, uint32_t inside,
                                uint32_t host, uint32_t number, uint16_t port)
{
    struct nat_binding *b = new_record(state);
    uint32_t hash;

    if (b != NULL && host == 0)
        host = nat_host_make(state, w->chain, w->inside);
    if (b == NULL || host == 0) {
        if (b != NULL)
            free_record(state, b);
        return NULL;
    }
    *b = (struct nat_binding){.inside = w->inside,
                              .outside = state->addresses[number + 1].outside,
                              .chain = w->chain,
                              .remote = w->remote,
                              .inside_port = w->inside_port,
                              .outside_port = port,
                              .remote_port = w->remote_port,
                              .address = (uint16_t)number,
                              .host = host,
                              .protocol = w->protocol};
    hash = hash_outside(state, b->protocol, b->outside, port);
    nat_index_add(&state->by_inside, number_of(state, b), inside);
    nat_index_add(&state->by_outside, number_of(state, b), hash);
    opening_raise(opening_place(hash));
    if (state->hosts[host].n_bindings++ == 0)
        state->hosts[host].outside = b->outside;
    state->addresses[number + 1].n_bindings++;
    state->counters.bound++;
    return b;
}

static void give_port_back(struct nat_state *state, uint8_t protocol, uint32_t number,
                           uint16_t port)
{
    int class = nat_class_of(protocol);

    if (class < 0)
        return;
    port_map_release(nat_map(state, number, class), rte_be_to_cpu_16(port));
    port_set_clear(&state->full[class], number);
    state->n_used[class]--;
}

static int has_all_it_may(const struct nat_state *state, const struct nat_wish *wish, uint32_t host)
{
    return host != 0 && wish->config->host_limit != 0 &&
           state->hosts[host].n_bindings >= wish->config->host_limit;
}

struct nat_binding *nat_binding_get(struct nat_state *state, const struct nat_wish *wish,
                                    uint8_t *drop)
{
    uint32_t hash = hash_inside(state, wish), host, number;
    struct nat_binding *b = find_inside(state, wish, hash);
    uint16_t port;

    if (b != NULL)
        return b;
    host = nat_host_find(state, wish->chain, wish->inside);
    if (has_all_it_may(state, wish, host)) {
        state->counters.host_limited++;
        *drop = DROP_NAT_HOST_LIMIT;
        return NULL;
    }
    if (nat_choose(state, wish, host, &number, &port, drop) < 0) {
        state->counters.no_port += *drop == DROP_NAT_NO_FREE_PORT;
        return NULL;
    }
    b = make(state, wish, hash, host, number, port);
    if (b == NULL) {
        give_port_back(state, wish->protocol, number, port);
        *drop = DROP_SESSION_NO_MEMORY;
    }
    return b;
}

struct nat_binding *nat_binding_restore(struct nat_state *state, const struct nat_wish *wish,
                                        uint32_t outside, uint16_t outside_port)
{
    struct nat_binding *b = nat_binding_outside(state, wish->protocol, outside, outside_port);
    int number = nat_source_number(wish->source, rte_be_to_cpu_32(outside));
    int class = nat_class_of(wish->protocol);

    if (b != NULL)
        return is_of(b, wish) && number >= 0 ? b : NULL;
    if (number < 0 || nat_binding_inside(state, wish) != NULL)
        return NULL;
    if (class >= 0) {
        struct port_map *map = nat_map(state, (uint32_t)number, class);

        if (port_map_take(map, rte_be_to_cpu_16(outside_port)) < 0)
            return NULL;
        state->n_used[class]++;
    }
    b = make(state, wish, hash_inside(state, wish), nat_host_find(state, wish->chain, wish->inside),
             (uint32_t)number, outside_port);
    if (b == NULL)
        give_port_back(state, wish->protocol, (uint32_t)number, outside_port);
    return b;
}

void nat_binding_hold(struct nat_binding *b, int is_inward)
{
    b->n_sessions++;
    b->n_inward += is_inward != 0;
}

// Which of several (an address has left the pool) an inward session has held is not known; the sum
// is right.
void nat_binding_release_inward(struct nat_state *state, const struct nat_wish *wish)
{
    uint32_t number = nat_index_first(&state->by_inside, hash_inside(state, wish));

    for (; number != 0; number = nat_index_next(&state->by_inside, number)) {
        struct nat_binding *b = &state->bindings[number];

        if (!is_of(b, wish) || b->n_inward == 0)
            continue;
        b->n_inward--;
        nat_binding_release(state, b);
        return;
    }
}

void nat_binding_release(struct nat_state *state, struct nat_binding *b)
{
    if (b->n_sessions > 0 && --b->n_sessions > 0)
        return;
    nat_index_del(&state->by_inside, number_of(state, b));
    nat_index_del(&state->by_outside, number_of(state, b));
    give_port_back(state, b->protocol, b->address, b->outside_port);
    nat_host_put(state, b->host);
    state->addresses[b->address + 1U].n_bindings--;
    b->inside = 0;
    b->protocol = 0;
    free_record(state, b);
    state->counters.released++;
}

int nat_binding_hold_inward(struct nat_state *state, const struct nat_wish *wish)
{
    uint32_t number = nat_index_first(&state->by_inside, hash_inside(state, wish));

    while (number != 0 && !is_of(&state->bindings[number], wish))
        number = nat_index_next(&state->by_inside, number);
    if (number == 0)
        return 0;
    nat_binding_hold(&state->bindings[number], 1);
    return 1;
}

void nat_remote_add(struct nat_state *state, struct nat_binding *b, struct nat_remote remote)
{
    struct nat_remote *known = state->remotes[number_of(state, b)];

    if (nat_remote_is_known(state, b, remote))
        return;
    known[b->next_remote] = remote;
    b->next_remote = (uint8_t)((b->next_remote + 1) % NAT_N_REMOTES);
    if (b->n_remotes < NAT_N_REMOTES)
        b->n_remotes++;
}

int nat_remote_is_known(const struct nat_state *state, const struct nat_binding *b,
                        struct nat_remote remote)
{
    const struct nat_remote *known = state->remotes[number_of(state, b)];

    for (unsigned i = 0; i < b->n_remotes; i++)
        if (known[i].address == remote.address && known[i].port == remote.port)
            return 1;
    return 0;
}
