/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole captures through the kernel programs and through the offline ledger (session/flows.c): after each
 * packet both have the same entry, field by field but for what depends on the interface and on numbering, and
 * in the end the same sessions, those that lost their ports to a new one too. Each golden capture, and each
 * Ethernet capture of the corpus when it is there (CORPUS=folder). Our clock is the kernel's. timeout: 600
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "golden/capture_script.h"
#include "icmp_error.h"
#include "kernel/flow_text.h"
#include "kernel/ring_log.h"
#include "kernel/tracker.h"
#include "session/firsts.h"
#include "session/flows.h"
#include "source/capfile/capfile.h"
#include "tcp.h"
#include "tunnel.h"

#define LINKTYPE_ETHERNET 1
#define FRAME_MIN         15   /* BPF_PROG_TEST_RUN wants a byte behind the Ethernet header */
#define FRAME_MAX         3500 /* and for TC a linear buffer of one page; XDP takes pieces */
#define MAX_FLOWS         65536
#define RING_BYTES        (16 << 20)

/* A packet as it was on the wire; what was not captured is zero. */
struct wire_frame {
    uint8_t *data;
    uint32_t cap_len;
    uint32_t wire_len;
    uint16_t linktype;
};

struct wire_capture {
    const char *name;
    struct wire_frame *frames;
    size_t count;
};

struct session_copy {
    struct flow_key key;
    struct flow flow;
};

/* What outlives a capture in the kernel's maps. */
struct memory {
    struct firsts *firsts;
    struct tunnel tunnels[TUNNEL_SCOPES]; /* whose ids were met, in order */
    uint16_t tunnel_count;
};

struct comparison {
    const struct tracker *tracker;
    struct memory *memory;
    const char *name;
    struct session_copy *reused; /* sessions that ended since their ports began another */
    size_t reused_count;
    size_t open;
    size_t packet; /* its number, from 1 */
};

static void keep_frame(struct wire_capture *capture, const struct wire_frame *frame)
{
    struct wire_frame *kept;

    capture->frames = realloc(capture->frames, (capture->count + 1) * sizeof(*kept));
    assert_non_null(capture->frames);
    kept = &capture->frames[capture->count++];
    *kept = *frame;
    kept->data = calloc(1, frame->wire_len + 1);
    assert_non_null(kept->data);
    memcpy(kept->data, frame->data, frame->cap_len);
}

static void capture_fini(struct wire_capture *capture)
{
    for (size_t i = 0; i < capture->count; i++)
        free(capture->frames[i].data);
    free(capture->frames);
}

/* ---- what is not comparable, by design --------------------------------------------------------- */

/* NULL, or why such a packet can't be run. */
static const char *reason_of_frame(const struct wire_frame *frame, bool xdp)
{
    if (frame->linktype != LINKTYPE_ETHERNET)
        return "not Ethernet";
    if (frame->wire_len > FRAME_MAX && !xdp)
        return "a packet larger than a test run takes";
    return NULL;
}

static const char *reason_to_leave_out(const struct wire_capture *capture, bool xdp)
{
    for (size_t i = 0; i < capture->count; i++) {
        const char *reason = reason_of_frame(&capture->frames[i], xdp);

        if (reason)
            return reason;
    }
    return NULL;
}

/* ---- comparing ------------------------------------------------------------------------------------ */

/* What depends on interface, numbering and sampling goes. */
static struct flow comparable(const struct flow *flow)
{
    struct flow same = *flow;

    same.id = 0;
    /* Of tunnels too in the kernel, errors are compared apart; and of the table only. */
    same.bits &= ~(uint32_t)(FLOW_NOTED | FLOW_STIRRED);
    same.ifindex = 0;
    same.slot = 0;
    for (int i = 0; i < 2; i++) {
        same.quality[i].sampled_bytes = 0;
        same.quality[i].sampled_retransmit_bytes = 0;
        same.quality[i].lost_bytes = 0;
        same.quality[i].lost_retransmit_bytes = 0;
        same.quality[i].samples_dropped = 0;
    }
    return same;
}

