/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions over records: every operator and type, precedence, and what is said of wrong ones. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "record_fixture.h"
#include "sink/where.h"

/* TCP between 10.0.0.200:43512 and 10.0.0.1:80, 2026-11-21T09:44:00.123456789Z, 59.876543211 s. */
static const struct {
    const char *text;
    bool matches;
} full[] = {
    /* numbers */
    {"out.payload == 420", true},
    {"out.payload = 420", true},
    {"out.payload != 420", false},
    {"out.payload < 420", false},
    {"out.payload < 421", true},
    {"out.payload <= 420", true},
    {"out.payload <= 419", false},
    {"out.payload > 419", true},
    {"out.payload > 420", false},
    {"out.payload >= 420", true},
    {"out.payload >= 421", false},
    {"out.payload>419.5", true},
    {"out.payload == 419.5", false},
    {"out.payload == 0.42kB", true},
    {"out.payload == .42kb", true},
    {"in.payload == 5k", true},
    {"in.payload < 5KiB", true},
    {"in.payload > 4.8KiB", true},
    {"in.payload < 1.5MB", true},
    {"in.payload == 5e3", true},
    {"in.payload == 0x1388", true},
    {"in.payload > -1", true},
    {"packetsCount == 13", true},
    {"packetsCount < 1k", true},
    {"tcp.synflags_fwd == 0xc2", true},
    {"src.port == 43512", true},
    {"port == 80", true},
    {"port == 43512", true},
    {"port == 81", false},
    {"port != 80", false},
    {"port != 81", true},
    {"proto == 6", true},
    {"proto == tcp", true},
    {"proto == UDP", false},
    {"proto != udp", true},
    /* durations */
    {"tcp.rtt.handshake_server == 300us", true},
    {"tcp.rtt.handshake_server == 0.3ms", true},
    {"tcp.rtt.handshake_server == 0.0003", true},
    {"tcp.rtt.handshake_server == 300000ns", true},
    {"tcp.rtt.handshake_server > 20ms", false},
    {"duration > 59s", true},
    {"duration > 59.8765432", true},
    {"duration == 59.876543211", true},
    {"duration < 1m", true},
    {"duration < 1min", true},
    {"duration < 1h", true},
    {"duration > 1d", false},
    /* times */
    {"first == 2026-11-21", true},
    {"first != 2026-11-21", false},
    {"first == 2026-11-20", false},
    {"first == 2026-11-21T09:44", true},
    {"first == 2026-11-21T09:44:00", true},
    {"first == 2026-11-21T09:44:01", false},
    {"first == 2026-11-21T10:44+01:00", true},
    {"first == 2026-11-21T05:14-0430", true},
    {"first == '2026-11-21 09:44:00Z'", true},
    {"first == 1795254240", true},
    {"first == 1795254240.123456", true},
    {"first == 1795254240.123457", false},
    {"first == 1795254240.123456789", true},
    {"first == 1795254240.123456788", false},
    {"first > 1795254240.123456", false},
    {"first >= 1795254240.123456", true},
    {"first > 1795254240.123456788", true},
    {"first > 2026-11-21", true},
    {"first < 2026-11-22", true},
    {"first < 2026-11-21", false},
    {"firstDate == 2026-11-21T09:44:00.123Z", true},
    {"firstDate > 2026-11-21T09:44:00.123Z", false},
    {"lastMinute == 2026-11-21T09:45Z", true},
    /* text */
    {"close.reason == fin", true},
    {"close.reason == 'fin'", true},
    {"close.reason == \"rst\"", false},
    {"close.reason != rst", true},
    {"close.by == client", true},
    {"state == CLOSED", true},
    {"host.image == nginx:1.22", true},
    {"host.image contains ginx", true},
    {"host.image contains Ginx", false},
    {"host.image contains ''", true},
    {"host.image not contains apache", true},
    {"host.image not contains nginx", false},
    {"close.reason contains i", true},
    {"src.socket == 10.0.0.200:43512", true},
    {"@id contains node-1.eth0", true},
    {"dst.name contains example", false},
    {"src.name == 'client.example'", true},
    {"host.pod == and", false},
    {"host.pod == not", false},
    {"communityId == 1:abc=", false},
    {"communityId != 1:abc= and tcp", true},
    /* addresses */
    {"src.ip == 10.0.0.200", true},
    {"src.ip == 10.0.0.20", false},
    {"src.ip != 10.0.0.200", false},
    {"src.ip in 10.0.0.0/8", true},
    {"src.ip in 10.0.0.0/24", true},
    {"src.ip in 10.0.0.192/26", true},
    {"dst.ip in 10.0.0.192/26", false},
    {"src.ip in 10.0.0.201/31", true},
    {"src.ip in 10.0.0.202/31", false},
    {"src.ip in 10.0.0.200/32", true},
    {"src.ip in 10.0.0.200", true},
    {"src.ip in 0.0.0.0/0", true},
    {"src.ip in ::/0", false},
    {"src.ip not in 192.168.0.0/16", true},
    {"src.ip not in 10.0.0.0/8", false},
    {"ip in 10.0.0.1/32", true},
    {"ip in 10.0.0.200/32", true},
    {"ip in 10.0.0.2/32", false},
    {"ip == 10.0.0.1", true},
    {"ip != 10.0.0.1", false},
    {"ip != 10.0.0.2", true},
    {"src.ip contains 0.20", true},
    {"ip contains .1", true},
    /* booleans */
    {"tcp.connected", true},
    {"missedSyn", false},
    {"has missedSyn", true},
    {"missedSyn == false", true},
    {"missedSyn == no", true},
    {"missedSyn != true", true},
    {"tcp.connected == yes", true},
    {"tcp.rst_fwd == 1", false},
    /* there or not */
    {"tcp", true},
    {"has tcp", true},
    {"icmp", false},
    {"has icmp.type", false},
    {"host", true},
    {"host.pod", true},
    {"has close", true},
    {"has close.by", true},
    {"dst.name", false},
    {"src.name", true},
    {"has dst.name or has src.name", true},
    {"tcp.options_fwd.mss", true},
    {"tcp.options_rev.window_scale", false},
    {"out.udp == 8", false},
    {"out.udp != 8", false},
    {"not out.udp == 8", true},
    {"dst.name != x", false},
    /* lists */
    {"link.interfaces", true},
    {"link.interfaces == veth1", true},
    {"link.interfaces == 'br-\"0\"'", true},
    {"link.interfaces == \"br-\\\"0\\\"\"", true},
    {"link.interfaces == eth0", false},
    {"link.interfaces != veth1", false},
    {"link.interfaces != eth0", true},
    {"link.interfaces contains br-", true},
    {"link.vlan == 100", true},
    {"link.vlan == 200", true},
    {"link.vlan > 200", false},
    {"tcp.options_fwd.unknown == 28", true},
    {"tcp.options_rev.unknown == 28", false},
    {"tcp.options_rev.unknown != 28", false},
    {"holes == 1", true},
    {"holes", true},
    {"holes[].offset == 1200", true},
    {"holes.length >= 100", true},
    {"holes.direction == in", true},
    {"holes.direction == out", false},
    {"packetLots == 2", true},
    {"packetLots.n == 2", true},
    {"packetLots.payload > 4kB", true},
    {"packetLots.packets == 5", false},
    {"packetLots.late", true},
    {"packetLots.late == false", true},
    {"packetLots.direction == out", true},
    {"packetLots.first == 2026-11-21", true},
    {"packetLots.duration > 1us", true},
    /* how they stand together */
    {"tcp and missedSyn", false},
    {"tcp or missedSyn", true},
    {"tcp && missedSyn", false},
    {"missedSyn || tcp", true},
    {"not missedSyn", true},
    {"!missedSyn", true},
    {"!!missedSyn", false},
    {"not not tcp", true},
    {"tcp or tcp and missedSyn", true},
    {"(tcp or tcp) and missedSyn", false},
    {"missedSyn and tcp or tcp", true},
    {"missedSyn and (tcp or tcp)", false},
    {"not missedSyn and tcp", true},
    {"not (missedSyn or tcp)", false},
    {"not (missedSyn and tcp)", true},
    {"not tcp or tcp", true},
    {"icmp or icmp or icmp or tcp", true},
    {"tcp and tcp and tcp and icmp", false},
    {"icmp and tcp or tcp and not icmp", true},
    {"(icmp or tcp) and (icmp or not tcp)", false},
    {"(icmp or tcp) and not (icmp or not tcp)", true},
    {"((((tcp))))", true},
};

