/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as a plain table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "record_fixture.h"
#include "sink/screen_table.h"

static void add_fixtures(struct screen_table *table)
{
    void (*const makers[])(struct fixture *) = {fixture_tcp_full, fixture_tcp_refused,
                                                fixture_tcp_midstream, fixture_udp, fixture_icmpv6};
    struct fixture f;

    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
        makers[i](&f);
        f.session.number = i + 1;
        assert_int_equal(screen_table_add(table, &f.record), 0);
        memset(&f, 0xff, sizeof(f));
    }
    assert_int_equal(screen_table_count(table), sizeof(makers) / sizeof(makers[0]));
}

static void check_table(unsigned int width, const char *want)
{
    struct screen_table *table = screen_table_new();
    struct buf out = {0};

    assert_non_null(table);
    add_fixtures(table);
    screen_write_table(&out, table, width);
    buf_add_char(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.data, want);
    buf_fini(&out);
    screen_table_free(table);
}

static void test_full_width(void **state)
{
    static const char want[] =
        "  N  state        client               server                out       in  packets "
        "   time  handshake  rtx  close        iface      container\n"
        "  1  CLOSED       10.0.0.200:43512     10.0.0.1:80          420B   4.8KiB       13 "
        "  59.8s      350us  1/0  fin client   veth1      web-0\n"
        "  2  CLOSED       [2001:db8::1]:40000  [2001:db8::2]:81       0B       0B        2 "
        " 1.50ms               0  rst server   eth0\n"
        "  3  ESTABLISHED  192.168.1.1:50000    192.168.1.2:443        0B      10B        2 "
        " 1.50ms               0               eth0\n"
        "  4  udp          10.0.0.2:33333       10.0.0.1:53           33B     120B        2 "
        " 1.50ms                  timeout      veth1\n"
        "  5  icmpv6       fe80::2              fe80::1               56B      56B        2 "
        " 1.50ms                  capture_end  ping.pcap\n";

    (void)state;
    check_table(0, want);
}

static void test_80_columns(void **state)
{
    static const char want[] =
        "state      client            server              out      in   time rtx iface\n"
        "CLOSED     10.0.0.200:43512  10.0.0.1:80        420B  4.8KiB  59.8s 1/0 veth1\n"
        "CLOSED     [2001:..:1]:40000 [2001:..:2]:81       0B      0B 1.50ms   0 eth0\n"
        "ESTAB      192.168.1.1:50000 192.168.1.2:443      0B     10B 1.50ms   0 eth0\n"
        "udp        10.0.0.2:33333    10.0.0.1:53         33B    120B 1.50ms     veth1\n"
        "icmpv6     fe80::2           fe80::1             56B     56B 1.50ms     ping.p..\n";

    (void)state;
    check_table(80, want);
}

static void test_empty(void **state)
{
    struct screen_table *table = screen_table_new();
    struct buf out = {0};

    (void)state;
    screen_write_table(&out, table, 0);
    assert_int_equal(out.len, 0);
    screen_table_free(table);
    screen_table_free(NULL);
}

/* A name may hold anything, and be long: what is printed is one printable line of bounded length. */
static void test_hostile_names(void **state)
{
    static const char want[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..\n";
    struct screen_table *table = screen_table_new();
    struct buf out = {0};
    char name[256];
    struct fixture f;

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[255] = '\0';
    fixture_udp(&f);
    f.host.container = name;
    f.record.host = &f.host;
    f.record.interfaces[0] = "a\n\r\t\033[2J\x7f\xff\x01";
    assert_int_equal(screen_table_add(table, &f.record), 0);
    screen_write_table(&out, table, 0);
    assert_memory_equal(out.data + out.len - (sizeof(want) - 1), want, sizeof(want) - 1);
    for (size_t i = 0; i < out.len; i++)
        assert_true(out.data[i] == '\n' || (out.data[i] >= ' ' && out.data[i] <= '~'));
    assert_non_null(memmem(out.data, out.len, "a????[2J???  x", 14));
    buf_fini(&out);
    screen_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_width),
        cmocka_unit_test(test_80_columns),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_hostile_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
