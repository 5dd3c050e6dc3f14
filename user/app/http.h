/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside app/: a transaction of HTTP while it goes on, whatever version carries it. Parsers tell what they read,
 * and it is put down in the session's facts; bodies are decoded, measured and hashed on the way.
 */
#ifndef SESSTAP_APP_HTTP_H
#define SESSTAP_APP_HTTP_H

#include "app/parser.h"

struct http_exchange;
struct http_shared; /* what all connections of a run share */

/* NULL on no memory. */
struct http_shared *http_shared_new(void);
/* NULL is fine. */
void http_shared_free(struct http_shared *shared);

struct http1_conf; /* libhtp's */

/* NULL when HTTP/1 is not built in, or on no memory. */
struct http1_conf *http1_conf_new(void);
/* NULL is fine. */
void http1_conf_free(struct http1_conf *conf);
/* NULL: HTTP/1 is not built in. */
struct http1_conf *http_shared_http1(struct http_shared *shared);

/* When something was read, and with which packet. */
struct http_moment {
    uint64_t time_ns;
    uint64_t packet;
};

/* version: 9, 10, 11, 20. NULL on no memory; one beyond the bound is followed, but not kept. */
struct http_exchange *http_begin(const struct app_env *env, uint8_t version);
/* What it is kept as; valid until http_finish, or as long as the facts. */
struct http_transaction *http_transaction(struct http_exchange *exchange);
/* A message's first byte. */
void http_message_begins(struct http_exchange *exchange, enum app_side side,
                         struct http_moment moment);
/* What began of the response was a 1xx: it is yet to begin. */
void http_response_was_interim(struct http_exchange *exchange);
void http_header(struct http_exchange *exchange, enum app_side side, const void *name,
                 size_t name_len, const void *value, size_t value_len);
/* All its headers were told; wire_bytes of start line and headers. */
void http_headers_end(struct http_exchange *exchange, enum app_side side, uint64_t wire_bytes);
/* The same of headers behind its body. */
void http_trailers_end(struct http_exchange *exchange, enum app_side side, uint64_t wire_bytes);
/* Of its body, transfer encodings undone. */
void http_body(struct http_exchange *exchange, enum app_side side, const uint8_t *data, size_t len);
/* Bytes of the body are missing. */
void http_body_hole(struct http_exchange *exchange, enum app_side side);
/* Its last byte; complete: as its framing says. Further calls are ignored. */
void http_message_ends(struct http_exchange *exchange, enum app_side side, bool complete,
                       struct http_moment moment);
/* Free. Messages that have not ended are incomplete. NULL is fine. */
void http_finish(struct http_exchange *exchange);

/* A text of the facts; what does not fit leaves .at NULL. */
struct fact_text http_text(struct http_exchange *exchange, const void *text, size_t len);
/* The value of a header of that name, in lower case; .at NULL: there is none. */
struct fact_text http_find_header(const struct http_message *message, const char *name);

#endif
