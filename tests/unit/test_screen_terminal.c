/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals that are slow, stopped or gone: the picture never waits for one, and never breaks within a frame. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "record_fixture.h"
#include "screen_support.h"
#include "sink/screen.h"
#include "tcp.h"

#define DRAWS_MOST 100
#define S          1000000000ULL
#define ROWS       40
#define COLUMNS    150
#define SESSIONS   60

struct pair {
    int master, slave;
    struct fixture session;
    struct screen_totals totals;
    struct fake_terminal shown;
};

static void pair_open(struct pair *pair)
{
    struct winsize size = {.ws_row = ROWS, .ws_col = COLUMNS};
    struct termios raw;

    memset(pair, 0, sizeof(*pair));
    assert_int_equal(openpty(&pair->master, &pair->slave, NULL, NULL, &size), 0);
    assert_int_equal(tcgetattr(pair->slave, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(pair->slave, TCSANOW, &raw), 0);
    assert_int_equal(fcntl(pair->master, F_SETFL, O_NONBLOCK), 0);
    fixture_tcp_midstream(&pair->session);
    fake_open(&pair->shown, ROWS, COLUMNS);
}

static void pair_close(struct pair *pair)
{
    if (pair->master >= 0)
        close(pair->master);
    close(pair->slave);
    fake_close(&pair->shown);
}

static int draw(struct pair *pair, struct screen *screen, uint64_t seconds)
{
    pair->totals.sessions_opened = seconds;
    screen_begin(screen, seconds * S);
    for (unsigned int i = 0; i < SESSIONS; i++) {
        pair->session.session.number = i;
        screen_add(screen, &pair->session.record);
    }
    return screen_draw(screen, &pair->totals);
}

/* Show all that the terminal was sent; returns how many bytes. */
static size_t show(struct pair *pair)
{
    struct pollfd wait = {.fd = pair->master, .events = POLLIN};
    char data[4096];
    size_t total = 0;
    ssize_t len;

    while (poll(&wait, 1, 50) > 0 && (len = read(pair->master, data, sizeof(data))) > 0) {
        fake_show(&pair->shown, data, (size_t)len);
        total += (size_t)len;
    }
    return total;
}

/* What the head says in the place of the count of opened sessions. */
static unsigned long drawn_number(const struct pair *pair)
{
    static const char before[] = "0 interfaces  0 open  ";
    char *text = fake_text(&pair->shown), *found = strstr(text, before);
    unsigned long number = found ? strtoul(found + sizeof(before) - 1, NULL, 10) : 0;

    free(text);
    return number;
}

static void check_clean(const struct pair *pair)
{
    assert_int_equal(pair->shown.unknown, 0);
    assert_int_equal(pair->shown.wrapped, 0);
    assert_false(pair->shown.cursor_hidden);
    assert_int_equal(pair->shown.look, 0);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void test_asks_for_the_size(void **state)
{
    struct winsize size = {.ws_row = 10, .ws_col = 40};
    struct screen_conf conf = {.colour = true};
    struct screen *screen;
    struct pair pair;

    (void)state;
    pair_open(&pair);
    screen = screen_new(pair.slave, &conf);
    assert_int_equal(draw(&pair, screen, 7), 0);
    assert_true(show(&pair) > 0);
    assert_int_equal(pair.shown.row, ROWS - 1);
    assert_int_equal(drawn_number(&pair), 7);
    check_clean(&pair);
    assert_int_equal(ioctl(pair.master, TIOCSWINSZ, &size), 0);
    assert_int_equal(draw(&pair, screen, 8), 0);
    show(&pair);
    assert_int_equal(pair.shown.row, 9);
    check_clean(&pair);
    screen_free(screen);
    pair_close(&pair);
}

/* Nobody reads: draws return at once; then the broken frame is finished before a new one begins. */
static void test_stopped_terminal(void **state)
{
    struct screen_conf conf = {.colour = true};
    struct screen *screen;
    uint64_t begun;
    struct pair pair;

    (void)state;
    pair_open(&pair);
    screen = screen_new(pair.slave, &conf);
    begun = now_ms();
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(draw(&pair, screen, i), 0);
    assert_true(now_ms() - begun < 5000);
    assert_true(show(&pair) > 0);
    for (uint64_t i = 101; i <= 110; i++) {
        unsigned int draws = 0;

        /* Its room comes back when the kernel's worker gets to it: a draw may find too little for all. */
        do {
            assert_int_equal(draw(&pair, screen, i), 0);
            show(&pair);
            assert_int_equal(pair.shown.unknown, 0);
        } while ((pair.shown.cursor_hidden || drawn_number(&pair) != i) && ++draws < DRAWS_MOST);
        assert_int_equal(drawn_number(&pair), i);
        check_clean(&pair);
    }
    assert_int_equal(fcntl(pair.slave, F_GETFL) & O_NONBLOCK, 0);
    screen_free(screen);
    pair_close(&pair);
}

/* The end waits for a stopped terminal, but not for long. */
static void test_free_is_bounded(void **state)
{
    struct screen_conf conf = {.colour = true};
    struct screen *screen;
    uint64_t begun;
    struct pair pair;

    (void)state;
    pair_open(&pair);
    screen = screen_new(pair.slave, &conf);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(draw(&pair, screen, i), 0);
    begun = now_ms();
    screen_free(screen);
    assert_in_range(now_ms() - begun, 150, 3000);
    pair_close(&pair);
}

/* The cursor is left below the picture, on a line of its own. */
static void test_free_leaves_the_picture(void **state)
{
    static const struct {
        unsigned int rows, cursor_row;
    } cases[] = {{24, 23}, {5, 4}, {2, 1}, {1, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct screen_conf conf = {.rows = cases[i].rows, .columns = COLUMNS};
        struct screen *screen;
        struct pair pair;

        pair_open(&pair);
        fake_close(&pair.shown);
        fake_open(&pair.shown, cases[i].rows, COLUMNS);
        screen = screen_new(pair.shown.fd, &conf);
        assert_int_equal(draw(&pair, screen, 3), 0);
        fake_read(&pair.shown);
        assert_int_equal(drawn_number(&pair), 3);
        assert_int_equal(pair.shown.scrolled, 0);
        screen_free(screen);
        fake_read(&pair.shown);
        assert_int_equal(pair.shown.row, cases[i].cursor_row);
        assert_int_equal(pair.shown.column, 0);
        assert_int_equal(pair.shown.scrolled, cases[i].rows == 1);
        check_clean(&pair);
        pair_close(&pair);
    }
}

static void test_terminal_gone(void **state)
{
    struct screen_conf conf = {.colour = true};
    struct screen *screen;
    struct pair pair;

    (void)state;
    pair_open(&pair);
    screen = screen_new(pair.slave, &conf);
    close(pair.master);
    pair.master = -1;
    assert_int_equal(draw(&pair, screen, 1), -EIO);
    assert_int_equal(draw(&pair, screen, 2), -EIO);
    screen_free(screen);
    pair_close(&pair);
}

static void test_pipe(void **state)
{
    struct screen_conf conf = {.rows = ROWS, .columns = COLUMNS};
    struct screen *screen;
    struct pair pair;
    int ends[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    pair_open(&pair);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 0);
    screen = screen_new(ends[1], &conf);
    for (uint64_t i = 1; i <= 10; i++)
        assert_int_equal(draw(&pair, screen, i), 0);
    close(ends[0]);
    assert_int_equal(draw(&pair, screen, 11), -EPIPE);
    screen_free(screen);
    screen_free(NULL);
    close(ends[1]);
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_for_the_size), cmocka_unit_test(test_stopped_terminal),
        cmocka_unit_test(test_free_is_bounded),   cmocka_unit_test(test_free_leaves_the_picture),
        cmocka_unit_test(test_terminal_gone),     cmocka_unit_test(test_pipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
