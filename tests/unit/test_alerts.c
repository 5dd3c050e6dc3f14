/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts of Suricata: lines read or refused, and the session that each belongs to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include <arpa/inet.h>

#include "app/alerts.h"
#include "packet.h"

#define SECOND_NS 1000000000LL
/* 2017-01-17T15:30:25Z */
#define BEGIN_NS (1484667025LL * SECOND_NS)

#define EVENT(time, src, src_port, dst, dst_port, proto, more)                          \
    "{\"timestamp\":\"" time "\",\"event_type\":\"alert\",\"src_ip\":\"" src            \
    "\",\"src_port\":" #src_port ",\"dest_ip\":\"" dst "\",\"dest_port\":" #dst_port    \
    ",\"proto\":\"" proto "\"," more                                                    \
    "\"alert\":{\"action\":\"allowed\",\"signature_id\":2100498,\"signature\":\"bad\"," \
    "\"category\":\"Bad\",\"severity\":2}}\n"
#define PLAIN(time) EVENT(time, "10.0.0.1", 1000, "10.0.0.2", 80, "TCP", "")

static struct alerts *read_text(const char *text, struct alerts_reading *reading)
{
    char path[] = "/tmp/sesstap-alerts-XXXXXX";
    int fd = mkstemp(path);
    struct alerts *alerts;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    alerts = alerts_read(path, reading);
    unlink(path);
    return alerts;
}

/* The key of 10.0.0.1:1000 and 10.0.0.2:80 as a session has it, with a scope. */
static struct flow_key session_key(uint8_t proto, bool turned)
{
    struct packet pkt = {0};

    for (int i = 0; i < 2; i++) {
        uint8_t addr[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};

        addr[15] = (uint8_t)(1 + (i ^ turned));
        memcpy(pkt.key.addr[i].bytes, addr, sizeof(addr));
    }
    pkt.key.l4_proto = proto;
    pkt.key.ip_version = 4;
    packet_order_key(&pkt, htons(turned ? 80 : 1000), htons(turned ? 1000 : 80));
    pkt.key.scope = 7;
    return pkt.key;
}

struct row {
    const char *name;
    const char *line;
    unsigned int alerts, bad, taken; /* read; refused; by a session of 10 s from BEGIN_NS */
    uint8_t proto;
    const char *community;
};

static const struct row rows[] = {
    {"by addresses", PLAIN("2017-01-17T16:30:26.5+0100"), 1, 0, 1, IP_PROTO_TCP, NULL},
    {"as the server's packet",
     EVENT("2017-01-17T15:30:26Z", "10.0.0.2", 80, "10.0.0.1", 1000, "TCP", ""), 1, 0, 1,
     IP_PROTO_TCP, NULL},
    {"zone with a colon", PLAIN("2017-01-17T10:00:26.000001-05:30"), 1, 0, 1, IP_PROTO_TCP, NULL},
    {"no zone", PLAIN("2017-01-17T15:30:26"), 1, 0, 1, IP_PROTO_TCP, NULL},
    {"an hour before", PLAIN("2017-01-17T14:30:26Z"), 1, 0, 0, IP_PROTO_TCP, NULL},
    {"a moment before", PLAIN("2017-01-17T15:30:24.5Z"), 1, 0, 1, IP_PROTO_TCP, NULL},
    {"flushed a little later", PLAIN("2017-01-17T15:30:44Z"), 1, 0, 1, IP_PROTO_TCP, NULL},
    {"a minute after", PLAIN("2017-01-17T15:31:36Z"), 1, 0, 0, IP_PROTO_TCP, NULL},
    {"another protocol", PLAIN("2017-01-17T15:30:26Z"), 1, 0, 0, IP_PROTO_UDP, NULL},
    {"another port", EVENT("2017-01-17T15:30:26Z", "10.0.0.1", 1001, "10.0.0.2", 80, "TCP", ""), 1,
     0, 0, IP_PROTO_TCP, NULL},
    {"icmp has types, not ports",
     EVENT("2017-01-17T15:30:26Z", "10.0.0.1", 8, "10.0.0.2", 0, "ICMP", ""), 1, 0, 1,
     IP_PROTO_ICMP, NULL},
    {"same community id",
     EVENT("2017-01-17T15:30:26Z", "10.0.0.1", 1000, "10.0.0.2", 80, "TCP",
           "\"community_id\":\"1:abc\","),
     1, 0, 1, IP_PROTO_TCP, "1:abc"},
    {"community id by another seed",
     EVENT("2017-01-17T15:30:26Z", "10.0.0.1", 1000, "10.0.0.2", 80, "TCP",
           "\"community_id\":\"1:xyz\","),
     1, 0, 1, IP_PROTO_TCP, "1:abc"},
    {"icmp of another type",
     EVENT("2017-01-17T15:30:26Z", "10.0.0.1", 8, "10.0.0.2", 0, "ICMP",
           "\"community_id\":\"1:xyz\","),
     1, 0, 0, IP_PROTO_ICMP, "1:abc"},
    {"icmp of the same type",
     EVENT("2017-01-17T15:30:26Z", "10.0.0.1", 8, "10.0.0.2", 0, "ICMP",
           "\"community_id\":\"1:abc\","),
     1, 0, 1, IP_PROTO_ICMP, "1:abc"},
    {"another event", "{\"event_type\":\"dns\",\"timestamp\":\"x\"}\n", 0, 0, 0, IP_PROTO_TCP,
     NULL},
    {"empty line", "\n \t\n", 0, 0, 0, IP_PROTO_TCP, NULL},
    {"no JSON", "[**] alert\n", 0, 1, 0, IP_PROTO_TCP, NULL},
    {"cut off", "{\"event_type\":\"alert\",\"alert\":{\"signa", 0, 1, 0, IP_PROTO_TCP, NULL},
    {"no address",
     "{\"event_type\":\"alert\",\"timestamp\":\"2017-01-17T15:30:26Z\",\"alert\":{}}\n", 0, 1, 0,
     IP_PROTO_TCP, NULL},
    {"no address at all", EVENT("2017-01-17T15:30:26Z", "ten", 1, "10.0.0.2", 2, "TCP", ""), 0, 1,
     0, IP_PROTO_TCP, NULL},
    {"no time", PLAIN("yesterday"), 0, 1, 0, IP_PROTO_TCP, NULL},
    {"a time beyond all clocks", PLAIN("9999-01-17T15:30:26Z"), 0, 1, 0, IP_PROTO_TCP, NULL},
    {"a zone that is none", PLAIN("2017-01-17T15:30:26 noon"), 0, 1, 0, IP_PROTO_TCP, NULL},
};

