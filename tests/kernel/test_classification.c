/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each kind of packet that is hard to classify (classification_rows.h) through the kernel programs, by TC and by
 * XDP, with --tunnels and without, and as a capture file through the offline engine: the same sessions, the same
 * counts, the same ICMP errors in their records. Offloaded tags, scattered headers, and packets that
 * cross two interfaces have tests of their own: test_offloaded_vlan, test_scattered, test_unaccounted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/replay.h"
#include "kernel/classification_rows.h"
#include "kernel/flow_text.h"
#include "kernel/tracker.h"
#include "sesstap.skel.h"
#include "sink/record.h"
#include "unit/packet_builder.h"

#define ROWS         (sizeof(rows) / sizeof(rows[0]))
#define SESSIONS     8
#define LINE_ROOM    (FLOW_TEXT_ROOM + 256)
#define TEXT_ROOM    (SESSIONS * LINE_ROOM)
#define FRAME_MIN    15 /* BPF_PROG_TEST_RUN wants a byte behind the Ethernet header */
#define FRAME_GAP_NS 1000000ULL

/* The sessions that a row made, as text, and what was given up. */
struct outcome {
    char session[SESSIONS][LINE_ROOM];
    size_t count;
    uint64_t unaccounted[UNACCOUNTED_COUNT];
};

static void outcome_add(struct outcome *outcome, const struct flow_key *key,
                        const struct flow *flow, const struct flow_note *note)
{
    char *line = outcome->session[outcome->count++];

    assert_true(outcome->count <= SESSIONS);
    flow_text(key, flow, line);
    for (int i = 0; note && i < NOTE_ICMP_ERRORS && note->icmp_errors[i].count; i++)
        snprintf(line + strlen(line), LINE_ROOM - strlen(line), " error=%u/%ux%llu",
                 note->icmp_errors[i].type, note->icmp_errors[i].code,
                 (unsigned long long)note->icmp_errors[i].count);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Says what differs; returns whether anything does. */
static bool outcome_differs(struct outcome *outcome, const struct row *row, const char *by)
{
    static const char *const reason[] = {
#define X(upper, lower, help) #lower,
        UNACCOUNTED_REASONS(X)
#undef X
    };
    char text[TEXT_ROOM] = "";
    size_t len = 0;

    qsort(outcome->session, outcome->count, sizeof(outcome->session[0]), compare_lines);
    for (size_t i = 0; i < outcome->count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n", outcome->session[i]);
    for (size_t i = 0; i < UNACCOUNTED_COUNT; i++)
        if (outcome->unaccounted[i])
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %llu\n", reason[i],
                                    (unsigned long long)outcome->unaccounted[i]);
    if (!strcmp(text, row->expect))
        return false;
    print_error("%s, %s\n--- is\n%s--- must be\n%s", row->name, by, text, row->expect);
    return true;
}

/* The row's next frame; 0 at its end. *seconds: what passes before it. */
static size_t next_frame(const char **at, uint8_t *frame, unsigned int *seconds)
{
    const char *line = *at;
    size_t len;

    *seconds = 0;
    if (*line == '+') {
        *seconds = (unsigned int)strtoul(line + 1, NULL, 10);
        line += strcspn(line, "\n") + 1;
    }
    if (!*line)
        return 0;
    len = strcspn(line, "\n");
    *at = line + len + (line[len] == '\n');
    return packet_build(frame, PACKET_BUILDER_ROOM, "%.*s", (int)len, line);
}

/* ---- the kernel's side --------------------------------------------------------------------------- */

/* key: room for one. */
static void empty_map(const struct bpf_map *map, void *key)
{
    while (!bpf_map_get_next_key(bpf_map__fd(map), NULL, key))
        assert_int_equal(bpf_map_delete_elem(bpf_map__fd(map), key), 0);
}

/* As if nothing had come before. */
static void forget_all(const struct tracker *tracker)
{
    struct fragment_key fragment;
    struct tunnel_scope_key scope;
    uint32_t zero = 0;
    uint64_t id;

    tracker_clear_flows(tracker);
    empty_map(tracker->skel->maps.fragments, &fragment);
    empty_map(tracker->skel->maps.tunnel_scopes, &scope);
    empty_map(tracker->skel->maps.flow_notes, &id);
    assert_int_equal(bpf_map_update_elem(bpf_map__fd(tracker->skel->maps.tunnel_scope_next), &zero,
                                         &zero, BPF_ANY),
                     0);
}

/* A test can't wait: what is remembered of first fragments becomes older. */
static void age_fragments(const struct tracker *tracker, unsigned int seconds)
{
    int fd = bpf_map__fd(tracker->skel->maps.fragments);
    struct fragment_key keys[SESSIONS], *at = NULL;
    struct fragment_first first;
    size_t count = 0;

    while (count < SESSIONS && !bpf_map_get_next_key(fd, at, &keys[count]))
        at = &keys[count++];
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(bpf_map_lookup_elem(fd, &keys[i], &first), 0);
        first.time_ns -= seconds * 1000000000ULL;
        assert_int_equal(bpf_map_update_elem(fd, &keys[i], &first, BPF_EXIST), 0);
    }
}

static void take_sessions(const struct tracker *tracker, struct outcome *outcome)
{
    int fd = bpf_map__fd(tracker->skel->maps.flows);
    struct flow_key key;
    const struct flow_key *at = NULL;

    while (!bpf_map_get_next_key(fd, at, &key)) {
        struct flow_note note = {0};
        struct flow flow;

        at = &key;
        assert_int_equal(tracker_get_flow(tracker, &key, &flow), 0);
        if (flow.bits & FLOW_NOTED)
            assert_int_equal(tracker_get_note(tracker, flow.id, &note), 0);
        outcome_add(outcome, &key, &flow, &note);
    }
}

