/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, times, hex and JSON strings as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"

static void expect(struct buf *buf, const char *name, const char *text, size_t len)
{
    if (buf->len != len || memcmp(buf->data, text, len) != 0)
        fail_msg("%s: \"%.*s\" is not \"%.*s\"", name, (int)buf->len, buf->data, (int)len, text);
    assert_false(buf->failed);
    buf_clear(buf);
}

static void numbers(void **state)
{
    static const uint64_t values[] = {0,   1,   9,    10,    11,         99,        100,
                                      101, 999, 1000, 65535, 4294967295, INT64_MAX, UINT64_MAX};
    struct buf buf = {0};
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        int64_t negative = (int64_t)(0 - values[i]);

        buf_add_u64(&buf, values[i]);
        expect(&buf, "u64", text, (size_t)sprintf(text, "%" PRIu64, values[i]));
        buf_add_i64(&buf, negative);
        expect(&buf, "i64", text, (size_t)sprintf(text, "%" PRId64, negative));
    }
    buf_add_i64(&buf, INT64_MIN);
    expect(&buf, "i64 smallest", "-9223372036854775808", 20);
    buf_fini(&buf);
}

static void seconds(void **state)
{
    static const struct {
        int64_t ns;
        unsigned int places;
        const char *text;
    } rows[] = {
        {0, 0, "0"},
        {0, 6, "0.000000"},
        {1, 9, "0.000000001"},
        {999, 6, "0.000000"},
        {1000, 6, "0.000001"},
        {1999, 6, "0.000001"},
        {999999999, 6, "0.999999"},
        {1000000000, 6, "1.000000"},
        {1700000000123456789, 6, "1700000000.123456"},
        {1700000000123456789, 9, "1700000000.123456789"},
        {1700000000123456789, 3, "1700000000.123"},
        {1700000000123456789, 0, "1700000000"},
        {1050000000, 1, "1.0"},
        {-1, 9, "-0.000000001"},
        {-1, 6, "-0.000001"},
        {-1000, 6, "-0.000001"},
        {-1500000000, 0, "-2"},
        {-1500000000, 1, "-1.5"},
        {INT64_MAX, 9, "9223372036.854775807"},
        {INT64_MIN, 9, "-9223372036.854775808"},
        {5, 12, "0.000000005"},
    };
    struct buf buf = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_add_seconds(&buf, rows[i].ns, rows[i].places);
        expect(&buf, "seconds", rows[i].text, strlen(rows[i].text));
    }
    buf_fini(&buf);
}

#define BAD "\xef\xbf\xbd"

static void json_strings(void **state)
{
    static const struct {
        const char *name;
        const char *in;
        size_t len;
        const char *out;
    } rows[] = {
        {"empty", "", 0, "\"\""},
        {"plain", "abc", 3, "\"abc\""},
        {"quote and backslash", "a\"b\\", 4, "\"a\\\"b\\\\\""},
        {"short escapes", "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"controls", "\0\x1f\x7f", 3, "\"\\u0000\\u001f\x7f\""},
        {"two bytes", "\xc3\xa9", 2, "\"\xc3\xa9\""},
        {"three bytes", "\xe2\x82\xac", 3, "\"\xe2\x82\xac\""},
        {"four bytes", "\xf0\x9f\x98\x80", 4, "\"\xf0\x9f\x98\x80\""},
        {"highest", "\xf4\x8f\xbf\xbf", 4, "\"\xf4\x8f\xbf\xbf\""},
        {"above highest", "\xf4\x90\x80\x80", 4, "\"" BAD BAD BAD BAD "\""},
        {"overlong slash", "\xc0\xaf", 2, "\"" BAD BAD "\""},
        {"overlong three", "\xe0\x80\xaf", 3, "\"" BAD BAD BAD "\""},
        {"overlong four", "\xf0\x80\x80\xaf", 4, "\"" BAD BAD BAD BAD "\""},
        {"surrogate", "\xed\xa0\x80", 3, "\"" BAD BAD BAD "\""},
        {"cut off", "a\xe2\x82", 3, "\"a" BAD BAD "\""},
        {"lone continuation",
         "\x80"
         "b",
         2, "\"" BAD "b\""},
        {"broken in the middle",
         "\xe2"
         "a\xac",
         3, "\"" BAD "a" BAD "\""},
    };
    struct buf buf = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *exact = malloc(rows[i].len + 1); /* so that reading beyond it is seen */

        memcpy(exact, rows[i].in, rows[i].len);
        exact = realloc(exact, rows[i].len ? rows[i].len : 1);
        buf_add_json_str(&buf, exact, rows[i].len);
        expect(&buf, rows[i].name, rows[i].out, strlen(rows[i].out));
        free(exact);
    }
    buf_fini(&buf);
}

