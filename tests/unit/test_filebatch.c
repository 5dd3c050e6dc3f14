/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of files made at once: what is in it at the end, and that nothing is left of what was given up. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/filebatch.h"

struct place {
    char dir[64];
    char folder[96];
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    strcpy(place->dir, "/tmp/sesstap-filebatch-XXXXXX");
    if (!mkdtemp(place->dir))
        return -1;
    snprintf(place->folder, sizeof(place->folder), "%s/made", place->dir);
    *state = place;
    return 0;
}

/* Names in a folder that are not hidden, and those that are; removes them all and the folder. */
static int empty(const char *path, int *hidden)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int shown = 0;

    while (dir && (entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        *(entry->d_name[0] == '.' ? hidden : &shown) += 1;
        unlinkat(dirfd(dir), entry->d_name, 0);
        unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
    return shown;
}

/* Whatever a test did, only its folder may be left beside it. */
static int teardown(void **state)
{
    struct place *place = *state;
    int hidden = 0;

    empty(place->folder, &hidden);
    empty(place->dir, &hidden);
    free(place);
    return hidden ? -1 : 0;
}

static const char *file_in(const struct place *place, const char *name)
{
    static char path[160];

    snprintf(path, sizeof(path), "%s/%s", place->folder, name);
    return path;
}

static void assert_file(const struct place *place, const char *name, const char *bytes, size_t len)
{
    FILE *file = fopen(file_in(place, name), "rb");
    char *found = malloc(len + 2);

    assert_non_null(file);
    assert_int_equal(fread(found, 1, len + 2, file), len);
    assert_memory_equal(found, bytes, len);
    free(found);
    fclose(file);
}

static void add(struct filebatch *batch, const char *name, const char *bytes)
{
    struct batchfile *file = filebatch_open(batch, name);

    assert_non_null(file);
    assert_int_equal(batchfile_write(file, bytes, strlen(bytes)), 0);
    batchfile_commit(file);
}

static void finish(struct filebatch *batch, int result, uint64_t failed)
{
    uint64_t found = UINT64_MAX;

    assert_int_equal(filebatch_finish(batch, &found), result);
    assert_int_equal(found, failed);
    filebatch_free(batch);
}

static void test_no_file_no_folder(void **state)
{
    const struct place *place = *state;

    finish(filebatch_new(place->folder), 0, 0);
    assert_int_equal(access(place->folder, F_OK), -1);
}

static void test_small_files(void **state)
{
    const struct place *place = *state;
    struct filebatch *batch = filebatch_new(place->folder);
    struct stat st;

    add(batch, "1", "one");
    add(batch, "2", "");
    assert_int_equal(access(place->folder, F_OK), -1);
    finish(batch, 0, 0);
    assert_file(place, "1", "one", 3);
    assert_file(place, "2", "", 0);
    assert_int_equal(stat(place->folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
}

/* More than fit into all that may be under way, so the caller writes some itself. */
static void test_many_files(void **state)
{
    enum { FILES = 20000 };
    const struct place *place = *state;
    struct filebatch *batch = filebatch_new(place->folder);
    char name[16];
    int hidden = 0;

    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "%d", i);
        add(batch, name, name);
    }
    finish(batch, 0, 0);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "%d", i);
        assert_file(place, name, name, strlen(name));
    }
    assert_int_equal(empty(place->folder, &hidden), FILES);
}

