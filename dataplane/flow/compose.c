// SPDX-License-Identifier: BSD-3-Clause
// What becomes of a trace? If all functions on the way have vouched for it, a flow: the way it
// took, and what its headers became. Called by worker.c behind the walk, before the burst is sent.
// Next: way.c, insert.c.

#include "dataplane/flow/burst.h"
#include "dataplane/flow/denied.h"
#include "dataplane/flow/flow.h"

static const struct attachment *last_of(const struct walk_context *ctx, const struct walk_trace *t)
{
    return &ctx->generation->attachments[t->hops[t->n_hops - 1].out];
}

// Whether nothing but MACs behind routers, and of a session's packet its addresses and ports, has
// become another. `f` begins with the key.
static int is_understood(const struct flow *f, const struct walk_trace *t)
{
    const struct trace_end *end = &t->end;
    unsigned len = flow_is_ip4(f) ? 4 : 16;
    const uint8_t *addresses = flow_is_ip4(f) ? f->ip4.addresses : f->ip6.addresses;

    if (t->n_routers == 0 && memcmp(f->macs, end->macs, sizeof(f->macs)) != 0)
        return 0;
    if (t->n_sessions > 0)
        return 1;
    return memcmp(addresses, end->source, len) == 0 &&
           memcmp(addresses + len, end->destination, len) == 0 &&
           (f->kind & FLOW_KIND_NO_PORTS ||
            (f->ports[0] == end->source_port && f->ports[1] == end->destination_port));
}

// Ports were looked at, but are not in the key: they will be.
static void widen(const struct flow *f)
{
    __atomic_store_n(&flow_table.masks[f->in_port], FLOW_MASK_PORTS, __ATOMIC_RELAXED);
}

static int is_worth(const struct walk_context *ctx, const struct walk_trace *t,
                    const struct flow *f)
{
    if (t->is_broken || !t->is_done || last_of(ctx, t)->port == NULL)
        return 0;
    if (t->n_routers == 0 && t->n_sessions == 0) // one switch: its look-up is the one
        return 0;
    if (t->has_read_ports && f->kind & FLOW_KIND_NO_PORTS) {
        widen(f);
        return 0;
    }
    return is_understood(f, t);
}

static void fill(struct flow *f, const struct walk_trace *t)
{
    struct flow_action *a = flow_action(f);
    struct flow_second *second;
    uint16_t *more;

    if (flow_is_ip4(f)) {
        memcpy(f->ip4.to, t->end.source, 4);
        memcpy(f->ip4.to + 4, t->end.destination, 4);
        more = f->ip4.more;
        second = &f->ip4.second;
    } else {
        memcpy(f->ip6.to, t->end.source, 16);
        memcpy(f->ip6.to + 16, t->end.destination, 16);
        more = f->ip6.more;
        second = &f->ip6.second;
    }
    if (!(f->kind & FLOW_KIND_NO_PORTS)) {
        a->ports[0] = t->end.source_port;
        a->ports[1] = t->end.destination_port;
    }
    for (unsigned i = 0; i < t->own.n; i++)
        *(i < 2 ? &a->own[i] : &more[i - 2]) = t->own.places[i];
    if (t->n_sessions > 0) {
        a->session = t->sessions[0].number;
        a->incarnation = t->sessions[0].incarnation;
    }
    if (t->n_sessions > 1)
        *second = (struct flow_second){t->sessions[1].number, t->sessions[1].incarnation};
}

void flow_compose(struct walk_context *ctx)
{
    struct flow_scratch *scratch = &flow_scratches[ctx->worker];
    struct flow draft;

    if (ctx->traces == NULL)
        return;
    for (unsigned i = 0; i < scratch->traces.n; i++) {
        const struct walk_trace *t = &scratch->traces.t[i];
        const struct flow_key *key = &scratch->keys[scratch->place[i]];
        uint32_t hash = scratch->hashes[scratch->place[i]], way, version;
        uint8_t tcp_flags = scratch->tcp_flags[scratch->place[i]];
        struct flow_action *a;

        if (t->is_denied)
            denied_keep(ctx, t, key, hash, tcp_flags);
        if (t->is_denied || tcp_flags & FLOW_TCP_FIN_SYN_RST)
            continue;
        memset(&draft, 0, sizeof(draft));
        memcpy(&draft, key, flow_key_words(flow_key_kind(key)) * sizeof(key->words[0]));
        if (!is_worth(ctx, t, &draft))
            continue;
        way = way_intern(ctx, t, &version);
        if (way == 0)
            continue;
        fill(&draft, t);
        a = flow_action(&draft);
        a->way = (uint16_t)way;
        a->stamp = version + t->own.sum + t->common.sum;
        a->until_sec = (uint16_t)(ctx->now_sec + t->life_sec + hash % t->life_sec);
        (void)flow_insert(&draft, hash, ctx->worker);
    }
    scratch->traces.n = 0;
    ctx->traces = NULL;
}
