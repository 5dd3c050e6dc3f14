/* SPDX-License-Identifier: Apache-2.0 */
/* What is left out on purpose: filtered packets, sessions not sampled, depths of their own, the payload rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "kernel/ring_log.h"
#include "sampling.h"
#include "sesstap.skel.h"
#include "source/live/filters.h"
#include "unit/packet_builder.h"

#define SESSIONS 2000
#define SEED     0x5e55

static void send_frame(const struct tracker *tracker, int prog_fd, const char *line)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];
    size_t len = packet_build(frame, sizeof(frame), "%s", line);

    assert_int_equal(tracker_run(prog_fd, frame, len, NULL), TC_NEXT);
    (void)tracker;
}

static void assert_compiled(int err, const struct buf *error)
{
    if (err)
        fail_msg("%.*s", (int)error->len, (const char *)error->data);
}

/* ---- filters ------------------------------------------------------------------------------------ */

struct row {
    const char *name;
    const char *frame;
    enum unaccounted_reason reason; /* COUNT: it is tracked */
};

static const struct row rows[] = {
    {"matches", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1000 > 80 SYN seq=1", UNACCOUNTED_COUNT},
    {"matches, other way", "eth / ip 10.0.0.2 > 10.0.0.1 / tcp 80 > 1000 SYN|ACK seq=1 ack=2",
     UNACCOUNTED_COUNT},
    {"matches, IPv6", "eth / ip6 fd00::1 > fd00::2 / tcp 1000 > 80 SYN seq=1", UNACCOUNTED_COUNT},
    {"another port", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1000 > 81 SYN seq=1",
     UNACCOUNTED_FILTERED},
    {"another protocol", "eth / ip 10.0.0.1 > 10.0.0.2 / udp 1000 > 80", UNACCOUNTED_FILTERED},
    {"ARP", "eth type=0x806 / data 28", UNACCOUNTED_FILTERED},
    {"no frame to speak of", "eth type=0x800 / ip 10.0.0.1 > 10.0.0.2 proto=6 / data 3",
     UNACCOUNTED_FILTERED},
    {"a later fragment has no port", "eth / ip 10.0.0.1 > 10.0.0.2 proto=6 frag=1480 / data 100",
     UNACCOUNTED_FILTERED},
    {"a tag moves the rest", "eth / vlan 5 / ip 10.0.0.1 > 10.0.0.2 / tcp 1000 > 80 SYN seq=1",
     UNACCOUNTED_FILTERED},
};

static void filtered_packets_are_counted(bool xdp)
{
    struct live_filters filters = {0};
    struct buf error = {0};
    struct tracker tracker;

    assert_compiled(live_filters_set_pass(&filters, "tcp port 80", &error), &error);
    tracker_open(&tracker, &(struct tracker_options){.filters = &filters, .xdp = xdp});
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t before = tracker_unaccounted(&tracker, UNACCOUNTED_FILTERED).skbs, sum = 0;

        send_frame(&tracker, tracker.ingress_fd, rows[i].frame);
        if ((tracker_unaccounted(&tracker, UNACCOUNTED_FILTERED).skbs - before == 1) !=
            (rows[i].reason == UNACCOUNTED_FILTERED))
            fail_msg("%s", rows[i].name);
        for (uint32_t reason = 0; reason < UNACCOUNTED_COUNT; reason++)
            sum += tracker_unaccounted(&tracker, reason).skbs;
        assert_int_equal(sum, tracker_unaccounted(&tracker, UNACCOUNTED_FILTERED).skbs);
    }
    assert_int_equal(tracker_seen(&tracker, TRACKER_SLOT, HOOK_INGRESS).skbs,
                     sizeof(rows) / sizeof(rows[0]));
    assert_int_equal(tracker_count_flows(&tracker), 2);
    tracker_close(&tracker);
    live_filters_fini(&filters);
}

static void filter_stands_before_the_table(void **state)
{
    (void)state;
    filtered_packets_are_counted(false);
    filtered_packets_are_counted(true);
}

/* ---- depth ---------------------------------------------------------------------------------------- */

/* Sampled bytes of the client's 1000 on a connection to port. */
static uint32_t sampled_of(struct tracker *tracker, struct ring_log *log, int port)
{
    char line[160];
    struct flow_key key;
    struct flow flow;

    snprintf(line, sizeof(line), "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1000 > %d SYN seq=1", port);
    send_frame(tracker, tracker->ingress_fd, line);
    snprintf(line, sizeof(line),
             "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1000 > %d ACK seq=2 / data 1000", port);
    send_frame(tracker, tracker->ingress_fd, line);
    ring_log_take(log);
    tracker_only_flow(tracker, &key, &flow);
    tracker_clear_flows(tracker);
    return log->sample_count ? log->samples[log->sample_count - 1].record.cap_len : 0;
}

#define DEPTHS 3

