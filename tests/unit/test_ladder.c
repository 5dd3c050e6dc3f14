/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder of packets: marks, relative numbers, columns, and what happens in a narrow window. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "sink/ladder.h"

#define START_NS 1795254240000000000ULL
#define US       1000ULL

/* One packet, and what the tracker counts for it. */
struct step {
    uint8_t from;
    unsigned int us;
    uint8_t flags;
    uint32_t seq;
    uint32_t ack;
    const char *payload;
    uint16_t wnd;
    uint8_t mark; /* whose counter moves */
};

static void count(struct flow_quality *quality, uint8_t mark)
{
    quality->retransmits += mark == LADDER_RETRANSMIT;
    quality->out_of_order += mark == LADDER_OUT_OF_ORDER;
    quality->duplicate_acks += mark == LADDER_DUPLICATE_ACK;
    quality->zero_windows += mark == LADDER_ZERO_WINDOW;
    quality->keep_alives += mark == LADDER_KEEP_ALIVE;
    quality->capture_repeats += mark == LADDER_REPEAT;
    quality->out_of_window += mark == LADDER_OUT_OF_WINDOW;
}

static void add(struct ladder *ladder, struct flow *flow, uint8_t l4_proto, const struct step *step,
                uint64_t number)
{
    uint8_t frame[128] = {0};
    size_t len = strlen(step->payload);
    struct packet pkt = {
        .from = step->from,
        .tcp_flags = step->flags,
        .seq = step->seq,
        .ack = step->ack,
        .wnd = step->wnd,
        .payload_off = 54,
        .payload_len = (uint32_t)len,
        .icmp_type = 8,
        .icmp_code = 1,
    };
    const struct ladder_packet packet = {
        .number = number,
        .time_ns = START_NS + step->us * US,
        .data = frame,
        .cap_len = (uint32_t)(54 + len),
    };

    pkt.key.l4_proto = l4_proto;
    memcpy(frame + 54, step->payload, len);
    count(&flow->quality[step->from], step->mark);
    assert_int_equal(ladder_add(ladder, flow, &pkt, &packet), 0);
}

static void expect_text(const char *name, struct buf *out, const char *expected)
{
    buf_add(out, "", 1);
    assert_false(out->failed);
    if (strcmp(out->data, expected))
        fail_msg("%s: expected\n%s\ngot\n%s", name, expected, out->data);
    buf_fini(out);
}

/* The client is endpoint 1; its numbers wrap at 2^32. */
static const struct step tcp_steps[] = {
    {1, 0, TCP_SYN, 4294967290u, 0, "", 64240, 0},
    {0, 300, TCP_SYN | TCP_ACK, 1000, 4294967291u, "", 65160, 0},
    {1, 350, TCP_ACK, 4294967291u, 1001, "", 502, 0},
    {1, 400, TCP_PSH | TCP_ACK, 4294967291u, 1001, "GET / HTTP/1.1\r\nHost: a.b\r\n", 502, 0},
    {1, 200400, TCP_PSH | TCP_ACK, 4294967291u, 1001, "GET / HTTP/1.1\r\nHost: a.b\r\n", 502,
     LADDER_RETRANSMIT},
    {0, 200500, TCP_ACK, 1001, 22, "", 0, LADDER_ZERO_WINDOW},
    {1, 200400, TCP_FIN | TCP_ACK, 22, 1001, "", 502, LADDER_OUT_OF_ORDER},
};

static void make_tcp(struct ladder *ladder, struct flow *flow)
{
    flow->bits = FLOW_CLIENT_1;
    flow->dir[0] = (struct flow_dir){.first_seq = 1000, .known = FLOW_KNOWS_SEQ, .wscale = 0};
    flow->dir[1] =
        (struct flow_dir){.first_seq = 4294967290u, .known = FLOW_KNOWS_SEQ, .wscale = 7};
    for (size_t i = 0; i < sizeof(tcp_steps) / sizeof(tcp_steps[0]); i++)
        add(ladder, flow, IP_PROTO_TCP, &tcp_steps[i], 11 + 3 * i);
}

static void test_tcp_text(void **state)
{
    struct ladder ladder = {0};
    struct flow flow = {0};
    struct buf out = {0};

    (void)state;
    make_tcp(&ladder, &flow);
    ladder_write_text(&out, &ladder, &flow, IP_PROTO_TCP, 120, NULL, NULL);
    expect_text(
        "wide", &out,
        "packet   time s     delta    flags seq ack length window first bytes\n"
        "    11 0.000000  0.000000 -> S       0          0  64240\n"
        "    14 0.000300  0.000300 <- SA      0   1      0  65160\n"
        "    17 0.000350  0.000050 -> A       1   1      0  64256\n"
        "    20 0.000400  0.000050 -> PA      1   1     27  64256 GET / HTTP/1.1..Host: a.\n"
        "    23 0.200400  0.200000 -> PA      1   1     27  64256 [retransmit] GET / HTTP/1.1"
        "..Host: a.\n"
        "    26 0.200500  0.000100 <- A       1  28      0      0 [zero-window]\n"
        "    29 0.200400 -0.000100 -> FA     28   1      0  64256 [out-of-order]\n");
    ladder_write_text(&out, &ladder, &flow, IP_PROTO_TCP, 80, NULL, NULL);
    for (const char *line = out.data, *end; line < out.data + out.len; line = end + 1) {
        end = memchr(line, '\n', (size_t)(out.data + out.len - line));
        assert_non_null(end);
        assert_in_range(end - line, 1, 80);
    }
    buf_fini(&out);
    ladder_fini(&ladder);
}

