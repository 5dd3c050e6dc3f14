/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of `sesstap list`: what stands in them, and the order that a field gives them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "record_fixture.h"
#include "sink/field.h"
#include "sink/list_row.h"
#include "sink/record_sort.h"

#define FIXTURES 5
static void (*const makers[FIXTURES])(struct fixture *) = {
    fixture_tcp_full, fixture_tcp_refused, fixture_tcp_midstream, fixture_udp, fixture_icmpv6};

static void test_table(void **state)
{
    static const char want[] =
        "stream       start                       time  client               server            app       state        close        packets       out        in  rtx     rtt\n"
        "tcp:0        2026-11-21T09:44:00.123Z   59.8s  10.0.0.200:43512     10.0.0.1:80       HTTP      CLOSED       fin client        13       420      5000  1/0   295us\n"
        "tcp:100000   2026-11-21T09:44:00.123Z  1.50ms  [2001:db8::1]:40000  [2001:db8::2]:81            CLOSED       rst server         2         0         0  0/0\n"
        "tcp:200000   2026-11-21T09:44:00.123Z  1.50ms  192.168.1.1:50000    192.168.1.2:443             ESTABLISHED                     2         0        10  0/0\n"
        "udp:300000   2026-11-21T09:44:00.123Z  1.50ms  10.0.0.2:33333       10.0.0.1:53       DNS?                   timeout            2        33       120\n"
        "icmp:400000  2026-11-21T09:44:00.123Z  1.50ms  fe80::2              fe80::1                                  capture_end        2        56        56\n";
    struct buf rows[FIXTURES] = {0}, out = {0};
    struct text_table table;
    struct list_row list;
    struct fixture f;

    (void)state;
    list_row_init(&list, false);
    text_table_init(&table, list.columns, list.count);
    for (int i = 0; i < FIXTURES; i++) {
        makers[i](&f);
        f.session.stream_index = (uint64_t)i * 100000;
        if (!i)
            f.record.identity.protocol = "HTTP";
        if (i == 3)
            f.record.identity = (struct identity){.protocol = "DNS", .guessed = true};
        list_row_pack(&list, &rows[i], &f.record);
        assert_false(rows[i].failed);
        text_table_widen(&table, rows[i].data);
    }
    text_table_write_titles(&out, &table);
    buf_add_char(&out, '\n');
    for (int i = 0; i < FIXTURES; i++) {
        text_table_write_row(&out, &table, rows[i].data);
        buf_add_char(&out, '\n');
        buf_fini(&rows[i]);
    }
    buf_add_char(&out, '\0');
    assert_string_equal(out.data, want);
    buf_fini(&out);
}

/* On a narrow line what is least asked for goes first; who talked stays whatever the width. */
static void test_narrow_table(void **state)
{
    static const struct {
        size_t width, left_out;
        const char *want;
    } cases[] = {
        {200, 0,
         "tcp:6        2026-11-21T09:44:00.123Z   59.8s  10.0.0.200:43512  10.0.0.1:80      HTTP      CLOSED       fin client       13       420      5000  1/0   295us"},
        {80, 7, "tcp:6        10.0.0.200:43512  10.0.0.1:80      HTTP           420      5000"},
        {10, 10, "tcp:6        10.0.0.200:43512  10.0.0.1:80"},
    };
    struct fixture f;

    (void)state;
    fixture_tcp_full(&f);
    f.record.identity.protocol = "HTTP";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf row = {0}, out = {0};
        struct text_table table;
        struct list_row list;

        list_row_init(&list, false);
        text_table_init(&table, list.columns, list.count);
        list_row_pack(&list, &row, &f.record);
        text_table_widen(&table, row.data);
        assert_int_equal(text_table_fit(&table, cases[i].width), cases[i].left_out);
        text_table_write_row(&out, &table, row.data);
        buf_add_char(&out, '\0');
        assert_string_equal(out.data, cases[i].want);
        buf_fini(&row);
        buf_fini(&out);
    }
}

