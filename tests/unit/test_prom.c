/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics file: exact text (tests/unit/metrics.prom), what promtool says of it, and that no
 * counter falls.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <errno.h>
#include <cmocka.h>

#include "base/buf.h"
#include "made_docs.h"
#include "record_fixture.h"
#include "sink/prom.h"
#include "sink/prom_interfaces.h"

static const struct prom_interface interfaces[] = {
    {"veth1", 1, {{{10, 20, 3000}, {5, 6, 700}}}},
    {"odd\"na\\me\n", 2, {{{1, 1, 60}, {0, 0, 0}}}},
    {"veth1", 3, {{{1, 2, 100}, {1, 1, 40}}}}, /* of another namespace */
};

/* Three sessions closed, two open, every gauge and counter with a value of its own. */
static struct prom *make(struct prom_gauges *gauges)
{
    struct prom *prom = prom_new("v1.2");
    struct fixture f;

    assert_non_null(prom);
    *gauges = (struct prom_gauges){.interfaces = interfaces, .interface_count = 3};
    for (unsigned int i = 0; i < UNACCOUNTED_COUNT; i++)
        gauges->unaccounted[i] = 100 + i;
    for (unsigned int i = 0; i < EVENT_COUNT; i++)
        gauges->events[i] = 200 + i;
    for (unsigned int i = 0; i < PROM_SINK_COUNT; i++)
        gauges->sink_errors[i] = 300 + i;
    gauges->flow_table_entries = 5;
    gauges->flow_table_capacity = 65536;
    gauges->flow_table_pass_ns = 12345678;
    gauges->sample_one_in = 4;

    for (int i = 0; i < 3; i++)
        prom_session_opened(prom, IP_PROTO_TCP);
    prom_session_opened(prom, IP_PROTO_UDP);
    prom_session_opened(prom, IP_PROTO_ICMPV6);
    prom_session_opened(prom, 47);
    fixture_tcp_full(&f);
    prom_session_closed(prom, &f.record);
    fixture_tcp_refused(&f);
    prom_session_closed(prom, &f.record);
    fixture_udp(&f);
    prom_session_closed(prom, &f.record);
    fixture_tcp_midstream(&f);
    f.flow.over_rate_bytes = 90;
    f.flow.quality[1].lost_bytes = 7;
    f.flow.quality[1].lost_retransmit_bytes = 2;
    prom_gauges_add_session(gauges, &f.session.key, &f.flow);
    fixture_icmpv6(&f);
    prom_gauges_add_session(gauges, &f.session.key, &f.flow);
    return prom;
}

static void test_exact_text(void **state)
{
    struct prom_gauges gauges;
    struct prom *prom = make(&gauges);
    struct buf text = {0};

    (void)state;
    assert_int_equal(prom_format(prom, &gauges, &text), 0);
    buf_add(&text, "", 1);
    made_docs_file("tests/unit/metrics.prom", text.data);
    buf_fini(&text);
    prom_free(prom);
}

static void test_promtool_is_silent(void **state)
{
    char said[512] = "";
    FILE *pipe;

    (void)state;
    if (system("command -v promtool >/dev/null") != 0) {
        print_message("promtool is missing: scripts/deps.sh test installs it\n");
        skip();
    }
    pipe = popen("promtool check metrics <tests/unit/metrics.prom 2>&1", "r");
    assert_non_null(pipe);
    said[fread(said, 1, sizeof(said) - 1, pipe)] = '\0';
    assert_string_equal(said, "");
    assert_int_equal(pclose(pipe), 0);
}

static void test_file_is_whole(void **state)
{
    char dir[] = "/tmp/test_prom.XXXXXX", path[64];
    struct prom_gauges gauges;
    struct prom *prom = make(&gauges);
    struct buf text = {0};
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/sesstap.prom", dir);
    assert_int_equal(prom_format(prom, &gauges, &text), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(prom_write(prom, &gauges, path), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, text.len);
        assert_true(st.st_mode & S_IROTH); /* node_exporter is another user */
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0); /* no temporary file is left */
    assert_int_equal(prom_write(prom, &gauges, path), -ENOENT);
    buf_fini(&text);
    prom_free(prom);
}

/* The value of the sample whose line begins with this. */
static uint64_t sample(struct prom *prom, const struct prom_gauges *gauges, const char *series)
{
    struct buf text = {0};
    char line[128];
    uint64_t value;
    char *at;

    snprintf(line, sizeof(line), "\n%s", series);
    assert_int_equal(prom_format(prom, gauges, &text), 0);
    buf_add(&text, "", 1);
    at = strstr(text.data, line);
    assert_non_null(at);
    value = strtoull(at + strlen(line), NULL, 10);
    buf_fini(&text);
    return value;
}

static void test_totals_do_not_fall(void **state)
{
    struct prom_gauges gauges, none = {0};
    struct prom *prom = make(&gauges);
    uint64_t payload = sample(prom, &gauges, "sesstap_payload_bytes_total ");

    (void)state;
    assert_int_equal(payload, 420 + 5000 + 33 + 120 + 10 + 56 + 56);
    assert_int_equal(sample(prom, &none, "sesstap_payload_bytes_total "), payload);
    assert_int_equal(sample(prom, &none, "sesstap_events_total{event=\"pulled\"} "),
                     200 + EVENT_PULLED);
    assert_int_equal(sample(prom, &none, "sesstap_unaccounted_packets_total{reason=\"not_ip\"} "),
                     100 + UNACCOUNTED_NOT_IP);
    assert_int_equal(sample(prom, &none, "sesstap_ring_reserve_failures_total{ring=\"payload\"} "),
                     200 + EVENT_PAYLOAD_RING_FULL);
    assert_int_equal(sample(prom, &none, "sesstap_sink_write_errors_total{sink=\"metrics\"} "),
                     300 + PROM_SINK_METRICS);
    assert_int_equal(sample(prom, &none, "sesstap_flow_table_entries "), 0);
    prom_free(prom);
}

