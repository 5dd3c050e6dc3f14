/* SPDX-License-Identifier: Apache-2.0 */
/* sesstap index: what later commands need so that they need not read all of a capture file. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/plural.h"
#include "cmd/cmd.h"
#include "cmd/file_options.h"
#include "cmd/index_make.h"

static void refuse(const char *path, int err)
{
    if (err == -EINVAL)
        log_error("%s: only a file can have an index", path);
    else if (err == -EACCES || err == -EROFS || err == -EPERM)
        log_error("cannot write %s" INDEX_SUFFIX ": nothing may be written to its folder", path);
    else
        log_error("cannot make an index of %s: %s", path, strerror(-err));
}

static int index_file(const struct file_options *options, const char *const *path)
{
    struct replay_conf conf = {0};
    struct replay_result result;
    struct index_making making;
    int err;

    file_options_apply(options, &conf);
    conf.input.paths = path;
    conf.input.path_count = 1;
    err = index_making_begin(&making, &conf);
    if (err) {
        refuse(*path, err);
        return EXIT_FAILED;
    }
    err = replay_run(&conf, &result);
    index_making_end(&making);
    if (!err && !making.error)
        log_info("%s" INDEX_SUFFIX ": %llu session%s, %llu packet%s", *path,
                 (unsigned long long)result.sessions, plural_s(result.sessions),
                 (unsigned long long)result.frames, plural_s(result.frames));
    return file_options_status(err ? err : making.error, &result);
}

/* The worst of two: failed before damaged before done. */
static int worse(int a, int b)
{
    if (a == EXIT_FAILED || b == EXIT_FAILED)
        return EXIT_FAILED;
    return a > b ? a : b;
}

int cmd_index(int argc, char **argv)
{
    struct file_options options;
    const struct file_command command = {.name = "index", .takes = FILE_LOOKS_INTO};
    int status = EXIT_USAGE;

    if (!file_options_parse(&options, &command, argc, argv)) {
        if (options.filter || options.recursive) {
            log_error("index: an index is of all packets of a file; it takes neither -f nor -r");
        } else {
            status = EXIT_DONE;
            for (size_t i = 0; i < options.path_count; i++)
                status = worse(status, index_file(&options, options.words + i));
        }
    }
    file_options_fini(&options);
    return status;
}
