/* SPDX-License-Identifier: Apache-2.0 */
/* sesstap list: the sessions of capture files as a table, in order of the first packet or of any field. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/plural.h"
#include "cmd/cmd.h"
#include "cmd/file_options.h"
#include "cmd/output.h"
#include "cmd/replay.h"
#include "sink/field.h"
#include "sink/field_names.h"
#include "sink/list_row.h"
#include "sink/ordered.h"
#include "sink/record_sort.h"
#include "sink/where.h"

/* Lines that wait for sessions that began before them, in memory. */
#define HELD_LINE_BYTES (64u << 20)
/* Rows that are looked at for the widths of columns before the first is written. */
#define ROWS_FOR_WIDTHS 512

#define OPT_SORT FILE_OWN_OPTION

static const struct option OWN_OPTIONS[] = {
    {"sort", required_argument, NULL, OPT_SORT},
    {NULL, 0, NULL, 0},
};

struct listing {
    struct file_options options;
    const struct field *sort_field; /* NULL: order of the first packet */
    bool descending;
    struct list_row list;
    struct text_table table;
    struct record_sort *rows; /* all, or those before widths are known */
    struct ordered *ordered;
    bool streaming; /* rows go out as they come */
    struct linefile out;
    struct buf row;
    struct buf line;
    uint64_t listed;
    size_t left_out; /* columns, of a narrow terminal */
    bool guesses;    /* some session's protocol is one */
    int error;
};

static int set_sort(struct listing *listing, const char *text)
{
    const struct field *fields[2];
    struct buf nearest = {0};

    listing->descending = *text == '-';
    text += listing->descending;
    if (field_find_named(fields, text, strlen(text)) && !fields[1] && fields[0]->get &&
        fields[0]->type != FIELD_OBJECT) {
        listing->sort_field = fields[0];
        return 0;
    }
    if (fields[0]) {
        log_error("--sort %s: %s can be sorted by", text,
                  fields[1] ? "only one side's"
                            : "only a field with one value, or a list as a whole");
        return -EINVAL;
    }
    field_add_nearest(&nearest, text, strlen(text));
    log_error("--sort %s: no field has this name%s%.*s", text, nearest.len ? "; near are " : "",
              (int)nearest.len, nearest.len ? nearest.data : "");
    buf_fini(&nearest);
    return -EINVAL;
}

static int set_option(void *ctx, int option, const char *arg)
{
    return option == OPT_SORT ? set_sort(ctx, arg) : -EINVAL;
}

/* ---- rows ------------------------------------------------------------------------------------- */

static void note_error(struct listing *listing, int err)
{
    if (err && !listing->error)
        listing->error = err;
}

/* What is kept of a record as a line: JSON is one already, a packed row becomes one. */
static void format_line(struct listing *listing, const char *kept, size_t len, const char **line,
                        size_t *line_len)
{
    *line = kept;
    *line_len = len;
    if (listing->options.json)
        return;
    buf_clear(&listing->line);
    text_table_write_row(&listing->line, &listing->table, kept);
    note_error(listing, listing->line.failed ? -ENOMEM : 0);
    *line = listing->line.data;
    *line_len = listing->line.len;
}

static void write_titles(struct listing *listing)
{
    if (listing->options.json || !record_sort_count(listing->rows))
        return;
    buf_clear(&listing->line);
    text_table_write_titles(&listing->line, &listing->table);
    linefile_write(&listing->out, listing->line.data, listing->line.len);
}

/* What was kept so far goes out. */
static void release_rows(struct listing *listing)
{
    const char *kept, *line;
    size_t len;

    if (!listing->streaming)
        listing->left_out = text_table_fit(&listing->table, output_line_width());
    write_titles(listing);
    for (size_t i = 0; i < record_sort_count(listing->rows); i++) {
        uint64_t number = record_sort_get(listing->rows, i, &kept, &len);

        format_line(listing, kept, len, &line, &len);
        if (listing->sort_field)
            linefile_write(&listing->out, line, len);
        else
            note_error(listing, ordered_write(listing->ordered, number, line, len));
    }
    record_sort_clear(listing->rows);
}

