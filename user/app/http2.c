/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 (RFC 9113): frames read here, header blocks by libnghttp2's HPACK decoder.
 *
 *   length(24) type(8) flags(8) reserved(1) stream id(31) | payload
 */
#include <stdlib.h>
#include <string.h>

#include "app/http2_internal.h"
#include "app/parser.h"

#define PREFACE       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define PREFACE_BYTES 24
#define SETTING_BYTES 6

enum frame_type {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RST_STREAM = 3,
    FRAME_SETTINGS = 4,
    FRAME_PUSH_PROMISE = 5,
    FRAME_CONTINUATION = 9,
};

enum frame_flag {
    FLAG_END_STREAM = 0x1,
    FLAG_ACK = 0x1,
    FLAG_END_HEADERS = 0x4,
    FLAG_PADDED = 0x8,
    FLAG_PRIORITY = 0x20,
};

/* The client's preface, or a server that speaks first: SETTINGS of stream 0. */
static bool http2_looks_like(const struct flow_key *key, const struct app_piece *first)
{
    size_t len = first->len < PREFACE_BYTES ? first->len : PREFACE_BYTES;

    (void)key;
    if (first->side == APP_CLIENT)
        return len >= 4 && !memcmp(first->data, PREFACE, len);
    return first->len >= HTTP2_FRAME_HEAD && !first->data[0] &&
           (first->data[1] << 8 | first->data[2]) % SETTING_BYTES == 0 &&
           first->data[3] == FRAME_SETTINGS && !(first->data[4] & ~FLAG_ACK) &&
           !memcmp(first->data + 5, "\0\0\0\0", 4);
}

#ifdef HAVE_NGHTTP2

#define SETTINGS_HEADER_TABLE_SIZE 1
#define TABLE_DEFAULT_BYTES        4096
#define TABLE_MAX_BYTES            (1u << 20) /* of HPACK's dynamic table, whatever is agreed */

static void *http2_open(const struct app_env *env)
{
    struct http2 *http = calloc(1, sizeof(*http));

    if (!http)
        return NULL;
    http->env = env;
    http->sides[APP_CLIENT].preface_left = PREFACE_BYTES;
    for (int side = 0; side < 2; side++) {
        if (nghttp2_hd_inflate_new(&http->sides[side].inflater)) {
            nghttp2_hd_inflate_del(http->sides[0].inflater);
            free(http);
            return NULL;
        }
    }
    if (env->asked)
        http2_streams_upgraded(http);
    return http;
}

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Room for len bytes, at most what a message's headers may be. */
static bool make_room(const struct http2 *http, uint8_t **buffer, size_t *room, size_t len)
{
    uint8_t *more;

    if (len <= *room)
        return true;
    if (len > http->env->limits->header_bytes)
        return false;
    more = realloc(*buffer, len);
    if (!more)
        return false;
    *buffer = more;
    *room = len;
    return true;
}

static bool add_to_block(struct http2 *http, struct side2 *one, const uint8_t *data, size_t len)
{
    if (!make_room(http, &one->block, &one->block_room, one->block_len + len + 1))
        return false;
    memcpy(one->block + one->block_len, data, len);
    one->block_len += len;
    return !(one->flags & FLAG_END_HEADERS) || http2_streams_block(http, one);
}

/* ---- frames -------------------------------------------------------------------------------------- */

/*
 * What a side says of its table holds for what the other one sends. A smaller one than the default is not
 * enforced: blocks that were sent before the other side knew would be refused.
 */
static void read_settings(struct http2 *http, enum app_side side, const uint8_t *data, size_t len)
{
    nghttp2_hd_inflater *inflater = http->sides[!side].inflater;

    for (; len >= SETTING_BYTES; data += SETTING_BYTES, len -= SETTING_BYTES) {
        uint32_t value = read_u32(data + 2);

        if (data[0] == 0 && data[1] == SETTINGS_HEADER_TABLE_SIZE && value > TABLE_DEFAULT_BYTES)
            nghttp2_hd_inflate_change_table_size(inflater,
                                                 value < TABLE_MAX_BYTES ? value : TABLE_MAX_BYTES);
    }
}

