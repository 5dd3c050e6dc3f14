/* SPDX-License-Identifier: Apache-2.0 */
/* When an entry may be taken out of the flow table, and what becomes of packets that come meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "flow.h"
#include "kernel/ring_log.h"
#include "kernel/taker.h"
#include "sesstap.skel.h"
#include "unit/packet_builder.h"
#include "unit/script.h"

#define OPEN   "c SYN;s SYN|ACK;c ACK"
#define CLOSED OPEN ";c FIN|ACK;s FIN|ACK;c ACK"
#define STEPS  3

struct fixture {
    struct tracker tracker;
    struct ring_log log;
    struct take *room;
};

/* Plays what is left of a script; returns how many packets. */
static uint32_t play(const struct tracker *tracker, struct script *script)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];
    struct segment segment;
    uint32_t pkts = 0;

    while (script_next(script, &segment)) {
        size_t len = packet_build(frame, sizeof(frame), "%s", segment.frame);

        assert_int_equal(
            tracker_run(segment.from ? tracker->egress_fd : tracker->ingress_fd, frame, len, NULL),
            TC_NEXT);
        pkts++;
    }
    return pkts;
}

static uint64_t pkts_of(const struct flow *flow)
{
    return flow->pkts[0] + flow->pkts[1];
}

/* Some packets, then the first session's entry is to be taken. */
struct step {
    const char *script;
    int result;
};

struct row {
    const char *name;
    struct step steps[STEPS];
    uint32_t next_pkts; /* of a session that has the entry at the end; 0: there is none */
};

static const struct row rows[] = {
    {"closed", {{CLOSED, 0}}, 0},
    {"reset", {{"c SYN;s RST|ACK", 0}}, 0},
    {"open: marked first", {{OPEN, -EAGAIN}, {"", 0}}, 0},
    {"open, and a packet after the mark",
     {{OPEN, -EAGAIN}, {"c PSH|ACK \"x\"", -EAGAIN}, {"", 0}},
     0},
    {"open, and it ends after the mark", {{OPEN, -EAGAIN}, {"c RST", -EAGAIN}, {"", 0}}, 0},
    {"closed, and a late packet", {{CLOSED ";s FIN|ACK", -EAGAIN}, {"", 0}}, 0},
    {"closed, and a SYN", {{CLOSED, 0}, {"c SYN seq=@500000", -ESTALE}}, 1},
    {"closed, and a SYN after the mark",
     {{CLOSED ";s FIN|ACK", -EAGAIN}, {"c SYN seq=@500000;s SYN|ACK", -ESTALE}},
     2},
    {"closed, and any packet after the mark",
     {{CLOSED ";s FIN|ACK", -EAGAIN}, {"s FIN|ACK", -ESTALE}},
     1},
};

static uint64_t reused_pkts(struct ring_log *log)
{
    uint64_t pkts = 0;

    ring_log_take(log);
    for (size_t i = 0; i < log->event_count; i++) {
        if (log->events[i].event.type == RECORD_REUSED)
            pkts += pkts_of(&log->events[i].flow);
    }
    return pkts;
}

static void run_row(struct fixture *f, const struct row *row)
{
    struct flow_key key;
    struct flow first, taken = {0}, next = {0};
    struct script script;
    uint32_t pkts = 0;

    script_init(&script, "", 1000, 9000);
    for (int i = 0; i < STEPS && row->steps[i].script; i++) {
        int result;

        script.at = row->steps[i].script;
        pkts += play(&f->tracker, &script);
        if (i == 0)
            tracker_only_flow(&f->tracker, &key, &first);
        result = take_one(&f->tracker, f->room, &key, first.id, &taken);
        if (result != row->steps[i].result)
            fail_msg("%s: step %d: %d, not %d", row->name, i, result, row->steps[i].result);
    }
    tracker_get_flow(&f->tracker, &key, &next);
    if (pkts_of(&next) != row->next_pkts)
        fail_msg("%s: %u packets of the next session, not %u", row->name, (unsigned)pkts_of(&next),
                 row->next_pkts);
    assert_int_equal(pkts_of(&taken) + reused_pkts(&f->log) + pkts_of(&next), pkts);
    assert_int_equal(taken.bits & (FLOW_RESTARTING | FLOW_LEAVING | FLOW_STIRRED), 0);
    tracker_clear_flows(&f->tracker);
}

