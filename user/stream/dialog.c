/* SPDX-License-Identifier: Apache-2.0 */
/* The two directions of a session, from outside. */
#include "stream/dialog.h"

#include <stdlib.h>

#include "stream/stream.h"
#include "wire.h"

struct dialog *dialog_new(const struct dialog_conf *conf)
{
    struct dialog *dialog = calloc(1, sizeof(*dialog));

    if (!dialog)
        return NULL;
    dialog->conf = *conf;
    dialog->memory.budget = conf->budget;
    return dialog;
}

void dialog_free(struct dialog *dialog)
{
    if (!dialog)
        return;
    for (unsigned int from = 0; from < 2; from++) {
        waiting_fini(&dialog->stream[from].waiting, &dialog->memory);
        history_fini(dialog, from);
        doubted_finish(dialog, from);
    }
    dialog->memory.budget->hole_list_bytes -= dialog->hole_cap * sizeof(*dialog->holes);
    free(dialog->holes);
    free(dialog->lots);
    free(dialog);
}

void dialog_begin(struct dialog *dialog, unsigned int from, uint32_t first_byte_seq)
{
    struct stream *stream = &dialog->stream[from & 1];

    if (stream->origin_told || stream->next)
        return;
    stream->origin_seq = first_byte_seq;
    stream->has_origin = true;
    stream->origin_told = true;
    stream->has_fin = false; /* it was taken relative to another origin */
}

/* The whole segment is the stream's next bytes. */
static inline void take_next(struct dialog *dialog, unsigned int from, const struct segment *seg)
{
    struct stream *stream = &dialog->stream[from];
    uint64_t begin = stream->next, old_end = begin + seg->old_bytes;

    if (seg->cap_len)
        stream_deliver(dialog, from, seg->data, seg->cap_len, old_end, seg);
    if (seg->cap_len < seg->wire_len)
        stream_pass_cut(dialog, from, begin + seg->wire_len, old_end);
}

void dialog_segment(struct dialog *dialog, const struct segment *seg)
{
    unsigned int from = seg->from & 1;
    const struct stream *stream = &dialog->stream[from];
    struct segment trusted;

    if (!seg->wire_len && (!dialog->conf.is_tcp || !(seg->tcp_flags & TCP_FIN)))
        return;
    if (seg->cap_len > seg->wire_len || seg->old_bytes > seg->wire_len) {
        trusted = *seg;
        if (trusted.cap_len > seg->wire_len)
            trusted.cap_len = seg->wire_len;
        if (trusted.old_bytes > seg->wire_len)
            trusted.old_bytes = seg->wire_len;
        seg = &trusted;
    }
    if (seg->doubted) {
        doubted_keep(dialog, from, seg);
        return;
    }
    if (stream->doubted)
        doubted_followed(dialog, from, seg->seq);
    if (!dialog->conf.is_tcp ||
        (stream->has_origin && seg->seq == stream->origin_seq + (uint32_t)stream->next &&
         !stream->waiting.count && !stream->has_fin && !(seg->tcp_flags & (TCP_FIN | TCP_RST))))
        take_next(dialog, from, seg);
    else
        stream_segment(dialog, from, seg);
}

void dialog_came_twice(struct dialog *dialog, unsigned int from, uint64_t bytes)
{
    dialog->tally[from & 1].duplicate += bytes;
}

void dialog_ack(struct dialog *dialog, unsigned int from, uint32_t ack, uint64_t time_ns)
{
    unsigned int other = !(from & 1);
    struct stream *stream = &dialog->stream[other];
    int64_t offset;

    if (stream->doubted)
        doubted_acked(dialog, other, ack);
    if (!stream->has_origin)
        return;
    offset = stream_offset(stream, ack);
    if (offset <= (int64_t)stream->acked && !stream->waiting.count)
        return;
    if (offset > (int64_t)stream->acked)
        stream->acked = (uint64_t)offset;
    stream_give_up_acked(dialog, other, time_ns);
}

/* The direction whose next piece was captured first; -1: nothing waits. */
static int next_waiting(const struct dialog *dialog)
{
    const struct waiting *first = &dialog->stream[0].waiting, *second = &dialog->stream[1].waiting;

    if (!first->count || !second->count)
        return first->count ? 0 : second->count ? 1 : -1;
    return waiting_at(second, 0)->seg.pkt_index < waiting_at(first, 0)->seg.pkt_index;
}

/* Where a stream begins may be told until it has a first byte, and then its end is another. */
static bool has_ended(const struct stream *stream)
{
    return stream->has_fin && stream->next == stream->fin && (stream->origin_told || stream->next);
}

bool dialog_is_over(const struct dialog *dialog)
{
    return has_ended(&dialog->stream[0]) && has_ended(&dialog->stream[1]);
}

void dialog_finish(struct dialog *dialog, const struct flow *flow)
{
    int from;

    history_fini(dialog, 0); /* the input may be closed by now */
    history_fini(dialog, 1);
    for (from = 0; flow && from < 2; from++) {
        if (flow->dir[from].known & FLOW_KNOWS_ACK)
            dialog_ack(dialog, (unsigned int)from, flow->dir[from].ack, flow->dir[from].last_ns);
    }
    for (from = 0; from < 2; from++)
        doubted_finish(dialog, (unsigned int)from);
    while ((from = next_waiting(dialog)) >= 0) {
        const struct waiting *waiting = &dialog->stream[from].waiting;

        stream_pass_gap(dialog, (unsigned int)from, waiting_at(waiting, 0)->begin);
        stream_drain(dialog, (unsigned int)from);
    }
    for (from = 0; from < 2; from++) {
        const struct stream *stream = &dialog->stream[from];

        if (stream->has_fin && stream->next < stream->fin)
            stream_pass_gap(dialog, (unsigned int)from, stream->fin);
    }
}

const struct stream_tally *dialog_tally(const struct dialog *dialog)
{
    return dialog->tally;
}

const struct packet_lot *dialog_lots(const struct dialog *dialog, size_t *count)
{
    *count = dialog->conf.keep_lots ? dialog->lots_kept : (size_t)dialog->lot_count;
    return dialog->lots;
}

const struct stream_hole *dialog_holes(const struct dialog *dialog, size_t *count)
{
    *count = dialog->hole_count;
    return dialog->holes;
}
