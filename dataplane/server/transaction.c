// SPDX-License-Identifier: BSD-3-Clause
// What does a client of the control socket get for its datagram? One answer to each, and a
// configuration only by hello, begin, objects, commit. Main thread; called by server.c with
// whatever came. Next: check.c, build.c, then walk/generation.c publishes.

#include "dataplane/server/transaction.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/chain/chain.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/error.h"
#include "dataplane/core/log.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/flow/flow.h"
#include "dataplane/port/af_xdp_grant.h"
#include "dataplane/server/build.h"
#include "dataplane/server/check.h"

// What the handlers share while one datagram is carried out.
struct request {
    struct transaction *t;
    struct api_header header;
    const void *items;
    void *answer;
};

void transaction_init(struct transaction *t)
{
    *t = (struct transaction){.fds = {-1, -1}};
    model_init(&t->model);
}

static void end(struct transaction *t)
{
    model_fini(&t->model);
    t->is_open = 0;
}

void transaction_fini(struct transaction *t)
{
    end(t);
}

static size_t put_answer(const struct request *r, unsigned type, const void *items, uint32_t n)
{
    size_t item_size = api_message(type)->item_size;
    struct api_header header = {
        .magic = API_MAGIC,
        .version = API_VERSION,
        .type = (uint16_t)type,
        .len = (uint32_t)(sizeof(header) + n * item_size),
        .n_items = n,
        .sequence = r->header.sequence,
    };

    memcpy(r->answer, &header, sizeof(header));
    memmove((char *)r->answer + sizeof(header), items, n * item_size); // it may lie there already
    return header.len;
}

static size_t put_reply(const struct request *r, struct api_reply *reply)
{
    const struct generation *running = generation_published;

    reply->generation = running != NULL ? running->id : 0;
    return put_answer(r, API_REPLY, reply, 1);
}

static size_t put_error(const struct request *r, const struct error *e)
{
    struct api_reply reply = {.error = e->code, .index = e->index};

    snprintf(reply.path, sizeof(reply.path), "%s", e->path);
    snprintf(reply.sentence, sizeof(reply.sentence), "%s", e->sentence);
    return put_reply(r, &reply);
}

static size_t refuse(const struct request *r, int code, const char *sentence)
{
    struct error e = {.code = code};

    snprintf(e.sentence, sizeof(e.sentence), "%s", sentence);
    return put_error(r, &e);
}

static size_t put_done(const struct request *r)
{
    struct api_reply reply = {0};

    return put_reply(r, &reply);
}

static size_t handle_hello(struct request *r)
{
    const struct generation *running = generation_published;
    struct api_hello hello;

    memcpy(&hello, r->items, sizeof(hello));
    r->t->is_greeted = hello.schema_hash == api_schema_hash();
    hello.schema_hash = api_schema_hash();
    hello.generation = running != NULL ? running->id : 0;
    hello.config_id = running != NULL ? running->config_id : 0;
    return put_answer(r, API_HELLO, &hello, 1);
}

static size_t handle_begin(struct request *r)
{
    struct api_begin begin;

    memcpy(&begin, r->items, sizeof(begin));
    end(r->t);
    r->t->model.config_id = begin.config_id;
    r->t->is_open = 1;
    return put_done(r);
}

static size_t handle_object(struct request *r)
{
    if (!r->t->is_open)
        return refuse(r, -EPROTO, "an object outside a transaction: begin first");
    if (model_add(&r->t->model, r->header.type, r->items, r->header.n_items) < 0) {
        end(r->t);
        return refuse(r, -ENOMEM, "out of memory");
    }
    return put_done(r);
}

static int commit(const struct model *model, struct error *e)
{
    static uint64_t last_id;
    struct generation *generation;
    int rc = check_model(model, e);

    if (rc == 0)
        rc = build_generation(model, last_id + 1, &generation, e);
    if (rc < 0)
        return rc;
    generation_publish(generation);
    counters_stats->generation = ++last_id;
    log_info("generation %llu runs: %u ports, %u switches and routers", (unsigned long long)last_id,
             generation->n_ports, generation->n_functions);
    return 0;
}