static void assert_same(const struct comparison *comparison, const struct flow_key *key,
                        const struct flow *kernel, const struct flow *ours)
{
    struct flow a = comparable(kernel), b = comparable(ours);
    char kernel_text[FLOW_TEXT_ROOM], our_text[FLOW_TEXT_ROOM];
    size_t at = 0;

    if (!memcmp(&a, &b, sizeof(a)))
        return;
    while (((const uint8_t *)&a)[at] == ((const uint8_t *)&b)[at])
        at++;
    flow_text(key, kernel, kernel_text);
    flow_text(key, ours, our_text);
    fail_msg("%s: packet %zu\nkernel %s\nours   %s\nfirst difference at byte %zu of struct flow",
             comparison->name, comparison->packet, kernel_text, our_text, at);
}

/* The list of ICMP errors that lies beside the entry. */
static void assert_same_errors(const struct comparison *comparison, const struct flow *kernel,
                               const struct flow_note *ours)
{
    static const struct flow_note none;
    struct flow_note note = none;

    if (!ours)
        ours = &none;
    if (kernel->bits & FLOW_NOTED)
        assert_int_equal(tracker_get_note(comparison->tracker, kernel->id, &note), 0);
    if (memcmp(note.icmp_errors, ours->icmp_errors, sizeof(note.icmp_errors)) ||
        note.icmp_errors_more != ours->icmp_errors_more)
        fail_msg("%s: packet %zu: other ICMP errors than the kernel's", comparison->name,
                 comparison->packet);
}

static void on_end(void *ctx, struct tracked *tracked, enum close_reason reason)
{
    struct comparison *comparison = ctx;
    const struct flow_key *key = &tracked->session.key;
    struct flow kernel;

    if (reason == CLOSE_REUSED) {
        comparison->reused = realloc(comparison->reused,
                                     (comparison->reused_count + 1) * sizeof(*comparison->reused));
        assert_non_null(comparison->reused);
        comparison->reused[comparison->reused_count++] = (struct session_copy){*key, tracked->flow};
        return;
    }
    comparison->open++;
    if (tracker_get_flow(comparison->tracker, key, &kernel))
        fail_msg("%s: the kernel lacks a session", comparison->name);
    assert_same_errors(comparison, &kernel, tracked->session.extra);
    assert_same(comparison, key, &kernel, &tracked->flow);
}

/* ---- what cmd/replay_frame.c does ------------------------------------------------------------ */

static uint16_t scope_of(struct memory *memory, const struct tunnel *tunnel)
{
    uint16_t i = 0;

    if (!tunnel->id)
        return 0;
    while (i < memory->tunnel_count &&
           (memory->tunnels[i].id != tunnel->id || memory->tunnels[i].kind != tunnel->kind))
        i++;
    assert_true(i < TUNNEL_SCOPES);
    if (i == memory->tunnel_count)
        memory->tunnels[memory->tunnel_count++] = *tunnel;
    return (uint16_t)(TUNNEL_SCOPE_FIRST + i);
}

/* The packet of a session that a frame is, or 0 < the reason that it is none. */
static int classify(struct memory *memory, const struct wire_frame *frame, struct packet *pkt)
{
    struct packet_cursor cur = {frame->data, frame->data, frame->data + frame->wire_len};
    struct packet inner = {0};
    struct tunnel tunnel;
    int verdict, inner_verdict;

    memset(pkt, 0, sizeof(*pkt));
    verdict = packet_parse_eth(pkt, &cur, frame->wire_len);
    if ((verdict == UNACCOUNTED_L4_UNSUPPORTED ||
         (!verdict && pkt->key.l4_proto == IP_PROTO_UDP)) &&
        tunnel_inner(pkt, &cur, frame->wire_len, &tunnel)) {
        inner_verdict = tunnel_parse_inner(&inner, &cur, &tunnel);
        if (!inner_verdict || inner.frag_off) {
            *pkt = inner;
            pkt->key.scope = scope_of(memory, &tunnel);
            verdict = inner_verdict;
        }
    }
    return firsts_join(memory->firsts, pkt, verdict, clock_mono_ns());
}

