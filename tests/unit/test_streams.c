/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a session's two byte streams, byte for byte, under each policy for holes. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sink/streams.h"

/* One call: text is data, no text a hole. */
struct step {
    bool from_client;
    uint64_t offset;
    const char *text;
    uint64_t hole_bytes;
    int result;
};

enum { STEPS = 6 };

struct stream_case {
    const char *name;
    enum hole_policy policy;
    struct step steps[STEPS];
    const char *client; /* NULL: no file */
    const char *server;
    size_t client_len;
    size_t server_len;
};

#define CLIENT(text) .client = (text), .client_len = sizeof(text) - 1
#define SERVER(text) .server = (text), .server_len = sizeof(text) - 1

static const struct stream_case cases[] = {
    {"nothing came", HOLES_ZERO, {{0}}, .client = NULL},
    {"one direction", HOLES_ZERO, {{true, 0, "GET /", 0, 0}}, CLIENT("GET /")},
    {"both directions",
     HOLES_ZERO,
     {{true, 0, "GET", 0, 0},
      {false, 0, "200", 0, 0},
      {true, 3, " /", 0, 0},
      {false, 3, " OK", 0, 0}},
     CLIENT("GET /"),
     SERVER("200 OK")},
    {"zeros at the start",
     HOLES_ZERO,
     {{true, 0, NULL, 3, 0}, {true, 3, "b", 0, 0}},
     CLIENT("\0\0\0b")},
    {"zeros between",
     HOLES_ZERO,
     {{true, 0, "a", 0, 0}, {true, 1, NULL, 2, 0}, {true, 3, "b", 0, 0}},
     CLIENT("a\0\0b")},
    {"zeros at the end",
     HOLES_ZERO,
     {{false, 0, "a", 0, 0}, {false, 1, NULL, 2, 0}},
     SERVER("a\0\0")},
    {"nothing but a hole", HOLES_ZERO, {{false, 0, NULL, 2, 0}}, SERVER("\0\0")},
    {"a jump is a hole",
     HOLES_ZERO,
     {{true, 0, "a", 0, 0}, {true, 3, "b", 0, 0}},
     CLIENT("a\0\0b")},
    {"a jump before a hole",
     HOLES_ZERO,
     {{true, 0, "a", 0, 0}, {true, 3, NULL, 1, 0}},
     CLIENT("a\0\0\0")},
    {"going back is refused",
     HOLES_ZERO,
     {{true, 0, "abc", 0, 0},
      {true, 2, "x", 0, -EINVAL},
      {true, 1, NULL, 9, -EINVAL},
      {true, 3, "d", 0, 0}},
     CLIENT("abcd")},
    {"a hole past the end of numbers",
     HOLES_ZERO,
     {{true, 0, "a", 0, 0}, {true, 1, NULL, UINT64_MAX, -EINVAL}, {true, 1, "b", 0, 0}},
     CLIENT("ab")},
    {"mark inside a line",
     HOLES_MARK,
     {{true, 0, "a", 0, 0}, {true, 1, NULL, 1448, 0}, {true, 1449, "b", 0, 0}},
     CLIENT("a\n[sesstap: 1448 bytes missing]\nb")},
    {"mark between lines",
     HOLES_MARK,
     {{true, 0, "a\n", 0, 0}, {true, 2, NULL, 1, 0}, {true, 3, "b", 0, 0}},
     CLIENT("a\n[sesstap: 1 bytes missing]\nb")},
    {"mark first",
     HOLES_MARK,
     {{false, 0, NULL, 5000000000, 0}, {false, 5000000000, "b", 0, 0}},
     SERVER("[sesstap: 5000000000 bytes missing]\nb")},
    {"two marks",
     HOLES_MARK,
     {{false, 0, NULL, 1, 0}, {false, 1, NULL, 2, 0}},
     SERVER("[sesstap: 1 bytes missing]\n[sesstap: 2 bytes missing]\n")},
    {"skip",
     HOLES_SKIP,
     {{true, 0, "a", 0, 0}, {true, 1, NULL, 1448, 0}, {true, 1449, "b", 0, 0}},
     CLIENT("ab")},
    {"skip, nothing but a hole", HOLES_SKIP, {{true, 0, NULL, 1448, 0}}, .client = NULL},
    {"no bytes make no file", HOLES_MARK, {{true, 0, "", 0, 0}}, .client = NULL},
};

static char *make_dir(void)
{
    char *dir = strdup("/tmp/sesstap-streams-XXXXXX");

    assert_non_null(mkdtemp(dir));
    return dir;
}

static const char *path_in(const char *dir, const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/streams/%s", dir, name);
    return path;
}

/* How many files are in DIR/streams; removes them and the folders. */
static int remove_dir(char *dir)
{
    DIR *listing = opendir(path_in(dir, ""));
    struct dirent *entry;
    int files = 0;

    while (listing && (entry = readdir(listing))) {
        if (entry->d_name[0] == '.' && (!entry->d_name[1] || entry->d_name[1] == '.'))
            continue;
        files++;
        unlink(path_in(dir, entry->d_name));
    }
    if (listing)
        closedir(listing);
    rmdir(path_in(dir, ""));
    assert_int_equal(rmdir(dir), 0);
    free(dir);
    return files;
}

