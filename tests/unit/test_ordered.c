/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that come in any order go out by number, from memory and from the temporary file alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sink/ordered.h"

#define COUNT 5000

/* Writes lines "1" ... in the order given, reads back what came out. */
static char *run(const uint64_t *order, size_t count, size_t held_bytes)
{
    char path[] = "/tmp/sesstap-ordered-XXXXXX", line[32], *text;
    int fd = mkstemp(path);
    struct linefile out;
    struct ordered *ordered;
    off_t size;

    assert_true(fd >= 0);
    assert_int_equal(linefile_open(&out, path), 0);
    ordered = ordered_new(&out, held_bytes);
    assert_non_null(ordered);
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(line, sizeof(line), "%llu", (unsigned long long)order[i]);

        /* A number from 100 to 199 has no line. */
        assert_int_equal(
            ordered_write(ordered, order[i], order[i] / 100 == 1 ? NULL : line, (size_t)len), 0);
    }
    assert_int_equal(ordered_lost(ordered), 0);
    ordered_free(ordered);
    assert_int_equal(linefile_close(&out), 0);
    size = lseek(fd, 0, SEEK_END);
    text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    close(fd);
    unlink(path);
    return text;
}

static void check(const uint64_t *order, size_t count, size_t held_bytes, const char *expected)
{
    char *text = run(order, count, held_bytes);

    assert_string_equal(text, expected);
    free(text);
}

static void test_small_orders(void **state)
{
    static const struct {
        const char *name;
        uint64_t order[6];
        size_t count;
        const char *expected;
    } rows[] = {
        {"in order", {1, 2, 3}, 3, "1\n2\n3\n"},
        {"backwards", {3, 2, 1}, 3, "1\n2\n3\n"},
        {"the first comes last", {2, 3, 4, 5, 1}, 5, "1\n2\n3\n4\n5\n"},
        {"one never comes", {2, 4, 1}, 3, "1\n2\n4\n"},
        {"the first never comes", {3, 2}, 2, "2\n3\n"},
        {"nothing", {0}, 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("%s\n", rows[i].name);
        check(rows[i].order, rows[i].count, 1 << 20, rows[i].expected);
        check(rows[i].order, rows[i].count, 0, rows[i].expected); /* all that waits in the file */
        check(rows[i].order, rows[i].count, 1, rows[i].expected); /* some here, some there */
    }
}

static void test_shuffled(void **state)
{
    static uint64_t order[COUNT];
    char *expected = calloc(COUNT, 8);
    size_t at = 0;

    (void)state;
    srand(7);
    for (size_t i = 0; i < COUNT; i++)
        order[i] = i + 1;
    for (size_t i = COUNT - 1; i > 0; i--) {
        size_t j = (size_t)rand() % (i + 1);
        uint64_t held = order[i];

        order[i] = order[j];
        order[j] = held;
    }
    for (size_t i = 1; i <= COUNT; i++)
        if (i / 100 != 1)
            at += (size_t)sprintf(expected + at, "%zu\n", i);
    check(order, COUNT, 1 << 20, expected);
    check(order, COUNT, 300, expected);
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_orders),
        cmocka_unit_test(test_shuffled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
