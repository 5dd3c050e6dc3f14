/* SPDX-License-Identifier: Apache-2.0 */
/* Which of very many sessions are in the picture: checked against sorting them all. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "random.h"
#include "record_fixture.h"
#include "screen_support.h"
#include "sink/screen.h"
#include "sink/screen_select.h"
#include "tcp.h"

#define US        1000ULL
#define S         1000000000ULL
#define MANY      10000
#define HEAD_ROWS 3 /* two of totals and one of titles, at 80 columns */

/* ---- the selection -------------------------------------------------------------------------------- */

static int best_first(const void *left, const void *right)
{
    const struct selected *a = left, *b = right;

    return selected_better(a, b) ? -1 : 1;
}

static bool keep_odd(const void *ctx, const struct screen_row *row, uint64_t *rank)
{
    *rank ^= *(const uint64_t *)ctx;
    return row->session.number & 1;
}

static void check_selection(const struct selection *selection, struct selected *model, size_t count)
{
    size_t want = count < selection->limit ? count : selection->limit;

    qsort(model, count, sizeof(*model), best_first);
    assert_int_equal(selection->count, want);
    for (size_t i = 0; i < want; i++) {
        const struct screen_row *row = selection_find(selection, model[i].number);

        assert_non_null(row);
        assert_int_equal(row->session.number, model[i].number);
    }
}

static void test_selection_is_the_best(void **state)
{
    static const size_t limits[] = {1, 2, 7, 21, 100, 9999, 10000, 10001};
    struct selected *model = calloc(MANY, sizeof(*model));
    uint64_t seed = 1, flip = 0x155;

    (void)state;
    for (size_t l = 0; l < sizeof(limits) / sizeof(limits[0]); l++) {
        struct selection selection = {0};
        size_t kept = 0;

        assert_int_equal(selection_limit(&selection, limits[l]), 0);
        for (size_t i = 0; i < MANY; i++) {
            model[i] = (struct selected){.rank = random_below(&seed, 500), .number = i};
            if (selection_takes(&selection, model[i].rank, i))
                selection_add(&selection, model[i].rank, i)->session.number = i;
        }
        check_selection(&selection, model, MANY);
        assert_int_equal(selection_limit(&selection, limits[l] / 2), 0);
        check_selection(&selection, model, MANY);
        assert_int_equal(selection_limit(&selection, limits[l]), 0);
        selection_rank_again(&selection, keep_odd, &flip);
        for (size_t i = 0; i < limits[l] / 2 && i < MANY; i++)
            if (model[i].number & 1) {
                model[kept] = model[i];
                model[kept++].rank ^= flip;
            }
        check_selection(&selection, model, kept);
        selection_fini(&selection);
    }
    free(model);
}

/* ---- the picture ---------------------------------------------------------------------------------- */

struct stage {
    struct fake_terminal terminal;
    struct screen *screen;
    struct fixture session; /* changed into one after the other */
    unsigned int rows;
};

static void stage_open(struct stage *stage, unsigned int rows)
{
    struct screen_conf conf = {.rows = rows, .columns = 80};

    memset(stage, 0, sizeof(*stage));
    stage->rows = rows;
    fake_open(&stage->terminal, rows, 80);
    stage->screen = screen_new(stage->terminal.fd, &conf);
    assert_non_null(stage->screen);
    fixture_tcp_midstream(&stage->session);
}

static void stage_close(struct stage *stage)
{
    screen_free(stage->screen);
    fake_close(&stage->terminal);
}

/* The client's port is the session's number. */
static void tell(struct stage *stage, uint16_t number, uint64_t active_ns, enum close_reason reason,
                 uint64_t now_ns)
{
    stage->session.session.number = number;
    stage->session.session.close_reason = reason;
    stage->session.session.key.port[0] = WIRE_BE16(number);
    stage->session.flow.dir[0].last_ns = active_ns;
    stage->session.flow.dir[1].last_ns = active_ns / 2;
    stage->session.record.now_ns = now_ns;
    screen_add(stage->screen, &stage->session.record);
}

