/* SPDX-License-Identifier: Apache-2.0 */
/* Inside http2*.c: frames (http2.c) tell of streams (http2_streams.c), whose messages http.c puts down. */
#ifndef SESSTAP_HTTP2_INTERNAL_H
#define SESSTAP_HTTP2_INTERNAL_H

#define HTTP2_FRAME_HEAD 9

#ifdef HAVE_NGHTTP2

#include <nghttp2/nghttp2.h>

#include "app/http.h"

struct stream2;

/* One direction. */
struct side2 {
    nghttp2_hd_inflater *inflater;
    uint8_t head[HTTP2_FRAME_HEAD];
    size_t head_len;
    size_t preface_left;
    /* The frame being read. */
    uint32_t length;
    uint32_t left; /* of its payload */
    uint8_t type;
    uint8_t flags;
    uint32_t id;
    bool in_frame;
    uint32_t pad;     /* DATA: bytes at its end */
    bool pad_is_next; /* DATA: the first byte says how many */
    uint8_t *payload; /* of a frame that is read whole; owned */
    size_t payload_room;
    /* A header block, until END_HEADERS. */
    uint8_t *block; /* owned */
    size_t block_len;
    size_t block_room;
    uint32_t block_id;
    enum app_side block_side; /* whose message it belongs to: a promised request is the client's */
    bool block_ends_stream;
    bool in_block;
    struct http_moment block_moment;
};

struct http2 {
    const struct app_env *env;
    struct stream2 *streams;
    uint32_t last_id[2];           /* highest so far: even ones are the server's */
    struct http_moment last;       /* of the latest piece */
    const struct app_piece *piece; /* while it is read */
    struct side2 sides[2];
};

/* The stream that the server answers an upgraded connection of HTTP/1 in. */
void http2_streams_upgraded(struct http2 *http);
/* A header block is whole: what one->block has. False: it is broken. */
bool http2_streams_block(struct http2 *http, struct side2 *one);
/* Of a DATA frame: content, or what a tunnel carries. */
void http2_streams_data(struct http2 *http, uint32_t id, enum app_side side, const uint8_t *data,
                        size_t len);
/* length bytes of such are missing. */
void http2_streams_hole(struct http2 *http, uint32_t id, enum app_side side, uint64_t length);
/* END_STREAM. */
void http2_streams_end(struct http2 *http, uint32_t id, enum app_side side,
                       struct http_moment moment);
/* RST_STREAM. */
void http2_streams_reset(struct http2 *http, uint32_t id, struct http_moment moment);
void http2_streams_drop_all(struct http2 *http);

#endif

#endif