static bool run_in_kernel(const struct tracker *tracker, const struct row *row, int prog_fd,
                          const char *by)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];
    struct outcome outcome = {0};
    const char *at = row->frames;
    unsigned int seconds;
    size_t len;

    for (int i = 0; i < UNACCOUNTED_COUNT; i++)
        outcome.unaccounted[i] = -tracker_unaccounted(tracker, i).pkts;
    while ((len = next_frame(&at, frame, &seconds))) {
        assert_true(len >= FRAME_MIN);
        age_fragments(tracker, seconds);
        assert_int_equal(tracker_run(prog_fd, frame, len, NULL), TC_NEXT);
    }
    take_sessions(tracker, &outcome);
    for (int i = 0; i < UNACCOUNTED_COUNT; i++)
        outcome.unaccounted[i] += tracker_unaccounted(tracker, i).pkts;
    forget_all(tracker);
    return outcome_differs(&outcome, row, by);
}

struct setup {
    struct tracker tracker;
    bool tunnels;
};

static void kernel_classifies(void **state)
{
    const struct setup *setup = *state;
    const struct tracker *tracker = &setup->tracker;
    enum row_where other = setup->tunnels ? ROW_NO_TUNNELS : ROW_TUNNELS;
    int wrong = 0;

    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].where == other || rows[i].where == ROW_OFFLINE)
            continue;
        wrong += run_in_kernel(tracker, &rows[i], tracker->ingress_fd, tracker->xdp ? "XDP" : "TC");
        wrong += run_in_kernel(tracker, &rows[i], tracker->egress_fd, "TC egress");
    }
    assert_int_equal(wrong, 0);
}

static int open_all(void **state, bool xdp, bool tunnels)
{
    static struct setup setup;
    const struct tracker_options options = {.max_flows = 64, .xdp = xdp, .tunnels = tunnels};

    setup.tunnels = tunnels;
    tracker_open(&setup.tracker, &options);
    *state = &setup;
    return 0;
}

static int open_tc(void **state)
{
    return open_all(state, false, false);
}

static int open_tc_tunnels(void **state)
{
    return open_all(state, false, true);
}

static int open_xdp(void **state)
{
    return open_all(state, true, false);
}

static int open_xdp_tunnels(void **state)
{
    return open_all(state, true, true);
}

static int close_all(void **state)
{
    tracker_close(&((struct setup *)*state)->tracker);
    return 0;
}

/* ---- offline ---------------------------------------------------------------------------------------- */

/* The row as a capture file of nanoseconds, Ethernet. */
static void write_capture(const struct row *row, const char *path)
{
    static const uint32_t header[6] = {0xa1b23c4d, 4 << 16 | 2, 0, 0, 262144, 1};
    static uint8_t frame[PACKET_BUILDER_ROOM];
    uint64_t now_ns = 1700000000000000000ULL;
    FILE *file = fopen(path, "wb");
    const char *at = row->frames;
    unsigned int seconds;
    size_t len;

    assert_non_null(file);
    fwrite(header, sizeof(header), 1, file);
    while ((len = next_frame(&at, frame, &seconds))) {
        now_ns += seconds * 1000000000ULL + FRAME_GAP_NS;
        const uint32_t head[4] = {(uint32_t)(now_ns / 1000000000), (uint32_t)(now_ns % 1000000000),
                                  (uint32_t)len, (uint32_t)len};

        fwrite(head, sizeof(head), 1, file);
        fwrite(frame, len, 1, file);
    }
    assert_int_equal(fclose(file), 0);
}

static void on_record(void *ctx, const struct record *record)
{
    outcome_add(ctx, &record->session->key, record->flow, record->note);
}

static bool run_offline(const struct row *row, const char *path)
{
    struct outcome outcome = {0};
    const struct replay_conf conf = {
        .input = {.paths = &path, .path_count = 1},
        .hooks = {.record = on_record, .ctx = &outcome},
        .no_index = true,
    };
    struct replay_result result = {0};

    write_capture(row, path);
    assert_int_equal(replay_run(&conf, &result), 0);
    assert_int_equal(result.damaged, 0);
    memcpy(outcome.unaccounted, result.unaccounted, sizeof(outcome.unaccounted));
    return outcome_differs(&outcome, row, "offline");
}

static void files_are_classified_alike(void **state)
{
    char path[] = "/tmp/sesstap-classification.XXXXXX";
    int fd = mkstemp(path), wrong = 0;

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].where != ROW_KERNEL && rows[i].where != ROW_NO_TUNNELS)
            wrong += run_offline(&rows[i], path);
    unlink(path);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest files[] = {cmocka_unit_test(files_are_classified_alike)};
    const struct CMUnitTest kernel[] = {cmocka_unit_test(kernel_classifies)};

    return cmocka_run_group_tests_name("files", files, NULL, NULL) +
           cmocka_run_group_tests_name("TC", kernel, open_tc, close_all) +
           cmocka_run_group_tests_name("TC, tunnels", kernel, open_tc_tunnels, close_all) +
           cmocka_run_group_tests_name("XDP", kernel, open_xdp, close_all) +
           cmocka_run_group_tests_name("XDP, tunnels", kernel, open_xdp_tunnels, close_all);
}
