/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2: frames made here, header blocks by nghttp2's encoder, and the transactions that are told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet.h"
#include "unit/app_driver.h"

#ifdef HAVE_NGHTTP2

#include <nghttp2/nghttp2.h>

#define PREFACE      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define TALK_BYTES   (1 << 16)
#define TURNS_MAX    64
#define HEADERS_MOST 8

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PROMISE, PING, GOAWAY, WINDOW, CONTINUATION };
enum { END_STREAM = 1, END_HEADERS = 4, PADDED = 8, WITH_PRIORITY = 0x20 };

struct turn {
    enum app_side side;
    size_t at, len;
    uint64_t missing; /* instead of bytes */
};

/* A conversation in the making: what each side says, turn by turn. */
struct talk {
    nghttp2_hd_deflater *deflaters[2];
    struct turn turns[TURNS_MAX];
    size_t turn_count;
    uint8_t bytes[TALK_BYTES];
    size_t len;
};

static void talk_begin(struct talk *talk)
{
    memset(talk, 0, sizeof(*talk));
    for (int side = 0; side < 2; side++)
        assert_int_equal(nghttp2_hd_deflate_new(&talk->deflaters[side], 4096), 0);
}

static void say(struct talk *talk, enum app_side side, const void *data, size_t len)
{
    assert_true(talk->turn_count < TURNS_MAX && talk->len + len <= TALK_BYTES);
    memcpy(talk->bytes + talk->len, data, len);
    talk->turns[talk->turn_count++] = (struct turn){side, talk->len, len, 0};
    talk->len += len;
}

static void miss(struct talk *talk, enum app_side side, uint64_t bytes)
{
    talk->turns[talk->turn_count++] = (struct turn){.side = side, .missing = bytes};
}

static void frame_head(uint8_t head[9], size_t len, uint8_t type, uint8_t flags, uint32_t stream)
{
    const uint8_t bytes[9] = {(uint8_t)(len >> 16),
                              (uint8_t)(len >> 8),
                              (uint8_t)len,
                              type,
                              flags,
                              (uint8_t)(stream >> 24),
                              (uint8_t)(stream >> 16),
                              (uint8_t)(stream >> 8),
                              (uint8_t)stream};

    memcpy(head, bytes, sizeof(bytes));
}

static void frame(struct talk *talk, enum app_side side, uint8_t type, uint8_t flags,
                  uint32_t stream, const void *payload, size_t len)
{
    uint8_t bytes[9 + 4096];

    assert_true(len <= 4096);
    frame_head(bytes, len, type, flags, stream);
    memcpy(bytes + 9, payload, len);
    say(talk, side, bytes, 9 + len);
}

/* "name: value" lines, packed. */
static size_t pack(struct talk *talk, enum app_side side, const char *lines, uint8_t *out,
                   size_t room)
{
    nghttp2_nv list[HEADERS_MOST];
    char *copy = strdup(lines), *at = copy, *line;
    size_t count = 0;
    ssize_t len;

    while ((line = strsep(&at, "\n")) && *line) {
        char *value = strstr(line + 1, ": ");

        *value = '\0';
        value += 2;
        list[count++] =
            (nghttp2_nv){(uint8_t *)line, (uint8_t *)value, strlen(line), strlen(value), 0};
    }
    len = nghttp2_hd_deflate_hd(talk->deflaters[side], out, room, list, count);
    assert_true(len > 0);
    free(copy);
    return (size_t)len;
}

static void headers(struct talk *talk, enum app_side side, uint32_t stream, uint8_t flags,
                    const char *lines)
{
    uint8_t block[2048];
    size_t len = pack(talk, side, lines, block, sizeof(block));

    frame(talk, side, HEADERS, flags | END_HEADERS, stream, block, len);
}

static void data(struct talk *talk, enum app_side side, uint32_t stream, uint8_t flags,
                 const char *text)
{
    frame(talk, side, DATA, flags, stream, text, strlen(text));
}

