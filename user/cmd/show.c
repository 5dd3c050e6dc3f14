/* SPDX-License-Identifier: Apache-2.0 */
/* sesstap show: one session: what its record says, and a ladder of its packets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/file_options.h"
#include "cmd/stream_choice.h"
#include "sink/ladder.h"
#include "sink/summary.h"

#define WIDTH_MIN   80
#define WIDTH_PIPE  120
#define WIDTH_WHOLE 300 /* what a field means is never longer */
#define WRITE_BYTES (64u << 10)

struct showing {
    struct file_options options;
    struct replay_conf conf;
    struct stream_choice choice;
    struct ladder ladder;
    struct buf out;
    int error; /* -errno: no memory, or of stdout */
};

static void on_packet(void *ctx, const struct session *session, const struct flow *flow,
                      const struct packet *pkt, const struct frame *frame, uint32_t old_bytes)
{
    struct showing *showing = ctx;
    const struct ladder_packet packet = {
        .number = frame->number,
        .time_ns = frame->time_ns,
        .data = frame->data,
        .cap_len = frame->cap_len,
    };
    int err;

    (void)old_bytes;
    if (!stream_choice_match(&showing->choice, session))
        return;
    err = ladder_add(&showing->ladder, flow, pkt, &packet);
    if (err)
        showing->error = err;
}

static bool write_out(void *ctx)
{
    struct showing *showing = ctx;
    struct buf *out = &showing->out;

    if (out->failed && !showing->error)
        showing->error = -ENOMEM;
    if (!showing->error && out->len && fwrite(out->data, 1, out->len, stdout) != out->len)
        showing->error = -errno;
    buf_clear(out);
    return !showing->error;
}

static bool write_when_full(void *ctx)
{
    const struct showing *showing = ctx;

    return showing->out.len < WRITE_BYTES || write_out(ctx);
}

static unsigned int line_width(bool is_terminal)
{
    struct winsize size;

    if (!is_terminal)
        return WIDTH_PIPE;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col < WIDTH_MIN)
        return WIDTH_MIN;
    return size.ws_col;
}

static void show_text(struct showing *showing, const struct record *record)
{
    const char *no_color = getenv("NO_COLOR");
    bool is_terminal = isatty(STDOUT_FILENO);
    unsigned int width = line_width(is_terminal);

    summary_write(&showing->out, record, is_terminal ? width : WIDTH_WHOLE,
                  is_terminal && (!no_color || !no_color[0]));
    ladder_write_text(&showing->out, &showing->ladder, record->flow, record->session->key.l4_proto,
                      width, write_when_full, showing);
}

/* The record, with one member more. */
static void show_json(struct showing *showing, const struct record *record)
{
    struct buf *out = &showing->out;

    record_write_json(out, record);
    if (out->len)
        out->len--; /* its closing brace */
    buf_add_str(out, ",\"ladder\":");
    ladder_write_json(out, &showing->ladder, record->flow, record->session->key.l4_proto,
                      record->wall_offset_ns);
    buf_add_str(out, "}\n");
}

static void on_record(void *ctx, const struct record *record)
{
    struct showing *showing = ctx;

    stream_choice_count(&showing->choice, record->session);
    if (!stream_choice_match(&showing->choice, record->session))
        return;
    if (showing->options.json)
        show_json(showing, record);
    else
        show_text(showing, record);
    write_out(showing);
    ladder_fini(&showing->ladder);
}

static int show_stream(struct showing *showing)
{
    struct replay_result result;
    int err = stream_choice_resolve(&showing->choice, &showing->conf), status;

    if (err)
        return EXIT_FAILED;
    showing->conf.hooks =
        (struct replay_hooks){.packet = on_packet, .record = on_record, .ctx = showing};
    err = replay_run(&showing->conf, &result);
    status = file_options_status(err, &result);
    if (err)
        return status;
    if (!stream_choice_found_all(&showing->choice, showing->options.words[0]))
        return EXIT_FAILED;
    if (!showing->error && fflush(stdout))
        showing->error = -errno;
    if (showing->error) {
        log_error("cannot show the session: %s", strerror(-showing->error));
        return EXIT_FAILED;
    }
    return status;
}

int cmd_show(int argc, char **argv)
{
    struct showing showing = {0};
    const struct file_command command = {
        .name = "show",
        .takes = FILE_TAKES_JSON | FILE_TAKES_APP,
        .rest_name = "STREAM",
        .rest_min = 1,
        .rest_max = 1,
    };
    int status = EXIT_USAGE;

    if (!file_options_parse(&showing.options, &command, argc, argv) &&
        !stream_choice_init(&showing.choice, showing.options.rest, 1)) {
        file_options_apply(&showing.options, &showing.conf);
        status = show_stream(&showing);
    }
    ladder_fini(&showing.ladder);
    buf_fini(&showing.out);
    stream_choice_fini(&showing.choice);
    file_options_fini(&showing.options);
    return status;
}
