/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/stream_choice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/index_use.h"
#include "sink/field.h"

int stream_choice_init(struct stream_choice *choice, const char *const *names, size_t count)
{
    *choice = (struct stream_choice){.count = count};
    choice->streams = calloc(count, sizeof(*choice->streams));
    if (!choice->streams) {
        log_error("out of memory");
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        choice->streams[i].text = names[i];
        if (stream_selector_parse(&choice->streams[i].selector, names[i])) {
            log_error("%s: no stream is named so; tcp:N, udp:N, icmp:N, sctp:N, N or an @id is "
                      "wanted",
                      names[i]);
            return -EINVAL;
        }
    }
    return 0;
}

void stream_choice_fini(struct stream_choice *choice)
{
    index_use_free(choice->use);
    choice->use = NULL;
    free(choice->streams);
    choice->streams = NULL;
    choice->count = 0;
}

bool stream_choice_reads_stdin(const struct replay_conf *conf, const char *why)
{
    for (size_t i = 0; i < conf->input.path_count; i++) {
        if (!strcmp(conf->input.paths[i], "-")) {
            log_error("-: stdin can be read once only, and %s; save it to a file first", why);
            return true;
        }
    }
    return false;
}

static void resolve_record(void *ctx, const struct record *record)
{
    struct stream_choice *choice = ctx;
    struct field_value id;

    if (!field_get(field_find("@id"), record, &id))
        return;
    for (size_t i = 0; i < choice->count; i++) {
        struct chosen_stream *stream = &choice->streams[i];

        if (stream->selector.by_id &&
            stream_selector_matches(&stream->selector, record->session, id.text, id.len))
            stream->number = record->session->number;
    }
}

static bool lacks_number(const struct stream_choice *choice)
{
    for (size_t i = 0; i < choice->count; i++)
        if (choice->streams[i].selector.by_id && !choice->streams[i].number)
            return true;
    return false;
}

/*
 * An @id holds the session's number, between two dots like other numbers: an index can tell of each whether
 * it is the one.
 */
static int try_numbers(struct replay_conf *first, const char *id)
{
    struct replay_result result;
    int err = 0;

    for (const char *dot = strchr(id, '.'); dot && !err; dot = strchr(dot + 1, '.')) {
        char *end;

        first->number = strtoull(dot + 1, &end, 10);
        if (first->number && end > dot + 1 && *end == '.')
            err = replay_run(first, &result);
    }
    return err;
}

static int resolve_ids(struct stream_choice *choice, const struct replay_conf *conf, bool has_index)
{
    struct replay_conf first = *conf;
    struct replay_result result;
    int err = 0;

    if (stream_choice_reads_stdin(conf, "an @id is known at a session's end only"))
        return -EINVAL;
    first.hooks = (struct replay_hooks){.record = resolve_record, .ctx = choice};
    /* What this reading is told once would be missing in the next. */
    first.pipeline.app = NULL;
    first.pipeline.alerts = NULL;
    for (size_t i = 0; has_index && !err && i < choice->count; i++)
        if (choice->streams[i].selector.by_id)
            err = try_numbers(&first, choice->streams[i].selector.id);
    if (err || !lacks_number(choice))
        return err;
    first.number = 0;
    return replay_run(&first, &result);
}

int stream_choice_resolve(struct stream_choice *choice, struct replay_conf *conf)
{
    struct index *index = replay_index_find(conf);
    int err = 0;

    if (!index)
        conf->no_index = true; /* warned of once is enough */
    if (lacks_number(choice))
        err = resolve_ids(choice, conf, index);
    if (!err && index)
        choice->use = index_use_streams(index, choice, conf);
    index_close(index);
    return err;
}

struct chosen_stream *stream_choice_match(struct stream_choice *choice,
                                          const struct session *session)
{
    for (size_t i = 0; i < choice->count; i++) {
        struct chosen_stream *stream = &choice->streams[i];

        if (stream->selector.by_id) {
            if (stream->number == session->number)
                return stream;
        } else if (stream_selector_matches(&stream->selector, session, NULL, 0)) {
            stream->number = session->number;
            return stream;
        }
    }
    return NULL;
}

static uint8_t counted_as(uint8_t l4_proto)
{
    return l4_proto == IP_PROTO_ICMPV6 ? IP_PROTO_ICMP : l4_proto;
}

void stream_choice_count(struct stream_choice *choice, const struct session *session)
{
    choice->sessions[counted_as(session->key.l4_proto)]++;
}

static void say_missing(const struct stream_choice *choice, const struct chosen_stream *stream,
                        const char *path)
{
    uint8_t l4_proto = stream->selector.l4_proto;
    unsigned long long count = choice->sessions[l4_proto];
    const char *proto = l4_proto_name(l4_proto);

    if (stream->selector.by_id)
        log_error("%s: no session in %s has this @id; sesstap list shows those there are",
                  stream->text, path);
    else if (!count)
        log_error("%s: there is no %s stream in %s", stream->text, proto, path);
    else if (count == 1)
        log_error("%s: %s has 1 %s stream, %s:0", stream->text, path, proto, proto);
    else
        log_error("%s: %s has %llu %s streams, %s:0 to %s:%llu", stream->text, path, count, proto,
                  proto, proto, count - 1);
}

bool stream_choice_found_all(const struct stream_choice *choice, const char *path)
{
    bool all = true;

    for (size_t i = 0; i < choice->count; i++) {
        if (choice->streams[i].number)
            continue;
        say_missing(choice, &choice->streams[i], path);
        all = false;
    }
    return all;
}
