/* SPDX-License-Identifier: Apache-2.0 */
/* Every packet that belongs to no session is counted once, under its reason, and seen adds up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <net/if.h>
#include <string.h>

#include "kernel/links_support.h"
#include "kernel/tracker.h"
#include "sesstap.skel.h"
#include "unit/packet_builder.h"

#define TABLE_SESSIONS 4

static const char *const reason_names[] = {
#define X(upper, lower, help) #lower,
    UNACCOUNTED_REASONS(X)
#undef X
};

struct row {
    const char *name;
    const char *frame;
    enum unaccounted_reason reason;
};

static const struct row rows[] = {
    {"ARP", "eth type=0x806 / data 28", UNACCOUNTED_NOT_IP},
    {"LLDP", "eth type=0x88cc / data 50", UNACCOUNTED_NOT_IP},
    {"a length instead of a type (802.3)", "eth type=39 / data 39", UNACCOUNTED_NOT_IP},
    {"three VLAN tags", "eth / vlan 1 / vlan 2 / vlan 3 / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 2",
     UNACCOUNTED_NOT_IP},
    {"MPLS with something else in it", "eth type=0x8847 / hex 0001010000000000",
     UNACCOUNTED_NOT_IP},
    {"MPLS of five labels", "eth type=0x8847 / hex 0001000000010000000100000001000000010100450000",
     UNACCOUNTED_NOT_IP},
    {"VLAN tag cut", "eth type=0x8100 / hex 00", UNACCOUNTED_TRUNCATED},
    {"IPv4 header cut", "eth type=0x8100 / hex 0001080045000014000000004006",
     UNACCOUNTED_TRUNCATED},
    {"IPv6 header cut", "eth type=0x8100 / hex 000186dd6000000000000640", UNACCOUNTED_TRUNCATED},
    {"TCP header cut", "eth / ip 10.0.0.1 > 10.0.0.2 proto=6 / data 19", UNACCOUNTED_TRUNCATED},
    {"UDP header cut", "eth / ip 10.0.0.1 > 10.0.0.2 proto=17 / data 7", UNACCOUNTED_TRUNCATED},
    {"ICMP header cut", "eth / ip 10.0.0.1 > 10.0.0.2 proto=1 / data 7", UNACCOUNTED_TRUNCATED},
    {"SCTP header cut", "eth / ip 10.0.0.1 > 10.0.0.2 proto=132 / data 11", UNACCOUNTED_TRUNCATED},
    {"extension header cut", "eth / ip6 fd00::1 > fd00::2 next=0 / hex 0600",
     UNACCOUNTED_TRUNCATED},
    {"IPv4 header length under 5", "eth / ip 10.0.0.1 > 10.0.0.2 ihl=4 / udp 1 > 2",
     UNACCOUNTED_MALFORMED},
    {"IPv4 says version 6", "eth / ip 10.0.0.1 > 10.0.0.2 ver=6 / udp 1 > 2",
     UNACCOUNTED_MALFORMED},
    {"IPv4 longer than the frame", "eth / ip 10.0.0.1 > 10.0.0.2 len=1000 / udp 1 > 2",
     UNACCOUNTED_MALFORMED},
    {"IPv6 longer than the frame", "eth / ip6 fd00::1 > fd00::2 len=1000 / udp 1 > 2",
     UNACCOUNTED_MALFORMED},
    {"TCP header length under 5", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ACK doff=4",
     UNACCOUNTED_MALFORMED},
    {"TCP header longer than the segment", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ACK doff=15",
     UNACCOUNTED_MALFORMED},
    {"UDP longer than the packet", "eth / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 2 len=100",
     UNACCOUNTED_MALFORMED},
    {"UDP length under 8", "eth / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 2 len=7", UNACCOUNTED_MALFORMED},
    {"later IPv4 fragment", "eth / ip 10.0.0.1 > 10.0.0.2 proto=17 frag=1480 / data 100",
     UNACCOUNTED_FRAGMENT_NO_FIRST},
    {"later IPv6 fragment", "eth / ip6 fd00::1 > fd00::2 / frag 1448 next=17 / data 100",
     UNACCOUNTED_FRAGMENT_NO_FIRST},
    {"nine extension headers",
     "eth / ip6 fd00::1 > fd00::2 / dst / dst / dst / dst / dst / dst / dst / dst / dst / udp 1 > 2",
     UNACCOUNTED_EXTENSION_HEADERS},
    {"GRE", "eth / ip 10.0.0.1 > 10.0.0.2 proto=47 / data 40", UNACCOUNTED_L4_UNSUPPORTED},
    {"no next header", "eth / ip6 fd00::1 > fd00::2 next=59 / data 4", UNACCOUNTED_L4_UNSUPPORTED},
};

/* All that passed and all that was given up, to compare with later. */
struct books {
    struct traffic seen[2]; /* TRACKER_SLOT, and slot 0 */
    struct traffic unaccounted[UNACCOUNTED_COUNT];
    uint32_t flows;
};