/* The numbers shown, from the top. */
static size_t draw(struct stage *stage, unsigned int *numbers)
{
    static const struct screen_totals totals = {0};
    const char *found, address[] = "192.168.1.1:";
    size_t count = 0;
    char *text;

    assert_int_equal(screen_draw(stage->screen, &totals), 0);
    fake_read(&stage->terminal);
    text = fake_text(&stage->terminal);
    for (found = text; (found = strstr(found, address)); count++) {
        found += sizeof(address) - 1;
        numbers[count] = (unsigned int)strtoul(found, NULL, 10);
    }
    free(text);
    return count;
}

static void check_numbers(struct stage *stage, const unsigned int *want, size_t want_count)
{
    unsigned int got[FAKE_ROWS];
    size_t count = draw(stage, got);

    assert_int_equal(count, want_count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(got[i], want[i]);
}
#define CHECK(stage, ...)                                     \
    check_numbers(stage, (const unsigned int[]){__VA_ARGS__}, \
                  sizeof((const unsigned int[]){__VA_ARGS__}) / sizeof(unsigned int))

static void test_many_sessions(void **state)
{
    struct selected *model = calloc(MANY, sizeof(*model));
    unsigned int want[FAKE_ROWS];
    uint64_t seed = 7;

    (void)state;
    for (unsigned int rows = 5; rows < FAKE_ROWS; rows += 7) {
        unsigned int shown = rows - 1 - (rows < 9 ? 2 : HEAD_ROWS);
        struct stage stage;

        stage_open(&stage, rows);
        for (unsigned int picture = 1; picture < 4; picture++) {
            uint64_t now_ns = picture * 1000 * S, recent = random_below(&seed, 30);

            screen_begin(stage.screen, now_ns);
            for (unsigned int i = 0; i < MANY; i++) {
                uint64_t active_ns = now_ns - 2 * S - 1 - random_below(&seed, 900000000) * US;

                if (random_below(&seed, MANY) < recent)
                    active_ns = now_ns - random_below(&seed, 2 * S + 1);
                model[i].number = 1 + (i * 7919 + picture) % MANY;
                model[i].rank = active_ns + 2 * S >= now_ns ? UINT64_MAX : active_ns;
                tell(&stage, (uint16_t)model[i].number, active_ns, CLOSE_NONE, now_ns);
            }
            qsort(model, MANY, sizeof(*model), best_first);
            for (unsigned int i = 0; i < shown; i++)
                want[i] = (unsigned int)model[i].number;
            check_numbers(&stage, want, shown);
        }
        stage_close(&stage);
    }
    free(model);
}

static void test_ended_linger(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage, 24);
    screen_begin(stage.screen, 100 * S);
    tell(&stage, 1, 99 * S, CLOSE_NONE, 100 * S);
    tell(&stage, 2, 50 * S, CLOSE_TIMEOUT, 100 * S);
    tell(&stage, 3, 90 * S, CLOSE_NONE, 100 * S);
    CHECK(&stage, 2, 1, 3);
    /* It ends between two pictures, and was told as open before. */
    tell(&stage, 1, 100 * S, CLOSE_FIN, 100 * S + 1);
    screen_begin(stage.screen, 104 * S);
    tell(&stage, 3, 101 * S, CLOSE_NONE, 104 * S);
    CHECK(&stage, 3, 1, 2);
    screen_begin(stage.screen, 105 * S);
    tell(&stage, 3, 101 * S, CLOSE_NONE, 105 * S);
    CHECK(&stage, 3, 1, 2);
    screen_begin(stage.screen, 105 * S + 1);
    tell(&stage, 3, 101 * S, CLOSE_NONE, 105 * S + 1);
    CHECK(&stage, 3, 1);
    screen_begin(stage.screen, 105 * S + 2);
    check_numbers(&stage, NULL, 0);
    stage_close(&stage);
}