static void check(const struct record *record, const char *text, bool want)
{
    struct buf error = {0};
    struct where *where = where_compile(text, &error);

    if (!where)
        fail_msg("%s: %.*s", text, (int)error.len, error.data);
    if (where_match(where, record) != want)
        fail_msg("%s: should %s", text, want ? "match" : "not match");
    assert_int_equal(error.len, 0);
    where_free(where);
    buf_fini(&error);
}

static void test_matches(void **state)
{
    struct fixture f;

    (void)state;
    fixture_tcp_full(&f);
    for (size_t i = 0; i < sizeof(full) / sizeof(full[0]); i++)
        check(&f.record, full[i].text, full[i].matches);
}

/* What other protocols and open sessions have or lack. */
static void test_other_sessions(void **state)
{
    struct fixture udp, icmp, refused, open;

    (void)state;
    fixture_udp(&udp);
    fixture_icmpv6(&icmp);
    fixture_tcp_refused(&refused);
    fixture_tcp_midstream(&open);
    check(&udp.record, "tcp", false);
    check(&udp.record, "proto == udp and out.udp == 8", true);
    check(&udp.record, "tcp.connected", false);
    check(&udp.record, "tcp.connected == false", false);
    check(&udp.record, "not tcp.connected", true);
    check(&udp.record, "holes == 0", true);
    check(&udp.record, "holes.length > 0", false);
    check(&udp.record, "host", false);
    check(&icmp.record, "icmp.type == 128 and proto == icmpv6", true);
    check(&icmp.record, "ip in fe80::/10", true);
    check(&icmp.record, "ip in fe80::/120 and src.ip == FE80:0::2", true);
    check(&icmp.record, "ip in 0.0.0.0/0", false);
    check(&icmp.record, "src.port", false);
    check(&refused.record, "close.reason == rst and close.by == server", true);
    check(&refused.record, "src.ip in 2001:db8::/32", true);
    check(&refused.record, "src.ip in 2001:db8::2/127", false);
    check(&refused.record, "dst.ip in 2001:db8::3/127", true);
    check(&refused.record, "tcp.synflags_fwd", true);
    check(&refused.record, "tcp.synflags_rev", false);
    check(&refused.record, "tcp.synflags_rev == 0", false);
    check(&open.record, "close", false);
    check(&open.record, "close.reason != fin", false);
    check(&open.record, "not close.reason == fin", true);
    check(&open.record, "missedSyn and ledger.midstream", true);
}