static size_t handle_commit(struct request *r)
{
    struct error e = {0};
    int rc;

    if (!r->t->is_open)
        return refuse(r, -EPROTO, "commit outside a transaction: begin first");
    rc = commit(&r->t->model, &e);
    end(r->t);
    return rc < 0 ? put_error(r, &e) : put_done(r);
}

static size_t handle_abort(struct request *r)
{
    end(r->t);
    return put_done(r);
}

static size_t handle_route_target(struct request *r)
{
    memcpy(&r->t->target, r->items, sizeof(r->t->target));
    if (generation_find(generation_published, "router", r->t->target.tenant, r->t->target.name) ==
        NULL) {
        r->t->target = (struct api_route_target){0};
        return refuse(r, -ENOENT, "there is no such router");
    }
    return put_done(r);
}

static size_t handle_xdp(struct request *r)
{
    struct api_xdp message;
    struct error e = {0};

    memcpy(&message, r->items, sizeof(message));
    if (r->t->fds[0] < 0 || r->t->fds[1] < 0)
        return refuse(r, -EBADF, "two descriptors belong to this message: a map and a link");
    if (af_xdp_take_grant(&message, r->t->fds, &e) < 0)
        return put_error(r, &e);
    r->t->fds[0] = r->t->fds[1] = -1;
    return put_done(r);
}

// A request to one function: its items begin with the names of tenant and function, or else it goes
// to the target.
struct function_route {
    const char *kind;
    int is_targeted;
};

static const struct function_route function_routes[API_N_TYPES] = {
    [API_LIST_MACS] = {"switch", 0},        [API_SHOW_ROUTER] = {"router", 0},
    [API_LIST_INTERFACES] = {"router", 0},  [API_LIST_ROUTES] = {"router", 0},
    [API_LIST_NEIGHBORS] = {"router", 0},   [API_PING] = {"router", 0},
    [API_DYNAMIC_NEXT_HOP] = {"router", 1}, [API_ROUTE_CHANGE] = {"router", 1},
    [API_NEIGHBOR_CHANGE] = {"router", 1},  [API_ROUTE_SWEEP] = {"router", 1},
    [API_RULE_CHANGE] = {"firewall", 0},    [API_SHOW_FIREWALL] = {"firewall", 0},
    [API_LIST_RULES] = {"firewall", 0},     [API_SHOW_NAT] = {"nat", 0},
    [API_LIST_BINDINGS] = {"nat", 0},
};

// Requests to no function of their own.
static int (*const chain_requests[API_N_TYPES])(struct function_request *, struct error *) = {
    [API_SHOW_CHAIN] = chain_show,
    [API_LIST_SESSIONS] = chain_sessions_request,
    [API_CLEAR_SESSIONS] = chain_sessions_request,
};

static struct function_request make_request(const struct request *r)
{
    return (struct function_request){
        .generation = generation_published,
        .type = r->header.type,
        .items = r->items,
        .n_items = r->header.n_items,
        .epoch = r->t->target.epoch,
        .answer = (char *)r->answer + sizeof(struct api_header),
        .answer_size = API_DATAGRAM_SIZE - sizeof(struct api_header),
    };
}

static size_t put_request(const struct request *r, const struct function_request *request, int rc,
                          const struct error *e)
{
    if (rc < 0)
        return put_error(r, e);
    if (request->answer_type == 0)
        return put_done(r);
    return put_answer(r, request->answer_type, request->answer, request->n_answers);
}

// The new rule is in effect once no worker decides by the old one, and no flow does that it made.
static void settle_rule(const struct request *r)
{
    struct api_rule_change change;

    memcpy(&change, r->items, sizeof(change));
    generation_published->config_id = change.config_id;
    qsbr_wait();
    flow_revalidate();
}

