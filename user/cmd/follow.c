/* SPDX-License-Identifier: Apache-2.0 */
/* sesstap follow: a session's stream as the two applications saw it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/keylog.h"
#include "base/log.h"
#include "base/plural.h"
#include "cmd/cmd.h"
#include "cmd/file_options.h"
#include "cmd/follow_http.h"
#include "cmd/output.h"
#include "cmd/stream_choice.h"
#include "flow.h"
#include "sink/follow_format.h"

#define WRITE_BYTES (64u << 10)

enum {
    OPT_CLIENT = FILE_OWN_OPTION,
    OPT_SERVER,
    OPT_FORMAT,
    OPT_DECRYPTED,
};

static const struct option OWN_OPTIONS[] = {
    {"client", no_argument, NULL, OPT_CLIENT},
    {"server", no_argument, NULL, OPT_SERVER},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"decrypted", no_argument, NULL, OPT_DECRYPTED},
    {NULL, 0, NULL, 0},
};

struct following {
    struct file_options options;
    struct replay_conf conf;
    struct stream_choice choice;
    struct follow_conf format;
    struct follow follow;
    struct buf out;
    struct app_conf app;
    struct http_texts texts;
    struct buf message;
    uint64_t said_bytes[2]; /* by side: of messages shown, for their offsets */
    uint64_t messages;
    bool http;            /* messages, not the stream */
    unsigned int client;  /* endpoint, when is_open */
    bool decrypted;       /* what TLS carries, not TLS */
    uint64_t clear_bytes; /* of it */
    uint64_t undecrypted_records;
    uint64_t cut_transactions; /* beyond a bound: not shown */
    bool is_open;              /* the stream has begun */
    bool is_shown;             /* some of it */
    bool is_swapped;           /* who is the client was known only later */
    int error;                 /* -errno of stdout */
};

static int set_option(void *ctx, int option, const char *arg)
{
    struct following *following = ctx;
    int format;

    switch (option) {
    case OPT_CLIENT:
        following->format.client = true;
        return 0;
    case OPT_SERVER:
        following->format.server = true;
        return 0;
    case OPT_FORMAT:
        format = follow_format_parse(arg);
        if (format < 0) {
            log_error("--format %s: ascii, hex, raw or json is wanted", arg);
            return -EINVAL;
        }
        following->format.format = (enum follow_format)format;
        return 0;
    case OPT_DECRYPTED:
        following->decrypted = true;
        return 0;
    default:
        return -EINVAL;
    }
}

static void write_out(struct following *following)
{
    struct buf *out = &following->out;

    if (out->failed && !following->error)
        following->error = -ENOMEM;
    if (!following->error && out->len && fwrite(out->data, 1, out->len, stdout) != out->len)
        following->error = -errno;
    following->is_shown |= out->len > 0;
    buf_clear(out);
}

/* True for the session that was asked for; its stream is begun with it. */
static bool is_followed(struct following *following, const struct session *session,
                        const struct flow *flow)
{
    if (!stream_choice_match(&following->choice, session))
        return false;
    if (!following->is_open) {
        following->is_open = true;
        following->client = flow_client(flow);
        following->format.first_ns = flow->first_ns;
        follow_init(&following->follow, &following->format, &following->out);
    }
    return true;
}

static void on_data(void *ctx, const struct session *session, const struct flow *flow,
                    unsigned int from, uint64_t offset, const uint8_t *data, size_t len,
                    const struct segment *seg)
{
    struct following *following = ctx;

    if (!is_followed(following, session, flow) || following->decrypted || following->http)
        return;
    follow_data(&following->follow, from == following->client, offset, data, len, seg->time_ns);
    if (following->out.len >= WRITE_BYTES || following->out.failed)
        write_out(following);
}

/* Deciphered bytes; on_data has begun the stream with the first that carried any. */
static void on_clear(void *ctx, const struct session *session, const struct app_piece *piece)
{
    struct following *following = ctx;

    if (!following->is_open || !stream_choice_match(&following->choice, session))
        return;
    following->clear_bytes += piece->len;
    if (following->http)
        return;
    follow_data(&following->follow, piece->side == APP_CLIENT, piece->offset, piece->data,
                piece->len, piece->time_ns);
    if (following->out.len >= WRITE_BYTES || following->out.failed)
        write_out(following);
}

static void on_content(void *ctx, const struct session *session,
                       const struct http_transaction *transaction, enum app_side side,
                       const uint8_t *data, size_t len)
{
    struct following *following = ctx;
    int err;

    if (!stream_choice_match(&following->choice, session))
        return;
    err = http_texts_content(&following->texts, transaction, side == APP_CLIENT, data, len);
    if (err && !following->error)
        following->error = err;
}

static void on_message(void *ctx, const struct session *session,
                       const struct http_transaction *transaction, enum app_side side)
{
    struct following *following = ctx;
    struct buf *text = &following->message;
    bool from_client = side == APP_CLIENT;

    if (!following->is_open || !stream_choice_match(&following->choice, session))
        return;
    buf_clear(text);
    http_texts_message(&following->texts, transaction, from_client, text);
    if (text->failed && !following->error)
        following->error = -ENOMEM;
    follow_data(&following->follow, from_client, following->said_bytes[side],
                (const uint8_t *)text->data, text->len,
                from_client ? transaction->request.first_ns : transaction->response.first_ns);
    following->said_bytes[side] += text->len;
    following->messages++;
    if (following->out.len >= WRITE_BYTES || following->out.failed)
        write_out(following);
}

