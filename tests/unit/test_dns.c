/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages, and what is told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packet.h"
#include "session/names.h"
#include "unit/app_driver.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

#define QUESTION             "\3www\7example\3com\0\0\1\0\1"
#define QUERY                "\x12\x34\1\0\0\1\0\0\0\0\0\0" QUESTION
#define HEAD(flags, answers) "\x12\x34" flags "\0\1\0" answers "\0\0\0\0"
#define A_RECORD             "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc6\x33\x64\x07"

#define FIFTY "01234567890123456789012345678901234567890123456789"

struct row {
    const char *name;
    const uint8_t *answer;
    size_t len;
    int rcode;
    unsigned int answers;
    const char *type_data; /* of the last answer */
    bool truncated;
};

static const struct row rows[] = {
    {"address", BYTES(HEAD("\x81\x80", "\1") QUESTION A_RECORD), 0, 1, "198.51.100.7", false},
    {"alias, then address",
     BYTES(HEAD("\x81\x80", "\2") QUESTION
           "\xc0\x0c\0\5\0\1\0\0\0\1\0\4\1w\xc0\x10\1w\xc0\x10\0\1\0\1\0\0\0\1\0\4\xc0\0\2\1"),
     0, 2, "192.0.2.1", false},
    {"a pointer to a name that ends in one",
     BYTES(HEAD("\x81\x80", "\2") QUESTION
           "\1w\xc0\x10\0\1\0\1\0\0\0\1\0\4\xc0\0\2\1\xc0\x21\0\1\0\1\0\0\0\1\0\4\xc0\0\2\2"),
     0, 2, "192.0.2.2", false},
    {"IPv6 address",
     BYTES(HEAD("\x81\x80", "\1") QUESTION
           "\xc0\x0c\0\x1c\0\1\0\0\1\x2c\0\x10\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
     0, 1, "2001:db8::1", false},
    {"mail exchanger",
     BYTES(HEAD("\x81\x80", "\1") QUESTION "\xc0\x0c\0\x0f\0\1\0\0\1\x2c\0\7\0\x0a\2mx\xc0\x10"), 0,
     1, "10 mx.example.com", false},
    {"text", BYTES(HEAD("\x81\x80", "\1") QUESTION "\xc0\x0c\0\x10\0\1\0\0\1\x2c\0\6\2v=\2a\""), 0,
     1, "\"v=\" \"a\\\"\"", false},
    {"text of several strings, with blanks and what is no text",
     BYTES(HEAD("\x81\x80", "\1") QUESTION "\xc0\x0c\0\x10\0\1\0\0\1\x2c\0\x75"
                                           "\x32" FIFTY "\x32" FIFTY "\x0e"
                                           "a b.c\\\"d\xff e f\t"),
     0, 1, "\"" FIFTY "\" \"" FIFTY "\" \"a b.c\\\\\\\"d\\255 e f\\009\"", false},
#ifdef HAVE_LDNS
    {"start of authority",
     BYTES(HEAD("\x81\x80", "\1") QUESTION "\xc0\x0c\0\6\0\1\0\0\1\x2c\0\x1d\2ns\xc0\x10\1h\xc0\x10"
                                           "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"),
     0, 1, "ns.example.com h.example.com 1 2 3 4 5", false},
    {"service binding of https",
     BYTES(HEAD("\x81\x80", "\1") QUESTION "\xc0\x0c\0\x41\0\1\0\0\1\x2c\0\x12"
                                           "\0\1\0\0\1\0\3\2h2\0\4\0\4\1\2\3\4"),
     0, 1, "1 . alpn=h2 ipv4hint=1.2.3.4", false},
    {"who may certify",
     BYTES(HEAD("\x81\x80", "\1") QUESTION "\xc0\x0c\1\1\0\1\0\0\1\x2c\0\x0c\0\5issueca\".b"), 0, 1,
     "0 issue \"ca\\\".b\"", false},
    {"an authority that is cut short",
     BYTES(HEAD("\x81\x80", "\1") QUESTION "\xc0\x0c\0\6\0\1\0\0\1\x2c\0\4\xc0\x10\xc0\x10"), 0, 1,
     "\\# 4 c010c010", false},
#endif
    {"no data", BYTES(HEAD("\x81\x80", "\1") QUESTION "\xc0\x0c\1\1\0\1\0\0\1\x2c\0\0"), 0, 1,
     "\\# 0", false},
    {"unknown type",
     BYTES(HEAD("\x81\x80", "\1") QUESTION "\xc0\x0c\1\1\0\1\0\0\1\x2c\0\2\xab\xcd"), 0, 1,
     "\\# 2 abcd", false},
    {"no such name", BYTES(HEAD("\x81\x83", "\0") QUESTION), 3, 0, NULL, false},
    {"truncated", BYTES(HEAD("\x83\x80", "\0") QUESTION), 0, 0, NULL, true},
    {"pointer to itself", BYTES(HEAD("\x81\x80", "\1") QUESTION "\xc0\x21\0\1\0\1"), 0, 0, NULL,
     false},
    {"data beyond the message",
     BYTES(HEAD("\x81\x80", "\1") QUESTION "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\x40\1\2\3\4"), 0, 0, NULL,
     false},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        const struct dns_transaction *transaction;
        const struct dns_answer *last;
        const struct facts *facts;
        struct app_driver driver;

        print_message("%s\n", row->name);
        driver_begin(&driver, &(struct app_conf){0}, IP_PROTO_UDP);
        driver_give(&driver, APP_CLIENT, BYTES(QUERY));
        driver_give(&driver, APP_SERVER, row->answer, row->len);
        facts = driver_finish(&driver);
        assert_non_null(facts);
        assert_int_equal(facts->dns_count, 1);
        transaction = facts->dns;
        assert_true(text_is(transaction->name, "www.example.com"));
        assert_int_equal(transaction->id, 0x1234);
        assert_int_equal(transaction->qtype, 1);
        assert_int_equal(transaction->rcode, row->rcode);
        assert_int_equal(transaction->answer_ns - transaction->query_ns, 1000000);
        assert_int_equal(transaction->answer_count, row->answers);
        assert_int_equal(transaction->truncated, row->truncated);
        for (last = transaction->answers; last && last->next;)
            last = last->next;
        assert_true(last ? text_is(last->data, row->type_data) : !row->type_data);
        driver_end(&driver);
    }
}