// What flows have counted comes into what is about to be shown.
static void count_for(unsigned type)
{
    if (type == API_SHOW_ROUTER || type == API_SHOW_CHAIN)
        flow_count();
    else if (type == API_SHOW_FIREWALL || type == API_LIST_RULES || type == API_SHOW_NAT)
        flow_count_denied();
}

static size_t handle_function(struct request *r)
{
    const struct function_route *route = &function_routes[r->header.type];
    const char *tenant = route->is_targeted ? r->t->target.tenant : r->items;
    const char *name = route->is_targeted ? r->t->target.name : tenant + API_NAME_SIZE;
    struct function *f = generation_find(generation_published, route->kind, tenant, name);
    struct function_request request = make_request(r);
    struct error e = {0};
    int rc;

    if (f == NULL && tenant[0] == '\0')
        return refuse(r, -EPROTO, "of which router? API_ROUTE_TARGET first");
    if (f == NULL)
        return refuse(r, -ENOENT, "there is no such object");
    count_for(r->header.type);
    rc = f->ops->request(f, &request, &e);
    if (rc == 0 && r->header.type == API_RULE_CHANGE)
        settle_rule(r);
    return put_request(r, &request, rc, &e);
}

static size_t handle_chain(struct request *r)
{
    struct function_request request = make_request(r);
    struct error e = {0};
    int rc;

    count_for(r->header.type);
    rc = chain_requests[r->header.type](&request, &e);

    return put_request(r, &request, rc, &e);
}

static size_t dispatch(struct request *r)
{
    if (r->header.type != API_HELLO && !r->t->is_greeted)
        return refuse(r, -EPROTO, "hello first, with this dataplane's schema");
    switch (r->header.type) {
    case API_HELLO:
        return handle_hello(r);
    case API_BEGIN:
        return handle_begin(r);
    case API_TENANT:
    case API_PORT:
    case API_PORT_ADDRESS:
    case API_SWITCH:
    case API_MEMBER:
    case API_STATIC_MAC:
    case API_ROUTER:
    case API_INTERFACE:
    case API_INTERFACE_ADDRESS:
    case API_NEIGHBOR:
    case API_NEXT_HOP_GROUP:
    case API_NEXT_HOP:
    case API_ROUTE:
    case API_GUEST_FUNCTION:
    case API_ADDRESS_GROUP:
    case API_GROUP_PREFIX:
    case API_PORT_GROUP:
    case API_GROUP_PORTS:
    case API_FIREWALL:
    case API_RULE:
    case API_NAT:
    case API_NAT_SOURCE:
    case API_NAT_POOL:
    case API_NAT_STATIC:
    case API_NAT_FORWARD:
    case API_CHAIN:
    case API_CHAIN_FUNCTION:
        return handle_object(r);
    case API_COMMIT:
        return handle_commit(r);
    case API_ABORT:
        return handle_abort(r);
    case API_ROUTE_TARGET:
        return handle_route_target(r);
    case API_XDP:
        return handle_xdp(r);
    default:
        if (chain_requests[r->header.type] != NULL)
            return handle_chain(r);
        if (function_routes[r->header.type].kind != NULL)
            return handle_function(r);
        return refuse(r, -EPROTO, "this message goes the other way");
    }
}

size_t transaction_handle(struct transaction *t, const void *datagram, size_t size, void *answer)
{
    struct request r = {.t = t, .answer = answer};
    struct api_reply reply = {0};

    if (size >= sizeof(r.header))
        memcpy(&r.header, datagram, sizeof(r.header));
    if (api_check(datagram, size, &reply) < 0) {
        end(t);
        return put_reply(&r, &reply);
    }
    r.items = (const char *)datagram + sizeof(r.header);
    return dispatch(&r);
}
