/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output files that are whole or not there: bytes are gathered in memory, written to a temporary
 * name in the same folder and renamed on commit. No file descriptor is held between writes, so
 * thousands may be open. A full disk loses the file in the making and nothing else.
 */
#ifndef SESSTAP_OUTFILE_H
#define SESSTAP_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define OUTFILE_PATH_MAX 512
/* Bytes held in memory before they go to the temporary file. */
#define OUTFILE_HOLD_BYTES (256 * 1024)

struct outfile {
    char path[OUTFILE_PATH_MAX]; /* final name */
    struct buf held;
    uint64_t written_bytes; /* in the temporary file */
    bool keeps_room;        /* held's memory stays from one piece to the next */
    int error;              /* first errno, negative; later writes are dropped */
};

/* Begin a file; nothing is created yet. -ENAMETOOLONG. One file at a time for a path. */
int outfile_init(struct outfile *file, const char *path);
/* For one that is written without a pause: the memory of what it holds stays its own until it is committed or aborted. */
void outfile_keep_room(struct outfile *file);
/* 0 or -errno (also of an earlier write). */
int outfile_write(struct outfile *file, const void *data, size_t len);
/* Give the memory of what is held back, by writing it to the temporary file: little comes for now. 0 or -errno. */
int outfile_rest(struct outfile *file);
/* len zero bytes. A long run takes no room on the disk (a sparse file). 0 or -errno; -EFBIG. */
int outfile_skip(struct outfile *file, uint64_t len);
/* Bytes at an offset already written are replaced: a header that is known last. -EINVAL beyond the end. */
int outfile_patch(struct outfile *file, uint64_t offset, const void *data, size_t len);
/* The same, pushing what is there towards the end; the file is written anew when it is not all held. */
int outfile_insert(struct outfile *file, uint64_t offset, const void *data, size_t len);
/* Write what is held, rename, free. 0 or -errno; on error the temporary file is gone. */
int outfile_commit(struct outfile *file);
/* Forget it all, remove the temporary file. */
void outfile_abort(struct outfile *file);

/*
 * A file of lines that grows: whole lines are appended as they come; a write that fails half way is
 * cut back to the last whole line.
 */
struct linefile {
    int fd;
    int stop_fd;  /* linefile_stop_at; -1: none */
    bool gave_up; /* on a reader that takes nothing */
    struct buf held;
    uint64_t size_bytes;
    uint64_t lost_lines; /* could not be written */
    bool mid_line;       /* what is held begins within a line: its start is out already */
    int error;           /* the last write's, negative; cleared when one succeeds */
};

/* Creates or truncates path; "-" is stdout. 0 or -errno. */
int linefile_open(struct linefile *file, const char *path);
/* Creates path or goes on behind its last whole line: what a killed process wrote of another is cut off. */
int linefile_resume(struct linefile *file, const char *path);
/*
 * Once stop_fd is readable, a pipe or terminal that takes nothing for two seconds is given up (-EINTR), where a write would
 * else wait for its reader for ever. Borrowed; stays unread.
 */
void linefile_stop_at(struct linefile *file, int stop_fd);
/* line without its newline. Held until linefile_flush or 256 KB. Counts what cannot be written. */
void linefile_write(struct linefile *file, const char *line, size_t len);
/*
 * 0 or -errno (-ENOENT: the file was removed): what could not be written is given up and counted. Only the rest of a line that was cut
 * where nothing can be cut back (stdout, a pipe) stays held, so that it ends whole.
 */
int linefile_flush(struct linefile *file);
/* Flush and close. 0 or -errno; -EIO when lines were lost on the way. */
int linefile_close(struct linefile *file);

#endif
