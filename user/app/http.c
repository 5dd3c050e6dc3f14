/* SPDX-License-Identifier: Apache-2.0 */
#include "app/http.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/content.h"
#include "app/http_headers.h"

#define EARLY_BYTES   32
#define CODINGS_BYTES 256
#define SPARE_HASHES  16

struct http_shared {
    struct http1_conf *http1;
    EVP_MD *sha256;                  /* NULL: there is none, bodies go without */
    EVP_MD_CTX *spare[SPARE_HASHES]; /* to begin one anew costs far less than to make one */
    size_t spare_count;
    struct http_headers headers;
};

/* A message while it is read. */
struct exchange_side {
    struct http_exchange *exchange;
    struct http_message *message;
    uint64_t header_text_bytes; /* names and values kept */
    struct content *content;    /* NULL: no headers yet, or not kept */
    bool as_it_came;            /* its encoding is not known here, or it is not in it */
    uint8_t early[EARLY_BYTES]; /* the body so far, as long as it fits and nothing came of it */
    size_t early_len;
    EVP_MD_CTX *hash; /* NULL: no content yet */
    bool began;
    bool headers_over;
    bool ended;
    bool hole;
    enum app_side side;
};

struct http_exchange {
    const struct app_env *env;
    struct http_transaction *transaction;
    bool kept; /* in the facts; else it is ours */
    struct exchange_side sides[2];
};

struct http_shared *http_shared_new(void)
{
    struct http_shared *shared = calloc(1, sizeof(*shared));

    if (!shared)
        return NULL;
    shared->http1 = http1_conf_new();
    shared->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    return shared;
}

void http_shared_free(struct http_shared *shared)
{
    if (!shared)
        return;
    while (shared->spare_count)
        EVP_MD_CTX_free(shared->spare[--shared->spare_count]);
    EVP_MD_free(shared->sha256);
    http1_conf_free(shared->http1);
    free(shared);
}

struct http1_conf *http_shared_http1(struct http_shared *shared)
{
    return shared->http1;
}

/* The facts' last transaction from now on, if there is room. */
static bool keep(struct http_exchange *exchange)
{
    struct facts *facts = exchange->env->facts;
    struct http_transaction *transaction = NULL;

    if (facts->http_count < exchange->env->limits->transactions)
        transaction = facts_alloc(facts, sizeof(*transaction));
    if (!transaction) {
        facts->cut_transactions++;
        return false;
    }
    if (facts->http_last)
        facts->http_last->next = transaction;
    else
        facts->http = transaction;
    facts->http_last = transaction;
    facts->http_count++;
    exchange->transaction = transaction;
    return true;
}

struct http_exchange *http_begin(const struct app_env *env, uint8_t version)
{
    struct http_exchange *exchange = calloc(1, sizeof(*exchange));

    if (!exchange)
        return NULL;
    exchange->env = env;
    exchange->kept = keep(exchange);
    if (!exchange->kept)
        exchange->transaction = calloc(1, sizeof(*exchange->transaction));
    if (!exchange->transaction) {
        free(exchange);
        return NULL;
    }
    exchange->transaction->version = version;
    exchange->transaction->number = ++env->status->items;
    exchange->transaction->tunnel = env->tunnel;
    for (int side = 0; side < 2; side++) {
        exchange->sides[side].exchange = exchange;
        exchange->sides[side].side = (enum app_side)side;
    }
    exchange->sides[APP_CLIENT].message = &exchange->transaction->request;
    exchange->sides[APP_SERVER].message = &exchange->transaction->response;
    return exchange;
}

struct http_transaction *http_transaction(struct http_exchange *exchange)
{
    return exchange->transaction;
}

void http_message_begins(struct http_exchange *exchange, enum app_side side,
                         struct http_moment moment)
{
    struct exchange_side *one = &exchange->sides[side];

    if (one->began)
        return;
    one->began = true;
    one->message->first_ns = moment.time_ns;
    one->message->first_packet = moment.packet;
}

void http_response_was_interim(struct http_exchange *exchange)
{
    exchange->sides[APP_SERVER].began = false;
    exchange->transaction->response.first_ns = 0;
    exchange->transaction->response.first_packet = 0;
}

/* ---- headers ------------------------------------------------------------------------------------- */