static struct books books_read(const struct tracker *tracker)
{
    struct books books = {
        .seen = {tracker_seen(tracker, TRACKER_SLOT, HOOK_INGRESS),
                 tracker_seen(tracker, 0, HOOK_INGRESS)},
        .flows = tracker_count_flows(tracker),
    };

    for (uint32_t i = 0; i < UNACCOUNTED_COUNT; i++)
        books.unaccounted[i] = tracker_unaccounted(tracker, i);
    return books;
}

static void assert_risen(const char *name, const char *what, const struct traffic *before,
                         const struct traffic *after, uint64_t skbs, uint64_t pkts, uint64_t bytes)
{
    if (after->skbs - before->skbs != skbs || after->pkts - before->pkts != pkts ||
        after->bytes - before->bytes != bytes)
        fail_msg("%s: %s rose by %llu skbs, %llu packets, %llu bytes", name, what,
                 (unsigned long long)(after->skbs - before->skbs),
                 (unsigned long long)(after->pkts - before->pkts),
                 (unsigned long long)(after->bytes - before->bytes));
}

/* XDP knows packets of one segment, and a test run of it the loopback interface. */
static int can_run(const struct tracker *tracker, const struct __sk_buff *ctx)
{
    return !tracker->xdp || !ctx;
}

/* Run one frame; nothing may move but its slot's seen and its reason (COUNT: none). */
static void check_frame(const struct tracker *tracker, const char *name, const char *line,
                        struct __sk_buff *ctx, enum unaccounted_reason expect)
{
    static uint8_t frame[PACKET_BUILDER_ROOM], original[PACKET_BUILDER_ROOM];
    size_t len = packet_build(frame, sizeof(frame), "%s", line);
    struct books before = books_read(tracker), after;
    uint64_t pkts = ctx && ctx->gso_segs ? ctx->gso_segs : 1;
    int slot = expect == UNACCOUNTED_NO_INTERFACE;

    memcpy(original, frame, len);
    assert_int_equal(tracker_run(tracker->ingress_fd, frame, len, ctx), TC_NEXT);
    assert_memory_equal(frame, original, len);
    after = books_read(tracker);
    assert_risen(name, "seen", &before.seen[slot], &after.seen[slot], 1, pkts, len);
    assert_risen(name, "seen elsewhere", &before.seen[!slot], &after.seen[!slot], 0, 0, 0);
    for (uint32_t i = 0; i < UNACCOUNTED_COUNT; i++)
        assert_risen(name, reason_names[i], &before.unaccounted[i], &after.unaccounted[i],
                     i == expect, i == expect ? pkts : 0, i == expect ? len : 0);
    if (expect != UNACCOUNTED_COUNT)
        assert_int_equal(after.flows, before.flows);
}

static void each_reason_is_counted_once(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct __sk_buff gso = {.gso_segs = 3, .gso_size = 10};

        check_frame(*state, rows[i].name, rows[i].frame, NULL, rows[i].reason);
        if (can_run(*state, &gso))
            check_frame(*state, rows[i].name, rows[i].frame, &gso, rows[i].reason);
    }
    assert_int_equal(tracker_count_flows(*state), 0);
}

static void full_table_counts_by_protocol(void **state)
{
    static const struct row refused[] = {
        {"tcp", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 9 > 9 SYN", UNACCOUNTED_TABLE_FULL_TCP},
        {"udp", "eth / ip 10.0.0.1 > 10.0.0.2 / udp 9 > 9 / data 5", UNACCOUNTED_TABLE_FULL_UDP},
        {"icmp", "eth / ip 10.0.0.1 > 10.0.0.2 / icmp 8 id=9", UNACCOUNTED_TABLE_FULL_ICMP},
        {"icmp6", "eth / ip6 fd00::1 > fd00::2 / icmp6 128 id=9", UNACCOUNTED_TABLE_FULL_ICMP},
        {"sctp", "eth / ip 10.0.0.1 > 10.0.0.2 / sctp 9 > 9", UNACCOUNTED_TABLE_FULL_SCTP},
    };
    struct tracker *tracker = *state;
    struct __sk_buff gso = {.gso_segs = 4, .gso_size = 10};

    for (int port = 1; port <= TABLE_SESSIONS; port++) {
        char line[128];

        snprintf(line, sizeof(line), "eth / ip 10.0.0.1 > 10.0.0.2 / udp %d > 1 / data 9", port);
        check_frame(tracker, "fills the table", line, NULL, UNACCOUNTED_COUNT);
    }
    assert_int_equal(tracker_count_flows(tracker), TABLE_SESSIONS);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        check_frame(tracker, refused[i].name, refused[i].frame, NULL, refused[i].reason);
        if (can_run(tracker, &gso))
            check_frame(tracker, refused[i].name, refused[i].frame, &gso, refused[i].reason);
    }
    check_frame(tracker, "a session of the full table is counted on",
                "eth / ip 10.0.0.2 > 10.0.0.1 / udp 1 > 2 / data 9", NULL, UNACCOUNTED_COUNT);
    tracker_clear_flows(tracker);
    check_frame(tracker, "room again", refused[0].frame, NULL, UNACCOUNTED_COUNT);
    tracker_clear_flows(tracker);
}

