/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and addresses as people read them, short. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "sink/screen_units.h"

#define US 1000ULL
#define MS (1000 * US)
#define S  (1000 * MS)

struct number_case {
    uint64_t value;
    const char *want;
};

static void check_numbers(char *(*put)(char *, uint64_t), const struct number_case *cases,
                          size_t count)
{
    char text[UNITS_MAX + 1];

    for (size_t i = 0; i < count; i++) {
        memset(text, '#', sizeof(text));
        *put(text, cases[i].value) = '\0';
        assert_string_equal(text, cases[i].want);
    }
}
#define CHECK(put, cases) check_numbers(put, cases, sizeof(cases) / sizeof((cases)[0]))

static void test_bytes(void **state)
{
    static const struct number_case cases[] = {
        {0, "0B"},
        {1, "1B"},
        {1023, "1023B"},
        {1024, "1.0KiB"},
        {1024 + 102, "1.0KiB"},
        {1024 + 103, "1.1KiB"},
        {102399, "99.9KiB"},
        {102400, "100KiB"},
        {1048575, "1023KiB"},
        {1048576, "1.0MiB"},
        {2147483648, "2.0GiB"},
        {1ULL << 40, "1.0TiB"},
        {1ULL << 50, "1.0PiB"},
        {UINT64_MAX, "15.9EiB"},
    };

    (void)state;
    CHECK(units_put_bytes, cases);
}

static void test_counts(void **state)
{
    static const struct number_case cases[] = {
        {0, "0"},           {9, "9"},           {9999, "9999"},        {10000, "10.0k"},
        {12345, "12.3k"},   {99999, "99.9k"},   {100000, "100k"},      {999999, "999k"},
        {1000000, "1.00M"}, {1019999, "1.01M"}, {1234567890, "1.23G"}, {UINT64_MAX, "18.4E"},
    };

    (void)state;
    CHECK(units_put_count, cases);
}

static void test_durations(void **state)
{
    static const struct number_case cases[] = {
        {0, "0us"},
        {999, "0us"},
        {45123, "45us"},
        {MS - 1, "999us"},
        {MS, "1.00ms"},
        {12345 * US, "12.3ms"},
        {S - 1, "999ms"},
        {S, "1.00s"},
        {1056 * MS, "1.05s"},
        {60 * S - 1, "59.9s"},
        {60 * S, "1m00s"},
        {3600 * S - 1, "59m59s"},
        {3600 * S, "1h00m"},
        {86400 * S - 1, "23h59m"},
        {86400 * S, "1d00h"},
        {(400 * 86400 + 7300) * S, "400d02h"},
        {UINT64_MAX, "213503d23h"},
    };

    (void)state;
    CHECK(units_put_duration, cases);
}

static void test_addresses(void **state)
{
    static const struct {
        const char *address;
        size_t width;
        const char *want;
    } cases[] = {
        {"10.0.0.1:80", 11, "10.0.0.1:80"},
        {"10.0.0.1:80", 40, "10.0.0.1:80"},
        {"10.244.12.34:43512", 17, "10...12.34:43512"},
        {"10.244.12.34:43512", 13, "10...34:43512"},
        {"10.244.12.34:43512", 12, "..34:43512"},
        {"10.244.12.34:43512", 9, "10.244..."},
        {"[2001:db8:1:2:3:4:5:6]:443", 25, "[2001:db8:1:..4:5:6]:443"},
        {"[2001:db8:1:2:3:4:5:6]:443", 24, "[2001:db8:1:..4:5:6]:443"},
        {"[2001:db8:1:2:3:4:5:6]:443", 23, "[2001:db8:..4:5:6]:443"},
        {"[2001:db8:1:2:3:4:5:6]:443", 14, "[2001:..6]:443"},
        {"[2001:db8:1:2:3:4:5:6]:443", 13, "[..4:5:6]:443"},
        {"[2001:db8:1:2:3:4:5:6]:443", 8, "[2001:.."},
        {"2001:db8:1:2:3:4:5:6", 12, "2001:..4:5:6"},
        {"[2001:db8::1234:5678]:65535", 21, "[2001:..5678]:65535"},
        {"[fe80::]:9", 9, "[..:]:9"},
        {"10.0.0.1", 6, "10...1"},
        {"10.0.0.1", 5, "..0.1"},
        {"10.0.0.1:80", 3, "1.."},
        {"10.0.0.1:80", 2, "10"},
        {"10.0.0.1:80", 1, "1"},
        {"10.0.0.1:80", 0, ""},
        {"", 0, ""},
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(text, '#', sizeof(text));
        *units_put_short(text, cases[i].address, strlen(cases[i].address), cases[i].width) = '\0';
        assert_string_equal(text, cases[i].want);
    }
}

/* Whatever the width, no byte is written beyond it. */
static void test_addresses_any_width(void **state)
{
    static const char *const addresses[] = {
        "[2001:db8:1:2:3:4:5:6]:443",
        "[::]:1",
        "::",
        "1.2.3.4",
        "1.2.3.4:5",
        "]:",
        "[",
        "x",
        ":::::",
    };
    char text[64], *end;

    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        for (size_t width = 0; width < 40; width++) {
            memset(text, '#', sizeof(text));
            end = units_put_short(text, addresses[i], strlen(addresses[i]), width);
            assert_true((size_t)(end - text) <= width);
            assert_int_equal(*end, '#');
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_addresses_any_width),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
