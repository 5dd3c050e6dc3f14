/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two CPUs hammer one session, the same direction and both: packets and payload are exact.
 * alone: both CPUs are to be free.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/tracker.h"
#include "unit/packet_builder.h"

#define REPEAT  1000000
#define PAYLOAD 50
#define CPUS    2

struct hammer {
    const struct tracker *tracker;
    const char *frame;
    int cpu;
    pthread_barrier_t *start;
};

static void *hammer_run(void *arg)
{
    const struct hammer *hammer = arg;
    uint8_t *frame = malloc(PACKET_BUILDER_ROOM);
    cpu_set_t cpus;
    size_t len;

    assert_non_null(frame);
    len = packet_build(frame, PACKET_BUILDER_ROOM, "%s", hammer->frame);
    CPU_ZERO(&cpus);
    CPU_SET((unsigned)hammer->cpu, &cpus);
    assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus), 0);
    pthread_barrier_wait(hammer->start);
    tracker_repeat(hammer->tracker->ingress_fd, frame, len, REPEAT);
    free(frame);
    return NULL;
}

/* Both threads at once; returns when both are done. */
static void hammer_both(const struct tracker *tracker, const char *frame0, const char *frame1)
{
    const char *frames[CPUS] = {frame0, frame1};
    struct hammer hammers[CPUS];
    pthread_t threads[CPUS];
    pthread_barrier_t start;

    pthread_barrier_init(&start, NULL, CPUS);
    for (int i = 0; i < CPUS; i++) {
        hammers[i] = (struct hammer){tracker, frames[i], i, &start};
        assert_int_equal(pthread_create(&threads[i], NULL, hammer_run, &hammers[i]), 0);
    }
    for (int i = 0; i < CPUS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
}

struct row {
    const char *name;
    const char *frame[CPUS];
    uint64_t pkts[2];
};

static const struct row rows[] = {
    {"TCP, one direction",
     {"eth / ip 10.0.0.1 > 10.0.0.2 / tcp 5 > 6 ACK seq=1 ack=1 / data 50",
      "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 5 > 6 ACK seq=1 ack=1 / data 50"},
     {2 * REPEAT, 0}},
    {"TCP, a CPU a direction",
     {"eth / ip 10.0.0.1 > 10.0.0.2 / tcp 5 > 6 ACK seq=1 ack=1 / data 50",
      "eth / ip 10.0.0.2 > 10.0.0.1 / tcp 6 > 5 ACK seq=1 ack=51 / data 50"},
     {REPEAT, REPEAT}},
    {"UDP, one direction",
     {"eth / ip6 fd00::1 > fd00::2 / udp 5 > 6 / data 50",
      "eth / ip6 fd00::1 > fd00::2 / udp 5 > 6 / data 50"},
     {2 * REPEAT, 0}},
    {"IP options, which are counted apart",
     {"eth / ip 10.0.0.1 > 10.0.0.2 opts=8 tos=3 / udp 5 > 6 / data 50",
      "eth / ip 10.0.0.1 > 10.0.0.2 opts=8 tos=3 / udp 5 > 6 / data 50"},
     {2 * REPEAT, 0}},
};

static void counts_are_exact(void **state)
{
    const struct tracker *tracker = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct traffic before = tracker_seen(tracker, TRACKER_SLOT, HOOK_INGRESS), after;
        struct flow_key key;
        struct flow flow;

        hammer_both(tracker, rows[i].frame[0], rows[i].frame[1]);
        tracker_only_flow(tracker, &key, &flow);
        for (int from = 0; from < 2; from++) {
            assert_int_equal(flow.pkts[from], rows[i].pkts[from]);
            assert_int_equal(flow.dir[from].payload_bytes, rows[i].pkts[from] * PAYLOAD);
        }
        after = tracker_seen(tracker, TRACKER_SLOT, HOOK_INGRESS);
        assert_int_equal(after.skbs - before.skbs, 2 * REPEAT);
        assert_int_equal(after.pkts - before.pkts, 2 * REPEAT);
        tracker_clear_flows(tracker);
    }
}

static void headers_apart_are_exact(void **state)
{
    const struct tracker *tracker = *state;
    const char *frame = rows[3].frame[0];
    struct flow_key key;
    struct flow flow;

    hammer_both(tracker, frame, frame);
    tracker_only_flow(tracker, &key, &flow);
    assert_int_equal(flow.quality[0].l3_hdr_extra, 2 * REPEAT * 8);
    assert_int_equal(flow.quality[0].ce_pkts, 2 * REPEAT);
    tracker_clear_flows(tracker);
}

static int setup(void **state)
{
    if (sysconf(_SC_NPROCESSORS_ONLN) < CPUS) {
        puts("SKIP: needs two CPUs");
        exit(77);
    }
    return tracker_setup(state, &(struct tracker_options){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_exact),
        cmocka_unit_test(headers_apart_are_exact),
    };

    return cmocka_run_group_tests_name("two_cpus", tests, setup, tracker_teardown);
}
