/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over sessions: what each key's row holds, and that all rows add up to the total. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi.h"
#include "flow.h"
#include "record_fixture.h"
#include "sink/totals.h"
#include "wire.h"

static void (*const makers[])(struct fixture *) = {
    fixture_tcp_full, fixture_tcp_refused, fixture_tcp_midstream, fixture_udp, fixture_icmpv6};

static struct totals *count_fixtures(enum totals_by by)
{
    struct totals *totals = totals_new(by);
    struct fixture f;

    assert_non_null(totals);
    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
        makers[i](&f);
        assert_int_equal(totals_add(totals, &f.record), 0);
    }
    return totals;
}

static void check_table(enum totals_by by, const char *want)
{
    struct totals *totals = count_fixtures(by);
    struct buf out = {0};

    totals_write_table(&out, totals, SIZE_MAX);
    buf_add_char(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.data, want);
    buf_fini(&out);
    totals_free(totals);
}

static void test_conversations(void **state)
{
    (void)state;
    check_table(
        TOTALS_CONVERSATION,
        "a                b                sessions   share  pkts a>b  pkts b>a  payload a>b "
        " payload b>a  wire a>b  wire b>a  rtx  first                     last\n"
        "10.0.0.1         10.0.0.200              1   90.2%         6         7         5000 "
        "         420      5344       792    1  2026-11-21T09:44:00.123Z  2026-11-21T09:45:00"
        ".000Z\n"
        "10.0.0.1         10.0.0.2                1    3.1%         1         1          120 "
        "          33       148        61    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:00"
        ".124Z\n"
        "fe80::1          fe80::2                 1    3.1%         1         1           56 "
        "          56       104       104    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:00"
        ".124Z\n"
        "2001:db8::1      2001:db8::2             1    1.9%         1         1            0 "
        "           0        72        60    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:00"
        ".124Z\n"
        "192.168.1.1      192.168.1.2             1    1.7%         0         2            0 "
        "          10         0       114    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:00"
        ".124Z\n"
        "total                                    5  100.0%         9        12         5176 "
        "         519      5668      1131    1  2026-11-21T09:44:00.123Z  2026-11-21T09:45:00"
        ".000Z\n");
}

static void test_hosts(void **state)
{
    (void)state;
    check_table(
        TOTALS_HOST,
        "host             as client  as server   share  pkts sent  pkts recv  payload sent  p"
        "ayload recv  wire sent  wire recv  rtx  first                     last                "
        "      name\n"
        "10.0.0.1                 0          2   46.7%          7          8          5120   "
        "        453       5492        853    1  2026-11-21T09:44:00.123Z  2026-11-21T09:45:0"
        "0.000Z\n"
        "10.0.0.200               1          0   45.1%          7          6           420   "
        "       5000        792       5344    1  2026-11-21T09:44:00.123Z  2026-11-21T09:45:0"
        "0.000Z  client.example\n"
        "10.0.0.2                 1          0    1.5%          1          1            33   "
        "        120         61        148    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:0"
        "0.124Z\n"
        "fe80::1                  0          1    1.5%          1          1            56   "
        "         56        104        104    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:0"
        "0.124Z\n"
        "fe80::2                  1          0    1.5%          1          1            56   "
        "         56        104        104    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:0"
        "0.124Z\n"
        "2001:db8::1              1          0    1.0%          1          1             0   "
        "          0         72         60    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:0"
        "0.124Z\n"
        "2001:db8::2              0          1    1.0%          1          1             0   "
        "          0         60         72    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:0"
        "0.124Z\n"
        "192.168.1.1              1          0    0.8%          0          2             0   "
        "         10          0        114    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:0"
        "0.124Z\n"
        "192.168.1.2              0          1    0.8%          2          0            10   "
        "          0        114          0    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:0"
        "0.124Z\n"
        "total                    5          5  100.0%         21         21          5695   "
        "       5695       6799       6799    2  2026-11-21T09:44:00.123Z  2026-11-21T09:45:0"
        "0.000Z\n");
}

static void test_services(void **state)
{
    (void)state;
    check_table(
        TOTALS_SERVICE,
        "service     sessions   share  pkts out  pkts in  payload out  payload in  wire out  "
        "wire in  rtx  first                     last\n"
        "tcp/80             1   90.2%         7        6          420        5000       792  "
        "   5344    1  2026-11-21T09:44:00.123Z  2026-11-21T09:45:00.000Z\n"
        "udp/53             1    3.1%         1        1           33         120        61  "
        "    148    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:00.124Z\n"
        "icmpv6             1    3.1%         1        1           56          56       104  "
        "    104    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:00.124Z\n"
        "tcp/81             1    1.9%         1        1            0           0        72  "
        "     60    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:00.124Z\n"
        "tcp/443            1    1.7%         0        2            0          10         0  "
        "    114    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:00.124Z\n"
        "total              5  100.0%        10       11          509        5186      1029  "
        "   5770    1  2026-11-21T09:44:00.123Z  2026-11-21T09:45:00.000Z\n");
}

