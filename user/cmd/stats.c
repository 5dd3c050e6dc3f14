/* SPDX-License-Identifier: Apache-2.0 */
/* sesstap stats: sums over the sessions of capture files, by who talked or how. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/outfile.h"
#include "cmd/cmd.h"
#include "cmd/file_options.h"
#include "cmd/output.h"
#include "cmd/replay.h"
#include "sink/totals.h"
#include "sink/where.h"

#define OPT_BY FILE_OWN_OPTION

static const struct option OWN_OPTIONS[] = {
    {"by", required_argument, NULL, OPT_BY},
    {NULL, 0, NULL, 0},
};

struct stats {
    struct file_options options;
    enum totals_by by;
    struct totals *totals;
    bool by_given;
    bool guesses; /* some session's protocol is one */
    int error;
};

static int set_option(void *ctx, int option, const char *arg)
{
    struct stats *stats = ctx;

    if (option != OPT_BY)
        return -EINVAL;
    if (totals_by_parse(&stats->by, arg)) {
        log_error("--by %s: conversation, host, service or protocol is wanted", arg);
        return -EINVAL;
    }
    stats->by_given = true;
    return 0;
}

static void on_record(void *ctx, const struct record *record)
{
    struct stats *stats = ctx;
    int err;

    if (!file_options_want(&stats->options, record))
        return;
    stats->guesses |= record->identity.guessed;
    err = totals_add(stats->totals, record);
    if (err && !stats->error)
        stats->error = err;
}

static int print(struct stats *stats)
{
    struct linefile file;
    struct buf out = {0};
    size_t left_out = 0;
    int err = stats->error ? stats->error : linefile_open(&file, "-");

    if (err)
        return err;
    if (stats->options.json)
        totals_write_json(&out, stats->totals);
    else
        left_out = totals_write_table(&out, stats->totals, output_line_width());
    if (out.failed)
        err = -ENOMEM;
    else
        linefile_write(&file, out.data, out.len - 1); /* it adds the last newline */
    buf_fini(&out);
    if (linefile_close(&file))
        return -EIO;
    output_say_left_out(left_out);
    output_say_guesses(stats->guesses && stats->by == TOTALS_PROTOCOL && !stats->options.json);
    return err;
}

static int count_sessions(struct stats *stats)
{
    struct replay_conf conf = {.hooks = {.record = on_record, .ctx = stats}};
    struct replay_result result = {0};
    int err;

    stats->totals = totals_new(stats->by);
    if (!stats->totals) {
        log_error("out of memory");
        return EXIT_FAILED;
    }
    file_options_apply(&stats->options, &conf);
    conf.pipeline.lots = stats->options.where && where_needs_lots(stats->options.where);
    err = replay_run(&conf, &result);
    if (!err) {
        err = print(stats);
        if (err)
            log_error("cannot write the totals: %s", strerror(-err));
    }
    file_options_say_alerts(&stats->options);
    totals_free(stats->totals);
    return file_options_status(err, &result);
}

int cmd_stats(int argc, char **argv)
{
    struct stats stats = {0};
    const struct file_command command = {
        .name = "stats",
        .takes = FILE_TAKES_WHERE | FILE_TAKES_JSON | FILE_TAKES_APP,
        .own = OWN_OPTIONS,
        .set = set_option,
        .ctx = &stats,
        .one_path = true,
    };
    int status = EXIT_USAGE;

    if (!file_options_parse(&stats.options, &command, argc, argv)) {
        if (stats.by_given)
            status = count_sessions(&stats);
        else
            log_error("stats: by what? add --by conversation, host, service or protocol");
    }
    file_options_fini(&stats.options);
    return status;
}
