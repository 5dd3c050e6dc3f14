/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/record_queue.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/batch_ring.h"

/* A few batches, so that neither side waits. */
#define BATCH_RECORDS 128
#define BATCHES       8

struct copied {
    struct record record;
    struct session session;
    struct flow flow;
    struct ledger ledger;
    struct stream_tally tally[2];
    bool left_out; /* no line */
};

struct batch {
    size_t count;
    struct copied copies[BATCH_RECORDS];
};

struct record_queue {
    struct ordered *out;
    struct record_also also; /* zero: none */
    struct batch_ring *ring;
    void (*full)(void *ctx); /* NULL: batches go to the thread at once */
    void *full_ctx;
    struct batch *filling; /* the caller's */
    struct buf line;       /* the thread's */
    uint64_t lost;         /* the caller's side, and the thread's once it has ended */
    uint64_t thread_lost;
    struct batch batches[BATCHES];
};

/* ---- the thread ------------------------------------------------------------------------------- */

static int write_line(struct ordered *out, const struct copied *copy, struct buf *line)
{
    if (copy->left_out)
        return ordered_write(out, copy->session.number, NULL, 0);
    buf_clear(line);
    record_write_json(line, &copy->record);
    return line->failed ? -ENOMEM : ordered_write(out, copy->session.number, line->data, line->len);
}

static void write_batch(void *ctx, unsigned int number)
{
    struct record_queue *queue = ctx;
    struct batch *batch = &queue->batches[number];

    for (size_t i = 0; i < batch->count; i++) {
        struct copied *copy = &batch->copies[i];

        if (i + 1 < batch->count)
            facts_expect(copy[1].record.facts);
        if (write_line(queue->out, copy, &queue->line))
            queue->thread_lost++;
        if (queue->also.write)
            queue->also.write(queue->also.ctx, &copy->session, &copy->record);
        free((void *)copy->record.holes);
        free((void *)copy->record.lots);
        free((void *)copy->record.note);
        facts_free(copy->record.facts);
    }
    batch->count = 0;
}

/* ---- the caller ------------------------------------------------------------------------------- */

struct record_queue *record_queue_new(struct ordered *out)
{
    struct record_queue *queue = calloc(1, sizeof(*queue));

    if (!queue)
        return NULL;
    queue->out = out;
    queue->filling = &queue->batches[0];
    queue->ring = batch_ring_new(BATCHES, &(struct batch_taker){write_batch, NULL, queue});
    if (!queue->ring) {
        free(queue); /* keeps errno */
        return NULL;
    }
    return queue;
}

void record_queue_by_way(struct record_queue *queue, void (*full)(void *ctx), void *ctx)
{
    queue->full = full;
    queue->full_ctx = ctx;
}

void record_queue_release(struct record_queue *queue)
{
    batch_ring_release(queue->ring);
}

static void hand_over(struct record_queue *queue)
{
    unsigned int next;

    if (queue->full) {
        batch_ring_hold(queue->ring);
        queue->full(queue->full_ctx);
        next = batch_ring_next(queue->ring);
    } else {
        next = batch_ring_hand(queue->ring);
    }
    queue->filling = &queue->batches[next];
}

/* A list of its own; false when there is no memory. */
static bool copy_list(const void **list, size_t count, size_t item_bytes)
{
    void *copy;

    if (!*list || !count) {
        *list = NULL;
        return true;
    }
    copy = malloc(count * item_bytes);
    if (!copy)
        return false;
    memcpy(copy, *list, count * item_bytes);
    *list = copy;
    return true;
}

static bool copy_lists(struct record *record)
{
    const void *holes = record->holes, *lots = record->lots, *note = record->note;

    if (!copy_list(&holes, record->hole_count, sizeof(struct stream_hole)))
        return false;
    if (!copy_list(&lots, record->lot_count, sizeof(struct packet_lot))) {
        free((void *)holes);
        return false;
    }
    if (!copy_list(&note, 1, sizeof(struct flow_note))) {
        free((void *)holes);
        free((void *)lots);
        return false;
    }
    record->note = note;
    record->holes = holes;
    record->lots = lots;
    return true;
}

void record_queue_also(struct record_queue *queue, const struct record_also *also)
{
    queue->also = also ? *also : (struct record_also){0};
}

static struct record *add(struct record_queue *queue, struct session *session,
                          const struct record *record, bool left_out)
{
    struct copied *copy;

    if (queue->filling->count == BATCH_RECORDS)
        hand_over(queue);
    copy = &queue->filling->copies[queue->filling->count];
    copy->left_out = left_out;
    copy->record = *record;
    if (!copy_lists(&copy->record)) {
        queue->lost++;
        return NULL;
    }
    if (queue->also.let_go)
        queue->also.let_go(queue->also.ctx, session);
    copy->session = *session;
    copy->session.extra = (struct flow_note *)copy->record.note;
    copy->flow = *record->flow;
    copy->ledger = *record->ledger;
    copy->record.session = &copy->session;
    copy->record.flow = &copy->flow;
    copy->record.ledger = &copy->ledger;
    copy->record.host = NULL;
    copy->record.facts = facts_hold(record->facts);
    if (record->tally) {
        memcpy(copy->tally, record->tally, sizeof(copy->tally));
        copy->record.tally = copy->tally;
    }
    queue->filling->count++;
    return &copy->record;
}

struct record *record_queue_add(struct record_queue *queue, struct session *session,
                                const struct record *record)
{
    return add(queue, session, record, false);
}

void record_queue_leave_out(struct record_queue *queue, struct session *session,
                            const struct record *record)
{
    add(queue, session, record, true);
}

void record_queue_send(struct record_queue *queue)
{
    if (queue->filling->count)
        hand_over(queue);
}

void record_queue_wait(struct record_queue *queue)
{
    record_queue_send(queue);
    batch_ring_wait(queue->ring);
}

uint64_t record_queue_finish(struct record_queue *queue)
{
    uint64_t lost;

    if (!queue)
        return 0;
    record_queue_wait(queue);
    batch_ring_free(queue->ring);
    lost = queue->lost + queue->thread_lost;
    buf_fini(&queue->line);
    free(queue);
    return lost;
}
