/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many files of one folder, made fast: a thread of its own writes them into a folder with a temporary name, which gets
 * its own name when all are there. So each file is whole or not there, and one rename does for all of them.
 */
#ifndef SESSTAP_FILEBATCH_H
#define SESSTAP_FILEBATCH_H

#include <stddef.h>
#include <stdint.h>

#define FILEBATCH_NAME_MAX 31

struct filebatch;
struct batchfile; /* in the making */

/*
 * path: of the folder, in one that is there. Nothing is created before the first file. NULL with errno;
 * ENAMETOOLONG.
 */
struct filebatch *filebatch_new(const char *path);
/* A file of this name, each once; borrows batch. NULL with errno. */
struct batchfile *filebatch_open(struct filebatch *batch, const char *name);
/* 0; -ENOMEM, and the file will not be there. What the disk refuses, filebatch_finish tells. */
int batchfile_write(struct batchfile *file, const void *data, size_t len);
/* len zero bytes, which take no room on the disk. 0 or -errno: -ENOMEM, -EFBIG. */
int batchfile_skip(struct batchfile *file, uint64_t len);
/* It is complete. Frees file. Waits when the thread is far behind. */
void batchfile_commit(struct batchfile *file);
/* It will not be there. Frees file. NULL is fine. */
void batchfile_abort(struct batchfile *file);

/*
 * Write what is left and give the folder its name; when something has that name, the files are moved into
 * it one by one. 0, or the first -errno with *failed files that are not there. No file may be open.
 */
int filebatch_finish(struct filebatch *batch, uint64_t *failed);
/*
 * Stop writing and remove what has not got its place, at any time and from any thread: the process is
 * to end. Later calls do nothing more.
 */
void filebatch_stop(struct filebatch *batch);
/* Without filebatch_finish before, all is removed. NULL is fine. */
void filebatch_free(struct filebatch *batch);

#endif