struct fact_text http_text(struct http_exchange *exchange, const void *text, size_t len)
{
    if (!exchange->kept)
        return (struct fact_text){0};
    return facts_text(exchange->env->facts, text, len);
}

struct fact_text http_find_header(const struct http_message *message, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < message->header_count; i++) {
        const struct http_header *header = message->headers[i];

        if (header->name.len == len && !strncasecmp(header->name.at, name, len))
            return header->value;
    }
    return (struct fact_text){0};
}

void http_header(struct http_exchange *exchange, enum app_side side, const void *name,
                 size_t name_len, const void *value, size_t value_len)
{
    struct exchange_side *one = &exchange->sides[side];
    struct facts *facts = exchange->env->facts;

    one->header_text_bytes += name_len + value_len;
    if (!exchange->kept || !exchange->env->http)
        return;
    if (one->header_text_bytes > exchange->env->limits->header_bytes) {
        one->message->cut = true;
        one->message->headers_cut = true;
        facts->cut_headers++;
        return;
    }
    http_headers_add(&exchange->env->http->headers, facts, exchange->env->limits->transactions,
                     one->message, name, name_len, value, value_len);
}

/* Those that were told are the message's. */
static void take_headers(struct http_exchange *exchange, struct http_message *message)
{
    if (exchange->env->http &&
        !http_headers_take(&exchange->env->http->headers, exchange->env->facts, message))
        message->cut = true;
}

void http_trailers_end(struct http_exchange *exchange, enum app_side side, uint64_t wire_bytes)
{
    struct http_message *message = exchange->sides[side].message;

    take_headers(exchange, message);
    message->header_bytes += wire_bytes;
}

/* ---- bodies -------------------------------------------------------------------------------------- */

/* Content, decoded. */
static void on_content(void *ctx, const uint8_t *data, size_t len)
{
    struct exchange_side *one = ctx;
    const struct app_env *env = one->exchange->env;

    one->message->content_bytes += len;
    if (one->hash)
        EVP_DigestUpdate(one->hash, data, len);
    if (env->content)
        env->content(env->ctx, one->exchange->transaction, one->side, data, len);
}

static struct content *new_content(struct exchange_side *one, const char *codings, size_t len)
{
    const struct app_limits *limits = one->exchange->env->limits;

    return content_new(codings, len, limits->content_bytes, limits->content_ratio, on_content, one);
}

/* What the content is in, in the order applied: the transfer is coded last. Returns the length. */
static size_t put_codings(char codings[CODINGS_BYTES], const struct http_message *message)
{
    struct fact_text transfer = http_find_header(message, "transfer-encoding");
    struct fact_text content = message->content_encoding;
    int len;

    if (!transfer.at || transfer.len <= strlen("chunked"))
        transfer = (struct fact_text){0};
    len = snprintf(codings, CODINGS_BYTES, "%.*s, %.*s", (int)content.len,
                   content.at ? content.at : "", (int)transfer.len, transfer.at ? transfer.at : "");
    return len < CODINGS_BYTES ? (size_t)len : CODINGS_BYTES - 1;
}

void http_headers_end(struct http_exchange *exchange, enum app_side side, uint64_t wire_bytes)
{
    struct exchange_side *one = &exchange->sides[side];
    struct http_message *message = one->message;
    char codings[CODINGS_BYTES];

    take_headers(exchange, message);
    if (one->ended)
        return;
    one->headers_over = true;
    message->header_bytes = wire_bytes;
    message->content_type = http_find_header(message, "content-type");
    message->content_encoding = http_find_header(message, "content-encoding");
    content_free(one->content);
    one->content = NULL;
    if (!exchange->kept)
        return;
    one->content = new_content(one, codings, put_codings(codings, message));
    if (one->content)
        return;
    message->decode_failed = true;
    if (errno != ENOTSUP)
        return;
    one->as_it_came = true;
    one->content = new_content(one, "", 0);
}

static bool begin_hash(struct exchange_side *one)
{
    struct http_shared *shared = one->exchange->env->http;

    if (!shared || !shared->sha256)
        return false;
    one->hash = shared->spare_count ? shared->spare[--shared->spare_count] : EVP_MD_CTX_new();
    if (one->hash && EVP_DigestInit_ex(one->hash, shared->sha256, NULL))
        return true;
    EVP_MD_CTX_free(one->hash);
    one->hash = NULL;
    return false;
}

