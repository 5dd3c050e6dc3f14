/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tracker costs a packet: BPF_PROG_TEST_RUN of a 128-byte segment of an established TCP
 * session, less the same run of an empty program. usage: packet_cost [ROUNDS]
 * Prints `packet_cost CASE FLOWS EMPTY_NS TRACKER_NS OVER_NS TENTH_NS`: medians of ROUNDS pairs,
 * and the over of the tenth percentile, which other load on the machine moves less.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "bench/session_frames.h"
#include "kernel/tracker.h"
#include "mutate.skel.h"
#include "source/live/filters.h"

#define MANY_FLOWS_LOG2 16
#define RUNS            (1u << MANY_FLOWS_LOG2)
#define SESSION_RUNS    20000 /* frames of whole sessions, whose announcements the ring holds */
#define ROOMY_RING      (64u << 20)
#define MAX_ROUNDS      1000
#define MAX_FLOWS       131072

/* All of these the measured segment matches, by the last of the words. */
#define FILTER_PORT "tcp port 80"
#define FILTER_LONG \
    "(udp port 53 or host 192.0.2.1 or net 198.51.100.0/24 or icmp) or (tcp and not port 65535)"

struct bench_case {
    const char *name;
    uint32_t flows_log2;
    uint32_t stride;
    uint64_t depth_bytes;
    const char *filter; /* -f; NULL: none */
    enum { IN_ORDER, SAME_AGAIN, WHOLE_SESSIONS } frames;
    bool xdp;
};

static const struct bench_case cases[] = {
    {.name = "in_order", .flows_log2 = 0, .stride = 1},
    {.name = "in_order", .flows_log2 = MANY_FLOWS_LOG2, .stride = 1},
    {.name = "in_order_scattered", .flows_log2 = MANY_FLOWS_LOG2, .stride = 0x9e3779b1},
    {.name = "filter_port", .flows_log2 = 0, .stride = 1, .filter = FILTER_PORT},
    {.name = "filter_long", .flows_log2 = 0, .stride = 1, .filter = FILTER_LONG},
    {.name = "beyond_depth", .flows_log2 = 0, .stride = 1, .depth_bytes = 1},
    {.name = "retransmission", .flows_log2 = 0, .stride = 1, .frames = SAME_AGAIN},
    {.name = "retransmission_xdp", .stride = 1, .frames = SAME_AGAIN, .xdp = true},
    {.name = "session", .stride = 1, .frames = WHOLE_SESSIONS},
};

struct bench {
    struct tracker tracker;
    struct mutate_bpf *mutate;
    int rounds;
};