static void assert_file(const char *path, const char *expected, size_t len)
{
    char bytes[512];
    FILE *file = fopen(path, "rb");

    if (!expected) {
        assert_null(file);
        return;
    }
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof(bytes), file), len);
    assert_memory_equal(bytes, expected, len);
    fclose(file);
}

static int take_step(struct streams *streams, const struct step *step)
{
    if (step->text)
        return streams_data(streams, step->from_client, step->offset, step->text,
                            strlen(step->text));
    return streams_hole(streams, step->from_client, step->offset, step->hole_bytes);
}

static void test_case(void **state)
{
    const struct stream_case *row = *state;
    char *dir = make_dir();
    struct streams *streams = streams_open(dir, 42, 0, row->policy);

    assert_non_null(streams);
    for (int i = 0; i < STEPS && (row->steps[i].text || row->steps[i].hole_bytes); i++)
        assert_int_equal(take_step(streams, &row->steps[i]), row->steps[i].result);
    assert_int_equal(streams_close(streams), 0);
    assert_file(path_in(dir, "42.client"), row->client, row->client_len);
    assert_file(path_in(dir, "42.server"), row->server, row->server_len);
    assert_int_equal(remove_dir(dir), !!row->client + !!row->server);
}

/* A hole of gigabytes keeps its place and takes no room. */
static void test_long_hole_is_sparse(void **state)
{
    char *dir = make_dir();
    struct streams *streams = streams_open(dir, 1, 0, HOLES_ZERO);
    struct stat stat_buf;

    (void)state;
    assert_int_equal(streams_data(streams, true, 0, "a", 1), 0);
    assert_int_equal(streams_hole(streams, true, 1, 4ull << 30), 0);
    assert_int_equal(streams_data(streams, true, (4ull << 30) + 1, "b", 1), 0);
    assert_int_equal(streams_close(streams), 0);
    assert_int_equal(stat(path_in(dir, "1.client"), &stat_buf), 0);
    assert_int_equal(stat_buf.st_size, (4ull << 30) + 2);
    assert_true(stat_buf.st_blocks * 512 <= 64 * 1024);
    assert_int_equal(remove_dir(dir), 1);
}

/* Files are there when they are whole, not before, and not at all when given up. */
static void test_files_are_whole_or_not_there(void **state)
{
    char *dir = make_dir(), *bytes = calloc(1, 600000);
    struct streams *streams = streams_open(dir, 7, 0, HOLES_ZERO);

    (void)state;
    assert_int_equal(streams_data(streams, true, 0, bytes, 600000), 0);
    assert_int_equal(access(path_in(dir, "7.client"), F_OK), -1);
    streams_abort(streams);
    streams_abort(NULL);
    free(bytes);
    assert_int_equal(remove_dir(dir), 0);
}

static void test_errors(void **state)
{
    char *dir = make_dir(), long_dir[600];
    struct streams *streams;

    (void)state;
    memset(long_dir, 'x', sizeof(long_dir) - 1);
    long_dir[sizeof(long_dir) - 1] = '\0';
    errno = 0;
    assert_null(streams_open(long_dir, 1, 0, HOLES_ZERO));
    assert_int_equal(errno, ENAMETOOLONG);

    streams = streams_open("/tmp/sesstap-no-such-folder", 1, 0, HOLES_ZERO);
    assert_int_equal(streams_data(streams, true, 0, "a", 1), -ENOENT);
    assert_int_equal(streams_data(streams, true, 1, "a", 1), -ENOENT);
    assert_int_equal(streams_hole(streams, true, 2, 100), -ENOENT);
    assert_int_equal(streams_close(streams), -ENOENT);

    /* One direction cannot be renamed to its place; the other is there all the same. */
    streams = streams_open(dir, 1, 0, HOLES_ZERO);
    assert_int_equal(streams_data(streams, true, 0, "a", 1), 0);
    assert_int_equal(streams_data(streams, false, 0, "b", 1), 0);
    assert_int_equal(mkdir(path_in(dir, "1.client"), 0755), 0);
    assert_int_equal(streams_close(streams), -EISDIR);
    assert_file(path_in(dir, "1.server"), "b", 1);
    assert_int_equal(rmdir(path_in(dir, "1.client")), 0);
    assert_int_equal(remove_dir(dir), 1);
}

static void test_policy_names(void **state)
{
    (void)state;
    for (int policy = 0; policy < HOLE_POLICIES; policy++)
        assert_int_equal(hole_policy_parse(hole_policy_name(policy)), policy);
    assert_string_equal(hole_policy_name(HOLES_MARK), "mark");
    assert_int_equal(hole_policy_parse("zeros"), -EINVAL);
}

int main(void)
{
    enum { ROWS = sizeof(cases) / sizeof(cases[0]), OTHERS = 4 };
    struct CMUnitTest tests[ROWS + OTHERS] = {
        cmocka_unit_test(test_long_hole_is_sparse),
        cmocka_unit_test(test_files_are_whole_or_not_there),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_policy_names),
    };

    for (size_t i = 0; i < ROWS; i++)
        tests[OTHERS + i] =
            (struct CMUnitTest){cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
    return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
