/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file in the making: what is held, then ".<name>.tmp-<pid>" in the same folder, then its name. The temporary file is
 * opened for each write and closed at once. What is held to the end has no name before its own, where that can be.
 */
#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd_write.h"

#define TEMP_EXTRA_BYTES 24 /* ".", ".tmp-", a process id, end of string */
#define FILE_MODE        0644
/* A shorter run of zeros is written as such: opening the file costs more. */
#define SPARSE_MIN_BYTES (64 * 1024)

static const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void temp_path(const struct outfile *file, char temp[OUTFILE_PATH_MAX + TEMP_EXTRA_BYTES])
{
    const char *name = path_name(file->path);

    snprintf(temp, OUTFILE_PATH_MAX + TEMP_EXTRA_BYTES, "%.*s.%s.tmp-%d", (int)(name - file->path),
             file->path, name, (int)getpid());
}

int outfile_init(struct outfile *file, const char *path)
{
    size_t len = strlen(path);

    *file = (struct outfile){0};
    if (len >= sizeof(file->path) || strlen(path_name(path)) > NAME_MAX - TEMP_EXTRA_BYTES)
        return -ENAMETOOLONG;
    memcpy(file->path, path, len + 1);
    return 0;
}

void outfile_keep_room(struct outfile *file)
{
    file->keeps_room = true;
}

/* Keep the first error; the file in the making is given up. */
static int outfile_fail(struct outfile *file, int error)
{
    char temp[OUTFILE_PATH_MAX + TEMP_EXTRA_BYTES];

    temp_path(file, temp);
    unlink(temp);
    buf_fini(&file->held);
    file->written_bytes = 0;
    file->error = error;
    return error;
}

