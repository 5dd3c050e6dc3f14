/* SPDX-License-Identifier: Apache-2.0 */
/* A ClientHello in SSL 2.0's form: the version is what the server chose, and what only begins like one is no TLS. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "packet.h"
#include "unit/app_driver.h"

/* length 2 | type 1 | version 2 | ciphers 2 | session id 2 | challenge 2 | ciphers, 3 each | challenge */
#define HELLO(version)                                                                    \
    "\x80\x22\x01" version "\x00\x09\x00\x00\x00\x10\x00\x00\x2f\x01\x00\x80\x07\x00\xc0" \
    "0123456789abcdef"
#define TLS_ANSWER                                 \
    "\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"             \
    "\x00\x00\x2f\x00\x16\x03\x01\x00\x04\x0e\x00\x00\x00\x14\x03\x01\x00\x01\x01"
/* length 2 | type 4 | session id hit | certificate type | version 2 | lengths of what follows, 2 each */
#define SSL_ANSWER "\x80\x0b\x04\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00"

static const struct {
    const char *name;
    const char *client;
    size_t client_len;
    const char *server;
    size_t server_len;
    bool seen;
    const char *version;
    const char *cipher;
    enum parser_status status;
} rows[] = {
#define SAYS(client, server) client, sizeof(client) - 1, server, sizeof(server) - 1
    {"answered in TLS", SAYS(HELLO("\x03\x01"), TLS_ANSWER), true, "TLS 1.0",
     "TLS_RSA_WITH_AES_128_CBC_SHA", PARSER_DONE},
    {"offers more than the server takes", SAYS(HELLO("\x03\x03"), TLS_ANSWER), true, "TLS 1.0",
     "TLS_RSA_WITH_AES_128_CBC_SHA", PARSER_DONE},
    {"answered in SSL 2.0", SAYS(HELLO("\x03\x00"), SSL_ANSWER), true, "SSL 2.0", NULL,
     PARSER_DONE},
    {"SSL 2.0 on both sides", SAYS(HELLO("\x00\x02"), SSL_ANSWER), true, "SSL 2.0", NULL,
     PARSER_DONE},
    {"not answered", SAYS(HELLO("\x03\x01"), ""), true, NULL, NULL, PARSER_DONE},
    {"refused", SAYS(HELLO("\x03\x01"), "\x15\x03\x01\x00\x02\x02\x46"), true, NULL, NULL,
     PARSER_DONE},
    {"answered with something else", SAYS(HELLO("\x03\x01"), "HTTP/1.1 400 Bad\r\n\r\n"), true,
     NULL, NULL, PARSER_BROKEN},
    {"answered with what is nearly one", SAYS(HELLO("\x03\x01"), "\x80\x0b\x05\x00\x01\x00\x02"),
     true, NULL, NULL, PARSER_BROKEN},
    {"another version", SAYS(HELLO("\x04\x01"), TLS_ANSWER), false, NULL, NULL, PARSER_NONE},
    {"another type", SAYS("\x80\x22\x07\x03\x01\x00\x09\x00\x00\x00\x10", ""), false, NULL, NULL,
     PARSER_NONE},
};

static void check(size_t i, size_t piece_bytes)
{
    const char *texts[2] = {rows[i].client, rows[i].server};
    size_t lens[2] = {rows[i].client_len, rows[i].server_len};
    struct app_driver driver;
    const struct facts *facts;
    const char *version, *cipher;
    bool seen;

    driver_begin(&driver, &(struct app_conf){0}, IP_PROTO_TCP);
    for (int side = 0; side < 2; side++)
        for (size_t at = 0, some; at < lens[side]; at += some) {
            some = lens[side] - at < piece_bytes ? lens[side] - at : piece_bytes;
            driver_give(&driver, (enum app_side)side, texts[side] + at, some);
        }
    facts = driver_finish(&driver);
    seen = facts && facts->tls.seen;
    version = facts ? facts->tls.version : NULL;
    cipher = facts ? facts->tls.cipher : NULL;
    if (seen != rows[i].seen || !version != !rows[i].version || !cipher != !rows[i].cipher ||
        (version && strcmp(version, rows[i].version) != 0) ||
        (cipher && strcmp(cipher, rows[i].cipher) != 0))
        fail_msg("%s, pieces of %zu: %d %s %s", rows[i].name, piece_bytes, seen, version, cipher);
    if (seen && facts->parsers[0].status != rows[i].status)
        fail_msg("%s, pieces of %zu: status %d", rows[i].name, piece_bytes,
                 facts->parsers[0].status);
    if (!seen && facts && facts->parser_count)
        fail_msg("%s, pieces of %zu: a parser stays", rows[i].name, piece_bytes);
    driver_end(&driver);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t bytes = 1; bytes < 200; bytes = bytes * 2 + 1)
            check(i, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