static void handshake(struct bench *bench, uint32_t flows)
{
    for (uint32_t flow = 0; flow < flows; flow++) {
        for (int i = 0; i < OPENING_FRAMES; i++) {
            struct frame frame;

            opening_frame(&frame, flow, i);
            tracker_run(bench->tracker.ingress_fd, &frame, sizeof(frame), NULL);
        }
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void sort(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
}

/* Alternate the two programs, so that what else the machine does hits both alike. */
static void measure(const struct bench *bench, const struct bench_case *test, int empty_fd,
                    int tracker_fd)
{
    static double empty[MAX_ROUNDS], tracker[MAX_ROUNDS], over[MAX_ROUNDS];
    uint8_t frame[MUTATE_FRAME];
    int middle = bench->rounds / 2;
    uint32_t runs = test->frames == WHOLE_SESSIONS ? SESSION_RUNS : RUNS;

    data_frame(frame);
    tracker_repeat(tracker_fd, frame, sizeof(frame), runs);
    for (int i = 0; i < bench->rounds; i++) {
        if (test->frames == WHOLE_SESSIONS)
            tracker_clear_flows(&bench->tracker);
        empty[i] = tracker_repeat(empty_fd, frame, sizeof(frame), runs);
        tracker[i] = tracker_repeat(tracker_fd, frame, sizeof(frame), runs);
        over[i] = tracker[i] - empty[i];
    }
    sort(empty, bench->rounds);
    sort(tracker, bench->rounds);
    sort(over, bench->rounds);
    printf("packet_cost %s %u %.0f %.0f %.0f %.0f\n", test->name, 1u << test->flows_log2,
           empty[middle], tracker[middle], over[middle], over[bench->rounds / 10]);
    fflush(stdout);
}

/* The figure is worth nothing when the packets were not what they were meant to be. */
static void check_in_order(const struct bench *bench, uint32_t flows)
{
    int fd = bpf_map__fd(bpf_object__find_map_by_name(bench->tracker.obj, "flows"));
    struct flow_key key, *at = NULL;
    uint32_t open = 0;

    for (; !bpf_map_get_next_key(fd, at, &key); at = &key) {
        struct flow flow;

        if (bpf_map_lookup_elem(fd, &key, &flow))
            err(1, "reading the flow table");
        for (int i = 0; i < 2; i++)
            if (flow.quality[i].retransmits || flow.quality[i].out_of_window ||
                flow.dir[i].gap_count)
                errx(1, "segments of a measured session were not in order");
        open += !!(flow.bits & FLOW_ESTABLISHED);
    }
    if (open != flows)
        errx(1, "%u of %u sessions are established", open, flows);
}

static void set_targets(const struct bench *bench)
{
    int fd = bpf_map__fd(bench->mutate->maps.targets);
    uint32_t tracker_slot = 0, nothing_slot = 1;
    int nothing = bpf_program__fd(bench->mutate->progs.nothing);

    if (bpf_map_update_elem(fd, &tracker_slot, &bench->tracker.ingress_fd, BPF_ANY) ||
        bpf_map_update_elem(fd, &nothing_slot, &nothing, BPF_ANY))
        err(1, "setting the tail call's targets");
}

/* Sessions one after the other as they were opened (stride 1), or far apart. */
static void measure_case(struct bench *bench, const struct bench_case *test)
{
    struct live_filters filters = {0};
    struct buf error = {0};
    const struct tracker_options options = {
        .filters = test->filter ? &filters : NULL,
        .max_flows = MAX_FLOWS,
        .xdp = test->xdp,
        .depth_bytes = test->depth_bytes,
        .lifecycle_ring_bytes = ROOMY_RING,
    };

    if (test->filter && live_filters_set_pass(&filters, test->filter, &error))
        errx(1, "%.*s", (int)error.len, (const char *)error.data);
    tracker_open(&bench->tracker, &options);
    bench->mutate = mutate_bpf__open_and_load();
    if (!bench->mutate)
        err(1, "loading the packet maker");
    if (!test->xdp)
        set_targets(bench);
    bench->mutate->bss->flows_log2 = test->flows_log2;
    bench->mutate->bss->stride = test->stride;
    switch (test->frames) {
    case IN_ORDER:
        handshake(bench, 1u << test->flows_log2);
        measure(bench, test, bpf_program__fd(bench->mutate->progs.mutate_nothing),
                bpf_program__fd(bench->mutate->progs.mutate_tracker));
        check_in_order(bench, 1u << test->flows_log2);
        break;
    case SAME_AGAIN:
        handshake(bench, 1);
        measure(bench, test,
                bpf_program__fd(test->xdp ? bench->mutate->progs.nothing_xdp
                                          : bench->mutate->progs.nothing),
                bench->tracker.ingress_fd);
        break;
    case WHOLE_SESSIONS:
        measure(bench, test, bpf_program__fd(bench->mutate->progs.session_nothing),
                bpf_program__fd(bench->mutate->progs.session_tracker));
        break;
    }
    mutate_bpf__destroy(bench->mutate);
    tracker_close(&bench->tracker);
    live_filters_fini(&filters);
}

int main(int argc, char **argv)
{
    struct bench bench = {.rounds = argc > 1 ? atoi(argv[1]) : 101};
    cpu_set_t one;

    if (bench.rounds < 1 || bench.rounds > MAX_ROUNDS)
        errx(2, "rounds: 1 to %d", MAX_ROUNDS);
    CPU_ZERO(&one);
    CPU_SET(1, &one);
    if (sched_setaffinity(0, sizeof(one), &one))
        warn("pinning to CPU 1");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        measure_case(&bench, &cases[i]);
    return 0;
}
