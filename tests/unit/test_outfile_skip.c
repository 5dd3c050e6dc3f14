/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of zeros in a file: where they are, how long, and that long ones take no room on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/outfile.h"

#define MB (1024u * 1024)

struct skip_case {
    const char *name;
    uint64_t before; /* bytes written, then skipped, then written */
    uint64_t skipped;
    uint64_t after;
    bool is_sparse;
};

static const struct skip_case cases[] = {
    {"nothing", 10, 0, 10, false},
    {"one byte", 10, 1, 10, false},
    {"at the start", 0, 100, 10, false},
    {"at the end", 10, 100, 0, false},
    {"only zeros", 0, 100, 0, false},
    {"short of sparse", 10, 65535, 10, false},
    {"sparse", 10, 65536, 10, true},
    {"sparse at the start", 0, MB, 10, true},
    {"sparse at the end", 10, MB, 0, true},
    {"sparse alone", 0, MB, 0, true},
    {"short, with the memory full", 256 * 1024 - 10, 20, 10, false},
    {"behind what is written", 300 * 1024, 50, 300 * 1024, false},
    {"sparse behind what is written", 300 * 1024, 100 * MB, 300 * 1024, true},
    {"more than 4 GB", 3, 5000ull * MB, 3, true},
};

static void temp_name(char *path)
{
    int fd;

    strcpy(path, "/tmp/sesstap-skip-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

static void assert_bytes(int fd, uint64_t offset, uint64_t len, uint8_t value)
{
    uint8_t bytes[4096];

    while (len) {
        size_t part = len < sizeof(bytes) ? len : sizeof(bytes);

        assert_int_equal(pread(fd, bytes, part, (off_t)offset), part);
        for (size_t i = 0; i < part; i++)
            assert_int_equal(bytes[i], value);
        offset += part;
        len -= part;
    }
}

static void write_run(struct outfile *file, char value, uint64_t len)
{
    char *bytes = malloc(len + 1);

    memset(bytes, value, len + 1);
    assert_int_equal(outfile_write(file, bytes, len), 0);
    free(bytes);
}

static void test_case(void **state)
{
    const struct skip_case *row = *state;
    uint64_t head = row->skipped < 2 * MB ? row->skipped : MB;
    struct outfile file;
    struct stat stat;
    char path[64];
    int fd;

    temp_name(path);
    assert_int_equal(outfile_init(&file, path), 0);
    write_run(&file, 'a', row->before);
    assert_int_equal(outfile_skip(&file, row->skipped), 0);
    write_run(&file, 'b', row->after);
    assert_int_equal(outfile_commit(&file), 0);
    fd = open(path, O_RDONLY);
    assert_int_equal(fstat(fd, &stat), 0);
    assert_int_equal(stat.st_size, row->before + row->skipped + row->after);
    if (row->is_sparse)
        assert_true((uint64_t)stat.st_blocks * 512 <= row->before + row->after + 16384);
    assert_bytes(fd, 0, row->before, 'a');
    assert_bytes(fd, row->before, head, 0);
    assert_bytes(fd, row->before + row->skipped - head, head, 0);
    assert_bytes(fd, row->before + row->skipped, row->after, 'b');
    close(fd);
    unlink(path);
}

static void test_errors(void **state)
{
    struct outfile file;

    (void)state;
    assert_int_equal(outfile_init(&file, "/tmp/sesstap-not-a-folder/x"), 0);
    assert_int_equal(outfile_skip(&file, MB), -ENOENT);
    assert_int_equal(outfile_skip(&file, 1), -ENOENT);
    assert_int_equal(outfile_commit(&file), -ENOENT);
    outfile_abort(&file);
    assert_int_equal(outfile_init(&file, "/tmp/sesstap-too-large"), 0);
    assert_int_equal(outfile_write(&file, "x", 1), 0);
    assert_int_equal(outfile_skip(&file, INT64_MAX), -EFBIG);
    outfile_abort(&file);
    assert_int_equal(access("/tmp/sesstap-too-large", F_OK), -1);
}

int main(void)
{
    enum { ROWS = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest tests[ROWS + 1] = {cmocka_unit_test(test_errors)};

    for (size_t i = 0; i < ROWS; i++)
        tests[i + 1] = (struct CMUnitTest){cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
    return cmocka_run_group_tests_name("outfile_skip", tests, NULL, NULL);
}
