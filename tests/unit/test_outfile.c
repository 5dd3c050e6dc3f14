/* SPDX-License-Identifier: Apache-2.0 */
/* Files whole or not there, lines whole or counted, also when the disk is full (by RLIMIT_FSIZE). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/outfile.h"

struct folder {
    char path[64];
    char file[96];
};

static int setup(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));

    strcpy(folder->path, "/tmp/sesstap-outfile-XXXXXX");
    if (!mkdtemp(folder->path))
        return -1;
    snprintf(folder->file, sizeof(folder->file), "%s/out", folder->path);
    *state = folder;
    return 0;
}

static int teardown(void **state)
{
    struct folder *folder = *state;

    unlink(folder->file);
    rmdir(folder->path);
    free(folder);
    return 0;
}

/* Names in the folder, without . and .. */
static int count_names(const char *path)
{
    DIR *dir = opendir(path);
    int names = 0;

    while (readdir(dir))
        names++;
    closedir(dir);
    return names - 2;
}

static int count_fds(void)
{
    return count_names("/proc/self/fd");
}

/* The whole file in fresh memory, *len bytes. */
static char *read_back(const char *path, size_t *len)
{
    FILE *in = fopen(path, "re");
    char *data;

    assert_non_null(in);
    fseek(in, 0, SEEK_END);
    *len = (size_t)ftell(in);
    rewind(in);
    data = malloc(*len + 1);
    assert_int_equal(fread(data, 1, *len, in), *len);
    data[*len] = '\0';
    fclose(in);
    return data;
}

static void expect_text(const char *path, const char *text)
{
    size_t len;
    char *data = read_back(path, &len);

    assert_string_equal(data, text);
    free(data);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;

    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void small_file_appears_on_commit(void **state)
{
    struct folder *folder = *state;
    struct outfile file;

    assert_int_equal(outfile_init(&file, folder->file), 0);
    assert_int_equal(outfile_write(&file, "hello ", 6), 0);
    assert_int_equal(outfile_write(&file, "world", 5), 0);
    assert_int_equal(outfile_patch(&file, 1, "E", 1), 0);
    assert_int_equal(count_names(folder->path), 0);
    assert_int_equal(outfile_commit(&file), 0);
    outfile_abort(&file); /* after a commit: nothing */
    expect_text(folder->file, "hEllo world");
    assert_int_equal(count_names(folder->path), 1);
}

static void resting_holds_nothing(void **state)
{
    struct folder *folder = *state;
    struct outfile file;

    outfile_init(&file, folder->file);
    assert_int_equal(outfile_rest(&file), 0);
    assert_int_equal(count_names(folder->path), 0);
    outfile_write(&file, "hello ", 6);
    assert_int_equal(outfile_rest(&file), 0);
    assert_int_equal(count_names(folder->path), 1);
    assert_null(file.held.data);
    outfile_write(&file, "world", 5);
    assert_int_equal(outfile_commit(&file), 0);
    expect_text(folder->file, "hello world");
}

static void empty_file_replaces_an_old_one(void **state)
{
    struct folder *folder = *state;
    struct outfile file;

    outfile_init(&file, folder->file);
    outfile_write(&file, "old", 3);
    assert_int_equal(outfile_commit(&file), 0);
    outfile_init(&file, folder->file);
    assert_int_equal(outfile_commit(&file), 0);
    expect_text(folder->file, "");
    assert_int_equal(count_names(folder->path), 1);
}

/* It has no name before its own: what a killed process was about to write is not there. */
static void held_file_waits_without_a_name(void **state)
{
    struct folder *folder = *state;
    char temp[160];
    struct outfile file;

    snprintf(temp, sizeof(temp), "%s/.out.tmp-%d", folder->path, (int)getpid());
    assert_int_equal(mkdir(temp, 0755), 0); /* in the way of a temporary file */
    outfile_init(&file, folder->file);
    outfile_write(&file, "x", 1);
    assert_int_equal(outfile_commit(&file), 0);
    expect_text(folder->file, "x");
    assert_int_equal(rmdir(temp), 0);
}

/* With no folder in the name, it is the one that the process is in. */
static void file_of_this_folder(void **state)
{
    struct folder *folder = *state;
    char before[PATH_MAX];
    struct outfile file;

    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(folder->path), 0);
    outfile_init(&file, "out");
    outfile_write(&file, "here", 4);
    assert_int_equal(outfile_commit(&file), 0);
    assert_int_equal(chdir(before), 0);
    expect_text(folder->file, "here");
}