/* What was asked for names the address, not the alias that leads there. */
static void test_names(void **state)
{
    static const uint8_t addr[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
    struct names *names = names_new(8);
    struct app_conf conf = {.names = names};
    struct app_driver driver;

    (void)state;
    driver_begin(&driver, &conf, IP_PROTO_UDP);
    driver_give(&driver, APP_CLIENT, BYTES(QUERY));
    driver_give(&driver, APP_SERVER, rows[1].answer, rows[1].len);
    driver_finish(&driver);
    assert_string_equal(names_find(names, addr, NULL), "www.example.com");
    driver_end(&driver);
    names_free(names);
}

/* Over TCP, in pieces of every size; two queries, answered the other way round. */
static void test_stream(void **state)
{
    static const char queries[] = "\0\x21" QUERY "\0\x21"
                                  "\x56\x78\1\0\0\1\0\0\0\0\0\0" QUESTION;
    static const char answers[] = "\0\x21\x56\x78\x81\x82\0\1\0\0\0\0\0\0" QUESTION
                                  "\0\x31" HEAD("\x81\x80", "\1") QUESTION A_RECORD;

    (void)state;
    for (size_t size = 1; size < 100; size++) {
        const struct facts *facts;
        struct app_driver driver;
        size_t at;

        driver_begin(&driver, &(struct app_conf){0}, IP_PROTO_TCP);
        /* Elsewhere than at DNS's port the first message has to come in one for its protocol to be seen. */
        driver.session.key.port[1] = size % 2 ? WIRE_BE16(53) : 0;
        driver_give(&driver, APP_CLIENT, queries, size % 2 ? 2 : 35);
        if (size % 2)
            driver_give(&driver, APP_CLIENT, queries + 2, 33);
        for (at = 35; at < sizeof(queries) - 1; at += size)
            driver_give(&driver, APP_CLIENT, queries + at,
                        sizeof(queries) - 1 - at < size ? sizeof(queries) - 1 - at : size);
        for (at = 0; at < sizeof(answers) - 1; at += size)
            driver_give(&driver, APP_SERVER, answers + at,
                        sizeof(answers) - 1 - at < size ? sizeof(answers) - 1 - at : size);
        facts = driver_finish(&driver);
        assert_non_null(facts);
        assert_int_equal(facts->dns_count, 2);
        assert_int_equal(facts->dns->rcode, 0);
        assert_int_equal(facts->dns->answer_count, 1);
        assert_int_equal(facts->dns->next->rcode, 2);
        assert_string_equal(facts->parsers[0].name, "dns");
        assert_int_equal(facts->parsers[0].items, 4);
        assert_int_equal(facts->parsers[0].status, PARSER_DONE);
        driver_end(&driver);
    }
}

/* Datagrams of other protocols are not taken for DNS. */
static void test_others(void **state)
{
    static const struct {
        const char *name;
        const uint8_t *data;
        size_t len;
    } others[] = {
        {"zeros", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
        {"NTP", BYTES("\x23\2\6\xe8\0\0\3\xc1\0\0\1\2\xc0\xa8\1\1\1\2\3\4\5\6\7\x08\0\0\0\0")},
        {"short", BYTES("\x12\x34\1\0\0\1")},
        {"name without an end", BYTES("\x12\x34\1\0\0\1\0\0\0\0\0\0\x3fwww")},
        {"RTP", BYTES("\x80\x60\x12\x34\0\0\0\1\0\0\0\2payload payload payload")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct app_driver driver;

        print_message("%s\n", others[i].name);
        driver_begin(&driver, &(struct app_conf){0}, IP_PROTO_UDP);
        driver_give(&driver, APP_CLIENT, others[i].data, others[i].len);
        assert_null(driver_finish(&driver));
        driver_end(&driver);
    }
}

/* The same bytes between ports of NetBIOS are no DNS. */
static void test_netbios(void **state)
{
    struct app_driver driver;

    (void)state;
    for (int end = 0; end < 2; end++) {
        driver_begin(&driver, &(struct app_conf){0}, IP_PROTO_UDP);
        driver.session.key.port[end] = WIRE_BE16(137);
        driver_give(&driver, APP_CLIENT, BYTES(QUERY));
        assert_null(driver_finish(&driver));
        driver_end(&driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers), cmocka_unit_test(test_netbios),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_stream),
        cmocka_unit_test(test_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
