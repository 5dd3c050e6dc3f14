/* SPDX-License-Identifier: Apache-2.0 */
#include "app/layer.h"

#include <stdlib.h>
#include <string.h>

/* A stream's first bytes by which its parser is chosen; fewer are held until more come. */
#define CHOICE_BYTES 8

struct held_piece {
    struct held_piece *next;
    struct app_piece piece; /* .data is behind it */
    uint8_t data[];
};

/* ---- what waits */

static bool hold(struct layer *layer, const struct app_piece *piece)
{
    struct held_pieces *held = &layer->held[piece->side];
    struct held_piece *copy;

    if (held->bytes + piece->len > layer->env.limits->held_bytes)
        return false;
    copy = malloc(sizeof(*copy) + piece->len);
    if (!copy)
        return false;
    copy->next = NULL;
    copy->piece = *piece;
    memcpy(copy->data, piece->data, piece->len);
    copy->piece.data = copy->data;
    if (held->last)
        held->last->next = copy;
    else
        held->first = copy;
    held->last = copy;
    held->bytes += piece->len;
    return true;
}

static struct held_piece *take_held(struct layer *layer, enum app_side side)
{
    struct held_pieces *held = &layer->held[side];
    struct held_piece *piece = held->first;

    if (!piece)
        return NULL;
    held->first = piece->next;
    if (!held->first)
        held->last = NULL;
    held->bytes -= piece->piece.len;
    return piece;
}

static void put_back(struct layer *layer, struct held_piece *piece)
{
    struct held_pieces *held = &layer->held[piece->piece.side];

    piece->next = held->first;
    held->first = piece;
    if (!held->last)
        held->last = piece;
    held->bytes += piece->piece.len;
}

static void forget_held(struct layer *layer)
{
    struct held_piece *piece;

    for (int side = 0; side < 2; side++)
        while ((piece = take_held(layer, (enum app_side)side)))
            free(piece);
}

/* ---- the parser's life */

static void close_parser(struct layer *layer, enum parser_status status)
{
    if (layer->parser_state)
        layer->parser->close(layer->parser_state);
    layer->parser_state = NULL;
    layer->state = LAYER_CLOSED;
    if (layer->env.status && layer->env.status->status != PARSER_BROKEN)
        layer->env.status->status = status;
    forget_held(layer);
}

/* A line that nobody writes any more, and nothing was written in. */
static void drop_line(struct facts *facts, struct parser_fact *line)
{
    line->users--;
    if (!line->users && !line->items && line == &facts->parsers[facts->parser_count - 1])
        facts->parser_count--;
}

static void forget_parser(struct layer *layer)
{
    close_parser(layer, PARSER_MORE);
    if (layer->env.status && layer->env.status != &layer->untold)
        drop_line(layer->env.facts, layer->env.status);
    layer->env.status = NULL;
    layer->parser = NULL;
}

/* The parser's line: the one that another layer has with the same parser, else a new one. NULL: no room. */
static struct parser_fact *line_of(struct layer *layer, const char *name)
{
    struct facts *facts = layer->env.facts;

    for (size_t i = 0; i < facts->parser_count; i++)
        if (!strcmp(facts->parsers[i].name, name)) {
            facts->parsers[i].users++;
            return &facts->parsers[i];
        }
    if (facts->parser_count == FACTS_PARSERS)
        return NULL;
    facts->parsers[facts->parser_count] = (struct parser_fact){.name = name, .users = 1};
    return &facts->parsers[facts->parser_count++];
}

static bool open_parser(struct layer *layer, const struct app_parser *parser)
{
    layer->env.facts = layer->make_facts(layer->facts_ctx);
    if (!layer->env.facts)
        return false;
    layer->env.status = parser->name ? line_of(layer, parser->name) : &layer->untold;
    if (!layer->env.status)
        return false;
    layer->env.status->status = PARSER_MORE;
    layer->parser = parser;
    layer->parser_state = parser->open(&layer->env);
    if (!layer->parser_state) {
        forget_parser(layer);
        return false;
    }
    layer->state = LAYER_PARSING;
    return true;
}

static void note_progress(struct layer *layer, const struct app_piece *piece)
{
    struct parser_fact *status = layer->env.status;

    if (piece->packet > status->last_packet)
        status->last_packet = piece->packet;
    if (piece->lot > status->last_lot + 1)
        status->last_lot = piece->lot - 1;
}

/* ---- pieces */

static void give(struct layer *layer, const struct app_piece *piece);

/* What one side held, now that the other has spoken; it may have to wait again. */
static void drain(struct layer *layer, enum app_side side)
{
    struct held_piece *piece;

    while (layer->state == LAYER_PARSING && !layer->waiting[side] &&
           (piece = take_held(layer, side))) {
        enum app_verdict verdict = layer->parser->data(layer->parser_state, &piece->piece);

        if (verdict == APP_OTHER_SIDE) {
            layer->waiting[side] = true;
            put_back(layer, piece);
            return;
        }
        if (verdict == APP_MORE)
            note_progress(layer, &piece->piece);
        else
            close_parser(layer, verdict == APP_DONE ? PARSER_DONE : PARSER_BROKEN);
        free(piece);
    }
}

