/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS that begins in another protocol: a session of OpenSSL (the fuzzer's seed, with its key log) behind what each
 * protocol says before it, in pieces of every size; and what only looks like it.
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
#include "session/names.h"
#include "unit/app_driver.h"

#define SESSION_FILE "tests/fuzz/corpus/tls/session-1"
#define SESSION_MAX  20000
#define TURNS_MAX    12
#define CLIENT_SAYS  "hello\nmore\n"
#define SERVER_SAYS  "olleh\n"

/* A text with its length, as it may hold NUL. */
#define C(text)                            \
    {                                      \
        APP_CLIENT, text, sizeof(text) - 1 \
    }
#define S(text)                            \
    {                                      \
        APP_SERVER, text, sizeof(text) - 1 \
    }
#define LDAP_ASKS                          \
    "\x30\x1d\x02\x01\x02\x77\x18\x80\x16" \
    "1.3.6.1.4.1.1466.20037"
#define LDAP_SEARCHES                                                                          \
    "\x30\x28\x02\x01\x01\x63\x23\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01" \
    "\x01\x00\x87\x0bobjectClass0\x03\x04\x01+"
#define MYSQL_GREETS       \
    "\x0a\x00\x00\x00\x0a" \
    "8.0.36\x00\x01\x02"
#define MYSQL_ASKS                                                                                 \
    "\x20\x00\x00\x01\x05\xae\x03\x00\x00\x00\x00\x01\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define RDP_ASKS "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x0b\x00\x00\x00"

static const struct row {
    const char *name;
    const char *within; /* NULL: no TLS is found, though its records follow */
    struct {
        enum app_side side;
        const char *text;
        size_t len; /* 0: no more; HOLE: so much is missing */
    } turns[TURNS_MAX];
    bool http;       /* HTTP is read as well */
    bool first_only; /* as one piece a turn: the choice of the parser needs it whole */
} rows[] = {
    {"smtp", "smtp",
     .turns = {S("220-mail.example\r\n220 ESMTP\r\n"), C("EHLO me\r\n"),
               S("250-mail\r\n250 STARTTLS\r\n"), C("starttls \r\n"), S("220 2.0.0 go\r\n")}},
    {"smtp, first refused", "smtp",
     .turns = {S("220 mail ESMTP\r\n"), C("STARTTLS\r\n"), S("454 not now\r\n"), C("NOOP\r\n"),
               S("250 ok\r\n"), C("STARTTLS\r\n"), S("220 go\r\n")}},
    {"smtp, an error before the answer", "smtp",
     .turns = {S("220 mail ESMTP\r\n"), C("VRFY me\r\nSTARTTLS\r\n"), S("502 no\r\n220 go\r\n")}},
    {"smtp, refused", NULL,
     .turns = {S("220 mail ESMTP\r\n"), C("STARTTLS\r\n"), S("454 not now\r\n")}},
    {"smtp, not asked", NULL,
     .turns = {S("220 mail ESMTP\r\n"), C("EHLO me\r\n"), S("250 mail\r\n")}},
    {"smtp, the word within a mail", NULL,
     .turns = {S("220 mail ESMTP\r\n"), C("DATA\r\n"), S("354 go\r\n"), C("say STARTTLS\r\n")}},
    {"smtp, no greeting was seen", "smtp",
     .turns = {C("EHLO me\r\n"), S("250 mail\r\n"), C("STARTTLS\r\n"), S("220 go\r\n")}},
    {"smtp, no answer was seen", "smtp", .turns = {S("220 mail ESMTP\r\n"), C("STARTTLS\r\n")}},
    {"smtp, a line of 600 characters", "smtp",
     .turns =
         {S("220 mail ESMTP\r\n"),
          C("EHLO "
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "\r\nSTARTTLS\r\n"),
          S("220 go\r\n")}},
    {"lmtp", "smtp",
     .turns = {S("220 lmtp\r\n"), C("LHLO me\r\n"), S("250 ok\r\n"), C("STARTTLS\r\n"),
               S("220 go\r\n")}},
    {"ftp", "ftp", .turns = {S("220 ftp\r\n"), C("AUTH TLS\r\n"), S("234 go\r\n")}},
    {"ftp, the old word", "ftp", .turns = {S("220 ftp\r\n"), C("AUTH SSL\r\n"), S("234 go\r\n")}},
    {"ftp, refused", NULL, .turns = {S("220 ftp\r\n"), C("AUTH TLS\r\n"), S("502 what?\r\n")}},
    {"pop3", "pop3",
     .turns = {S("+OK pop\r\n"), C("CAPA\r\n"), S("+OK\r\nSTLS\r\n.\r\n"), C("STLS\r\n"),
               S("+OK go\r\n")}},
    {"pop3, refused", NULL, .turns = {S("+OK pop\r\n"), C("STLS\r\n"), S("-ERR no\r\n")}},
    {"imap", "imap",
     .turns = {S("* OK imap\r\n"), C("a1 CAPABILITY\r\n"), S("* CAPABILITY STARTTLS\r\na1 OK\r\n"),
               C("a2 STARTTLS\r\n"), S("a2 OK go\r\n")}},
    {"imap, pipelined", "imap",
     .turns = {S("* OK imap\r\n"), C("a1 CAPABILITY\r\na2 STARTTLS\r\n"),
               S("a1 BAD\r\na2 OK go\r\n")}},
    {"imap, refused", NULL,
     .turns = {S("* OK imap\r\n"), C("a STARTTLS\r\n"), S("a NO\r\n"), C("b STAR\r\n"),
               S("b OK\r\n")}},
    {"nntp", "nntp", .turns = {S("200 news\r\n"), C("STARTTLS\r\n"), S("382 go\r\n")}},
    {"sieve", "sieve",
     .turns = {S("\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK \"hi\"\r\n"), C("STARTTLS\r\n"),
               S("OK \"go\"\r\n")}},
    {"xmpp", "xmpp",
     .turns =
         {C("<?xml version='1.0'?><stream:stream to='a' xmlns='jabber:client'>"),
          S("<?xml version='1.0'?><stream:stream from='a'><stream:features><starttls xmlns='urn:x'/>"
            "</stream:features>"),
          C("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), S("<proceed xmlns='urn:x'/>")}},
    {"xmpp, refused", NULL,
     .turns = {C("<stream:stream to='a'>"), S("<stream:stream>"), C("<starttls/>"),
               S("<failure/>")}},
    {"xml, but not xmpp", NULL, .turns = {C("<?xml version='1.0'?><starttls/>"), S("<proceed/>")}},
    {"ldap", "ldap",
     .turns = {C(LDAP_SEARCHES), S("\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00"),
               C(LDAP_ASKS), S("\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00")},
     .first_only = true},
    {"ldap, long form of lengths", "ldap",
     .turns = {C(LDAP_ASKS),
               S("\x30\x84\x00\x00\x00\x10\x02\x01\x02\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04"
                 "\x00\x04\x00")},
     .first_only = true},
    {"ldap, refused", NULL,
     .turns = {C(LDAP_ASKS), S("\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x34\x04\x00\x04\x00")},
     .first_only = true},
    {"postgresql", "postgresql", .turns = {C("\0\0\0\x08\x04\xd2\x16\x2f"), S("S")}},
    {"postgresql, after GSS was refused", "postgresql",
     .turns = {C("\0\0\0\x08\x04\xd2\x16\x30"), S("N"), C("\0\0\0\x08\x04\xd2\x16\x2f"), S("S")}},
    {"postgresql, refused", NULL, .turns = {C("\0\0\0\x08\x04\xd2\x16\x2f"), S("N")}},
    {"mysql", "mysql", .turns = {S(MYSQL_GREETS), C(MYSQL_ASKS)}},
    {"mysql, in the clear", NULL,
     .turns = {S(MYSQL_GREETS), C("\x05\x00\x00\x01\x05\xa6\x03\x00\x00")}},
    {"rdp", "rdp",
     .turns = {C(RDP_ASKS),
               S("\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x1f\x08\x00\x02\x00\x00\x00")}},
    {"rdp, its own security", NULL,
     .turns = {C(RDP_ASKS), S("\x03\x00\x00\x0b\x06\xd0\x00\x00\x12\x34\x00")}},
    {"connect", "http",
     .turns = {C("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
               S("HTTP/1.1 200 OK\r\nVia: b\r\n\r\n")}},
    {"connect, asked for a password", "http",
     .turns = {C("CONNECT a:443 HTTP/1.1\r\n\r\n"),
               S("HTTP/1.1 407 Who?\r\nContent-Length: 4\r\n\r\nno\r\n"),
               C("CONNECT a:443 HTTP/1.1\r\nProxy-Authorization: x\r\n\r\n"),
               S("HTTP/1.0 200 OK\r\n\r\n")}},
    {"connect, refused", NULL,
     .turns = {C("CONNECT a:443 HTTP/1.1\r\n\r\n"), S("HTTP/1.1 403 No\r\n\r\n")}},
    {"connect, read as HTTP", "http",
     .turns = {C("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
               S("HTTP/1.1 200 OK\r\nVia: b\r\n\r\n")},
     .http = true},
    {"smtp in a tunnel", NULL,
     .turns = {C("CONNECT a:25 HTTP/1.1\r\n\r\n"), S("HTTP/1.1 200 OK\r\n\r\n"), S("220 mail\r\n"),
               C("EHLO a\r\n")}},
};

struct heard {
    char text[2][64];
    size_t len[2];
};

static void on_clear(void *ctx, const struct session *session, const struct app_piece *piece)
{
    struct heard *heard = ctx;
    size_t *len = &heard->len[piece->side];

    (void)session;
    assert_true(*len + piece->len < sizeof(heard->text[0]));
    memcpy(heard->text[piece->side] + *len, piece->data, piece->len);
    *len += piece->len;
}

static uint8_t tls_bytes[SESSION_MAX];
static size_t tls_size, tls_log_len;

static int load(void **state)
{
    FILE *file = fopen(SESSION_FILE, "rb");

    (void)state;
    if (!file)
        fail_msg("%s is not there: run from the top of the repository", SESSION_FILE);
    tls_size = fread(tls_bytes, 1, sizeof(tls_bytes), file);
    tls_log_len = (size_t)tls_bytes[0] << 8 | tls_bytes[1];
    fclose(file);
    return 0;
}

static void give_cut(struct app_driver *driver, enum app_side side, const void *data, size_t len,
                     size_t piece_bytes)
{
    const uint8_t *at = data;

    for (size_t some; len; at += some, len -= some) {
        some = len < piece_bytes ? len : piece_bytes;
        driver_give(driver, side, at, some);
    }
}

static void give_tls(struct app_driver *driver, size_t piece_bytes)
{
    for (size_t at = 2 + tls_log_len; at + 2 < tls_size; at += 2 + (size_t)tls_bytes[at + 1])
        give_cut(driver, (enum app_side)tls_bytes[at], tls_bytes + at + 2, tls_bytes[at + 1],
                 piece_bytes);
}

static void begin(struct app_driver *driver, struct heard *heard, struct keylog **keylog, bool http)
{
    struct app_conf conf = {.clear = on_clear, .ctx = heard, .http = http};

    memset(heard, 0, sizeof(*heard));
    *keylog = keylog_new(1 << 20, 0);
    keylog_add(*keylog, (char *)tls_bytes + 2, tls_log_len);
    conf.keylog = *keylog;
    driver_begin(driver, &conf, IP_PROTO_TCP);
}

static void check(const struct row *row, size_t piece_bytes)
{
    struct app_driver driver;
    struct heard heard;
    struct keylog *keylog;
    const struct facts *facts;
    const char *within;

    begin(&driver, &heard, &keylog, row->http);
    for (size_t i = 0; i < TURNS_MAX && row->turns[i].len; i++)
        give_cut(&driver, row->turns[i].side, row->turns[i].text, row->turns[i].len,
                 !i && row->first_only ? SIZE_MAX : piece_bytes);
    give_tls(&driver, piece_bytes);
    facts = driver_finish(&driver);
    within = facts && facts->tls.seen ? facts->tls.within : NULL;
    if ((within == NULL) != (row->within == NULL) || (within && strcmp(within, row->within) != 0))
        fail_msg("%s, pieces of %zu: within %s", row->name, piece_bytes, within ? within : "none");
    if (strcmp(heard.text[APP_CLIENT], row->within ? CLIENT_SAYS : "") != 0 ||
        strcmp(heard.text[APP_SERVER], row->within ? SERVER_SAYS : "") != 0)
        fail_msg("%s, pieces of %zu: '%s', '%s'", row->name, piece_bytes, heard.text[APP_CLIENT],
                 heard.text[APP_SERVER]);
    if (within && (strcmp(facts->tls.version, "TLS 1.3") != 0 || !facts->tls.decrypted))
        fail_msg("%s, pieces of %zu: %s", row->name, piece_bytes, facts->tls.version);
    driver_end(&driver);
    keylog_free(keylog);
}

static void test_protocols(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t bytes = 1; bytes < 2000; bytes = bytes < 12 ? bytes + 1 : bytes * 12)
            check(&rows[i], bytes);
}

/* Without secrets no more is read than is in the clear. */
static void test_done_after_the_hellos(void **state)
{
    struct app_driver driver;

    (void)state;
    driver_begin(&driver, &(struct app_conf){0}, IP_PROTO_TCP);
    driver_say(&driver, APP_SERVER, "220 mail ESMTP\r\n");
    driver_say(&driver, APP_CLIENT, "STARTTLS\r\n");
    driver_say(&driver, APP_SERVER, "220 go\r\n");
    assert_true(app_session_wants_data(driver.one));
    give_tls(&driver, SIZE_MAX);
    assert_false(app_session_wants_data(driver.one));
    assert_string_equal(driver_finish(&driver)->tls.within, "smtp");
    assert_int_equal(driver_finish(&driver)->parser_count, 1);
    driver_end(&driver);
}

/* A session that stays plain has nothing to show of it. */
static void test_plain_to_the_end(void **state)
{
    struct app_driver driver;
    const struct facts *facts;

    (void)state;
    driver_begin(&driver, &(struct app_conf){0}, IP_PROTO_TCP);
    driver_say(&driver, APP_SERVER, "220 mail ESMTP\r\n");
    driver_say(&driver, APP_CLIENT, "QUIT\r\n");
    driver_say(&driver, APP_SERVER, "221 bye\r\n");
    facts = driver_finish(&driver);
    assert_int_equal(facts->parser_count, 0);
    assert_false(facts->tls.seen);
    assert_int_equal(facts->cut_bytes, 0);
    driver_end(&driver);
}

/* The asking, or part of it, is missing: a whole ClientHello is believed. */
static void test_holes(void **state)
{
    static const struct {
        const char *name;
        const char *client;
        size_t missing;
        bool found;
    } holes[] = {
        {"the line is missing", "EHLO me\r\n", 10, true},
        {"its end is missing", "EHLO me\r\nSTART", 5, true},
        {"its beginning is", "EHLO me\r\n", 3, true},
        {"nothing is", "EHLO me\r\n", 0, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
        struct app_driver driver;
        struct heard heard;
        struct keylog *keylog;
        const struct facts *facts;

        begin(&driver, &heard, &keylog, false);
        driver_say(&driver, APP_SERVER, "220 mail ESMTP\r\n");
        driver_say(&driver, APP_CLIENT, holes[i].client);
        if (holes[i].missing)
            driver_hole(&driver, APP_CLIENT, holes[i].missing);
        if (holes[i].missing == 3)
            driver_say(&driver, APP_CLIENT, "RTTLS\r\n");
        driver_say(&driver, APP_SERVER, "220 go\r\n");
        give_tls(&driver, SIZE_MAX);
        facts = driver_finish(&driver);
        if (facts->tls.seen != holes[i].found ||
            strcmp(heard.text[APP_CLIENT], holes[i].found ? CLIENT_SAYS : "") != 0)
            fail_msg("%s: seen %d, '%s'", holes[i].name, facts->tls.seen, heard.text[APP_CLIENT]);
        driver_end(&driver);
        keylog_free(keylog);
    }
}

/* HTTP in a tunnel goes on counting where CONNECT was. */
static void test_http_in_a_tunnel(void **state)
{
    struct app_driver driver;
    const struct facts *facts;

    (void)state;
    driver_begin(&driver, &(struct app_conf){.http = true}, IP_PROTO_TCP);
    driver_say(&driver, APP_CLIENT, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n");
    driver_say(&driver, APP_SERVER, "HTTP/1.1 200 OK\r\n\r\n");
    driver_say(&driver, APP_CLIENT, "GET /in HTTP/1.1\r\nHost: a\r\n\r\n");
    driver_say(&driver, APP_SERVER, "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno");
    facts = driver_finish(&driver);
    if (facts->http_count) { /* libhtp is built in */
        assert_int_equal(facts->http_count, 2);
        assert_true(text_is(facts->http->method, "CONNECT"));
        assert_int_equal(facts->http->status, 200);
        assert_true(facts->http->upgraded);
        assert_true(text_is(facts->http->next->uri, "/in"));
        assert_int_equal(facts->http->next->status, 404);
        assert_int_equal(facts->http->next->number, 2);
        assert_true(facts->http->next->response.complete);
        assert_int_equal(facts->parser_count, 1);
        assert_int_equal(facts->parsers[0].items, 2);
        assert_int_equal(facts->parsers[0].status, PARSER_DONE);
    }
    driver_end(&driver);
}

static const char hello_with_name[] = "\x16\x03\x01\x00\x41\x01\x00\x00\x3d\x03\x03"
                                      "0123456789abcdef0123456789abcdef"
                                      "\x00\x00\x02\xc0\x2f\x01\x00\x00\x12"
                                      "\x00\x00\x00\x0e\x00\x0c\x00\x00\x09"
                                      "a.example";

/* A proxy is not called what is asked for through it; a mail server is. */
static void test_name_of_the_server(void **state)
{
    static const struct {
        const char *client, *server;
        bool named;
    } cases[] = {
        {"CONNECT a:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", false},
        {"EHLO a\r\nSTARTTLS\r\n", "220 go\r\n", true},
    };
    uint8_t server[16] = {10, 0, 0, 1};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct names *names = names_new(4);
        struct app_driver driver;

        driver_begin(&driver, &(struct app_conf){0}, IP_PROTO_TCP);
        driver_say(&driver, APP_CLIENT, cases[i].client);
        driver_say(&driver, APP_SERVER, cases[i].server);
        driver_give(&driver, APP_CLIENT, hello_with_name, sizeof(hello_with_name) - 1);
        assert_true(text_is(driver_finish(&driver)->tls.sni, "a.example"));
        app_tell_name(app_session_facts(driver.one), names, server);
        assert_int_equal(!!names_find(names, server, NULL), cases[i].named);
        driver_end(&driver);
        names_free(names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocols),        cmocka_unit_test(test_done_after_the_hellos),
        cmocka_unit_test(test_plain_to_the_end), cmocka_unit_test(test_holes),
        cmocka_unit_test(test_http_in_a_tunnel), cmocka_unit_test(test_name_of_the_server),
    };

    return cmocka_run_group_tests(tests, load, NULL);
}
