/* SPDX-License-Identifier: Apache-2.0 */
/* The sessions that a command line names: each is found once, however often and in whatever order it was named. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/stream_choice.h"

static struct chosen_stream *match(struct stream_choice *choice, uint8_t l4_proto, uint64_t index,
                                   uint64_t number)
{
    const struct session session = {
        .key = {.l4_proto = l4_proto}, .stream_index = index, .number = number};

    return stream_choice_match(choice, &session);
}

static void test_by_index(void **state)
{
    static const char *const names[] = {"7", "udp:3", "tcp:7", "icmp:0", "tcp:2", "7", "sctp:1"};
    struct stream_choice choice;

    (void)state;
    assert_int_equal(stream_choice_init(&choice, names, 7), 0);
    assert_int_equal(choice.count, 5);
    assert_string_equal(match(&choice, IP_PROTO_TCP, 7, 21)->text, "7");
    assert_string_equal(match(&choice, IP_PROTO_TCP, 2, 22)->text, "tcp:2");
    assert_string_equal(match(&choice, IP_PROTO_UDP, 3, 23)->text, "udp:3");
    assert_string_equal(match(&choice, IP_PROTO_ICMPV6, 0, 24)->text, "icmp:0");
    assert_null(match(&choice, IP_PROTO_TCP, 3, 25));
    assert_null(match(&choice, IP_PROTO_UDP, 7, 26));
    assert_null(match(&choice, IP_PROTO_SCTP, 0, 27));
    assert_false(stream_choice_found_all(&choice, "file"));
    assert_non_null(match(&choice, IP_PROTO_SCTP, 1, 28));
    assert_true(stream_choice_found_all(&choice, "file"));
    assert_int_equal(match(&choice, IP_PROTO_TCP, 7, 21)->number, 21);
    stream_choice_fini(&choice);
}

static void test_many(void **state)
{
    enum { STREAMS = 20000 };
    static char texts[STREAMS][16];
    static const char *names[STREAMS];
    struct stream_choice choice;

    (void)state;
    for (unsigned int i = 0; i < STREAMS; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%s:%u", i % 2 ? "tcp" : "udp", (i * 7919) % STREAMS);
        names[i] = texts[i];
    }
    assert_int_equal(stream_choice_init(&choice, names, STREAMS), 0);
    assert_int_equal(choice.count, STREAMS);
    for (unsigned int i = 0; i < STREAMS; i++) {
        uint8_t l4_proto = i % 2 ? IP_PROTO_TCP : IP_PROTO_UDP;

        assert_ptr_equal(match(&choice, l4_proto, (i * 7919) % STREAMS, i + 1)->text, texts[i]);
    }
    assert_true(stream_choice_found_all(&choice, "file"));
    stream_choice_fini(&choice);
}

static void test_wrong_names(void **state)
{
    static const char *const wrong[] = {"tcp:", "tcp:x", "quic:1", "1.5", "99999999999999999999",
                                        ""};
    struct stream_choice choice;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(stream_choice_init(&choice, &wrong[i], 1), -EINVAL);
        stream_choice_fini(&choice);
    }
    assert_int_equal(stream_choice_init(&choice, NULL, 0), 0);
    assert_null(match(&choice, IP_PROTO_TCP, 0, 1));
    stream_choice_fini(&choice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_index),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_wrong_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
