/* SPDX-License-Identifier: Apache-2.0 */
/* What goes into the payload ring: which packets, how much of each, and books that add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "flow.h"
#include "kernel/ring_log.h"
#include "unit/packet_builder.h"
#include "unit/script.h"

#define OPEN_SCRIPT "c SYN;s SYN|ACK;c ACK;"
#define HEADERS     54 /* Ethernet, IPv4, TCP */
#define TEXT_ROOM   1024

/* The group's state says what sees the packets that come in. */
struct fixture {
    const bool xdp;
    struct tracker_options options; /* while it is open */
    struct tracker tracker;
    struct ring_log log;
    bool is_open;
};

static const struct tracker_options whole = {.depth_bytes = DEPTH_ALL};

static void fixture_close(struct fixture *f)
{
    if (f->is_open) {
        ring_log_close(&f->log);
        tracker_close(&f->tracker);
    }
    f->is_open = false;
}

/*
 * With no flow and no sample. A load takes a second, so that programs which have these options go on; their
 * counters go on too.
 */
static struct fixture *fixture_get(void **state, const struct tracker_options *options)
{
    struct fixture *f = *state;
    struct tracker_options all = *options;

    if (f->is_open && !memcmp(&f->options, options, sizeof(*options))) {
        tracker_clear_flows(&f->tracker);
        ring_log_take(&f->log);
        return f;
    }
    fixture_close(f);
    f->options = *options;
    all.xdp = f->xdp;
    tracker_open(&f->tracker, &all);
    ring_log_open(&f->log, &f->tracker);
    f->is_open = true;
    return f;
}

static void play(const struct fixture *f, const char *text, struct __sk_buff *ctx)
{
    static uint8_t frame[PACKET_BUILDER_ROOM], original[PACKET_BUILDER_ROOM];
    struct script script;
    struct segment segment;

    script_init(&script, text, 1000, 9000);
    while (script_next(&script, &segment)) {
        size_t len = packet_build(frame, sizeof(frame), "%s", segment.frame);
        int fd = segment.from ? f->tracker.egress_fd : f->tracker.ingress_fd;

        memcpy(original, frame, len);
        assert_int_equal(tracker_run(fd, frame, len, ctx), TC_NEXT);
        assert_memory_equal(frame, original, len);
    }
}

/* Each sample as `side:captured/payload`, with +old when bytes were seen before, ?d ?a: data, acknowledgment doubted. */
static void samples_text(const struct ring_log *log, char *text, size_t room)
{
    size_t len = 0;

    *text = 0;
    for (size_t i = 0; i < log->sample_count && len < room; i++) {
        const struct record_sample *r = &log->samples[i].record;

        len += (size_t)snprintf(text + len, room - len, "%s%c:%u/%u", i ? " " : "",
                                r->hook == HOOK_INGRESS ? 'c' : 's', r->cap_len, r->payload_len);
        if (r->old_bytes)
            len += (size_t)snprintf(text + len, room - len, "+%u", r->old_bytes);
        if (r->flags & (SAMPLE_DATA_DOUBTED | SAMPLE_ACK_DOUBTED))
            len += (size_t)snprintf(text + len, room - len, "?%s%s",
                                    r->flags & SAMPLE_DATA_DOUBTED ? "d" : "",
                                    r->flags & SAMPLE_ACK_DOUBTED ? "a" : "");
    }
}

struct depth_row {
    const char *name;
    const char *script;
    const char *expect;
    struct tracker_options options;
};

#define DEPTH(...) .options = {__VA_ARGS__}

