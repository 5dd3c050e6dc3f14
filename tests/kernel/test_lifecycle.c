/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel programs announce of sessions, and what becomes of it when the ring is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <string.h>

#include "flow.h"
#include "kernel/ring_log.h"
#include "sesstap.skel.h"
#include "unit/packet_builder.h"
#include "unit/script.h"

#define OPEN_SCRIPT  "c SYN;s SYN|ACK;c ACK"
#define CLOSE_SCRIPT ";c FIN|ACK;s FIN|ACK;c ACK"
#define CLIENT_ISN   1000
#define SERVER_ISN   9000
#define SMALL_RING   4096

struct fixture {
    struct tracker tracker;
    struct ring_log log;
};

/* Sequence numbers from the two on: a new session on the same ports needs others. */
static void play(const struct tracker *tracker, const char *text, uint32_t client_isn,
                 uint16_t client_port)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];
    struct script script;
    struct segment segment;

    script_init(&script, text, client_isn, SERVER_ISN);
    script.side[0].port = client_port;
    while (script_next(&script, &segment)) {
        size_t len = packet_build(frame, sizeof(frame), "%s", segment.frame);
        int from_client = segment.from == 0;

        assert_int_equal(
            tracker_run(from_client ? tracker->ingress_fd : tracker->egress_fd, frame, len, NULL),
            TC_NEXT);
    }
}

/* The types of what was announced, a letter each. */
static void event_letters(const struct ring_log *log, char *letters, size_t room)
{
    static const char names[] = {
        [RECORD_OPENED] = 'O',
        [RECORD_ESTABLISHED] = 'E',
        [RECORD_CLOSED] = 'C',
        [RECORD_REUSED] = 'R',
    };
    size_t i;

    for (i = 0; i < log->event_count && i + 1 < room; i++)
        letters[i] = names[log->events[i].event.type];
    letters[i] = 0;
}