static const struct depth_row {
    const char *name;
    struct {
        const char *filter;
        uint64_t bytes;
    } depths[DEPTHS];
    struct {
        int port;
        uint32_t sampled; /* of 1000 bytes; 100 without a filter */
    } sessions[DEPTHS + 1];
} depth_rows[] = {
    {"the first that matches gives the depth",
     {{"port 80", DEPTH_ALL}, {"port 443", 0}, {"port 80 or port 53", 20}},
     {{80, 1000}, {443, 0}, {53, 20}, {22, 100}}},
    {"nothing comes behind one that everything matches",
     {{"port 80", DEPTH_ALL}, {"ip or not ip", 20}, {"port 443", 30}},
     {{80, 1000}, {443, 20}, {53, 20}, {22, 20}}},
};

static void check_depths(const struct depth_row *row)
{
    struct live_filters filters = {0};
    struct tracker tracker;
    struct buf error = {0};
    struct ring_log log;

    for (size_t i = 0; i < DEPTHS; i++)
        assert_compiled(
            live_filters_add_depth(&filters, row->depths[i].filter, row->depths[i].bytes, &error),
            &error);
    tracker_open(&tracker, &(struct tracker_options){.depth_bytes = 100, .filters = &filters});
    ring_log_open(&log, &tracker);
    for (size_t i = 0; i <= DEPTHS; i++) {
        uint32_t sampled = sampled_of(&tracker, &log, row->sessions[i].port);

        if (sampled != row->sessions[i].sampled)
            fail_msg("%s: port %d: %u bytes, not %u", row->name, row->sessions[i].port, sampled,
                     row->sessions[i].sampled);
    }
    ring_log_close(&log);
    tracker_close(&tracker);
    live_filters_fini(&filters);
}

static void filters_give_the_depth(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(depth_rows) / sizeof(depth_rows[0]); i++)
        check_depths(&depth_rows[i]);
}

/* Filters that this machine's kernel can't run say why. */
static void filters_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *filter, *why;
    } wrong[] = {
        {"ip6 protochain 6",
         "filter 'ip6 protochain 6': it goes in a loop (protochain), and the kernel has none"},
        {"inbound", "filter 'inbound': inbound and outbound can't be told on this link type"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct live_filters filters = {0};
        struct buf error = {0};

        assert_true(live_filters_set_pass(&filters, wrong[i].filter, &error));
        buf_add_char(&error, '\0');
        assert_string_equal(error.data, wrong[i].why);
        buf_fini(&error);
        live_filters_fini(&filters);
    }
}

/* An entry that a new connection takes over has that connection's depth. */
static void depth_is_chosen_again_at_reuse(void **state)
{
    struct live_filters filters = {0};
    struct tracker tracker;
    struct buf error = {0};
    struct flow_key key;
    struct flow flow;

    (void)state;
    assert_compiled(live_filters_add_depth(&filters, "src port 1000", 77, &error), &error);
    tracker_open(&tracker, &(struct tracker_options){.filters = &filters});
    send_frame(&tracker, tracker.ingress_fd,
               "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1000 > 2000 SYN seq=1");
    tracker_only_flow(&tracker, &key, &flow);
    assert_int_equal(flow.dir[0].depth_bytes, 77);
    assert_int_equal(flow.dir[1].depth_bytes, 77);
    send_frame(&tracker, tracker.ingress_fd,
               "eth / ip 10.0.0.2 > 10.0.0.1 / tcp 2000 > 1000 RST|ACK seq=0 ack=2");
    send_frame(&tracker, tracker.ingress_fd,
               "eth / ip 10.0.0.2 > 10.0.0.1 / tcp 2000 > 1000 SYN seq=1");
    tracker_only_flow(&tracker, &key, &flow);
    assert_int_equal(tracker_event(&tracker, EVENT_REUSED), 1);
    assert_int_equal(flow.dir[0].depth_bytes, 0);
    assert_int_equal(flow.dir[1].depth_bytes, 0);
    tracker_close(&tracker);
    live_filters_fini(&filters);
}

/* ---- sampling --------------------------------------------------------------------------------------- */

static void one_session_in_four_is_kept_whole(void **state)
{
    const struct tracker_options options = {
        .max_flows = SESSIONS, .sample_one_in = 4, .sample_seed = SEED};
    struct traffic left_out;
    struct tracker tracker;
    uint32_t kept;
    char line[160];

    (void)state;
    tracker_open(&tracker, &options);
    for (int i = 0; i < SESSIONS; i++) {
        uint32_t before = tracker_unaccounted(&tracker, UNACCOUNTED_NOT_SAMPLED).skbs, after;

        snprintf(line, sizeof(line), "eth / ip 10.0.%d.1 > 10.9.9.9 / tcp %d > 80 SYN seq=1",
                 i / 250, 1000 + i);
        send_frame(&tracker, tracker.ingress_fd, line);
        snprintf(line, sizeof(line),
                 "eth / ip 10.9.9.9 > 10.0.%d.1 / tcp 80 > %d SYN|ACK seq=9 ack=2", i / 250,
                 1000 + i);
        send_frame(&tracker, tracker.egress_fd, line);
        after = tracker_unaccounted(&tracker, UNACCOUNTED_NOT_SAMPLED).skbs;
        assert_true(after - before == 0 || after - before == 2);
    }
    kept = tracker_count_flows(&tracker);
    left_out = tracker_unaccounted(&tracker, UNACCOUNTED_NOT_SAMPLED);
    assert_in_range(kept, SESSIONS / 4 - 80, SESSIONS / 4 + 80); /* four standard deviations */
    assert_int_equal(left_out.pkts, 2 * (SESSIONS - kept));
    assert_int_equal(left_out.bytes, 54 * left_out.pkts);
    tracker_close(&tracker);
}

