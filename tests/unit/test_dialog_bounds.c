/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when memory runs out, and what delivered bytes are remembered for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "stream/dialog.h"
#include "stream/waiting.h"

#define PIECE_BYTES (sizeof(struct piece) + 16) /* what one that waits costs, and its bytes */
#define SLOTS_BYTES (8 * sizeof(struct piece *))

static struct dialog *new_dialog(struct dialog_budget *budget)
{
    struct dialog_conf conf = {.is_tcp = true, .budget = budget};
    struct dialog *dialog = dialog_new(&conf);

    assert_non_null(dialog);
    dialog_begin(dialog, 0, 0);
    dialog_begin(dialog, 1, 0);
    return dialog;
}

static void send_text(struct dialog *dialog, unsigned int from, uint32_t seq, const char *text)
{
    static uint64_t now_ns;
    struct segment seg = {.seq = seq,
                          .wire_len = (uint32_t)strlen(text),
                          .cap_len = (uint32_t)strlen(text),
                          .data = (const uint8_t *)text,
                          .time_ns = ++now_ns,
                          .stays = true,
                          .from = (uint8_t)from};

    dialog_segment(dialog, &seg);
}

/* Of forty segments beyond the window the last 32 are kept; they are believed when they are acknowledged. */
static void so_many_doubted_ones_are_kept(void **state)
{
    struct dialog_budget budget = {.max_bytes = 1 << 20, .max_session_bytes = 1 << 20};
    struct dialog *dialog = new_dialog(&budget);
    const struct stream_tally *tally = dialog_tally(dialog);
    struct segment seg = {.wire_len = 1, .cap_len = 1, .data = (const uint8_t *)"x"};

    (void)state;
    for (seg.seq = 1000; seg.seq < 1080; seg.seq += 2) {
        seg.doubted = true;
        dialog_segment(dialog, &seg);
    }
    assert_int_equal(tally[0].out_of_window, 40 - 32);
    dialog_ack(dialog, 1, 1080, 1);
    dialog_finish(dialog, NULL);
    assert_int_equal(tally[0].out_of_window, 40 - 32);
    assert_int_equal(tally[0].delivered, 32);
    dialog_free(dialog);
    assert_int_equal(budget.used_bytes, 0);
}

static void oldest_gap_is_given_up_first(void **state)
{
    (void)state;
    for (unsigned int first = 0; first < 2; first++) {
        struct dialog_budget budget = {.max_bytes = 1 << 20,
                                       .max_session_bytes = 2 * SLOTS_BYTES + 2 * PIECE_BYTES + 2};
        struct dialog *dialog = new_dialog(&budget);
        const struct stream_tally *tally = dialog_tally(dialog);

        send_text(dialog, first, 1, "a");
        send_text(dialog, !first, 1, "b");
        assert_int_equal(budget.used_bytes, budget.max_session_bytes);
        send_text(dialog, !first, 3, "c"); /* does not fit */
        assert_int_equal(tally[first].delivered, 1);
        assert_int_equal(tally[first].hole_bytes, 1);
        assert_int_equal(tally[!first].delivered, 0);
        dialog_finish(dialog, NULL);
        assert_int_equal(tally[!first].delivered, 2);
        assert_int_equal(tally[0].dropped + tally[1].dropped, 0);
        dialog_free(dialog);
        assert_int_equal(budget.used_bytes, 0);
    }
}

static void new_segment_may_be_what_the_gap_ends_with(void **state)
{
    struct dialog_budget budget = {.max_bytes = 1 << 20,
                                   .max_session_bytes = SLOTS_BYTES + PIECE_BYTES + 1};
    struct dialog *dialog = new_dialog(&budget);
    const struct stream_tally *tally = dialog_tally(dialog);

    (void)state;
    send_text(dialog, 0, 9, "z");
    send_text(dialog, 0, 3, "def"); /* delivered at once, after a hole of 3 */
    assert_int_equal(tally[0].delivered, 3);
    assert_int_equal(tally[0].holes, 1);
    send_text(dialog, 0, 6, "ghi");
    assert_int_equal(tally[0].delivered, 7);
    assert_int_equal(tally[0].dropped, 0);
    dialog_free(dialog);
    assert_int_equal(budget.used_bytes, 0);
}

