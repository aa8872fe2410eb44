// SPDX-License-Identifier: BSD-3-Clause
// Which outside address and port does a new binding get? Called by binding.c with the NAT's lock
// held, worker. A host keeps its address while it has bindings (paired), else begins at one that
// its own address is mixed to. An address that had nothing left is passed by until a port comes
// back, so what is tried in vain is paid by what was given back. Next: vnf/lib/port_map.c.

#include <rte_byteorder.h>
#include <rte_common.h>

#include "vnf/nat/state.h"

#define MAX_TRIES 16
#define FIRST_COMMON_PORT 1024 // RFC 4787, REQ-3 a

// Where to look for a port first: another place each tenth of a second. Nobody outside can foresee
// it, but we can (nat_choose_foresee).
static uint32_t random_of(const struct nat_state *state, const struct nat_wish *wish)
{
    uint32_t epoch = __atomic_load_n(&state->epoch, __ATOMIC_RELAXED);

    return nat_hash(state->seed, (uint64_t)wish->chain << 32 | wish->inside,
                    (uint64_t)wish->inside_port << 32 | epoch, 5);
}

// RFC 4787, REQ-3 a and REQ-4.
static struct port_request request_of(const struct nat_state *state, const struct nat_wish *wish,
                                      int class)
{
    const struct nat_config *config = wish->config;
    uint16_t inside_port = rte_be_to_cpu_16(wish->inside_port);
    struct port_request r = {.first = config->port_first,
                             .last = config->port_last,
                             .preferred_first = config->port_first,
                             .preferred_last = config->port_last,
                             .parity = PORT_ANY,
                             .random = random_of(state, wish)};

    if (class == NAT_ICMP)
        return r;
    if (inside_port >= FIRST_COMMON_PORT)
        r.preferred_first = r.first > FIRST_COMMON_PORT ? r.first : FIRST_COMMON_PORT;
    else
        r.preferred_last = r.last < FIRST_COMMON_PORT ? r.last : FIRST_COMMON_PORT - 1;
    if ((config->flags & API_NAT_PARITY) && class == NAT_UDP)
        r.parity = inside_port & 1;
    return r;
}

// An address is known to be full as soon as it is: who searches does not come by.
static int take_port(struct nat_state *state, const struct nat_wish *wish, uint32_t number,
                     int class, uint16_t *port)
{
    struct port_request r = request_of(state, wish, class);
    struct port_map *map = nat_map(state, number, class);
    int taken = port_map_take_any(map, &r);

    if (taken < 0 || port_map_is_full(map, &r))
        port_set_fill(&state->full[class], number);
    if (taken < 0)
        return 0;
    state->n_used[class]++;
    *port = rte_cpu_to_be_16((uint16_t)taken);
    return 1;
}

static int take_digest(struct nat_state *state, const struct nat_wish *wish, uint32_t number,
                       uint16_t *port)
{
    *port = nat_digest(wish->remote);
    return nat_binding_outside(state, wish->protocol, state->addresses[number + 1].outside,
                               *port) == NULL;
}

static int take(struct nat_state *state, const struct nat_wish *wish, uint32_t number,
                uint16_t *port)
{
    int class = nat_class_of(wish->protocol);

    return class >= 0 ? take_port(state, wish, number, class, port)
                      : take_digest(state, wish, number, port);
}

// The first address of the span from its offset-th on that is not known to be full, or -1.
static int find_in_span(const struct nat_state *state, const struct nat_span *span, uint32_t offset,
                        int class)
{
    uint32_t from = span->first + offset, last = span->first + span->n - 1;

    if (offset >= span->n)
        return -1;
    return class >= 0 ? port_set_find(&state->full[class], from, last) : (int)from;
}

// Where a search in a rule's addresses is: a span, and how far in it.
struct place {
    uint32_t span, offset;
};

// Of the index-th address.
static struct place place_of(const struct nat_source *source, uint32_t index)
{
    uint32_t low = 0, high = source->n_spans;

    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;

        if (source->spans[middle].before <= index)
            low = middle;
        else
            high = middle;
    }
    return (struct place){low, index - source->spans[low].before};
}

// The next address that may have something, around them; *at moves behind it. -1: none. As many
// steps as there are spans (pool.c), however many addresses are full.
static int next_address(const struct nat_state *state, const struct nat_source *source, int class,
                        struct place *at)
{
    for (uint32_t i = 0; i <= source->n_spans; i++) {
        const struct nat_span *span = &source->spans[at->span];
        int number = find_in_span(state, span, at->offset, class);

        if (number >= 0) {
            at->offset = (uint32_t)number - span->first + 1;
            return number;
        }
        at->span = at->span + 1 < source->n_spans ? at->span + 1 : 0;
        at->offset = 0;
    }
    return -1;
}

static int choose_any(struct nat_state *state, const struct nat_wish *wish, uint32_t start,
                      uint32_t *number, uint16_t *port)
{
    const struct nat_source *source = wish->source;
    struct place at = place_of(source, (uint32_t)((uint64_t)start * source->n_addresses >> 32));
    int class = nat_class_of(wish->protocol);
    unsigned n_tries = RTE_MIN(source->n_addresses, (uint32_t)MAX_TRIES);

    for (unsigned i = 0; i < n_tries; i++) {
        int found = next_address(state, source, class, &at);

        if (found < 0)
            return 0;
        *number = (uint32_t)found;
        if (take(state, wish, *number, port))
            return 1;
    }
    return 0;
}

int nat_choose(struct nat_state *state, const struct nat_wish *wish, uint32_t host,
               uint32_t *number, uint16_t *port, uint8_t *drop)
{
    int is_paired = (wish->config->flags & API_NAT_PAIRED) != 0, paired = -1;
    uint32_t start;

    *drop = nat_class_of(wish->protocol) >= 0 ? DROP_NAT_NO_FREE_PORT : DROP_NAT_NOT_TRANSLATABLE;
    if (is_paired && host != 0)
        paired = nat_source_number(wish->source, rte_be_to_cpu_32(state->hosts[host].outside));
    if (paired >= 0) {
        *number = (uint32_t)paired;
        return take(state, wish, *number, port) ? 0 : -1;
    }
    start = is_paired ? nat_hash(state->seed, wish->inside, wish->chain, 2) : nat_draw(state);
    if (!choose_any(state, wish, start, number, port))
        return -1;
    if (host != 0 && !nat_is_outside(wish->config, rte_be_to_cpu_32(state->hosts[host].outside)))
        state->hosts[host].outside = state->addresses[*number + 1].outside;
    return 0;
}

void nat_choose_foresee(const struct nat_state *state, const struct nat_wish *wish, uint32_t host)
{
    int class = nat_class_of(wish->protocol), number;
    struct port_request r;

    if (class < 0 || wish->source == NULL || !(wish->config->flags & API_NAT_PAIRED))
        return;
    number = nat_source_number(wish->source, rte_be_to_cpu_32(state->hosts[host].outside));
    if (number < 0)
        return;
    r = request_of(state, wish, class);
    port_map_foresee(nat_map(state, (uint32_t)number, class), &r);
}