static void test_protocols(void **state)
{
    (void)state;
    check_table(
        TOTALS_PROTOCOL,
        "protocol    sessions   share  pkts out  pkts in  payload out  payload in  wire out  "
        "wire in  rtx  first                     last\n"
        "tcp                3   93.9%         8        9          420        5010       864  "
        "   5518    1  2026-11-21T09:44:00.123Z  2026-11-21T09:45:00.000Z\n"
        "udp                1    3.1%         1        1           33         120        61  "
        "    148    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:00.124Z\n"
        "icmpv6             1    3.1%         1        1           56          56       104  "
        "    104    0  2026-11-21T09:44:00.123Z  2026-11-21T09:44:00.124Z\n"
        "total              5  100.0%        10       11          509        5186      1029  "
        "   5770    1  2026-11-21T09:44:00.123Z  2026-11-21T09:45:00.000Z\n");
}

/* One row a protocol over TCP and UDP; its name need not live on. */
static void test_identified(void **state)
{
    static const char *const protocols[] = {"HTTP", "DNS", NULL, "DNS", NULL};
    struct totals *totals = totals_new(TOTALS_PROTOCOL);
    const struct totals_row *rows, *total;
    struct buf out = {0};
    struct fixture f;
    size_t count;
    char name[8];

    (void)state;
    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
        makers[i](&f);
        f.record.identity.protocol = protocols[i] ? strcpy(name, protocols[i]) : NULL;
        assert_int_equal(totals_add(totals, &f.record), 0);
        memset(name, 'x', sizeof(name));
    }
    rows = totals_finish(totals, &count, &total);
    assert_int_equal(count, 4);
    assert_string_equal(totals_app(totals, rows[0].app)->name, "HTTP");
    assert_string_equal(totals_app(totals, rows[1].app)->name, "DNS");
    assert_int_equal(rows[1].sessions, 2);
    assert_int_equal(rows[1].l4_proto, 0);
    assert_int_equal(rows[2].app, 0);
    assert_int_equal(rows[2].l4_proto, IP_PROTO_ICMPV6);
    assert_int_equal(rows[3].l4_proto, IP_PROTO_TCP);
    assert_int_equal(total->sessions, 5);
    totals_write_json(&out, totals);
    buf_add_char(&out, '\0');
    assert_non_null(strstr(out.data, "{\"protocol\":\"DNS\",\"sessions\":2,"));
    assert_non_null(strstr(out.data, "{\"protocol\":\"icmpv6\",\"proto\":58,"));
    buf_fini(&out);
    totals_free(totals);
}

/* What is guessed stands apart from what was found, and says so. */
static void test_guessed(void **state)
{
    static const struct identity identities[] = {{.protocol = "HTTP"},
                                                 {.protocol = "HTTP", .guessed = true},
                                                 {.protocol = "DNS"},
                                                 {.protocol = "HTTP"},
                                                 {.protocol = "HTTP", .guessed = true}};
    struct totals *totals = totals_new(TOTALS_PROTOCOL);
    struct buf table = {0}, json = {0};
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
        makers[i](&f);
        f.record.identity = identities[i];
        assert_int_equal(totals_add(totals, &f.record), 0);
    }
    totals_write_table(&table, totals, SIZE_MAX);
    buf_add_char(&table, '\0');
    assert_non_null(strstr(table.data, "\nHTTP               2 "));
    assert_non_null(strstr(table.data, "\nHTTP?              2 "));
    assert_non_null(strstr(table.data, "\nDNS                1 "));
    totals_write_json(&json, totals);
    buf_add_char(&json, '\0');
    assert_non_null(strstr(json.data, "{\"protocol\":\"HTTP\",\"sessions\":2,"));
    assert_non_null(strstr(json.data, "{\"protocol\":\"HTTP\",\"guessed\":true,\"sessions\":2,"));
    buf_fini(&table);
    buf_fini(&json);
    totals_free(totals);
}

