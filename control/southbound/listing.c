// SPDX-License-Identifier: BSD-3-Clause
// What does the dataplane know right now: MACs, routes, neighbours, counters? Asked page by page
// when a user wants to see it, as far as he wants to. Event loop only; called by southbound.c. What
// the dataplane answers is bounded here, so that it can't keep culvertd asking for ever nor take
// its memory. Next: northbound/.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/southbound/listing.h"

struct kind {
    enum api_type answer;
    size_t request_size;
    // Whether the item is one, and not the word that there is none. NULL: it always is.
    bool (*is_entry)(const void *item);
    // After a page whose last item this is: whether there is another one, and what to ask for it. A
    // request that does not move on would never end. NULL: there never is.
    bool (*follow)(union listing_request *request, const void *last);
};

struct message {
    struct api_header header;
    union listing_request item;
};

struct asking {
    struct dialogue dialogue;
    const struct kind *kind;
    size_t item_size, limit;
    struct message message;
    bool is_wanted; // the next page is to be asked for
    struct listing listing;
    void (*done)(void *arg, struct listing *listing);
    void *arg;
};

static bool is_mac(const void *item)
{
    static const uint8_t zero[6];

    return memcmp(((const struct api_mac *)item)->mac, zero, sizeof(zero)) != 0;
}

static bool move_cursor(uint32_t *cursor, uint32_t next)
{
    bool is_more = next > *cursor;

    if (is_more)
        *cursor = next;
    return is_more;
}

static bool follow_macs(union listing_request *request, const void *last)
{
    return move_cursor(&request->macs.cursor, ((const struct api_mac *)last)->next);
}

static bool is_interface(const void *item)
{
    return ((const struct api_interface_state *)item)->name[0] != '\0';
}

static bool follow_interfaces(union listing_request *request, const void *last)
{
    return move_cursor(&request->interfaces.cursor,
                       ((const struct api_interface_state *)last)->next);
}

static bool is_route(const void *item)
{
    return ((const struct api_route_entry *)item)->family != 0;
}

static bool follow_routes(union listing_request *request, const void *last)
{
    struct api_list_routes *routes = &request->routes;
    const struct api_route_entry *entry = last;
    bool is_same = routes->mode == API_LIST_AFTER && routes->prefix_len == entry->prefix_len &&
                   memcmp(routes->address, entry->address, sizeof(entry->address)) == 0;

    if (!entry->has_more || entry->family != routes->family || is_same ||
        routes->mode == API_LIST_MATCH)
        return false;
    routes->mode = API_LIST_AFTER;
    routes->prefix_len = entry->prefix_len;
    memcpy(routes->address, entry->address, sizeof(routes->address));
    return true;
}

static bool is_neighbor(const void *item)
{
    return ((const struct api_neighbor_entry *)item)->family != 0;
}

static bool follow_neighbors(union listing_request *request, const void *last)
{
    return move_cursor(&request->neighbors.cursor, ((const struct api_neighbor_entry *)last)->next);
}

static bool is_session(const void *item)
{
    return ((const struct api_session_entry *)item)->family != 0;
}

static bool follow_sessions(union listing_request *request, const void *last)
{
    return move_cursor(&request->sessions.cursor, ((const struct api_session_entry *)last)->next);
}

static bool follow_cleared(union listing_request *request, const void *last)
{
    return move_cursor(&request->clear.cursor, ((const struct api_cleared *)last)->next);
}

static bool is_rule(const void *item)
{
    return ((const struct api_rule_hits *)item)->seq != 0;
}

static bool follow_rules(union listing_request *request, const void *last)
{
    const struct api_rule_hits *rule = last;

    return rule->has_more && move_cursor(&request->rules.cursor, rule->seq);
}

static bool is_binding(const void *item)
{
    const struct api_binding *binding = item;

    return binding->protocol != 0 || binding->n_sessions != 0;
}

static bool follow_bindings(union listing_request *request, const void *last)
{
    return move_cursor(&request->bindings.cursor, ((const struct api_binding *)last)->next);
}

