/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "cmd/extract.h"

#define PICKS_AT_ONCE 256

int picks_add(struct picks *picks, uint64_t number, uint32_t stream)
{
    size_t cap = picks->cap ? picks->cap * 2 : PICKS_AT_ONCE;

    if (picks->count == picks->cap) {
        struct pick *items = realloc(picks->items, cap * sizeof(*items));

        if (!items)
            return -ENOMEM;
        picks->items = items;
        picks->cap = cap;
    }
    picks->items[picks->count++] = (struct pick){number, stream};
    return 0;
}

void picks_fini(struct picks *picks)
{
    free(picks->items);
    *picks = (struct picks){0};
}

static int by_number(const void *left, const void *right)
{
    const struct pick *a = left, *b = right;

    return a->number < b->number ? -1 : a->number > b->number;
}

void picks_sort(struct picks *picks)
{
    size_t kept = 0;

    if (!picks->count)
        return;
    qsort(picks->items, picks->count, sizeof(*picks->items), by_number);
    for (size_t i = 1; i < picks->count; i++)
        if (picks->items[i].number != picks->items[kept].number)
            picks->items[++kept] = picks->items[i];
    picks->count = kept + 1;
}