/* A host has the name that was learned last, which need not live on; one that nobody named has none. */
static void test_named_hosts(void **state)
{
    struct totals *totals = totals_new(TOTALS_HOST);
    struct buf out = {0};
    struct fixture f;
    char name[8];

    (void)state;
    fixture_udp(&f);
    f.record.names[0] = f.record.names[1] = NULL;
    assert_int_equal(totals_add(totals, &f.record), 0);
    f.record.names[!flow_client(f.record.flow)] = strcpy(name, "ns\"1");
    assert_int_equal(totals_add(totals, &f.record), 0);
    memset(name, 'x', sizeof(name));
    f.record.names[!flow_client(f.record.flow)] = NULL;
    assert_int_equal(totals_add(totals, &f.record), 0);
    totals_write_json(&out, totals);
    buf_add_char(&out, '\0');
    assert_non_null(
        strstr(out.data, "{\"host\":\"10.0.0.1\",\"name\":\"ns\\\"1\",\"as_client\":0,"));
    assert_non_null(strstr(out.data, "{\"host\":\"10.0.0.2\",\"as_client\":3,"));
    buf_fini(&out);
    totals_free(totals);
}

static void test_json(void **state)
{
    static const char want[] =
        "{\"by\":\"service\",\"rows\":[\n"
        "{\"service\":\"tcp/80\",\"proto\":6,\"port\":80,\"sessions\":1,\"share\":90.2,\"out"
        "\":{\"packets\":7,\"payload\":420,\"wire\":792,\"retransmits\":1},\"in\":{\"packets"
        "\":6,\"payload\":5000,\"wire\":5344,\"retransmits\":0},\"first\":1795254240.123456,"
        "\"firstDate\":\"2026-11-21T09:44:00.123Z\",\"last\":1795254300.000000,\"lastDate\":"
        "\"2026-11-21T09:45:00.000Z\"},\n"
        "{\"service\":\"udp/53\",\"proto\":17,\"port\":53,\"sessions\":1,\"share\":3.1,\"out"
        "\":{\"packets\":1,\"payload\":33,\"wire\":61,\"retransmits\":0},\"in\":{\"packets\":"
        "1,\"payload\":120,\"wire\":148,\"retransmits\":0},\"first\":1795254240.123456,\"firs"
        "tDate\":\"2026-11-21T09:44:00.123Z\",\"last\":1795254240.124956,\"lastDate\":\"2026-"
        "11-21T09:44:00.124Z\"},\n"
        "{\"service\":\"icmpv6\",\"proto\":58,\"sessions\":1,\"share\":3.1,\"out\":{\"packets"
        "\":1,\"payload\":56,\"wire\":104,\"retransmits\":0},\"in\":{\"packets\":1,\"payload"
        "\":56,\"wire\":104,\"retransmits\":0},\"first\":1795254240.123456,\"firstDate\":\"20"
        "26-11-21T09:44:00.123Z\",\"last\":1795254240.124956,\"lastDate\":\"2026-11-21T09:44:"
        "00.124Z\"},\n"
        "{\"service\":\"tcp/81\",\"proto\":6,\"port\":81,\"sessions\":1,\"share\":1.9,\"out\""
        ":{\"packets\":1,\"payload\":0,\"wire\":72,\"retransmits\":0},\"in\":{\"packets\":1,"
        "\"payload\":0,\"wire\":60,\"retransmits\":0},\"first\":1795254240.123456,\"firstDate"
        "\":\"2026-11-21T09:44:00.123Z\",\"last\":1795254240.124956,\"lastDate\":\"2026-11-21"
        "T09:44:00.124Z\"},\n"
        "{\"service\":\"tcp/443\",\"proto\":6,\"port\":443,\"sessions\":1,\"share\":1.7,\"out"
        "\":{\"packets\":0,\"payload\":0,\"wire\":0,\"retransmits\":0},\"in\":{\"packets\":2,"
        "\"payload\":10,\"wire\":114,\"retransmits\":0},\"first\":1795254240.123456,\"firstDa"
        "te\":\"2026-11-21T09:44:00.123Z\",\"last\":1795254240.124956,\"lastDate\":\"2026-11-"
        "21T09:44:00.124Z\"}\n"
        "],\"total\":{\"sessions\":5,\"share\":100.0,\"out\":{\"packets\":10,\"payload\":509,"
        "\"wire\":1029,\"retransmits\":1},\"in\":{\"packets\":11,\"payload\":5186,\"wire\":57"
        "70,\"retransmits\":0},\"first\":1795254240.123456,\"firstDate\":\"2026-11-21T09:44:0"
        "0.123Z\",\"last\":1795254300.000000,\"lastDate\":\"2026-11-21T09:45:00.000Z\"}}\n";
    struct totals *totals = count_fixtures(TOTALS_SERVICE);
    struct buf out = {0};

    (void)state;
    totals_write_json(&out, totals);
    buf_add_char(&out, '\0');
    assert_string_equal(out.data, want);
    buf_fini(&out);
    totals_free(totals);
}

