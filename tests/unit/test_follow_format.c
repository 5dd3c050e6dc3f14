/* SPDX-License-Identifier: Apache-2.0 */
/* A stream in each format, compared character by character. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sink/follow_format.h"

#define FIRST_NS 1795254240000000000ULL
#define BOTH     .client = true, .server = true

enum what { END, CLIENT, SERVER, CLIENT_HOLE, SERVER_HOLE };

struct step {
    enum what what;
    uint64_t offset;
    const char *data; /* text; of a hole NULL */
    uint64_t len;     /* 0: strlen(data) */
    unsigned int us;  /* since the session's first packet */
};

static const struct row {
    const char *name;
    struct follow_conf conf;
    struct step steps[8];
    const char *expected;
    uint64_t hole_bytes;
} rows[] = {
    {"ascii: lots, line ends and what is not printable",
     {FOLLOW_ASCII, BOTH},
     {{CLIENT, 0, "GET / HTTP/1.1\r", 0, 100},
      {CLIENT, 15, "\n\r\n", 0, 150},
      {SERVER, 0, "a\tb\x01\x7f\xc3\xa9", 0, 300},
      {CLIENT, 18, "x\ry\r", 0, 400}},
     "[client, lot 1, 0.000100 s]\nGET / HTTP/1.1\n\n"
     "[server, lot 2, 0.000300 s]\na\tb....\n"
     "[client, lot 3, 0.000400 s]\nx.y.\n",
     0},
    {"ascii: a hole in a line",
     {FOLLOW_ASCII, BOTH},
     {{SERVER, 0, "one", 0, 1}, {SERVER_HOLE, 3, NULL, 1448, 0}, {SERVER, 1451, "two\n", 0, 2}},
     "[server, lot 1, 0.000001 s]\none\n[1448 bytes missing]\ntwo\n",
     1448},
    {"ascii: one side alone has no notes but of its own holes",
     {FOLLOW_ASCII, .client = true},
     {{CLIENT, 0, "a\n", 0, 1},
      {SERVER, 0, "b\n", 0, 2},
      {SERVER_HOLE, 2, NULL, 5, 0},
      {CLIENT_HOLE, 2, NULL, 7, 0},
      {CLIENT, 9, "c\n", 0, 3}},
     "a\n[7 bytes missing]\nc\n",
     7},
    {"ascii: a colour a side",
     {FOLLOW_ASCII, BOTH, .colour = true},
     {{CLIENT, 0, "a", 0, 0}, {SERVER, 0, "b\n", 0, 0}, {SERVER_HOLE, 2, NULL, 1, 0}},
     "\033[2m[client, lot 1, 0.000000 s]\033[0m\n\033[31ma\033[0m\n"
     "\033[2m[server, lot 2, 0.000000 s]\033[0m\n\033[34mb\n\033[0m"
     "\033[2m[1 bytes missing]\033[0m\n",
     1},
    {"hex: rows are filled over segments, and end with the lot",
     {FOLLOW_HEX, BOTH},
     {{CLIENT, 0, "0123456", 0, 1}, {CLIENT, 7, "789abcdefG", 0, 2}, {SERVER, 0, "\x00\xff", 2, 3}},
     "[client, lot 1, 0.000001 s]\n"
     "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
     "00000010  47                                                |G|\n"
     "[server, lot 2, 0.000003 s]\n"
     "    00000000  00 ff                                             |..|\n",
     0},
    {"hex: offsets go on behind a hole, and beyond 4 GB",
     {FOLLOW_HEX, .server = true},
     {{SERVER, 0, "ab", 0, 1},
      {SERVER_HOLE, 2, NULL, 0x1fffffffe, 0},
      {SERVER, 0x200000000, "cd", 0, 2}},
     "    00000000  61 62                                             |ab|\n"
     "    [8589934590 bytes missing]\n"
     "    200000000  63 64                                             |cd|\n",
     0x1fffffffe},
    {"raw: bytes and nothing else",
     {FOLLOW_RAW, BOTH, .colour = true},
     {{CLIENT, 0, "a\r", 0, 1},
      {SERVER, 0, "\x1b", 0, 2},
      {CLIENT_HOLE, 2, NULL, 3, 0},
      {CLIENT, 5, "b", 0, 3}},
     "a\r\x1b"
     "b",
     3},
    {"json: an object a lot, text when it is some",
     {FOLLOW_JSON, BOTH},
     {{CLIENT, 0, "Hi", 0, 1},
      {CLIENT, 2, " \"caf\xc3\xa9\"\n", 0, 2},
      {SERVER, 0, "\xff\xfe", 0, 3},
      {SERVER_HOLE, 2, NULL, 10, 0},
      {SERVER, 12, "\x01z", 0, 4}},
     "{\"n\":1,\"direction\":\"out\",\"offset\":0,\"length\":11,\"first\":1795254240.000001,"
     "\"data\":\"SGkgImNhZsOpIgo=\",\"text\":\"Hi \\\"caf\xc3\xa9\\\"\\n\"}\n"
     "{\"n\":2,\"direction\":\"in\",\"offset\":0,\"length\":2,\"first\":1795254240.000003,"
     "\"data\":\"//4=\"}\n"
     "{\"n\":2,\"direction\":\"in\",\"offset\":2,\"missing\":10}\n"
     "{\"n\":2,\"direction\":\"in\",\"offset\":12,\"length\":2,\"first\":1795254240.000003,"
     "\"data\":\"AXo=\"}\n",
     10},
    {"json: numbers of lots do not change with the side shown",
     {FOLLOW_JSON, .server = true},
     {{CLIENT, 0, "a", 0, 1}, {SERVER, 0, "b", 0, 2}},
     "{\"n\":2,\"direction\":\"in\",\"offset\":0,\"length\":1,\"first\":1795254240.000002,"
     "\"data\":\"Yg==\",\"text\":\"b\"}\n",
     0},
    {"nothing was said", {FOLLOW_ASCII, BOTH}, {{END}}, "", 0},
};