static void test_tcp_json(void **state)
{
    struct ladder ladder = {0};
    struct flow flow = {0};
    struct buf out = {0};

    (void)state;
    flow.bits = FLOW_CLIENT_1;
    flow.dir[1] = (struct flow_dir){.first_seq = 4294967290u, .known = FLOW_KNOWS_SEQ};
    add(&ladder, &flow, IP_PROTO_TCP, &tcp_steps[0], 1);
    add(&ladder, &flow, IP_PROTO_TCP, &tcp_steps[4], 9);
    ladder_write_json(&out, &ladder, &flow, IP_PROTO_TCP, 7);
    expect_text(
        "json", &out,
        "[{\"packet\":1,\"time\":1795254240.000000007,\"direction\":\"out\",\"flags\":\"S\","
        "\"seq\":0,\"window\":64240,\"length\":0,\"bytes\":\"\"},"
        "{\"packet\":9,\"time\":1795254240.200400007,\"direction\":\"out\",\"flags\":\"PA\","
        "\"seq\":1,\"ack\":0,\"window\":502,\"length\":27,\"marks\":[\"retransmit\"],"
        "\"bytes\":\"474554202f20485454502f312e310d0a486f73743a20612e\"}]");
    ladder_fini(&ladder);
}

/* Each mark is set by its own counter, and by no movement of the other side's. */
static void test_marks(void **state)
{
    static const char *const names[] = {"[retransmit]",  "[out-of-order]", "[dup-ack]",
                                        "[zero-window]", "[keep-alive]",   "[captured-twice]",
                                        "[not-believed]"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct step step = {0, 0, TCP_ACK, 1, 1, "", 1, (uint8_t)(1u << i)};
        struct ladder ladder = {0};
        struct flow flow = {0};

        add(&ladder, &flow, IP_PROTO_TCP, &step, 1);
        step.mark = 0;
        add(&ladder, &flow, IP_PROTO_TCP, &step, 2);
        step.from = 1;
        add(&ladder, &flow, IP_PROTO_TCP, &step, 3);
        assert_int_equal(ladder.rows[0].marks, 1u << i);
        assert_int_equal(ladder.rows[1].marks, 0);
        assert_int_equal(ladder.rows[2].marks, 0);
        ladder_fini(&ladder);
    }
}

static void test_other_protocols(void **state)
{
    static const struct step steps[] = {{1, 0, 0, 0, 0, "question", 0, 0},
                                        {0, 1500, 0, 0, 0, "an\tswer", 0, 0}};
    static const struct {
        uint8_t l4_proto;
        const char *expected;
    } rows[] = {
        {IP_PROTO_UDP, "packet   time s    delta    length first bytes\n"
                       "     1 0.000000 0.000000 ->      8 question\n"
                       "     2 0.001500 0.001500 <-      7 an.swer\n"},
        {IP_PROTO_ICMP, "packet   time s    delta    type length first bytes\n"
                        "     1 0.000000 0.000000 -> 8/1       8 question\n"
                        "     2 0.001500 0.001500 <- 8/1       7 an.swer\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ladder ladder = {0};
        struct flow flow = {.bits = FLOW_CLIENT_1};
        struct buf out = {0};

        add(&ladder, &flow, rows[i].l4_proto, &steps[0], 1);
        add(&ladder, &flow, rows[i].l4_proto, &steps[1], 2);
        ladder_write_text(&out, &ladder, &flow, rows[i].l4_proto, 80, NULL, NULL);
        expect_text(rows[i].l4_proto == IP_PROTO_UDP ? "UDP" : "ICMP", &out, rows[i].expected);
        ladder_fini(&ladder);
    }
}

/* Payload that the capture has not all of: what is there, and the length on the wire. */
static void test_cut_payload(void **state)
{
    uint8_t frame[60] = "0123456789012345678901234567890123456789012345678901xyabcdef";
    struct packet pkt = {.payload_off = 54, .payload_len = 1000, .key.l4_proto = IP_PROTO_UDP};
    struct ladder_packet packet = {.number = 1, .time_ns = START_NS, .data = frame, .cap_len = 57};
    struct ladder ladder = {0};
    struct flow flow = {0};

    (void)state;
    assert_int_equal(ladder_add(&ladder, &flow, &pkt, &packet), 0);
    assert_int_equal(ladder.rows[0].payload_len, 1000);
    assert_int_equal(ladder.rows[0].byte_count, 3);
    assert_memory_equal(ladder.rows[0].bytes, "abc", 3);
    packet.cap_len = 40;
    assert_int_equal(ladder_add(&ladder, &flow, &pkt, &packet), 0);
    assert_int_equal(ladder.rows[1].byte_count, 0);
    ladder_fini(&ladder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_text),    cmocka_unit_test(test_tcp_json),
        cmocka_unit_test(test_marks),       cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_cut_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