static bool begin_block(struct http2 *http, enum app_side side, const uint8_t *data, size_t len,
                        struct http_moment moment)
{
    struct side2 *one = &http->sides[side];
    bool promise = one->type == FRAME_PUSH_PROMISE;
    size_t prefix = promise ? 4 : one->flags & FLAG_PRIORITY ? 5 : 0, pad = 0;

    if (one->flags & FLAG_PADDED) {
        if (!len)
            return false;
        pad = data[0];
        data++;
        len--;
    }
    if (one->in_block || prefix + pad > len)
        return false;
    one->in_block = true;
    one->block_len = 0;
    one->block_id = promise ? read_u32(data) & INT32_MAX : one->id;
    one->block_side = promise ? APP_CLIENT : side;
    one->block_ends_stream = promise || (one->flags & FLAG_END_STREAM);
    one->block_moment = moment;
    return add_to_block(http, one, data + prefix, len - prefix - pad);
}

/* A frame other than DATA, whole. */
static bool take_frame(struct http2 *http, enum app_side side, const uint8_t *data, size_t len,
                       struct http_moment moment)
{
    struct side2 *one = &http->sides[side];

    switch (one->type) {
    case FRAME_SETTINGS:
        if (!(one->flags & FLAG_ACK))
            read_settings(http, side, data, len);
        return true;
    case FRAME_RST_STREAM:
        http2_streams_reset(http, one->id, moment);
        return true;
    case FRAME_HEADERS:
    case FRAME_PUSH_PROMISE:
        return begin_block(http, side, data, len, moment);
    case FRAME_CONTINUATION:
        return one->in_block && add_to_block(http, one, data, len);
    default:
        return true;
    }
}

/* Part of a DATA frame. Returns the bytes taken. */
static size_t take_data(struct http2 *http, enum app_side side, const uint8_t *data, size_t len,
                        struct http_moment moment)
{
    struct side2 *one = &http->sides[side];
    size_t body;

    if (one->pad_is_next) {
        one->pad_is_next = false;
        one->pad = data[0];
        one->left--;
        len = 1;
    } else {
        if (len > one->left)
            len = one->left;
        body = one->left > one->pad ? one->left - one->pad : 0;
        if (body)
            http2_streams_data(http, one->id, side, data, body < len ? body : len);
        one->left -= (uint32_t)len;
    }
    if (!one->left && (one->flags & FLAG_END_STREAM))
        http2_streams_end(http, one->id, side, moment);
    return len;
}

static void read_head(struct side2 *one)
{
    one->length = read_u32(one->head) >> 8;
    one->left = one->length;
    one->type = one->head[3];
    one->flags = one->head[4];
    one->id = read_u32(one->head + 5) & INT32_MAX;
    one->pad = 0;
    one->pad_is_next = one->type == FRAME_DATA && (one->flags & FLAG_PADDED) && one->length;
    one->head_len = 0;
    one->in_frame = true;
}

/* Whether the frame's content is of interest beyond its length. */
static bool is_read(const struct side2 *one)
{
    return one->type == FRAME_HEADERS || one->type == FRAME_PUSH_PROMISE ||
           one->type == FRAME_CONTINUATION || one->type == FRAME_SETTINGS ||
           one->type == FRAME_RST_STREAM;
}

/* Bytes of a frame's payload. Returns how many were taken, 0 when it is broken. */
static size_t take_payload(struct http2 *http, enum app_side side, const uint8_t *data, size_t len,
                           struct http_moment moment)
{
    struct side2 *one = &http->sides[side];
    size_t have = one->length - one->left;

