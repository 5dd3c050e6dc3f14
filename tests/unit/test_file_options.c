/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of the commands that read files: what is common, what is a command's own, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/cmd.h"
#include "cmd/file_options.h"

#define MAX_WORDS 12
#define OPT_OWN   FILE_OWN_OPTION

static const struct option own[] = {{"own", required_argument, NULL, OPT_OWN}, {NULL, 0, NULL, 0}};

struct seen {
    const char *own;
    const char *letter;
};

static int set(void *ctx, int option, const char *arg)
{
    struct seen *seen = ctx;

    if (option == OPT_OWN)
        seen->own = arg;
    else if (option == 'w')
        seen->letter = arg;
    return strcmp(arg, "bad") ? 0 : -EINVAL;
}

/* "all": paths only; "one": one path; "stream": one path and 1 to 2 words more. */
static int parse(struct file_options *options, const char *kind, struct seen *seen,
                 const char *const *words)
{
    const struct file_command command = {
        .name = kind,
        .takes = strcmp(kind, "all") ? FILE_TAKES_WHERE | FILE_TAKES_JSON | FILE_TAKES_APP : 0,
        .letters = "w:",
        .own = own,
        .set = set,
        .ctx = seen,
        .rest_name = strcmp(kind, "stream") ? NULL : "STREAM",
        .rest_min = 1,
        .rest_max = 2,
        .one_path = !strcmp(kind, "one"),
    };
    char *argv[MAX_WORDS + 2] = {(char *)kind};
    int argc = 1;

    while (words[argc - 1]) {
        argv[argc] = (char *)words[argc - 1];
        argc++;
    }
    return file_options_parse(options, &command, argc, argv);
}

static const struct {
    const char *kind;
    const char *words[MAX_WORDS];
    int result;
    size_t paths, rest;
} rows[] = {
    {"all", {"a"}, 0, 1, 0},
    {"all", {"a", "b", "c"}, 0, 3, 0},
    {"all", {"-r", "a"}, 0, 1, 0},
    {"all", {"a", "-r"}, 0, 1, 0},
    {"all", {"--", "-r"}, 0, 1, 0},
    {"all", {"-"}, 0, 1, 0},
    {"all", {NULL}, -EINVAL, 0, 0},
    {"all", {"-r"}, -EINVAL, 0, 0},
    {"all", {"--where", "tcp", "a"}, -EINVAL, 0, 0}, /* not one that it takes */
    {"all", {"--json", "a"}, -EINVAL, 0, 0},
    {"one", {"a"}, 0, 1, 0},
    {"one", {"a", "b"}, -EINVAL, 2, 0},
    {"one", {"--json", "--where", "tcp and out.payload > 3", "a"}, 0, 1, 0},
    {"one", {"--where", "tcp and", "a"}, -EINVAL, 0, 0},
    {"one", {"--where"}, -EINVAL, 0, 0},
    {"one", {"--overlap", "last", "a"}, 0, 1, 0},
    {"one", {"--overlap", "middle", "a"}, -EINVAL, 0, 0},
    {"one", {"--own", "x", "-w", "y", "a"}, 0, 1, 0},
    {"one", {"--own", "-x", "a"}, 0, 1, 0},
    {"one", {"--own", "bad", "a"}, -EINVAL, 0, 0},
    {"one", {"--owner", "x", "a"}, -EINVAL, 0, 0},
    {"one", {"-q", "a"}, -EINVAL, 0, 0},
    {"stream", {"a", "3"}, 0, 1, 1},
    {"stream", {"a", "3", "-w", "out", "4"}, 0, 1, 2},
    {"stream", {"a"}, -EINVAL, 1, 0},
    {"stream", {"a", "1", "2", "3"}, -EINVAL, 1, 3},
#ifdef HAVE_PCAP
    {"one", {"-f", "tcp port 80", "a"}, 0, 1, 0},
    {"one", {"-f", "tcp", "-f", "udp", "a"}, 0, 1, 0},
    {"one", {"-f", "tcp port", "a"}, -EINVAL, 0, 0},
#else
    {"one", {"-f", "tcp port 80", "a"}, -EINVAL, 0, 0},
#endif
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct file_options options;
        struct seen seen = {0};

        assert_int_equal(parse(&options, rows[i].kind, &seen, rows[i].words), rows[i].result);
        if (options.path_count != rows[i].paths || options.rest_count != rows[i].rest)
            fail_msg("row %zu: %zu paths, %zu more", i, options.path_count, options.rest_count);
        file_options_fini(&options);
    }
}

static void test_values(void **state)
{
    static const char *const words[] = {"--own",     "x",     "-w",    "y",       "-r",
                                        "--json",    "file",  "tcp:1", "--where", "tcp",
                                        "--overlap", "linux", NULL};
    struct replay_conf conf = {0};
    struct file_options options;
    struct seen seen = {0};

    (void)state;
    assert_int_equal(parse(&options, "stream", &seen, words), 0);
    assert_string_equal(seen.own, "x");
    assert_string_equal(seen.letter, "y");
    assert_true(options.recursive);
    assert_true(options.json);
    assert_non_null(options.where);
    assert_string_equal(options.words[0], "file");
    assert_string_equal(options.rest[0], "tcp:1");
    file_options_apply(&options, &conf);
    assert_int_equal(conf.input.path_count, 1);
    assert_string_equal(conf.input.paths[0], "file");
    assert_true(conf.input.recursive);
    assert_int_equal(conf.overlap, OVERLAP_LINUX);
    assert_null(conf.filter);
    file_options_fini(&options);
}

/* What an expression asks for is looked into, unless nothing is to be. */
static void test_http_by_expression(void **state)
{
    static const struct {
        const char *words[MAX_WORDS];
        bool http;
    } cases[] = {
        {{"--where", "http.status == 404", "file"}, true},
        {{"--where", "tcp", "file"}, false},
        {{"--where", "http.status == 404", "--no-app", "file"}, false},
        {{"--no-app", "--where", "http.status == 404", "file"}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct file_options options;
        struct seen seen = {0};

        assert_int_equal(parse(&options, "one", &seen, cases[i].words), 0);
        assert_int_equal(options.app.http, cases[i].http);
        file_options_fini(&options);
    }
}

static void test_statuses(void **state)
{
    (void)state;
    assert_int_equal(file_options_status(0, &(struct replay_result){0}), EXIT_DONE);
    assert_int_equal(file_options_status(-ENOENT, &(struct replay_result){0}), EXIT_FAILED);
    assert_int_equal(file_options_status(0, &(struct replay_result){.error = -ENOSPC}),
                     EXIT_FAILED);
    assert_int_equal(file_options_status(0, &(struct replay_result){.damaged = 1}), EXIT_DAMAGED);
    assert_int_equal(file_options_status(-EIO, &(struct replay_result){.damaged = 1}), EXIT_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_http_by_expression),
        cmocka_unit_test(test_statuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
