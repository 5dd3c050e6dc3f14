/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.x by libhtp, and what a connection turns into after an upgrade. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "app/http.h"

#define METHOD_MAX 24

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

/* A method's name, as far as it goes. */
static bool is_request(const struct app_piece *piece)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (begins_with(piece, methods[i], strlen(methods[i])))
            return true;
    return false;
}

/* Of a method that is not among those: a line that ends with the version. */
static bool is_request_line(const struct app_piece *piece)
{
    const uint8_t *end = memchr(piece->data, '\n', piece->len);
    size_t len = 0;

    while (len < METHOD_MAX && len < piece->len &&
           (isalnum(piece->data[len]) || strchr("-_", piece->data[len])))
        len++;
    return len && len < piece->len && piece->data[len] == ' ' && end &&
           memmem(piece->data + len, (size_t)(end - piece->data) - len, " HTTP/1.", 8);
}

/* A request, or the server's "HTTP/1." when that was missed. */
static bool http1_looks_like(const struct flow_key *key, const struct app_piece *first)
{
    (void)key;
    if (first->side == APP_SERVER)
        return first->len >= 4 && begins_with(first, "HTTP/1.", 7);
    return is_request(first) || is_request_line(first);
}

#ifdef HAVE_HTP

#include "app/http1_internal.h"

/* A connection of libhtp's, which has seen nothing yet. */
static bool begin_connection(struct http1 *http)
{
    struct http_shared *shared = http->env->http;

    http->connp = shared ? htp_connp_create((htp_cfg_t *)http_shared_http1(shared)) : NULL;
    if (!http->connp)
        return false;
    htp_connp_set_user_data(http->connp, http);
    htp_connp_open(http->connp, NULL, 0, NULL, 0, NULL);
    return true;
}

/* What there is of messages that are not over is told. */
static void close_connection(struct http1 *http, uint64_t time_ns)
{
    htp_time_t time = {.tv_sec = (time_t)(time_ns / 1000000000)};

    http->closing = true;
    htp_connp_close(http->connp, &time);
    http->closing = false;
}

static void end_connection(struct http1 *http)
{
    if (!http->connp)
        return;
    http1_finish_messages(http);
    htp_connp_destroy_all(http->connp);
    http->connp = NULL;
    http->unanswered = 0;
    http->in_answer = false;
    for (int side = 0; side < 2; side++) {
        free(http->rest[side].data);
        http->rest[side] = (struct http_rest){0};
        http->body[side] = (struct http_body){0};
    }
}

