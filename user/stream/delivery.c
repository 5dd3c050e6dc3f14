/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves a stream, in its order: bytes, cuts and holes, each entered into the books. */
#include <stdlib.h>

#include "stream/stream.h"

#define HOLES_MAX     1024
#define HOLES_AT_ONCE 4

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

/* How much of [begin, end) lies before limit. */
static uint64_t part_before(uint64_t begin, uint64_t end, uint64_t limit)
{
    return limit > begin ? at_most(limit, end) - begin : 0;
}

static bool holes_reserve(struct dialog *dialog)
{
    uint32_t cap = dialog->hole_cap ? dialog->hole_cap * 2 : HOLES_AT_ONCE;
    size_t more_bytes = (cap - dialog->hole_cap) * sizeof(*dialog->holes);
    struct dialog_budget *budget = dialog->memory.budget;
    struct stream_hole *holes;

    if (dialog->hole_count < dialog->hole_cap)
        return true;
    if (cap > HOLES_MAX || budget->hole_list_bytes + more_bytes > budget->max_bytes / 4)
        return false;
    holes = realloc(dialog->holes, cap * sizeof(*holes));
    if (!holes)
        return false;
    budget->hole_list_bytes += more_bytes;
    dialog->holes = holes;
    dialog->hole_cap = cap;
    return true;
}

/* Tell the output that [told, end) is not there. */
static void stream_tell_hole(struct dialog *dialog, unsigned int from, uint64_t end, bool cut)
{
    struct stream *stream = &dialog->stream[from];
    uint64_t offset = stream->told, length = end - offset;

    stream->told = end;
    if (dialog->conf.is_tcp) {
        dialog->tally[from].holes++;
        dialog->tally[from].hole_bytes += length;
        if (holes_reserve(dialog))
            dialog->holes[dialog->hole_count++] =
                (struct stream_hole){offset, length, (uint8_t)from, cut};
    }
    if (dialog->conf.output.hole)
        dialog->conf.output.hole(dialog->conf.output.ctx, from, offset, length);
}

void stream_deliver(struct dialog *dialog, unsigned int from, const uint8_t *data, size_t len,
                    uint64_t old_end, const struct segment *seg)
{
    struct stream *stream = &dialog->stream[from];
    struct stream_tally *tally = &dialog->tally[from];
    uint64_t offset = stream->next;

    if (stream->told < offset)
        stream_tell_hole(dialog, from, offset, true);
    if (seg->stays)
        history_add(dialog, from, data, len);
    stream->next = stream->told = offset + len;
    tally->delivered += len;
    tally->recovered += part_before(offset, offset + len, old_end);
    lots_add(dialog, from, len, seg);
    if (seg->pkt_index > stream->last_pkt_index)
        stream->last_pkt_index = seg->pkt_index;
    if (dialog->conf.output.data)
        dialog->conf.output.data(dialog->conf.output.ctx, from, offset, data, len, seg);
}

void stream_account(struct dialog *dialog, unsigned int from, uint64_t begin, uint64_t end,
                    uint64_t old_end, uint64_t *term)
{
    uint64_t old = part_before(begin, end, old_end);

    dialog->tally[from].duplicate += old;
    *term += end - begin - old;
}

void stream_pass_cut(struct dialog *dialog, unsigned int from, uint64_t end, uint64_t old_end)
{
    struct stream *stream = &dialog->stream[from];

    stream_account(dialog, from, stream->next, end, old_end, &dialog->tally[from].cut);
    stream->next = end;
}

void stream_pass_gap(struct dialog *dialog, unsigned int from, uint64_t end)
{
    struct stream *stream = &dialog->stream[from];

    if (stream->told < stream->next)
        stream_tell_hole(dialog, from, stream->next, true);
    stream_tell_hole(dialog, from, end, false);
    stream->next = end;
}

void stream_drain(struct dialog *dialog, unsigned int from)
{
    struct stream *stream = &dialog->stream[from];
    struct waiting *waiting = &stream->waiting;

    if (!waiting->count || waiting_at(waiting, 0)->begin != stream->next)
        return;
    do {
        struct piece *piece = waiting_at(waiting, 0);

        if (piece->data)
            stream_deliver(dialog, from, piece->data, (size_t)(piece->end - piece->begin),
                           piece->old_end, &piece->seg);
        else
            stream_pass_cut(dialog, from, piece->end, piece->old_end);
        waiting_remove(waiting, &dialog->memory, 0);
    } while (waiting->count && waiting_at(waiting, 0)->begin == stream->next);
    if (waiting->count)
        stream->gap_seen_ns = waiting_at(waiting, 0)->seg.time_ns;
}

/*
 * Passed means delivered or cut, so a duplicate, but for the holes that nothing had come for: what
 * comes for them now comes too late. The newest holes are last, those of a direction in stream order.
 */
void stream_account_passed(struct dialog *dialog, unsigned int from, const struct stretch *stretch)
{
    uint64_t end = stretch->end;

    for (uint32_t i = dialog->hole_count; i-- > 0 && end > stretch->begin;) {
        const struct stream_hole *hole = &dialog->holes[i];
        uint64_t hole_end = hole->offset + hole->length, begin;

        if (hole->from != from || hole->offset >= end)
            continue;
        if (hole_end <= stretch->begin)
            break;
        if (hole_end < end) {
            dialog->tally[from].duplicate += end - hole_end;
            end = hole_end;
        }
        begin = hole->offset > stretch->begin ? hole->offset : stretch->begin;
        if (hole->cut)
            dialog->tally[from].duplicate += end - begin;
        else
            stream_account(dialog, from, begin, end, stretch->old_end,
                           &dialog->tally[from].dropped);
        end = begin;
    }
    dialog->tally[from].duplicate += end - stretch->begin;
}