static void hello(struct talk *talk)
{
    say(talk, APP_CLIENT, PREFACE, strlen(PREFACE));
    frame(talk, APP_CLIENT, SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
    frame(talk, APP_SERVER, SETTINGS, 0, 0, "", 0);
    frame(talk, APP_SERVER, SETTINGS, 1, 0, "", 0);
}

static void get(struct talk *talk, uint32_t stream, const char *path)
{
    char lines[200];

    snprintf(lines, sizeof(lines),
             ":method: GET\n:scheme: http\n:path: %s\n:authority: h\naccept: */*", path);
    headers(talk, APP_CLIENT, stream, END_STREAM, lines);
}

#define OK_LINES ":status: 200\ncontent-type: text/plain"

/* ---- conversations ------------------------------------------------------------------------------- */

static void simple(struct talk *talk)
{
    hello(talk);
    get(talk, 1, "/a");
    headers(talk, APP_SERVER, 1, 0, OK_LINES);
    data(talk, APP_SERVER, 1, END_STREAM, "hello");
}

static void no_body(struct talk *talk)
{
    hello(talk);
    get(talk, 1, "/a");
    headers(talk, APP_SERVER, 1, END_STREAM, ":status: 304");
}

static void post(struct talk *talk)
{
    hello(talk);
    headers(talk, APP_CLIENT, 1, 0, ":method: POST\n:path: /p\n:authority: h\n:scheme: http");
    data(talk, APP_CLIENT, 1, 0, "one");
    data(talk, APP_CLIENT, 1, END_STREAM, "two");
    headers(talk, APP_SERVER, 1, 0, ":status: 201");
    data(talk, APP_SERVER, 1, END_STREAM, "");
}

static void interleaved(struct talk *talk)
{
    hello(talk);
    get(talk, 1, "/a");
    get(talk, 3, "/b");
    headers(talk, APP_SERVER, 3, 0, OK_LINES);
    headers(talk, APP_SERVER, 1, 0, OK_LINES);
    data(talk, APP_SERVER, 1, 0, "aa");
    data(talk, APP_SERVER, 3, 0, "b");
    data(talk, APP_SERVER, 1, END_STREAM, "aa");
    data(talk, APP_SERVER, 3, END_STREAM, "bb");
}

static void padded(struct talk *talk)
{
    uint8_t block[512] = {3, 0, 0, 0, 0, 16};
    size_t len;

    hello(talk);
    len = pack(talk, APP_CLIENT, ":method: GET\n:path: /a\n:authority: h", block + 6,
               sizeof(block) - 9);
    frame(talk, APP_CLIENT, HEADERS, END_STREAM | END_HEADERS | PADDED | WITH_PRIORITY, 1, block,
          6 + len + 3);
    headers(talk, APP_SERVER, 1, 0, OK_LINES);
    frame(talk, APP_SERVER, DATA, PADDED, 1, "\4hello\0\0\0\0", 10);
    frame(talk, APP_SERVER, DATA, PADDED, 1, "\4\0\0\0\0", 5);
    frame(talk, APP_SERVER, DATA, PADDED | END_STREAM, 1, "\0", 1);
}

static void continued(struct talk *talk)
{
    uint8_t block[512];
    size_t len;

    hello(talk);
    len = pack(talk, APP_CLIENT, ":method: GET\n:path: /a\n:authority: h\nx: y", block,
               sizeof(block));
    frame(talk, APP_CLIENT, HEADERS, END_STREAM, 1, block, 3);
    frame(talk, APP_CLIENT, CONTINUATION, 0, 1, block + 3, 0);
    frame(talk, APP_CLIENT, CONTINUATION, 0, 1, block + 3, 1);
    frame(talk, APP_CLIENT, CONTINUATION, END_HEADERS, 1, block + 4, len - 4);
    headers(talk, APP_SERVER, 1, END_STREAM, OK_LINES);
}

static void trailers(struct talk *talk)
{
    hello(talk);
    get(talk, 1, "/a");
    headers(talk, APP_SERVER, 1, 0, OK_LINES);
    data(talk, APP_SERVER, 1, 0, "hello");
    headers(talk, APP_SERVER, 1, END_STREAM, "grpc-status: 0");
}

static void interim(struct talk *talk)
{
    hello(talk);
    get(talk, 1, "/a");
    headers(talk, APP_SERVER, 1, 0, ":status: 103\nlink: </s>");
    headers(talk, APP_SERVER, 1, 0, OK_LINES);
    data(talk, APP_SERVER, 1, END_STREAM, "hello");
}

static void reset(struct talk *talk)
{
    hello(talk);
    get(talk, 1, "/a");
    headers(talk, APP_SERVER, 1, 0, OK_LINES);
    data(talk, APP_SERVER, 1, 0, "he");
    frame(talk, APP_CLIENT, RST, 0, 1, "\0\0\0\10", 4);
    data(talk, APP_SERVER, 1, 0, "llo"); /* on its way already */
    headers(talk, APP_SERVER, 1, END_STREAM, "x: y");
    get(talk, 3, "/b");
    headers(talk, APP_SERVER, 3, END_STREAM, OK_LINES);
}

static void promised(struct talk *talk)
{
    uint8_t block[512] = {0, 0, 0, 2};
    size_t len;

    hello(talk);
    get(talk, 1, "/a");
    len = pack(talk, APP_SERVER, ":method: GET\n:path: /style\n:authority: h", block + 4,
               sizeof(block) - 4);
    frame(talk, APP_SERVER, PROMISE, END_HEADERS, 1, block, 4 + len);
    headers(talk, APP_SERVER, 1, END_STREAM, OK_LINES);
    headers(talk, APP_SERVER, 2, 0, OK_LINES);
    data(talk, APP_SERVER, 2, END_STREAM, "css");
}

static void others(struct talk *talk)
{
    hello(talk);
    frame(talk, APP_CLIENT, WINDOW, 0, 0, "\0\1\0\0", 4);
    frame(talk, APP_CLIENT, PRIORITY, 0, 3, "\0\0\0\0\1", 5);
    get(talk, 1, "/a");
    frame(talk, APP_SERVER, PING, 0, 0, "12345678", 8);
    frame(talk, APP_SERVER, 0xfa, 0xff, 77, "grease", 6);
    headers(talk, APP_SERVER, 1, 0, OK_LINES);
    frame(talk, APP_SERVER, PING, 1, 0, "12345678", 8);
    data(talk, APP_SERVER, 1, END_STREAM, "hello");
    frame(talk, APP_SERVER, GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0", 8);
}

/* What was said is said once, then by number of the tables. */
static void tables(struct talk *talk)
{
    hello(talk);
    for (uint32_t stream = 1; stream < 9; stream += 2) {
        get(talk, stream, "/again");
        headers(talk, APP_SERVER, stream, END_STREAM,
                OK_LINES "\nx-long: 0123456789012345678901234567890123456789");
    }
}

/* Ten bytes of data, so many of which are missing behind the third; then another stream. */
static void say_data_with_hole(struct talk *talk, size_t missing)
{
    static const char body[10] = "hello wrld";
    uint8_t head[9];

    hello(talk);
    get(talk, 1, "/a");
    headers(talk, APP_SERVER, 1, 0, OK_LINES);
    frame_head(head, sizeof(body), DATA, END_STREAM, 1);
    say(talk, APP_SERVER, head, sizeof(head));
    say(talk, APP_SERVER, body, 3);
    miss(talk, APP_SERVER, missing);
    if (missing < sizeof(body) - 3)
        say(talk, APP_SERVER, body + 3 + missing, sizeof(body) - 3 - missing);
    get(talk, 3, "/b");
    headers(talk, APP_SERVER, 3, 0, OK_LINES);
    data(talk, APP_SERVER, 3, END_STREAM, "b");
}

static void hole_in_data(struct talk *talk)
{
    say_data_with_hole(talk, 4);
}

static void hole_to_the_frames_end(struct talk *talk)
{
    say_data_with_hole(talk, 7);
}

/* Frames and tables are lost: what was known stays, nothing is made up. */
static void hole_in_headers(struct talk *talk)
{
    hello(talk);
    get(talk, 1, "/a");
    headers(talk, APP_SERVER, 1, 0, OK_LINES);
    miss(talk, APP_SERVER, 20);
    data(talk, APP_SERVER, 1, END_STREAM, "hello");
}

static void broken_block(struct talk *talk)
{
    hello(talk);
    get(talk, 1, "/a");
    frame(talk, APP_SERVER, HEADERS, END_HEADERS, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9);
    data(talk, APP_SERVER, 1, END_STREAM, "hello");
}

static void lone_continuation(struct talk *talk)
{
    hello(talk);
    get(talk, 1, "/a");
    frame(talk, APP_SERVER, CONTINUATION, END_HEADERS, 1, "\x88", 1);
}

static void upgraded(struct talk *talk)
{
    static const char request[] =
        "GET /old HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AAMAAABk\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
                      response[] =
                          "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

    say(talk, APP_CLIENT, request, sizeof(request) - 1);
    say(talk, APP_SERVER, response, sizeof(response) - 1);
    hello(talk);
    headers(talk, APP_SERVER, 1, 0, OK_LINES);
    data(talk, APP_SERVER, 1, END_STREAM, "hello");
    get(talk, 3, "/b");
    headers(talk, APP_SERVER, 3, END_STREAM, OK_LINES);
}

/* The answer to what HTTP/1 was asked comes after another stream has begun. */
static void upgraded_late(struct talk *talk)
{
    static const char request[] = "GET /old HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\n",
                      response[] = "HTTP/1.1 101 Switching\r\nA: b\r\nUpgrade: h2c\r\n\r\n";

    say(talk, APP_CLIENT, request, sizeof(request) - 1);
    say(talk, APP_SERVER, response, sizeof(response) - 1);
    hello(talk);
    get(talk, 3, "/b");
    headers(talk, APP_SERVER, 3, END_STREAM, OK_LINES);
    headers(talk, APP_SERVER, 1, 0, OK_LINES);
    data(talk, APP_SERVER, 1, END_STREAM, "hello");
}

static void hosted(struct talk *talk)
{
    hello(talk);
    headers(talk, APP_CLIENT, 1, END_STREAM,
            ":method: GET\n:scheme: http\n:path: /a\nhost: b.example");
    headers(talk, APP_SERVER, 1, END_STREAM, OK_LINES);
}

#define CONNECT_LINES ":method: CONNECT\n:authority: h:25"

/* What a tunnel carries is nobody's content, whatever it looks like. */
static void tunnelled(struct talk *talk)
{
    hello(talk);
    headers(talk, APP_CLIENT, 1, 0, CONNECT_LINES);
    headers(talk, APP_SERVER, 1, 0, ":status: 200");
    data(talk, APP_SERVER, 1, 0, "some bytes of the server");
    get(talk, 3, "/b");
    data(talk, APP_CLIENT, 1, END_STREAM, "and of the client");
    headers(talk, APP_SERVER, 3, END_STREAM, OK_LINES);
    data(talk, APP_SERVER, 1, END_STREAM, "more");
}

static void refused(struct talk *talk)
{
    hello(talk);
    headers(talk, APP_CLIENT, 1, 0, CONNECT_LINES);
    headers(talk, APP_SERVER, 1, 0, ":status: 403");
    data(talk, APP_SERVER, 1, END_STREAM, "no");
    data(talk, APP_CLIENT, 1, END_STREAM, "");
}

static void early(struct talk *talk)
{
    hello(talk);
    headers(talk, APP_CLIENT, 1, 0, CONNECT_LINES);
    data(talk, APP_CLIENT, 1, 0, "bytes of the client");
    headers(talk, APP_SERVER, 1, 0, ":status: 200");
    data(talk, APP_SERVER, 1, END_STREAM, "and of the server");
    frame(talk, APP_CLIENT, RST, 0, 1, "\0\0\0\10", 4);
}

static void early_refused(struct talk *talk)
{
    hello(talk);
    headers(talk, APP_CLIENT, 1, 0, CONNECT_LINES);
    data(talk, APP_CLIENT, 1, 0, "bytes of the client");
    headers(talk, APP_SERVER, 1, 0, ":status: 403");
    data(talk, APP_SERVER, 1, END_STREAM, "no");
}

struct row {
    const char *name;
    void (*make)(struct talk *talk);
    /* "stream method uri host status request/response bytes, headers of the response, complete" each */
    const char *expected;
};

static const struct row rows[] = {
    {"get", simple, "1 GET /a h 200 0/5 1 yes\n"},
    {"no body", no_body, "1 GET /a h 304 0/0 0 yes\n"},
    {"post", post, "1 POST /p h 201 6/0 0 yes\n"},
    {"interleaved", interleaved, "1 GET /a h 200 0/4 1 yes\n3 GET /b h 200 0/3 1 yes\n"},
    {"padding and priority", padded, "1 GET /a h 200 0/5 1 yes\n"},
    {"continuation", continued, "1 GET /a h 200 0/0 1 yes\n"},
    {"trailers", trailers, "1 GET /a h 200 0/5 2 yes\n"},
    {"early hints", interim, "1 GET /a h 200 0/5 1 yes\n"},
    {"reset", reset, "1 GET /a h 200 0/2 1 no\n3 GET /b h 200 0/0 1 yes\n"},
    {"promised", promised, "1 GET /a h 200 0/0 1 yes\n2 GET /style h 200 0/3 1 yes\n"},
    {"other frames", others, "1 GET /a h 200 0/5 1 yes\n"},
    {"header tables", tables,
     "1 GET /again h 200 0/0 2 yes\n3 GET /again h 200 0/0 2 yes\n5 GET /again h 200 0/0 2 yes\n"
     "7 GET /again h 200 0/0 2 yes\n"},
    {"missing in DATA", hole_in_data, "1 GET /a h 200 0/6 1 no\n3 GET /b h 200 0/1 1 yes\n"},
    {"missing to the end of DATA", hole_to_the_frames_end,
     "1 GET /a h 200 0/3 1 no\n3 GET /b h 200 0/1 1 yes\n"},
    {"missing between frames", hole_in_headers, "1 GET /a h 200 0/0 1 no\n"},
    {"broken header block", broken_block, "1 GET /a h - 0/0 0 no\n"},
    {"a continuation of nothing", lone_continuation, "1 GET /a h - 0/0 0 no\n"},
    {"upgraded from HTTP/1", upgraded,
     "0 GET /old h 101 0/0 2 yes\n1 GET /old h 200 0/5 1 yes\n3 GET /b h 200 0/0 1 yes\n"},
    {"upgraded, another stream first", upgraded_late,
     "0 GET /old h 101 0/0 2 yes\n1 GET /old h 200 0/5 1 yes\n3 GET /b h 200 0/0 1 yes\n"},
    {"Host in place of :authority", hosted, "1 GET /a b.example 200 0/0 1 yes\n"},
    {"a tunnel", tunnelled, "1 CONNECT - h:25 200 0/0 0 yes\n3 GET /b h 200 0/0 1 yes\n"},
    {"a tunnel that is refused", refused, "1 CONNECT - h:25 403 0/2 0 yes\n"},
    {"bytes before the answer", early, "1 CONNECT - h:25 200 0/0 0 yes\n"},
    {"bytes before a refusal", early_refused, "1 CONNECT - h:25 403 0/2 0 yes\n"},
};

static void put(char **p, struct fact_text text)
{
    *p += text.at ? sprintf(*p, "%.*s ", (int)text.len, text.at) : sprintf(*p, "- ");
}

static void write_all(char *p, const struct facts *facts)
{
    *p = '\0';
    for (const struct http_transaction *at = facts->http; at; at = at->next) {
        p += sprintf(p, "%u ", at->stream);
        put(&p, at->method);
        put(&p, at->uri);
        put(&p, at->host);
        p += at->status ? sprintf(p, "%u ", at->status) : sprintf(p, "- ");
        p += sprintf(p, "%llu/%llu %zu %s\n", (unsigned long long)at->request.content_bytes,
                     (unsigned long long)at->response.content_bytes, at->response.header_count,
                     at->response.complete ? "yes" : "no");
    }
}

static void run(struct app_driver *driver, const struct talk *talk, size_t piece)
{
    for (size_t i = 0; i < talk->turn_count; i++) {
        const struct turn *turn = &talk->turns[i];

        if (turn->missing)
            driver_hole(driver, turn->side, turn->missing);
        for (size_t at = 0; at < turn->len; at += piece)
            driver_give(driver, turn->side, talk->bytes + turn->at + at,
                        turn->len - at < piece ? turn->len - at : piece);
    }
}

static void talk_end(struct talk *talk)
{
    for (int side = 0; side < 2; side++)
        nghttp2_hd_deflate_del(talk->deflaters[side]);
}

static void test_rows(void **state)
{
    static const size_t pieces[] = {1, 2, 9, 11, 100000};
    struct talk *talk = malloc(sizeof(*talk));

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("%s\n", rows[i].name);
        talk_begin(talk);
        rows[i].make(talk);
        for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++) {
            struct app_driver driver;
            const struct facts *facts;
            char text[1024];

            driver_begin(&driver, &(struct app_conf){.http = true}, IP_PROTO_TCP);
            run(&driver, talk, pieces[j]);
            facts = driver_finish(&driver);
            assert_non_null(facts);
            write_all(text, facts);
            driver_end(&driver);
            assert_string_equal(text, rows[i].expected);
        }
        talk_end(talk);
    }
    free(talk);
}

