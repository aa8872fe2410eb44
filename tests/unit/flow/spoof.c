// SPDX-License-Identifier: BSD-3-Clause
// Can a look-alike that came first take the answer's place? Who is on the other side sends what
// will be the answer, again and again, so that what denies it may be kept; then the question is
// asked, and the answer comes. Called by run.c. Next: traffic.c, which makes the question.

#include <string.h>

#include <netinet/in.h>

#include "tests/unit/flow/run.h"

#define TYPE_IP4 0x0800
#define TYPE_IP6 0x86dd

// Where a NAT's answers go to, rather than to who asks; of few ports, so that some are met.
static void aim_at_nat(const struct step *step, struct wire *w)
{
    static const char *const pools[4] = {"198.51.100.2", "198.51.100.50", "198.51.100.60",
                                         "198.51.100.12"};
    uint8_t address[16], family;

    if (w->family != 4 || !(step->arg & 4))
        return;
    genes_parse(pools[step->arg & 3], address, &family);
    memcpy(wire_destination(w), address, 4);
    if (step->arg & 8 && (w->protocol == IPPROTO_UDP || w->protocol == IPPROTO_TCP))
        wire_put16(w, w->l4 + 2U, (uint16_t)(1024 + (step->arg >> 4) % 3));
}

// With the link's header of who is on the other side.
static unsigned make_answer(const struct run *run, const struct step *step, enum genes_host asker,
                            const struct wire *question, struct wire *w)
{
    static struct wire turned;
    enum genes_host host = run_is_outside(asker) ? HOST_A1 : HOST_W1;
    uint8_t mac[6];

    memcpy(&turned, question, sizeof(turned));
    run_turn(step, &turned);
    turned.len = turned.payload > 0 ? turned.payload : turned.len;
    if (genes_shape(run->genes) == SHAPE_BRIDGED)
        memcpy(mac, run->hosts[asker].mac, sizeof(mac));
    else
        genes_gateway(run->genes, host, mac);
    run_begin_frame(run, w, host, mac, turned.family == 4 ? TYPE_IP4 : TYPE_IP6);
    wire_add(w, turned.bytes + turned.l3, turned.len - turned.l3);
    wire_scan(w);
    aim_at_nat(step, w);
    if (w->protocol == IPPROTO_TCP && step->arg2 & 1) // a SYN flood
        w->bytes[w->l4 + 13U] = WIRE_SYN;
    wire_seal(w);
    return run_place(run, host).port;
}

void run_spoof(struct run *run, const struct step *step)
{
    static struct wire question, answer;
    struct step once = *step;
    enum genes_host host = run_make(run, step, &question);
    unsigned port = make_answer(run, step, host, &question, &answer);

    once.copies = 0;
    once.form &= 0x7f;
    for (unsigned i = 0; i < 3; i++)
        run_send(run, &once, port, &answer);
    run_send(run, step, port, &answer);
    if (!(step->arg2 & 2))
        run_send(run, &once, run_place(run, host).port, &question);
    run_send(run, &once, port, &answer);
}