static void test_nothing(void **state)
{
    struct totals *totals = totals_new(TOTALS_PROTOCOL);
    struct buf out = {0};

    (void)state;
    assert_non_null(totals);
    totals_write_json(&out, totals);
    buf_add_char(&out, '\0');
    assert_string_equal(
        out.data, "{\"by\":\"protocol\",\"rows\":[\n],\"total\":{\"sessions\":0,\"share\":0.0,"
                  "\"out\":{\"packets\":0,\"payload\":0,\"wire\":0,\"retransmits\":0},"
                  "\"in\":{\"packets\":0,\"payload\":0,\"wire\":0,\"retransmits\":0}}}\n");
    buf_fini(&out);
    totals_free(totals);
    totals_free(NULL);
}

/* A session between hosts x and y of 300, with z, all from a number. */
static void make_session(struct fixture *f, unsigned int n)
{
    unsigned int x = n * 7919 % 300, y = n * 104729 % 300;

    fixture_base(f);
    fixture_set_ends(&f->session.key, n % 3 ? IP_PROTO_TCP : IP_PROTO_UDP, "10.0.0.0",
                     (uint16_t)(n % 11 + 1), "10.0.0.0", (uint16_t)(n % 13 + 1));
    for (int i = 0; i < 2; i++) {
        unsigned int host = i ? y : x;

        f->session.key.addr[i].bytes[14] = (uint8_t)(host / 256);
        f->session.key.addr[i].bytes[15] = (uint8_t)host;
        f->flow.pkts[i] = n % 17 + (unsigned int)i;
        f->flow.dir[i].payload_bytes = n * 31 % 1009;
        f->flow.quality[i].retransmits = n % 5;
    }
    f->flow.bits = n % 2 ? FLOW_CLIENT_1 : 0;
    f->flow.first_ns += n * 1000;
}

static void add_row(struct totals_row *sum, const struct totals_row *row)
{
    sum->sessions += row->sessions;
    for (int i = 0; i < 2; i++) {
        sum->begun[i] += row->begun[i];
        sum->way[i].pkts += row->way[i].pkts;
        sum->way[i].payload_bytes += row->way[i].payload_bytes;
        sum->way[i].wire_bytes += row->way[i].wire_bytes;
        sum->way[i].retransmits += row->way[i].retransmits;
    }
    if (!sum->first_ns || row->first_ns < sum->first_ns)
        sum->first_ns = row->first_ns;
    if (row->last_ns > sum->last_ns)
        sum->last_ns = row->last_ns;
}

/* Many keys, so that tables grow; hosts that talk to themselves, too. */
static void test_adds_up(void **state)
{
    static const struct {
        enum totals_by by;
        size_t keys;
        unsigned int times; /* that a session counts */
    } rows[] = {
        {TOTALS_CONVERSATION, 0, 1},
        {TOTALS_HOST, 300, 2},
        {TOTALS_SERVICE, 26, 1},
        {TOTALS_PROTOCOL, 2, 1},
    };
    const unsigned int sessions = 20000;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct totals *totals = totals_new(rows[i].by);
        const struct totals_row *total, *list;
        struct totals_row sum = {0};
        uint64_t bytes = UINT64_MAX;
        struct fixture f;
        size_t count;

        for (unsigned int n = 1; n <= sessions; n++) {
            make_session(&f, n);
            assert_int_equal(totals_add(totals, &f.record), 0);
        }
        list = totals_finish(totals, &count, &total);
        if (rows[i].keys)
            assert_int_equal(count, rows[i].keys);
        else
            assert_in_range(count, 150, 45150);
        for (size_t k = 0; k < count; k++) {
            uint64_t here = list[k].way[0].wire_bytes + list[k].way[1].wire_bytes;

            assert_true(here <= bytes);
            bytes = here;
            add_row(&sum, &list[k]);
        }
        assert_int_equal(total->sessions, sessions * rows[i].times);
        assert_memory_equal(&sum, total, sizeof(sum));
        totals_free(totals);
    }
}

static void test_words(void **state)
{
    enum totals_by by;

    (void)state;
    assert_int_equal(totals_by_parse(&by, "conversation"), 0);
    assert_int_equal(by, TOTALS_CONVERSATION);
    assert_int_equal(totals_by_parse(&by, "host"), 0);
    assert_int_equal(by, TOTALS_HOST);
    assert_int_equal(totals_by_parse(&by, "service"), 0);
    assert_int_equal(by, TOTALS_SERVICE);
    assert_int_equal(totals_by_parse(&by, "protocol"), 0);
    assert_int_equal(by, TOTALS_PROTOCOL);
    assert_int_equal(totals_by_parse(&by, "port"), -22);
    assert_int_equal(totals_by_parse(&by, ""), -22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations), cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_services),      cmocka_unit_test(test_protocols),
        cmocka_unit_test(test_identified),    cmocka_unit_test(test_guessed),
        cmocka_unit_test(test_named_hosts),   cmocka_unit_test(test_json),
        cmocka_unit_test(test_nothing),       cmocka_unit_test(test_adds_up),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
