/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller gathers a file's bytes and hands them over in pieces, pieces in batches. A small file is one piece: open,
 * write, close. When the thread is far behind, the caller writes batches of whole files itself.
 */
#include "base/filebatch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/batch_ring.h"
#include "base/buf.h"
#include "base/fd_write.h"

#define PATH_BYTES       512
#define TEMP_EXTRA_BYTES 20 /* ".", ".tmp-", a process id, end of string */
#define DIR_MODE         0755
#define FILE_MODE        0644
/* A longer file goes over in pieces of this length. */
#define PIECE_BYTES (128u << 10)
/* A shorter run of zeros is written as such. */
#define SPARSE_MIN_BYTES (64u << 10)
#define LOT_PIECES       64
#define LOT_BYTES        (512u << 10)
#define LOTS             4

struct batchfile {
    struct filebatch *batch;
    struct buf held;
    uint64_t held_offset; /* of held, in the file */
    uint64_t end_bytes;   /* so far */
    bool was_handed;      /* a piece of it */
    bool is_given_up;
    /* Of whoever writes its pieces. */
    bool is_made;
    int error;
    char name[FILEBATCH_NAME_MAX + 1];
};

struct piece {
    struct batchfile *file;
    char *data; /* owned */
    size_t len;
    uint64_t offset;
    bool is_last;
    bool is_long; /* data has room for PIECE_BYTES */
};

struct lot {
    struct piece pieces[LOT_PIECES];
    size_t count;
    size_t bytes;
    bool has_parts; /* of files that have more pieces in other lots */
    /* Memory of long pieces that were written, for the next ones. */
    char *spares[LOT_PIECES];
    size_t spare_count;
};

struct filebatch {
    char path[PATH_BYTES];
    char temp[PATH_BYTES + TEMP_EXTRA_BYTES];
    struct batch_ring *ring; /* NULL: at its end */
    struct lot *filling;     /* the caller's */
    pthread_mutex_t lock;
    pthread_cond_t left; /* a writer did */
    /* Under the lock. */
    unsigned int writers; /* at work in the folder now */
    bool is_stopped;
    int dir_fd; /* -1: not made so far */
    int first_error;
    uint64_t failed;
    struct lot lots[LOTS];
};

/* ---- the folder ------------------------------------------------------------------------------- */

/* All that is in it, and itself. Returns how many files those were. */
static uint64_t remove_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    uint64_t files = 0;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while ((entry = readdir(dir)))
        files += !unlinkat(fd, entry->d_name, 0); /* not "." and "..": those are folders */
    closedir(dir);
    rmdir(path);
    return files;
}