/* The rate is what was asked for, whatever the number; another seed keeps others. */
static void sampling_is_even(void **state)
{
    static const uint32_t rates[] = {1, 2, 3, 10, 1000};
    uint32_t both = 0;

    (void)state;
    for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
        uint32_t kept = 0, expect = 200000 / rates[r];

        for (uint32_t i = 0; i < 200000; i++) {
            struct flow_key key = {.ip_version = 4, .l4_proto = 6};

            key.addr[0].word[3] = i / 60000;
            key.port[0] = (__be16)(i % 60000);
            kept += !!sampling_keeps(&key, rates[r], 1);
            both += rates[r] == 10 && sampling_keeps(&key, 10, 1) && sampling_keeps(&key, 10, 2);
        }
        assert_in_range(kept, expect - expect / 10 - (rates[r] > 100 ? 50 : 0),
                        expect + expect / 10 + 50);
    }
    assert_in_range(both, 1700, 2300); /* a tenth of a tenth */
}

/* ---- rate ------------------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void set_budget(const struct tracker *tracker, uint64_t until_ns)
{
    uint32_t zero = 0;

    assert_int_equal(bpf_map_update_elem(bpf_map__fd(tracker->skel->maps.payload_budget), &zero,
                                         &until_ns, BPF_ANY),
                     0);
}

static uint64_t budget(const struct tracker *tracker)
{
    uint32_t zero = 0;
    uint64_t until_ns = 0;

    bpf_map_lookup_elem(bpf_map__fd(tracker->skel->maps.payload_budget), &zero, &until_ns);
    return until_ns;
}

static void payload_over_the_rate_is_cut(uint32_t headers)
{
    const struct tracker_options options = {.depth_bytes = DEPTH_ALL,
                                            .sample_headers = headers,
                                            .rate_ns_per_byte = 1000000ull << RATE_SHIFT};
    static const char *const data =
        "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ACK seq=%d / data 500";
    struct tracker tracker;
    struct flow_key key;
    struct flow flow;
    struct ring_log log;
    char line[128];
    uint64_t before;

    tracker_open(&tracker, &options);
    ring_log_open(&log, &tracker);
    before = now_ns();
    snprintf(line, sizeof(line), data, 2);
    send_frame(&tracker, tracker.ingress_fd, line); /* may overdraw: 500 ms less 100 ms saved up */
    assert_in_range(budget(&tracker), before + 400000000, now_ns() + 400000000);
    set_budget(&tracker, now_ns() + 60000000000);
    snprintf(line, sizeof(line), data, 502);
    send_frame(&tracker, tracker.ingress_fd, line);
    ring_log_take(&log);
    assert_int_equal(log.sample_count, 1 + headers);
    assert_int_equal(log.samples[0].record.cap_len, 500);
    if (headers) {
        assert_int_equal(log.samples[1].record.cap_len, 0);
        assert_int_equal(log.samples[1].record.payload_len, 500);
        assert_int_equal(log.samples[1].record.chunk_len, 500);
    }
    tracker_only_flow(&tracker, &key, &flow);
    assert_int_equal(flow.over_rate_bytes, 500);
    assert_int_equal(flow.quality[0].sampled_bytes, 500 + 500 * headers);
    assert_int_equal(flow.quality[0].lost_bytes, 0);
    assert_int_equal(tracker_event(&tracker, EVENT_PAYLOAD_OVER_RATE), 1);
    send_frame(&tracker, tracker.ingress_fd, line); /* sent again: cut again, but no new byte */
    tracker_only_flow(&tracker, &key, &flow);
    assert_int_equal(flow.over_rate_bytes, 500);
    set_budget(&tracker, 0);
    snprintf(line, sizeof(line), data, 1002);
    send_frame(&tracker, tracker.ingress_fd, line);
    ring_log_take(&log);
    assert_int_equal(log.samples[log.sample_count - 1].record.cap_len, 500);
    ring_log_close(&log);
    tracker_close(&tracker);
}

static void rate_cuts_payload_and_counts_it(void **state)
{
    (void)state;
    payload_over_the_rate_is_cut(0);
    payload_over_the_rate_is_cut(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filter_stands_before_the_table),
        cmocka_unit_test(filters_give_the_depth),
        cmocka_unit_test(filters_that_cannot_be_are_refused),
        cmocka_unit_test(depth_is_chosen_again_at_reuse),
        cmocka_unit_test(one_session_in_four_is_kept_whole),
        cmocka_unit_test(sampling_is_even),
        cmocka_unit_test(rate_cuts_payload_and_counts_it),
    };

    return cmocka_run_group_tests_name("choice", tests, NULL, NULL);
}
