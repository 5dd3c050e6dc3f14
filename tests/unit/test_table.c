/* SPDX-License-Identifier: Apache-2.0 */
/* The table of live sessions: found by id, numbered in order, due in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "session/table.h"
#include "wire.h"

#define COUNT 20000

static struct flow_key key_of(uint8_t l4_proto)
{
    return (struct flow_key){.l4_proto = l4_proto, .ip_version = 4};
}

static void test_numbers_and_stream_indexes(void **state)
{
    static const struct {
        uint8_t l4_proto;
        uint64_t stream_index;
    } rows[] = {
        {IP_PROTO_TCP, 0},    {IP_PROTO_UDP, 0},  {IP_PROTO_TCP, 1}, {IP_PROTO_ICMP, 0},
        {IP_PROTO_ICMPV6, 1}, {IP_PROTO_SCTP, 0}, {IP_PROTO_UDP, 1},
    };
    struct table *table = table_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct flow_key key = key_of(rows[i].l4_proto);
        struct session *session = table_insert(table, 100 + i, &key);

        assert_non_null(session);
        assert_int_equal(session->number, i + 1);
        assert_int_equal(session->stream_index, rows[i].stream_index);
    }
    table_free(table);
}

static void count_visit(void *ctx, struct session *session)
{
    (void)session;
    ++*(size_t *)ctx;
}

static void test_find_and_remove_many(void **state)
{
    struct table *table = table_new();
    struct flow_key key = key_of(IP_PROTO_TCP);
    size_t visited = 0;

    (void)state;
    for (uint64_t id = 1; id <= COUNT; id++)
        assert_non_null(table_insert(table, id << 12 | (id & 1), &key));
    for (uint64_t id = 1; id <= COUNT; id += 2)
        table_remove(table, table_find(table, id << 12 | (id & 1)));
    for (uint64_t id = 1; id <= COUNT; id++) {
        struct session *session = table_find(table, id << 12 | (id & 1));

        assert_int_equal(session != NULL, id % 2 == 0);
        if (session)
            assert_int_equal(session->number, id);
    }
    table_each(table, count_visit, &visited);
    assert_int_equal(visited, COUNT / 2);
    assert_int_equal(table_count(table), COUNT / 2);
    assert_int_equal(table_inserted(table), COUNT);
    table_free(table);
}

static void test_due_in_order(void **state)
{
    struct table *table = table_new();
    struct flow_key key = key_of(IP_PROTO_TCP);
    struct session *first = table_insert(table, 1, &key), *second = table_insert(table, 2, &key);

    (void)state;
    assert_null(table_take_due(table, UINT64_MAX));
    table_set_due(table, second, 100);
    table_set_due(table, first, 200);
    assert_null(table_take_due(table, 99));
    assert_int_equal(table_due_count(table), 2);
    assert_ptr_equal(table_take_due(table, 100), second);
    assert_null(table_take_due(table, 199));
    assert_ptr_equal(table_take_due(table, 500), first);
    assert_int_equal(table_due_count(table), 0);
    table_set_due(table, second, 600);
    assert_ptr_equal(table_take_due(table, 600), second);
    table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_and_stream_indexes),
        cmocka_unit_test(test_find_and_remove_many),
        cmocka_unit_test(test_due_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