static void sessions_are_announced(void **state)
{
    static const struct {
        const char *name;
        const char *script;
        const char *expect;
    } rows[] = {
        {"SYN only", "c SYN;c SYN", "O"},
        {"opened", OPEN_SCRIPT, "OE"},
        {"data on the way", OPEN_SCRIPT ";c PSH|ACK \"x\";s ACK;s PSH|ACK \"y\";c ACK", "OE"},
        {"closed by both", OPEN_SCRIPT CLOSE_SCRIPT, "OEC"},
        {"closed once, whatever comes later", OPEN_SCRIPT CLOSE_SCRIPT ";s FIN|ACK;c ACK;s ACK",
         "OEC"},
        {"refused", "c SYN;s RST|ACK", "OC"},
        {"reset", OPEN_SCRIPT ";c PSH|ACK \"x\";s RST|ACK", "OEC"},
        {"reset out of window", OPEN_SCRIPT ";s RST|ACK seq=+1000000", "OE"},
        {"seen late: its opening was not", "c PSH|ACK \"x\";s ACK", "O"},
        {"ports used again", OPEN_SCRIPT CLOSE_SCRIPT ";c SYN seq=@500000", "OECRO"},
        {"reset and used again", "c SYN;s RST|ACK;c SYN seq=@77;s RST|ACK ack=@78", "OCROC"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char letters[32];

        play(&f->tracker, rows[i].script, CLIENT_ISN, 40000);
        ring_log_take(&f->log);
        event_letters(&f->log, letters, sizeof(letters));
        if (strcmp(letters, rows[i].expect))
            fail_msg("%s: %s, not %s", rows[i].name, letters, rows[i].expect);
        tracker_clear_flows(&f->tracker);
    }
    assert_int_equal(tracker_event(&f->tracker, EVENT_LIFECYCLE_RING_FULL), 0);
    assert_int_equal(tracker_event(&f->tracker, EVENT_SPILLED), 0);
}

static void announcement_names_its_session(void **state)
{
    struct fixture *f = *state;
    struct flow_key key;
    struct flow flow;

    play(&f->tracker, OPEN_SCRIPT CLOSE_SCRIPT, CLIENT_ISN, 40000);
    ring_log_take(&f->log);
    tracker_only_flow(&f->tracker, &key, &flow);
    assert_int_equal(f->log.event_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct record_event *event = &f->log.events[i].event;

        assert_int_equal(event->flow_id, flow.id);
        assert_int_equal(event->ifindex, TRACKER_IFINDEX);
        assert_memory_equal(&event->key, &key, sizeof(key));
    }
    assert_int_equal(f->log.events[0].event.time_ns, flow.first_ns);
    assert_int_equal(f->log.events[0].event.time_ns, flow.syn_ns);
    assert_int_equal(f->log.events[1].event.time_ns, flow.established_ns);
    assert_int_equal(f->log.events[2].event.time_ns, flow.close_ns);
    assert_true(flow.syn_ns < flow.synack_ns && flow.synack_ns < flow.established_ns &&
                flow.established_ns < flow.close_ns);
    tracker_clear_flows(&f->tracker);
}

static void old_session_is_handed_over_whole(void **state)
{
    struct fixture *f = *state;
    struct flow_key key;
    struct flow before, after;
    const struct record_flow *reused;
    uint64_t count = tracker_event(&f->tracker, EVENT_REUSED);

    play(&f->tracker, OPEN_SCRIPT ";c PSH|ACK \"hello\";s PSH|ACK data=1000" CLOSE_SCRIPT,
         CLIENT_ISN, 40000);
    tracker_only_flow(&f->tracker, &key, &before);
    play(&f->tracker, "c SYN", 700000, 40000);
    tracker_only_flow(&f->tracker, &key, &after);
    ring_log_take(&f->log);
    assert_int_equal(f->log.event_count, 5);
    reused = &f->log.events[3];
    assert_int_equal(reused->event.type, RECORD_REUSED);
    assert_int_equal(reused->event.flow_id, before.id);
    assert_memory_equal(&reused->event.key, &key, sizeof(key));
    assert_memory_equal(&reused->flow, &before, sizeof(before));
    assert_int_equal(f->log.events[4].event.type, RECORD_OPENED);
    assert_int_equal(f->log.events[4].event.flow_id, after.id);

    assert_int_not_equal(after.id, before.id);
    assert_int_equal(after.pkts[0] + after.pkts[1], 1);
    assert_int_equal(after.dir[0].payload_bytes + after.dir[1].payload_bytes, 0);
    assert_int_equal(after.bits & (FLOW_CLOSED | FLOW_ESTABLISHED | FLOW_RESTARTING), 0);
    assert_int_equal(after.quality[0].syn_count + after.quality[1].syn_count, 1);
    assert_true(after.first_ns > before.close_ns);
    assert_int_equal(tracker_event(&f->tracker, EVENT_REUSED) - count, 1);
    tracker_clear_flows(&f->tracker);
}

static uint32_t spilled(const struct tracker *tracker, const struct record_flow *expect)
{
    int fd = bpf_map__fd(tracker->skel->maps.spill);
    uint64_t id, *at = NULL;
    uint32_t count = 0;

    for (; !bpf_map_get_next_key(fd, at, &id); at = &id) {
        struct record_flow record;

        assert_int_equal(bpf_map_lookup_elem(fd, &id, &record), 0);
        assert_int_equal(id, record.event.flow_id);
        assert_int_equal(record.event.type, RECORD_REUSED);
        assert_memory_equal(&record.event.key, &expect->event.key, sizeof(record.event.key));
        assert_memory_equal(&record.flow, &expect->flow, sizeof(record.flow));
        count++;
    }
    return count;
}

/* A ring of a page: filled up, then a session is closed and its entry used again, twice. */
static void full_ring_loses_no_session(void **state)
{
    const struct tracker_options options = {
        .max_flows = 256, .lifecycle_ring_bytes = SMALL_RING, .spill_entries = 1};
    const size_t room = SMALL_RING / (sizeof(struct record_event) + 8);
    struct tracker tracker;
    struct record_flow old = {0};
    uint64_t lost;

    (void)state;
    tracker_open(&tracker, &options);
    for (uint16_t port = 1; port <= 200; port++)
        play(&tracker, "c SYN", CLIENT_ISN, port);
    assert_int_equal(tracker_count_flows(&tracker), 200);
    lost = tracker_event(&tracker, EVENT_LIFECYCLE_RING_FULL);
    assert_int_equal(lost, 200 - room);
    tracker_clear_flows(&tracker);

    play(&tracker, OPEN_SCRIPT CLOSE_SCRIPT, CLIENT_ISN, 40000);
    assert_int_equal(tracker_event(&tracker, EVENT_LIFECYCLE_RING_FULL), lost + 3);
    tracker_only_flow(&tracker, &old.event.key, &old.flow);
    play(&tracker, "c SYN;s RST|ACK", 700000, 40000);
    assert_int_equal(tracker_event(&tracker, EVENT_REUSED), 1);
    assert_int_equal(tracker_event(&tracker, EVENT_SPILLED), 1);
    assert_int_equal(tracker_event(&tracker, EVENT_SPILL_FAILED), 0);
    assert_int_equal(spilled(&tracker, &old), 1);

    play(&tracker, "c SYN", 900000, 40000);
    assert_int_equal(tracker_event(&tracker, EVENT_REUSED), 2);
    assert_int_equal(tracker_event(&tracker, EVENT_SPILLED), 1);
    assert_int_equal(tracker_event(&tracker, EVENT_SPILL_FAILED), 1);
    assert_int_equal(spilled(&tracker, &old), 1);
    tracker_close(&tracker);
}

static int setup(void **state)
{
    static struct fixture fixture;
    const struct tracker_options options = {0};

    tracker_open(&fixture.tracker, &options);
    ring_log_open(&fixture.log, &fixture.tracker);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    ring_log_close(&f->log);
    tracker_close(&f->tracker);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_are_announced),
        cmocka_unit_test(announcement_names_its_session),
        cmocka_unit_test(old_session_is_handed_over_whole),
        cmocka_unit_test(full_ring_loses_no_session),
    };

    return cmocka_run_group_tests_name("lifecycle", tests, setup, teardown);
}
