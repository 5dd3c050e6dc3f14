/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of header through the kernel programs: the session that the table then holds, whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "kernel/flow_text.h"
#include "kernel/tracker.h"
#include "unit/packet_builder.h"

struct row {
    const char *name;
    const char *frame;
    const char *expect;
};

static const struct row rows[] = {
    {"TCP", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 40000 > 80 PSH|ACK / text \"hello\"",
     "4 tcp 10.0.0.1:40000 > 10.0.0.2:80 pkts=1/0 payload=5/0 l3=20/0 l4=20/0"},
    {"TCP, the other way", "eth / ip 10.0.0.2 > 10.0.0.1 / tcp 80 > 40000 ACK / data 7",
     "4 tcp 10.0.0.1:40000 > 10.0.0.2:80 pkts=0/1 payload=0/7 l3=0/20 l4=0/20"},
    {"same address, the smaller port first",
     "eth / ip 10.0.0.1 > 10.0.0.1 / tcp 514 > 257 ACK / data 7",
     "4 tcp 10.0.0.1:257 > 10.0.0.1:514 pkts=0/1 payload=0/7 l3=0/20 l4=0/20"},
    {"TCP with timestamps",
     "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ACK opts=nop,nop,ts:1:2 / data 100",
     "4 tcp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=100/0 l3=20/0 l4=32/0"},
    {"Ethernet padding is no payload", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ACK / pad 6",
     "4 tcp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=0/0 l3=20/0 l4=20/0"},
    {"IPv4 options", "eth / ip 10.0.0.1 > 10.0.0.2 opts=12 / udp 5000 > 53 / data 30",
     "4 udp 10.0.0.1:5000 > 10.0.0.2:53 pkts=1/0 payload=30/0 l3=32/0 l4=8/0"},
    {"all 40 bytes of IPv4 options", "eth / ip 10.0.0.1 > 10.0.0.2 opts=40 / tcp 1 > 2 SYN",
     "4 tcp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=0/0 l3=60/0 l4=20/0"},
    {"congestion experienced", "eth / ip 10.0.0.1 > 10.0.0.2 tos=3 / udp 1 > 2 / data 1",
     "4 udp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=1/0 l3=20/0 l4=8/0 ce=1/0"},
    {"UDP without payload", "eth / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 2",
     "4 udp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=0/0 l3=20/0 l4=8/0"},
    {"SCTP", "eth / ip 10.0.0.1 > 10.0.0.2 / sctp 7 > 9 tag=1 / data 16",
     "4 sctp 10.0.0.1:7 > 10.0.0.2:9 pkts=1/0 payload=16/0 l3=20/0 l4=12/0"},
    {"ICMP echo request", "eth / ip 10.0.0.1 > 10.0.0.2 / icmp 8 id=77 seq=1 / data 56",
     "4 icmp 10.0.0.1:77 > 10.0.0.2:8 pkts=1/0 payload=56/0 l3=20/0 l4=8/0 icmp=8/0"},
    {"ICMP echo reply, its session's first packet",
     "eth / ip 10.0.0.2 > 10.0.0.1 / icmp 0 id=77 seq=1 / data 56",
     "4 icmp 10.0.0.1:77 > 10.0.0.2:8 pkts=0/1 payload=0/56 l3=0/20 l4=0/8"},
    {"ICMP unreachable", "eth / ip 10.0.0.2 > 10.0.0.1 / icmp 3 code=1 / data 28",
     "4 icmp 10.0.0.1:0 > 10.0.0.2:3 pkts=0/1 payload=0/28 l3=0/20 l4=0/8 icmp=3/1"},
    {"VLAN", "eth / vlan 5 pcp=3 / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 2 / data 4",
     "4 udp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=4/0 l3=20/0 l4=8/0 vlan=24581/0"},
    {"QinQ", "eth / vlan 100 tpid=0x88a8 / vlan 200 / ip6 fd00::1 > fd00::2 / udp 1 > 2 / data 4",
     "6 udp fd00::1:1 > fd00::2:2 pkts=1/0 payload=4/0 l3=40/0 l4=8/0 vlan=100/200"},
    {"MPLS", "eth / mpls 16 / mpls 17 / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ACK / data 4",
     "4 tcp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=4/0 l3=20/0 l4=20/0"},
    {"MPLS with IPv6", "eth / mpls 16 / ip6 fd00::1 > fd00::2 / tcp 1 > 2 ACK / data 4",
     "6 tcp fd00::1:1 > fd00::2:2 pkts=1/0 payload=4/0 l3=40/0 l4=20/0"},
    {"PPPoE", "eth / pppoe / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ACK / data 4",
     "4 tcp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=4/0 l3=20/0 l4=20/0"},
    {"PPPoE in a VLAN with IPv6", "eth / vlan 7 / pppoe / ip6 fd00::1 > fd00::2 / udp 1 > 2",
     "6 udp fd00::1:1 > fd00::2:2 pkts=1/0 payload=0/0 l3=40/0 l4=8/0 vlan=7/0"},
    {"IPv6", "eth / ip6 fd00::2 > fd00::1 / tcp 443 > 40000 SYN|ACK",
     "6 tcp fd00::1:40000 > fd00::2:443 pkts=0/1 payload=0/0 l3=0/40 l4=0/20"},
    {"IPv6 extension headers",
     "eth / ip6 fd00::1 > fd00::2 / hop / route size=24 / dst size=16 / tcp 1 > 2 ACK / data 9",
     "6 tcp fd00::1:1 > fd00::2:2 pkts=1/0 payload=9/0 l3=88/0 l4=20/0"},
    {"IPv6 authentication header, in other units",
     "eth / ip6 fd00::1 > fd00::2 / ah size=24 / udp 1 > 2 / data 9",
     "6 udp fd00::1:1 > fd00::2:2 pkts=1/0 payload=9/0 l3=64/0 l4=8/0"},
    {"ICMPv6 echo", "eth / ip6 fd00::1 > fd00::2 / icmp6 128 id=9 / data 8",
     "6 icmp6 fd00::1:9 > fd00::2:128 pkts=1/0 payload=8/0 l3=40/0 l4=8/0 icmp=128/0"},
    {"neighbour advertisement, of the solicitation's session",
     "eth / ip6 fd00::1 > fd00::2 / icmp6 136 / data 16",
     "6 icmp6 fd00::1:0 > fd00::2:135 pkts=1/0 payload=16/0 l3=40/0 l4=8/0 icmp=136/0"},
    {"first IPv4 fragment", "eth / ip 10.0.0.1 > 10.0.0.2 id=3 mf / udp 1 > 2 len=3000 / data 1472",
     "4 udp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=1472/0 l3=20/0 l4=8/0"},
    {"first IPv6 fragment",
     "eth / ip6 fd00::1 > fd00::2 / frag 0 id=3 mf / udp 1 > 2 len=3000 / data 1400",
     "6 udp fd00::1:1 > fd00::2:2 pkts=1/0 payload=1400/0 l3=48/0 l4=8/0"},
};