static void note_error(struct flows *flows, const struct wire_frame *frame,
                       const struct packet *pkt)
{
    struct packet_cursor cur = {frame->data, frame->data, frame->data + frame->wire_len};
    struct packet quoted = {0};
    struct tracked *tracked;

    if (!icmp_pkt_is_error(pkt) || !icmp_quoted(pkt, &cur, &quoted))
        return;
    tracked = flows_find(flows, &quoted.key);
    if (tracked)
        flows_note_error(tracked, pkt, &quoted);
}

static void compare_frame(struct comparison *comparison, struct flows *flows,
                          struct wire_frame *frame)
{
    const struct tracker *tracker = comparison->tracker;
    struct packet pkt;
    uint32_t reason = (uint32_t)classify(comparison->memory, frame, &pkt);
    struct tcp_verdict verdict;
    uint64_t given_up = reason ? tracker_unaccounted(tracker, reason).skbs : 0;
    const struct tracked *tracked;
    struct flow kernel;

    assert_int_equal(tracker_run(tracker->ingress_fd, frame->data, frame->wire_len, NULL), TC_NEXT);
    if (reason) {
        if (tracker_unaccounted(tracker, reason).skbs != given_up + 1)
            fail_msg("%s: packet %zu: we give it up for reason %u, the kernel does not",
                     comparison->name, comparison->packet, reason);
        return;
    }
    if (tracker_get_flow(tracker, &pkt.key, &kernel))
        fail_msg("%s: packet %zu: the kernel has no such session", comparison->name,
                 comparison->packet);
    tracked = flows_track(flows, &pkt, 1, frame->data, frame->wire_len,
                          kernel.dir[pkt.from].last_ns, &verdict);
    assert_non_null(tracked);
    note_error(flows, frame, &pkt);
    assert_same(comparison, &pkt.key, &kernel, &tracked->flow);
}

/* The kernel's announcements of sessions whose entry was reused, in order. */
static void compare_reused(struct comparison *comparison, struct ring_log *log)
{
    size_t count = 0;

    ring_log_take(log);
    for (size_t i = 0; i < log->event_count; i++) {
        const struct record_flow *record = &log->events[i];

        if (record->event.type != RECORD_REUSED)
            continue;
        assert_true(count < comparison->reused_count);
        assert_memory_equal(&record->event.key, &comparison->reused[count].key,
                            sizeof(struct flow_key));
        assert_same(comparison, &record->event.key, &record->flow, &comparison->reused[count].flow);
        count++;
    }
    assert_int_equal(count, comparison->reused_count);
}

/* Returns the number of sessions; 0 for a capture that was left out, with a line that says why. */
static size_t compare_capture(const struct tracker *tracker, struct ring_log *log,
                              struct memory *memory, struct wire_capture *capture, size_t *reused)
{
    struct comparison comparison = {.tracker = tracker, .name = capture->name, .memory = memory};
    const char *reason = reason_to_leave_out(capture, tracker->xdp);
    struct flows *flows;

    if (reason) {
        printf("left out: %s: %s\n", capture->name, reason);
        return 0;
    }
    flows = flows_new(on_end, &comparison);
    assert_non_null(flows);
    for (size_t i = 0; i < capture->count; i++) {
        comparison.packet = i + 1;
        if (capture->frames[i].wire_len >= FRAME_MIN)
            compare_frame(&comparison, flows, &capture->frames[i]);
    }
    compare_reused(&comparison, log);
    flows_finish(flows);
    assert_int_equal(tracker_count_flows(tracker), comparison.open);
    flows_free(flows);
    free(comparison.reused);
    tracker_clear_flows(tracker);
    *reused += comparison.reused_count;
    return comparison.open + comparison.reused_count;
}

/* ---- captures --------------------------------------------------------------------------------------- */

struct setup {
    struct tracker tracker;
    struct ring_log log;
    struct memory memory;
    size_t reused; /* sessions so far whose ports began another */
};