/* Side by side, each in many pieces, with writes of all lengths. */
static void test_long_files(void **state)
{
    enum { FILES = 3, BYTES = 3000000 };
    const struct place *place = *state;
    struct filebatch *batch = filebatch_new(place->folder);
    struct batchfile *files[FILES];
    char *bytes = malloc(BYTES), name[2] = "0";
    size_t at[FILES] = {0};

    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    for (int i = 0; i < FILES; i++, name[0]++)
        files[i] = filebatch_open(batch, name);
    for (size_t round = 0; at[0] < BYTES || at[1] < BYTES || at[2] < BYTES; round++) {
        size_t i = round % FILES, len = 1 + round * 977 % 200000;

        if (len > BYTES - at[i])
            len = BYTES - at[i];
        assert_int_equal(batchfile_write(files[i], bytes + at[i], len), 0);
        at[i] += len;
    }
    for (int i = 0; i < FILES; i++)
        batchfile_commit(files[i]);
    finish(batch, 0, 0);
    for (name[0] = '0'; name[0] < '0' + FILES; name[0]++)
        assert_file(place, name, bytes, BYTES);
    free(bytes);
}

static void test_zeros(void **state)
{
    const struct place *place = *state;
    struct filebatch *batch = filebatch_new(place->folder);
    struct batchfile *file = filebatch_open(batch, "short");
    struct stat st;

    assert_int_equal(batchfile_write(file, "a", 1), 0);
    assert_int_equal(batchfile_skip(file, 2), 0);
    assert_int_equal(batchfile_write(file, "b", 1), 0);
    batchfile_commit(file);
    file = filebatch_open(batch, "long");
    assert_int_equal(batchfile_skip(file, 1 << 30), 0);
    assert_int_equal(batchfile_write(file, "b", 1), 0);
    assert_int_equal(batchfile_skip(file, 1 << 30), 0);
    batchfile_commit(file);
    file = filebatch_open(batch, "too long");
    assert_int_equal(batchfile_skip(file, INT64_MAX), 0);
    assert_int_equal(batchfile_skip(file, 1), -EFBIG);
    batchfile_abort(file);
    finish(batch, 0, 0);
    assert_file(place, "short", "a\0\0b", 4);
    assert_int_equal(stat(file_in(place, "long"), &st), 0);
    assert_int_equal(st.st_size, (2u << 30) + 1);
    assert_true(st.st_blocks * 512 <= 64 * 1024);
    assert_int_equal(access(file_in(place, "too long"), F_OK), -1);
}

static void test_given_up_file_is_not_there(void **state)
{
    const struct place *place = *state;
    struct filebatch *batch = filebatch_new(place->folder);
    struct batchfile *begun = filebatch_open(batch, "begun"), *file = filebatch_open(batch, "new");
    char *bytes = calloc(1, 3 << 20);

    assert_int_equal(batchfile_write(begun, bytes, 2 << 20), 0);
    assert_int_equal(batchfile_write(begun, bytes, 2 << 20), 0);
    add(batch, "1", "one");
    batchfile_abort(begun);
    batchfile_abort(file);
    batchfile_abort(NULL);
    finish(batch, 0, 0);
    assert_int_equal(access(file_in(place, "begun"), F_OK), -1);
    assert_int_equal(access(file_in(place, "new"), F_OK), -1);
    assert_file(place, "1", "one", 3);
    free(bytes);
}

/* Those of an earlier run stay, but for the ones that are made anew. */
static void test_into_a_folder_that_is_there(void **state)
{
    const struct place *place = *state;
    struct filebatch *batch = filebatch_new(place->folder);

    add(batch, "1", "one");
    add(batch, "2", "two");
    finish(batch, 0, 0);
    batch = filebatch_new(place->folder);
    add(batch, "2", "zwei");
    add(batch, "3", "drei");
    finish(batch, 0, 0);
    assert_file(place, "1", "one", 3);
    assert_file(place, "2", "zwei", 4);
    assert_file(place, "3", "drei", 4);
}