static const struct kind kinds[API_N_TYPES] = {
    [API_LIST_MACS] = {API_MACS, sizeof(struct api_list_macs), is_mac, follow_macs},
    [API_SHOW_ROUTER] = {API_ROUTER_STATE, sizeof(struct api_show_router), NULL, NULL},
    [API_LIST_INTERFACES] = {API_INTERFACES, sizeof(struct api_list_interfaces), is_interface,
                             follow_interfaces},
    [API_LIST_ROUTES] = {API_ROUTES, sizeof(struct api_list_routes), is_route, follow_routes},
    [API_LIST_NEIGHBORS] = {API_NEIGHBORS, sizeof(struct api_list_neighbors), is_neighbor,
                            follow_neighbors},
    [API_PING] = {API_PING_STATE, sizeof(struct api_ping), NULL, NULL},
    [API_SHOW_CHAIN] = {API_CHAIN_STATE, sizeof(struct api_show_chain), NULL, NULL},
    [API_LIST_SESSIONS] = {API_SESSIONS, sizeof(struct api_list_sessions), is_session,
                           follow_sessions},
    [API_CLEAR_SESSIONS] = {API_CLEARED, sizeof(struct api_clear_sessions), NULL, follow_cleared},
    [API_SHOW_FIREWALL] = {API_FIREWALL_STATE, sizeof(struct api_show_firewall), NULL, NULL},
    [API_LIST_RULES] = {API_RULES, sizeof(struct api_list_rules), is_rule, follow_rules},
    [API_SHOW_NAT] = {API_NAT_STATE, sizeof(struct api_show_nat), NULL, NULL},
    [API_LIST_BINDINGS] = {API_BINDINGS, sizeof(struct api_list_bindings), is_binding,
                           follow_bindings},
};

static const struct api_header *asking_next(struct dialogue *d)
{
    struct asking *a = (struct asking *)d; // its first member

    if (!a->is_wanted)
        return NULL;
    a->is_wanted = false;
    return &a->message.header;
}

static void asking_end(struct asking *a)
{
    a->listing.follow = a->message.item;
    a->done(a->arg, &a->listing);
    free(a);
}

static int append_page(struct asking *a, const unsigned char *page, uint32_t n)
{
    struct listing *l = &a->listing;
    unsigned char *items = realloc(l->items, (l->n + n) * a->item_size);

    if (items == NULL)
        return failure(&l->error, -ENOMEM, NULL, "out of memory");
    l->items = items;
    for (uint32_t i = 0; i < n; i++, page += a->item_size)
        if (a->kind->is_entry == NULL || a->kind->is_entry(page))
            memcpy(items + l->n++ * a->item_size, page, a->item_size);
    return 0;
}

static bool asking_answer(struct dialogue *d, const struct api_header *h)
{
    struct asking *a = (struct asking *)d;
    const unsigned char *page = (const void *)(h + 1);
    const struct api_reply *reply = (const void *)(h + 1);

    if (h->type == API_REPLY && reply->error < 0) {
        failure(&a->listing.error, reply->error, reply->path, "%s", reply->sentence);
    } else if (h->type != a->kind->answer) {
        failure(&a->listing.error, -EPROTO, NULL,
                "the dataplane answered with a message of type %u", h->type);
    } else if (append_page(a, page, h->n_items) == 0) {
        a->listing.has_more =
            a->kind->follow != NULL &&
            a->kind->follow(&a->message.item, page + (h->n_items - 1) * a->item_size);
        if (a->listing.has_more && a->listing.n < a->limit) {
            a->is_wanted = true;
            return false;
        }
    }
    asking_end(a);
    return true;
}

static void asking_lost(struct dialogue *d, const char *sentence)
{
    struct asking *a = (struct asking *)d;

    failure(&a->listing.error, -ENOTCONN, NULL, "%s", sentence);
    asking_end(a);
}

int listing_start(struct link *link, const struct listing_question *question,
                  void (*done)(void *arg, struct listing *listing), void *arg)
{
    const struct kind *kind = &kinds[question->type];
    struct asking *a = calloc(1, sizeof(*a));
    int rc;

    if (a == NULL)
        return -ENOMEM;
    a->dialogue = (struct dialogue){asking_next, asking_answer, asking_lost, NULL};
    a->kind = kind;
    a->item_size = api_message(kind->answer)->item_size;
    a->limit = question->limit;
    a->message.header =
        (struct api_header){.magic = API_MAGIC,
                            .version = API_VERSION,
                            .type = (uint16_t)question->type,
                            .len = (uint32_t)(sizeof(struct api_header) + kind->request_size),
                            .n_items = 1};
    a->message.item = question->request;
    a->is_wanted = true;
    a->done = done;
    a->arg = arg;
    rc = link_talk(link, &a->dialogue);
    if (rc < 0)
        free(a);
    return rc;
}