static void dropped_when_nothing_can_be_given_up(void **state)
{
    struct dialog_budget budget = {.max_bytes = SLOTS_BYTES + PIECE_BYTES + 1,
                                   .max_session_bytes = 1 << 20};
    struct dialog *full = new_dialog(&budget), *other = new_dialog(&budget);

    (void)state;
    send_text(full, 0, 9, "z");
    send_text(other, 0, 5, "abc");
    assert_int_equal(dialog_tally(other)[0].dropped, 3);
    assert_int_equal(dialog_tally(full)[0].delivered, 0);
    send_text(other, 0, 0, "abc"); /* in order: needs none */
    assert_int_equal(dialog_tally(other)[0].delivered, 3);
    dialog_free(full);
    dialog_free(other);
    assert_int_equal(budget.used_bytes, 0);
}

/* The hole made for room is known: what comes for it later is dropped, not a second copy. */
static void late_for_a_hole_made_for_room(void **state)
{
    struct dialog_budget budget = {.max_bytes = 1 << 20,
                                   .max_session_bytes = SLOTS_BYTES + PIECE_BYTES + 1};
    struct dialog *dialog = new_dialog(&budget);

    (void)state;
    send_text(dialog, 0, 9, "z");
    send_text(dialog, 0, 3, "def");
    send_text(dialog, 0, 0, "abc");
    assert_int_equal(dialog_tally(dialog)[0].dropped, 3);
    assert_int_equal(dialog_tally(dialog)[0].duplicate, 0);
    dialog_free(dialog);
    assert_int_equal(budget.used_bytes, 0);
    assert_int_equal(budget.hole_list_bytes, 0);
}

static void lists_of_holes_are_bounded_together(void **state)
{
    /* A quarter of it holds one list of four, and not two; the rest what waits of one dialog. */
    struct dialog_budget budget = {.max_bytes = 7 * 4 * sizeof(struct stream_hole),
                                   .max_session_bytes = 4096};
    struct dialog *one = new_dialog(&budget), *other = new_dialog(&budget);
    size_t count;

    (void)state;
    send_text(one, 0, 1, "a");
    send_text(other, 0, 1, "a");
    dialog_finish(one, NULL);
    dialog_finish(other, NULL);
    dialog_holes(one, &count);
    assert_int_equal(count, 1);
    dialog_holes(other, &count);
    assert_int_equal(count, 0);
    assert_int_equal(dialog_tally(other)[0].holes, 1);
    dialog_free(one);
    dialog_free(other);
    assert_int_equal(budget.hole_list_bytes, 0);
}

