/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one interface between a session's bytes and those who understand them, one file a protocol. A parser
 * gets both directions in the order of the streams and writes what it finds into the session's facts.
 */
#ifndef SESSTAP_APP_PARSER_H
#define SESSTAP_APP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "session/facts.h"

struct http_shared;
struct keylog;
struct names;

enum app_verdict {
    APP_DONE,       /* knows all that it wants: gets no more */
    APP_MORE,       /* goes on */
    APP_OTHER_SIDE, /* took none of it; wants what the other side says first, then this again */
    APP_NOT_MINE,   /* another protocol: gets no more, what it found is forgotten */
    APP_BROKEN,     /* its protocol, but wrong or cut: gets no more, what it found stays */
};

enum app_side { APP_CLIENT, APP_SERVER };

/* Bytes of one direction, right behind those before. Borrowed for the call. */
struct app_piece {
    enum app_side side;
    const uint8_t *data;
    size_t len;
    uint64_t offset; /* of the first byte in its direction */
    uint64_t time_ns;
    uint64_t packet; /* that they came with: of the session's packets, from 1 */
    uint64_t lot;    /* number of the packet lot, from 1 */
};

/* An IP packet with payload, for identification. Borrowed for the call. */
struct app_packet {
    const uint8_t *l3;
    uint64_t time_ns;
    uint32_t cap_len;     /* of it at hand */
    uint32_t headers_len; /* the payload is behind them */
    uint32_t payload_len; /* as the headers say */
    uint8_t ip_version;
    uint8_t l4_proto;
};

/* Who hands a connection over to whatever comes within it. */
struct app_carrier {
    const char *by; /* name of the protocol, which stays */
    uint64_t
        tunnel; /* number of the HTTP transaction that opened it; 0: it is the rest of the connection */
};

/* What a connection of HTTP/1 was asked before it became HTTP/2's, whose stream 1 has the answer. Texts of the facts. */
struct http_asked {
    struct fact_text method;
    struct fact_text uri;
    struct fact_text host;
};

/* What a parser is given to work with; lives as long as the parser. */
struct app_env {
    const struct flow_key *key; /* of the session */
    struct facts *facts;
    struct parser_fact *status; /* its own line of facts->parsers */
    const struct app_limits *limits;
    struct names *names;      /* what addresses are called; NULL: nobody asks */
    struct http_shared *http; /* of the run; NULL: HTTP is not looked into */
    struct keylog *keylog;    /* TLS secrets of the run; NULL: none are known, and none will be */
    /*
     * For a protocol that carries another (TLS): the inner bytes, to the parsers of the inner protocol and to
     * whoever follows the session deciphered.
     */
    void (*inner)(void *ctx, const struct app_piece *piece);
    /* Inner bytes are missing from here on; how many nobody knows. */
    void (*inner_hole)(void *ctx, enum app_side side);
    /*
     * For a protocol that hands a connection over (STARTTLS, CONNECT): bytes of what comes within it, as they are. False:
     * nobody wants more of them.
     */
    bool (*carried)(void *ctx, const struct app_carrier *carrier, const struct app_piece *piece);
    /* length bytes of what the tunnel has are missing; 0: nobody knows how many. False as above. */
    bool (*carried_hole)(void *ctx, uint64_t tunnel, enum app_side side, uint64_t length);
    /* The tunnel is over, though the session goes on. */
    void (*carried_end)(void *ctx, uint64_t tunnel);
    bool cut_short;     /* from .end on: the server's side did not end by FIN */
    const char *within; /* who handed the connection over to this parser; NULL: nobody */
    uint64_t tunnel;    /* number of the transaction that opened what this is in; 0: none did */
    const struct http_asked *asked; /* before an upgrade to HTTP/2; NULL: nothing */
    uint32_t *open_streams;         /* of HTTP/2, of the whole session */
    /* Content of a message with its encodings undone, a piece at a time. NULL: nobody asks. */
    void (*content)(void *ctx, const struct http_transaction *transaction, enum app_side side,
                    const uint8_t *data, size_t len);
    /* A message is over, or will not go on. NULL: nobody asks. */
    void (*message)(void *ctx, const struct http_transaction *transaction, enum app_side side);
    void *ctx;
};

struct app_parser {
    const char *name; /* key of the record's `parsers`; NULL: not told there */
    /* Whether a session that begins with this piece may be its. Cheap, and of any thread. NULL: never asked first (inner protocols). */
    bool (*looks_like)(const struct flow_key *key, const struct app_piece *first);
    /* NULL on no memory. */
    void *(*open)(const struct app_env *env);
    enum app_verdict (*data)(void *state, const struct app_piece *piece);
    /* length bytes of a direction are missing from here on; 0: nobody knows how many. */
    enum app_verdict (*hole)(void *state, enum app_side side, uint64_t length);
    /* A direction ended (FIN or the session's end). May be NULL. */
    void (*end)(void *state, enum app_side side, uint64_t time_ns);
    void (*close)(void *state);
};

/* Bounds for one session; what they cut is counted in its facts. */
struct app_limits {
    uint64_t stream_bytes;  /* read by parsers, each direction */
    uint64_t held_bytes;    /* kept while the other side is waited for, and in parsers */
    uint64_t transactions;  /* kept in facts */
    uint64_t header_bytes;  /* of one message */
    uint64_t content_bytes; /* decoded, of one message */
    uint64_t content_ratio; /* decoded bytes to encoded ones, beyond a first megabyte */
    uint64_t facts_bytes;
};

extern const struct app_parser app_tls, app_http1, app_http2, app_websocket, app_dns, app_starttls;

#endif