static void end_hash(struct exchange_side *one)
{
    struct http_shared *shared = one->exchange->env->http;

    if (one->hash && shared->spare_count < SPARE_HASHES)
        shared->spare[shared->spare_count++] = one->hash;
    else
        EVP_MD_CTX_free(one->hash);
    one->hash = NULL;
}

/* Of servers that name an encoding and send plain content: nothing came of it, so all of it is at hand. */
static int take_as_it_came(struct exchange_side *one, const uint8_t *data, size_t len)
{
    content_free(one->content);
    one->content = new_content(one, "", 0);
    if (!one->content)
        return -ENOMEM;
    one->as_it_came = true;
    content_data(one->content, one->early, one->early_len);
    return content_data(one->content, data, len);
}

static int decode(struct exchange_side *one, const uint8_t *data, size_t len)
{
    struct http_message *message = one->message;
    bool is_early = !message->content_bytes && message->body_bytes == one->early_len + len;
    int err = content_data(one->content, data, len);

    if (!is_early || message->content_bytes)
        return err;
    if (err == -EBADMSG) {
        message->decode_failed = true;
        return take_as_it_came(one, data, len);
    }
    if (one->early_len + len <= sizeof(one->early)) {
        memcpy(one->early + one->early_len, data, len);
        one->early_len += len;
    }
    return err;
}

void http_body(struct http_exchange *exchange, enum app_side side, const uint8_t *data, size_t len)
{
    struct exchange_side *one = &exchange->sides[side];
    struct http_message *message = one->message;
    int err;

    if (one->ended || !one->began)
        return;
    if (!one->headers_over) /* HTTP/0.9 has none */
        http_headers_end(exchange, side, message->header_bytes);
    message->body_bytes += len;
    if (!one->content || (message->decode_failed && !one->as_it_came) || message->cut) {
        exchange->env->facts->cut_content_bytes += message->cut || !exchange->kept ? len : 0;
        return;
    }
    if (!one->hash && !begin_hash(one))
        return;
    err = decode(one, data, len);
    if (err == -E2BIG) {
        message->cut = true;
        exchange->env->facts->cut_content_bytes += len;
    } else if (err) {
        message->decode_failed = true;
    }
}

void http_body_hole(struct http_exchange *exchange, enum app_side side)
{
    struct exchange_side *one = &exchange->sides[side];

    one->hole = true;
    if (one->message->content_encoding.at) /* what follows can't be decoded */
        one->message->decode_failed = true;
}

static void end_content(struct exchange_side *one)
{
    const struct app_env *env = one->exchange->env;
    struct http_message *message = one->message;

    if (one->content && message->complete && !message->cut && !content_complete(one->content))
        message->decode_failed = true;
    content_free(one->content);
    one->content = NULL;
    if (one->hash && !one->hole && !message->cut && (!message->decode_failed || one->as_it_came)) {
        unsigned int len = sizeof(message->content_sha256);

        message->has_content_sha256 =
            EVP_DigestFinal_ex(one->hash, message->content_sha256, &len) == 1;
    }
    end_hash(one);
    if (one->exchange->kept && env->message)
        env->message(env->ctx, one->exchange->transaction, one->side);
}

void http_message_ends(struct http_exchange *exchange, enum app_side side, bool complete,
                       struct http_moment moment)
{
    struct exchange_side *one = &exchange->sides[side];

    if (one->ended)
        return;
    one->ended = true;
    one->message->last_ns = moment.time_ns;
    one->message->last_packet = moment.packet;
    one->message->complete = complete && !one->hole;
    end_content(one);
}

void http_finish(struct http_exchange *exchange)
{
    if (!exchange)
        return;
    for (int side = 0; side < 2 && exchange->env->http; side++)
        http_headers_forget(&exchange->env->http->headers, exchange->sides[side].message);
    for (int side = 0; side < 2; side++)
        if (!exchange->sides[side].ended && exchange->sides[side].began)
            end_content(&exchange->sides[side]);
    if (!exchange->kept)
        free(exchange->transaction);
    free(exchange);
}
