/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers outside the linear part of a packet, as drivers that split headers or put all into pieces hand it to
 * XDP: wherever the linear part ends, the session is that of the whole packet, and what really ends too early is
 * still truncated.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "kernel/flow_text.h"
#include "kernel/tracker.h"
#include "unit/packet_builder.h"

#define LINEAR_MIN 14 /* less than an Ethernet header a test run does not take */

static const char *const lines[] = {
    "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 40000 > 80 SYN opts=mss:1460,sack,ws:7 / data 30",
    "eth / ip 10.0.0.1 > 10.0.0.2 opts=40 / tcp 1 > 2 ACK opts=nop,nop,ts:1:2 / data 100",
    "eth / vlan 100 tpid=0x88a8 / vlan 200 / ip6 fd00::1 > fd00::2 / udp 1 > 2 / data 4",
    "eth / mpls 16 / mpls 17 / ip 10.0.0.1 > 10.0.0.2 / sctp 1 > 2 / data 16",
    "eth / vlan 7 / pppoe / ip6 fd00::1 > fd00::2 / icmp6 128 id=9 / data 8",
    "eth / ip6 fd00::1 > fd00::2 / hop / route size=24 / dst size=16 / ah size=24 / tcp 1 > 2 ACK / data 9",
    "eth / ip6 fd00::1 > fd00::2 / hop size=2048 / tcp 1 > 2 ACK / data 2000",
    "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ACK / data 8946",
};

/* Offset of the payload: the headers are whole from there on. */
static uint32_t headers_len(const uint8_t *frame, size_t len)
{
    struct packet_cursor cur = {frame, frame, frame + len};
    struct packet pkt = {0};

    assert_int_equal(packet_parse_eth(&pkt, &cur, (uint32_t)len), 0);
    return pkt.payload_off;
}

/* The session that one packet makes, as text; with what was in its SYN. */
static void take_session(const struct tracker *tracker, char *text, struct flow_syn *syn)
{
    struct flow_key key;
    struct flow flow;

    tracker_only_flow(tracker, &key, &flow);
    flow_text(&key, &flow, text);
    *syn = flow.quality[0].syn;
    tracker_clear_flows(tracker);
}

static void check_line(const struct tracker *tracker, const char *line)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];
    size_t len = packet_build(frame, sizeof(frame), "%s", line);
    uint32_t end = headers_len(frame, len);
    char whole[FLOW_TEXT_ROOM], text[FLOW_TEXT_ROOM];
    struct flow_syn whole_syn, syn;

    assert_int_equal(tracker_run(tracker->ingress_fd, frame, len, NULL), TC_NEXT);
    take_session(tracker, whole, &whole_syn);
    for (uint32_t linear = LINEAR_MIN; linear <= end; linear++) {
        uint64_t copied = tracker_event(tracker, EVENT_PULLED);
        int result = tracker_run_scattered(tracker, frame, len, linear);

        if (result == -ENOTSUP)
            skip();
        assert_int_equal(result, TC_NEXT);
        take_session(tracker, text, &syn);
        if (strcmp(text, whole))
            fail_msg("%s, %u bytes linear\nis      %s\nmust be %s", line, linear, text, whole);
        assert_memory_equal(&syn, &whole_syn, sizeof(syn));
        copied = tracker_event(tracker, EVENT_PULLED) - copied;
        if (copied > 1 || (linear == LINEAR_MIN && !copied))
            fail_msg("%s, %u bytes linear: counted %llu times as not linear", line, linear,
                     (unsigned long long)copied);
    }
}

static void session_is_that_of_the_whole_packet(void **state)
{
    const struct tracker *tracker = *state;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        check_line(tracker, lines[i]);
    assert_int_equal(tracker_unaccounted(tracker, UNACCOUNTED_TRUNCATED).skbs, 0);
}

static void what_ends_too_early_is_truncated(void **state)
{
    const struct tracker *tracker = *state;
    static uint8_t frame[PACKET_BUILDER_ROOM];
    size_t len =
        packet_build(frame, sizeof(frame), "eth / ip 10.0.0.1 > 10.0.0.2 proto=6 / data 19");
    uint64_t before = tracker_unaccounted(tracker, UNACCOUNTED_TRUNCATED).skbs, runs = 0;

    for (uint32_t linear = LINEAR_MIN; linear < len; linear++, runs++) {
        int result = tracker_run_scattered(tracker, frame, len, linear);

        if (result == -ENOTSUP)
            skip();
        assert_int_equal(result, TC_NEXT);
    }
    assert_int_equal(tracker_unaccounted(tracker, UNACCOUNTED_TRUNCATED).skbs - before, runs);
    assert_int_equal(tracker_count_flows(tracker), 0);
}

static int setup(void **state)
{
    return tracker_setup(state, &(struct tracker_options){.xdp = true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_is_that_of_the_whole_packet),
        cmocka_unit_test(what_ends_too_early_is_truncated),
    };

    return cmocka_run_group_tests_name("scattered", tests, setup, tracker_teardown);
}
