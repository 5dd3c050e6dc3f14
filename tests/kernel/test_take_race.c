/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One CPU uses the same ports for one session after the other, another takes out their entries just when their ports
 * are used again: each packet is of some session all the same, or given up by name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "kernel/taker.h"
#include "net_order.h"
#include "packet.h"
#include "sesstap.skel.h"
#include "source/live/grace.h"
#include "unit/packet_builder.h"

/* So many that a grace period is over before the player is at the same one again. */
#define PORTS      4096
#define FIRST_PORT 20000
#define TAKES      200
#define PLAY_NS    3000000000ull /* at most */
#define DELAYS     64
#define DELAY_NS   100
#define SEQ_STEP   1000000
#define TCP_AT     34 /* in a frame: Ethernet, IPv4 */

struct race {
    struct tracker tracker;
    struct take *room;
    struct grace *grace;
    struct flow_key keys[PORTS];
    _Atomic uint64_t period[PORTS]; /* asked for after its last session ended */
    _Atomic uint64_t
        ended_ns[PORTS]; /* the period is for sessions that ended before; 0: none has */
    _Atomic uint32_t at; /* what the player plays */
    atomic_bool done;
    uint64_t played;
    uint64_t taken_pkts;
    uint64_t reused_pkts;
    _Atomic uint64_t takes;
    uint64_t refused;
};

static void pin_to_cpu(unsigned cpu)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus), 0);
}

static struct flow_key key_of(const uint8_t *frame, size_t len)
{
    struct packet_cursor cur = {frame, frame, frame + len};
    struct packet pkt = {0};

    assert_int_equal(packet_parse_eth(&pkt, &cur, (uint32_t)len), 0);
    return pkt.key;
}

/* A SYN and the RST that answers it, from port to port. */
static void *player_run(void *arg)
{
    static uint8_t syn[PACKET_BUILDER_ROOM], rst[PACKET_BUILDER_ROOM];
    struct race *race = arg;
    size_t syn_len =
        packet_build(syn, sizeof(syn), "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 SYN seq=1");
    size_t rst_len = packet_build(rst, sizeof(rst),
                                  "eth / ip 10.0.0.2 > 10.0.0.1 / tcp 80 > 1 RST|ACK seq=0 ack=2");
    uint64_t until = clock_mono_ns() + PLAY_NS;

    pin_to_cpu(0);
    for (uint32_t seq = 1; race->takes < TAKES && clock_mono_ns() < until; seq += SEQ_STEP) {
        for (uint32_t i = 0; i < PORTS; i++) {
            race->at = i;
            put16(syn + TCP_AT, (uint16_t)(FIRST_PORT + i));
            put32(syn + TCP_AT + 4, seq);
            put16(rst + TCP_AT + 2, (uint16_t)(FIRST_PORT + i));
            put32(rst + TCP_AT + 8, seq + 1);
            tracker_repeat(race->tracker.ingress_fd, syn, syn_len, 1);
            tracker_repeat(race->tracker.egress_fd, rst, rst_len, 1);
            race->period[i] = grace_ask(race->grace);
            race->ended_ns[i] = clock_mono_ns();
            race->played += 2;
        }
    }
    race->done = true;
    return NULL;
}

static int on_record(void *ctx, void *data, size_t size)
{
    struct race *race = ctx;
    const struct record_flow *record = data;

    if (size >= sizeof(*record) && record->event.type == RECORD_REUSED)
        race->reused_pkts += record->flow.pkts[0] + record->flow.pkts[1];
    return 0;
}

/* Whether the session that the player comes to next can be taken by the time it does. */
static bool choose_next(struct race *race, uint32_t i, struct flow *flow)
{
    uint64_t ended_ns = race->ended_ns[i];

    return ended_ns && grace_over(race->grace, race->period[i]) &&
           !tracker_get_flow(&race->tracker, &race->keys[i], flow) && flow->close_ns &&
           flow->close_ns <= ended_ns;
}

