/* SPDX-License-Identifier: Apache-2.0 */
/* sesstap read: the sessions of capture files, as records, captures and streams. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/filebatch.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/plural.h"
#include "cmd/cmd.h"
#include "cmd/file_options.h"
#include "cmd/index_make.h"
#include "cmd/output.h"
#include "cmd/replay.h"
#include "sink/where.h"

/* Records that wait for sessions that began before them, in memory. */
#define HELD_RECORD_BYTES (64u << 20)

enum {
    OPT_LOTS = FILE_OWN_OPTION,
    OPT_PCAP,
    OPT_PCAPNG,
    OPT_STREAMS,
    OPT_HOLES,
    OPT_FORMAT,
};

static const struct option OWN_OPTIONS[] = {
    {"lots", no_argument, NULL, OPT_LOTS},
    {"pcap", no_argument, NULL, OPT_PCAP},
    {"pcapng", no_argument, NULL, OPT_PCAPNG},
    {"streams", no_argument, NULL, OPT_STREAMS},
    {"holes", required_argument, NULL, OPT_HOLES},
    {"format", required_argument, NULL, OPT_FORMAT},
    {NULL, 0, NULL, 0},
};

struct reading {
    struct file_options options;
    struct replay_conf conf;
    const char *dir;
    struct linefile records;
    struct ordered *ordered;
    struct interrupt *interrupt; /* NULL: nothing to tidy up */
};

/* The records themselves are written either way. */
static int set_output(struct reading *reading, const char *text)
{
    bool is_tcpsession = !strcmp(text, "tcpsession");

    if (!is_tcpsession && strcmp(text, "ndjson") != 0) {
        log_error("--format %s: ndjson or tcpsession is wanted", text);
        return -EINVAL;
    }
    reading->conf.pipeline.tcpsession = is_tcpsession;
    return 0;
}

static int set_option(void *ctx, int option, const char *arg)
{
    struct reading *reading = ctx;
    struct pipeline_conf *pipeline = &reading->conf.pipeline;

    switch (option) {
    case 'o':
        reading->dir = arg;
        return 0;
    case OPT_LOTS:
        pipeline->lots = true;
        return 0;
    case OPT_PCAP:
        return output_set_format(&pipeline->captures, &pipeline->format, CAPTURE_PCAP);
    case OPT_PCAPNG:
        return output_set_format(&pipeline->captures, &pipeline->format, CAPTURE_PCAPNG);
    case OPT_STREAMS:
        pipeline->streams = true;
        return 0;
    case OPT_HOLES:
        return output_set_holes(&pipeline->holes, arg);
    case OPT_FORMAT:
        return set_output(reading, arg);
    default:
        return -EINVAL;
    }
}

static int open_records(struct reading *reading)
{
    int err = output_open_records(&reading->records, reading->dir, reading->conf.pipeline.captures,
                                  false);

    if (err)
        return err;
    reading->conf.pipeline.dir = reading->dir;
    reading->ordered = ordered_new(&reading->records, HELD_RECORD_BYTES);
    if (reading->ordered)
        reading->conf.pipeline.queue = record_queue_new(reading->ordered);
    if (!reading->conf.pipeline.queue) {
        ordered_free(reading->ordered);
        linefile_close(&reading->records);
        log_error("cannot begin to write records: %s", strerror(errno));
        return -ENOMEM;
    }
    return 0;
}

/* Records that are still on their way. 0 or -errno after a line that says what is missing. */
static int close_records(struct reading *reading)
{
    uint64_t lost = record_queue_finish(reading->conf.pipeline.queue);
    int err;

    ordered_free(reading->ordered);
    err = linefile_close(&reading->records);
    if (err)
        log_error("cannot write all records: %s", strerror(-err));
    else if (lost)
        log_error("%llu record%s missing: could not be kept until it was their turn",
                  (unsigned long long)lost, plural_is(lost));
    return err ? err : lost ? -ENOMEM : 0;
}

static void remove_streams(void *ctx)
{
    struct reading *reading = ctx;

    filebatch_stop(reading->conf.pipeline.stream_batch);
}

/* 0 or -errno after a line. */
static int open_streams(struct reading *reading)
{
    struct pipeline_conf *pipeline = &reading->conf.pipeline;
    char path[OUTFILE_PATH_MAX];

    if (!pipeline->streams)
        return 0;
    snprintf(path, sizeof(path), "%s/streams", reading->dir);
    pipeline->stream_batch = filebatch_new(path);
    if (pipeline->stream_batch)
        reading->interrupt = interrupt_new(remove_streams, reading);
    if (reading->interrupt)
        return 0;
    log_error("cannot begin to write streams: %s", strerror(errno));
    filebatch_free(pipeline->stream_batch);
    return -ENOMEM;
}

