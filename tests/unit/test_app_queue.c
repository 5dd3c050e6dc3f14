/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions looked into by a thread of their own: the same facts and names as at once, in the order told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/app_queue.h"
#include "packet.h"
#include "unit/app_driver.h"

#define SESSIONS  5000 /* more than a batch holds */
#define OPEN      300  /* at a time */
#define BIG_BYTES (300u << 10)

struct outcome {
    struct identity identity;
    const struct facts *facts;
    const char *names[2];
};

struct tested {
    struct names *names;
    struct app_queue *queue;
    unsigned int asked; /* for a release */
    unsigned int released;
    struct app_handle *handles[OPEN];
    struct outcome told[SESSIONS];
};

static void on_release(void *ctx)
{
    ((struct tested *)ctx)->released++;
}

static struct session make_session(unsigned int n)
{
    struct session session = {.number = n + 1, .key = {.l4_proto = IP_PROTO_TCP, .ip_version = 4}};

    for (unsigned int i = 0; i < 2; i++) {
        uint8_t *addr = session.key.addr[i].bytes;

        addr[10] = addr[11] = 0xff;
        addr[12] = (uint8_t)(10 + i);
        addr[14] = (uint8_t)(n >> 8);
        addr[15] = (uint8_t)n;
    }
    return session;
}

/* The bytes go out of date at once. */
static void say(struct tested *tested, struct app_handle *handle, enum app_side side, char *text)
{
    struct app_piece piece = {
        .side = side, .data = (uint8_t *)text, .len = strlen(text), .time_ns = 1000, .packet = 1};

    if (app_handle_wants_data(handle))
        app_queue_data(tested->queue, handle, &piece, false);
    memset(text, 'x', piece.len);
}

static void begin(struct tested *tested, unsigned int n)
{
    struct session session = make_session(n);
    struct app_handle *handle = app_queue_begin(tested->queue, &session.key);
    char request[64], name[32];

    assert_non_null(handle);
    assert_false(app_handle_wants_packets(handle));
    snprintf(request, sizeof(request), "GET /%u HTTP/1.1\r\nHost: h\r\n\r\n", n);
    say(tested, handle, APP_CLIENT, request);
    snprintf(name, sizeof(name), "server-%u", n);
    app_queue_name(tested->queue, session.key.addr[1].bytes, name, NAME_OF_CAPTURE);
    memset(name, 0, sizeof(name));
    tested->handles[n % OPEN] = handle;
}

static void end(struct tested *tested, unsigned int n)
{
    struct app_handle *handle = tested->handles[n % OPEN];
    struct outcome *told = &tested->told[n];
    char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    if (n % 3)
        say(tested, handle, APP_SERVER, answer);
    else
        app_queue_hole(tested->queue, handle, APP_SERVER, 40);
    if (n % 2)
        app_queue_over(tested->queue, handle);
    app_queue_end(tested->queue, handle,
                  &(struct app_ending){.time_ns = 2000,
                                       .key = make_session(n).key,
                                       .identity = &told->identity,
                                       .facts = &told->facts,
                                       .names = told->names});
    if (n % 100 == 0) {
        app_queue_release(tested->queue);
        tested->asked++;
    }
}

static void check(const struct outcome *told, unsigned int n)
{
    const struct http_transaction *http = told->facts ? told->facts->http : NULL;
    char expected[32];

    if (!http) {
        fail_msg("session %u: no transaction", n);
        return;
    }
    snprintf(expected, sizeof(expected), "/%u", n);
    assert_true(text_is(http->uri, expected));
    assert_int_equal(told->facts->http_count, 1);
    assert_int_equal(http->status, n % 3 ? 200 : 0);
    snprintf(expected, sizeof(expected), "server-%u", n);
    assert_string_equal(told->names[1], expected);
    assert_null(told->names[0]);
    facts_free(told->facts);
}

static void set_up(struct tested *tested)
{
    struct app_conf conf = {.http = true};

    memset(tested, 0, sizeof(*tested));
    tested->names = names_new(2 * SESSIONS);
    assert_non_null(tested->names);
    conf.names = tested->names;
    tested->queue = app_queue_new(&conf, on_release, tested);
    assert_non_null(tested->queue);
}