/* Rows of the same options are neighbours: they share a load. */
static const struct depth_row depth_rows[] = {
    {"none", OPEN_SCRIPT "c PSH|ACK data=100", "", DEPTH(.depth_bytes = 0)},
    {"none, headers wanted", OPEN_SCRIPT "c PSH|ACK data=100", "", DEPTH(.sample_headers = 1)},
    {"all, with headers", OPEN_SCRIPT "c PSH|ACK data=100;s ACK",
     "c:0/0 s:0/0 c:0/0 c:100/100 s:0/0", DEPTH(.depth_bytes = DEPTH_ALL, .sample_headers = 1)},
    {"beyond the window: not believed, and so said",
     OPEN_SCRIPT "c ACK data=10;s ACK;c ACK data=20 seq=+900000;c ACK data=10 seq=11;"
                 "s ACK ack=5000000",
     "c:0/0 s:0/0 c:0/0 c:10/10 s:0/0 c:20/20?da c:10/10 s:0/0?a",
     DEPTH(.depth_bytes = DEPTH_ALL, .sample_headers = 1)},
    {"150 bytes of each direction",
     OPEN_SCRIPT "c PSH|ACK data=100;c PSH|ACK data=100;c PSH|ACK data=100;s PSH|ACK data=200",
     "c:100/100 c:50/100 s:150/200", DEPTH(.depth_bytes = 150)},
    {"by place in the stream, not by bytes so far",
     OPEN_SCRIPT "c PSH|ACK data=100 lost;c PSH|ACK data=100;c PSH|ACK data=100 seq=@1001",
     "c:50/100 c:100/100", DEPTH(.depth_bytes = 150)},
    {"retransmissions inside the depth come again",
     OPEN_SCRIPT "c PSH|ACK data=100;c PSH|ACK data=100 seq=-100;c PSH|ACK data=100",
     "c:100/100 c:100/100+100 c:50/100", DEPTH(.depth_bytes = 150)},
    {"snaplen cuts each packet", OPEN_SCRIPT "c PSH|ACK data=100;c PSH|ACK data=30",
     "c:40/100 c:30/30", DEPTH(.depth_bytes = DEPTH_ALL, .snaplen_bytes = 40)},
    {"headers while the streams are within the depth",
     OPEN_SCRIPT "c PSH|ACK data=100;s ACK;c PSH|ACK data=100;s ACK;c FIN|ACK",
     "c:0/0 s:0/0 c:0/0 c:100/100 s:0/0 c:20/100 c:0/0",
     DEPTH(.depth_bytes = 120, .sample_headers = 1)},
    {"data on SYN counts from the stream's start", "c SYN data=100", "c:60/100",
     DEPTH(.depth_bytes = 60)},
    {"all", OPEN_SCRIPT "c PSH|ACK data=100;s ACK;s PSH|ACK data=1400", "c:100/100 s:1400/1400",
     DEPTH(.depth_bytes = DEPTH_ALL)},
};

/* Payload bytes booked for a direction as sampled; the rest of its payload lay beyond the depth. */
static uint64_t sampled_bytes(const struct ring_log *log, uint32_t from)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < log->sample_count; i++)
        if (log->samples[i].record.from == from)
            sum += log->samples[i].record.chunk_len;
    return sum;
}

static void depth_says_what_is_sampled(void **state)
{
    for (size_t i = 0; i < sizeof(depth_rows) / sizeof(depth_rows[0]); i++) {
        const struct depth_row *row = &depth_rows[i];
        char text[TEXT_ROOM];
        struct fixture *f = fixture_get(state, &row->options);
        struct flow_key key;
        struct flow flow;

        play(f, row->script, NULL);
        ring_log_take(&f->log);
        samples_text(&f->log, text, sizeof(text));
        if (strcmp(text, row->expect))
            fail_msg("%s\nis      %s\nmust be %s", row->name, text, row->expect);
        tracker_only_flow(&f->tracker, &key, &flow);
        for (uint32_t from = 0; from < 2; from++) {
            assert_int_equal(flow.quality[from].sampled_bytes, sampled_bytes(&f->log, from));
            assert_int_equal(flow.quality[from].lost_bytes, 0);
        }
    }
}

static void record_is_as_small_as_its_class(void **state)
{
    static const struct {
        uint32_t payload;
        size_t room;
    } rows[] = {
        {1, 88},
        {88 - HEADERS, 88},
        {89 - HEADERS, 280},
        {280 - HEADERS, 280},
        {281 - HEADERS, 664},
        {664 - HEADERS, 664},
        {665 - HEADERS, 1560},
        {1460, 1560},
        {1560 - HEADERS, 1560},
        {1561 - HEADERS, 4096},
        {3200, 4096},
    };
    struct fixture *f = fixture_get(state, &whole);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static uint8_t frame[PACKET_BUILDER_ROOM];
        size_t len = packet_build(frame, sizeof(frame),
                                  "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 5 > 6 ACK seq=1 / data %u",
                                  rows[i].payload);
        const struct ring_sample *sample;

        tracker_run(f->tracker.ingress_fd, frame, len, NULL);
        ring_log_take(&f->log);
        assert_int_equal(f->log.sample_count, 1);
        sample = &f->log.samples[0];
        assert_int_equal(sample->room, rows[i].room);
        assert_memory_equal(sample->data, frame, len);
        assert_int_equal(sample->record.headers_len, HEADERS);
        assert_int_equal(sample->record.cap_len, rows[i].payload);
        tracker_clear_flows(&f->tracker);
    }
}