static const struct {
    const char *text, *error;
} wrong[] = {
    {"", "at the end: a field's name is wanted here"},
    {"   ", "at the end: a field's name is wanted here"},
    {"bogus.field == 3", "character 1, 'bogus.field': no field has this name"},
    {"tcp and out.paylod > 3",
     "character 9, 'out.paylod': no field has this name; near are out.payload"},
    {"payload > 3",
     "character 1, 'payload': no field has this name; near are out.payload, in.payload, "
     "packetLots[].payload"},
    {"retransmits", "character 1, 'retransmits': no field has this name; near are "
                    "tcp.quality_fwd.retransmits, tcp.quality_rev.retransmits"},
    {"Close.Reason == fin",
     "character 1, 'Close.Reason': no field has this name; near are close.reason"},
    {"out.payload >", "at the end: a value is wanted here"},
    {"out.payload > )", "character 15, ')': a value is wanted here"},
    {"out.payload > > 3", "character 15, '>': a value is wanted here"},
    {"out.payload > 3ms", "character 15, '3ms': a number of bytes is wanted, with B, kB, MB, KiB, "
                          "MiB ... or without"},
    {"out.payload > much", "character 15, 'much': a number of bytes is wanted, with B, kB, MB, "
                           "KiB, MiB ... or without"},
    {"packetsCount > 3MB", "character 16, '3MB': a number is wanted, with k, M, G or without"},
    {"duration > 3MB", "character 12, '3MB': a time is wanted: seconds, or a number with ns, us, "
                       "ms, s, min, h, d"},
    {"first > 20ms", "character 9, '20ms': a time is wanted: 2026-11-21, "
                     "2026-11-21T09:44:00.123Z, or seconds since 1970"},
    {"first > 2026-02-30", "character 9, '2026-02-30': a time is wanted: 2026-11-21, "
                           "2026-11-21T09:44:00.123Z, or seconds since 1970"},
    {"first > 2026-11-21T25:00", "character 9, '2026-11-21T25:00': a time is wanted: 2026-11-21, "
                                 "2026-11-21T09:44:00.123Z, or seconds since 1970"},
    {"close.reason == rest", "character 17, 'rest': close.reason is one of fin rst timeout "
                             "syn_timeout reused evicted shutdown capture_end"},
    {"close.reason > fin",
     "character 16, 'fin': close.reason is text: ==, != and 'contains' compare it"},
    {"close.reason in fin",
     "character 17, 'fin': close.reason is no address: 'in' is for src.ip, dst.ip and ip"},
    {"src.ip == 10.0.0.0/8", "character 11, '10.0.0.0/8': this is a network; write 'in' before it"},
    {"src.ip == ten", "character 11, 'ten': an address is wanted"},
    {"src.ip < 10.0.0.1",
     "character 10, '10.0.0.1': src.ip is text: ==, != and 'contains' compare it"},
    {"src.ip in 10.0.0.0/33", "character 11, '10.0.0.0/33': an address or a network is wanted: "
                              "10.0.0.0/8, 2001:db8::/32"},
    {"src.ip in 10.0.0/8", "character 11, '10.0.0/8': an address or a network is wanted: "
                           "10.0.0.0/8, 2001:db8::/32"},
    {"src.ip in 10.0.0.0/", "character 11, '10.0.0.0/': an address or a network is wanted: "
                            "10.0.0.0/8, 2001:db8::/32"},
    {"ip in 2001:db8::/129", "character 7, '2001:db8::/129': an address or a network is wanted: "
                             "10.0.0.0/8, 2001:db8::/32"},
    {"missedSyn == maybe", "character 14, 'maybe': true or false is wanted"},
    {"missedSyn > 0", "character 13, '0': missedSyn is true or false: only == and != compare it"},
    {"tcp == 3", "character 8, '3': tcp is an object: name one of its fields, or ask 'has' for it"},
    {"src.port contains 4", "character 19, '4': src.port is a number: == != < <= > >= compare it"},
    {"(tcp", "at the end: ')' is wanted here, or and, or"},
    {"(tcp or", "at the end: a field's name is wanted here"},
    {"tcp)", "character 4, ')': and, or, or the end is wanted here"},
    {"tcp icmp", "character 5, 'icmp': and, or, or the end is wanted here"},
    {"not", "at the end: a field's name is wanted here"},
    {"has", "at the end: a field's name is wanted here"},
    {"has 'tcp'", "character 5, ''tcp'': a field's name is wanted here"},
    {"has tcp == 3", "character 9, '==': and, or, or the end is wanted here"},
    {"src.ip not == 3", "character 12, '==': 'in' or 'contains' is wanted after this 'not'"},
    {"tcp & icmp", "character 5, '&': this character means nothing here; put text in quotes"},
    {"host.pod == 'web", "character 13, ''web': the quote is not closed"},
    {"host.pod == ?", "character 13, '?': this character means nothing here; put text in quotes"},
    {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee",
     "character 1, "
     "'aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd...': no field has this name"},
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct buf error = {0};

        assert_null(where_compile(wrong[i].text, &error));
        buf_add_char(&error, '\0');
        if (strcmp(error.data, wrong[i].error) != 0)
            fail_msg("%s\n  says  %s\n  wants %s", wrong[i].text, error.data, wrong[i].error);
        buf_fini(&error);
    }
}

