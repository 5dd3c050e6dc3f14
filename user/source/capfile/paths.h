/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a command line's files and folders stand for. */
#ifndef SESSTAP_CAPFILE_PATHS_H
#define SESSTAP_CAPFILE_PATHS_H

#include <stdbool.h>
#include <stddef.h>

struct path {
    char *name;
    bool named; /* by the user; else found in a folder */
};

struct paths {
    struct path *all;
    size_t count;
};

/* Append a file. 0 or -ENOMEM. */
int paths_add(struct paths *paths, const char *name, bool named);
/* Append the regular files of a folder, sorted by name; also of those below it. 0 or -errno, logged. */
int paths_add_folder(struct paths *paths, const char *folder, bool recursive);
void paths_fini(struct paths *paths);

#endif
