/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of small entries; rows are large, stay where they are and change hands by index. */
#include "sink/screen_select.h"

#include <errno.h>
#include <stdlib.h>

void selection_fini(struct selection *selection)
{
    free(selection->heap);
    free(selection->rows);
    *selection = (struct selection){0};
}

static void swap(struct selected *a, struct selected *b)
{
    struct selected kept = *a;

    *a = *b;
    *b = kept;
}

static void sift_down(struct selected *heap, size_t count, size_t at)
{
    for (;;) {
        size_t worst = at, child = 2 * at + 1;

        for (size_t i = child; i < child + 2 && i < count; i++)
            if (selected_better(&heap[worst], &heap[i]))
                worst = i;
        if (worst == at)
            return;
        swap(&heap[at], &heap[worst]);
        at = worst;
    }
}

static void sift_up(struct selected *heap, size_t at)
{
    for (; at && selected_better(&heap[(at - 1) / 2], &heap[at]); at = (at - 1) / 2)
        swap(&heap[at], &heap[(at - 1) / 2]);
}

static void make_heap(struct selection *selection)
{
    for (size_t i = selection->count / 2; i-- > 0;)
        sift_down(selection->heap, selection->count, i);
}

/* The worst goes; its row is free, as the entry behind the last one. */
static void drop_worst(struct selection *selection)
{
    selection->count--;
    swap(&selection->heap[0], &selection->heap[selection->count]);
    sift_down(selection->heap, selection->count, 0);
}

static int allocate(struct selection *selection, size_t wanted)
{
    struct selected *heap;
    struct screen_row *rows;

    heap = realloc(selection->heap, wanted * sizeof(*heap));
    if (!heap)
        return -ENOMEM;
    selection->heap = heap;
    rows = realloc(selection->rows, wanted * sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    selection->rows = rows;
    for (size_t i = selection->allocated; i < wanted; i++)
        heap[i] = (struct selected){.row = (uint32_t)i};
    selection->allocated = wanted;
    return 0;
}

int selection_limit(struct selection *selection, size_t limit)
{
    if (limit > selection->allocated && allocate(selection, limit))
        return -ENOMEM;
    selection->limit = limit;
    while (selection->count > limit)
        drop_worst(selection);
    return 0;
}

struct screen_row *selection_add(struct selection *selection, uint64_t rank, uint64_t number)
{
    struct selected *entry = &selection->heap[0];
    bool full = selection->count == selection->limit;
    struct screen_row *row;

    if (!full)
        entry = &selection->heap[selection->count++];
    entry->rank = rank;
    entry->number = number;
    row = &selection->rows[entry->row];
    if (full)
        sift_down(selection->heap, selection->count, 0);
    else
        sift_up(selection->heap, selection->count - 1);
    return row;
}

struct screen_row *selection_find(const struct selection *selection, uint64_t number)
{
    for (size_t i = 0; i < selection->count; i++)
        if (selection->heap[i].number == number)
            return &selection->rows[selection->heap[i].row];
    return NULL;
}

void selection_rank_again(struct selection *selection, selection_rank *rank, const void *ctx)
{
    for (size_t i = 0; i < selection->count;) {
        struct selected *entry = &selection->heap[i];

        if (rank(ctx, &selection->rows[entry->row], &entry->rank))
            i++;
        else
            swap(entry, &selection->heap[--selection->count]);
    }
    make_heap(selection);
}