/* A chain of count times what, then an end; NULL or whether it matches. */
static void check_chain(const char *what, size_t count, const char *end, const char *want_error,
                        bool matches)
{
    struct buf text = {0}, error = {0};
    struct where *where;
    struct fixture f;

    for (size_t i = 0; i < count; i++)
        buf_add_str(&text, what);
    buf_add(&text, end, strlen(end) + 1);
    fixture_tcp_full(&f);
    where = where_compile(text.data, &error);
    if (want_error) {
        assert_null(where);
        assert_non_null(memmem(error.data, error.len, want_error, strlen(want_error)));
    } else {
        assert_non_null(where);
        assert_int_equal(where_match(where, &f.record), matches);
    }
    where_free(where);
    buf_fini(&text);
    buf_fini(&error);
}

static void test_wants(void **state)
{
    static const struct {
        const char *text;
        bool lots, http;
    } rows[] = {
        {"packetLots", true, false},
        {"tcp and packetLots.late", true, false},
        {"currentPacketLot > 3 or tcp", false, false},
        {"dns.name contains http", false, false},
        {"http", false, true},
        {"packetLots or has websocket.time", true, true},
        {"tcp and not http.response.complete", false, true},
        {"parsers.http.itemsCount > 1", false, true},
    };
    struct buf error = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct where *where = where_compile(rows[i].text, &error);

        assert_non_null(where);
        assert_int_equal(where_needs_lots(where), rows[i].lots);
        assert_int_equal(where_needs_http(where), rows[i].http);
        where_free(where);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    check_chain("icmp or ", 999, "tcp", NULL, true);
    check_chain("tcp and ", 999, "icmp", NULL, false);
    check_chain("icmp or ", 1000, "tcp", "the expression is too long", false);
    check_chain("not ", 100, "tcp", NULL, true);
    check_chain("not ", 99, "tcp", NULL, false);
    check_chain("not ", 101, "tcp", "this is nested too deeply", false);
    check_chain("(", 101, "tcp", "this is nested too deeply", false);
    check_chain("(", 100000, "", "this is nested too deeply", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches), cmocka_unit_test(test_other_sessions),

        cmocka_unit_test(test_errors),  cmocka_unit_test(test_wants),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