/* A session's sums stay when it goes from open to closed. */
static void test_closing_moves_sums(void **state)
{
    struct prom_gauges gauges = {0}, none = {0};
    struct prom *prom = prom_new("");
    struct fixture f;

    (void)state;
    fixture_tcp_full(&f);
    prom_gauges_add_session(&gauges, &f.session.key, &f.flow);
    assert_int_equal(sample(prom, &gauges, "sesstap_tcp_out_of_order_total "), 4);
    prom_session_closed(prom, &f.record);
    assert_int_equal(sample(prom, &none, "sesstap_tcp_out_of_order_total "), 4);
    assert_int_equal(sample(prom, &none, "sesstap_payload_lost_bytes_total "), 100);
    prom_free(prom);
}

static struct prom_interface interface(const char *name, uint32_t id, uint64_t pkts)
{
    struct prom_interface seen = {.name = name, .id = id};

    seen.seen.dir[HOOK_INGRESS].pkts = pkts;
    return seen;
}

#define VETH "sesstap_packets_total{interface=\"veth1\",direction=\"ingress\"} "
/* What the kernel has for the interfaces named veth1 in each file, and the total to be shown. */
static const struct {
    const char *name;
    struct {
        uint32_t id;
        uint64_t pkts; /* 0: not there */
    } seen[2];
    uint64_t total;
} files[] = {
    {"the first", {{1, 10}}, 10},
    {"counts on", {{1, 15}}, 15},
    {"deleted and made again", {{1, 3}}, 18},
    {"another slot", {{2, 4}}, 22},
    {"two of one name", {{1, 5}, {2, 4}}, 24},
    {"one of them gone", {{1, 6}}, 25},
};

static void test_interfaces_that_come_and_go(void **state)
{
    struct prom *prom = prom_new("");

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct prom_interface seen[3] = {interface("eth0", 9, 1)};
        struct prom_gauges gauges = {.interfaces = seen, .interface_count = 1};

        for (int j = 0; j < 2; j++)
            if (files[i].seen[j].pkts)
                seen[gauges.interface_count++] =
                    interface("veth1", files[i].seen[j].id, files[i].seen[j].pkts);
        if (sample(prom, &gauges, VETH) != files[i].total)
            fail_msg("%s", files[i].name);
        if (sample(prom, &gauges, VETH) != files[i].total)
            fail_msg("%s, once more", files[i].name);
    }
    prom_free(prom);
}

/* Names that are gone are forgotten at some point, those that are there never. */
static void test_interfaces_are_bounded(void **state)
{
    struct prom_interfaces known = {0};

    (void)state;
    for (uint32_t i = 0; i < PROM_INTERFACES_REMEMBERED + 100; i++) {
        char name[32];
        struct prom_interface seen[3] = {interface("other", 2, 5), interface(name, i, 1),
                                         interface("other", 1, i + 1)};

        snprintf(name, sizeof(name), "veth%u", i);
        assert_int_equal(prom_interfaces_update(&known, seen, 3), 0);
        assert_true(known.count <= PROM_INTERFACES_REMEMBERED + 2);
        assert_string_equal(known.known[0].name, "other");
        assert_int_equal(known.known[0].total.dir[HOOK_INGRESS].pkts, i + 1 + 5);
    }
    prom_interfaces_fini(&known);
}

/* promtool does not look at values: buckets rise, and the last is the count. */
static void test_histogram_bounds(void **state)
{
    static const uint64_t durations_us[] = {0, 1000, 1001, 86400000000, 86400000001};
    struct prom_gauges none = {0};
    struct prom *prom = prom_new("");
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < sizeof(durations_us) / sizeof(durations_us[0]); i++) {
        fixture_udp(&f);
        f.flow.dir[1].last_ns = f.flow.first_ns + durations_us[i] * 1000;
        prom_session_closed(prom, &f.record);
    }
#define BUCKET(le) "sesstap_session_duration_seconds_bucket{le=\"" le "\"} "
    assert_int_equal(sample(prom, &none, BUCKET("0.001")), 2);
    assert_int_equal(sample(prom, &none, BUCKET("0.01")), 3);
    assert_int_equal(sample(prom, &none, BUCKET("86400")), 4);
    assert_int_equal(sample(prom, &none, BUCKET("+Inf")), 5);
    assert_int_equal(sample(prom, &none, "sesstap_session_duration_seconds_count "), 5);
    assert_int_equal(sample(prom, &none, "sesstap_session_duration_seconds_sum "), 172800);
    prom_free(prom);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_text),
        cmocka_unit_test(test_promtool_is_silent),
        cmocka_unit_test(test_file_is_whole),
        cmocka_unit_test(test_totals_do_not_fall),
        cmocka_unit_test(test_closing_moves_sums),
        cmocka_unit_test(test_interfaces_that_come_and_go),
        cmocka_unit_test(test_interfaces_are_bounded),
        cmocka_unit_test(test_histogram_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
