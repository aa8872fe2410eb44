// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/session/tcp_lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

uint8_t begin_side;
uint8_t is_piece;

static void write_frame(struct frame *f, const struct step *step, const uint32_t bases[2])
{
    unsigned way = step->way == '<';
    uint32_t numbers[2] = {step->seq + bases[way], step->ack + bases[!way]};

    if (!(step->flags & A))
        numbers[1] = 0;
    lab_tcp(f, step->way, step->flags, numbers);
    frame_put16(f, f->l4_off + 14, (uint16_t)step->window);
    if (step->scale > 0)
        memcpy(f->bytes + f->l4_off + 37, (uint8_t[]){3, 3, (uint8_t)(step->scale - 1)}, 3);
    if (is_piece)
        frame_ip4_fragment(f, 0, 1);
    frame_payload(f, step->len);
    frame_end(f);
}

void take_step(const struct step *step, unsigned number, const uint32_t bases[2])
{
    static struct frame f;
    uint32_t expires_ms = lab.s.expires_ms;
    uint8_t outcome;

    write_frame(&f, step, bases);
    outcome = number == 0 ? lab_begin(&f, begin_side) : lab_track(&f, step->way);
    if (outcome != step->outcome)
        fail_msg("step %u: outcome %u instead of %u (%s)", number, outcome, step->outcome,
                 session_track_state_name(&lab.s));
    if (strcmp(session_track_state_name(&lab.s), step->state) != 0)
        fail_msg("step %u: state %s instead of %s", number, session_track_state_name(&lab.s),
                 step->state);
    if (step->timeout != KEPT) {
        if (lab.s.timeout != step->timeout)
            fail_msg("step %u: timeout %u instead of %u", number, lab.s.timeout, step->timeout);
        expires_ms = lab.now_ms + session_timeout_ms(NULL, step->timeout);
    }
    if (lab.s.expires_ms != expires_ms)
        fail_msg("step %u: it expires %d ms away from what is due", number,
                 (int32_t)(lab.s.expires_ms - expires_ms));
}

void play(const struct step *steps, unsigned n)
{
    static const uint32_t bases[][2] = {
        {0, 0}, {0xfffffff0, 0x7ffffff0}, {0x7fffff00, 0xffffff00}, {0xffff8000, 0xfffffffe}};

    for (unsigned i = 0; i < RTE_DIM(bases); i++) {
        unsigned flags = lab.flags;

        lab_start();
        lab.flags = flags;
        for (unsigned k = 0; k < n; k++)
            take_step(&steps[k], k, bases[i]);
        lab_stop();
    }
}

int set_up(void **state)
{
    (void)state;
    begin_side = SESSION_INSIDE;
    is_piece = 0;
    lab_start();
    return 0;
}