/* A block that is longer than headers may be ends it, and more transactions than are kept are counted. */
static void test_bounds(void **state)
{
    struct app_conf conf = {.http = true, .limits = {.transactions = 2, .header_bytes = 1000}};
    struct talk *talk = malloc(sizeof(*talk));
    struct app_driver driver;
    const struct facts *facts;
    uint8_t junk[600] = {0};

    (void)state;
    talk_begin(talk);
    hello(talk);
    for (uint32_t stream = 1; stream < 7; stream += 2) {
        get(talk, stream, "/a");
        headers(talk, APP_SERVER, stream, 0, OK_LINES);
        data(talk, APP_SERVER, stream, END_STREAM, "ok");
    }
    frame(talk, APP_CLIENT, HEADERS, 0, 7, junk, sizeof(junk));
    frame(talk, APP_CLIENT, CONTINUATION, 0, 7, junk, sizeof(junk));
    get(talk, 9, "/never");
    driver_begin(&driver, &conf, IP_PROTO_TCP);
    run(&driver, talk, 100000);
    facts = driver_finish(&driver);
    assert_int_equal(facts->http_count, 2);
    assert_int_equal(facts->cut_transactions, 1);
    assert_int_equal(facts->cut_content_bytes, 2);
    assert_int_equal(facts->parsers[0].items, 3);
    assert_int_equal(facts->parsers[0].status, PARSER_BROKEN);
    driver_end(&driver);
    talk_end(talk);
    free(talk);
}

#else

static void test_rows(void **state)
{
    (void)state;
    skip();
}

static void test_bounds(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