/* Every split of a patch between what is written and what is held. */
static void large_file_is_patched_everywhere(void **state)
{
    enum { HELD = 1000, SIZE = 3 * OUTFILE_HOLD_BYTES + HELD };
    struct folder *folder = *state;
    char *want = malloc(SIZE), *got;
    struct outfile file;
    size_t len, at = 0;
    int fds = count_fds();

    for (size_t i = 0; i < SIZE; i++)
        want[i] = (char)(i * 7 + i / 251);
    outfile_init(&file, folder->file);
    while (at < SIZE) {
        size_t step = at == 2 * OUTFILE_HOLD_BYTES ? OUTFILE_HOLD_BYTES : 8192;

        if (step > SIZE - at)
            step = SIZE - at;
        assert_int_equal(outfile_write(&file, want + at, step), 0);
        at += step;
        assert_int_equal(count_fds(), fds);
    }
    assert_int_equal(file.written_bytes, 3 * OUTFILE_HOLD_BYTES);
    assert_int_equal(file.held.len, HELD);
    for (size_t offset = file.written_bytes - 4; offset <= file.written_bytes + 1; offset++) {
        memcpy(want + offset, "PAT", 3);
        assert_int_equal(outfile_patch(&file, offset, "PAT", 3), 0);
    }
    memcpy(want, "HEAD", 4);
    assert_int_equal(outfile_patch(&file, 0, "HEAD", 4), 0);
    assert_int_equal(outfile_patch(&file, SIZE - 1, "xy", 2), -EINVAL);
    assert_int_equal(outfile_patch(&file, UINT64_MAX, "x", 1), -EINVAL);
    assert_int_equal(outfile_commit(&file), 0);
    got = read_back(folder->file, &len);
    assert_int_equal(len, SIZE);
    assert_memory_equal(got, want, SIZE);
    assert_int_equal(count_names(folder->path), 1);
    free(got);
    free(want);
}

static void abort_leaves_nothing(void **state)
{
    struct folder *folder = *state;
    char block[4096] = {0};
    struct outfile file;

    outfile_init(&file, folder->file);
    for (int i = 0; i < 100; i++)
        outfile_write(&file, block, sizeof(block));
    assert_int_equal(count_names(folder->path), 1);
    outfile_abort(&file);
    assert_int_equal(count_names(folder->path), 0);
}

static void full_disk_loses_only_this_file(void **state)
{
    struct folder *folder = *state;
    char block[4096] = {0};
    struct outfile file;
    int fds = count_fds(), error = 0;

    outfile_init(&file, folder->file);
    outfile_write(&file, "before", 6);
    assert_int_equal(outfile_commit(&file), 0);
    limit_file_size(OUTFILE_HOLD_BYTES + 5000);
    outfile_init(&file, folder->file);
    for (int i = 0; i < 200; i++)
        error = outfile_write(&file, block, sizeof(block));
    assert_int_equal(error, -EFBIG);
    assert_int_equal(file.error, -EFBIG);
    assert_int_equal(file.held.cap, 0);
    assert_int_equal(outfile_patch(&file, 0, "x", 1), -EFBIG);
    assert_int_equal(outfile_commit(&file), -EFBIG);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(count_names(folder->path), 1);
    assert_int_equal(count_fds(), fds);
    expect_text(folder->file, "before");
}

static void full_disk_on_commit(void **state)
{
    struct folder *folder = *state;
    struct outfile file;

    outfile_init(&file, folder->file);
    assert_int_equal(outfile_write(&file, "0123456789", 10), 0);
    limit_file_size(4);
    assert_int_equal(outfile_commit(&file), -EFBIG);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(count_names(folder->path), 0);
}

static void bad_names(void **state)
{
    struct folder *folder = *state;
    char name[OUTFILE_PATH_MAX + 1];
    struct outfile file;

    memset(name, 'a', sizeof(name));
    name[OUTFILE_PATH_MAX] = '\0';
    assert_int_equal(outfile_init(&file, name), -ENAMETOOLONG);
    name[255] = '\0'; /* the temporary name would be too long */
    assert_int_equal(outfile_init(&file, name), -ENAMETOOLONG);
    snprintf(name, sizeof(name), "%s/none/out", folder->path);
    assert_int_equal(outfile_init(&file, name), 0);
    assert_int_equal(outfile_write(&file, "x", 1), 0);
    assert_int_equal(outfile_commit(&file), -ENOENT);
    assert_int_equal(outfile_write(&file, "x", 1), -ENOENT);
}

