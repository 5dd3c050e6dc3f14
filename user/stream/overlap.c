/* SPDX-License-Identifier: Apache-2.0 */
/* Two segments for one place: whose bytes stay. */
#include <string.h>

#include "stream/stream.h"

/* The new segment's bytes replace those of the old one. Boundaries are of the whole segments. */
static bool new_one_wins(enum overlap_policy policy, uint64_t new_begin, uint64_t new_end,
                         uint64_t old_begin, uint64_t old_end)
{
    switch (policy) {
    case OVERLAP_LAST:
        return true;
    case OVERLAP_BSD:
    case OVERLAP_WINDOWS:
        return new_begin < old_begin;
    case OVERLAP_LINUX:
        return new_begin < old_begin || (new_begin == old_begin && new_end > old_end);
    case OVERLAP_SOLARIS:
        return new_end > old_end || (new_end == old_end && new_begin <= old_begin);
    default:
        return false;
    }
}

static uint64_t count_different(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint64_t different = 0;

    if (memcmp(a, b, len) == 0)
        return 0;
    for (size_t i = 0; i < len; i++)
        different += a[i] != b[i];
    return different;
}

/*
 * Bytes [begin, end) of a piece become those of the new segment. Where there is no memory to split the
 * piece they keep their owner, which only matters to a third copy of them.
 */
static void take_over(struct dialog *dialog, unsigned int from, struct piece *piece, uint64_t begin,
                      uint64_t end, const struct stretch *stretch, struct segment *seg)
{
    struct waiting *waiting = &dialog->stream[from].waiting;
    uint32_t pkts;

    memcpy(piece->data + (begin - piece->begin), stretch->data + (begin - stretch->begin),
           (size_t)(end - begin));
    if (!waiting_split(waiting, &dialog->memory, begin) ||
        !waiting_split(waiting, &dialog->memory, end))
        return;
    piece = waiting_at(waiting, waiting_find(waiting, begin));
    pkts = piece->seg.pkts + seg->pkts;
    piece->seg = *seg;
    piece->seg.pkts = pkts;
    seg->pkts = 0; /* counted with what it brought first */
    piece->seg.data = NULL;
    piece->seg.stays = false;
    piece->seg_begin = stretch->seg_begin;
    piece->seg_end = stretch->seg_end;
}

/* Returns how many bytes of [begin, end), which both have, differ. */
static uint64_t settle_piece(struct dialog *dialog, unsigned int from, struct piece *piece,
                             uint64_t begin, uint64_t end, const struct stretch *stretch,
                             struct segment *seg)
{
    uint64_t different =
        count_different(piece->data + (begin - piece->begin),
                        stretch->data + (begin - stretch->begin), (size_t)(end - begin));

    if (new_one_wins(dialog->conf.policy, stretch->seg_begin, stretch->seg_end, piece->seg_begin,
                     piece->seg_end))
        take_over(dialog, from, piece, begin, end, stretch, seg);
    return different;
}

bool overlap_settle(struct dialog *dialog, unsigned int from, const struct stretch *stretch,
                    struct segment *seg)
{
    struct waiting *waiting = &dialog->stream[from].waiting;
    struct stream_tally *tally = &dialog->tally[from];
    uint64_t at = stretch->begin, different;
    bool overlap = false;

    while (at < stretch->end) {
        uint32_t index = waiting_find(waiting, at);
        struct piece *piece = index < waiting->count ? waiting_at(waiting, index) : NULL;
        uint64_t begin, end, data_end;

        if (!piece || piece->begin >= stretch->end)
            break;
        begin = piece->begin > at ? piece->begin : at;
        end = at = piece->end < stretch->end ? piece->end : stretch->end;
        data_end = end < stretch->cap_end ? end : stretch->cap_end;
        tally->duplicate += end - begin;
        if (piece->seg_begin != stretch->seg_begin || piece->seg_end != stretch->seg_end)
            overlap = true;
        if (!piece->data || data_end <= begin)
            continue;
        different = settle_piece(dialog, from, piece, begin, data_end, stretch, seg);
        tally->overlap_conflicts += different;
        overlap |= different != 0;
    }
    return overlap;
}