static int write_whole(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Append what is held, and then data, to the temporary file. */
static int outfile_spill(struct outfile *file, const void *data, size_t len)
{
    char temp[OUTFILE_PATH_MAX + TEMP_EXTRA_BYTES];
    int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC, error, fd;

    temp_path(file, temp);
    if (!file->written_bytes) {
        unlink(temp); /* left by a process of the same number */
        flags |= O_CREAT | O_EXCL;
    }
    fd = open(temp, flags, FILE_MODE);
    if (fd < 0)
        return outfile_fail(file, -errno);
    error = write_whole(fd, file->held.data, file->held.len);
    if (!error)
        error = write_whole(fd, data, len);
    if (close(fd) && errno != EINTR && !error)
        error = -errno;
    if (error)
        return outfile_fail(file, error);
    file->written_bytes += file->held.len + len;
    if (file->keeps_room)
        buf_clear(&file->held);
    else
        buf_fini(&file->held);
    return 0;
}

int outfile_write(struct outfile *file, const void *data, size_t len)
{
    if (file->error)
        return file->error;
    if (file->held.len + len >= OUTFILE_HOLD_BYTES)
        return outfile_spill(file, data, len);
    buf_add(&file->held, data, len);
    return file->held.failed ? outfile_fail(file, -ENOMEM) : 0;
}

int outfile_rest(struct outfile *file)
{
    if (file->error || !file->held.len)
        return file->error;
    return outfile_spill(file, NULL, 0);
}

/* Not open for appending: what is written next goes behind the new end all the same. */
static int extend_written(struct outfile *file, uint64_t len)
{
    char temp[OUTFILE_PATH_MAX + TEMP_EXTRA_BYTES];
    int error = 0, fd;

    temp_path(file, temp);
    fd = open(temp, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return outfile_fail(file, -errno);
    if (ftruncate(fd, (off_t)(file->written_bytes + len)))
        error = -errno;
    close(fd);
    if (error)
        return outfile_fail(file, error);
    file->written_bytes += len;
    return 0;
}

int outfile_skip(struct outfile *file, uint64_t len)
{
    if (file->error)
        return file->error;
    if (len == 0)
        return 0;
    if (len > INT64_MAX - file->written_bytes - file->held.len)
        return outfile_fail(file, -EFBIG);
    if (file->held.len + len >= OUTFILE_HOLD_BYTES || len >= SPARSE_MIN_BYTES) {
        if (outfile_spill(file, NULL, 0))
            return file->error;
        return extend_written(file, len);
    }
    if (!buf_reserve(&file->held, len))
        return outfile_fail(file, -ENOMEM);
    memset(file->held.data + file->held.len, 0, len);
    file->held.len += len;
    return 0;
}

/* Not with O_APPEND: there pwrite would append (pwrite(2), BUGS). */
static int patch_written(struct outfile *file, uint64_t offset, const char *data, size_t len)
{
    char temp[OUTFILE_PATH_MAX + TEMP_EXTRA_BYTES];
    int error, fd;

    temp_path(file, temp);
    fd = open(temp, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return outfile_fail(file, -errno);
    error = fd_pwrite(fd, data, len, offset);
    if (close(fd) && errno != EINTR && !error)
        error = -errno;
    return error ? outfile_fail(file, error) : 0;
}

int outfile_patch(struct outfile *file, uint64_t offset, const void *data, size_t len)
{
    uint64_t end_bytes = file->written_bytes + file->held.len;
    const char *bytes = data;

    if (file->error)
        return file->error;
    if (offset > end_bytes || len > end_bytes - offset)
        return -EINVAL;
    if (len && offset < file->written_bytes) {
        uint64_t room = file->written_bytes - offset;
        size_t part = len < room ? len : (size_t)room;
        int error = patch_written(file, offset, bytes, part);

        if (error)
            return error;
        bytes += part;
        offset += part;
        len -= part;
    }
    if (len)
        memcpy(file->held.data + (offset - file->written_bytes), bytes, len);
    return 0;
}

/* A file of the folder that path is in, with no name. -errno: not every file system has such. */
static int open_nameless(const char *path)
{
    char folder[OUTFILE_PATH_MAX];
    int len = (int)(path_name(path) - path), fd;

    snprintf(folder, sizeof(folder), "%.*s", len ? len : 1, len ? path : ".");
    fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, FILE_MODE);
    return fd < 0 ? -errno : fd;
}

/* open(2): the first way takes CAP_DAC_READ_SEARCH, and less time than the second. */
static int give_name(int fd, const char *path)
{
    char link[32];

    if (!linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH))
        return 0;
    if (errno != ENOENT)
        return -errno;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

/*
 * All of it is held. False: not to be had in this way, as where there is a file of that name. A folder's files are
 * made so for two thirds of the time that creating and renaming them takes.
 */
static bool commit_nameless(struct outfile *file)
{
    int fd = open_nameless(file->path), error;

    if (fd < 0)
        return false;
    error = write_whole(fd, file->held.data, file->held.len);
    if (!error)
        error = give_name(fd, file->path);
    close(fd);
    if (!error)
        buf_fini(&file->held);
    return !error;
}

int outfile_commit(struct outfile *file)
{
    char temp[OUTFILE_PATH_MAX + TEMP_EXTRA_BYTES];

    if (file->error)
        return file->error;
    if (!file->written_bytes && commit_nameless(file))
        return 0;
    if ((file->held.len || !file->written_bytes) && outfile_spill(file, NULL, 0))
        return file->error;
    temp_path(file, temp);
    if (rename(temp, file->path))
        return outfile_fail(file, -errno);
    buf_fini(&file->held);
    file->written_bytes = 0;
    return 0;
}

static int copy_bytes(int from, int to, uint64_t len)
{
    char bytes[64 << 10];

    while (len) {
        ssize_t n = read(from, bytes, len < sizeof(bytes) ? (size_t)len : sizeof(bytes));
        int error;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        error = write_whole(to, bytes, (size_t)n);
        if (error)
            return error;
        len -= (uint64_t)n;
    }
    return 0;
}

/* The temporary file goes on under its name with its new content. */
static int insert_written(struct outfile *file, uint64_t offset, const void *data, size_t len)
{
    char temp[OUTFILE_PATH_MAX + TEMP_EXTRA_BYTES], next[sizeof(temp) + 1];
    int from, to, error = 0;

    temp_path(file, temp);
    snprintf(next, sizeof(next), "%s+", temp);
    from = open(temp, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return outfile_fail(file, -errno);
    unlink(next);
    to = open(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (to < 0)
        error = -errno;
    if (!error)
        error = copy_bytes(from, to, offset);
    if (!error)
        error = write_whole(to, data, len);
    if (!error)
        error = copy_bytes(from, to, file->written_bytes - offset);
    if (to >= 0 && close(to) && errno != EINTR && !error)
        error = -errno;
    close(from);
    if (!error && rename(next, temp))
        error = -errno;
    if (error) {
        unlink(next);
        return outfile_fail(file, error);
    }
    file->written_bytes += len;
    return 0;
}

int outfile_insert(struct outfile *file, uint64_t offset, const void *data, size_t len)
{
    uint64_t end_bytes = file->written_bytes + file->held.len;
    size_t place;

    if (file->error)
        return file->error;
    if (offset > end_bytes)
        return -EINVAL;
    if (offset < file->written_bytes)
        return insert_written(file, offset, data, len);
    place = (size_t)(offset - file->written_bytes);
    if (!buf_reserve(&file->held, len))
        return outfile_fail(file, -ENOMEM);
    memmove(file->held.data + place + len, file->held.data + place, file->held.len - place);
    memcpy(file->held.data + place, data, len);
    file->held.len += len;
    return 0;
}

void outfile_abort(struct outfile *file)
{
    if (file->written_bytes)
        outfile_fail(file, -ECANCELED);
    buf_fini(&file->held);
}
