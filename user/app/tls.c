/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS as a parser: both directions cut into records, what is deciphered handed on. Without a key log it is done
 * when all that is in the clear was seen.
 */
#include <errno.h>
#include <stdlib.h>

#include "app/tls_internal.h"

#define SSLV2_HEADER 2
#define HELLO_TYPE   1
#define ANSWER_TYPE  4
#define ANSWER_BYTES \
    7 /* of an SSL 2.0 SERVER-HELLO: length 2 | type | session id hit | certificate type | version 2 */
#define RECORD_MIN \
    22 /* bytes of the smallest protected record, for counting what a hole may hold */
#define PLAUSIBLE_MIN 3

static bool is_sslv2_hello(const uint8_t *at, size_t len)
{
    return len >= 5 && at[0] & 0x80 && at[2] == HELLO_TYPE &&
           (at[3] == 3 || (!at[3] && at[4] == 2));
}

static size_t body_len(const uint8_t *header)
{
    return (size_t)header[3] << 8 | header[4];
}

/* As far as its bytes are here. */
static bool is_plausible(const uint8_t *at, size_t len)
{
    return at[0] >= TLS_CHANGE_CIPHER_SPEC && at[0] <= TLS_HEARTBEAT && (len < 2 || at[1] == 3) &&
           (len < 3 || at[2] <= 4) && (len < TLS_HEADER_BYTES || body_len(at) <= TLS_RECORD_MAX);
}

static bool looks_like(const struct flow_key *key, const struct app_piece *first)
{
    const uint8_t *at = first->data;

    (void)key;
    if (!first->len)
        return false;
    if (is_sslv2_hello(at, first->len))
        return true;
    if (first->len < PLAUSIBLE_MIN || !is_plausible(at, first->len) || at[0] == TLS_HEARTBEAT)
        return first->len < PLAUSIBLE_MIN && at[0] == TLS_HANDSHAKE;
    if (at[0] == TLS_HANDSHAKE && first->len > TLS_HEADER_BYTES)
        return at[TLS_HEADER_BYTES] <= 2 || at[2] == 3;
    return at[0] == TLS_HANDSHAKE || (at[2] >= 1 && at[2] <= 3);
}

/* Its line of the facts: the last one if it came to nothing, else a new one. NULL: no room. */
static struct tls_facts *take_line(const struct app_env *env)
{
    struct facts *facts = env->facts;
    struct tls_facts *line = facts->tls_last ? facts->tls_last : &facts->tls;

    if (line->taken) {
        line->next = facts->tls_count < env->limits->transactions
                         ? facts_alloc(facts, sizeof(*line->next))
                         : NULL;
        line = line->next;
    }
    if (!line) {
        facts->cut_transactions++;
        return NULL;
    }
    if (facts->tls_last != line)
        facts->tls_count++;
    facts->tls_last = line;
    *line = (struct tls_facts){.taken = true, .within = env->within, .tunnel = env->tunnel};
    return line;
}

static void *tls_open(const struct app_env *env)
{
    struct tls *tls = calloc(1, sizeof(*tls));

    if (!tls)
        return NULL;
    tls->told = take_line(env);
    if (!tls->told) {
        free(tls);
        return NULL;
    }
    tls->env = *env;
    if (env->keylog && !keylog_is_active(env->keylog))
        tls->env.keylog = NULL;
    tls->verdict = APP_MORE;
    tls->client = APP_CLIENT;
    tls->held_end = &tls->held;
    return tls;
}

void tls_deliver(struct tls *tls, const struct tls_record *record, const uint8_t *data, size_t len)
{
    struct tls_way *way = &tls->way[record->side];
    struct app_piece piece = {.side = record->side,
                              .data = data,
                              .len = len,
                              .offset = way->out_bytes,
                              .time_ns = record->time_ns,
                              .packet = record->packet,
                              .lot = record->lot};

    if (!len)
        return;
    if (way->torn && tls->env.inner_hole)
        tls->env.inner_hole(tls->env.ctx, record->side);
    way->torn = false;
    way->out_bytes += len;
    tls->told->decrypted_bytes += len;
    if (tls->env.inner)
        tls->env.inner(tls->env.ctx, &piece);
}

