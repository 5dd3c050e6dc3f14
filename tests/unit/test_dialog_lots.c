/* SPDX-License-Identifier: Apache-2.0 */
/* The lists that a dialog keeps: packet lots with times and packets, holes, and their bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stream/dialog.h"

static void lots_have_times_and_packets(void **state)
{
    struct dialog_budget budget = {.max_bytes = 4096, .max_session_bytes = 4096};
    struct dialog_conf conf = {.keep_lots = true, .is_tcp = true, .budget = &budget};
    struct dialog *dialog = dialog_new(&conf);
    struct segment seg = {.wire_len = 2, .cap_len = 2, .data = (const uint8_t *)"xx"};
    const struct packet_lot *lots;
    size_t count;

    (void)state;
    dialog_begin(dialog, 0, 100);
    for (unsigned int i = 0; i < 4; i++) { /* 2 waits, comes with its own time */
        static const uint32_t seqs[] = {102, 100, 104, 104};

        seg.seq = seqs[i];
        seg.time_ns = 1000 + i * 10;
        seg.pkts = 1 + i;
        seg.pkt_index = i + 1;
        dialog_segment(dialog, &seg);
    }
    lots = dialog_lots(dialog, &count);
    assert_int_equal(count, 1);
    assert_int_equal(lots[0].first_ns, 1000);
    assert_int_equal(lots[0].last_ns, 1020);
    assert_int_equal(lots[0].pkts, 1 + 2 + 3);
    assert_int_equal(lots[0].payload_bytes, 6);
    dialog_free(dialog);
    conf.keep_lots = false;
    dialog = dialog_new(&conf);
    for (int i = 0; i < 5; i++) {
        seg.from = i & 1;
        seg.seq = (uint32_t)i / 2 * 2;
        dialog_segment(dialog, &seg);
    }
    assert_null(dialog_lots(dialog, &count));
    assert_int_equal(count, 5);
    dialog_free(dialog);
    dialog_free(NULL);
}

/* A packet counts once, with what it brought first, however many pieces it came to. */
static void packets_of_split_segments_count_once(void **state)
{
    static const struct {
        enum overlap_policy policy;
        uint64_t payload_bytes;
        struct {
            uint32_t seq, len;
        } sent[5];
    } rows[] = {
        {OVERLAP_LAST, 16, {{2, 6}, {4, 2}, {12, 2}, {0, 8}, {8, 8}}},
        {OVERLAP_FIRST, 9, {{2, 1}, {7, 1}, {5, 4}, {0, 4}, {4, 1}}}, /* some wait, some do not */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dialog_budget budget = {.max_bytes = 4096, .max_session_bytes = 4096};
        struct dialog_conf conf = {
            .policy = rows[i].policy, .keep_lots = true, .is_tcp = true, .budget = &budget};
        struct dialog *dialog = dialog_new(&conf);
        size_t count;

        dialog_begin(dialog, 0, 0);
        for (size_t k = 0; k < 5; k++) {
            struct segment seg = {.seq = rows[i].sent[k].seq,
                                  .wire_len = rows[i].sent[k].len,
                                  .cap_len = rows[i].sent[k].len,
                                  .pkts = 1,
                                  .data = (const uint8_t *)"0123456789abcdef"};

            dialog_segment(dialog, &seg);
        }
        assert_int_equal(dialog_lots(dialog, &count)[0].payload_bytes, rows[i].payload_bytes);
        assert_int_equal(dialog_lots(dialog, &count)[0].pkts, 5);
        assert_int_equal(count, 1);
        dialog_free(dialog);
    }
}

static void list_of_lots_is_bounded(void **state)
{
    enum { SPOKEN = (1 << 20) + 3 };
    struct dialog_budget budget = {.max_bytes = 4096, .max_session_bytes = 4096};
    struct dialog_conf conf = {.keep_lots = true, .budget = &budget};
    struct dialog *dialog = dialog_new(&conf);
    struct segment seg = {.wire_len = 1, .cap_len = 1, .data = (const uint8_t *)"x"};
    const struct packet_lot *lots;
    size_t count;

    (void)state;
    for (int i = 0; i < SPOKEN; i++) {
        seg.from = i & 1;
        dialog_segment(dialog, &seg);
    }
    dialog_segment(dialog, &seg);
    lots = dialog_lots(dialog, &count);
    assert_int_equal(count, 1 << 20);
    assert_int_equal(lots[count - 1].payload_bytes, 1);
    dialog_free(dialog);
}

static void holes_are_listed(void **state)
{
    struct dialog_budget budget = {.max_bytes = 4096, .max_session_bytes = 4096};
    struct dialog_conf conf = {.is_tcp = true, .budget = &budget};
    struct dialog *dialog = dialog_new(&conf);
    struct segment seg = {.wire_len = 3, .cap_len = 2, .data = (const uint8_t *)"xx"};
    const struct stream_hole *holes;
    size_t count;

    (void)state;
    dialog_begin(dialog, 1, 7);
    seg.from = 1;
    seg.seq = 7;
    dialog_segment(dialog, &seg);
    seg.seq = 14;
    dialog_segment(dialog, &seg);
    dialog_finish(dialog, NULL);
    holes = dialog_holes(dialog, &count);
    assert_int_equal(count, 2);
    assert_int_equal(holes[0].offset, 2);
    assert_int_equal(holes[0].length, 1);
    assert_int_equal(holes[0].from, 1);
    assert_true(holes[0].cut);
    assert_int_equal(holes[1].offset, 3);
    assert_int_equal(holes[1].length, 4);
    assert_false(holes[1].cut);
    dialog_free(dialog);
    assert_int_equal(budget.used_bytes, 0);
}

/* A hole a segment: the list ends at its bound, the count does not. */
static void list_of_holes_is_bounded(void **state)
{
    struct dialog_budget budget = {.max_bytes = 1 << 20, .max_session_bytes = 1 << 20};
    struct dialog_conf conf = {.is_tcp = true, .budget = &budget};
    struct dialog *dialog = dialog_new(&conf);
    struct segment seg = {.wire_len = 3, .cap_len = 1, .data = (const uint8_t *)"x"};
    size_t count;

    (void)state;
    for (int i = 0; i < 5001; i++) {
        dialog_segment(dialog, &seg);
        seg.seq += 3;
    }
    dialog_holes(dialog, &count);
    assert_int_equal(count, 1024);
    assert_int_equal(dialog_tally(dialog)[0].holes, 5000);
    assert_int_equal(dialog_tally(dialog)[0].hole_bytes, 10000);
    dialog_free(dialog);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lots_have_times_and_packets),
        cmocka_unit_test(packets_of_split_segments_count_once),
        cmocka_unit_test(list_of_lots_is_bounded),
        cmocka_unit_test(holes_are_listed),
        cmocka_unit_test(list_of_holes_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
