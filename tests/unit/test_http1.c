/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1: conversations, a row each, and the transactions that are told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "packet.h"
#include "unit/app_driver.h"

#define TURNS 6

/* A turn's text begins with C or S: who speaks; H and a digit pair: so many bytes of the server's are missing, J: of the client's. */
struct row {
    const char *name;
    const char *turns[TURNS];
    /* "method uri host status body/content complete" of each transaction, a line each; - for unknown. */
    const char *expected;
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct row rows[] = {
    {"get",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 5\r\n\r\nhello"},
     "GET /a h 200 5/5 yes\n"},
    {"chunks",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "S" OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"},
     "GET /a h 200 11/11 yes\n"},
    {"until the end",
     {"CGET / HTTP/1.0\r\n\r\n", "SHTTP/1.0 200 OK\r\n\r\nall of it"},
     "GET / - 200 9/9 yes\n"},
    {"cut off",
     {"CGET / HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 50\r\n\r\nhello"},
     "GET / h 200 5/5 no\n"},
    {"pipelined",
     {"CGET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
      "S" OK "Content-Length: 1\r\n\r\n1HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n22"},
     "GET /1 h 200 1/1 yes\nGET /2 h 404 2/2 yes\n"},
    {"head has no body",
     {"CHEAD /a HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 5\r\n\r\n",
      "CGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 5\r\n\r\nhello"},
     "HEAD /a h 200 0/0 yes\nGET /a h 200 5/5 yes\n"},
    {"continue",
     {"CPOST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
      "SHTTP/1.1 100 Continue\r\n\r\n", "Cabc", "SHTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n"},
     "POST /p h 201 0/0 yes\n"},
    {"not modified has no body",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "SHTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
      "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 1\r\n\r\nb"},
     "GET /a h 304 0/0 yes\nGET /b h 200 1/1 yes\n"},
    {"no content, whatever it says",
     {"CDELETE /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "SHTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n",
      "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 1\r\n\r\nb"},
     "DELETE /a h 204 0/0 yes\nGET /b h 200 1/1 yes\n"},
    {"early hints, then the response",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "SHTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </t>\r\n\r\n" OK
      "Content-Length: 1\r\n\r\na",
      "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 2\r\n\r\nbb"},
     "GET /a h 200 1/1 yes\nGET /b h 200 2/2 yes\n"},
    {"a 100 with content",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "SHTTP/1.1 100 Go\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
      "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 2\r\n\r\nbb"},
     "GET /a h 100 2/2 yes\nGET /b h 200 2/2 yes\n"},
    {"HTTP/0.9", {"CGET /a\r\n", "Sno head at all"}, "GET /a - - 14/14 yes\n"},
    {"connect",
     {"CCONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "SHTTP/1.1 200 Go\r\n\r\n",
      "C\x16\3\1hello", "S\x16\3\3hello"},
     "CONNECT h:443 h:443 200 0/0 yes\n"},
    {"connect, turned down",
     {"CCONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
      "SHTTP/1.1 407 Who\r\nContent-Length: 2\r\n\r\nno", "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n",
      "S" OK "Content-Length: 1\r\n\r\nb"},
     "CONNECT h:443 h:443 407 2/2 yes\nGET /b h 200 1/1 yes\n"},
    {"an encoding nobody knows: the bytes as they are",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "S" OK "Content-Encoding: rot13\r\nContent-Length: 5\r\n\r\nuryyb"},
     "GET /a h 200 5/5 yes\n"},
    {"gzip",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "S" OK "Content-Encoding: gzip\r\nContent-Length: 24\r\n\r\n"
      "\x1f\x8b\x08\x02\x02\x02\x02\x02\x02\x03"}, /* the rest is missing: can't be decoded */
     "GET /a h 200 10/0 no\n"},
    {"not in the encoding that it says: as it came",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n",
      "S" OK "Content-Encoding: gzip\r\nContent-Length: 11\r\n\r\nnot gzipped",
      "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n",
      "S" OK "Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\n\xffhell"},
     "GET /a h 200 11/11 yes\nGET /b h 200 5/5 yes\n"},
    {"missing bytes of a body",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 10\r\n\r\nhel", "H04", "Slo!"},
     "GET /a h 200 6/6 no\n"},
    {"missing bytes of a chunk",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Transfer-Encoding: chunked\r\n\r\n9\r\nhel",
      "H04", "Slo\r\n3\r\nabc\r\n0\r\n\r\n", "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n",
      "S" OK "Content-Length: 1\r\n\r\nb"},
     "GET /a h 200 8/8 no\nGET /b h 200 1/1 yes\n"},
    {"missing bytes of several chunks: nothing until the next request",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
      "H11", "Slo\r\n3\r\nabc\r\n0\r\n\r\n", "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n",
      "S" OK "Content-Length: 1\r\n\r\nb"},
     "GET /a h 200 3/3 no\nGET /b h 200 1/1 yes\n"},
    {"missing bytes of a header",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Le", "H04", "S: 1\r\n\r\na",
      "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 1\r\n\r\nb"},
     "GET /a h 200 0/0 no\nGET /b h 200 1/1 yes\n"},
    {"missing bytes of a request: its line as far as it came",
     {"CGET /a HTTP/1.1\r\nHo", "J09", "S" OK "\r\nab", "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n",
      "S" OK "Content-Length: 1\r\n\r\nb"},
     "GET /a - - 0/0 no\nGET /b h 200 1/1 yes\n"},
    {"missing bytes of a body and of what follows",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 10\r\n\r\nhel", "H20",
      "S" OK "Content-Length: 1\r\n\r\na", "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n",
      "S" OK "Content-Length: 1\r\n\r\nb"},
     "GET /a h 200 3/3 no\nGET /b h 200 1/1 yes\n"},
    {"more than the length says, and the next one",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 3\r\n\r\nhello",
      "CGET /b HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 1\r\n\r\nb"},
     "GET /a h 200 3/3 yes\nGET /b h 200 1/1 yes\n"},
    {"more than the length says, at the end",
     {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 3\r\n\r\nhello\r\nyou"},
     "GET /a h 200 3/3 yes\n"},
    {"a body to HEAD is none",
     {"CHEAD /a HTTP/1.1\r\nHost: h\r\n\r\n", "S" OK "Content-Length: 5\r\n\r\nhello"},
     "HEAD /a h 200 0/0 yes\n"},
    {"request was missed", {"S" OK "Content-Length: 5\r\n\r\nhello"}, "- - - 200 5/5 yes\n"},
    {"no answer", {"CGET /a HTTP/1.1\r\nHost: h\r\n\r\n"}, "GET /a h - 0/0 no\n"},
};

