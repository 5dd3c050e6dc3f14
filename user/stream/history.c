/* SPDX-License-Identifier: Apache-2.0 */
/* The last bytes delivered in a direction, so that what comes again can be compared with them. */
#include <stdlib.h>
#include <string.h>

#include "stream/stream.h"

/* Call before the stream moves on. */
void history_add(struct dialog *dialog, unsigned int from, const uint8_t *data, size_t len)
{
    struct stream *stream = &dialog->stream[from];
    struct history *history = &stream->history;
    size_t cap = dialog->conf.history_bytes, at, part;
    uint64_t offset = stream->next;

    if (!history->bytes) {
        if (!stream_memory_take(&dialog->memory, cap))
            return;
        history->bytes = malloc(cap);
        if (!history->bytes) {
            stream_memory_give(&dialog->memory, cap);
            return;
        }
        history->begin = offset;
    }
    if (len > cap) {
        data += len - cap;
        offset += len - cap;
        len = cap;
    }
    if (offset + len > cap && history->begin < offset + len - cap)
        history->begin = offset + len - cap;
    at = (size_t)(offset % cap);
    part = len < cap - at ? len : cap - at;
    memcpy(history->bytes + at, data, part);
    memcpy(history->bytes, data + part, len - part);
}

uint64_t history_conflicts(const struct dialog *dialog, unsigned int from, uint64_t offset,
                           const uint8_t *data, size_t len)
{
    const struct stream *stream = &dialog->stream[from];
    const struct history *history = &stream->history;
    uint64_t begin = offset, end = offset + len, conflicts = 0;

    if (!history->bytes)
        return 0;
    if (begin < history->begin)
        begin = history->begin;
    if (end > stream->told)
        end = stream->told;
    for (uint64_t at = begin; at < end; at++)
        conflicts += history->bytes[at % dialog->conf.history_bytes] != data[at - offset];
    return conflicts;
}

void history_fini(struct dialog *dialog, unsigned int from)
{
    struct history *history = &dialog->stream[from].history;

    if (!history->bytes)
        return;
    stream_memory_give(&dialog->memory, dialog->conf.history_bytes);
    free(history->bytes);
    history->bytes = NULL;
}