    if (one->type == FRAME_DATA)
        return take_data(http, side, data, len, moment);
    if (len > one->left)
        len = one->left;
    if (is_read(one)) {
        if (!make_room(http, &one->payload, &one->payload_room, one->length))
            return 0;
        memcpy(one->payload + have, data, len);
    }
    one->left -= (uint32_t)len;
    if (!one->left && is_read(one) && !take_frame(http, side, one->payload, one->length, moment))
        return 0;
    return len;
}

/* A frame without payload is over with its head. */
static bool end_empty(struct http2 *http, enum app_side side, struct http_moment moment)
{
    const struct side2 *one = &http->sides[side];

    if (one->type != FRAME_DATA)
        return take_frame(http, side, (const uint8_t *)"", 0, moment);
    if (one->flags & FLAG_END_STREAM)
        http2_streams_end(http, one->id, side, moment);
    return true;
}

static bool skip_preface(struct side2 *one, const struct app_piece *piece, size_t *at)
{
    while (one->preface_left && *at < piece->len) {
        if (piece->data[*at] != (uint8_t)PREFACE[PREFACE_BYTES - one->preface_left])
            return false;
        one->preface_left--;
        (*at)++;
    }
    return true;
}

static enum app_verdict http2_data(void *state, const struct app_piece *piece)
{
    struct http2 *http = state;
    struct side2 *one = &http->sides[piece->side];
    struct http_moment moment = {piece->time_ns, piece->packet};
    size_t at = 0;

    http->last = moment;
    http->piece = piece;
    if (!skip_preface(one, piece, &at))
        return piece->offset ? APP_BROKEN : APP_NOT_MINE;
    while (at < piece->len) {
        size_t taken;

        if (!one->in_frame) {
            one->head[one->head_len++] = piece->data[at++];
            if (one->head_len < HTTP2_FRAME_HEAD)
                continue;
            read_head(one);
            if (!one->length && !end_empty(http, piece->side, moment))
                return APP_BROKEN;
            one->in_frame = one->length;
            continue;
        }
        taken = take_payload(http, piece->side, piece->data + at, piece->len - at, moment);
        if (!taken)
            return APP_BROKEN;
        at += taken;
        one->in_frame = one->left;
    }
    return APP_MORE;
}

/* Within a DATA frame only content is missing; elsewhere frames and header tables are lost. */
static enum app_verdict http2_hole(void *state, enum app_side side, uint64_t length)
{
    struct http2 *http = state;
    struct side2 *one = &http->sides[side];

    if (!length || !one->in_frame || one->type != FRAME_DATA || one->pad_is_next ||
        length > one->left)
        return APP_BROKEN;
    one->left -= (uint32_t)length;
    one->in_frame = one->left;
    http2_streams_hole(http, one->id, side, length);
    if (!one->left && (one->flags & FLAG_END_STREAM))
        http2_streams_end(http, one->id, side, http->last);
    return APP_MORE;
}

static void http2_close(void *state)
{
    struct http2 *http = state;

    http2_streams_drop_all(http);
    for (int side = 0; side < 2; side++) {
        nghttp2_hd_inflate_del(http->sides[side].inflater);
        free(http->sides[side].payload);
        free(http->sides[side].block);
    }
    free(http);
}

#else

static void *http2_open(const struct app_env *env)
{
    (void)env;
    return NULL;
}

static enum app_verdict http2_data(void *state, const struct app_piece *piece)
{
    (void)state, (void)piece;
    return APP_DONE;
}

static enum app_verdict http2_hole(void *state, enum app_side side, uint64_t length)
{
    (void)state, (void)side, (void)length;
    return APP_DONE;
}

static void http2_close(void *state)
{
    (void)state;
}

#endif

const struct app_parser app_http2 = {
    .name = "http",
    .looks_like = http2_looks_like,
    .open = http2_open,
    .data = http2_data,
    .hole = http2_hole,
    .close = http2_close,
};
