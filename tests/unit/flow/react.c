// SPDX-License-Identifier: BSD-3-Clause
// What happens by itself when frames arrive? A guest on a chain passes them on, hosts remember them
// to answer some; a neighbour says who it is. Called by traffic.c behind each burst, by run.c as
// time goes by, and by loop.c for neighbours. Next: loop.c, for what they send.

#include "tests/unit/flow/run.h"

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#define MAX_FRAMES 20000 // in one go
#define TYPE_ARP 0x0806
#define TYPE_IP6 0x86dd
#define ADVERTISEMENT 136
#define FLAGS_ALL 0x60000000 // solicited, override
#define FLAGS_OVERRIDE 0x20000000

static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};

void run_remember(struct run_frame *ring, unsigned *n, const struct run_frame *frame)
{
    struct run_frame *f = &ring[*n % RUN_RING];

    if (*n >= RUN_MAX_OF_STEP && ring[(*n - RUN_MAX_OF_STEP) % RUN_RING].step == frame->step)
        return;
    (*n)++;
    if (f->wire == NULL)
        f->wire = malloc(sizeof(*f->wire));
    if (f->wire == NULL)
        abort();
    f->port = frame->port;
    f->step = frame->step;
    f->wire->len = frame->wire->len;
    memcpy(f->wire->bytes, frame->wire->bytes, frame->wire->len);
    wire_scan(f->wire);
}

const struct run_frame *run_recall(const struct run *run, const struct run_frame *ring, unsigned n,
                                   const struct step *step)
{
    uint32_t distance = 1 + step_distance(step), now = run->transcript->step;
    uint32_t wanted = now > distance ? now - distance : 0;
    const struct run_frame *found = NULL;

    for (unsigned i = n; i > 0 && n - i < RUN_RING; i--) {
        const struct run_frame *f = &ring[(i - 1) % RUN_RING];

        if (f->step > wanted)
            continue;
        if (found != NULL && (f->step != found->step || i % RUN_MAX_OF_STEP == (step->ports & 3)))
            break;
        found = f;
    }
    return found;
}

// The guest's other port.
static void pass_on(unsigned port, const struct wire *w, const struct world_sent *sent)
{
    struct world_frame frame = {.wire = w, .offload = sent->offload, .gso_size = sent->gso_size};

    world_add(port == PORT_G ? PORT_H : PORT_G, &frame);
}

static void take(struct run *run, const struct world_sent *sent)
{
    static struct wire w;
    const struct run_frame f = {sent->port, run->transcript->step, &w};

    w.len = sent->len;
    memcpy(w.bytes, sent->bytes, sent->len);
    if (sent->port == PORT_G || sent->port == PORT_H)
        pass_on(sent->port, &w, sent);
    else
        run_remember(run->got, &run->n_got, &f);
}

void run_react(struct run *run)
{
    unsigned i = 0;

    do {
        for (; i < world_n_sent() && i < MAX_FRAMES; i++) {
            const struct world_sent sent = world_sent_at(i);

            take(run, &sent);
        }
        world_receive();
    } while (i < world_n_sent() && i < MAX_FRAMES);
    world_forget();
}

void run_receive(struct run *run)
{
    world_receive();
    run_react(run);
    world_tell_drops();
}

void run_begin_frame(const struct run *run, struct wire *w, enum genes_host host, const uint8_t *to,
                     uint16_t type)
{
    struct genes_place place = run_place(run, host);
    struct wire_link link = {.outer_vlan = place.outer_vlan, .inner_vlan = place.inner_vlan};

    memcpy(link.source, run->hosts[host].mac, 6);
    memcpy(link.destination, to, 6);
    wire_begin(w, &link, type);
}

// RFC 826.
static void add_arp(const struct run *run, struct wire *w, enum genes_host host, uint8_t operation,
                    const uint8_t *target_mac, const uint8_t *target)
{
    const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, operation};
    uint8_t own[16];

    genes_host_address(host, 4, own);
    wire_add(w, head, sizeof(head));
    wire_add(w, run->hosts[host].mac, 6);
    wire_add(w, own, 4);
    wire_add(w, target_mac, 6);
    wire_add(w, target, 4);
}

// RFC 4861, 4.4.
static void add_advertisement(const struct run *run, struct wire *w, enum genes_host host,
                              const uint8_t *to, uint32_t flags)
{
    struct wire_ip ip = {.family = 6, .protocol = IPPROTO_ICMPV6, .ttl = 255};
    const uint8_t option[2] = {2, 1};

    genes_host_address(host, 6, ip.source);
    memcpy(ip.destination, to, 16);
    wire_add_ip(w, &ip);
    wire_add_icmp(w, ADVERTISEMENT, 0, flags);
    wire_add(w, ip.source, 16);
    wire_add(w, option, sizeof(option));
    wire_add(w, run->hosts[host].mac, 6);
    wire_seal(w);
}

static void announce(struct run *run, enum genes_host host, uint8_t family)
{
    static struct wire w;
    const struct world_frame frame = {.wire = &w};
    uint8_t own[16];

    genes_host_address(host, family, own);
    if (family == 4) {
        run_begin_frame(run, &w, host, everybody, TYPE_ARP);
        add_arp(run, &w, host, 1, everybody, own);
    } else {
        run_begin_frame(run, &w, host, all_nodes_mac, TYPE_IP6);
        add_advertisement(run, &w, host, all_nodes, FLAGS_OVERRIDE);
    }
    world_add(run_place(run, host).port, &frame);
}

void run_announce(struct run *run, enum genes_host host)
{
    announce(run, host, 4);
    announce(run, host, 6);
    run_receive(run);
}

// Whose address it is, and whether he is where the question is heard. N_HOSTS: nobody's.
static enum genes_host owner_of(const struct run *run, unsigned port, uint8_t family,
                                const uint8_t *address)
{
    for (unsigned host = 0; host < N_HOSTS; host++) {
        uint8_t own[16];

        genes_host_address(host, family, own);
        if (memcmp(own, address, family == 4 ? 4 : 16) == 0 && run_place(run, host).port == port)
            return host;
    }
    return N_HOSTS;
}

int run_answer(void *context, unsigned port, const struct wire *question, struct wire *answer)
{
    const struct run *run = context;
    const uint8_t *l3 = &question->bytes[question->l3];
    const uint8_t *target = question->family == 6 ? l3 + 48 : l3 + 24;
    enum genes_host host = owner_of(run, port, question->family == 6 ? 6 : 4, target);

    if (host == N_HOSTS)
        return 0;
    if (question->family == 6) {
        run_begin_frame(run, answer, host, question->bytes + 6, TYPE_IP6);
        add_advertisement(run, answer, host, l3 + 8, FLAGS_ALL);
    } else {
        run_begin_frame(run, answer, host, question->bytes + 6, TYPE_ARP);
        add_arp(run, answer, host, 2, l3 + 8, l3 + 14);
    }
    return 1;
}

// A host asks for the router, or for another one.
void run_ask(struct run *run, const struct step *step)
{
    static struct wire w;
    const struct world_frame frame = {.wire = &w};
    enum genes_host host = (step->who & 7) % N_HOSTS;
    static const char *const targets[4] = {"10.0.0.1", "198.51.100.2", "10.0.0.11", "198.51.100.1"};
    uint8_t target[16], family;

    genes_parse(targets[step->where & 3], target, &family);
    run_begin_frame(run, &w, host, everybody, TYPE_ARP);
    add_arp(run, &w, host, 1, everybody, target);
    world_add(run_place(run, host).port, &frame);
    run_receive(run);
}
