/* SPDX-License-Identifier: Apache-2.0 */
/* sesstap extract --objects: the bodies that HTTP carried, as files. */
#include <string.h>

#include "base/log.h"
#include "base/plural.h"
#include "cmd/cmd.h"
#include "cmd/extract.h"
#include "sink/objects.h"
#include "sink/where.h"

struct unpacking {
    const struct extract_objects *what;
    struct objects *objects;
    struct app_conf app;
    struct replay_conf conf;
    uint64_t cut_transactions; /* beyond a bound: their bodies were not kept */
};

static void on_content(void *ctx, const struct session *session,
                       const struct http_transaction *transaction, enum app_side side,
                       const uint8_t *data, size_t len)
{
    struct unpacking *unpacking = ctx;

    if (unpacking->what->choice->count && !stream_choice_match(unpacking->what->choice, session))
        return;
    objects_content(unpacking->objects, session->number, transaction, side == APP_CLIENT, data,
                    len);
}

static void on_record(void *ctx, const struct record *record)
{
    struct unpacking *unpacking = ctx;
    const struct where *where = unpacking->what->options->where;

    bool wanted = !where || where_match(where, record);

    if (unpacking->what->choice->count) {
        stream_choice_count(unpacking->what->choice, record->session);
        wanted &= stream_choice_match(unpacking->what->choice, record->session) != NULL;
    }
    objects_record(unpacking->objects, record, wanted);
    if (wanted && record->facts)
        unpacking->cut_transactions += record->facts->cut_transactions;
}

static int report(struct unpacking *unpacking, int status)
{
    const struct extract_objects *what = unpacking->what;
    uint64_t count, lost;
    int err = objects_finish(unpacking->objects, &count, &lost);

    if (err) {
        log_error("--objects %s: %s; %llu object%s missing", what->dir, strerror(-err),
                  (unsigned long long)lost, plural_is(lost));
        return EXIT_FAILED;
    }
    log_info("%llu object%s in %s", (unsigned long long)count, plural_s(count), what->dir);
    if (what->choice->count && !stream_choice_found_all(what->choice, what->options->words[0]))
        return EXIT_FAILED;
    if (!unpacking->cut_transactions)
        return status;
    log_warn("%llu transaction%s of HTTP beyond a bound: what was carried is not there",
             (unsigned long long)unpacking->cut_transactions,
             plural_s(unpacking->cut_transactions));
    return status == EXIT_DONE ? EXIT_DAMAGED : status;
}

int extract_objects(const struct extract_objects *what)
{
    struct unpacking unpacking = {.what = what, .conf = *what->conf, .app = what->options->app};
    struct replay_result result;
    int err;

    if (what->choice->count && stream_choice_resolve(what->choice, &unpacking.conf))
        return EXIT_FAILED;
    unpacking.objects = objects_new(what->dir, what->type);
    if (!unpacking.objects)
        return EXIT_FAILED;
    unpacking.app.http = true;
    unpacking.app.content = on_content;
    unpacking.app.ctx = &unpacking;
    unpacking.conf.pipeline.app = &unpacking.app;
    unpacking.conf.no_index |= !what->choice->count;
    unpacking.conf.hooks = (struct replay_hooks){.record = on_record, .ctx = &unpacking};
    err = replay_run(&unpacking.conf, &result);
    return report(&unpacking, file_options_status(err, &result));
}