static void temporary_name_follows_no_link(void **state)
{
    struct folder *folder = *state;
    char temp[160], target[96];
    struct outfile file;

    snprintf(temp, sizeof(temp), "%s/.out.tmp-%d", folder->path, (int)getpid());
    snprintf(target, sizeof(target), "%s/target", folder->path);
    assert_int_equal(symlink(target, temp), 0);
    outfile_init(&file, folder->file);
    outfile_write(&file, "x", 1);
    assert_int_equal(outfile_rest(&file), 0);
    assert_int_equal(outfile_commit(&file), 0);
    assert_int_equal(access(target, F_OK), -1);
    assert_int_equal(count_names(folder->path), 1);
}

static void lines_are_held_and_flushed(void **state)
{
    struct folder *folder = *state;
    struct linefile file;

    assert_int_equal(linefile_open(&file, folder->file), 0);
    linefile_write(&file, "one", 3);
    linefile_write(&file, "", 0);
    expect_text(folder->file, "");
    assert_int_equal(linefile_flush(&file), 0);
    expect_text(folder->file, "one\n\n");
    for (int i = 0; i < 262144 / 4; i++)
        linefile_write(&file, "abc", 3);
    assert_int_equal(file.held.len, 0);
    assert_int_equal(file.size_bytes, 5 + 262144);
    assert_int_equal(linefile_close(&file), 0);
}

static void full_disk_cuts_back_to_whole_lines(void **state)
{
    struct folder *folder = *state;
    struct linefile file;

    assert_int_equal(linefile_open(&file, folder->file), 0);
    limit_file_size(10);
    linefile_write(&file, "aaa", 3);
    linefile_write(&file, "bbb", 3);
    linefile_write(&file, "ccc", 3);
    linefile_write(&file, "ddd", 3);
    assert_int_equal(linefile_flush(&file), -EFBIG);
    expect_text(folder->file, "aaa\nbbb\n");
    assert_int_equal(file.lost_lines, 2);
    assert_int_equal(file.size_bytes, 8);
    linefile_write(&file, "eee", 3);
    assert_int_equal(linefile_flush(&file), -EFBIG);
    assert_int_equal(file.lost_lines, 3);
    limit_file_size(RLIM_INFINITY);
    linefile_write(&file, "fff", 3);
    assert_int_equal(linefile_flush(&file), 0);
    assert_int_equal(file.error, 0);
    assert_int_equal(linefile_close(&file), -EIO);
    expect_text(folder->file, "aaa\nbbb\nfff\n");
}

/* What a process that was killed left, and what the next one makes of it. */
static void going_on_cuts_a_torn_line(void **state)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"", "new\n"},
        {"torn", "new\n"},
        {"one\n", "one\nnew\n"},
        {"one\ntwo\nto", "one\ntwo\nnew\n"},
    };
    struct folder *folder = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct linefile file;
        FILE *out = fopen(folder->file, "w");

        fputs(rows[i].before, out);
        fclose(out);
        assert_int_equal(linefile_resume(&file, folder->file), 0);
        assert_int_equal(file.size_bytes, strlen(rows[i].after) - 4);
        linefile_write(&file, "new", 3);
        assert_int_equal(linefile_close(&file), 0);
        expect_text(folder->file, rows[i].after);
    }
}

static void going_on_cuts_a_long_torn_line(void **state)
{
    struct folder *folder = *state;
    struct linefile file;
    struct stat info;

    assert_int_equal(linefile_resume(&file, folder->file), 0); /* makes it */
    linefile_write(&file, "first", 5);
    linefile_flush(&file);
    for (int i = 0; i < 50000; i++)
        assert_int_equal(write(file.fd, "x", 1), 1);
    linefile_close(&file);
    assert_int_equal(linefile_resume(&file, folder->file), 0);
    assert_int_equal(file.size_bytes, 6);
    linefile_close(&file);
    assert_int_equal(stat(folder->file, &info), 0);
    assert_int_equal(info.st_size, 6);
}

static void nobody_reads_stdout(void **state)
{
    struct linefile file;
    int saved = dup(STDOUT_FILENO), ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    close(ends[0]);
    assert_int_equal(linefile_open(&file, "-"), 0);
    linefile_write(&file, "lost", 4);
    linefile_write(&file, "too", 3);
    assert_int_equal(linefile_flush(&file), -EPIPE);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_int_equal(file.lost_lines, 2);
    assert_int_equal(file.held.len, 0);
    assert_int_equal(linefile_close(&file), -EIO);
}

