/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.x by libhtp, and what a connection turns into after an upgrade. */
#include <stdlib.h>
#include <string.h>

#include "app/http.h"

static const char *const methods[] = {
    "GET ",       "POST ",   "HEAD ",     "PUT ",    "DELETE ",     "OPTIONS ",
    "CONNECT ",   "PATCH ",  "TRACE ",    "REPORT ", "PROPFIND ",   "PROPPATCH ",
    "MKCOL ",     "COPY ",   "MOVE ",     "LOCK ",   "UNLOCK ",     "SEARCH ",
    "SUBSCRIBE ", "NOTIFY ", "M-SEARCH ", "PURGE ",  "MKCALENDAR ",
};

static bool begins_with(const struct app_piece *piece, const char *text, size_t len)
{
    size_t have = piece->len < len ? piece->len : len;

    return have && !memcmp(piece->data, text, have);
}

/* A method's name, as far as it goes, or the server's "HTTP/1." when the request was missed. */
static bool http1_looks_like(const struct flow_key *key, const struct app_piece *first)
{
    (void)key;
    if (first->side == APP_SERVER)
        return first->len >= 4 && begins_with(first, "HTTP/1.", 7);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (begins_with(first, methods[i], strlen(methods[i])))
            return true;
    return false;
}

#ifdef HAVE_HTP

#include "app/http1_internal.h"

static void *http1_open(const struct app_env *env)
{
    struct http1 *http = calloc(1, sizeof(*http));

    if (!http)
        return NULL;
    http->env = env;
    http->connp = env->http ? htp_connp_create((htp_cfg_t *)http_shared_http1(env->http)) : NULL;
    if (!http->connp) {
        free(http);
        return NULL;
    }
    htp_connp_set_user_data(http->connp, http);
    htp_connp_open(http->connp, NULL, 0, NULL, 0, NULL);
    return http;
}

/* Keep what is left of a side's bytes until the other side has said more. */
static enum app_verdict keep_rest(struct http1 *http, const struct app_piece *piece, size_t taken)
{
    struct http_rest *rest = &http->rest[piece->side];
    size_t len = piece->len - taken;
    uint8_t *more;

    if (!len)
        return APP_MORE;
    if (rest->len + len > http->env->limits->held_bytes) {
        http->env->facts->cut_bytes += rest->len + len;
        return APP_BROKEN;
    }
    more = realloc(rest->data, rest->len + len);
    if (!more)
        return APP_BROKEN;
    memcpy(more + rest->len, piece->data + taken, len);
    rest->data = more;
    rest->len += len;
    rest->piece = *piece;
    return APP_MORE;
}

static enum app_verdict feed(struct http1 *http, const struct app_piece *piece)
{
    htp_time_t time = {.tv_sec = (time_t)(piece->time_ns / 1000000000),
                       .tv_usec = (suseconds_t)(piece->time_ns / 1000 % 1000000)};
    bool is_client = piece->side == APP_CLIENT;
    struct app_piece rest = *piece;
    size_t taken;
    int state;

    if (http->upgrade.happened)
        return http_upgrade_data(&http->upgrade, piece);
    http->piece = piece;
    state = is_client ? htp_connp_req_data(http->connp, &time, piece->data, piece->len)
                      : htp_connp_res_data(http->connp, &time, piece->data, piece->len);
    taken = is_client ? htp_connp_req_data_consumed(http->connp)
                      : htp_connp_res_data_consumed(http->connp);
    http->piece = NULL;
    http->end = (struct http_moment){piece->time_ns, piece->packet};
    if (http->upgrade.happened) {
        if (taken >= piece->len)
            return APP_MORE;
        rest.data += taken;
        rest.len -= taken;
        rest.offset += taken;
        return http_upgrade_data(&http->upgrade, &rest);
    }
    switch (state) {
    case HTP_STREAM_ERROR:
        return APP_BROKEN;
    case HTP_STREAM_STOP:
        return APP_DONE;
    case HTP_STREAM_DATA_OTHER:
        return keep_rest(http, piece, taken);
    default:
        return APP_MORE;
    }
}

/* What a side had to wait with, now that the other one has spoken. */
static enum app_verdict feed_rest(struct http1 *http, enum app_side side)
{
    struct http_rest rest = http->rest[side];
    enum app_verdict verdict;

    if (!rest.len)
        return APP_MORE;
    http->rest[side] = (struct http_rest){0};
    rest.piece.data = rest.data;
    rest.piece.len = rest.len;
    verdict = feed(http, &rest.piece);
    free(rest.data);
    return verdict;
}

static enum app_verdict http1_data(void *state, const struct app_piece *piece)
{
    struct http1 *http = state;
    enum app_verdict verdict;

    if (http->rest[piece->side].len && !http->upgrade.happened)
        return keep_rest(http, piece, 0);
    verdict = feed(http, piece);
    if (verdict == APP_MORE)
        verdict = feed_rest(http, (enum app_side) !piece->side);
    return verdict;
}

/* libhtp bears a gap in a body, nowhere else. */
static enum app_verdict http1_hole(void *state, enum app_side side, uint64_t length)
{
    struct http1 *http = state;
    htp_time_t time = {.tv_sec = (time_t)(http->end.time_ns / 1000000000)};
    int result;

    if (http->upgrade.happened)
        return http_upgrade_hole(&http->upgrade, side, length);
    if (!length)
        return APP_BROKEN;
    result = side == APP_CLIENT ? htp_connp_req_data(http->connp, &time, NULL, (size_t)length)
                                : htp_connp_res_data(http->connp, &time, NULL, (size_t)length);
    return result == HTP_STREAM_ERROR || result == HTP_STREAM_STOP ? APP_BROKEN : APP_MORE;
}

static void http1_end(void *state, enum app_side side, uint64_t time_ns)
{
    struct http1 *http = state;
    htp_time_t time = {.tv_sec = (time_t)(time_ns / 1000000000)};

    if (http->upgrade.happened) {
        http_upgrade_end(&http->upgrade, side, time_ns);
    } else if (side == APP_SERVER) { /* the last; a body may end with the connection */
        http->closing = true;
        htp_connp_close(http->connp, &time);
    }
}

static void http1_close(void *state)
{
    struct http1 *http = state;

    http1_finish_messages(http);
    http_upgrade_close(&http->upgrade);
    htp_connp_destroy_all(http->connp);
    free(http->rest[0].data);
    free(http->rest[1].data);
    free(http);
}

#else

static void *http1_open(const struct app_env *env)
{
    (void)env;
    return NULL;
}

static enum app_verdict http1_data(void *state, const struct app_piece *piece)
{
    (void)state, (void)piece;
    return APP_DONE;
}

static enum app_verdict http1_hole(void *state, enum app_side side, uint64_t length)
{
    (void)state, (void)side, (void)length;
    return APP_DONE;
}

static void http1_end(void *state, enum app_side side, uint64_t time_ns)
{
    (void)state, (void)side, (void)time_ns;
}

static void http1_close(void *state)
{
    (void)state;
}

#endif

const struct app_parser app_http1 = {
    .name = "http",
    .looks_like = http1_looks_like,
    .open = http1_open,
    .data = http1_data,
    .hole = http1_hole,
    .end = http1_end,
    .close = http1_close,
};
