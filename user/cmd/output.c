/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/plural.h"
#include "sink/text_table.h"

int output_set_format(bool *captures, enum capture_format *format, enum capture_format wanted)
{
    if (*captures && *format != wanted) {
        log_error("--pcap and --pcapng: one format a run, choose one");
        return -EINVAL;
    }
    *captures = true;
    *format = wanted;
    return 0;
}

static void say_bad(const char *where, uint64_t lines)
{
    if (lines)
        log_warn("%s: %llu line%s not of a key log, left out", where, (unsigned long long)lines,
                 plural_is(lines));
}

void output_say_keylog(const struct keylog *keylog)
{
    const struct keylog_counts *counts = keylog_counts(keylog);
    const char *path = keylog_path(keylog);

    say_bad(path ? path : "key log", counts->bad);
    say_bad("the captures' own secrets", counts->bad_given);
    if (counts->forgotten)
        log_warn("%s: %llu line%s of secrets forgotten, the oldest: there were over %u",
                 path ? path : "the captures' own secrets", (unsigned long long)counts->forgotten,
                 plural_s(counts->forgotten), KEYLOG_MAX_LINES);
}

size_t output_line_width(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
        return SIZE_MAX;
    return size.ws_col;
}

void output_say_left_out(size_t columns)
{
    if (columns)
        log_info("%zu column%s left out: the terminal is too narrow", columns, plural_is(columns));
}

void output_say_cuts(const struct app_cuts *cuts)
{
    const struct {
        uint64_t count;
        const char *of;
    } parts[] = {{cuts->transactions, "transactions"},
                 {cuts->headers, "header lines"},
                 {cuts->content_bytes, "bytes of content"},
                 {cuts->bytes, "bytes of payload"},
                 {cuts->layers, "protocols within others"}};
    const char *before = "";
    struct buf line = {0};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!parts[i].count)
            continue;
        buf_printf(&line, "%s%llu %s", before, (unsigned long long)parts[i].count, parts[i].of);
        before = ", ";
    }
    if (line.len && !line.failed)
        log_info("bounds left out of %llu session%s: %.*s; app.cut_* of the records say where",
                 (unsigned long long)cuts->sessions, cuts->sessions == 1 ? "" : "s", (int)line.len,
                 line.data);
    buf_fini(&line);
}

void output_say_guesses(bool some)
{
    if (some && isatty(STDOUT_FILENO))
        log_info("%c behind a protocol: guessed by port or address, the payload did not tell",
                 TEXT_GUESS_MARK);
}

void output_say_names(const struct names *names)
{
    if (names_left_out(names))
        log_warn("%llu name%s of addresses found no room: %u are kept",
                 (unsigned long long)names_left_out(names), plural_s(names_left_out(names)),
                 OUTPUT_MAX_NAMES);
}

int output_set_holes(enum hole_policy *holes, const char *text)
{
    int policy = hole_policy_parse(text);

    if (policy < 0) {
        log_error("--holes %s: zero, mark or skip is wanted", text);
        return -EINVAL;
    }
    *holes = (enum hole_policy)policy;
    return 0;
}

static int make_folder(const char *path)
{
    struct stat info;

    if (!mkdir(path, 0777) || (errno == EEXIST && !stat(path, &info) && S_ISDIR(info.st_mode)))
        return 0;
    log_error("cannot make the folder %s: %s", path,
              errno == EEXIST ? "a file has its name" : strerror(errno));
    return -EIO;
}

int output_read_hosts(struct names *names, const char *path)
{
    unsigned int bad_line;
    int err = names_read_hosts(names, path, &bad_line);

    if (err)
        log_error("--hosts %s: %s", path, strerror(-err));
    else if (bad_line)
        log_warn("--hosts %s: line %u is no address with a name; such lines are left out", path,
                 bad_line);
    return err ? -EINVAL : 0;
}

int output_follow_keylog(struct keylog *keylog, const char *path, bool may_be_missing)
{
    int err = keylog_follow(keylog, path, may_be_missing);

    if (err == -EBUSY)
        log_error("--keylog %s: one key log is taken, and there is one already", path);
    else if (err)
        log_error("--keylog %s: %s", path, strerror(-err));
    return err ? -EINVAL : 0;
}

static int open_lines(struct linefile *records, const char *path, bool go_on)
{
    int err = go_on ? linefile_resume(records, path) : linefile_open(records, path);

    if (err)
        log_error("cannot write %s: %s", path, strerror(-err));
    return err;
}

int output_open_records(struct linefile *records, const char *dir, bool captures, bool go_on)
{
    char path[OUTFILE_PATH_MAX];
    int err;

    if (!dir)
        return open_lines(records, "-", false);
    if (snprintf(path, sizeof(path), "%s/sessions.ndjson", dir) >= (int)sizeof(path)) {
        log_error("%s: the name is too long", dir);
        return -ENAMETOOLONG;
    }
    err = make_folder(dir);
    if (!err && captures) {
        snprintf(path, sizeof(path), "%s/pcap", dir);
        err = make_folder(path);
        snprintf(path, sizeof(path), "%s/sessions.ndjson", dir);
    }
    return err ? err : open_lines(records, path, go_on);
}
