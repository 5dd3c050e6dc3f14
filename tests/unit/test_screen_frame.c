/* SPDX-License-Identifier: Apache-2.0 */
/* The live picture, character by character, on terminals of several sizes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "record_fixture.h"
#include "screen_support.h"
#include "sink/screen.h"
#include "tcp.h"

#define S 1000000000ULL

#define SESSIONS 7
struct scene {
    struct fixture sessions[SESSIONS];
    struct screen_totals totals;
    uint64_t now_ns;
};

/* Each session was active just now, so they stand by number, the newest first. */
static void make_scene(struct scene *scene)
{
    struct fixture *f = scene->sessions;

    *scene = (struct scene){
        .totals = {.interfaces = 2,
                   .sessions_open = 4,
                   .sessions_opened = 1234,
                   .sessions_closed = 1230,
                   .packets_per_second = 123456,
                   .bytes_per_second = 98765432,
                   .table_entries = 6,
                   .table_capacity = 1000,
                   .payload_lost_bytes = 100,
                   .unaccounted_packets = 42},
    };
    fixture_tcp_full(&f[0]);
    fixture_tcp_refused(&f[1]);
    fixture_tcp_midstream(&f[2]);
    fixture_udp(&f[3]);
    fixture_icmpv6(&f[4]);
    f[4].session.close_reason = CLOSE_NONE;
    fixture_tcp_refused(&f[5]);
    f[5].flow.bits = FLOW_SEEN | FLOW_SYN | FLOW_CLIENT_SURE;
    f[5].session.close_reason = CLOSE_NONE;
    f[5].host.container = "evil\033[31m\xc3\xa9";
    fixture_base(&f[6]);
    fixture_set_ends(&f[6].session.key, IP_PROTO_TCP, "2001:db8:1:2:3:4:5:6", 40000,
                     "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
    f[6].flow.bits = FLOW_SEEN | FLOW_FIN | FLOW_ESTABLISHED;
    f[6].flow.dir[0].payload_bytes = 1ULL << 40;
    scene->now_ns = f[0].flow.dir[0].last_ns;
    for (unsigned int i = 0; i < SESSIONS; i++) {
        f[i].session.number = 10 + i;
        f[i].flow.dir[0].last_ns = scene->now_ns;
        f[i].record.now_ns = scene->now_ns;
    }
}

static void draw(struct scene *scene, struct screen *screen, struct fake_terminal *terminal)
{
    screen_begin(screen, scene->now_ns);
    for (unsigned int i = 0; i < SESSIONS; i++)
        screen_add(screen, &scene->sessions[i].record);
    assert_int_equal(screen_draw(screen, &scene->totals), 0);
    fake_read(terminal);
    assert_int_equal(terminal->unknown, 0);
    assert_int_equal(terminal->wrapped, 0);
    assert_false(terminal->cursor_hidden);
}

static void check_frame(unsigned int rows, unsigned int columns, bool colour, const char *want)
{
    struct screen_conf conf = {.colour = colour, .rows = rows, .columns = columns};
    struct fake_terminal terminal;
    struct screen *screen;
    struct scene scene;
    char *text;

    make_scene(&scene);
    fake_open(&terminal, rows, columns);
    screen = screen_new(terminal.fd, &conf);
    assert_non_null(screen);
    for (int i = 0; i < 3; i++) {
        draw(&scene, screen, &terminal);
        text = fake_text(&terminal);
        assert_string_equal(text, want);
        free(text);
    }
    assert_int_equal(terminal.scrolled, 0);
    screen_free(screen);
    fake_close(&terminal);
}

static void test_80x24(void **state)
{
    static const char want[] =
        "sesstap  2 interfaces  4 open  1234 opened  1230 closed  123k packets/s\n"
        "94.1MiB/s  table 0.6%  payload lost 100B  unaccounted 42\n"
        "state      client            server              out      in   time rtx iface\n"
        "CLOSE_WAIT [2001:..6]:40000  [..ffff]:65535   1.0TiB      0B  59.8s   0 eth0\n"
        "SYN_SENT   [2001:..:1]:40000 [2001:..:2]:81       0B      0B  59.8s   0 eth0\n"
        "icmpv6     fe80::2           fe80::1             56B     56B  59.8s     ping.p..\n"
        "udp        10.0.0.2:33333    10.0.0.1:53         33B    120B  59.8s     veth1\n"
        "ESTAB      192.168.1.1:50000 192.168.1.2:443      0B     10B  59.8s   0 eth0\n"
        "CLOSED     [2001:..:1]:40000 [2001:..:2]:81       0B      0B  59.8s   0 eth0\n"
        "CLOSED     10.0.0.200:43512  10.0.0.1:80        420B  4.8KiB  59.8s 1/0 veth1\n";

    (void)state;
    check_frame(24, 80, false, want);
    check_frame(24, 80, true, want);
}

static void test_40x10(void **state)
{
    static const char want[] = "sesstap  2 interfaces  4 open\n"
                               "1234 opened  1230 closed  123k packets/s\n"
                               "state       client         server\n"
                               "CLOSE_WAIT  [..5:6]:40000  [2001:db8:f..\n"
                               "SYN_SENT    [..:1]:40000   [2001:..2]:81\n"
                               "icmpv6      fe80::2        fe80::1\n"
                               "udp         10.0.0.2:33333 10.0.0.1:53\n"
                               "ESTABLISHED 192...1:50000  192...1.2:443\n"
                               "CLOSED      [..:1]:40000   [2001:..2]:81\n";

    (void)state;
    check_frame(10, 40, false, want);
    check_frame(10, 40, true, want);
}

static void test_200x50(void **state)
{
    static const char want[] =
        "sesstap  2 interfaces  4 open  1234 opened  1230 closed  123k packets/s  94.1MiB/s "
        " table 0.6%  payload lost 100B  unaccounted 42\n"
        "  N  state        client                        server                             "
        "                 out       in  packets    time  handshake  rtx  close       iface  "
        "    container\n"
        " 16  CLOSE_WAIT   [2001:db8:1:2:3:4:5:6]:40000  [2001:db8:ffff:ffff:ffff:ffff:ffff:"
        "ffff]:65535   1.0TiB       0B        2   59.8s               0              eth0\n"
        " 15  SYN_SENT     [2001:db8::1]:40000           [2001:db8::2]:81                   "
        "                  0B       0B        2   59.8s               0              eth0   "
        "    evil?[31m?\?\n"
        " 14  icmpv6       fe80::2                       fe80::1                            "
        "                 56B      56B        2   59.8s                              ping.pc"
        "ap\n"
        " 13  udp          10.0.0.2:33333                10.0.0.1:53                        "
        "                 33B     120B        2   59.8s                  timeout     veth1\n"
        ""
        " 12  ESTABLISHED  192.168.1.1:50000             192.168.1.2:443                    "
        "                  0B      10B        2   59.8s               0              eth0\n"
        " 11  CLOSED       [2001:db8::1]:40000           [2001:db8::2]:81                   "
        "                  0B       0B        2   59.8s               0  rst server  eth0\n"
        " 10  CLOSED       10.0.0.200:43512              10.0.0.1:80                        "
        "                420B   4.8KiB       13   59.8s      350us  1/0  fin client  veth1  "
        "    web-0\n";

    (void)state;
    check_frame(50, 200, false, want);
    check_frame(50, 200, true, want);
}

static void test_tiny(void **state)
{
    static const struct {
        unsigned int rows, columns;
        const char *want;
    } cases[] = {
        {1, 1, "s\n"},
        {1, 20, "sesstap\n"},
        {2, 12, "sesstap\n"},
        {3, 5, "sesst\n"},
        {4, 5, "sesst\nstate\nCLOSE\n"},
        {4, 12, "sesstap\nstate\nCLOSE_WAIT\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_frame(cases[i].rows, cases[i].columns, true, cases[i].want);
}

/* Exactly what is written, once: the first picture, on a terminal of six rows. */
static void test_bytes(void **state)
{
    static const char want[] = "\033[?25l\n\n\n\n\n\033[H\033[2J"
                               "\033[0;1mwho\033[0m  2 interfaces\033[0;1m  4 open\033[0m\033[K\r\n"
                               "\033[0;7mstate       client        \033[0m\r\n"
                               "CLOSE_WAIT  [..5:6]:40000\033[K\r\n"
                               "\033[J\033[?25h";
    struct screen_conf conf = {.colour = true, .rows = 6, .columns = 26, .title = "who"};
    struct fake_terminal terminal;
    struct screen *screen;
    struct scene scene;
    char got[2048];
    ssize_t len;

    (void)state;
    make_scene(&scene);
    fake_open(&terminal, 6, 26);
    screen = screen_new(terminal.fd, &conf);
    screen_begin(screen, scene.now_ns);
    screen_add(screen, &scene.sessions[6].record);
    assert_int_equal(screen_draw(screen, &scene.totals), 0);
    len = pread(terminal.fd, got, sizeof(got) - 1, 0);
    assert_true(len > 0);
    got[len] = '\0';
    assert_string_equal(got, want);
    screen_free(screen);
    fake_close(&terminal);
}

/* Nothing wraps, nothing scrolls and nothing of an older picture stays, whatever the size. */
static void test_any_size(void **state)
{
    static const unsigned int all_rows[] = {1, 2, 3, 5, 8, 9, 13, 24, 60};
    struct fake_terminal terminal;
    struct scene scene;

    (void)state;
    make_scene(&scene);
    for (size_t i = 0; i < sizeof(all_rows) / sizeof(all_rows[0]); i++)
        for (unsigned int columns = 1; columns <= FAKE_COLUMNS; columns += 1 + columns / 40) {
            struct screen_conf conf = {.colour = i & 1, .rows = all_rows[i], .columns = columns};
            struct screen *screen;
            char *before, *after;

            fake_open(&terminal, conf.rows, conf.columns);
            screen = screen_new(terminal.fd, &conf);
            draw(&scene, screen, &terminal);
            before = fake_text(&terminal);
            memset(terminal.grid, '#', sizeof(terminal.grid));
            draw(&scene, screen, &terminal);
            after = fake_text(&terminal);
            assert_string_equal(after, before);
            assert_int_equal(terminal.scrolled, 0);
            free(before);
            free(after);
            screen_free(screen);
            fake_close(&terminal);
        }
}

/* How the state and the client of each row look: the last digit of the escape, 2 dim, 0 plain. */
static void test_looks(void **state)
{
    static const struct {
        const char *name;
        char state, client;
    } want[SESSIONS] = {
        {"CLOSE_WAIT", 0, 0},    {"SYN_SENT", '3', 0}, {"icmpv6", 0, 0},     {"udp", '2', '2'},
        {"ESTABLISHED", '2', 0}, {"reset", '1', '2'},  {"closed", '2', '2'},
    };
    struct screen_conf conf = {.colour = true, .rows = 24, .columns = 120};
    struct fake_terminal terminal;
    struct screen *screen;
    struct scene scene;

    (void)state;
    make_scene(&scene);
    fake_open(&terminal, 24, 120);
    screen = screen_new(terminal.fd, &conf);
    draw(&scene, screen, &terminal);
    for (unsigned int i = 0; i < SESSIONS; i++) {
        assert_int_equal(terminal.looks[3 + i][5], want[i].state);
        assert_int_equal(terminal.looks[3 + i][18], want[i].client);
    }
    screen_free(screen);
    fake_close(&terminal);
}

/* Sessions that are not told again are gone, and what they were on the terminal too. */
static void test_nothing_left(void **state)
{
    static const char want[] =
        "sesstap  0 interfaces  0 open  0 opened  0 closed  0 packets/s  0B/s\n"
        "payload lost 0B  unaccounted 0\n"
        "state      client            server              out      in   time rtx iface\n"
        "no session to show\n";
    struct screen_conf conf = {.rows = 24, .columns = 80};
    struct screen_totals none = {0};
    struct fake_terminal terminal;
    struct screen *screen;
    struct scene scene;
    char *text;

    (void)state;
    make_scene(&scene);
    fake_open(&terminal, 24, 80);
    screen = screen_new(terminal.fd, &conf);
    draw(&scene, screen, &terminal);
    screen_begin(screen, scene.now_ns + 10 * S);
    assert_int_equal(screen_draw(screen, &none), 0);
    fake_read(&terminal);
    text = fake_text(&terminal);
    assert_string_equal(text, want);
    free(text);
    screen_free(screen);
    fake_close(&terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_80x24),  cmocka_unit_test(test_40x10),
        cmocka_unit_test(test_200x50), cmocka_unit_test(test_tiny),
        cmocka_unit_test(test_bytes),  cmocka_unit_test(test_any_size),
        cmocka_unit_test(test_looks),  cmocka_unit_test(test_nothing_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
