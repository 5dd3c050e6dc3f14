/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that are appended whole: what a full disk cuts is cut back, and counted. */
#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file takes a quarter of a megabyte at two thirds of the cost of four times 64 KB: its pages are larger. */
#define LINE_HOLD_BYTES (256 * 1024)
#define FILE_MODE       0644
/* How long a reader that takes nothing is waited for when we are to stop. */
#define LAST_WAIT_MS 2000

int linefile_open(struct linefile *file, const char *path)
{
    *file = (struct linefile){.fd = STDOUT_FILENO, .stop_fd = -1};
    if (strcmp(path, "-") == 0)
        return 0;
    file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, FILE_MODE);
    return file->fd < 0 ? -errno : 0;
}

/* Where the last whole line of a file ends. -errno. */
static int64_t whole_lines_end(int fd, int64_t size)
{
    char part[16384];

    while (size > 0) {
        int64_t from = size > (int64_t)sizeof(part) ? size - (int64_t)sizeof(part) : 0;
        ssize_t got = pread(fd, part, (size_t)(size - from), from);
        const char *last = got > 0 ? memrchr(part, '\n', (size_t)got) : NULL;

        if (got != size - from)
            return got < 0 ? -errno : -EIO;
        if (last)
            return from + (last - part) + 1;
        size = from;
    }
    return 0;
}

int linefile_resume(struct linefile *file, const char *path)
{
    struct stat st;
    int64_t end = 0;
    int err = 0;

    *file = (struct linefile){.fd = STDOUT_FILENO, .stop_fd = -1};
    file->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, FILE_MODE);
    if (file->fd < 0)
        return -errno;
    if (fstat(file->fd, &st))
        err = -errno;
    else if (S_ISREG(st.st_mode))
        end = whole_lines_end(file->fd, st.st_size);
    if (end < 0)
        err = (int)end;
    else if (!err && S_ISREG(st.st_mode) && end < st.st_size && ftruncate(file->fd, end))
        err = -errno;
    file->size_bytes = (uint64_t)end;
    if (err) {
        close(file->fd);
        file->fd = -1;
    }
    return err;
}

void linefile_write(struct linefile *file, const char *line, size_t len)
{
    if (!buf_reserve(&file->held, len + 1)) {
        file->lost_lines++;
        file->error = -ENOMEM;
        return;
    }
    buf_add(&file->held, line, len);
    buf_add_char(&file->held, '\n');
    if (file->held.len >= LINE_HOLD_BYTES)
        linefile_flush(file);
}

static bool is_regular(const struct linefile *file, struct stat *st)
{
    return !fstat(file->fd, st) && S_ISREG(st->st_mode);
}

void linefile_stop_at(struct linefile *file, int stop_fd)
{
    struct stat st;

    if (!is_regular(file, &st))
        file->stop_fd = stop_fd;
}

/* Wait until some bytes would go out. -EINTR: they would not, and we are to stop. */
static int await_room(struct linefile *file)
{
    struct pollfd wait[] = {{.fd = file->fd, .events = POLLOUT},
                            {.fd = file->stop_fd, .events = POLLIN}};

    if (!file->gave_up) {
        poll(wait, 2, -1);
        if (wait[0].revents || !wait[1].revents)
            return 0; /* room, or an error, which the write tells */
    }
    if (poll(wait, 1, file->gave_up ? 0 : LAST_WAIT_MS))
        return 0;
    file->gave_up = true;
    return -EINTR;
}

/* Returns how many bytes went out; fewer than len with file->error set. */
static size_t write_some(struct linefile *file, const char *data, size_t len)
{
    size_t done = 0, most = file->stop_fd < 0 ? len : PIPE_BUF; /* for so many there is room */

    file->error = 0;
    while (done < len) {
        ssize_t n;

        file->error = file->stop_fd < 0 ? 0 : await_room(file);
        if (file->error)
            break;
        n = write(file->fd, data + done, len - done < most ? len - done : most);
        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = file->fd, .events = POLLOUT};

            if (file->stop_fd < 0)
                poll(&wait, 1, -1); /* a terminal or pipe that another process made non-blocking */
        } else if (n == 0 || errno != EINTR) {
            file->error = n < 0 ? -errno : -EIO;
            break;
        }
    }
    return done;
}

static bool can_cut_back(const struct linefile *file)
{
    struct stat st;

    return file->fd != STDOUT_FILENO && is_regular(file, &st);
}

/* Somebody removed it: lines would go where nobody finds them. */
static bool is_removed(const struct linefile *file)
{
    struct stat st;

    return file->fd != STDOUT_FILENO && is_regular(file, &st) && !st.st_nlink;
}

static uint64_t count_lines(const char *data, size_t len)
{
    uint64_t lines = 0;

    for (const char *end = data + len; data < end; data++)
        lines += *data == '\n';
    return lines;
}

/*
 * Of what is held only done bytes went out. A file ends after its last whole line; where that cannot
 * be had, the rest of the line that was cut stays held and goes out first next time.
 */
static void linefile_cut(struct linefile *file, size_t done)
{
    struct buf *held = &file->held;
    const char *last = done ? memrchr(held->data, '\n', done) : NULL;
    size_t whole = last ? (size_t)(last - held->data) + 1 : 0, rest_end;
    bool mid_line = done > whole || (!done && file->mid_line);

    if (mid_line && !file->mid_line && can_cut_back(file) &&
        ftruncate(file->fd, (off_t)(file->size_bytes + whole)) == 0) {
        done = whole;
        mid_line = false;
    }
    rest_end = done;
    if (mid_line) {
        const char *end = memchr(held->data + done, '\n', held->len - done);

        rest_end = end ? (size_t)(end - held->data) + 1 : held->len;
    }
    file->mid_line = mid_line;
    file->size_bytes += done;
    file->lost_lines += count_lines(held->data + rest_end, held->len - rest_end);
    memmove(held->data, held->data + done, rest_end - done);
    held->len = rest_end - done;
}

int linefile_flush(struct linefile *file)
{
    size_t done = 0;

    if (!file->held.len)
        return 0;
    if (is_removed(file))
        file->error = -ENOENT;
    else
        done = write_some(file, file->held.data, file->held.len);
    if (file->error) {
        linefile_cut(file, done);
        return file->error;
    }
    file->size_bytes += done;
    file->mid_line = false;
    buf_clear(&file->held);
    return 0;
}

int linefile_close(struct linefile *file)
{
    int error = linefile_flush(file);

    if (file->held.len)
        file->lost_lines++; /* the end of one that was cut */
    buf_fini(&file->held);
    if (file->fd > STDOUT_FILENO && close(file->fd) && errno != EINTR && !error)
        error = -errno;
    file->fd = -1;
    if (!error && file->lost_lines)
        error = -EIO;
    return error;
}