static void record_describes_its_packet(void **state)
{
    struct __sk_buff gso = {.gso_segs = 3, .gso_size = 1000};
    const struct record_sample *r;
    struct flow_key key;
    struct flow flow;
    struct fixture *f = fixture_get(state, &whole);

    play(f, OPEN_SCRIPT, NULL);
    play(f, "s ACK data=2600 seq=@9001 ack=@1001", &gso);
    ring_log_take(&f->log);
    tracker_only_flow(&f->tracker, &key, &flow);
    assert_int_equal(f->log.sample_count, 1);
    r = &f->log.samples[0].record;
    assert_int_equal(r->flow_id, flow.id);
    assert_int_equal(r->time_ns, flow.dir[!flow_client(&flow)].last_ns);
    assert_int_equal(r->ifindex, TRACKER_IFINDEX);
    assert_int_equal(r->skb_len, HEADERS + 2600);
    assert_int_equal(r->payload_len, 2600);
    assert_int_equal(r->chunk_off, 0);
    assert_int_equal(r->chunk_len, 2600);
    assert_int_equal(r->cap_len, 2600);
    assert_int_equal(r->old_bytes, 0);
    assert_int_equal(r->headers_len, HEADERS);
    assert_int_equal(r->gso_size, 1000);
    assert_int_equal(r->gso_segs, 3);
    assert_int_equal(r->vlan_tci, 0);
    assert_int_equal(r->from, !flow_client(&flow));
    assert_int_equal(r->flags, 0);
    assert_int_equal(r->hook, HOOK_EGRESS);
    assert_int_equal(r->l3_only, 0);
    assert_int_equal(r->pkt_index, 6);
    assert_memory_equal(&r->key, &key, sizeof(key));
}

/* A ring of a page holds a few; every byte is sampled or lost, and each lost record is counted. */
static void full_ring_books_what_it_lost(void **state)
{
    const struct tracker_options options = {.depth_bytes = DEPTH_ALL, .payload_ring_bytes = 4096};
    struct flow_key key;
    struct flow flow;
    struct fixture *f = fixture_get(state, &options);
    const struct flow_quality *q;
    uint64_t kept;

    play(f, OPEN_SCRIPT, NULL);
    for (int i = 0; i < 10; i++) {
        char text[64];

        snprintf(text, sizeof(text), "c ACK data=1000 seq=@%d ack=@9001", 1001 + 1000 * i);
        play(f, text, NULL);
    }
    play(f, "c ACK data=1000 seq=@10001 ack=@9001", NULL); /* the last one again */
    ring_log_take(&f->log);
    tracker_only_flow(&f->tracker, &key, &flow);
    q = &flow.quality[flow_client(&flow)];
    kept = f->log.sample_count;
    assert_int_equal(kept, 2); /* of 104 + 1560 and 8 bytes each */
    assert_int_equal(q->sampled_bytes, kept * 1000);
    assert_int_equal(q->lost_bytes, (11 - kept) * 1000);
    assert_int_equal(q->sampled_retransmit_bytes, 0);
    assert_int_equal(q->lost_retransmit_bytes, 1000);
    assert_int_equal(q->samples_dropped, 11 - kept);
    assert_int_equal(q->retransmit_bytes, 1000);
    assert_int_equal(flow.dir[flow_client(&flow)].payload_bytes, 11000);
    assert_int_equal(tracker_event(&f->tracker, EVENT_PAYLOAD_RING_FULL), 11 - kept);
    assert_int_equal(tracker_event(&f->tracker, EVENT_PAYLOAD_LOAD_FAILED), 0);

    play(f, "c ACK data=1000 seq=@11001 ack=@9001", NULL);
    ring_log_take(&f->log);
    assert_int_equal(f->log.sample_count, 1); /* room again */
}