#define GSO_SEGS 3
#define GSO_SIZE 1000

static const struct row gso_rows[] = {
    {"wire packets", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ACK opts=nop,nop,ts:1:2 / data 3000",
     "4 tcp 10.0.0.1:1 > 10.0.0.2:2 pkts=3/0 payload=3000/0 l3=60/0 l4=96/0 segs=2/0"},
    {"unusual headers in each wire packet",
     "eth / ip 10.0.0.1 > 10.0.0.2 opts=4 tos=3 / tcp 1 > 2 ACK / data 3000",
     "4 tcp 10.0.0.1:1 > 10.0.0.2:2 pkts=3/0 payload=3000/0 l3=72/0 l4=60/0 segs=2/0 ce=3/0"},
    {"UDP, its length that of all or none",
     "eth / ip6 fd00::1 > fd00::2 / udp 1 > 2 len=0 / data 3000",
     "6 udp fd00::1:1 > fd00::2:2 pkts=3/0 payload=3000/0 l3=120/0 l4=24/0 segs=2/0"},
};

static void check_row(const struct tracker *tracker, const struct row *row, int prog_fd,
                      enum hook_direction hook, uint32_t gso_segs)
{
    static uint8_t frame[PACKET_BUILDER_ROOM], before[PACKET_BUILDER_ROOM];
    size_t len = packet_build(frame, sizeof(frame), "%s", row->frame);
    struct __sk_buff ctx = {.gso_segs = gso_segs, .gso_size = gso_segs ? GSO_SIZE : 0};
    struct traffic seen = tracker_seen(tracker, TRACKER_SLOT, hook), now;
    char text[FLOW_TEXT_ROOM];
    struct flow_key key;
    struct flow flow;

