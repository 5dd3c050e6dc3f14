/* SPDX-License-Identifier: Apache-2.0 */
/* Inside keylog*.c: the file that is read while it grows. */
#ifndef SESSTAP_KEYLOG_INTERNAL_H
#define SESSTAP_KEYLOG_INTERNAL_H

#include <sys/types.h>

#include "app/keylog.h"

struct keylog_file {
    char *path; /* owned; NULL: there is none */
    int fd;     /* -1: not there yet */
    dev_t device;
    ino_t inode;
    uint64_t offset; /* all before is read, in whole lines */
    uint64_t looked_ns;
    uint64_t restarts;
    bool is_pipe; /* was read to its end */
};

/* 0 or -errno; -EBUSY when there is one already. */
int keylog_file_open(struct keylog_file *file, const char *path, bool may_be_missing);
void keylog_file_close(struct keylog_file *file);
/* Whether it is time to look at it. */
bool keylog_file_is_due(struct keylog_file *file, bool force);
/* whole: it ends with a newline; else it is the start of a line, and comes again when that has grown. */
typedef void keylog_take(void *ctx, const char *text, size_t len, bool whole);
/* What is new. 0 or -errno. */
int keylog_file_read(struct keylog_file *file, keylog_take *take, void *ctx);

#endif