static void give(struct layer *layer, const struct app_piece *piece)
{
    enum app_side other = (enum app_side) !piece->side;

    if (layer->waiting[piece->side]) {
        if (!hold(layer, piece)) {
            layer->env.facts->cut_bytes += layer->held[piece->side].bytes + piece->len;
            close_parser(layer, PARSER_BROKEN);
        }
        return;
    }
    switch (layer->parser->data(layer->parser_state, piece)) {
    case APP_MORE:
        note_progress(layer, piece);
        if (layer->waiting[other]) {
            layer->waiting[other] = false;
            drain(layer, other);
        }
        break;
    case APP_OTHER_SIDE:
        layer->waiting[piece->side] = true;
        if (layer->waiting[other]) /* each waits for the other */
            close_parser(layer, PARSER_BROKEN);
        else
            give(layer, piece);
        break;
    case APP_DONE:
        note_progress(layer, piece);
        close_parser(layer, PARSER_DONE);
        break;
    case APP_NOT_MINE:
        forget_parser(layer);
        break;
    case APP_BROKEN:
        close_parser(layer, PARSER_BROKEN);
        break;
    }
}

/* The parsers that may know this beginning, one after the other, until one does not turn it down. */
static void choose(struct layer *layer, const struct app_piece *first)
{
    for (const struct app_parser *const *at = layer->candidates; *at; at++) {
        if (!(*at)->looks_like(layer->env.key, first))
            continue;
        if (!open_parser(layer, *at))
            break;
        give(layer, first);
        if (layer->parser)
            return;
    }
    layer->state = LAYER_CLOSED;
    forget_held(layer);
}

bool layer_turns_down(const struct app_parser *const *candidates, const struct flow_key *key,
                      bool is_stream, const struct app_piece *first)
{
    if (!first->len || (is_stream && first->len < CHOICE_BYTES))
        return false;
    for (; *candidates; candidates++)
        if ((*candidates)->looks_like(key, first))
            return false;
    return true;
}

/*
 * One side's first bytes were few: what was held is given in one, with as much of what comes behind it, piece (or NULL), as
 * there is room for. Bytes taken of that.
 */
static size_t choose_held(struct layer *layer, enum app_side side, const struct app_piece *piece)
{
    uint8_t bytes[2 * CHOICE_BYTES];
    struct held_piece *held = layer->held[side].first;
    struct app_piece first = held->piece;
    size_t some = 0;

    first.data = bytes;
    first.len = 0;
    while ((held = take_held(layer, side))) {
        memcpy(bytes + first.len, held->data, held->piece.len);
        first.len += held->piece.len;
        free(held);
    }
    if (piece) {
        some = sizeof(bytes) - first.len;
        some = piece->len < some ? piece->len : some;
        memcpy(bytes + first.len, piece->data, some);
        first.len += some;
    }
    choose(layer, &first);
    return some;
}

static void decide(struct layer *layer, const struct app_piece *piece)
{
    enum app_side other = (enum app_side) !piece->side;
    struct held_pieces *mine = &layer->held[piece->side];
    struct app_piece rest = *piece;
    bool enough = mine->bytes + piece->len >= CHOICE_BYTES;
    size_t some = 0;

    if (layer->held[other].first) { /* it said little, and is answered */
        choose_held(layer, other, NULL);
    } else if (!mine->first && (enough || !layer->is_stream)) {
        choose(layer, piece);
        return;
    } else if (!enough && hold(layer, piece)) {
        return;
    } else if (mine->first) {
        some = choose_held(layer, piece->side, piece);
    } else {
        layer->state = LAYER_CLOSED; /* no memory */
    }
    rest.data += some;
    rest.len -= some;
    rest.offset += some;
    layer_data(layer, &rest);
}

void layer_data(struct layer *layer, const struct app_piece *piece)
{
    if (layer->state == LAYER_CLOSED || !piece->len)
        return;
    layer->read_bytes[piece->side] += piece->len;
    if (layer->state == LAYER_UNDECIDED) {
        decide(layer, piece);
        return;
    }
    if (layer->read_bytes[piece->side] > layer->env.limits->stream_bytes) {
        layer->env.facts->cut_bytes += piece->len;
        close_parser(layer, PARSER_BROKEN);
        return;
    }
    give(layer, piece);
}

void layer_hole(struct layer *layer, enum app_side side, uint64_t length)
{
    enum app_verdict verdict;

    if (layer->state != LAYER_PARSING) {
        if (layer->state == LAYER_UNDECIDED && layer->held[side].first)
            choose_held(layer, side, NULL);
        return;
    }
    /* What waits on this side is before the hole: it is tried, and then given up. */
    layer->waiting[side] = false;
    drain(layer, side);
    if (layer->state != LAYER_PARSING)
        return;
    if (layer->waiting[side]) {
        struct held_piece *piece;

        layer->env.facts->cut_bytes += layer->held[side].bytes;
        while ((piece = take_held(layer, side)))
            free(piece);
        layer->waiting[side] = false;
    }
    verdict = layer->parser->hole(layer->parser_state, side, length);
    if (verdict != APP_MORE)
        close_parser(layer, verdict == APP_DONE ? PARSER_DONE : PARSER_BROKEN);
}

void layer_end(struct layer *layer, uint64_t time_ns)
{
    for (int side = 0; side < 2 && layer->state == LAYER_UNDECIDED; side++)
        if (layer->held[side].first)
            choose_held(layer, (enum app_side)side, NULL);
    if (layer->state != LAYER_PARSING)
        return;
    for (int side = 0; side < 2; side++) {
        layer->waiting[side] = false;
        drain(layer, (enum app_side)side);
    }
    for (int side = 0; side < 2 && layer->state == LAYER_PARSING; side++)
        if (layer->parser->end)
            layer->parser->end(layer->parser_state, (enum app_side)side, time_ns);
    if (layer->state == LAYER_PARSING)
        close_parser(layer, PARSER_DONE);
}

void layer_fini(struct layer *layer)
{
    forget_held(layer);
    if (layer->parser_state)
        layer->parser->close(layer->parser_state);
    layer->parser_state = NULL;
}
