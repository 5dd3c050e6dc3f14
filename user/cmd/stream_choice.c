/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/stream_choice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/index_use.h"
#include "sink/field.h"

/* By index before by @id; those by protocol and index, these by number, then by text. */
static int compare_streams(const void *left, const void *right)
{
    const struct chosen_stream *a = left, *b = right;

    if (a->selector.by_id != b->selector.by_id)
        return a->selector.by_id - b->selector.by_id;
    if (a->selector.by_id)
        return a->number != b->number ? (a->number < b->number ? -1 : 1)
                                      : strcmp(a->selector.id, b->selector.id);
    if (a->selector.l4_proto != b->selector.l4_proto)
        return a->selector.l4_proto - b->selector.l4_proto;
    return a->selector.index < b->selector.index ? -1 : a->selector.index > b->selector.index;
}

/* In order, so that they are found quickly; what was named twice is there once. */
static void sort_streams(struct stream_choice *choice)
{
    size_t kept = 0;

    if (choice->count)
        qsort(choice->streams, choice->count, sizeof(*choice->streams), compare_streams);
    choice->index_count = 0;
    for (size_t i = 0; i < choice->count; i++) {
        if (kept && !compare_streams(&choice->streams[kept - 1], &choice->streams[i]))
            continue;
        choice->streams[kept++] = choice->streams[i];
        choice->index_count += !choice->streams[i].selector.by_id;
    }
    choice->count = kept;
}

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
    sort_streams(choice);
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
    for (size_t i = choice->index_count; i < choice->count; i++) {
        struct chosen_stream *stream = &choice->streams[i];

        if (stream_selector_matches(&stream->selector, record->session, id.text, id.len))
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
    if (lacks_number(choice)) {
        err = resolve_ids(choice, conf, index);
        sort_streams(choice);
    }
    if (!err && index)
        choice->use = index_use_streams(index, choice, conf);
    index_close(index);
    return err;
}

static uint8_t counted_as(uint8_t l4_proto)
{
    return l4_proto == IP_PROTO_ICMPV6 ? IP_PROTO_ICMP : l4_proto;
}

static struct chosen_stream *find_index(const struct stream_choice *choice,
                                        const struct session *session)
{
    const struct chosen_stream wanted = {.selector = {.l4_proto = counted_as(session->key.l4_proto),
                                                      .index = session->stream_index}};

    return bsearch(&wanted, choice->streams, choice->index_count, sizeof(wanted), compare_streams);
}

/* Of those named by @id. */
static struct chosen_stream *find_number(const struct stream_choice *choice, uint64_t number)
{
    size_t low = choice->index_count, high = choice->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (choice->streams[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < choice->count && choice->streams[low].number == number ? &choice->streams[low]
                                                                        : NULL;
}

struct chosen_stream *stream_choice_match(struct stream_choice *choice,
                                          const struct session *session)
{
    struct chosen_stream *found = find_index(choice, session);

    if (!found)
        return find_number(choice, session->number);
    found->number = session->number;
    return found;
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