static void *http1_open(const struct app_env *env)
{
    struct http1 *http = calloc(1, sizeof(*http));

    if (!http)
        return NULL;
    http->env = env;
    if (begin_connection(http))
        return http;
    free(http);
    return NULL;
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

/* data NULL: so many bytes are missing. Returns libhtp's stream state. */
static int pass(struct http1 *http, enum app_side side, uint64_t time_ns, const uint8_t *data,
                size_t len)
{
    htp_time_t time = {.tv_sec = (time_t)(time_ns / 1000000000),
                       .tv_usec = (suseconds_t)(time_ns / 1000 % 1000000)};

    return side == APP_CLIENT ? htp_connp_req_data(http->connp, &time, data, len)
                              : htp_connp_res_data(http->connp, &time, data, len);
}

/*
 * Behind a body came bytes that are no message, and no line end: libhtp waits for one, and would take the next response for
 * the rest of that line.
 */
static void end_excess(struct http1 *http, const struct app_piece *piece)
{
    const struct http_body *body = &http->body[APP_SERVER];

    if (piece->side == APP_SERVER && piece->lot != http->lot && http->in_answer &&
        http->unanswered > 1 && body->has_length && body->told_bytes == body->length &&
        begins_with(piece, "HTTP/1.", 7))
        pass(http, APP_SERVER, piece->time_ns, (const uint8_t *)"\n", 1);
}

static enum app_verdict feed(struct http1 *http, const struct app_piece *piece)
{
    bool is_client = piece->side == APP_CLIENT;
    struct app_piece rest = *piece;
    size_t taken;
    int state;

    if (http->upgrade.happened)
        return http_upgrade_data(&http->upgrade, piece);
    http->piece = piece;
    end_excess(http, piece);
    state = pass(http, piece->side, piece->time_ns, piece->data, piece->len);
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

/* libhtp knows nothing of the request whose response comes now: it is told of one with that method. */
static bool begin_with_waiting(struct http1 *http, const struct app_piece *piece)
{
    static const char rest[] = " / HTTP/1.1\r\nHost: h\r\n\r\n";
    struct fact_text method = http_transaction(http->waiting)->method;

    if (!method.at || !begin_connection(http))
        return false;
    http->adopts = true;
    pass(http, APP_CLIENT, piece->time_ns, (const uint8_t *)method.at, method.len);
    pass(http, APP_CLIENT, piece->time_ns, (const uint8_t *)rest, sizeof(rest) - 1);
    http->adopts = false;
    return true;
}

/*
 * A lot of the client's that begins with a request begins a step anew: before it all was answered, but where requests are
 * sent without waiting.
 */
static bool is_found(struct http1 *http, const struct app_piece *piece)
{
    if (piece->side == APP_CLIENT) {
        if (piece->lot == http->lot || !is_request(piece))
            return false;
        http_finish(http->waiting);
        http->waiting = NULL;
        http->lost = !begin_connection(http);
    } else if (http->waiting && piece->len >= 7 && begins_with(piece, "HTTP/1.", 7)) {
        http->lost = !begin_with_waiting(http, piece);
    }
    return !http->lost;
}

/* Behind a response that is over, of the server's, and no response. */
static bool is_stray(const struct http1 *http, const struct app_piece *piece)
{
    return piece->side == APP_SERVER && !http->upgrade.happened && !http->unanswered &&
           !http->in_answer && !begins_with(piece, "HTTP/1.", 7);
}

static enum app_verdict take(struct http1 *http, const struct app_piece *piece)
{
    enum app_verdict verdict;

    if (http->lost ? !is_found(http, piece) : is_stray(http, piece)) {
        http->env->facts->cut_bytes += piece->len;
        return APP_MORE;
    }
    if (http->rest[piece->side].len && !http->upgrade.happened)
        return keep_rest(http, piece, 0);
    verdict = feed(http, piece);
    if (verdict == APP_MORE)
        verdict = feed_rest(http, (enum app_side) !piece->side);
    return verdict;
}

static enum app_verdict http1_data(void *state, const struct app_piece *piece)
{
    struct http1 *http = state;
    enum app_verdict verdict = take(http, piece);

    http->lot = piece->lot;
    return verdict;
}

/* libhtp bears a gap in a body, but not in a chunk: there it gets bytes that stand for those missing. */
static void pass_hole(struct http1 *http, enum app_side side, uint64_t length)
{
    static const uint8_t zeros[4096];
    uint64_t before;

    if (!http->body[side].chunked) {
        pass(http, side, http->end.time_ns, NULL, (size_t)length);
        return;
    }
    do {
        size_t len = length < sizeof(zeros) ? (size_t)length : sizeof(zeros);

        before = http->hole_bytes;
        pass(http, side, http->end.time_ns, zeros, len);
        length -= len;
    } while (length && http->hole_bytes > before);
}

static enum app_verdict http1_hole(void *state, enum app_side side, uint64_t length)
{
    struct http1 *http = state;

    if (http->upgrade.happened)
        return http_upgrade_hole(&http->upgrade, side, length);
    if (!length)
        return APP_BROKEN;
    if (http->lost)
        return APP_MORE;
    http->in_hole = true;
    http->hole_bytes = 0;
    if (!http->rest[side].len)
        pass_hole(http, side, length);
    http->in_hole = false;
    http->lost = http->hole_bytes < length;
    if (!http->lost)
        return APP_MORE;
    if (side == APP_SERVER && http->unanswered == 2) /* the first one's response lacks them */
        http->waiting = http1_take_last(http);
    close_connection(http, http->end.time_ns);
    end_connection(http);
    return APP_MORE;
}

static void http1_end(void *state, enum app_side side, uint64_t time_ns)
{
    struct http1 *http = state;

    if (http->upgrade.happened)
        http_upgrade_end(&http->upgrade, side, time_ns);
    else if (side == APP_SERVER && !http->lost) /* the last; a body may end with the connection */
        close_connection(http, time_ns);
}

static void http1_close(void *state)
{
    struct http1 *http = state;

    end_connection(http);
    http_finish(http->waiting);
    http_upgrade_close(&http->upgrade);
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
