/* SPDX-License-Identifier: Apache-2.0 */
/* A VLAN tag that the card took out of the frame: the outermost tag of the session, and in its samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/flow_text.h"
#include "kernel/ring_log.h"
#include "push_vlan.skel.h"
#include "unit/packet_builder.h"

#define OFFLOADED_TCI 0x6005 /* priority 3, VLAN 5 */

struct row {
    const char *name;
    const char *frame;
    const char *expect;
};

static const struct row rows[] = {
    {"the only tag", "eth / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 2 / data 4",
     "4 udp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=4/0 l3=20/0 l4=8/0 vlan=24581/0"},
    {"one more in the frame", "eth / vlan 6 / ip6 fd00::1 > fd00::2 / udp 1 > 2 / data 4",
     "6 udp fd00::1:1 > fd00::2:2 pkts=1/0 payload=4/0 l3=40/0 l4=8/0 vlan=24581/6"},
};

static void offloaded_tag_is_outermost(void **state)
{
    const struct tracker_options options = {.depth_bytes = DEPTH_ALL};
    struct push_vlan_bpf *push = push_vlan_bpf__open_and_load();
    struct tracker tracker;
    struct ring_log log;
    uint32_t slot = 0;

    (void)state;
    assert_non_null(push);
    tracker_open(&tracker, &options);
    ring_log_open(&log, &tracker);
    push->bss->vlan_tci = OFFLOADED_TCI;
    assert_int_equal(
        bpf_map_update_elem(bpf_map__fd(push->maps.target), &slot, &tracker.ingress_fd, BPF_ANY),
        0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static uint8_t frame[PACKET_BUILDER_ROOM];
        size_t len = packet_build(frame, sizeof(frame), "%s", rows[i].frame);
        char text[FLOW_TEXT_ROOM];
        struct flow_key key;
        struct flow flow;

        assert_int_equal(tracker_run(bpf_program__fd(push->progs.push_vlan), frame, len, NULL),
                         TC_NEXT);
        tracker_only_flow(&tracker, &key, &flow);
        flow_text(&key, &flow, text);
        if (strcmp(text, rows[i].expect))
            fail_msg("%s\nis      %s\nmust be %s", rows[i].name, text, rows[i].expect);
        ring_log_take(&log);
        assert_int_equal(log.sample_count, 1);
        assert_int_equal(log.samples[0].record.vlan_tci, OFFLOADED_TCI);
        assert_int_equal(log.samples[0].record.skb_len, len);
        tracker_clear_flows(&tracker);
    }
    ring_log_close(&log);
    tracker_close(&tracker);
    push_vlan_bpf__destroy(push);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offloaded_tag_is_outermost),
    };

    if (geteuid() != 0) {
        puts("SKIP: loading BPF programs needs root");
        return 77;
    }
    return cmocka_run_group_tests_name("offloaded_vlan", tests, NULL, NULL);
}
