/* SPDX-License-Identifier: Apache-2.0 */
/* What extract keeps of its input: numbers of frames, and the lines of a key log that concern a session. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/extract.h"

static void test_picks_are_sorted_and_once(void **state)
{
    static const struct pick given[] = {{7, 0}, {3, 1}, {7, 0}, {900, 2}, {3, 1}, {1, 0}};
    static const struct pick expected[] = {{1, 0}, {3, 1}, {7, 0}, {900, 2}};
    struct picks picks = {0};

    (void)state;
    picks_sort(&picks);
    assert_int_equal(picks.count, 0);
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        assert_int_equal(picks_add(&picks, given[i].number, given[i].stream), 0);
    picks_sort(&picks);
    assert_int_equal(picks.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(picks.items[i].number, expected[i].number);
        assert_int_equal(picks.items[i].stream, expected[i].stream);
    }
    picks_fini(&picks);
}

/* A record with a ClientHello whose random is 32 times fill, at data. */
static void put_hello(uint8_t *data, uint8_t minor, uint8_t fill)
{
    static const uint8_t head[11] = {22, 3, 0, 0, 200, 1, 0, 0, 196, 3, 3};

    memcpy(data, head, sizeof(head));
    data[2] = minor;
    memset(data + sizeof(head), fill, CLIENT_RANDOM_BYTES);
}

static void test_hellos_are_found(void **state)
{
    struct randoms randoms = {0};
    uint8_t frame[200];

    (void)state;
    memset(frame, 22, sizeof(frame)); /* what looks like the first byte of one */
    put_hello(frame + 54, 1, 0xaa);
    put_hello(frame + 200 - 43, 3, 0xbb);
    assert_int_equal(randoms_find(&randoms, frame, sizeof(frame)), 0);
    assert_int_equal(randoms.count, 2);
    assert_int_equal(randoms.items[0][0], 0xaa);
    assert_int_equal(randoms.items[1][31], 0xbb);
    assert_int_equal(randoms_find(&randoms, frame + 54, 42), 0); /* one byte short */
    assert_int_equal(randoms_find(&randoms, frame, 0), 0);
    frame[54 + 5] = 2; /* a ServerHello */
    assert_int_equal(randoms_find(&randoms, frame, 100), 0);
    assert_int_equal(randoms.count, 2);
    randoms_fini(&randoms);
}

#define HEX_AA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_AB "AaAaAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define HEX_BB "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void test_key_log_lines(void **state)
{
    static const struct {
        const char *name;
        bool all;
        const char *log;
        const char *expected;
    } rows[] = {
        {"ours, and not another's", false,
         "CLIENT_RANDOM " HEX_AA " 01\nCLIENT_RANDOM " HEX_BB " 02\n",
         "CLIENT_RANDOM " HEX_AA " 01\n"},
        {"the last line has no end", false, "# made\nEXPORTER_SECRET " HEX_AA " 03",
         "EXPORTER_SECRET " HEX_AA " 03\n"},
        {"hex of either case", false, "X " HEX_AB " 04\n", "X " HEX_AB " 04\n"},
        {"no random", false, "RSA 1122 " HEX_AA "\n\nCLIENT_RANDOM\nX " HEX_AA, "X " HEX_AA "\n"},
        {"every session's", true, "A " HEX_BB " 1\n# no line\nB " HEX_AA " 2\n",
         "A " HEX_BB " 1\nB " HEX_AA " 2\n"},
        {"nothing", false, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct randoms randoms = {.all = rows[i].all};
        uint8_t hello[11 + CLIENT_RANDOM_BYTES];
        struct buf out = {0};

        put_hello(hello, 1, 0xaa);
        assert_int_equal(randoms_find(&randoms, hello, sizeof(hello)), 0);
        randoms_filter(&randoms, NULL, &out, rows[i].log, strlen(rows[i].log));
        buf_add(&out, "", 1);
        if (strcmp(out.data, rows[i].expected))
            fail_msg("%s: expected\n%s\ngot\n%s", rows[i].name, rows[i].expected, out.data);
        buf_fini(&out);
        randoms_fini(&randoms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picks_are_sorted_and_once),
        cmocka_unit_test(test_hellos_are_found),
        cmocka_unit_test(test_key_log_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
