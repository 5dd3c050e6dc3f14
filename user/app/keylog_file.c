/* SPDX-License-Identifier: Apache-2.0 */
/* A key log as a file: read from the last whole line on; cut or replaced, it is read from its start. */
#include "app/keylog_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "base/clock.h"

#define LOOK_EVERY_NS  10000000ull
#define READ_BYTES     (64u << 10)
#define LINE_MAX_BYTES (1u << 20) /* beyond it is no line */

int keylog_file_open(struct keylog_file *file, const char *path, bool may_be_missing)
{
    struct stat st;

    if (file->path)
        return -EBUSY;
    if (stat(path, &st) && !(may_be_missing && errno == ENOENT))
        return -errno;
    file->path = strdup(path);
    return file->path ? 0 : -ENOMEM;
}

void keylog_file_close(struct keylog_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    *file = (struct keylog_file){.fd = -1};
}

bool keylog_file_is_due(struct keylog_file *file, bool force)
{
    uint64_t now_ns;

    if (!file->path || file->is_pipe)
        return false;
    now_ns = clock_mono_ns();
    if (!force && now_ns - file->looked_ns < LOOK_EVERY_NS)
        return false;
    file->looked_ns = now_ns;
    return true;
}

static int begin(struct keylog_file *file)
{
    struct stat st;

    file->fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0)
        return errno == ENOENT ? 0 : -errno;
    if (fstat(file->fd, &st))
        return -errno;
    file->device = st.st_dev;
    file->inode = st.st_ino;
    file->is_pipe = !S_ISREG(st.st_mode);
    file->offset = 0;
    return 0;
}

/* What is there beyond offset, given line by line; the last one need not be whole. */
static int read_rest(struct keylog_file *file, keylog_take *take, void *ctx)
{
    struct buf text = {0};
    int err = 0;

    for (;;) {
        const char *last;
        ssize_t got;

        if (!buf_reserve(&text, READ_BYTES)) {
            err = -ENOMEM;
            break;
        }
        got = file->is_pipe ? read(file->fd, text.data + text.len, READ_BYTES)
                            : pread(file->fd, text.data + text.len, READ_BYTES,
                                    (off_t)(file->offset + text.len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            err = got < 0 ? -errno : 0;
            break;
        }
        text.len += (size_t)got;
        last = memrchr(text.data, '\n', text.len);
        if (last || text.len > LINE_MAX_BYTES) {
            size_t whole = last ? (size_t)(last + 1 - text.data) : text.len;

            take(ctx, text.data, whole, true);
            file->offset += whole;
            memmove(text.data, text.data + whole, text.len - whole);
            text.len -= whole;
        }
    }
    if (!err && text.len)
        take(ctx, text.data, text.len, false);
    buf_fini(&text);
    return err;
}

int keylog_file_read(struct keylog_file *file, keylog_take *take, void *ctx)
{
    struct stat now, open_one;
    char before = '\n';
    int err = 0;

    if (file->fd < 0) {
        err = begin(file);
        return err || file->fd < 0 ? err : read_rest(file, take, ctx);
    }
    if (fstat(file->fd, &open_one))
        return -errno;
    if (file->offset)
        err = pread(file->fd, &before, 1, (off_t)file->offset - 1) < 0 ? -errno : 0;
    if ((uint64_t)open_one.st_size < file->offset || before != '\n') {
        file->offset = 0;
        file->restarts++;
    }
    if ((uint64_t)open_one.st_size > file->offset)
        err = err ? err : read_rest(file, take, ctx);
    if (err || stat(file->path, &now) || (now.st_dev == file->device && now.st_ino == file->inode))
        return err;
    close(file->fd);
    file->fd = -1;
    file->restarts++;
    err = begin(file);
    return err || file->fd < 0 ? err : read_rest(file, take, ctx);
}