static void on_hole(void *ctx, const struct session *session, const struct flow *flow,
                    unsigned int from, uint64_t offset, uint64_t length)
{
    struct following *following = ctx;

    if (is_followed(following, session, flow) && !following->decrypted && !following->http)
        follow_hole(&following->follow, from == following->client, offset, length);
}

static void on_record(void *ctx, const struct record *record)
{
    struct following *following = ctx;

    stream_choice_count(&following->choice, record->session);
    if (!is_followed(following, record->session, record->flow))
        return;
    follow_finish(&following->follow);
    write_out(following);
    if (record->facts) {
        for (const struct tls_facts *at = &record->facts->tls; at; at = at->next)
            following->undecrypted_records += at->undecrypted_records;
        following->cut_transactions = record->facts->cut_transactions;
    }
    following->is_swapped = following->client != flow_client(record->flow);
}

/* The same for what TLS carried. */
static int judge_clear(const struct following *following, int status)
{
    const char *path = following->options.words[0], *text = following->choice.streams[0].text;

    if (!following->clear_bytes) {
        log_error("%s %s: nothing of it could be deciphered: it is not TLS, or its secrets are not "
                  "in the key log",
                  path, text);
        return EXIT_FAILED;
    }
    if (!following->undecrypted_records)
        return status;
    log_warn("%s %s: %llu TLS records could not be deciphered", path, text,
             (unsigned long long)following->undecrypted_records);
    return EXIT_DAMAGED;
}

/* What the stream lacks makes status EXIT_DAMAGED. */
static int judge(struct following *following, int status)
{
    const struct follow *follow = &following->follow;
    const char *path = following->options.words[0], *text = following->choice.streams[0].text;

    if (!stream_choice_found_all(&following->choice, path))
        return EXIT_FAILED;
    if (!following->error && fflush(stdout))
        following->error = -errno;
    if (following->error) {
        log_error("cannot write to stdout: %s", strerror(-following->error));
        return EXIT_FAILED;
    }
    if (following->is_swapped)
        log_warn("%s %s: the SYN came late: client and server are the other way round", path, text);
    if (following->http && !following->messages) {
        log_error("%s %s: it carries no HTTP that could be read", path, text);
        return EXIT_FAILED;
    }
    if (following->http && following->cut_transactions) {
        log_warn("%s %s: %llu transaction%s of HTTP beyond a bound, not shown", path, text,
                 (unsigned long long)following->cut_transactions,
                 plural_s(following->cut_transactions));
        status = EXIT_DAMAGED;
    }
    if (following->decrypted && (following->clear_bytes || !following->http))
        return judge_clear(following, status);
    if (!following->is_shown && !follow->hole_bytes)
        log_info("%s %s: nothing was sent", path, text);
    if (!follow->hole_bytes)
        return status;
    log_warn("%s %s: %llu bytes of the stream are missing in the capture", path, text,
             (unsigned long long)follow->hole_bytes);
    return EXIT_DAMAGED;
}

static int follow_stream(struct following *following)
{
    struct replay_result result;
    int err = stream_choice_resolve(&following->choice, &following->conf), status;

    if (err)
        return EXIT_FAILED;
    if (following->decrypted || following->http) {
        following->app = (struct app_conf){
            .keylog = following->options.keylog, .clear = on_clear, .ctx = following};
        if (following->http) {
            following->app.http = true;
            following->app.content = on_content;
            following->app.message = on_message;
        }
        following->conf.pipeline.app = &following->app;
    }
    following->conf.hooks = (struct replay_hooks){
        .data = on_data, .hole = on_hole, .record = on_record, .ctx = following};
    err = replay_run(&following->conf, &result);
    output_say_keylog(following->options.keylog);
    status = file_options_status(err, &result);
    return err ? status : judge(following, status);
}

static bool wants_colour(void)
{
    const char *no_color = getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && (!no_color || !no_color[0]);
}

static void settle_format(struct following *following)
{
    struct follow_conf *format = &following->format;

    if (!format->client && !format->server)
        format->client = format->server = true;
    format->colour =
        (format->format == FOLLOW_ASCII || format->format == FOLLOW_HEX) && wants_colour();
}

int cmd_follow(int argc, char **argv)
{
    struct following following = {0};
    const struct file_command command = {
        .name = "follow",
        .takes = FILE_TAKES_KEYLOG | FILE_TAKES_HTTP,
        .own = OWN_OPTIONS,
        .set = set_option,
        .ctx = &following,
        .rest_name = "STREAM",
        .rest_min = 1,
        .rest_max = 1,
    };
    int status = EXIT_USAGE;

    if (!file_options_parse(&following.options, &command, argc, argv) &&
        !stream_choice_init(&following.choice, following.options.rest, 1)) {
        file_options_apply(&following.options, &following.conf);
        following.decrypted |= keylog_is_active(following.options.keylog);
        following.http = following.options.app.http;
        following.conf.no_index |= following.decrypted; /* it has no secrets of the input */
        settle_format(&following);
        status = follow_stream(&following);
    }
    follow_fini(&following.follow);
    buf_fini(&following.out);
    buf_fini(&following.message);
    http_texts_fini(&following.texts);
    stream_choice_fini(&following.choice);
    file_options_fini(&following.options);
    return status;
}