/* Each byte at each place of a longer text is written as it is alone. */
static void json_bytes_anywhere(void **state)
{
    enum { LEN = 19 };
    struct buf alone = {0}, among = {0}, expected = {0};

    (void)state;
    for (unsigned int c = 0; c < 256; c++) {
        char byte = (char)c, text[LEN];

        buf_clear(&alone);
        buf_add_json_str(&alone, &byte, 1);
        for (size_t at = 0; at < LEN; at++) {
            memset(text, 'a', LEN);
            text[at] = byte;
            buf_clear(&expected);
            buf_add_char(&expected, '"');
            buf_add(&expected, "aaaaaaaaaaaaaaaaaaa", at);
            buf_add(&expected, alone.data + 1, alone.len - 2);
            buf_add(&expected, "aaaaaaaaaaaaaaaaaaa", LEN - 1 - at);
            buf_add_char(&expected, '"');
            buf_clear(&among);
            buf_add_json_str(&among, text, LEN);
            assert_int_equal(among.len, expected.len);
            assert_memory_equal(among.data, expected.data, expected.len);
        }
    }
    buf_fini(&alone);
    buf_fini(&among);
    buf_fini(&expected);
}

static void printable(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"plain ~", "plain ~"},
        {"\x1b[31m\n\x7f", "?[31m??"},
        {"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xc2\x9b"
         "31m \x9b",
         "?31m ?"}, /* C1: a terminal's CSI */
        {"\xe2\x80\xae"
         "gpj.exe",
         "?gpj.exe"},                        /* right to left */
        {"\xc3(\xed\xa0\x80\xf8", "?(????"}, /* not UTF-8 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf buf = {0};

        buf_add_printable(&buf, rows[i].text, strlen(rows[i].text));
        buf_add_char(&buf, '\0');
        assert_string_equal(buf.data, rows[i].expected);
        buf_fini(&buf);
    }
}

static void growth(void **state)
{
    struct buf buf = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_add_char(&buf, (char)i);
    assert_int_equal(buf.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal((char)i, buf.data[i]);
    buf_clear(&buf);
    buf_printf(&buf, "%s-%d", "x", 7);
    buf_add_hex(&buf, "\x00\xff\x1a", 3);
    expect(&buf, "printf and hex", "x-700ff1a", 9);
    buf_fini(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.cap, 0);
}

static void no_memory_is_remembered(void **state)
{
    struct buf buf = {0};

    (void)state;
    buf_add_str(&buf, "kept");
    assert_false(buf_reserve(&buf, SIZE_MAX));
    assert_true(buf.failed);
    assert_int_equal(buf.len, 4);
    buf_clear(&buf);
    assert_false(buf.failed);
    buf_fini(&buf);
}

static void clocks_agree(void **state)
{
    int64_t offset = clock_wall_offset_ns();
    uint64_t mono = clock_mono_ns(), wall = clock_wall_ns();
    int64_t apart = (int64_t)(wall - mono) - offset;

    (void)state;
    assert_true(apart > -100000000 && apart < 100000000);
    assert_true(clock_mono_ns() >= mono);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),      cmocka_unit_test(seconds),
        cmocka_unit_test(json_strings), cmocka_unit_test(json_bytes_anywhere),
        cmocka_unit_test(printable),    cmocka_unit_test(growth),
        cmocka_unit_test(clocks_agree), cmocka_unit_test(no_memory_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
