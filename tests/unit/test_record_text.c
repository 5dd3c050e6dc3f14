/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, times and addresses as text, each against the C library's own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "sink/text.h"

#define SEC 1000000000LL

static void expect_text(const char *expected, char *text, char *end)
{
    assert_true(end - text <= TEXT_MAX);
    *end = '\0';
    assert_string_equal(text, expected);
}

static void test_u64(void **state)
{
    char text[TEXT_MAX + 1], expected[32];
    uint64_t value = 1;

    (void)state;
    for (int digits = 0; digits < 20; digits++, value *= 10) {
        for (uint64_t near = value - 1; near <= value + 1; near++) {
            snprintf(expected, sizeof(expected), "%" PRIu64, near);
            expect_text(expected, text, text_put_u64(text, near));
        }
    }
    for (unsigned int bit = 0; bit < 64; bit++) {
        value = (1ULL << bit) - 1;
        snprintf(expected, sizeof(expected), "%" PRIu64, value);
        expect_text(expected, text, text_put_u64(text, value));
    }
    expect_text("18446744073709551615", text, text_put_u64(text, UINT64_MAX));
    expect_text("007", text, text_put_fixed(text, 7, 3));
}

static const struct {
    int64_t ns;
    const char *time;
    const char *duration;
} seconds[] = {
    {0, "0.000000", "0.000000"},
    {999, "0.000000", "0.000000999"},
    {1000, "0.000001", "0.000001"},
    {1 * SEC - 1, "0.999999", "0.999999999"},
    {1 * SEC, "1.000000", "1.000000"},
    {12 * SEC + 34500, "12.000034", "12.000034500"},
    {999999999 * SEC, "999999999.000000", "999999999.000000"},
    {1000000000 * SEC + 5000, "1000000000.000005", "1000000000.000005"},
    {1795254240 * SEC + 123456789, "1795254240.123456", "1795254240.123456789"},
    {INT64_MAX, "9223372036.854775", "9223372036.854775807"},
};

static void test_seconds(void **state)
{
    char text[TEXT_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        expect_text(seconds[i].time, text, text_put_time(text, seconds[i].ns));
        expect_text(seconds[i].duration, text, text_put_duration(text, seconds[i].ns));
    }
}

static void expect_date(int64_t ns, struct text_day *day)
{
    time_t sec = ns / SEC;
    char text[TEXT_MAX + 1], expected[64];
    struct tm tm;
    size_t len;

    assert_non_null(gmtime_r(&sec, &tm));
    len = strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(expected + len, sizeof(expected) - len, ".%03dZ", (int)(ns % SEC / 1000000));
    expect_text(expected, text, text_put_date(text, ns, day));
}

/* Every day from 1970 on for as long as 64 bits of ns last (2262), at its two ends. */
static void test_dates(void **state)
{
    struct text_day kept = {0};

    (void)state;
    for (int64_t day = 0; day < INT64_MAX / SEC / 86400; day++) {
        struct text_day fresh = {0};

        expect_date(day * 86400 * SEC, &kept);
        expect_date((day + 1) * 86400 * SEC - 1, &kept);
        expect_date(day * 86400 * SEC + 45296789 * (SEC / 1000), &fresh);
    }
}

static const char *const addresses[] = {
    "::",
    "::1",
    "1::",
    "fe80::1",
    "2001:db8::1",
    "2001:db8:0:1:1:1:1:1",
    "2001:0:0:1::1",
    "2001:db8::1:0:0:1",
    "1:2:3:4:5:6:7:8",
    "0:1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:0",
    "1:2:3:4:5:6::",
    "::3:4:5:6:7:8",
    "abcd:ef01:2345:6789:abcd:ef01:2345:6789",
    "::ffff:10.0.0.1",
    "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
};

static void test_ipv6(void **state)
{
    char text[TEXT_MAX + 1], expected[INET6_ADDRSTRLEN];
    uint8_t addr[16];

    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        assert_int_equal(inet_pton(AF_INET6, addresses[i], addr), 1);
        assert_non_null(inet_ntop(AF_INET6, addr, expected, sizeof(expected)));
        expect_text(expected, text, text_put_ip(text, addr, 6));
    }
}

static void test_ipv4(void **state)
{
    static const uint8_t octets[] = {0, 1, 9, 10, 99, 100, 127, 255};
    char text[TEXT_MAX + 1], expected[INET_ADDRSTRLEN];
    uint8_t addr[16] = {[10] = 0xff, [11] = 0xff};

    (void)state;
    for (unsigned int i = 0; i < sizeof(octets) * 4; i++) {
        for (unsigned int at = 0; at < 4; at++)
            addr[12 + at] = octets[(i >> at * 2 | at) % sizeof(octets)];
        assert_non_null(inet_ntop(AF_INET, addr + 12, expected, sizeof(expected)));
        expect_text(expected, text, text_put_ip(text, addr, 4));
    }
}

/* One odd character at each place of a text. */
static void test_plain(void **state)
{
    (void)state;
    for (unsigned int c = 1; c < 256; c++) {
        bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

        for (size_t len = 1; len < 20; len++) {
            for (size_t at = 0; at < len; at++) {
                char text[20];

                memset(text, 'a', len);
                text[at] = (char)c;
                assert_int_equal(text_is_plain(text, len), plain);
            }
        }
    }
    assert_true(text_is_plain("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_u64),  cmocka_unit_test(test_seconds), cmocka_unit_test(test_dates),
        cmocka_unit_test(test_ipv6), cmocka_unit_test(test_ipv4),    cmocka_unit_test(test_plain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