static size_t compare_script(struct setup *setup, const char *path)
{
    struct wire_capture capture = {.name = path};
    struct capture_script script;
    size_t sessions;

    capture_script_read(&script, path);
    for (size_t i = 0; i < script.count; i++) {
        const struct capture_frame *frame = &script.frames[i];

        keep_frame(&capture, &(struct wire_frame){frame->data, frame->cap_len, frame->wire_len,
                                                  script.linktypes[frame->interface]});
    }
    sessions =
        compare_capture(&setup->tracker, &setup->log, &setup->memory, &capture, &setup->reused);
    capture_fini(&capture);
    capture_script_fini(&script);
    return sessions;
}

static void golden_captures_are_tracked_alike(void **state)
{
    size_t sessions = 0;
    glob_t found;

    assert_int_equal(glob("tests/golden/*/script", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        sessions += compare_script(*state, found.gl_pathv[i]);
    printf("%zu sessions of golden captures, %zu of them reused\n", sessions,
           ((struct setup *)*state)->reused);
    assert_true(sessions > found.gl_pathc / 2);
    assert_true(((struct setup *)*state)->reused > 0);
    globfree(&found);
}

static size_t compare_file(struct setup *setup, const char *path)
{
    const struct capfile_conf conf = {.paths = &path, .path_count = 1};
    struct capfile *capfile = capfile_open(&conf);
    struct wire_capture capture = {.name = path};
    size_t sessions;
    struct frame frame;

    if (!capfile)
        return 0;
    while (capfile_next(capfile, &frame) == 1)
        keep_frame(&capture, &(struct wire_frame){(uint8_t *)(uintptr_t)frame.data, frame.cap_len,
                                                  frame.wire_len, frame.linktype});
    capfile_close(capfile);
    sessions =
        compare_capture(&setup->tracker, &setup->log, &setup->memory, &capture, &setup->reused);
    capture_fini(&capture);
    return sessions;
}

static glob_t corpus_files;

static int find_capture(const char *path, const struct stat *info, int type, struct FTW *at)
{
    const char *suffix = strrchr(path + at->base, '.');

    (void)info;
    if (type == FTW_F && suffix && (!strcmp(suffix, ".pcap") || !strcmp(suffix, ".pcapng")))
        glob(path, corpus_files.gl_pathc ? GLOB_APPEND | GLOB_NOCHECK : GLOB_NOCHECK, NULL,
             &corpus_files);
    return 0;
}

static void corpus_captures_are_tracked_alike(void **state)
{
    const char *corpus = getenv("CORPUS");
    size_t sessions = 0;

    corpus_files = (glob_t){0};
    nftw(corpus ? corpus : "../shared/corpus", find_capture, 16, FTW_PHYS);
    if (!corpus_files.gl_pathc)
        skip();
    for (size_t i = 0; i < corpus_files.gl_pathc; i++)
        sessions += compare_file(*state, corpus_files.gl_pathv[i]);
    printf("%zu sessions of %zu corpus captures\n", sessions, (size_t)corpus_files.gl_pathc);
    globfree(&corpus_files);
    assert_true(sessions > 0);
}

static int open_all(void **state, bool xdp)
{
    static struct setup setup;
    const struct tracker_options options = {
        .max_flows = MAX_FLOWS, .lifecycle_ring_bytes = RING_BYTES, .tunnels = 1, .xdp = xdp};

    tracker_open(&setup.tracker, &options);
    ring_log_open(&setup.log, &setup.tracker);
    setup.memory = (struct memory){.firsts = firsts_new()};
    assert_non_null(setup.memory.firsts);
    setup.reused = 0;
    *state = &setup;
    return 0;
}

static int open_tc(void **state)
{
    return open_all(state, false);
}

static int open_xdp(void **state)
{
    return open_all(state, true);
}

static int close_all(void **state)
{
    struct setup *setup = *state;

    ring_log_close(&setup->log);
    firsts_free(setup->memory.firsts);
    tracker_close(&setup->tracker);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_captures_are_tracked_alike),
        cmocka_unit_test(corpus_captures_are_tracked_alike),
    };

    return cmocka_run_group_tests_name("captures, TC", tests, open_tc, close_all) +
           cmocka_run_group_tests_name("captures, XDP", tests, open_xdp, close_all);
}