/* A jumbo frame or a larger one, which XDP gets in pieces: all of it is there, however it is cut. */
static void large_packet_is_sampled_whole(void **state)
{
    static const uint32_t payloads[] = {3600,  8946, SAMPLE_CHUNK_BYTES, SAMPLE_CHUNK_BYTES + 1,
                                        40000, 65000};
    static uint8_t frame[PACKET_BUILDER_ROOM];
    struct fixture *f = fixture_get(state, &whole);

    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        size_t len = packet_build(frame, sizeof(frame),
                                  "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 5 > 6 ACK seq=1 / data %u",
                                  payloads[i]);
        uint32_t at = 0;

        assert_int_equal(tracker_run(f->tracker.ingress_fd, frame, len, NULL), TC_NEXT);
        ring_log_take(&f->log);
        assert_int_equal(f->log.sample_count,
                         (payloads[i] + SAMPLE_CHUNK_BYTES - 1) / SAMPLE_CHUNK_BYTES);
        for (size_t n = 0; n < f->log.sample_count; n++) {
            const struct ring_sample *sample = &f->log.samples[n];
            const struct record_sample *r = &sample->record;

            assert_int_equal(r->skb_len, len);
            assert_int_equal(r->chunk_off, at);
            assert_int_equal(r->cap_len, r->chunk_len);
            assert_int_equal(!!(r->flags & SAMPLE_NEXT), n > 0);
            assert_int_equal(!!(r->flags & SAMPLE_MORE), n + 1 < f->log.sample_count);
            assert_memory_equal(sample->data, frame, HEADERS);
            assert_memory_equal(ring_sample_payload(sample), frame + HEADERS + at, r->cap_len);
            at += r->chunk_len;
        }
        assert_int_equal(at, payloads[i]);
        tracker_clear_flows(&f->tracker);
    }
}

/* Of a large packet that begins with what was seen before each piece books its own part of that. */
static void large_packet_comes_again_in_part(void **state)
{
    static const uint32_t payloads[] = {20000, 40000};
    static uint8_t frame[PACKET_BUILDER_ROOM];
    struct fixture *f = fixture_get(state, &whole);
    const struct flow_quality *q;
    struct flow_key key;
    struct flow flow;

    for (size_t i = 0; i < 2; i++) {
        size_t len = packet_build(frame, sizeof(frame),
                                  "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 5 > 6 ACK seq=1 / data %u",
                                  payloads[i]);

        assert_int_equal(tracker_run(f->tracker.ingress_fd, frame, len, NULL), TC_NEXT);
        ring_log_take(&f->log);
    }
    assert_int_equal(f->log.sample_count, 3);
    for (size_t n = 0; n < 3; n++)
        assert_int_equal(f->log.samples[n].record.old_bytes, 20000);
    tracker_only_flow(&f->tracker, &key, &flow);
    q = &flow.quality[f->log.samples[0].record.from];
    assert_int_equal(q->sampled_bytes, 60000);
    assert_int_equal(q->sampled_retransmit_bytes, 20000);
    assert_int_equal(q->retransmit_bytes, 20000);
}

int main(void)
{
    struct fixture by_tc = {.xdp = false}, by_xdp = {.xdp = true};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(depth_says_what_is_sampled, &by_tc),
        cmocka_unit_test_prestate(record_is_as_small_as_its_class, &by_tc),
        cmocka_unit_test_prestate(record_describes_its_packet, &by_tc),
        cmocka_unit_test_prestate(full_ring_books_what_it_lost, &by_tc),
    };
    const struct CMUnitTest tests_xdp[] = {
        cmocka_unit_test_prestate(depth_says_what_is_sampled, &by_xdp),
        cmocka_unit_test_prestate(record_is_as_small_as_its_class, &by_xdp),
        cmocka_unit_test_prestate(record_describes_its_packet, &by_xdp),
        cmocka_unit_test_prestate(large_packet_is_sampled_whole, &by_xdp),
        cmocka_unit_test_prestate(large_packet_comes_again_in_part, &by_xdp),
        cmocka_unit_test_prestate(full_ring_books_what_it_lost, &by_xdp),
    };
    int failed = cmocka_run_group_tests_name("samples, TC", tests, NULL, NULL);

    fixture_close(&by_tc);
    failed += cmocka_run_group_tests_name("samples, XDP", tests_xdp, NULL, NULL);
    fixture_close(&by_xdp);
    return failed;
}
