// SPDX-License-Identifier: BSD-3-Clause
// What is asked of a router over the control socket? Its state, its interfaces, an echo request;
// routes and neighbours are listed and changed where they live. Main thread, called by
// server/transaction.c. Next: route_list.c, route_dynamic.c, neighbor_show.c.

#include <errno.h>
#include <stdio.h>

#include "dataplane/core/clock.h"
#include "vnf/router/address.h"
#include "vnf/router/neighbor.h"
#include "vnf/router/route.h"

// All rows, each counter read at some moment.
static void sum_counters(const struct router_state *state, struct api_router_state *answer)
{
    for (unsigned i = 0; i < router_n_rows(); i++) {
        const struct router_counters *row = &state->counters[i];

#define SUM(name, text) answer->name += __atomic_load_n(&row->name, __ATOMIC_RELAXED);
        API_ROUTER_COUNTERS(SUM)
#undef SUM
    }
}

// Flows know the interface where they begin and the one where they end; of what came by a kernel
// twin there are none.
void router_count(const struct function *f, uint32_t in_side, uint32_t out_side, uint64_t n)
{
    const struct router_state *state = f->state;
    struct router_counters *row = &state->counters[router_n_rows() - 1];

    (void)in_side;
    (void)out_side;
    row->received += n;
    row->forwarded += n;
}

static void show_router(const struct router_state *state, struct function_request *request)
{
    struct api_router_state *answer = request->answer;

    memset(answer, 0, sizeof(*answer));
    memcpy(answer->tenant, state->tenant_name, sizeof(answer->tenant));
    memcpy(answer->name, state->name, sizeof(answer->name));
    answer->n_routes4 = route_count(state, 4);
    answer->n_routes6 = route_count(state, 6);
    neighbor_count(state, &answer->n_neighbors, &answer->n_neighbors_refused);
    answer->route_memory = route_memory(state);
    sum_counters(state, answer);
    request->answer_type = API_ROUTER_STATE;
    request->n_answers = 1;
}

static void list_interfaces(const struct function *f, struct function_request *request)
{
    const struct router_config *config = f->config;
    const struct router_state *state = f->state;
    struct api_interface_state *items = request->answer;
    uint32_t n_max = (uint32_t)(request->answer_size / sizeof(*items)), n = 0, i;
    struct api_list_interfaces list;

    memcpy(&list, request->items, sizeof(list));
    for (i = list.cursor; i < config->n_interfaces && n < n_max; i++) {
        const struct router_interface *interface = &config->interfaces[i];
        const struct attachment *a = &request->generation->attachments[interface->attachment];
        struct api_interface_state *item = &items[n++];

        *item = (struct api_interface_state){.is_up = state->slots[interface->slot].is_up,
                                             .is_plugged =
                                                 a->port != NULL || a->peer != ATTACHMENT_NONE,
                                             .mtu = interface->mtu};
        memcpy(item->name, interface->name, sizeof(item->name));
        memcpy(item->mac, interface->mac, sizeof(item->mac));
    }
    if (n == 0)
        memset(&items[n++], 0, sizeof(*items));
    else if (i < config->n_interfaces)
        items[n - 1].next = i;
    request->answer_type = API_INTERFACES;
    request->n_answers = n;
}

static struct router_ping *find_ping(const struct router_state *state, uint32_t id)
{
    for (unsigned i = 0; i < ROUTER_MAX_PINGS; i++) {
        struct router_ping *ping = &state->pings[i];
        int is_free = __atomic_load_n(&ping->state, __ATOMIC_ACQUIRE) == PING_FREE;

        if (id == 0 ? is_free : !is_free && ping->id == id)
            return ping;
    }
    return NULL;
}

static int refuse(const struct router_state *state, struct error *e, int code, const char *sentence)
{
    char path[API_PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s", state->tenant_name, state->name);
    return error_set(e, code, path, "%s", sentence);
}

static int start_ping(struct router_state *state, const struct api_ping *wanted,
                      struct api_ping_state *answer, struct error *e)
{
    static const uint8_t zero[16];
    struct router_ping *ping = find_ping(state, 0);

    if (!router_address_has_family(wanted->address, wanted->family) ||
        !router_address_is_unicast(wanted->family, wanted->address))
        return refuse(state, e, -EINVAL, "only the address of a host can be pinged");
    if (memcmp(wanted->source, zero, sizeof(zero)) != 0 &&
        !router_address_has_family(wanted->source, wanted->family))
        return refuse(state, e, -EINVAL, "the source address is of another family");
    if (ping == NULL)
        return refuse(state, e, -EBUSY, "too many echo requests are under way: try again");
    if (++state->next_ping_id == 0)
        state->next_ping_id = 1;
    ping->id = state->next_ping_id;
    ping->request = *wanted;
    ping->result = (struct api_ping_state){
        .id = ping->id, .result = API_PING_WAITING, .family = wanted->family};
    ping->sent_tsc = 0;
    ping->started_sec = clock_sec();
    *answer = ping->result;
    __atomic_store_n(&ping->state, PING_TO_SEND, __ATOMIC_RELEASE);
    return 0;
}

static int ask_ping(struct router_state *state, const struct api_ping *wanted,
                    struct api_ping_state *answer, struct error *e)
{
    struct router_ping *ping = find_ping(state, wanted->id);

    if (ping == NULL)
        return refuse(state, e, -ENOENT, "there is no such echo request, or no longer");
    *answer = (struct api_ping_state){
        .id = ping->id, .result = API_PING_WAITING, .family = ping->request.family};
    if (__atomic_load_n(&ping->state, __ATOMIC_ACQUIRE) == PING_DONE) {
        *answer = ping->result;
        __atomic_store_n(&ping->state, PING_FREE, __ATOMIC_RELEASE);
    }
    return 0;
}

static int ping(struct router_state *state, struct function_request *request, struct error *e)
{
    struct api_ping_state answer;
    struct api_ping wanted;
    int rc;

    memcpy(&wanted, request->items, sizeof(wanted));
    rc = wanted.id == 0 ? start_ping(state, &wanted, &answer, e)
                        : ask_ping(state, &wanted, &answer, e);
    if (rc < 0)
        return rc;
    memcpy(request->answer, &answer, sizeof(answer));
    request->answer_type = API_PING_STATE;
    request->n_answers = 1;
    return 0;
}

int router_request(struct function *f, struct function_request *request, struct error *e)
{
    struct router_state *state = f->state;
    const struct router_config *config = f->config;

    switch (request->type) {
    case API_SHOW_ROUTER:
        show_router(state, request);
        return 0;
    case API_LIST_INTERFACES:
        list_interfaces(f, request);
        return 0;
    case API_LIST_ROUTES:
        return route_list(state, config, request, e);
    case API_LIST_NEIGHBORS:
        return neighbor_list(state, config, request, e);
    case API_PING:
        return ping(state, request, e);
    case API_DYNAMIC_NEXT_HOP:
        return route_dynamic_next_hops(state, config, request, e);
    case API_ROUTE_CHANGE:
        return route_dynamic_change(state, config, request, e);
    case API_NEIGHBOR_CHANGE:
        return neighbor_dynamic_change(state, config, request, e);
    case API_ROUTE_SWEEP:
        route_dynamic_sweep(state, request->epoch);
        neighbor_dynamic_sweep(state, request->epoch);
        return 0;
    default:
        return refuse(state, e, -EPROTO, "not what a router can be asked");
    }
}
