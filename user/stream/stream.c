/* SPDX-License-Identifier: Apache-2.0 */
/* One direction: where a segment belongs, what of it is new, and when a gap is given up. */
#include "stream/stream.h"

#include "wire.h"

#define GIVE_UP_BYTES (256 * 1024)
#define GIVE_UP_NS    1000000000ULL

int64_t stream_offset(const struct stream *stream, uint32_t seq)
{
    int32_t ahead = (int32_t)(seq - (stream->origin_seq + (uint32_t)stream->next));

    if (ahead > STREAM_RANGE_BYTES || ahead < -STREAM_RANGE_BYTES)
        return INT64_MIN;
    return (int64_t)stream->next + ahead;
}

void stream_give_up_acked(struct dialog *dialog, unsigned int from, uint64_t time_ns)
{
    struct stream *stream = &dialog->stream[from];
    const struct waiting *waiting = &stream->waiting;

    while (waiting->count && waiting_at(waiting, 0)->begin <= stream->acked &&
           (waiting->bytes > GIVE_UP_BYTES ||
            (time_ns > stream->gap_seen_ns && time_ns - stream->gap_seen_ns >= GIVE_UP_NS))) {
        stream_pass_gap(dialog, from, waiting_at(waiting, 0)->begin);
        stream_drain(dialog, from);
    }
}

/* The direction whose gap has been there longest; -1: nothing waits. */
static int oldest_gap(const struct dialog *dialog)
{
    const struct stream *stream = dialog->stream;

    if (!stream[0].waiting.count || !stream[1].waiting.count)
        return stream[0].waiting.count ? 0 : stream[1].waiting.count ? 1 : -1;
    return stream[1].gap_seen_ns < stream[0].gap_seen_ns;
}

/* A bound is hit: give the oldest gap up. before: what shall be put into `from` begins there. */
static bool stream_relieve(struct dialog *dialog, unsigned int from, uint64_t before)
{
    int oldest = oldest_gap(dialog);
    uint64_t end;

    if (oldest < 0)
        return false;
    end = waiting_at(&dialog->stream[oldest].waiting, 0)->begin;
    if ((unsigned int)oldest == from && before < end)
        end = before;
    stream_pass_gap(dialog, (unsigned int)oldest, end);
    stream_drain(dialog, (unsigned int)oldest);
    return true;
}

/* A stretch that is all captured or all cut, where nothing waits: deliver it or let it wait. */
static void put_fresh(struct dialog *dialog, unsigned int from, const struct stretch *stretch,
                      struct segment *seg)
{
    struct stream *stream = &dialog->stream[from];
    uint64_t len = stretch->end - stretch->begin;
    bool captured = stretch->end <= stretch->cap_end;

    while (stretch->begin != stream->next) {
        if (waiting_add(&stream->waiting, &dialog->memory, stretch, seg)) {
            if (stream->waiting.count == 1)
                stream->gap_seen_ns = seg->time_ns;
            seg->pkts = 0;
            return;
        }
        if (!stream_relieve(dialog, from, stretch->begin)) {
            stream_account(dialog, from, stretch->begin, stretch->end, stretch->old_end,
                           &dialog->tally[from].dropped);
            return;
        }
    }
    if (captured) {
        stream_deliver(dialog, from, stretch->data, (size_t)len, stretch->old_end, seg);
        seg->pkts = 0;
    } else {
        stream_pass_cut(dialog, from, stretch->end, stretch->old_end);
    }
    stream_drain(dialog, from);
}

/* Put a stretch, settled with what waits, into the places that no piece has. */
static void put_stretch(struct dialog *dialog, unsigned int from, const struct stretch *stretch,
                        struct segment *seg)
{
    struct stream *stream = &dialog->stream[from];
    uint64_t at = stretch->begin;

    while (at < stretch->end) {
        uint32_t index = waiting_find(&stream->waiting, at);
        const struct piece *piece =
            index < stream->waiting.count ? waiting_at(&stream->waiting, index) : NULL;
        struct stretch fresh = *stretch;

        if (at < stream->next) { /* a piece that was drained */
            at = stream->next;
            continue;
        }
        if (piece && piece->begin <= at) {
            at = piece->end;
            continue;
        }
        fresh.begin = at;
        if (piece && piece->begin < fresh.end)
            fresh.end = piece->begin;
        if (at < stretch->cap_end && stretch->cap_end < fresh.end)
            fresh.end = stretch->cap_end;
        fresh.data += at - stretch->begin;
        at = fresh.end;
        put_fresh(dialog, from, &fresh, seg);
    }
}

/* Take the first bytes off, up to offset. */
static void stretch_skip(struct stretch *stretch, uint64_t offset)
{
    stretch->data += offset - stretch->begin;
    stretch->begin = offset;
}