static void tear_down(struct tested *tested)
{
    app_queue_free(tested->queue);
    names_free(tested->names);
}

static void test_many_at_a_time(void **state)
{
    static struct tested tested;

    (void)state;
    set_up(&tested);
    for (unsigned int n = 0; n < SESSIONS + OPEN; n++) {
        if (n >= OPEN)
            end(&tested, n - OPEN);
        if (n < SESSIONS)
            begin(&tested, n);
    }
    app_queue_wait(tested.queue);
    assert_int_equal(tested.released, tested.asked);
    for (unsigned int n = 0; n < SESSIONS; n++)
        check(&tested.told[n], n);
    tear_down(&tested);
}

/* A name counts for sessions that end after it was told, not before; with none of app/ either. */
static void test_names_in_order(void **state)
{
    static struct tested tested;
    struct app_ending ending = {.key = make_session(0).key};

    (void)state;
    set_up(&tested);
    ending.names = tested.told[0].names;
    app_queue_end(tested.queue, NULL, &ending);
    app_queue_name(tested.queue, ending.key.addr[0].bytes, "later", NAME_OF_CAPTURE);
    ending.names = tested.told[1].names;
    app_queue_end(tested.queue, NULL, &ending);
    app_queue_wait(tested.queue);
    assert_null(tested.told[0].names[0]);
    assert_string_equal(tested.told[1].names[0], "later");
    tear_down(&tested);
}

/* A copy larger than a batch arrives; a request that never ends wants no more then. */
static void test_large_piece(void **state)
{
    static struct tested tested;
    static char text[BIG_BYTES + 1] = "GET /";
    const struct facts *facts = NULL;
    struct app_handle *handle;

    (void)state;
    set_up(&tested);
    handle = app_queue_begin(tested.queue, &(struct flow_key){.l4_proto = IP_PROTO_TCP});
    assert_non_null(handle);
    memset(text + strlen("GET /"), '?', BIG_BYTES - strlen("GET /"));
    say(&tested, handle, APP_CLIENT, text);
    app_queue_wait(tested.queue);
    assert_false(app_handle_wants_data(handle));
    app_queue_end(tested.queue, handle, &(struct app_ending){.facts = &facts});
    app_queue_wait(tested.queue);
    assert_non_null(facts);
    assert_int_equal(facts->parsers[0].status, PARSER_BROKEN);
    facts_free(facts);
    tear_down(&tested);
}

struct beginning_case {
    const char *name;
    bool is_stream;
    const char *first;
    bool wanted; /* what comes after it */
};

/* Who begins as no parser's sessions do wants no more at once; who said too little to tell is asked again. */
static void test_beginnings(void **state)
{
    static const struct beginning_case cases[] = {
        {"a request", true, "GET / HTTP/1.1\r\n", true},
        {"nobody's", true, "220 welcome\r\n", false},
        {"too short to tell", true, "22", true},
        {"nothing", true, "", true},
        {"nobody's datagram, short as it is", false, "22", false},
    };
    static struct tested tested;

    (void)state;
    set_up(&tested);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct flow_key key = {.l4_proto = cases[i].is_stream ? IP_PROTO_TCP : IP_PROTO_UDP};
        struct app_handle *handle = app_queue_begin(tested.queue, &key);
        char text[32];

        assert_non_null(handle);
        assert_true(app_handle_wants_data(handle));
        snprintf(text, sizeof(text), "%s", cases[i].first);
        say(&tested, handle, APP_CLIENT, text);
        if (app_handle_wants_data(handle) != cases[i].wanted)
            fail_msg("%s", cases[i].name);
        app_queue_end(tested.queue, handle, &(struct app_ending){0});
    }
    app_queue_wait(tested.queue);
    tear_down(&tested);
}

/* After all was told the thread ends by itself; what it has told stays. */
static void test_finish(void **state)
{
    static struct tested tested;

    (void)state;
    set_up(&tested);
    begin(&tested, 1);
    end(&tested, 1);
    app_queue_finish(tested.queue);
    app_queue_wait(tested.queue);
    check(&tested.told[1], 1);
    tear_down(&tested);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_at_a_time), cmocka_unit_test(test_names_in_order),
        cmocka_unit_test(test_large_piece),    cmocka_unit_test(test_beginnings),
        cmocka_unit_test(test_finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