static void say(struct app_driver *driver, const char *turn, size_t piece)
{
    enum app_side side = turn[0] == 'C' ? APP_CLIENT : APP_SERVER;
    const char *text = turn + 1;
    size_t len = strlen(text);
    unsigned int missing;

    if (turn[0] == 'H' || turn[0] == 'J') {
        assert_int_equal(sscanf(text, "%2u", &missing), 1);
        driver_hole(driver, turn[0] == 'H' ? APP_SERVER : APP_CLIENT, missing);
        return;
    }
    for (size_t at = 0; at < len; at += piece)
        driver_give(driver, side, text + at, len - at < piece ? len - at : piece);
}

static void put(char **p, struct fact_text text)
{
    *p += text.at ? sprintf(*p, "%.*s ", (int)text.len, text.at) : sprintf(*p, "- ");
}

static void write_all(char *p, const struct facts *facts)
{
    *p = '\0';
    for (const struct http_transaction *at = facts->http; at; at = at->next) {
        put(&p, at->method);
        put(&p, at->uri);
        put(&p, at->host);
        p += at->status ? sprintf(p, "%u ", at->status) : sprintf(p, "- ");
        p += sprintf(p, "%llu/%llu %s\n", (unsigned long long)at->response.body_bytes,
                     (unsigned long long)at->response.content_bytes,
                     at->response.complete ? "yes" : "no");
    }
}

static void test_rows(void **state)
{
    static const size_t pieces[] = {1, 2, 5, 17, 100000};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("%s\n", rows[i].name);
        for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++) {
            struct app_conf conf = {.http = true};
            struct app_driver driver;
            const struct facts *facts;
            char text[1024];

            driver_begin(&driver, &conf, IP_PROTO_TCP);
            for (int turn = 0; turn < TURNS && rows[i].turns[turn]; turn++)
                say(&driver, rows[i].turns[turn], pieces[j]);
            facts = driver_finish(&driver);
            assert_non_null(facts);
            write_all(text, facts);
            assert_string_equal(text, rows[i].expected);
            driver_end(&driver);
        }
    }
}

