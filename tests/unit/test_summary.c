/* SPDX-License-Identifier: Apache-2.0 */
/* A record in sections: lines with one value, lines with a column a side, and what is left out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "record_fixture.h"
#include "sink/summary.h"

static void make_bad_name(struct fixture *f)
{
    fixture_tcp_full(f);
    f->record.names[1] = "a\033[31mb\xc3\xa9";
}

static void make_identified(struct fixture *f)
{
    fixture_tcp_full(f);
    f->record.identity =
        (struct identity){.protocol = "TLS", .category = "Web", .confidence = "DPI"};
}

static void make_alert(struct fixture *f)
{
    static const struct alert_fact alert = {
        .wall_ns = 1795254240123000000,
        .signature = "BAD \033[1mname",
        .category = "Trojan",
        .signature_id = 2019401,
        .severity = 1,
    };
    static const struct alert_fact *const alerts[] = {&alert};

    fixture_tcp_full(f);
    f->record.alerts = alerts;
    f->record.alert_count = 1;
}

static void make_refused_by_router(struct fixture *f)
{
    static struct flow_note note = {
        .icmp_errors = {[1] = {.count = 3, .ip_version = 4, .type = 3, .code = 1}},
        .icmp_errors_more = 7};
    static const uint8_t router[16] = {[10] = 0xff, 0xff, 10, 0, 0, 254};

    memcpy(note.icmp_errors[1].from, router, sizeof(router));
    fixture_tcp_refused(f);
    f->record.note = &note;
}

static void make_dns(struct fixture *f)
{
    static struct dns_answer address = {.type = 1, .data = {"192.0.2.1", 9}};
    static struct dns_answer alias = {.type = 5, .data = {"b.example", 9}, .next = &address};
    static struct dns_transaction silent = {.qtype = 28, .rcode = -1, .name = {"c\007", 2}};
    static struct dns_transaction answered = {
        .query_ns = 1000,
        .answer_ns = 5001000,
        .qtype = 1,
        .name = {"a.example", 9},
        .answers = &alias,
        .answer_count = 2,
        .next = &silent,
    };
    static const struct facts facts = {.dns = &answered, .dns_count = 2};

    fixture_udp(f);
    f->record.facts = &facts;
}

/* Lines that must be there, ended by the line end; NULL: must not be there. */
static const struct row {
    const char *name;
    void (*make)(struct fixture *f);
    unsigned int width;
    const char *there;
    const char *absent;
} rows[] = {
    {"one value", fixture_tcp_full, 80, "\n  close.reason            fin\n", NULL},
    {"help where there is room", fixture_tcp_full, 120,
     "\n  close.by                client                                        who sent the first FIN, "
     "or the RST\n",
     NULL},
    {"help is cut to the line", fixture_tcp_full, 90,
     "\n  close.by                client                                        who sent the first\n",
     NULL},
    {"help is cut between words", fixture_tcp_full, 92,
     "\n  close.by                client                                        who sent the first\n",
     NULL},
    {"values stand below each other", fixture_tcp_full, 80,
     "\n  payload delivered bytes 5000\n  beyond depth bytes      300\n", NULL},
    {"holes", fixture_tcp_full, 80,
     "\n\nHoles\n  100 bytes of the server's stream, from byte 1200 on\n\nTiming\n", NULL},
    {"ICMP errors", make_refused_by_router, 80,
     "\n\nICMP errors\n  3 of type 3 code 1 from 10.0.0.254\n  7 of other kinds\n\nTiming\n",
     "Holes"},
    {"how sure it is", make_identified, 80, "\n  app.confidence          DPI\n", NULL},
    {"a column a side", fixture_tcp_full, 80,
     "\n  duplicate_acks packets                       2                     0\n", NULL},
    {"heads of the columns", fixture_tcp_full, 80,
     "\n                                          client                server\n  address  "
     "                           10.0.0.200              10.0.0.1\n",
     NULL},
    {"durations, of a side each", fixture_tcp_full, 80,
     "\n  rtt min                             0.000045 s            0.000200 s\n", NULL},
    {"a list", fixture_tcp_full, 80, "\n  link.vlan               100,200\n", NULL},
    {"no control characters of a name", make_bad_name, 80,
     "\n  name                                 a?[31mb\xc3\xa9                     -\n", "\033"},
    {"a null", fixture_tcp_refused, 80,
     "\n  SYN flags                                    2                     -\n", NULL},
    {"one side knows", fixture_tcp_refused, 80,
     "\n  initialSeq                          4294967295                     -\n", NULL},
    {"what is unknown has no line", fixture_tcp_midstream, 80, "\n  missedSyn               yes\n",
     "close.reason"},
    {"UDP has no TCP section", fixture_udp, 80,
     "\n  payload bytes                               33                   120\n", "TCP behaviour"},
    {"UDP's own", fixture_udp, 80,
     "\n  udp bytes                                    8                     8\n", "tcp bytes"},
    {"what it was found to be", make_identified, 80,
     "\n  app.protocol            TLS\n  app.category            Web\n", "DNS"},
    {"alerts", make_alert, 80,
     "\n\nAlerts\n  2026-11-21T09:44:00.123Z 2019401 BAD ?[1mname, Trojan, severity 1\n\nHoles\n",
     "\033"},
    {"DNS", make_dns, 80,
     "\n\nDNS\n  A a.example, NOERROR after 0.005000 s: CNAME b.example, A 192.0.2.1\n"
     "  AAAA c?, no answer\n\nTiming\n",
     "Alerts"},
    {"ICMP", fixture_icmpv6, 80, "\n  icmp.type               128\n", "  port "},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        struct buf out = {0};

        rows[i].make(&f);
        summary_write(&out, &f.record, rows[i].width, false);
        buf_add(&out, "", 1);
        assert_false(out.failed);
        assert_memory_equal(out.data, "General\n", 8);
        if (!strstr(out.data, rows[i].there))
            fail_msg("%s: no line%s in\n%s", rows[i].name, rows[i].there, out.data);
        if (rows[i].absent && strstr(out.data, rows[i].absent))
            fail_msg("%s: %s in\n%s", rows[i].name, rows[i].absent, out.data);
        buf_fini(&out);
    }
}

static void test_colour(void **state)
{
    struct fixture f;
    struct buf out = {0};

    (void)state;
    fixture_tcp_full(&f);
    summary_write(&out, &f.record, 120, true);
    buf_add(&out, "", 1);
    assert_memory_equal(out.data, "\033[1mGeneral\033[0m\n", 16);
    assert_non_null(strstr(out.data, "\033[2mwho sent the first FIN, or the RST\033[0m\n"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_colour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
