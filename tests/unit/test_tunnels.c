/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections within a connection: tunnels of HTTP/2 with TLS in each (the fuzzer's seed, with its key log) and with
 * WebSocket, tunnels in tunnels, and the bounds of how deep and how many.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "app/keylog.h"
#include "packet.h"
#include "unit/app_driver.h"

#ifdef HAVE_NGHTTP2

#define SESSION_FILE "tests/fuzz/corpus/tls/session-1"
#define SESSION_MAX  20000
#define HEARD_MAX    100
#define PREFACE      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define DEPTH_MOST   8   /* as in nest.c */
#define NESTED_MOST  128 /* likewise */

enum { DATA, HEADERS, RST = 3, SETTINGS };
enum { END_STREAM = 1, END_HEADERS = 4 };

static uint8_t session[SESSION_MAX];
static size_t session_size, log_len;

static int load(void **state)
{
    FILE *file = fopen(SESSION_FILE, "rb");

    (void)state;
    if (!file)
        fail_msg("%s is not there: run from the top of the repository", SESSION_FILE);
    session_size = fread(session, 1, sizeof(session), file);
    fclose(file);
    log_len = (size_t)session[0] << 8 | session[1];
    return 0;
}

/* ---- frames */

static void frame(struct app_driver *driver, enum app_side side, uint8_t type, uint8_t flags,
                  uint32_t stream, const void *payload, size_t len)
{
    uint8_t bytes[9 + 400] = {
        0, (uint8_t)(len >> 8),     (uint8_t)len,           type,           flags,
        0, (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};

    assert_true(len <= sizeof(bytes) - 9);
    memcpy(bytes + 9, payload, len);
    driver_give(driver, side, bytes, 9 + len);
}

/* Pairs of name and value, ended by NULL; literals that no table keeps (RFC 7541 section 6.2.2). */
static void headers(struct app_driver *driver, enum app_side side, uint32_t stream,
                    const char *const *pairs)
{
    uint8_t block[300];
    size_t len = 0;

    for (; *pairs; pairs += 2) {
        block[len++] = 0;
        for (int i = 0; i < 2; i++) {
            size_t text_len = strlen(pairs[i]);

            block[len++] = (uint8_t)text_len;
            memcpy(block + len, pairs[i], text_len);
            len += text_len;
        }
    }
    frame(driver, side, HEADERS, END_HEADERS, stream, block, len);
}

static void connect_to(struct app_driver *driver, uint32_t stream, const char *protocol)
{
    const char *const asked[] = {
        ":method", "CONNECT", ":authority", "a:443", protocol ? ":protocol" : NULL, protocol, NULL};
    static const char *const answered[] = {":status", "200", NULL};

    headers(driver, APP_CLIENT, stream, asked);
    headers(driver, APP_SERVER, stream, answered);
}

static void greet(struct app_driver *driver)
{
    driver_say(driver, APP_CLIENT, PREFACE);
    frame(driver, APP_CLIENT, SETTINGS, 0, 0, "", 0);
    frame(driver, APP_SERVER, SETTINGS, 0, 0, "", 0);
}

static void end_stream(struct app_driver *driver, uint32_t stream)
{
    frame(driver, APP_CLIENT, DATA, END_STREAM, stream, "", 0);
    frame(driver, APP_SERVER, DATA, END_STREAM, stream, "", 0);
}

/* The TLS session in as many tunnels at once; streams first, first + 2 ... */
static void give_tls(struct app_driver *driver, uint32_t first, int tunnels)
{
    for (size_t i = 2 + log_len; i + 2 < session_size; i += 2 + (size_t)session[i + 1])
        for (int j = 0; j < tunnels; j++)
            frame(driver, session[i] ? APP_SERVER : APP_CLIENT, DATA, 0, first + 2 * (uint32_t)j,
                  session + i + 2, session[i + 1]);
}

struct heard {
    char text[2][HEARD_MAX];
    size_t len[2];
};

static void on_clear(void *ctx, const struct session *of, const struct app_piece *piece)
{
    struct heard *heard = ctx;

    (void)of;
    assert_int_equal(piece->offset, heard->len[piece->side]);
    assert_true(heard->len[piece->side] + piece->len < HEARD_MAX);
    memcpy(heard->text[piece->side] + heard->len[piece->side], piece->data, piece->len);
    heard->len[piece->side] += piece->len;
}

static void begin(struct app_driver *driver, struct heard *heard, struct keylog **keylog)
{
    struct app_conf conf = {.http = true, .ctx = heard, .clear = heard ? on_clear : NULL};

    if (keylog) {
        *keylog = keylog_new(1 << 20, 0);
        keylog_add(*keylog, (const char *)session + 2, log_len);
        conf.keylog = *keylog;
    }
    if (heard)
        memset(heard, 0, sizeof(*heard));
    driver_begin(driver, &conf, IP_PROTO_TCP);
}

/* ---- what is in them */

static void test_tls_in_each(void **state)
{
    struct app_driver driver;
    struct keylog *keylog;
    const struct facts *facts;
    const struct tls_facts *tls;
    struct heard heard;
    int count = 0;

    (void)state;
    begin(&driver, &heard, &keylog);
    greet(&driver);
    for (uint32_t stream = 1; stream < 7; stream += 2)
        connect_to(&driver, stream, NULL);
    give_tls(&driver, 1, 3);
    end_stream(&driver, 3);
    facts = driver_finish(&driver);
    for (tls = &facts->tls; tls; tls = tls->next) {
        assert_string_equal(tls->version, "TLS 1.3");
        assert_string_equal(tls->within, "http");
        assert_int_equal(tls->tunnel, ++count);
        assert_true(tls->decrypted);
        assert_int_equal(tls->decrypted_bytes, strlen("hello\nmore\nolleh\n"));
        assert_non_null(tls->secrets.at);
    }
    assert_int_equal(count, 3);
    assert_string_equal(heard.text[APP_SERVER], "olleh\nolleh\nolleh\n");
    assert_int_equal(heard.len[APP_CLIENT], 3 * strlen("hello\nmore\n"));
    assert_int_equal(facts->http_count, 3);
    assert_true(facts->http->upgraded);
    assert_int_equal(facts->http->response.body_bytes, 0);
    assert_int_equal(facts->cut_layers, 0);
    driver_end(&driver);
    keylog_free(keylog);
}

/* Bytes that are missing in one tunnel are not missing in another. */
static void test_hole(void **state)
{
    struct app_driver driver;
    struct keylog *keylog;
    const struct facts *facts;

    (void)state;
    begin(&driver, NULL, &keylog);
    greet(&driver);
    connect_to(&driver, 1, NULL);
    connect_to(&driver, 3, NULL);
    driver_give(&driver, APP_CLIENT, "\0\1\0\0\0\0\0\0\3", 9);
    driver_hole(&driver, APP_CLIENT, 256);
    give_tls(&driver, 1, 2);
    facts = driver_finish(&driver);
    assert_true(facts->tls.decrypted);
    assert_int_equal(facts->tls.tunnel, 1);
    assert_int_equal(facts->tls.decrypted_bytes, strlen("hello\nmore\nolleh\n"));
    driver_end(&driver);
    keylog_free(keylog);
}

static void test_websocket(void **state)
{
    static const char text[] = "\x81\x85....hello";
    struct app_driver driver;
    const struct facts *facts;
    const struct websocket_frame *at;

    (void)state;
    begin(&driver, NULL, NULL);
    greet(&driver);
    connect_to(&driver, 1, "websocket");
    connect_to(&driver, 3, "websocket");
    connect_to(&driver, 5, "connect-udp");
    frame(&driver, APP_CLIENT, DATA, 0, 5, text, sizeof(text) - 1);
    frame(&driver, APP_CLIENT, DATA, 0, 3, text,
          4); /* in two frames of HTTP/2, another stream's between */
    frame(&driver, APP_SERVER, DATA, 0, 1, "\x82\x7e\0\xc8", 4);
    frame(&driver, APP_CLIENT, DATA, 0, 3, text + 4, sizeof(text) - 5);
    facts = driver_finish(&driver);
    at = facts->websocket;
    assert_int_equal(facts->websocket_count, 2);
    assert_int_equal(at->transaction, 1);
    assert_int_equal(at->payload_bytes, 200);
    assert_false(at->from_client);
    assert_int_equal(at->next->transaction, 2);
    assert_int_equal(at->next->payload_bytes, 5);
    assert_true(at->next->from_client);
    assert_true(text_is(facts->http->protocol, "websocket"));
    assert_true(text_is(facts->http->next->next->protocol, "connect-udp"));
    assert_int_equal(facts->cut_bytes, 0);
    driver_end(&driver);
}

/* ---- bounds */

static void test_many_after_one_another(void **state)
{
    (void)state;
    for (int with_keys = 0; with_keys < 2; with_keys++) {
        struct app_driver driver;
        struct keylog *keylog = NULL;
        const struct facts *facts;
        uint64_t deciphered = 0;

        begin(&driver, NULL, with_keys ? &keylog : NULL);
        greet(&driver);
        for (uint32_t stream = 1; stream < 2 * 3 * NESTED_MOST; stream += 2) {
            connect_to(&driver, stream, NULL);
            give_tls(&driver, stream, 1);
            end_stream(&driver, stream);
        }
        facts = driver_finish(&driver);
        for (const struct tls_facts *tls = &facts->tls; tls; tls = tls->next)
            deciphered += tls->decrypted;
        assert_int_equal(facts->tls_count, 3 * NESTED_MOST);
        assert_int_equal(deciphered, with_keys ? 3 * NESTED_MOST : 0);
        assert_int_equal(facts->cut_layers, 0);
        assert_int_equal(facts->cut_bytes, 0);
        driver_end(&driver);
        keylog_free(keylog);
    }
}

static void test_too_many_at_once(void **state)
{
    static const char said[] = "GET / HTTP/1.1\r\n";
    struct app_driver driver;
    const struct facts *facts;

    (void)state;
    begin(&driver, NULL, NULL);
    greet(&driver);
    for (uint32_t i = 0; i < NESTED_MOST + 5; i++) {
        connect_to(&driver, 1 + 2 * i, NULL);
        frame(&driver, APP_CLIENT, DATA, 0, 1 + 2 * i, said, sizeof(said) - 1);
        frame(&driver, APP_CLIENT, DATA, 0, 1 + 2 * i, said, sizeof(said) - 1); /* nobody listens */
    }
    facts = driver_finish(&driver);
    assert_int_equal(facts->cut_layers, 5);
    assert_int_equal(facts->cut_bytes, 5 * (sizeof(said) - 1));
    driver_end(&driver);
}

/* A tunnel in a tunnel in a tunnel. */
static void test_too_deep(void **state)
{
    struct app_driver driver;
    const struct facts *facts;

    (void)state;
    begin(&driver, NULL, NULL);
    for (int i = 0; i < DEPTH_MOST + 2; i++) {
        driver_say(&driver, APP_CLIENT, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
        driver_say(&driver, APP_SERVER, "HTTP/1.1 200 OK\r\n\r\n");
    }
    facts = driver_finish(&driver);
    if (facts && facts->http_count) { /* libhtp is built in */
        uint64_t tunnel = 0;

        assert_int_equal(facts->http_count, DEPTH_MOST);
        for (const struct http_transaction *at = facts->http; at; at = at->next)
            assert_int_equal(at->tunnel, tunnel++);
        assert_int_equal(facts->cut_layers, 1);
        assert_true(facts->cut_bytes > 0);
    }
    driver_end(&driver);
}

/* Freed in the middle of all of it, with tunnels open in tunnels. */
static void test_freed_midway(void **state)
{
    struct app_driver driver;
    struct keylog *keylog;

    (void)state;
    begin(&driver, NULL, &keylog);
    greet(&driver);
    connect_to(&driver, 1, NULL);
    connect_to(&driver, 3, NULL);
    give_tls(&driver, 1, 1);
    frame(&driver, APP_CLIENT, DATA, 0, 3, PREFACE, strlen(PREFACE));
    driver_end(&driver);
    keylog_free(keylog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_in_each),      cmocka_unit_test(test_hole),
        cmocka_unit_test(test_websocket),        cmocka_unit_test(test_many_after_one_another),
        cmocka_unit_test(test_too_many_at_once), cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_freed_midway),
    };

    return cmocka_run_group_tests(tests, load, NULL);
}

#else

int main(void)
{
    return 77;
}

#endif