/* A file as stdout (`sesstap run > file`) is not ours to cut back. */
static void stdout_file_is_never_truncated(void **state)
{
    struct folder *folder = *state;
    int saved = dup(STDOUT_FILENO), fd = open(folder->file, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    struct linefile file;

    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    close(fd);
    linefile_open(&file, "-");
    limit_file_size(6);
    linefile_write(&file, "aaa", 3);
    linefile_write(&file, "bbb", 3);
    linefile_write(&file, "ccc", 3);
    assert_int_equal(linefile_flush(&file), -EFBIG);
    assert_int_equal(file.lost_lines, 1);
    assert_int_equal(linefile_flush(&file), -EFBIG); /* still no room: the rest of bbb is kept */
    assert_int_equal(file.held.len, 2);
    limit_file_size(RLIM_INFINITY);
    linefile_write(&file, "ddd", 3);
    assert_int_equal(linefile_flush(&file), 0);
    assert_int_equal(linefile_close(&file), -EIO);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    expect_text(folder->file, "aaa\nbbb\nddd\n");
}

/* A pipe whose reader only holds it open: what is in it stays, the rest is given up once we are to stop. */
static void reader_that_takes_nothing_is_given_up(void **state)
{
    int saved = dup(STDOUT_FILENO), ends[2], stop[2];
    struct linefile file;
    char room[8192];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(stop), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    fcntl(ends[0], F_SETPIPE_SZ, 4096);
    linefile_open(&file, "-");
    linefile_stop_at(&file, stop[0]);
    assert_int_equal(write(stop[1], "", 1), 1);
    for (int i = 0; i < 1500; i++)
        linefile_write(&file, "aaa", 3);
    assert_int_equal(linefile_flush(&file), -EINTR);
    assert_int_equal(file.lost_lines, (1500 * 4 - 4096) / 4);
    linefile_write(&file, "bbb", 3);
    assert_int_equal(linefile_flush(&file), -EINTR); /* at once */
    assert_int_equal(read(ends[0], room, sizeof(room)), 4096);
    linefile_write(&file, "ccc", 3);
    assert_int_equal(linefile_flush(&file), 0); /* it takes some again */
    assert_int_equal(linefile_close(&file), -EIO);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_int_equal(read(ends[0], room, sizeof(room)), 4);
    close(ends[0]);
    close(stop[0]);
    close(stop[1]);
}

static void lines_of_a_removed_file_count_as_lost(void **state)
{
    struct folder *folder = *state;
    struct linefile file;

    assert_int_equal(linefile_open(&file, folder->file), 0);
    linefile_write(&file, "one", 3);
    assert_int_equal(linefile_flush(&file), 0);
    assert_int_equal(unlink(folder->file), 0);
    linefile_write(&file, "two", 3);
    linefile_write(&file, "three", 5);
    assert_int_equal(linefile_flush(&file), -ENOENT);
    assert_int_equal(file.lost_lines, 2);
    assert_int_equal(file.size_bytes, 4);
    assert_int_equal(linefile_close(&file), -EIO);
}

static void lines_to_a_folder_that_is_not_there(void **state)
{
    struct folder *folder = *state;
    struct linefile file;
    char path[160];

    snprintf(path, sizeof(path), "%s/none/lines", folder->path);
    assert_int_equal(linefile_open(&file, path), -ENOENT);
}

#define FOLDER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(small_file_appears_on_commit),
        FOLDER_TEST(resting_holds_nothing),
        FOLDER_TEST(empty_file_replaces_an_old_one),
        FOLDER_TEST(held_file_waits_without_a_name),
        FOLDER_TEST(file_of_this_folder),
        FOLDER_TEST(large_file_is_patched_everywhere),
        FOLDER_TEST(abort_leaves_nothing),
        FOLDER_TEST(full_disk_loses_only_this_file),
        FOLDER_TEST(full_disk_on_commit),
        FOLDER_TEST(bad_names),
        FOLDER_TEST(temporary_name_follows_no_link),
        FOLDER_TEST(lines_are_held_and_flushed),
        FOLDER_TEST(full_disk_cuts_back_to_whole_lines),
        FOLDER_TEST(reader_that_takes_nothing_is_given_up),
        FOLDER_TEST(lines_of_a_removed_file_count_as_lost),
        FOLDER_TEST(going_on_cuts_a_torn_line),
        FOLDER_TEST(going_on_cuts_a_long_torn_line),
        cmocka_unit_test(nobody_reads_stdout),
        FOLDER_TEST(stdout_file_is_never_truncated),
        FOLDER_TEST(lines_to_a_folder_that_is_not_there),
    };

    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
