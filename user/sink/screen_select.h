/* SPDX-License-Identifier: Apache-2.0 */
/* The best n of many: a heap whose top is the worst of those kept, each with a row to fill. */
#ifndef SESSTAP_SCREEN_SELECT_H
#define SESSTAP_SCREEN_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/session.h"

#define SCREEN_PLACE_BYTES 64
/* A session as it was when it was chosen; pointers in session and flow are not to be followed. */
struct screen_row {
    struct session session;
    struct flow flow;
    uint64_t active_ns; /* last packet; of an ended one when it was told */
    bool ended;
    char interface[SCREEN_PLACE_BYTES];
    char container[SCREEN_PLACE_BYTES];
};

struct selected {
    uint64_t rank;   /* larger is better */
    uint64_t number; /* of the session: the tie breaker, larger is better */
    uint32_t row;
};

/* Zeroed is empty, with room for nothing. */
struct selection {
    struct selected *heap; /* count in use; the others hold the rows that are free */
    struct screen_row *rows;
    size_t count;
    size_t limit;
    size_t allocated;
};

void selection_fini(struct selection *selection);
/* Keep at most limit, dropping the worst. 0 or -ENOMEM, then all is as it was. */
int selection_limit(struct selection *selection, size_t limit);

static inline bool selected_better(const struct selected *a, const struct selected *b)
{
    return a->rank != b->rank ? a->rank > b->rank : a->number > b->number;
}

/* Whether it would be kept. */
static inline bool selection_takes(const struct selection *selection, uint64_t rank,
                                   uint64_t number)
{
    const struct selected one = {.rank = rank, .number = number};

    if (selection->count < selection->limit)
        return true;
    return selection->count && selected_better(&one, &selection->heap[0]);
}

/* Keep it, which selection_takes: the row to fill. */
struct screen_row *selection_add(struct selection *selection, uint64_t rank, uint64_t number);
/* The row of that session, NULL when it is not kept. Looks at each. */
struct screen_row *selection_find(const struct selection *selection, uint64_t number);

static inline void selection_clear(struct selection *selection)
{
    selection->count = 0;
}

/* A rank for each row anew; false drops it. */
typedef bool selection_rank(const void *ctx, const struct screen_row *row, uint64_t *rank);
void selection_rank_again(struct selection *selection, selection_rank *rank, const void *ctx);

#endif