/* Registered or not, with a small number or one beyond the array. */
static void interfaces_are_told_apart(void **state)
{
    static const char *const line = "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 SYN seq=7";
    struct tracker *tracker = *state;
    const struct iface_conf other = {.slot = TRACKER_SLOT}, none = {0};
    const struct iface_conf scoped = {.slot = TRACKER_SLOT, .scope = 3};
    uint32_t near = if_nametoindex("kt0"), far = if_nametoindex("kt1");
    struct __sk_buff near_ctx = {.ifindex = near}, far_ctx = {.ifindex = far};
    int near_fd = bpf_map__fd(tracker->skel->maps.near_ifaces);
    int far_fd = bpf_map__fd(tracker->skel->maps.ifaces);
    struct flow_key key;
    struct flow flow;

    check_frame(tracker, "unknown", line, &near_ctx, UNACCOUNTED_NO_INTERFACE);
    check_frame(tracker, "unknown, far", line, &far_ctx, UNACCOUNTED_NO_INTERFACE);
    assert_int_equal(bpf_map_update_elem(near_fd, &near, &other, BPF_ANY), 0);
    assert_int_equal(bpf_map_update_elem(far_fd, &far, &other, BPF_ANY), 0);
    check_frame(tracker, "first hop", line, NULL, UNACCOUNTED_COUNT);
    check_frame(tracker, "second hop", line, &near_ctx, UNACCOUNTED_OTHER_HOP);
    check_frame(tracker, "third hop", line, &far_ctx, UNACCOUNTED_OTHER_HOP);
    check_frame(tracker, "second hop again", line, &near_ctx, UNACCOUNTED_OTHER_HOP);
    tracker_only_flow(tracker, &key, &flow);
    assert_int_equal(flow.pkts[0] + flow.pkts[1], 1);
    assert_int_equal(flow.path[0], near);
    assert_int_equal(flow.path[1], far);
    assert_int_equal(flow.path[2], 0);

    assert_int_equal(bpf_map_update_elem(far_fd, &far, &scoped, BPF_ANY), 0);
    check_frame(tracker, "the same addresses in another scope", line, &far_ctx, UNACCOUNTED_COUNT);
    assert_int_equal(tracker_count_flows(tracker), 2);
    key.scope = 3;
    assert_int_equal(tracker_get_flow(tracker, &key, &flow), 0);
    assert_int_equal(flow.ifindex, far);

    assert_int_equal(bpf_map_update_elem(near_fd, &near, &none, BPF_ANY), 0);
    assert_int_equal(bpf_map_delete_elem(far_fd, &far), 0);
    check_frame(tracker, "removed", line, &near_ctx, UNACCOUNTED_NO_INTERFACE);
    check_frame(tracker, "removed, far", line, &far_ctx, UNACCOUNTED_NO_INTERFACE);
    tracker_clear_flows(tracker);
}

static void layer3_interface_has_no_link_header(void **state)
{
    struct tracker *tracker = *state;
    const struct iface_conf l3_only = {.slot = TRACKER_SLOT, .l3_only = 1};
    const struct iface_conf ethernet = {.slot = TRACKER_SLOT};
    int fd = bpf_map__fd(tracker->skel->maps.near_ifaces);
    uint32_t ifindex = TRACKER_IFINDEX;

    assert_int_equal(bpf_map_update_elem(fd, &ifindex, &l3_only, BPF_ANY), 0);
    check_frame(tracker, "an Ethernet header where IP should be",
                "eth / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 2", NULL, UNACCOUNTED_MALFORMED);
    assert_int_equal(bpf_map_update_elem(fd, &ifindex, &ethernet, BPF_ANY), 0);
}

static int setup_tc(void **state)
{
    enter_own_namespace();
    run("ip link add kt0 index 500 type veth peer name kt1 index 70000");
    return tracker_setup(state, &(struct tracker_options){.max_flows = TABLE_SESSIONS});
}

static int setup_xdp(void **state)
{
    return tracker_setup(state,
                         &(struct tracker_options){.max_flows = TABLE_SESSIONS, .xdp = true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_is_counted_once),
        cmocka_unit_test(full_table_counts_by_protocol),
        cmocka_unit_test(interfaces_are_told_apart),
        cmocka_unit_test(layer3_interface_has_no_link_header),
    };

    const struct CMUnitTest tests_xdp[] = {
        cmocka_unit_test(each_reason_is_counted_once),
        cmocka_unit_test(full_table_counts_by_protocol),
    };

    return cmocka_run_group_tests_name("unaccounted, TC", tests, setup_tc, tracker_teardown) +
           cmocka_run_group_tests_name("unaccounted, XDP", tests_xdp, setup_xdp, tracker_teardown);
}