static void taken_when_nothing_comes(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        run_row(*state, &rows[i]);
}

/* At the end there are no programs to wait for. */
static void taken_at_once_when_alone(void **state)
{
    struct fixture *f = *state;
    struct flow_key key;
    struct script script;
    struct flow flow;

    script_init(&script, OPEN, 1000, 9000);
    play(&f->tracker, &script);
    tracker_only_flow(&f->tracker, &key, &flow);
    f->room->alone = true;
    assert_int_equal(take_one(&f->tracker, f->room, &key, flow.id, &flow), 0);
    f->room->alone = false;
    assert_int_equal(pkts_of(&flow), 3);
    assert_int_equal(tracker_count_flows(&f->tracker), 0);
}

/* As if it came between what sesstap_take does last: the entry is claimed, and not removed yet. */
static void packet_keeps_off_what_is_claimed(void **state)
{
    static const char *const packets[] = {"c SYN seq=@500000", "s FIN|ACK", "c PSH|ACK \"x\""};
    struct fixture *f = *state;
    int fd = bpf_map__fd(f->tracker.skel->maps.flows);

    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        struct traffic before = tracker_unaccounted(&f->tracker, UNACCOUNTED_ENTRY_TAKEN);
        struct flow claimed, after;
        struct flow_key key;
        struct script script;

        script_init(&script, CLOSED, 1000, 9000);
        play(&f->tracker, &script);
        tracker_only_flow(&f->tracker, &key, &claimed);
        claimed.bits |= FLOW_RESTARTING;
        assert_int_equal(bpf_map_update_elem(fd, &key, &claimed, BPF_EXIST), 0);
        script.at = packets[i];
        assert_int_equal(play(&f->tracker, &script), 1);
        tracker_only_flow(&f->tracker, &key, &after);
        assert_int_equal(pkts_of(&after), pkts_of(&claimed));
        assert_int_equal(tracker_unaccounted(&f->tracker, UNACCOUNTED_ENTRY_TAKEN).pkts,
                         before.pkts + 1);
        tracker_clear_flows(&f->tracker);
    }
}

static void ask(struct take *take, const struct flow_key *key, uint64_t flow_id)
{
    take->key = *key;
    take->flow_id = flow_id;
    take->last = false;
    take->result = -EIO;
}

/* Each request has its own answer, and none is read beyond the last one. */
static void many_are_taken_in_one_run(void **state)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts);
    struct fixture *f = *state;
    struct flow_key key;
    struct script script;
    struct flow flow;

    script_init(&script, CLOSED, 1000, 9000);
    play(&f->tracker, &script);
    tracker_only_flow(&f->tracker, &key, &flow);
    for (size_t i = 0; i < TAKE_BATCH; i++)
        ask(&f->room[i], &key, flow.id + (i == 0));
    f->room[TAKE_BATCH - 2].last = true;
    assert_int_equal(
        bpf_prog_test_run_opts(bpf_program__fd(f->tracker.skel->progs.sesstap_take), &opts), 0);
    assert_int_equal(f->room[0].result, -ESTALE);
    assert_int_equal(f->room[1].result, 0);
    assert_int_equal(pkts_of(&f->room[1].record.flow), pkts_of(&flow));
    for (size_t i = 2; i < TAKE_BATCH - 1; i++)
        assert_int_equal(f->room[i].result, -ENOENT);
    assert_int_equal(f->room[TAKE_BATCH - 1].result, -EIO);
}

static int setup(void **state)
{
    static struct fixture f;
    const struct tracker_options options = {0};

    tracker_open(&f.tracker, &options);
    ring_log_open(&f.log, &f.tracker);
    f.room = take_open(&f.tracker);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    take_close(f->room);
    ring_log_close(&f->log);
    tracker_close(&f->tracker);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken_when_nothing_comes),
        cmocka_unit_test(taken_at_once_when_alone),
        cmocka_unit_test(packet_keeps_off_what_is_claimed),
        cmocka_unit_test(many_are_taken_in_one_run),
    };

    return cmocka_run_group_tests_name("take", tests, setup, teardown);
}
