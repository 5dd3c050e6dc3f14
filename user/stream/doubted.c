/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments that were beyond the receiver's window when they came. Where the capture missed packets the
 * receiver may have taken them all the same: an acknowledgment says so, or that the session goes on from there.
 */
#include <stdlib.h>
#include <string.h>

#include "stream/stream.h"
#include "wire.h"

/* Segments a direction; the tracker believes the fourth of a row, live each in up to five pieces. */
#define DOUBTED_MAX 32

struct doubted_piece {
    struct doubted_piece *next;
    struct segment seg;
    uint32_t end; /* number behind its last byte, or its FIN */
    size_t charged_bytes;
    bool believed;
    uint8_t bytes[];
};

struct doubted {
    struct doubted_piece *first;
    struct doubted_piece **last;
    uint32_t count;
};

static struct doubted_piece *piece_new(struct dialog *dialog, const struct segment *seg)
{
    size_t charge = sizeof(struct doubted_piece) + seg->cap_len;
    struct doubted_piece *piece;

    if (!stream_memory_take(&dialog->memory, charge))
        return NULL;
    piece = malloc(charge);
    if (!piece) {
        stream_memory_give(&dialog->memory, charge);
        return NULL;
    }
    *piece = (struct doubted_piece){
        .seg = *seg,
        .end = seg->seq + seg->wire_len + !!(seg->tcp_flags & TCP_FIN),
        .charged_bytes = charge,
    };
    piece->seg.data = piece->bytes;
    piece->seg.doubted = false;
    piece->seg.stays = false;
    if (seg->cap_len)
        memcpy(piece->bytes, seg->data, seg->cap_len);
    return piece;
}

static void piece_free(struct dialog *dialog, struct doubted_piece *piece)
{
    stream_memory_give(&dialog->memory, piece->charged_bytes);
    free(piece);
}

static void refuse(struct dialog *dialog, unsigned int from, struct doubted_piece *piece)
{
    dialog->tally[from].out_of_window += piece->seg.wire_len;
    piece_free(dialog, piece);
}

static void refuse_first(struct dialog *dialog, unsigned int from)
{
    struct doubted *doubted = dialog->stream[from].doubted;
    struct doubted_piece *piece = doubted->first;

    doubted->first = piece->next;
    if (!--doubted->count)
        doubted->last = &doubted->first;
    refuse(dialog, from, piece);
}

void doubted_keep(struct dialog *dialog, unsigned int from, const struct segment *seg)
{
    struct stream *stream = &dialog->stream[from];
    struct doubted_piece *piece;

    if (!stream->doubted) {
        stream->doubted = calloc(1, sizeof(*stream->doubted));
        if (stream->doubted)
            stream->doubted->last = &stream->doubted->first;
    }
    piece = stream->doubted ? piece_new(dialog, seg) : NULL;
    if (!piece) {
        dialog->tally[from].dropped += seg->wire_len;
        return;
    }
    if (stream->doubted->count == DOUBTED_MAX)
        refuse_first(dialog, from);
    *stream->doubted->last = piece;
    stream->doubted->last = &piece->next;
    stream->doubted->count++;
}

/* Those that are believed leave, in the order in which they came, and are segments like others. */
static void put_believed(struct dialog *dialog, unsigned int from)
{
    struct doubted *doubted = dialog->stream[from].doubted;
    struct doubted_piece **at = &doubted->first;

    while (*at) {
        struct doubted_piece *piece = *at;

        if (!piece->believed) {
            at = &piece->next;
            continue;
        }
        *at = piece->next;
        doubted->count--;
        stream_segment(dialog, from, &piece->seg);
        piece_free(dialog, piece);
    }
    doubted->last = at;
    if (!doubted->count) {
        free(doubted);
        dialog->stream[from].doubted = NULL;
    }
}

void doubted_followed(struct dialog *dialog, unsigned int from, uint32_t seq)
{
    struct doubted_piece *piece = dialog->stream[from].doubted->first;
    bool any = false;

    while (piece) {
        if (piece->end != seq || piece->believed) {
            piece = piece->next;
            continue;
        }
        piece->believed = any = true;
        seq = piece->seg.seq;
        piece = dialog->stream[from].doubted->first;
    }
    if (any)
        put_believed(dialog, from);
}

void doubted_acked(struct dialog *dialog, unsigned int from, uint32_t ack)
{
    bool any = false;

    for (struct doubted_piece *piece = dialog->stream[from].doubted->first; piece;
         piece = piece->next) {
        uint32_t ahead = ack - piece->seg.seq;

        piece->believed = ahead && ahead <= STREAM_RANGE_BYTES;
        any |= piece->believed;
    }
    if (any)
        put_believed(dialog, from);
}

void doubted_finish(struct dialog *dialog, unsigned int from)
{
    struct stream *stream = &dialog->stream[from];

    if (!stream->doubted)
        return;
    while (stream->doubted->count)
        refuse_first(dialog, from);
    free(stream->doubted);
    stream->doubted = NULL;
}