static int make_folder(struct filebatch *batch)
{
    int err = mkdir(batch->temp, DIR_MODE) ? -errno : 0;

    if (err == -EEXIST) { /* left by a process of the same number */
        remove_folder(batch->temp);
        err = mkdir(batch->temp, DIR_MODE) ? -errno : 0;
    }
    if (err)
        return err;
    batch->dir_fd = open(batch->temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (batch->dir_fd < 0) {
        err = -errno;
        rmdir(batch->temp);
    }
    return err;
}

static void note_failure(struct filebatch *batch, int err)
{
    if (!batch->first_error)
        batch->first_error = err;
    batch->failed++;
}

/* Begin to write in the folder: its descriptor, or -errno; -ECANCELED when all is stopped. */
static int enter(struct filebatch *batch)
{
    int err = 0, fd;

    pthread_mutex_lock(&batch->lock);
    if (batch->is_stopped)
        err = -ECANCELED;
    else if (batch->dir_fd < 0)
        err = make_folder(batch);
    fd = err ? err : batch->dir_fd;
    batch->writers += !err;
    pthread_mutex_unlock(&batch->lock);
    return fd;
}

/* Files that could not be written in the meantime, for a first cause. */
static void leave(struct filebatch *batch, bool entered, uint64_t failed, int err)
{
    pthread_mutex_lock(&batch->lock);
    batch->writers -= entered;
    if (failed) {
        note_failure(batch, err);
        batch->failed += failed - 1;
    }
    pthread_cond_broadcast(&batch->left);
    pthread_mutex_unlock(&batch->lock);
}

static bool is_stopped(struct filebatch *batch)
{
    return __atomic_load_n(&batch->is_stopped, __ATOMIC_RELAXED);
}

/* ---- writing ---------------------------------------------------------------------------------- */

static int write_at(int dir_fd, const struct piece *piece)
{
    struct batchfile *file = piece->file;
    int flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC | (file->is_made ? 0 : O_CREAT | O_EXCL), err;
    int fd = openat(dir_fd, file->name, flags, FILE_MODE);

    if (fd < 0)
        return -errno;
    file->is_made = true;
    err = fd_pwrite(fd, piece->data, piece->len, piece->offset);
    if (!err && !piece->len && ftruncate(fd, (off_t)piece->offset)) /* it ends in zeros */
        err = -errno;
    if (close(fd) && errno != EINTR && !err)
        err = -errno;
    return err;
}

/* The first error stays with the file; returns it with the last piece. */
static int write_piece(int dir_fd, const struct piece *piece)
{
    struct batchfile *file = piece->file;
    bool is_given_up = piece->is_last && file->is_given_up;
    int err;

    if (!file->error && !is_given_up)
        file->error = dir_fd < 0 ? dir_fd : write_at(dir_fd, piece);
    if ((file->error || is_given_up) && file->is_made) {
        unlinkat(dir_fd, file->name, 0);
        file->is_made = false;
    }
    if (!piece->is_last)
        return 0;
    err = file->error;
    free(file);
    return err;
}

/* New memory for each long piece would cost more than filling it. */
static void release(struct lot *lot, const struct piece *piece)
{
    if (piece->is_long && lot->spare_count < LOT_PIECES)
        lot->spares[lot->spare_count++] = piece->data;
    else
        free(piece->data);
}

static void write_lot(struct filebatch *batch, struct lot *lot)
{
    int dir_fd = enter(batch), first_error = 0;
    bool entered = dir_fd >= 0;
    uint64_t failed = 0;

    for (size_t i = 0; i < lot->count; i++) {
        int err = write_piece(is_stopped(batch) ? -ECANCELED : dir_fd, &lot->pieces[i]);

        if (err && !first_error)
            first_error = err;
        failed += err != 0;
        release(lot, &lot->pieces[i]);
    }
    lot->count = lot->bytes = 0;
    lot->has_parts = false;
    leave(batch, entered, failed, first_error);
}

static void take_lot(void *ctx, unsigned int i)
{
    struct filebatch *batch = ctx;

    write_lot(batch, &batch->lots[i]);
}

/* ---- handing over ----------------------------------------------------------------------------- */

static void hand_lot(struct filebatch *batch)
{
    if (!batch->filling->has_parts && batch_ring_is_behind(batch->ring))
        write_lot(batch, batch->filling);
    else
        batch->filling = &batch->lots[batch_ring_hand(batch->ring)];
}

static void hand_piece(struct batchfile *file, bool is_last)
{
    struct filebatch *batch = file->batch;
    struct lot *lot = batch->filling;

    lot->has_parts = lot->has_parts || !is_last || file->was_handed;
    lot->bytes += file->held.len;
    lot->pieces[lot->count++] = (struct piece){file,           file->held.data,
                                               file->held.len, file->held_offset,
                                               is_last,        file->held.cap >= PIECE_BYTES};
    if (!is_last) {
        file->was_handed = true;
        file->held = (struct buf){0};
        file->held_offset = file->end_bytes;
    }
    if (lot->count == LOT_PIECES || lot->bytes >= LOT_BYTES)
        hand_lot(batch);
}

struct batchfile *filebatch_open(struct filebatch *batch, const char *name)
{
    struct batchfile *file = calloc(1, sizeof(*file));
    size_t len = strlen(name);

    if (!file)
        return NULL;
    if (len > FILEBATCH_NAME_MAX) {
        free(file);
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(file->name, name, len);
    file->batch = batch;
    return file;
}

static void take_long(struct batchfile *file)
{
    struct lot *lot = file->batch->filling;

    if (lot->spare_count)
        file->held = (struct buf){.data = lot->spares[--lot->spare_count], .cap = PIECE_BYTES};
    else
        buf_reserve(&file->held, PIECE_BYTES);
}

/* Room for len more bytes of a piece; NULL: no memory. */
static char *more_room(struct batchfile *file, size_t len)
{
    struct buf *held = &file->held;

    if (held->len && held->len + len > PIECE_BYTES)
        hand_piece(file, false);
    /* What comes after a first piece is long, most likely. */
    if (file->was_handed && !held->cap)
        take_long(file);
    if (!buf_reserve(held, len)) {
        file->is_given_up = true;
        buf_fini(held);
        return NULL;
    }
    file->end_bytes += len;
    held->len += len;
    return held->data + held->len - len;
}

int batchfile_write(struct batchfile *file, const void *data, size_t len)
{
    char *room;

    if (!len)
        return 0;
    room = more_room(file, len);
    if (!room)
        return -ENOMEM;
    memcpy(room, data, len);
    return 0;
}

int batchfile_skip(struct batchfile *file, uint64_t len)
{
    char *room;

    if (len > INT64_MAX - file->end_bytes) {
        file->is_given_up = true;
        return -EFBIG;
    }
    if (!len)
        return 0;
    if (len < SPARSE_MIN_BYTES) {
        room = more_room(file, len);
        if (!room)
            return -ENOMEM;
        memset(room, 0, len);
        return 0;
    }
    if (file->held.len)
        hand_piece(file, false);
    file->end_bytes += len;
    file->held_offset = file->end_bytes;
    return 0;
}

void batchfile_commit(struct batchfile *file)
{
    hand_piece(file, true);
}

void batchfile_abort(struct batchfile *file)
{
    if (!file)
        return;
    file->is_given_up = true;
    hand_piece(file, true);
}

/* ---- begin and end ---------------------------------------------------------------------------- */

/* Signals are the other threads' to take. */
static int begin_thread(struct filebatch *batch)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    batch->ring = batch_ring_new(LOTS, &(struct batch_taker){take_lot, NULL, batch});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return batch->ring ? 0 : errno;
}

struct filebatch *filebatch_new(const char *path)
{
    struct filebatch *batch = calloc(1, sizeof(*batch));
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int err = 0;

    if (!batch)
        return NULL;
    batch->dir_fd = -1;
    batch->filling = &batch->lots[0];
    if (snprintf(batch->path, PATH_BYTES, "%s", path) >= PATH_BYTES ||
        snprintf(batch->temp, PATH_BYTES, "%.*s.%s.tmp-%d", (int)(name - path), path, name,
                 (int)getpid()) >= (int)sizeof(batch->temp))
        err = ENAMETOOLONG;
    pthread_mutex_init(&batch->lock, NULL);
    pthread_cond_init(&batch->left, NULL);
    if (!err)
        err = begin_thread(batch);
    if (err) {
        free(batch);
        errno = err;
        return NULL;
    }
    return batch;
}

static void end_thread(struct filebatch *batch)
{
    if (!batch->ring)
        return;
    if (batch->filling->count)
        hand_lot(batch);
    batch_ring_free(batch->ring);
    batch->ring = NULL;
}

/* Each in place of one that has its name. */
static void move_files(struct filebatch *batch, int to_fd)
{
    int from_fd = open(batch->temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = from_fd < 0 ? NULL : fdopendir(from_fd);
    struct dirent *entry;

    while (dir && !is_stopped(batch) && (entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (renameat(from_fd, entry->d_name, to_fd, entry->d_name))
            leave(batch, false, 1, -errno);
    }
    if (dir)
        closedir(dir);
    else
        leave(batch, false, 1, -errno);
}

/* Its name has been taken, or can't be had (err): by a folder, or else all of them are lost. */
static void place_files(struct filebatch *batch, int err)
{
    int to_fd = open(batch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint64_t lost;

    if (to_fd >= 0)
        move_files(batch, to_fd);
    lost = remove_folder(batch->temp);
    if (to_fd >= 0)
        close(to_fd); /* each that could not be moved was told */
    else
        leave(batch, false, lost, err);
}

int filebatch_finish(struct filebatch *batch, uint64_t *failed)
{
    end_thread(batch);
    if (batch->dir_fd >= 0 && enter(batch) >= 0) {
        struct stat st;

        /* rename would put it in the place of an empty one, whatever its mode and owner. */
        if (!lstat(batch->path, &st))
            place_files(batch, -EEXIST);
        else if (rename(batch->temp, batch->path))
            place_files(batch, -errno);
        leave(batch, true, 0, 0);
    }
    *failed = batch->failed;
    return batch->first_error;
}

void filebatch_stop(struct filebatch *batch)
{
    pthread_mutex_lock(&batch->lock);
    __atomic_store_n(&batch->is_stopped, true, __ATOMIC_RELAXED);
    while (batch->writers)
        pthread_cond_wait(&batch->left, &batch->lock);
    if (batch->dir_fd >= 0)
        remove_folder(batch->temp);
    pthread_mutex_unlock(&batch->lock);
}

void filebatch_free(struct filebatch *batch)
{
    if (!batch)
        return;
    if (batch->ring)
        filebatch_stop(batch);
    end_thread(batch);
    if (batch->dir_fd >= 0)
        close(batch->dir_fd);
    for (size_t i = 0; i < LOTS; i++) {
        while (batch->lots[i].spare_count)
            free(batch->lots[i].spares[--batch->lots[i].spare_count]);
    }
    pthread_cond_destroy(&batch->left);
    pthread_mutex_destroy(&batch->lock);
    free(batch);
}
