/* SPDX-License-Identifier: Apache-2.0 */
/* Inside app/: an HTTP/1 connection as http1.c feeds it to libhtp, and http1_messages.c hears of it. */
#ifndef SESSTAP_APP_HTTP1_INTERNAL_H
#define SESSTAP_APP_HTTP1_INTERNAL_H

#include <htp/htp.h>

#include "app/http.h"
#include "app/http_upgrade.h"

/* What libhtp did not take of a side's bytes until the other side says more. */
struct http_rest {
    uint8_t *data; /* owned */
    size_t len;
    struct app_piece piece; /* the last of those that it came in */
};

/* The body of the message that a side sends, from the end of its headers on. */
struct http_body {
    bool chunked;
    bool has_length; /* by Content-Length, or as there is none */
    uint64_t length;
    uint64_t told_bytes; /* holes too, and nothing beyond its length */
};

struct http1 {
    const struct app_env *env;
    htp_connp_t *connp;            /* NULL: lost */
    const struct app_piece *piece; /* while it is read */
    struct http_moment end;
    struct http_upgrade upgrade;
    bool closing; /* what ends now ends with the connection */
    /* libhtp owes the rest of an interim response's header, and tells it, with the line behind, as the next one's. */
    bool owes_header;
    size_t told_headers[2]; /* of a message: those behind are trailers */
    /*
     * Bytes are missing outside of a body: what comes is no message's until a client's lot begins with a request, or the
     * response comes of the one request that waits for its own.
     */
    bool lost;
    struct http_exchange *waiting; /* that request's; owned; NULL: none, or more than one */
    bool adopts;                   /* libhtp is told of it anew */
    uint64_t unanswered; /* requests that were begun, without those whose response is over */
    bool in_answer;      /* a response was begun, and is not over */
    bool in_hole;        /* what is read stands for bytes that are missing */
    uint64_t hole_bytes; /* of them: those in a body */
    uint64_t lot;        /* of the latest piece */
    struct http_body body[2];
    struct http_rest rest[2];
};

/* Its messages are over, or will not go on. */
void http1_finish_messages(struct http1 *http);
/* The last request's, when that is over and its response was not begun: it is the caller's then, to be finished. NULL: none. */
struct http_exchange *http1_take_last(struct http1 *http);

#endif
