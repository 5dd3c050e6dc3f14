/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last segments delivered in a direction, so that what comes again can be compared with them. No byte is
 * copied: only segments whose bytes stay where they are, in a mapped file, are remembered.
 */
#include <stdlib.h>

#include "stream/stream.h"

/* A session that is not so short gets room for more. */
static void history_grow(struct dialog_budget *budget, struct history *history)
{
    const size_t bytes = HISTORY_MORE * sizeof(*history->more);

    if (budget->history_used_bytes + bytes > budget->history_max_bytes)
        return;
    history->more = calloc(HISTORY_MORE, sizeof(*history->more));
    if (history->more)
        budget->history_used_bytes += bytes;
}

/* Call before the stream moves on. */
void history_add(struct dialog *dialog, unsigned int from, const uint8_t *data, size_t len)
{
    struct stream *stream = &dialog->stream[from];
    struct history *history = &stream->history;
    struct history_piece piece = {data, stream->next, (uint32_t)len};
    uint32_t at;

    if (history->count == HISTORY_FIRST)
        history_grow(dialog->conf.budget, history);
    at = history->count++ % (history->more ? HISTORY_FIRST + HISTORY_MORE : HISTORY_FIRST);
    if (at < HISTORY_FIRST)
        history->first[at] = piece;
    else
        history->more[at - HISTORY_FIRST] = piece;
}

static uint64_t count_different(const uint8_t *a, const uint8_t *b, uint64_t len)
{
    uint64_t different = 0;

    for (uint64_t i = 0; i < len; i++)
        different += a[i] != b[i];
    return different;
}

/* Compare len bytes at offset with a piece; returns how many of them it has. */
static uint64_t compare(const struct history_piece *piece, uint64_t offset, const uint8_t *data,
                        size_t len, uint64_t *conflicts)
{
    uint64_t begin = piece->begin > offset ? piece->begin : offset;
    uint64_t end = piece->begin + piece->len;

    if (end > offset + len)
        end = offset + len;
    if (begin >= end)
        return 0;
    *conflicts +=
        count_different(piece->data + (begin - piece->begin), data + (begin - offset), end - begin);
    return end - begin;
}

uint64_t history_conflicts(const struct dialog *dialog, unsigned int from, uint64_t offset,
                           const uint8_t *data, size_t len, uint64_t *unchecked)
{
    const struct history *history = &dialog->stream[from].history;
    uint64_t conflicts = 0, compared = 0;

    for (uint32_t i = 0; i < HISTORY_FIRST; i++)
        compared += compare(&history->first[i], offset, data, len, &conflicts);
    for (uint32_t i = 0; history->more && i < HISTORY_MORE; i++)
        compared += compare(&history->more[i], offset, data, len, &conflicts);
    *unchecked += len - compared;
    return conflicts;
}

void history_fini(struct dialog *dialog, unsigned int from)
{
    struct history *history = &dialog->stream[from].history;

    if (history->more)
        dialog->conf.budget->history_used_bytes -= HISTORY_MORE * sizeof(*history->more);
    free(history->more);
    *history = (struct history){0};
}