static void test_name_in_use(void **state)
{
    const struct place *place = *state;
    struct filebatch *batch = filebatch_new(place->folder);
    FILE *file;

    assert_int_equal(mkdir(place->folder, 0755), 0);
    assert_int_equal(mkdir(file_in(place, "2"), 0755), 0);
    add(batch, "1", "one");
    add(batch, "2", "two");
    finish(batch, -EISDIR, 1);
    assert_file(place, "1", "one", 3);
    assert_int_equal(rmdir(file_in(place, "2")), 0);
    assert_int_equal(unlink(file_in(place, "1")), 0);
    assert_int_equal(rmdir(place->folder), 0);

    file = fopen(place->folder, "w");
    fclose(file);
    batch = filebatch_new(place->folder);
    add(batch, "1", "one");
    add(batch, "2", "two");
    finish(batch, -EEXIST, 2);
    assert_int_equal(unlink(place->folder), 0);
}

static void test_no_place(void **state)
{
    struct filebatch *batch = filebatch_new("/tmp/sesstap-no-such-folder/made");
    char path[600];

    (void)state;
    add(batch, "1", "one");
    add(batch, "2", "two");
    finish(batch, -ENOENT, 2);
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    errno = 0;
    assert_null(filebatch_new(path));
    assert_int_equal(errno, ENAMETOOLONG);
}

/* A file beyond the limit, as on a full disk: it goes, the others stay. */
static void test_disk_full(void **state)
{
    const struct place *place = *state;
    struct filebatch *batch = filebatch_new(place->folder);
    struct batchfile *file = filebatch_open(batch, "long");
    struct rlimit before, low = {100000, RLIM_INFINITY};
    char *bytes = calloc(1, 1 << 20);

    getrlimit(RLIMIT_FSIZE, &before);
    low.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &low);
    for (int i = 0; i < 4; i++)
        batchfile_write(file, bytes, 1 << 20);
    batchfile_commit(file);
    add(batch, "1", "one");
    finish(batch, -EFBIG, 1);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(access(file_in(place, "long"), F_OK), -1);
    assert_file(place, "1", "one", 3);
    free(bytes);
}

static void test_stopped_leaves_nothing(void **state)
{
    const struct place *place = *state;
    struct filebatch *batch = filebatch_new(place->folder);
    struct batchfile *file = filebatch_open(batch, "long");
    char *bytes = calloc(1, 1 << 20), name[16];
    uint64_t failed = 0;

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "%d", i);
        add(batch, name, name);
    }
    batchfile_write(file, bytes, 1 << 20);
    filebatch_stop(batch);
    batchfile_write(file, bytes, 1 << 20);
    batchfile_commit(file);
    for (int i = 1000; i < 2000; i++) {
        snprintf(name, sizeof(name), "%d", i);
        add(batch, name, name);
    }
    assert_int_equal(filebatch_finish(batch, &failed), -ECANCELED);
    filebatch_free(batch);
    assert_int_equal(access(place->folder, F_OK), -1);

    batch = filebatch_new(place->folder);
    add(batch, "1", "one");
    filebatch_free(batch);
    assert_int_equal(access(place->folder, F_OK), -1);
    free(bytes);
}

/* A process of the same number was killed here. */
static void test_leftover_goes(void **state)
{
    const struct place *place = *state;
    struct filebatch *batch = filebatch_new(place->folder);
    char path[160];
    FILE *file;

    snprintf(path, sizeof(path), "%s/.made.tmp-%d", place->dir, (int)getpid());
    assert_int_equal(mkdir(path, 0755), 0);
    strcat(path, "/1");
    file = fopen(path, "w");
    fputs("what is left", file);
    fclose(file);
    add(batch, "1", "one");
    finish(batch, 0, 0);
    assert_file(place, "1", "one", 3);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(test_no_file_no_folder),
        ROW(test_small_files),
        ROW(test_many_files),
        ROW(test_long_files),
        ROW(test_zeros),
        ROW(test_given_up_file_is_not_there),
        ROW(test_into_a_folder_that_is_there),
        ROW(test_name_in_use),
        ROW(test_no_place),
        ROW(test_disk_full),
        ROW(test_stopped_leaves_nothing),
        ROW(test_leftover_goes),
    };

    return cmocka_run_group_tests_name("filebatch", tests, NULL, NULL);
}