/* A whole record at data, if there is one. Its length with the header; 0: there is none. */
static size_t take_record(struct tls *tls, const struct app_piece *piece, const uint8_t *data,
                          size_t len)
{
    struct tls_way *way = &tls->way[piece->side];
    struct tls_record record = {.side = piece->side,
                                .time_ns = piece->time_ns,
                                .packet = piece->packet,
                                .lot = piece->lot,
                                .lost = way->lost,
                                .body = data + TLS_HEADER_BYTES};

    if (len < TLS_HEADER_BYTES)
        return 0;
    record.len = body_len(data);
    if (len - TLS_HEADER_BYTES < record.len)
        return 0;
    memcpy(record.header, data, TLS_HEADER_BYTES);
    way->lost = 0;
    if (tls->env.status)
        tls->env.status->items++;
    tls_take(tls, &record);
    return TLS_HEADER_BYTES + record.len;
}

/* The same for a hello in SSL 2.0's form; its beginning is at data. */
static size_t take_sslv2(struct tls *tls, enum app_side side, const uint8_t *data, size_t len)
{
    size_t body = (size_t)(data[0] & 0x7f) << 8 | data[1];
    struct tls_client_hello hello;

    if (len - SSLV2_HEADER < body)
        return 0;
    if (tls_sslv2_hello_parse(&hello, data + SSLV2_HEADER, body))
        tls->verdict = APP_BROKEN;
    else
        tls_client_hello(tls, side, &hello, false);
    tls->sslv2 = true;
    return SSLV2_HEADER + body;
}

/* A server that answers such a hello in kind: what follows is not TLS. False: it does not. */
static bool is_sslv2_answer(struct tls *tls, enum app_side side, const uint8_t *data, size_t len)
{
    if (!tls->sslv2 || tls->has_server_hello || side == tls->client || len < ANSWER_BYTES ||
        !(data[0] & 0x80) || data[2] != ANSWER_TYPE || data[5] || data[6] != 2)
        return false;
    tls->told->version = tls_version_name(SSL_2_0);
    tls->verdict = APP_DONE;
    return true;
}

static bool may_be_sslv2(const struct tls *tls, const uint8_t *data)
{
    return !tls->has_client_hello && !tls->has_server_hello && data[0] & 0x80;
}

/* An answer of SSL 2.0 may begin here, but is not all here yet. */
static bool waits_for_answer(const struct tls *tls, enum app_side side, const uint8_t *data,
                             size_t len)
{
    return tls->sslv2 && !tls->has_server_hello && side != tls->client && len < ANSWER_BYTES &&
           data[0] & 0x80 && (len < 3 || data[2] == ANSWER_TYPE);
}

/* What is no record ends it: at once it is another protocol, later a broken one. */
static void judge_noise(struct tls *tls)
{
    tls->verdict = tls->told->seen ? APP_BROKEN : APP_NOT_MINE;
}

/* Bytes of data that are done with. */
static size_t take_records(struct tls *tls, const struct app_piece *piece, const uint8_t *data,
                           size_t len)
{
    size_t at = 0, got = 1;

    while (tls->verdict == APP_MORE && got && at < len) {
        if (may_be_sslv2(tls, data + at)) {
            if (len - at < TLS_HEADER_BYTES)
                break;
            if (!is_sslv2_hello(data + at, len - at))
                judge_noise(tls);
            else
                got = take_sslv2(tls, piece->side, data + at, len - at);
        } else if (is_sslv2_answer(tls, piece->side, data + at, len - at)) {
            break;
        } else if (!is_plausible(data + at, len - at)) {
            if (waits_for_answer(tls, piece->side, data + at, len - at))
                break;
            judge_noise(tls);
        } else {
            got = take_record(tls, piece, data + at, len - at);
        }
        if (tls->verdict != APP_BROKEN && tls->verdict != APP_NOT_MINE)
            at += got;
    }
    return at;
}