/* All files get their place. 0 or -errno after a line that says what is missing. */
static int close_streams(struct reading *reading)
{
    struct filebatch *batch = reading->conf.pipeline.stream_batch;
    uint64_t failed = 0;
    int err;

    if (!batch)
        return 0;
    err = filebatch_finish(batch, &failed);
    if (err)
        log_error("cannot write %llu stream file%s in %s/streams: %s", (unsigned long long)failed,
                  plural_s(failed), reading->dir, strerror(-err));
    interrupt_free(reading->interrupt);
    filebatch_free(batch);
    return err;
}

/* The index costs little while all is read anyway. Not for stdout: nobody asked for files. */
static void begin_index(struct reading *reading, struct index_making *making)
{
    int err;

    *making = (struct index_making){0};
    if (!reading->dir || reading->conf.filter || reading->conf.no_index)
        return;
    err = index_making_begin(making, &reading->conf);
    if (err && err != -EINVAL)
        log_info("%s gets no index: %s", reading->conf.input.paths[0], strerror(-err));
}

/* An option that was given and writes files; NULL: none. */
static const char *option_of_files(const struct pipeline_conf *pipeline)
{
    if (pipeline->captures)
        return pipeline->format == CAPTURE_PCAP ? "--pcap" : "--pcapng";
    if (pipeline->streams)
        return "--streams";
    return pipeline->tcpsession ? "--format tcpsession" : NULL;
}

/* Files are numbered by session: those of an earlier reading that had more of them would look like ours. */
static void warn_of_earlier(const struct reading *reading)
{
    char path[OUTFILE_PATH_MAX];

    if (!option_of_files(&reading->conf.pipeline))
        return;
    snprintf(path, sizeof(path), "%s/sessions.ndjson", reading->dir);
    if (!access(path, F_OK))
        log_warn(
            "%s holds the output of an earlier run: files of sessions that are not written now "
            "stay in it",
            reading->dir);
}

static int read_files(struct reading *reading)
{
    struct replay_result result;
    struct index_making making;
    int err, records_err, streams_err;

    warn_of_earlier(reading);
    if (open_streams(reading))
        return EXIT_FAILED;
    if (open_records(reading)) {
        close_streams(reading);
        return EXIT_FAILED;
    }
    begin_index(reading, &making);
    err = replay_run(&reading->conf, &result);
    index_making_end(&making);
    records_err = close_records(reading);
    streams_err = close_streams(reading);
    if (!result.error)
        result.error = records_err ? records_err : streams_err;
    if (!err) {
        replay_report(&result);
        output_say_cuts(&reading->options.cuts);
        file_options_say_alerts(&reading->options);
        output_say_keylog(reading->options.keylog);
        output_say_names(reading->options.names);
    }
    return file_options_status(err, &result);
}

static void choose_sessions(struct reading *reading)
{
    struct pipeline_conf *pipeline = &reading->conf.pipeline;

    pipeline->where = reading->options.where;
    if (pipeline->where && where_needs_lots(pipeline->where))
        pipeline->lots = true;
}

/* Whether what was asked for can be had together; else a line says what is missing. */
static bool can_be(const struct reading *reading)
{
    const struct pipeline_conf *pipeline = &reading->conf.pipeline;
    const char *option = option_of_files(pipeline);

    if (option && !reading->dir)
        log_error("%s needs a folder to write to: add -o DIR", option);
    else if (pipeline->holes != HOLES_ZERO && !pipeline->streams)
        log_error("--holes %s says what stands in streams: add --streams",
                  hole_policy_name(pipeline->holes));
    else
        return true;
    return false;
}

int cmd_read(int argc, char **argv)
{
    struct reading reading = {0};
    const struct file_command command = {
        .name = "read",
        .takes = FILE_TAKES_WHERE | FILE_TAKES_APP | FILE_TAKES_HTTP,
        .letters = "o:",
        .own = OWN_OPTIONS,
        .set = set_option,
        .ctx = &reading,
    };
    int status = EXIT_USAGE;

    if (!file_options_parse(&reading.options, &command, argc, argv) && can_be(&reading)) {
        file_options_apply(&reading.options, &reading.conf);
        choose_sessions(&reading);
        status = read_files(&reading);
    }
    file_options_fini(&reading.options);
    return status;
}
