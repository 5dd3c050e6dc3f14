/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of last records, and the notes of sessions: what a process that is killed anywhere leaves, the next one settles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "session/journal.h"
#include "session/notes.h"
#include "session/table.h"
#include "wire.h"

#define IDS_MAX 16

struct forgotten {
    uint64_t ids[IDS_MAX];
    size_t count;
};

static void on_forget(void *ctx, const struct pin_line *line)
{
    struct forgotten *forgotten = ctx;

    assert_int_equal(line->note, line->flow_id % 10);
    assert_int_equal(line->noted, line->flow_id % 2);
    assert_true(forgotten->count < IDS_MAX);
    forgotten->ids[forgotten->count++] = line->flow_id;
}

static struct pin_state *new_state(void)
{
    struct pin_state *state = calloc(1, sizeof(*state));

    assert_non_null(state);
    state->batch = 1;
    return state;
}

static void add(struct journal *journal, uint64_t id, uint64_t end_bytes)
{
    const struct pin_line line = {.flow_id = id,
                                  .end_bytes = end_bytes,
                                  .skbs = id,
                                  .pkts = 2 * id,
                                  .payload_lost_bytes = id == 103,
                                  .note = id % 10,
                                  .noted = id % 2};

    journal_add(journal, &line);
}

/* Three lines that end at 100, 200 and 300, and the next process finds a file of so many bytes. */
static void size_of_file_tells(void **state)
{
    static const struct {
        const char *name;
        uint64_t size_bytes;
        bool same_file;
        uint64_t skbs;
        size_t forgotten;
        uint32_t unknown;
    } rows[] = {
        {"nothing written", 0, true, 0, 0, 0},
        {"the first line but its end", 99, true, 0, 0, 0},
        {"the first line", 100, true, 101, 1, 0},
        {"two lines and a part", 299, true, 101 + 102, 2, 0},
        {"all", 300, true, 101 + 102 + 103, 3, 0},
        {"another file", 300, false, 0, 0, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pin_state *pinned = new_state();
        struct forgotten forgotten = {.count = 0};
        struct journal journal;

        journal_open(&journal, pinned, 0, true, on_forget, &forgotten);
        add(&journal, 101, 100);
        add(&journal, 102, 200);
        add(&journal, 103, 300);
        assert_int_equal(journal_open(&journal, pinned, rows[i].size_bytes, rows[i].same_file,
                                      on_forget, &forgotten),
                         rows[i].unknown);
        assert_int_equal(forgotten.count, rows[i].forgotten);
        assert_int_equal(journal_totals(&journal)->skbs, rows[i].skbs);
        assert_int_equal(journal_totals(&journal)->pkts, 2 * rows[i].skbs);
        assert_int_equal(journal_totals(&journal)->sessions, rows[i].forgotten);
        assert_int_equal(journal_totals(&journal)->sessions_with_loss, rows[i].forgotten == 3);
        free(pinned);
    }
}

static void no_line_is_written_at_once(void **state)
{
    struct pin_state *pinned = new_state();
    struct forgotten forgotten = {.count = 0};
    struct journal journal;

    (void)state;
    journal_open(&journal, pinned, 0, true, on_forget, &forgotten);
    add(&journal, 101, 0);
    assert_int_equal(journal_open(&journal, pinned, 0, false, on_forget, &forgotten), 0);
    assert_int_equal(forgotten.count, 1);
    assert_int_equal(journal_totals(&journal)->sessions, 1);
    free(pinned);
}

static struct pin_state *copy_of(const struct pin_state *pinned)
{
    struct pin_state *copy = new_state();

    memcpy(copy, pinned, sizeof(*copy));
    return copy;
}

struct killed {
    const struct pin_state *pinned;
    struct pin_state *left[IDS_MAX]; /* what a kill at each call would leave */
    size_t count;
};

static void on_forget_killed(void *ctx, const struct pin_line *line)
{
    struct killed *killed = ctx;

    (void)line;
    killed->left[killed->count++] = copy_of(killed->pinned);
}

/* Killed in the middle of a commit, any line may be forgotten twice, but none is counted twice or not at all. */
static void killed_while_committing(void **state)
{
    struct pin_state *pinned = new_state();
    struct killed killed = {.pinned = pinned};
    struct forgotten forgotten = {.count = 0};
    struct journal journal;

    (void)state;
    journal_open(&journal, pinned, 0, true, on_forget, &forgotten);
    add(&journal, 101, 100);
    journal_commit(&journal, on_forget, &forgotten);
    add(&journal, 102, 200);
    add(&journal, 103, 300);
    journal_commit(&journal, on_forget_killed, &killed);
    assert_int_equal(killed.count, 2);
    killed.left[killed.count++] = copy_of(pinned);
    for (size_t i = 0; i < killed.count; i++) {
        journal_open(&journal, killed.left[i], 300, true, on_forget, &forgotten);
        assert_int_equal(journal_totals(&journal)->skbs, 101 + 102 + 103);
        assert_int_equal(journal_totals(&journal)->sessions, 3);
        free(killed.left[i]);
    }
    assert_int_equal(forgotten.count, 1 + 2 + 2);
    free(pinned);
}

/* A line is in the journal when its last word is stored, and what was there before it counts no more. */
static void old_batches_are_over(void **state)
{
    struct pin_state *pinned = new_state();
    struct forgotten forgotten = {.count = 0};
    struct journal journal;

    (void)state;
    journal_open(&journal, pinned, 0, true, on_forget, &forgotten);
    for (uint64_t i = 0; i < PIN_LINES; i++) {
        assert_false(journal_is_full(&journal));
        add(&journal, 0, 1);
    }
    assert_true(journal_is_full(&journal));
    pinned->lines[1].batch--; /* a kill before the second line's last store */
    journal_open(&journal, pinned, 1, true, on_forget, &forgotten);
    assert_int_equal(forgotten.count, 1);
    journal_commit(&journal, on_forget, &forgotten);
    assert_int_equal(forgotten.count, 1);
    add(&journal, 105, 10);
    journal_open(&journal, pinned, 10, true, on_forget, &forgotten);
    assert_int_equal(forgotten.count, 2);
    assert_int_equal(forgotten.ids[1], 105);
    free(pinned);
}

static void sessions_keep_their_numbers(void **state)
{
    struct session_note slots[3] = {{.id = 0}};
    struct session_numbers numbers = {.sessions = 0};
    struct flow_key key = {.l4_proto = IP_PROTO_TCP};
    struct notes *notes = notes_new(slots, 3);
    struct table *table = table_new();
    struct session *session, *other;

    (void)state;
    table_use_numbers(table, &numbers);
    session = table_insert(table, 70, &key);
    session->note = notes_take(notes, session);
    other = table_insert(table, 60, &key);
    other->note = notes_take(notes, other);
    strcpy(session->instance, "veth7");
    session->updates = 4;
    session->created_ns = 1234;
    notes_update(session->note, session);
    table_free(table);
    notes_free(notes); /* the process ends here */

    notes = notes_new(slots, 3);
    table = table_new();
    table_use_numbers(table, &numbers);
    assert_null(notes_recall(notes, 65));
    session = table_restore(table, 70, &key, notes_recall(notes, 70));
    assert_int_equal(session->number, 1);
    assert_int_equal(session->stream_index, 0);
    assert_int_equal(session->updates, 4);
    assert_int_equal(session->created_ns, 1234);
    assert_string_equal(session->instance, "veth7");
    assert_null(notes_recall(notes, 70));
    assert_int_equal(table_insert(table, 80, &key)->number, 3);
    assert_non_null(notes_take(notes, session));
    assert_null(
        notes_take(notes, session)); /* the third slot is of the session that nobody recalled */
    notes_forget_rest(notes);
    assert_non_null(notes_take(notes, session));
    table_free(table);
    notes_free(notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_of_file_tells),          cmocka_unit_test(no_line_is_written_at_once),
        cmocka_unit_test(killed_while_committing),     cmocka_unit_test(old_batches_are_over),
        cmocka_unit_test(sessions_keep_their_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