    memcpy(before, frame, len);
    assert_int_equal(tracker_run(prog_fd, frame, len, &ctx), TC_NEXT);
    assert_memory_equal(frame, before, len);
    tracker_only_flow(tracker, &key, &flow);
    flow_text(&key, &flow, text);
    if (strcmp(text, row->expect))
        fail_msg("%s\nis      %s\nmust be %s", row->name, text, row->expect);
    now = tracker_seen(tracker, TRACKER_SLOT, hook);
    assert_int_equal(now.skbs - seen.skbs, 1);
    assert_int_equal(now.pkts - seen.pkts, gso_segs ? gso_segs : 1);
    assert_int_equal(now.bytes - seen.bytes, len);
    assert_int_equal(flow.ifindex, TRACKER_IFINDEX);
    assert_int_equal(flow.slot, TRACKER_SLOT);
    assert_int_not_equal(flow.id, 0);
    tracker_clear_flows(tracker);
}

static void each_header_makes_its_session(void **state)
{
    const struct tracker *tracker = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(tracker, &rows[i], tracker->ingress_fd, HOOK_INGRESS, 0);
        check_row(tracker, &rows[i], tracker->egress_fd, HOOK_EGRESS, 0);
    }
    for (size_t i = 0; i < sizeof(gso_rows) / sizeof(gso_rows[0]); i++)
        check_row(tracker, &gso_rows[i], tracker->egress_fd, HOOK_EGRESS, GSO_SEGS);
    for (uint32_t reason = 0; reason < UNACCOUNTED_COUNT; reason++)
        assert_int_equal(tracker_unaccounted(tracker, reason).skbs, 0);
    assert_int_equal(tracker_seen(tracker, 0, HOOK_INGRESS).skbs, 0);
}

static void sessions_have_different_ids(void **state)
{
    const struct tracker *tracker = *state;
    static uint8_t frame[PACKET_BUILDER_ROOM];
    uint64_t last = 0;

    for (int i = 0; i < 3; i++) {
        size_t len = packet_build(frame, sizeof(frame),
                                  "eth / ip 10.0.0.1 > 10.0.0.2 / udp %d > 2 / data 1", i + 1);
        struct flow_key key;
        struct flow flow;

        tracker_run(tracker->ingress_fd, frame, len, NULL);
        tracker_only_flow(tracker, &key, &flow);
        assert_int_not_equal(flow.id, last);
        last = flow.id;
        tracker_clear_flows(tracker);
    }
}

static int setup_tc(void **state)
{
    return tracker_setup(state, &(struct tracker_options){.max_flows = 16});
}

static int setup_xdp(void **state)
{
    return tracker_setup(state, &(struct tracker_options){.max_flows = 16, .xdp = true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_header_makes_its_session),
        cmocka_unit_test(sessions_have_different_ids),
    };

    return cmocka_run_group_tests_name("headers, TC", tests, setup_tc, tracker_teardown) +
           cmocka_run_group_tests_name("headers, XDP", tests, setup_xdp, tracker_teardown);
}