static void test_rows(void **state)
{
    (void)state;
    if (!alerts_are_built_in())
        skip();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct flow_key key = session_key(rows[i].proto, false);
        struct alerts_query query = {&key, rows[i].community, BEGIN_NS, BEGIN_NS + 10 * SECOND_NS};
        struct alerts_reading reading;
        struct alerts *alerts = read_text(rows[i].line, &reading);
        size_t count;

        print_message("%s\n", rows[i].name);
        assert_non_null(alerts);
        assert_int_equal(reading.alerts, rows[i].alerts);
        assert_int_equal(reading.bad_lines, rows[i].bad);
        assert_int_equal(reading.first_bad_line, rows[i].bad ? 1 : 0);
        alerts_of(alerts, &query, &count);
        assert_int_equal(count, rows[i].taken);
        assert_int_equal(alerts_left(alerts), rows[i].alerts - rows[i].taken);
        alerts_of(alerts, &query, &count); /* each belongs to one session */
        assert_int_equal(count, 0);
        alerts_free(alerts);
    }
}

static void test_what_it_says(void **state)
{
    static const char text[] = EVENT(
        "2017-01-17T15:30:27Z", "10.0.0.1", 1000, "10.0.0.2", 80, "TCP",
        "") "nonsense\n"
            "{\"timestamp\":\"2017-01-17T15:30:26Z\",\"event_type\":\"alert\",\"src_ip\":\"10.0.0.1\","
            "\"src_port\":1000,\"dest_ip\":\"10.0.0.2\",\"dest_port\":80,\"proto\":\"TCP\","
            "\"alert\":{\"signature_id\":5}}\n";
    struct flow_key key = session_key(IP_PROTO_TCP, true);
    struct alerts_query query = {&key, NULL, BEGIN_NS, BEGIN_NS + SECOND_NS};
    const struct alert_fact *const *list;
    struct alerts_reading reading;
    struct alerts *alerts;
    size_t count;

    (void)state;
    if (!alerts_are_built_in())
        skip();
    alerts = read_text(text, &reading);
    assert_non_null(alerts);
    assert_int_equal(reading.first_bad_line, 2);
    list = alerts_of(alerts, &query, &count);
    assert_int_equal(count, 2); /* in the order of the file, not of time */
    assert_int_equal(list[0]->wall_ns, BEGIN_NS + 2 * SECOND_NS);
    assert_string_equal(list[0]->signature, "bad");
    assert_string_equal(list[0]->category, "Bad");
    assert_string_equal(list[0]->action, "allowed");
    assert_int_equal(list[0]->signature_id, 2100498);
    assert_int_equal(list[0]->severity, 2);
    assert_null(list[1]->signature);
    assert_int_equal(list[1]->signature_id, 5);
    assert_int_equal(list[1]->severity, 0);
    alerts_free(alerts);
}

/* A scan raises as many for one pair of addresses: reading them takes no longer than as many for many. */
static void test_many_of_one_key(void **state)
{
    enum { MANY = 50000 };
    struct flow_key key = session_key(IP_PROTO_TCP, false);
    struct alerts_query query = {&key, NULL, BEGIN_NS, BEGIN_NS + SECOND_NS};
    static const char line[] = PLAIN("2017-01-17T15:30:26Z");
    char *text = malloc(MANY * sizeof(line) + 1), *at = text;
    struct alerts_reading reading;
    struct alerts *alerts;
    size_t count;

    (void)state;
    if (!alerts_are_built_in()) {
        free(text);
        skip();
    }
    for (int i = 0; i < MANY; i++)
        at = stpcpy(at, line);
    alerts = read_text(text, &reading);
    assert_non_null(alerts);
    alerts_of(alerts, &query, &count);
    assert_int_equal(count, MANY);
    alerts_free(alerts);
    free(text);
}

static void test_no_file(void **state)
{
    struct alerts_reading reading;

    (void)state;
    assert_null(alerts_read("/nonexistent/eve.json", &reading));
    assert_int_equal(errno, alerts_are_built_in() ? ENOENT : ENOTSUP);
    alerts_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_what_it_says),
        cmocka_unit_test(test_many_of_one_key),
        cmocka_unit_test(test_no_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
