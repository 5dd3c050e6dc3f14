/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of HTTP/2: a transaction each, and after a CONNECT (RFC 9113 section 8.5, RFC 8441) what its DATA frames
 * carry.
 */
#ifdef HAVE_NGHTTP2

#include <stdlib.h>
#include <string.h>

#include "app/http2_internal.h"
#include "app/http_upgrade.h"

#define STREAMS_MAX    1024 /* of a session, at once */
#define PROTOCOL_BYTES 32   /* of :protocol; a longer one is none that is known */

struct stream2 {
    struct stream2 *next;
    uint32_t id;
    struct http_exchange *exchange;
    bool ended[2];
    bool connects;                 /* its method is CONNECT */
    char protocol[PROTOCOL_BYTES]; /* "": it is not extended */
    struct http_upgrade *upgrade;  /* NULL: its content is HTTP's; owned */
    bool deaf;                     /* nobody reads what the upgrade carries */
    uint64_t carried_bytes[2];
};

static struct stream2 *find_stream(const struct http2 *http, uint32_t id)
{
    for (struct stream2 *stream = http->streams; stream; stream = stream->next)
        if (stream->id == id)
            return stream;
    return NULL;
}

static struct stream2 *new_stream(struct http2 *http, uint32_t id)
{
    struct stream2 *stream;

    if (*http->env->open_streams == STREAMS_MAX) {
        http->env->facts->cut_transactions++;
        return NULL;
    }
    stream = calloc(1, sizeof(*stream));
    if (!stream)
        return NULL;
    stream->exchange = http_begin(http->env, 20);
    if (!stream->exchange) {
        free(stream);
        return NULL;
    }
    http_transaction(stream->exchange)->stream = id;
    stream->id = id;
    stream->next = http->streams;
    http->streams = stream;
    ++*http->env->open_streams;
    return stream;
}

static struct stream2 *make_stream(struct http2 *http, uint32_t id)
{
    struct stream2 *stream = find_stream(http, id);

    if (stream ||
        id <= http->last_id[id & 1]) /* what comes for a stream that is over belongs to none */
        return stream;
    http->last_id[id & 1] = id;
    return new_stream(http, id);
}

void http2_streams_upgraded(struct http2 *http)
{
    struct stream2 *stream = make_stream(http, 1);
    struct http_transaction *transaction;

    if (!stream)
        return;
    transaction = http_transaction(stream->exchange);
    transaction->method = http->env->asked->method;
    transaction->uri = http->env->asked->uri;
    transaction->host = http->env->asked->host;
    stream->ended[APP_CLIENT] = true;
}

static void end_upgrade(struct http2 *http, struct stream2 *stream)
{
    struct http_upgrade *upgrade = stream->upgrade;

    for (int side = 0; side < 2; side++)
        http_upgrade_end(upgrade, (enum app_side)side, http->last.time_ns);
    http_upgrade_close(upgrade);
    if (upgrade->tunnel)
        upgrade->env.carried_end(upgrade->env.ctx, upgrade->number);
    free(upgrade);
}

static void drop_stream(struct http2 *http, struct stream2 *gone)
{
    for (struct stream2 **at = &http->streams; *at; at = &(*at)->next) {
        if (*at != gone)
            continue;
        *at = gone->next;
        --*http->env->open_streams;
        if (gone->upgrade)
            end_upgrade(http, gone);
        http_finish(gone->exchange);
        free(gone);
        return;
    }
}

static void end_side(struct http2 *http, struct stream2 *stream, enum app_side side, bool complete,
                     struct http_moment moment)
{
    http_message_ends(stream->exchange, side, complete, moment);
    stream->ended[side] = true;
    if (stream->ended[0] && stream->ended[1])
        drop_stream(http, stream);
}

void http2_streams_end(struct http2 *http, uint32_t id, enum app_side side,
                       struct http_moment moment)
{
    struct stream2 *stream = find_stream(http, id);

    if (stream)
        end_side(http, stream, side, true, moment);
}

void http2_streams_reset(struct http2 *http, uint32_t id, struct http_moment moment)
{
    struct stream2 *stream = find_stream(http, id);

    if (!stream)
        return;
    for (int side = 0; side < 2; side++)
        http_message_ends(stream->exchange, (enum app_side)side, false, moment);
    drop_stream(http, stream);
}

void http2_streams_drop_all(struct http2 *http)
{
    while (http->streams)
        drop_stream(http, http->streams);
}

/* ---- CONNECT ------------------------------------------------------------------------------------- */

/* What the stream carries from here on is not a message's. */
static void connect_stream(struct http2 *http, struct stream2 *stream, struct http_moment moment)
{
    const char *protocol = stream->protocol[0] ? stream->protocol : NULL;

    if (!stream->upgrade) {
        stream->upgrade = calloc(1, sizeof(*stream->upgrade));
        stream->deaf = !stream->upgrade;
        if (stream->upgrade)
            http_upgrade_connect(stream->upgrade, http->env, http_transaction(stream->exchange),
                                 protocol);
    }
    http_message_ends(stream->exchange, APP_CLIENT, true, moment);
}

/* The server has answered. */
static void judge_connect(struct http2 *http, struct stream2 *stream, struct http_moment moment)
{
    struct http_transaction *transaction = http_transaction(stream->exchange);

    if (!stream->connects || transaction->upgraded || transaction->status < 200 ||
        transaction->status > 299)
        return;
    connect_stream(http, stream, moment);
    http_message_ends(stream->exchange, APP_SERVER, true, moment);
    transaction->upgraded = true;
}

