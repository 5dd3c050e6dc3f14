/* SPDX-License-Identifier: Apache-2.0 */
/* What the input knows of a session besides packets goes along into its own pcapng: names, TLS secrets. */
#include <string.h>

#include "app/app.h"
#include "cmd/extract.h"
#include "cmd/replay_internal.h"
#include "session/names.h"

static bool has_own_pcapng(const struct replay *replay, const struct session *session)
{
    return session->capture && replay->pipeline_conf.format == CAPTURE_PCAPNG;
}

void replay_carry_secrets(struct replay *replay, struct session *session, const struct packet *pkt,
                          const struct frame *frame)
{
    struct randoms randoms = {0};
    struct buf lines = {0};
    size_t count = 0;
    const struct capfile_secrets *secrets = capfile_secrets(replay->capfile, &count);

    if (!count || !pkt->payload_len || pkt->payload_off >= frame->cap_len ||
        !has_own_pcapng(replay, session))
        return;
    randoms_find(&randoms, frame->data + pkt->payload_off, frame->cap_len - pkt->payload_off);
    for (size_t i = 0; randoms.count && i < count; i++)
        if (secrets[i].type == CAPTURE_SECRETS_TLS_KEY_LOG)
            randoms_filter(&randoms, NULL, &lines, (const char *)secrets[i].data, secrets[i].len);
    if (lines.len && !lines.failed)
        capture_write_secrets(session->capture, CAPTURE_SECRETS_TLS_KEY_LOG, lines.data, lines.len);
    buf_fini(&lines);
    randoms_fini(&randoms);
}

static void take_secrets(struct replay *replay)
{
    const struct app_conf *app = replay->pipeline_conf.app;
    size_t count = 0;
    const struct capfile_secrets *secrets = capfile_secrets(replay->capfile, &count);

    for (; replay->secrets_done < count; replay->secrets_done++) {
        const struct capfile_secrets *one = &secrets[replay->secrets_done];

        if (app && app->keylog && one->type == CAPTURE_SECRETS_TLS_KEY_LOG)
            pipeline_take_secrets(replay->pipeline, one->data, one->len);
    }
}

static void take_names(struct replay *replay)
{
    size_t count = 0;
    const struct capfile_name *found = capfile_names(replay->capfile, &count);

    for (; replay->names_done < count; replay->names_done++) {
        const struct capfile_name *one = &found[replay->names_done];

        pipeline_take_name(replay->pipeline, one->addr, one->name, NAME_OF_CAPTURE);
    }
}

void replay_take_told(struct replay *replay)
{
    take_secrets(replay);
    take_names(replay);
}

static bool is_end_of(const struct session *session, const struct capfile_name *name)
{
    return name->ip_version == session->key.ip_version &&
           (!memcmp(name->addr, session->key.addr[0].bytes, sizeof(name->addr)) ||
            !memcmp(name->addr, session->key.addr[1].bytes, sizeof(name->addr)));
}

void replay_carry_names(struct replay *replay, struct session *session)
{
    size_t count = 0;
    const struct capfile_name *names = capfile_names(replay->capfile, &count);

    if (!has_own_pcapng(replay, session))
        return;
    for (size_t i = 0; i < count; i++) {
        struct capture_name name = {.ip_version = names[i].ip_version, .name = names[i].name};

        memcpy(name.addr, names[i].addr, sizeof(name.addr));
        if (is_end_of(session, &names[i]))
            capture_write_names(session->capture, &name, 1);
    }
}