/* Cells may hold anything and be of any length: a row stays one line of printable characters. */
static void test_hostile_cells(void **state)
{
    static const struct text_column columns[] = {{"a", false, 0, 0}, {"b", true, 3, 0}};
    struct text_table table;
    struct buf row = {0}, out = {0};
    char text[400];

    (void)state;
    memset(text, 'x', sizeof(text));
    text_table_init(&table, columns, 2);
    text_table_pack(&row, "\n\033[2J\xff", 6);
    text_table_pack(&row, text, sizeof(text));
    text_table_widen(&table, row.data);
    text_table_write_row(&out, &table, row.data);
    assert_int_equal(out.len, 6 + 2 + TEXT_TABLE_CELL_BYTES);
    assert_memory_equal(out.data, "??[2J?  xxx", 11);
    buf_fini(&row);
    buf_fini(&out);
}

/* The fixtures are numbered 1 to 5 and are added as 3 5 1 4 2. */
static void test_orders(void **state)
{
    static const struct {
        const char *field; /* NULL: by number; '-': descending */
        const char *order;
    } rows[] = {
        {NULL, "12345"},
        {"packetsCount", "23451"},     /* 13, then four times 2 */
        {"-packetsCount", "12345"},    /* equals stay by number */
        {"out.payload", "23451"},      /* 420 0 0 33 56 */
        {"-out.payload", "15423"},     /* */
        {"duration", "23451"},         /* 59.9 s, then 1.5 ms each */
        {"first", "12345"},            /* all the same */
        {"src.ip", "41325"},           /* by value; IPv6 after */
        {"-src.ip", "52314"},          /* */
        {"src.port", "42135"},         /* 43512 40000 50000 33333, ICMP has none */
        {"-src.port", "31245"},        /* what has it not stays last */
        {"close.reason", "51243"},     /* fin rst - timeout capture_end */
        {"-close.reason", "42153"},    /* */
        {"missedSyn", "12345"},        /* false false true */
        {"-missedSyn", "31245"},       /* */
        {"link.interfaces", "41235"},  /* 2 - - 1 - */
        {"tcp.rtt.samples", "23145"},  /* 3 0 0 */
        {"tcp.synflags_fwd", "21345"}, /* 0xc2 0x02 null */
    };
    static const int added[FIXTURES] = {3, 5, 1, 4, 2};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool descending = rows[i].field && *rows[i].field == '-';
        const struct field *field = rows[i].field ? field_find(rows[i].field + descending) : NULL;
        struct record_sort *sort = record_sort_new(field, descending);
        char order[FIXTURES + 1] = "";
        struct fixture f;

        assert_true(field || !rows[i].field);
        assert_non_null(sort);
        for (int k = 0; k < FIXTURES; k++) {
            char line = (char)('0' + added[k]);

            makers[added[k] - 1](&f);
            f.session.number = (uint64_t)added[k];
            assert_int_equal(record_sort_add(sort, &f.record, &line, 1), 0);
        }
        record_sort_finish(sort);
        assert_int_equal(record_sort_count(sort), FIXTURES);
        for (size_t k = 0; k < FIXTURES; k++) {
            const char *line;
            size_t len;
            uint64_t number = record_sort_get(sort, k, &line, &len);

            assert_int_equal(number, *line - '0');
            assert_int_equal(len, 1);
            order[k] = *line;
        }
        if (strcmp(order, rows[i].order) != 0)
            fail_msg("%s: %s, wanted %s", rows[i].field ? rows[i].field : "number", order,
                     rows[i].order);
        record_sort_clear(sort);
        assert_int_equal(record_sort_count(sort), 0);
        record_sort_free(sort);
    }
}

static void test_no_order(void **state)
{
    (void)state;
    errno = 0;
    assert_null(record_sort_new(field_find("tcp"), false));
    assert_int_equal(errno, EINVAL);
    assert_null(record_sort_new(field_find("holes[].offset"), false));
    record_sort_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),         cmocka_unit_test(test_narrow_table),
        cmocka_unit_test(test_hostile_cells), cmocka_unit_test(test_orders),
        cmocka_unit_test(test_no_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