/* When the player is there, sooner or later: each turn has the collision somewhere else. */
static void take_next(struct race *race, uint32_t turn)
{
    uint32_t i = (race->at + 1) % PORTS;
    struct flow flow;
    uint64_t until;

    if (!choose_next(race, i, &flow))
        return;
    while (race->at != i && race->at + 1 == i && !race->done)
        ;
    until = clock_mono_ns() + turn % DELAYS * DELAY_NS;
    while (clock_mono_ns() < until)
        ;
    if (take_one(&race->tracker, race->room, &race->keys[i], flow.id, &flow)) {
        race->refused++;
        return;
    }
    race->takes++;
    race->taken_pkts += flow.pkts[0] + flow.pkts[1];
}

static void *taker_run(void *arg)
{
    struct race *race = arg;
    struct ring_buffer *ring = ring_buffer__new(
        bpf_map__fd(race->tracker.skel->maps.lifecycle_ring), on_record, race, NULL);

    assert_non_null(ring);
    pin_to_cpu(1);
    for (uint32_t turn = 0; !race->done; turn++) {
        take_next(race, turn);
        if (!(turn % 256))
            ring_buffer__consume(ring);
    }
    ring_buffer__consume(ring);
    ring_buffer__free(ring);
    return NULL;
}

static uint64_t spilled_pkts(const struct race *race)
{
    int fd = bpf_map__fd(race->tracker.skel->maps.spill);
    struct record_flow record;
    uint64_t pkts = 0, id, *at = NULL;

    for (; !bpf_map_get_next_key(fd, at, &id); at = &id) {
        if (!bpf_map_lookup_elem(fd, &id, &record))
            pkts += record.flow.pkts[0] + record.flow.pkts[1];
    }
    return pkts;
}

static uint64_t left_pkts(const struct race *race)
{
    struct flow flow;
    uint64_t pkts = 0;

    for (uint32_t i = 0; i < PORTS; i++) {
        if (!tracker_get_flow(&race->tracker, &race->keys[i], &flow))
            pkts += flow.pkts[0] + flow.pkts[1];
    }
    return pkts;
}

static void every_packet_is_somewhere(void **state)
{
    struct race *race = *state;
    pthread_t player, taker;
    uint64_t given_up, found;

    assert_int_equal(pthread_create(&player, NULL, player_run, race), 0);
    assert_int_equal(pthread_create(&taker, NULL, taker_run, race), 0);
    pthread_join(player, NULL);
    pthread_join(taker, NULL);
    given_up = tracker_unaccounted(&race->tracker, UNACCOUNTED_ENTRY_TAKEN).pkts;
    found = race->taken_pkts + race->reused_pkts + spilled_pkts(race) + left_pkts(race) + given_up;
    printf("%llu packets, %llu entries taken, %llu not, %llu packets given up\n",
           (unsigned long long)race->played, (unsigned long long)race->takes,
           (unsigned long long)race->refused, (unsigned long long)given_up);
    assert_int_equal(tracker_event(&race->tracker, EVENT_SPILL_FAILED), 0);
    assert_int_equal(found, race->played);
    if (!race->takes)
        skip(); /* the machine had no time for both at once */
}

static int setup(void **state)
{
    static struct race race;
    const struct tracker_options options = {
        .max_flows = 2 * PORTS, .lifecycle_ring_bytes = 1 << 24, .spill_entries = 16 * PORTS};
    static uint8_t frame[PACKET_BUILDER_ROOM];
    size_t len =
        packet_build(frame, sizeof(frame), "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 SYN");

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        puts("SKIP: needs two CPUs");
        exit(77);
    }
    for (uint32_t i = 0; i < PORTS; i++) {
        put16(frame + TCP_AT, (uint16_t)(FIRST_PORT + i));
        race.keys[i] = key_of(frame, len);
    }
    tracker_open(&race.tracker, &options);
    race.room = take_open(&race.tracker);
    race.grace = grace_new();
    assert_non_null(race.grace);
    *state = &race;
    return 0;
}

static int teardown(void **state)
{
    struct race *race = *state;

    grace_free(race->grace);
    take_close(race->room);
    tracker_close(&race->tracker);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packet_is_somewhere),
    };

    return cmocka_run_group_tests_name("take_race", tests, setup, teardown);
}
