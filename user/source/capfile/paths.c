/* SPDX-License-Identifier: Apache-2.0 */
/* Files of folders, in an order that does not depend on the file system. */
#include "source/capfile/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "source/capfile/reader.h"

/* Deeper is a loop of mounts, or meant to be one. */
#define DEPTH_MAX 64

int paths_add(struct paths *paths, const char *name, bool named)
{
    struct path *all = array_grow(paths->all, paths->count, sizeof(*all));
    char *copy = strdup(name);

    if (all)
        paths->all = all;
    if (!all || !copy) {
        free(copy);
        return -ENOMEM;
    }
    all[paths->count++] = (struct path){copy, named};
    return 0;
}

static int not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_below(struct paths *paths, const char *folder, bool recursive, unsigned int depth);

static int add_entry(struct paths *paths, const char *folder, const char *name, bool recursive,
                     unsigned int depth)
{
    size_t len = strlen(folder);
    struct stat st;
    char *path;
    int err = 0;

    if (asprintf(&path, "%s%s%s", folder, len && folder[len - 1] == '/' ? "" : "/", name) < 0)
        return -ENOMEM;
    /* Links to folders are not followed: they may lead back. */
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
        err = paths_add(paths, path, false);
    else if (recursive && depth < DEPTH_MAX && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
        err = add_below(paths, path, true, depth + 1);
    free(path);
    return err;
}

static int add_below(struct paths *paths, const char *folder, bool recursive, unsigned int depth)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, not_dots, by_name);
    int err = 0;

    if (count < 0) {
        err = -errno;
        log_error("%s: %s", folder, strerror(errno));
        return err;
    }
    for (int i = 0; i < count; i++) {
        if (!err)
            err = add_entry(paths, folder, entries[i]->d_name, recursive, depth);
        free(entries[i]);
    }
    free(entries);
    return err;
}

int paths_add_folder(struct paths *paths, const char *folder, bool recursive)
{
    return add_below(paths, folder, recursive, 0);
}

void paths_fini(struct paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->all[i].name);
    free(paths->all);
    *paths = (struct paths){0};
}
