// SPDX-License-Identifier: BSD-3-Clause
// When may a closed record be used again? When each worker has passed a quiescent state since, so
// that nobody looks at it any more. Each thread keeps its own: a list that still grows, one that
// waits for its token, one that is free to go. Links are in the records. Called by session_open.c,
// age.c and session.c. Next: numbers.c, where they end.

#include "dataplane/session/table.h"

#include "dataplane/core/qsbr.h"

struct list {
    uint32_t first, last;
};

// Its thread.
static struct limbo {
    struct list growing, waiting, passed;
    uint64_t token; // of `waiting`
} __attribute__((aligned(64))) limbos[TABLE_N_THREADS];

static unsigned n_entered; // main thread

void limbo_init(void)
{
    memset(limbos, 0, sizeof(limbos));
    n_entered = 0;
}

void limbo_add(unsigned thread, struct session *s)
{
    struct list *list = &limbos[thread].growing;
    uint32_t number = table_number(s);

    s->list_next = 0;
    if (list->last != 0)
        table_record(list->last)->list_next = number;
    else
        list->first = number;
    list->last = number;
}

// The token says that nobody who comes now finds what is in the list.
static void advance(struct limbo *l)
{
    if (l->passed.first == 0 && l->waiting.first != 0 && qsbr_has_passed(l->token)) {
        l->passed = l->waiting;
        l->waiting = (struct list){0};
    }
    if (l->waiting.first == 0 && l->growing.first != 0) {
        l->waiting = l->growing;
        l->growing = (struct list){0};
        l->token = qsbr_token();
    }
}

void limbo_tend(unsigned thread, unsigned n)
{
    struct limbo *l = &limbos[thread];

    advance(l);
    while (n-- > 0 && l->passed.first != 0) {
        uint32_t number = l->passed.first;

        l->passed.first = table_record(number)->list_next;
        numbers_give(&session_table.numbers, thread, number);
    }
}

void table_main_enter(void)
{
    if (n_entered++ == 0)
        qsbr_main_enter();
}

void table_main_leave(void)
{
    if (--n_entered == 0)
        qsbr_main_leave();
}