static void delivered_bytes_are_compared_when_remembered(void **state)
{
    static const struct {
        const char *name;
        uint32_t seq;
        const char *text;
        uint64_t conflicts, overlaps, unchecked;
        bool forgotten;
    } rows[] = {
        {"same", 4, "4567", 0, 0, 0, false},
        {"others", 4, "4X6X", 2, 1, 0, false},
        {"all", 0, "XXXXXXXXXX", 10, 1, 0, false},
        {"and more", 8, "8Xab", 1, 1, 0, false},
        {"a keep-alive's byte", 9, "X", 0, 0, 0, false},
        {"a byte that is none", 8, "X", 1, 1, 0, false},
        {"no room to remember all", 0, "XXXXXXXXXX", 7, 1, 3, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dialog_budget budget = {.max_bytes = 1 << 20,
                                       .max_session_bytes = 1 << 20,
                                       .history_max_bytes = rows[i].forgotten ? 64 : 1024};
        struct dialog *dialog = new_dialog(&budget);
        const struct stream_tally *tally = dialog_tally(dialog);

        send_text(dialog, 0, 0, "012");
        send_text(dialog, 0, 3, "34");
        send_text(dialog, 0, 5, "56");
        send_text(dialog, 0, 7, "78");
        send_text(dialog, 0, 9, "9");
        send_text(dialog, 0, rows[i].seq, rows[i].text);
        if (tally[0].overlap_conflicts != rows[i].conflicts ||
            tally[0].overlaps != rows[i].overlaps ||
            tally[0].overlap_unchecked != rows[i].unchecked)
            fail_msg("%s: %ju conflicts, %ju overlaps, %ju unchecked", rows[i].name,
                     (uintmax_t)tally[0].overlap_conflicts, (uintmax_t)tally[0].overlaps,
                     (uintmax_t)tally[0].overlap_unchecked);
        dialog_free(dialog);
        assert_int_equal(budget.history_used_bytes, 0);
        assert_int_equal(budget.used_bytes, 0);
    }
}

static void history_goes_on_behind_a_hole(void **state)
{
    struct dialog_budget budget = {
        .max_bytes = 1 << 20, .max_session_bytes = 1 << 20, .history_max_bytes = 1024};
    struct dialog *dialog = new_dialog(&budget);

    (void)state;
    send_text(dialog, 0, 0, "abcd");
    send_text(dialog, 0, 6, "ghij");
    dialog_ack(dialog, 1, 10, 1ull << 40); /* the gap is given up: what waited was a copy */
    send_text(dialog, 0, 10, "kl");
    send_text(dialog, 0, 0, "XbcXXXghijkX");
    assert_int_equal(dialog_tally(dialog)[0].overlap_conflicts, 3);
    assert_int_equal(dialog_tally(dialog)[0].overlap_unchecked, 6);
    dialog_free(dialog);
    assert_int_equal(budget.used_bytes, 0);
}

static void pieces_split_and_add_up(void **state)
{
    struct dialog_budget budget = {.max_bytes = 4096, .max_session_bytes = 4096};
    struct stream_memory memory = {.budget = &budget};
    struct waiting waiting = {0};
    struct segment seg = {.pkts = 3};
    struct stretch stretch = {
        .begin = 10, .end = 20, .cap_end = 20, .data = (const uint8_t *)"0123456789"};

    (void)state;
    assert_non_null(waiting_add(&waiting, &memory, &stretch, &seg));
    assert_true(waiting_split(&waiting, &memory, 14));
    assert_true(waiting_split(&waiting, &memory, 14));
    assert_true(waiting_split(&waiting, &memory, 10));
    assert_true(waiting_split(&waiting, &memory, 30));
    assert_int_equal(waiting.count, 2);
    assert_int_equal(waiting.bytes, 10);
    assert_memory_equal(waiting_at(&waiting, 1)->data, "456789", 6);
    assert_int_equal(waiting_at(&waiting, 0)->end, 14);
    assert_int_equal(waiting_at(&waiting, 1)->seg.pkts, 0);
    budget.max_bytes = budget.used_bytes;
    assert_false(waiting_split(&waiting, &memory, 16));
    assert_int_equal(waiting.bytes, 10);
    assert_int_equal(waiting_at(&waiting, 1)->end, 20);
    waiting_remove(&waiting, &memory, 0);
    assert_int_equal(waiting.bytes, 6);
    waiting_fini(&waiting, &memory);
    assert_int_equal(budget.used_bytes, 0);
    assert_int_equal(memory.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_doubted_ones_are_kept),
        cmocka_unit_test(oldest_gap_is_given_up_first),
        cmocka_unit_test(new_segment_may_be_what_the_gap_ends_with),
        cmocka_unit_test(dropped_when_nothing_can_be_given_up),
        cmocka_unit_test(late_for_a_hole_made_for_room),
        cmocka_unit_test(lists_of_holes_are_bounded_together),
        cmocka_unit_test(delivered_bytes_are_compared_when_remembered),
        cmocka_unit_test(history_goes_on_behind_a_hole),
        cmocka_unit_test(pieces_split_and_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