/* A FIN is believed when nothing known of the stream is beyond it. */
static void note_fin(struct stream *stream, uint64_t end)
{
    const struct waiting *waiting = &stream->waiting;

    if (stream->has_fin || end < stream->next ||
        (waiting->count && end < waiting_at(waiting, waiting->count - 1)->end))
        return;
    stream->fin = end;
    stream->has_fin = true;
}

/* RFC 9293 section 3.8.4: the byte of a keep-alive is any, and no content. */
static bool is_keep_alive(const struct stream *stream, const struct segment *seg,
                          const struct stretch *passed)
{
    return seg->wire_len == 1 && passed->end == stream->next &&
           (!stream->acked || stream->acked >= stream->next);
}

/* What of a stretch is new, after the books have what is not. */
static void put_segment(struct dialog *dialog, unsigned int from, struct stretch *stretch,
                        struct segment *seg)
{
    struct stream *stream = &dialog->stream[from];
    struct stream_tally *tally = &dialog->tally[from];
    bool overlap = false, again = stretch->begin < stream->next;

    if (again) {
        struct stretch passed = *stretch;
        uint64_t captured, conflicts;

        if (passed.end > stream->next)
            passed.end = stream->next;
        stream_account_passed(dialog, from, &passed);
        captured = passed.cap_end < passed.end ? passed.cap_end : passed.end;
        conflicts =
            is_keep_alive(stream, seg, &passed)
                ? 0
                : history_conflicts(dialog, from, passed.begin, passed.data,
                                    (size_t)(captured - passed.begin), &tally->overlap_unchecked);
        tally->overlap_conflicts += conflicts;
        overlap = conflicts != 0;
        stretch_skip(stretch, passed.end);
    }
    if (stream->has_fin && stretch->end > stream->fin) {
        uint64_t begin = stretch->begin > stream->fin ? stretch->begin : stream->fin;

        stream_account(dialog, from, begin, stretch->end, stretch->old_end, &tally->dropped);
        stretch->end = begin;
    }
    overlap |= again && stretch->begin < stretch->end;
    if (stream->waiting.count)
        overlap |= overlap_settle(dialog, from, stretch, seg);
    tally->overlaps += overlap;
    put_stretch(dialog, from, stretch, seg);
}

/* Bytes before the stream's first: none of it, but for the byte of a keep-alive, the SYN's own place. */
static void drop_before_origin(struct dialog *dialog, unsigned int from, const struct segment *seg,
                               uint64_t len)
{
    struct stream_tally *tally = &dialog->tally[from];

    if (seg->wire_len == 1)
        tally->duplicate++;
    else
        stream_account(dialog, from, 0, len, seg->old_bytes, &tally->dropped);
}

void stream_segment(struct dialog *dialog, unsigned int from, const struct segment *seg)
{
    struct stream *stream = &dialog->stream[from];
    struct segment mine = *seg;
    struct stretch stretch = {.data = seg->data};
    uint64_t before;
    int64_t offset;

    if (!stream->has_origin && !(seg->tcp_flags & TCP_RST)) {
        stream->origin_seq = seg->seq;
        stream->has_origin = true;
    }
    offset = stream_offset(stream, seg->seq);
    if (offset == INT64_MIN || (seg->tcp_flags & TCP_RST)) {
        stream_account(dialog, from, 0, seg->wire_len, seg->old_bytes,
                       &dialog->tally[from].dropped);
        return;
    }
    if (offset < 0 && !stream->origin_told && !stream->next) {
        stream->origin_seq = seg->seq;
        stream->fin += (uint64_t)-offset;
        offset = 0;
    }
    before = offset >= 0 ? 0 : -offset < seg->wire_len ? (uint64_t)-offset : seg->wire_len;
    if (before)
        drop_before_origin(dialog, from, seg, before);
    if (offset + seg->wire_len >= 0 && (seg->tcp_flags & TCP_FIN))
        note_fin(stream, (uint64_t)(offset + seg->wire_len));
    if (before == seg->wire_len)
        return;
    stretch.seg_begin = stretch.begin = (uint64_t)offset + before;
    stretch.seg_end = stretch.end = (uint64_t)offset + seg->wire_len;
    stretch.cap_end = stretch.begin;
    if (seg->cap_len > before) {
        stretch.cap_end += seg->cap_len - before;
        stretch.data += before;
    }
    if (seg->old_bytes > before)
        stretch.old_end = stretch.begin + seg->old_bytes - before;
    put_segment(dialog, from, &stretch, &mine);
    stream_give_up_acked(dialog, from, seg->time_ns);
}