/* What begins a record that is of no use need not be kept: only its place counts. */
static void skip_dead(struct tls *tls, struct tls_way *way)
{
    const uint8_t *header = (const uint8_t *)way->in.data;

    if (way->phase != TLS_DEAD || way->held || way->in.len < TLS_HEADER_BYTES)
        return;
    way->skip_bytes = TLS_HEADER_BYTES + body_len(header) - way->in.len;
    if (header[0] == TLS_APPLICATION_DATA)
        tls->told->undecrypted_records++;
    way->in.len = 0;
}

static void take_bytes(struct tls *tls, const struct app_piece *piece)
{
    struct tls_way *way = &tls->way[piece->side];
    size_t done = 0;

    if (!way->in.len && !way->searches)
        done = take_records(tls, piece, piece->data, piece->len);
    if (tls->verdict != APP_MORE)
        return;
    buf_add(&way->in, piece->data + done, piece->len - done);
    if (way->in.failed) {
        tls->verdict = APP_BROKEN;
        return;
    }
    if (way->searches)
        way->searches = !tls_search_record(way);
    if (way->searches || done)
        return;
    done = take_records(tls, piece, (const uint8_t *)way->in.data, way->in.len);
    memmove(way->in.data, way->in.data + done, way->in.len - done);
    way->in.len -= done;
}

static enum app_verdict tls_data(void *state, const struct app_piece *piece)
{
    struct tls *tls = state;
    struct tls_way *way = &tls->way[piece->side];
    struct app_piece rest = *piece;
    size_t skip = way->skip_bytes < rest.len ? (size_t)way->skip_bytes : rest.len;

    way->skip_bytes -= skip;
    rest.data += skip;
    rest.len -= skip;
    if (tls->held) {
        keylog_poll(tls->env.keylog, false);
        if (keylog_generation(tls->env.keylog) != tls->generation)
            tls_pump(tls);
    }
    if (rest.len && tls->verdict == APP_MORE)
        take_bytes(tls, &rest);
    if (tls->verdict == APP_MORE)
        skip_dead(tls, way);
    return tls->verdict;
}

static void add_lost(struct tls_way *way, uint64_t records)
{
    uint64_t lost = way->lost + records;

    way->lost = lost < TLS_WINDOW_MAX ? (uint32_t)lost : TLS_WINDOW_MAX;
}

static enum app_verdict tls_hole(void *state, enum app_side side, uint64_t length)
{
    struct tls *tls = state;
    struct tls_way *way = &tls->way[side];
    uint64_t left = way->skip_bytes;

    if (!tls->env.keylog)
        return tls->told->seen ? APP_BROKEN : APP_NOT_MINE;
    if (!left && !way->searches && way->in.len >= TLS_HEADER_BYTES) {
        left = TLS_HEADER_BYTES + body_len((const uint8_t *)way->in.data) - way->in.len;
        add_lost(way, 1);
    }
    way->in.len = 0;
    if (length <= left) {
        way->skip_bytes = left - length;
        return tls->verdict;
    }
    way->skip_bytes = 0;
    add_lost(way, (length - left) / RECORD_MIN + 1);
    way->searches = true;
    return tls->verdict;
}

static void finish(struct tls *tls)
{
    if (tls->finished || !tls->env.keylog)
        return;
    tls->finished = true;
    keylog_poll(tls->env.keylog, true);
    tls_pump(tls);
    if (tls->held)
        tls_give_up(tls);
    tls_keys_tell(tls);
}

static void tls_end(void *state, enum app_side side, uint64_t time_ns)
{
    struct tls *tls = state;

    (void)time_ns;
    tls->way[side].ended = true;
    if (tls->way[!side].ended)
        finish(tls);
}

static void tls_close(void *state)
{
    struct tls *tls = state;

    finish(tls);
    for (int side = APP_CLIENT; side <= APP_SERVER; side++) {
        buf_fini(&tls->way[side].in);
        buf_fini(&tls->way[side].handshake);
        tls_protect_fini(&tls->way[side].protect);
    }
    if (tls->held)
        tls_give_up(tls);
    buf_fini(&tls->plain);
    tls->told->taken = tls->told->seen;
    free(tls);
}

const struct app_parser app_tls = {
    .name = "tls",
    .looks_like = looks_like,
    .open = tls_open,
    .data = tls_data,
    .hole = tls_hole,
    .end = tls_end,
    .close = tls_close,
};