/* Open and ended in one picture, or ended in several: it is there once, and goes when its time is over. */
static void test_told_twice(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage, 24);
    screen_begin(stage.screen, 100 * S);
    tell(&stage, 1, 100 * S, CLOSE_NONE, 100 * S);
    tell(&stage, 1, 100 * S, CLOSE_FIN, 100 * S);
    tell(&stage, 2, 100 * S, CLOSE_NONE, 100 * S);
    CHECK(&stage, 2, 1);
    screen_begin(stage.screen, 104 * S);
    tell(&stage, 1, 100 * S, CLOSE_FIN, 104 * S);
    tell(&stage, 2, 103 * S, CLOSE_NONE, 104 * S);
    CHECK(&stage, 2, 1);
    screen_begin(stage.screen, 106 * S);
    tell(&stage, 2, 106 * S, CLOSE_NONE, 106 * S);
    CHECK(&stage, 2);
    stage_close(&stage);
}

/* Many of both: a third of the rows is for those that ended; either takes what the other leaves. */
static void test_shares(void **state)
{
    static const struct {
        const char *name;
        unsigned int open, ended, want_open, want_ended;
    } cases[] = {
        {"both", 500, 500, 6, 3},    {"few ended", 500, 2, 7, 2},  {"few open", 2, 500, 2, 7},
        {"only open", 500, 0, 9, 0}, {"only ended", 0, 500, 0, 9}, {"all fit", 4, 5, 4, 5},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned int shown[FAKE_ROWS], open = 0;
        struct stage stage;
        size_t count;

        stage_open(&stage, 1 + HEAD_ROWS + 9);
        screen_begin(stage.screen, 100 * S);
        for (unsigned int n = 0; n < cases[i].open; n++)
            tell(&stage, (uint16_t)(1000 + n), 100 * S, CLOSE_NONE, 100 * S);
        for (unsigned int n = 0; n < cases[i].ended; n++)
            tell(&stage, (uint16_t)(2000 + n), 100 * S, CLOSE_FIN, 100 * S);
        count = draw(&stage, shown);
        for (size_t n = 0; n < count; n++)
            open += shown[n] < 2000;
        assert_int_equal(open, cases[i].want_open);
        assert_int_equal(count - open, cases[i].want_ended);
        stage_close(&stage);
    }
}

/* screen_wants says what screen_add does. */
static void test_wants(void **state)
{
    struct session session = {.number = 5};
    struct flow flow = {0};
    struct stage stage;

    (void)state;
    stage_open(&stage, 1 + HEAD_ROWS + 9);
    screen_begin(stage.screen, 100 * S);
    flow.dir[0].last_ns = 50 * S;
    assert_true(screen_wants(stage.screen, &session, &flow));
    for (unsigned int n = 10; n < 100; n++)
        tell(&stage, (uint16_t)n, 60 * S, CLOSE_NONE, 100 * S);
    assert_false(screen_wants(stage.screen, &session, &flow));
    flow.bits = FLOW_CLOSED;
    assert_true(screen_wants(stage.screen, &session, &flow));
    flow.bits = 0;
    flow.dir[1].last_ns = 60 * S;
    assert_false(screen_wants(stage.screen, &session, &flow));
    session.number = 100;
    assert_true(screen_wants(stage.screen, &session, &flow));
    stage_close(&stage);
}

static void test_before_the_first_picture(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage, 24);
    tell(&stage, 9, S, CLOSE_FIN, 100 * S);
    screen_begin(stage.screen, 101 * S);
    CHECK(&stage, 9);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selection_is_the_best),
        cmocka_unit_test(test_many_sessions),
        cmocka_unit_test(test_ended_linger),
        cmocka_unit_test(test_told_twice),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_wants),
        cmocka_unit_test(test_before_the_first_picture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