static bool is_carried(const struct stream2 *stream, enum app_side side)
{
    return stream->connects && (side == APP_CLIENT || http_transaction(stream->exchange)->upgraded);
}

static void carry(struct http2 *http, struct stream2 *stream, enum app_side side,
                  const uint8_t *data, size_t len)
{
    struct app_piece piece = *http->piece;

    connect_stream(http, stream, http->last); /* a client need not wait for the answer */
    if (stream->deaf)
        return;
    piece.side = side;
    piece.data = data;
    piece.len = len;
    piece.offset = stream->carried_bytes[side];
    stream->carried_bytes[side] += len;
    stream->deaf = http_upgrade_data(stream->upgrade, &piece) != APP_MORE;
}

void http2_streams_data(struct http2 *http, uint32_t id, enum app_side side, const uint8_t *data,
                        size_t len)
{
    struct stream2 *stream = find_stream(http, id);

    if (stream && is_carried(stream, side))
        carry(http, stream, side, data, len);
    else if (stream)
        http_body(stream->exchange, side, data, len);
}

void http2_streams_hole(struct http2 *http, uint32_t id, enum app_side side, uint64_t length)
{
    struct stream2 *stream = find_stream(http, id);

    if (!stream)
        return;
    if (!is_carried(stream, side))
        http_body_hole(stream->exchange, side);
    else if (stream->upgrade && !stream->deaf)
        stream->deaf = http_upgrade_hole(stream->upgrade, side, length) != APP_MORE;
    stream->carried_bytes[side] += length;
}

/* ---- headers ------------------------------------------------------------------------------------- */

static bool is_name(const nghttp2_nv *nv, const char *name)
{
    return nv->namelen == strlen(name) && !memcmp(nv->name, name, nv->namelen);
}

static void tell_request(struct stream2 *stream, const nghttp2_nv *nv)
{
    struct http_transaction *transaction = http_transaction(stream->exchange);
    struct fact_text text = http_text(stream->exchange, nv->value, nv->valuelen);

    if (is_name(nv, ":method")) {
        transaction->method = text;
        stream->connects = nv->valuelen == 7 && !memcmp(nv->value, "CONNECT", 7);
    } else if (is_name(nv, ":path")) {
        transaction->uri = text;
    } else if (is_name(nv, ":authority")) {
        transaction->host = text;
    } else if (is_name(nv, ":protocol")) {
        transaction->protocol = text;
        memset(stream->protocol, 0, sizeof(stream->protocol));
        memcpy(stream->protocol, nv->valuelen < PROTOCOL_BYTES ? (const char *)nv->value : "?",
               nv->valuelen < PROTOCOL_BYTES ? nv->valuelen : 1);
    }
}

/* True: the header says that the block is of an interim response. */
static bool tell_pseudo(struct stream2 *stream, enum app_side side, const nghttp2_nv *nv)
{
    struct http_transaction *transaction = http_transaction(stream->exchange);
    unsigned int status = 0;

    if (side == APP_CLIENT) {
        tell_request(stream, nv);
        return false;
    }
    for (size_t i = 0; is_name(nv, ":status") && i < nv->valuelen && i < 3; i++)
        status = status * 10 + (unsigned int)(nv->value[i] - '0') % 10;
    if (status >= 100 && status < 200) {
        transaction->informational++;
        return true;
    }
    if (status)
        transaction->status = (uint16_t)status;
    return false;
}

/* Each header goes to the stream, when there is one; the decoder must see all of them. */
static bool read_block(struct side2 *one, struct stream2 *stream)
{
    enum app_side side = one->block_side;
    const uint8_t *at = one->block;
    size_t left = one->block_len;
    bool interim = false; /* its headers are not those of the response */

    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t taken = nghttp2_hd_inflate_hd2(one->inflater, &nv, &flags, at, left, 1);

        if (taken < 0)
            return false;
        at += taken;
        left -= (size_t)taken;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) && stream) {
            if (nv.namelen && nv.name[0] == ':')
                interim |= tell_pseudo(stream, side, &nv);
            else if (!interim)
                http_header(stream->exchange, side, nv.name, nv.namelen, nv.value, nv.valuelen);
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            nghttp2_hd_inflate_end_headers(one->inflater);
            return true;
        }
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && !left)
            return false;
    }
}

/* Where a proxy speaks HTTP/2 for a client of HTTP/1, Host may stand for :authority (RFC 9113 section 8.3.1). */
static void end_headers(struct http2 *http, struct stream2 *stream, const struct side2 *one)
{
    struct http_transaction *transaction = http_transaction(stream->exchange);
    enum app_side side = one->block_side;
    struct http_message *message =
        side == APP_CLIENT ? &transaction->request : &transaction->response;

    if (message->header_bytes) { /* trailers */
        http_trailers_end(stream->exchange, side, one->block_len);
        return;
    }
    if (side == APP_SERVER && !transaction->status) {
        http_response_was_interim(stream->exchange);
        return;
    }
    http_headers_end(stream->exchange, side, one->block_len);
    if (side == APP_CLIENT && !transaction->host.at)
        transaction->host = http_find_header(message, "host");
    if (side == APP_SERVER)
        judge_connect(http, stream, one->block_moment);
}

bool http2_streams_block(struct http2 *http, struct side2 *one)
{
    struct stream2 *stream = make_stream(http, one->block_id);

    one->in_block = false;
    if (stream)
        http_message_begins(stream->exchange, one->block_side, one->block_moment);
    if (!read_block(one, stream))
        return false;
    if (!stream)
        return true;
    end_headers(http, stream, one);
    if (one->block_ends_stream)
        end_side(http, stream, one->block_side, true, one->block_moment);
    return true;
}

#endif
