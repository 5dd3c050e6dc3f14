/* SPDX-License-Identifier: Apache-2.0 */
/* Handshake messages: type 1 | length 3 | body, over as many records as it takes (RFC 8446 section 4). */
#include "app/tls_internal.h"

#define MESSAGE_HEADER 4
#define MESSAGE_MAX    (256u << 10)

enum message_type {
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    END_OF_EARLY_DATA = 5,
    ENCRYPTED_EXTENSIONS = 8,
    CERTIFICATE = 11,
    SERVER_HELLO_DONE = 14,
    FINISHED = 20,
    KEY_UPDATE = 24,
};

static void set_text(struct facts *facts, struct fact_text *text, const struct byte_reader *value)
{
    if (value->at && value->left && !text->at)
        *text = facts_text(facts, value->at, value->left);
}

static void set_phase(struct tls_way *way, enum tls_phase phase)
{
    way->phase = phase;
    way->has_keys = false;
}

void tls_client_hello(struct tls *tls, enum app_side side, const struct tls_client_hello *hello,
                      bool is_tls)
{
    struct facts *facts = tls->env.facts;
    bool is_first = !tls->told->ja4.at && !tls->has_client_hello;
    char ja4[TLS_JA4_BYTES];

    tls->told->seen = true;
    tls->client = side;
    tls->has_client_hello = true;
    tls->early_offered = hello->early_data;
    memcpy(tls->now.client_random, hello->random, TLS_RANDOM_BYTES);
    if (!is_first)
        return;
    set_text(facts, &tls->told->sni, &hello->sni);
    if (is_tls) {
        tls_ja4(hello, ja4);
        tls->told->ja4 = facts_text(facts, ja4, sizeof(ja4));
    }
}

/* From here on both sides are protected; what the client sends may still be early data. */
static void begin_13(struct tls *tls, const struct tls_server_hello *hello)
{
    struct tls_way *client = &tls->way[tls->client];

    set_phase(&tls->way[!tls->client], TLS_SHAKES);
    set_phase(client, tls->early_offered && hello->psk ? TLS_EARLY : TLS_SHAKES);
    client->skips = tls->early_offered && !hello->psk;
    tls->early_known = false;
    tls->told->resumed = hello->psk;
    if (!tls->env.keylog)
        tls->verdict = APP_DONE;
}

static void take_server_hello(struct tls *tls, enum app_side side, const uint8_t *body, size_t len)
{
    struct facts *facts = tls->env.facts;
    struct tls_server_hello hello;

    if (tls_server_hello_parse(&hello, body, len)) {
        tls->verdict = APP_BROKEN;
        return;
    }
    if (!tls->has_client_hello)
        tls->client = side == APP_CLIENT ? APP_SERVER : APP_CLIENT;
    tls->stirred = true;
    tls->told->seen = true;
    tls->told->version = tls_version_name(hello.version);
    if (hello.retry) {
        tls->retried = true;
        return;
    }
    tls->has_server_hello = true;
    tls->hello_done = false;
    tls->now.version = hello.version;
    tls->now.etm = hello.etm;
    tls->compressed = hello.compressed;
    tls_suite_get(&tls->now.suite, hello.cipher);
    tls->told->cipher = tls->now.suite.name;
    memcpy(tls->now.server_random, hello.random, TLS_RANDOM_BYTES);
    tls->session_id_len = (uint8_t)hello.session_id.left;
    if (hello.session_id.left)
        memcpy(tls->session_id, hello.session_id.at, hello.session_id.left);
    set_text(facts, &tls->told->alpn, &hello.alpn);
    if (hello.version >= TLS_1_3)
        begin_13(tls, &hello);
}

static void take_encrypted_extensions(struct tls *tls, const uint8_t *body, size_t len)
{
    struct byte_reader reader = {body, len, false}, run = read_run(&reader, 2);
    struct facts *facts = tls->env.facts;

    tls->early_taken = false;
    while (run.left) {
        uint16_t type = (uint16_t)read_number(&run, 2);
        struct byte_reader content = read_run(&run, 2);

        if (run.failed)
            break;
        if (type == TLS_EXT_EARLY_DATA)
            tls->early_taken = true;
        if (type == TLS_EXT_ALPN) {
            content = tls_alpn_first(content);
            set_text(facts, &tls->told->alpn, &content);
        }
    }
    tls->told->early_data |= tls->early_taken;
    tls->early_known = true;
    tls->stirred = true;
}

/* The leaf is the first of the list; TLS 1.3 has a context before the list. */
static void take_certificate(struct tls *tls, enum app_side side, const uint8_t *body, size_t len)
{
    struct byte_reader reader = {body, len, false}, list, leaf;

    if (tls->now.version == TLS_1_3)
        read_run(&reader, 1);
    list = read_run(&reader, 3);
    leaf = read_run(&list, 3);
    if (!leaf.failed && leaf.left)
        tls_certificate(tls->env.facts, tls->told, side != tls->client, leaf.at, leaf.left);
}

static void take_finished(struct tls *tls, enum app_side side)
{
    struct tls_way *way = &tls->way[side];

    if (tls->now.version == TLS_1_3 && way->phase == TLS_SHAKES)
        set_phase(way, TLS_TALKS);
}

static void take_message(struct tls *tls, enum app_side side, uint8_t type, const uint8_t *body,
                         size_t len)
{
    struct tls_way *way = &tls->way[side];
    struct tls_client_hello hello;

    switch (type) {
    case CLIENT_HELLO:
        if (tls_client_hello_parse(&hello, body, len))
            tls->verdict = APP_BROKEN;
        else
            tls_client_hello(tls, side, &hello, true);
        break;
    case SERVER_HELLO:
        take_server_hello(tls, side, body, len);
        break;
    case ENCRYPTED_EXTENSIONS:
        take_encrypted_extensions(tls, body, len);
        break;
    case CERTIFICATE:
        take_certificate(tls, side, body, len);
        break;
    case SERVER_HELLO_DONE:
        tls->hello_done = true;
        break;
    case END_OF_EARLY_DATA:
        if (way->phase == TLS_EARLY)
            set_phase(way, TLS_SHAKES);
        break;
    case FINISHED:
        take_finished(tls, side);
        break;
    case KEY_UPDATE:
        if (way->phase == TLS_TALKS && way->has_keys && tls_protect_update(&way->protect))
            way->phase = TLS_DEAD;
        break;
    default:
        break;
    }
}

void tls_handshake(struct tls *tls, enum app_side side, const uint8_t *data, size_t len)
{
    struct buf *buf = &tls->way[side].handshake;
    size_t at = 0;

    buf_add(buf, data, len);
    if (buf->failed || buf->len > MESSAGE_MAX + TLS_RECORD_MAX) {
        tls->verdict = APP_BROKEN;
        return;
    }
    while (tls->verdict == APP_MORE && buf->len - at >= MESSAGE_HEADER) {
        const uint8_t *message = (const uint8_t *)buf->data + at;
        size_t body = (size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3];

        if (body > MESSAGE_MAX)
            tls->verdict = APP_BROKEN;
        if (body > MESSAGE_MAX || buf->len - at - MESSAGE_HEADER < body)
            break;
        take_message(tls, side, message[0], message + MESSAGE_HEADER, body);
        at += MESSAGE_HEADER + body;
    }
    if (!at)
        return;
    memmove(buf->data, buf->data + at, buf->len - at);
    buf->len -= at;
}