static void on_record(void *ctx, const struct record *record)
{
    struct listing *listing = ctx;
    uint64_t number = record->session->number;
    const char *line;
    size_t len;

    if (!file_options_want(&listing->options, record)) {
        if (!listing->sort_field)
            note_error(listing, ordered_write(listing->ordered, number, NULL, 0));
        return;
    }
    listing->listed++;
    listing->guesses |= record->identity.guessed;
    buf_clear(&listing->row);
    if (listing->options.json) {
        record_write_json(&listing->row, record);
    } else {
        list_row_pack(&listing->list, &listing->row, record);
        if (!listing->row.failed)
            text_table_widen(&listing->table, listing->row.data);
    }
    if (listing->row.failed) {
        note_error(listing, -ENOMEM);
        return;
    }
    if (listing->streaming) {
        format_line(listing, listing->row.data, listing->row.len, &line, &len);
        note_error(listing, ordered_write(listing->ordered, number, line, len));
        return;
    }
    note_error(listing,
               record_sort_add(listing->rows, record, listing->row.data, listing->row.len));
    if (!listing->sort_field && record_sort_count(listing->rows) >= ROWS_FOR_WIDTHS) {
        release_rows(listing);
        listing->streaming = true;
    }
}

/* ---- the command ------------------------------------------------------------------------------ */

static bool sorts_by(const struct listing *listing, const char *path)
{
    return listing->sort_field && !strcmp(listing->sort_field->path, path);
}

static int open_listing(struct listing *listing)
{
    int err = linefile_open(&listing->out, "-");

    if (err) {
        log_error("cannot write to stdout: %s", strerror(-err));
        return err;
    }
    list_row_init(&listing->list, listing->options.alerts);
    text_table_init(&listing->table, listing->list.columns, listing->list.count);
    listing->rows = record_sort_new(listing->sort_field, listing->descending);
    listing->ordered = ordered_new(&listing->out, HELD_LINE_BYTES);
    if (listing->rows && listing->ordered)
        return 0;
    log_error("out of memory");
    return -ENOMEM;
}

static int close_listing(struct listing *listing)
{
    int err;

    ordered_free(listing->ordered);
    record_sort_free(listing->rows);
    buf_fini(&listing->row);
    buf_fini(&listing->line);
    err = linefile_close(&listing->out);
    note_error(listing, err);
    return listing->error;
}

/* An empty list looks like a failure: why it is empty. */
static void say_empty(const struct listing *listing, const struct replay_result *result)
{
    if (listing->listed)
        return;
    if (result->sessions)
        log_info("none of %llu session%s is one that --where or --alerts asks for",
                 (unsigned long long)result->sessions, plural_s(result->sessions));
    else
        log_info("no sessions in %llu packet%s (sesstap read says what became of these)",
                 (unsigned long long)result->frames, plural_s(result->frames));
}

static int list_sessions(struct listing *listing)
{
    struct replay_conf conf = {.hooks = {.record = on_record, .ctx = listing}};
    struct replay_result result = {0};
    int err = open_listing(listing), written;

    if (!err) {
        if (listing->options.look_into &&
            (sorts_by(listing, "http") || sorts_by(listing, "websocket")))
            listing->options.app.http = true;
        file_options_apply(&listing->options, &conf);
        /* A bar would stand among the rows. */
        conf.progress = listing->sort_field || !isatty(STDOUT_FILENO);
        conf.pipeline.lots = (listing->options.where && where_needs_lots(listing->options.where)) ||
                             sorts_by(listing, "packetLots");
        err = replay_run(&conf, &result);
        file_options_say_alerts(&listing->options);
        record_sort_finish(listing->rows);
        release_rows(listing);
        if (!err)
            say_empty(listing, &result);
    }
    written = close_listing(listing);
    if (written && !err)
        log_error("cannot write all of the list: %s", strerror(-written));
    else if (listing->listed && !listing->options.json)
        output_say_left_out(listing->left_out);
    if (!err)
        output_say_guesses(listing->guesses && !listing->options.json);
    return file_options_status(err ? err : written, &result);
}

int cmd_list(int argc, char **argv)
{
    struct listing listing = {0};
    const struct file_command command = {
        .name = "list",
        .takes = FILE_TAKES_WHERE | FILE_TAKES_JSON | FILE_TAKES_APP,
        .own = OWN_OPTIONS,
        .set = set_option,
        .ctx = &listing,
        .one_path = true,
    };
    int status = EXIT_USAGE;

    if (!file_options_parse(&listing.options, &command, argc, argv))
        status = list_sessions(&listing);
    file_options_fini(&listing.options);
    return status;
}