/* Times, and packets, of the messages. */
static void test_times(void **state)
{
    struct app_conf conf = {.http = true};
    struct app_driver driver;
    const struct http_transaction *transaction;

    (void)state;
    driver_begin(&driver, &conf, IP_PROTO_TCP);
    driver_say(&driver, APP_CLIENT, "GET /slow HTTP/1.1\r\n");
    driver_say(&driver, APP_CLIENT, "Host: h\r\n\r\n");
    driver_say(&driver, APP_SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    driver_say(&driver, APP_SERVER, "ab");
    driver_say(&driver, APP_SERVER, "cd");
    transaction = driver_finish(&driver)->http;
    assert_int_equal(transaction->request.first_ns, 1000000);
    assert_int_equal(transaction->request.last_ns, 2000000);
    assert_int_equal(transaction->response.first_ns, 3000000);
    assert_int_equal(transaction->response.last_ns, 5000000);
    assert_int_equal(transaction->response.first_packet, 3);
    assert_int_equal(transaction->response.last_packet, 5);
    assert_int_equal(transaction->request.header_bytes, 31);
    assert_int_equal(transaction->response.header_bytes, 38);
    driver_end(&driver);
}

static void test_websocket(void **state)
{
    static const char masked[] = "\x81\x85\1\2\3\4abcde", large[] = "\x82\x7e\1\2";
    static const char longest[] = "\x02\x7f\0\0\0\0\0\0\1\0";
    uint8_t payload[258] = {0};
    struct app_conf conf = {.http = true};
    struct app_driver driver;
    const struct facts *facts;
    const struct websocket_frame *unfinished;

    (void)state;
    driver_begin(&driver, &conf, IP_PROTO_TCP);
    driver_say(&driver, APP_CLIENT,
               "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\n\r\n");
    driver_say(&driver, APP_SERVER,
               "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\n\r\n");
    driver_give(&driver, APP_CLIENT, masked, 3);
    driver_give(&driver, APP_CLIENT, masked + 3, sizeof(masked) - 4);
    driver_give(&driver, APP_SERVER, large, sizeof(large) - 1);
    driver_give(&driver, APP_SERVER, payload, sizeof(payload));
    driver_give(&driver, APP_SERVER, longest, sizeof(longest) - 1);
    driver_give(&driver, APP_SERVER, payload, 256);
    driver_give(&driver, APP_SERVER, "\x88", 1);
    driver_give(&driver, APP_SERVER, "\0", 1);
    facts = driver_finish(&driver);
    assert_int_equal(facts->http_count, 1);
    assert_true(facts->http->upgraded);
    assert_int_equal(facts->http->status, 101);
    assert_int_equal(facts->websocket_count, 4);
    assert_int_equal(facts->websocket->opcode, 1);
    assert_true(facts->websocket->fin);
    assert_int_equal(facts->websocket->payload_bytes, 5);
    assert_true(facts->websocket->from_client);
    assert_int_equal(facts->websocket->next->payload_bytes, 258);
    assert_false(facts->websocket->next->from_client);
    unfinished = facts->websocket->next->next;
    assert_int_equal(unfinished->opcode, 2);
    assert_int_equal(unfinished->payload_bytes, 256);
    assert_false(unfinished->fin);
    assert_int_equal(unfinished->next->opcode, 8);
    driver_end(&driver);
}

/* The next request came before the hole was told: what waits behind a hole is told late. */
static void test_next_request_before_the_hole(void **state)
{
    struct app_conf conf = {.http = true};
    struct app_driver driver;
    char text[1024];

    (void)state;
    driver_begin(&driver, &conf, IP_PROTO_TCP);
    driver_say(&driver, APP_CLIENT, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    driver_say(&driver, APP_SERVER, OK "X: y");
    driver_say(&driver, APP_CLIENT, "HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n");
    driver_hole(&driver, APP_SERVER, 10);
    driver_say(&driver, APP_SERVER, "Content-Length: 3\r\n\r\nabc");
    driver_say(&driver, APP_SERVER, OK "Content-Length: 3\r\n\r\n");
    driver_say(&driver, APP_CLIENT, "GET /c HTTP/1.1\r\nHost: h\r\n\r\n");
    driver_say(&driver, APP_SERVER, OK "Content-Length: 3\r\n\r\nabc");
    write_all(text, driver_finish(&driver));
    assert_string_equal(text, "GET /a h 200 0/0 no\nHEAD /b h 200 0/0 yes\nGET /c h 200 3/3 yes\n");
    driver_end(&driver);
}

/* Undone as the content's own is. */
static void test_transfer_in_gzip(void **state)
{
    static const char response[] = OK
        "Transfer-Encoding: gzip, chunked\r\n\r\n19\r\n"
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00"
        "\r\n0\r\n\r\n";
    struct app_conf conf = {.http = true};
    struct app_driver driver;
    const struct http_message *message;

    (void)state;
    driver_begin(&driver, &conf, IP_PROTO_TCP);
    driver_say(&driver, APP_CLIENT, "BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n");
    driver_give(&driver, APP_SERVER, response, sizeof(response) - 1);
    message = &driver_finish(&driver)->http->response;
    assert_int_equal(message->body_bytes, 25);
    assert_int_equal(message->content_bytes, 5);
    assert_true(message->complete && message->has_content_sha256 && !message->decode_failed);
    driver_end(&driver);
}

/* Of interim responses nothing counts, of trailers all. */
static void test_headers(void **state)
{
    static const size_t pieces[] = {1, 3, 20, 1000};
    static const char interim[] = "HTTP/1.1 103 Early\r\nLink: </s>\r\n\r\nHTTP/1.1 100 Go\r\n\r\n";
    static const char response[] =
        OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n";
    const size_t framing = strlen("3\r\nabc\r\n0\r\n");

    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct app_conf conf = {.http = true};
        struct app_driver driver;
        const struct http_transaction *transaction;
        uint64_t final_ns;

        driver_begin(&driver, &conf, IP_PROTO_TCP);
        driver_say(&driver, APP_CLIENT, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        for (size_t at = 0; at < strlen(interim); at += pieces[i])
            driver_give(&driver, APP_SERVER, interim + at,
                        strlen(interim) - at < pieces[i] ? strlen(interim) - at : pieces[i]);
        final_ns = driver.time_ns + 1000000;
        for (size_t at = 0; at < strlen(response); at += pieces[i])
            driver_give(&driver, APP_SERVER, response + at,
                        strlen(response) - at < pieces[i] ? strlen(response) - at : pieces[i]);
        transaction = driver_finish(&driver)->http;
        assert_int_equal(transaction->informational, 2);
        assert_int_equal(transaction->response.header_bytes, strlen(response) - framing);
        assert_true(transaction->response.first_ns >= final_ns);
        assert_true(transaction->response.complete);
        assert_int_equal(transaction->response.header_count, 2);
        assert_true(text_is(transaction->response.headers[1]->name, "X-Sum"));
        assert_true(text_is(transaction->response.headers[1]->value, "7"));
        driver_end(&driver);
    }
}

/* Without length, and the connection did not end by FIN: nobody knows. */
static void test_cut_short(void **state)
{
    struct app_conf conf = {.http = true};
    struct app_driver driver;

    (void)state;
    driver_begin(&driver, &conf, IP_PROTO_TCP);
    driver_say(&driver, APP_CLIENT, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    driver_say(&driver, APP_SERVER, OK "\r\nhello");
    app_session_finish(driver.one, driver.time_ns, false);
    assert_int_equal(app_session_facts(driver.one)->http->response.body_bytes, 5);
    assert_false(app_session_facts(driver.one)->http->response.complete);
    driver_end(&driver);
}

/* libhtp takes them for a body that ends with the connection. */
static void test_chunks_that_are_none(void **state)
{
    struct app_conf conf = {.http = true};
    struct app_driver driver;

    (void)state;
    driver_begin(&driver, &conf, IP_PROTO_TCP);
    driver_say(&driver, APP_CLIENT, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    driver_say(&driver, APP_SERVER, OK "Transfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n");
    assert_false(driver_finish(&driver)->http->response.complete);
    driver_end(&driver);
}

/* More transactions than are kept are counted. */
static void test_bound(void **state)
{
    struct app_conf conf = {.http = true, .limits = {.transactions = 3}};
    struct app_driver driver;
    const struct facts *facts;

    (void)state;
    driver_begin(&driver, &conf, IP_PROTO_TCP);
    for (int i = 0; i < 5; i++) {
        driver_say(&driver, APP_CLIENT, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        driver_say(&driver, APP_SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    facts = driver_finish(&driver);
    assert_int_equal(facts->http_count, 3);
    assert_int_equal(facts->cut_transactions, 2);
    assert_int_equal(facts->cut_content_bytes, 4);
    assert_int_equal(facts->parsers[0].items, 5);
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_websocket),
        cmocka_unit_test(test_chunks_that_are_none),
        cmocka_unit_test(test_next_request_before_the_hole),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_transfer_in_gzip),
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