static void play(struct follow *follow, const struct step *step)
{
    bool from_client = step->what == CLIENT || step->what == CLIENT_HOLE;

    if (step->what == CLIENT_HOLE || step->what == SERVER_HOLE)
        follow_hole(follow, from_client, step->offset, step->len);
    else
        follow_data(follow, from_client, step->offset, (const uint8_t *)step->data,
                    step->len ? step->len : strlen(step->data), FIRST_NS + step->us * 1000ULL);
}

static void test_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct follow_conf conf = row->conf;
        struct follow follow;
        struct buf out = {0};

        conf.first_ns = FIRST_NS;
        follow_init(&follow, &conf, &out);
        for (const struct step *step = row->steps; step->what != END; step++)
            play(&follow, step);
        follow_finish(&follow);
        buf_add(&out, "", 1);
        assert_false(out.failed);
        if (strcmp(out.data, row->expected))
            fail_msg("%s: expected\n%s\ngot\n%s", row->name, row->expected, out.data);
        if (follow.hole_bytes != row->hole_bytes)
            fail_msg("%s: %llu bytes missing", row->name, (unsigned long long)follow.hole_bytes);
        follow_fini(&follow);
        buf_fini(&out);
    }
}

/* A large lot is told in pieces of the same number, each where the one before ended. */
static void test_json_pieces(void **state)
{
    struct follow_conf conf = {FOLLOW_JSON, BOTH, .first_ns = FIRST_NS};
    size_t len = FOLLOW_PIECE_BYTES + 3;
    uint8_t *data = malloc(len);
    struct follow follow;
    struct buf out = {0};
    const char *second;

    (void)state;
    memset(data, 'x', len);
    follow_init(&follow, &conf, &out);
    follow_data(&follow, true, 0, data, len, FIRST_NS);
    follow_finish(&follow);
    buf_add(&out, "", 1);
    assert_memory_equal(out.data, "{\"n\":1,\"direction\":\"out\",\"offset\":0,\"length\":1048576,",
                        52);
    second = strchr(out.data, '\n') + 1;
    assert_string_equal(second,
                        "{\"n\":1,\"direction\":\"out\",\"offset\":1048576,\"length\":3,"
                        "\"first\":1795254240.000000,\"data\":\"eHh4\",\"text\":\"xxx\"}\n");
    follow_fini(&follow);
    buf_fini(&out);
    free(data);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(follow_format_parse("ascii"), FOLLOW_ASCII);
    assert_int_equal(follow_format_parse("hex"), FOLLOW_HEX);
    assert_int_equal(follow_format_parse("raw"), FOLLOW_RAW);
    assert_int_equal(follow_format_parse("json"), FOLLOW_JSON);
    assert_int_equal(follow_format_parse("yaml"), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_json_pieces),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
