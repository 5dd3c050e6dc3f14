/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside app/: one protocol layer of a session. It finds the parser for the bytes that come, hands them on in an
 * order that the parser can bear, and keeps the bounds.
 */
#ifndef SESSTAP_APP_LAYER_H
#define SESSTAP_APP_LAYER_H

#include "app/parser.h"

struct held_piece;

enum layer_state {
    LAYER_UNDECIDED, /* no byte yet, or too few to choose a parser by */
    LAYER_PARSING,
    LAYER_CLOSED, /* nobody wants more */
};

/* Pieces of one side that wait, oldest first. */
struct held_pieces {
    struct held_piece *first;
    struct held_piece *last;
    uint64_t bytes;
};

struct layer {
    const struct app_parser *const *candidates; /* ended by NULL */
    struct app_env env;                     /* facts and status are set when a parser is chosen */
    struct parser_fact untold;              /* status of a parser without a name */
    struct facts *(*make_facts)(void *ctx); /* NULL from it: no memory */
    void *facts_ctx;
    const struct app_parser *parser; /* NULL: none yet, or none at all */
    void *parser_state;
    enum layer_state state;
    bool is_stream;  /* else each piece is a datagram */
    bool waiting[2]; /* for the other side */
    struct held_pieces held[2];
    uint64_t read_bytes[2];
};

/*
 * Whether a layer with these candidates would give up at its first piece. Of any thread.
 */
bool layer_turns_down(const struct app_parser *const *candidates, const struct flow_key *key,
                      bool is_stream, const struct app_piece *first);
/* Close the parser, forget what is held. */
void layer_fini(struct layer *layer);
/* Bytes, or a datagram. What nobody reads is not counted: only what a bound cuts off. */
void layer_data(struct layer *layer, const struct app_piece *piece);
void layer_hole(struct layer *layer, enum app_side side, uint64_t length);
/* Both directions are over. What is held is tried a last time. */
void layer_end(struct layer *layer, uint64_t time_ns);

#endif
