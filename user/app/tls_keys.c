/* SPDX-License-Identifier: Apache-2.0 */
/* From the key log to the keys of a direction, and what the session's own capture is given of it. */
#include <errno.h>

#include "app/tls_internal.h"

static const struct keylog_line *find(const struct tls *tls, enum keylog_label label)
{
    return keylog_find(tls->env.keylog, label, tls->now.client_random, TLS_RANDOM_BYTES);
}

/* A secret that is known by session id is from then on known by client random. */
static const struct keylog_line *find_master(const struct tls *tls)
{
    const struct keylog_line *line = find(tls, KEYLOG_MASTER);
    struct keylog_line copy;

    if (line || !tls->session_id_len)
        return line;
    line = keylog_find(tls->env.keylog, KEYLOG_SESSION, tls->session_id, tls->session_id_len);
    if (!line)
        return NULL;
    copy = *line;
    copy.label = KEYLOG_MASTER;
    memcpy(copy.id, tls->now.client_random, sizeof(copy.id));
    keylog_put(tls->env.keylog, &copy);
    return find(tls, KEYLOG_MASTER);
}

static bool set_master(struct tls *tls, enum app_side side)
{
    const struct keylog_line *line = find_master(tls);
    struct tls_way *way = &tls->way[side];
    struct tls_master master = {.suite = &tls->now.suite,
                                .version = tls->now.version,
                                .client_random = tls->now.client_random,
                                .server_random = tls->now.server_random};

    if (!line)
        return false;
    master.secret = line->value;
    if (tls_protect_master(&way->protect, &master, side == tls->client, tls->now.etm))
        way->phase = TLS_DEAD;
    way->has_keys = true;
    return true;
}

static bool set_traffic(struct tls *tls, enum app_side side, const struct keylog_line *line)
{
    struct tls_way *way = &tls->way[side];
    int err;

    if (!line)
        return false;
    err = tls_protect_traffic(&way->protect, &tls->now.suite, line->value, line->len);
    if (err == -EINVAL)
        return false; /* half a line, perhaps */
    if (err)
        way->phase = TLS_DEAD;
    way->has_keys = true;
    return true;
}

static bool set_phase_keys(struct tls *tls, enum app_side side)
{
    bool is_client = side == tls->client;
    struct tls_way *way = &tls->way[side];
    enum keylog_label shakes = is_client ? KEYLOG_CLIENT_HANDSHAKE : KEYLOG_SERVER_HANDSHAKE;
    enum keylog_label talks = is_client ? KEYLOG_CLIENT_TRAFFIC : KEYLOG_SERVER_TRAFFIC;

    if (tls->now.version < TLS_1_3)
        return set_master(tls, side);
    if (way->phase == TLS_EARLY) {
        if (set_traffic(tls, side, find(tls, KEYLOG_CLIENT_EARLY)))
            return true;
        if (!find(tls, KEYLOG_CLIENT_HANDSHAKE))
            return false;
        way->phase = TLS_SHAKES; /* its secret would have come before this one */
        way->skips = true;
    }
    if (way->phase == TLS_SHAKES) {
        if (set_traffic(tls, side, find(tls, shakes)))
            return true;
        if (!find(tls, talks))
            return false;
        way->phase = TLS_TALKS;
        way->skips = true;
    }
    return set_traffic(tls, side, find(tls, talks));
}

bool tls_keys_get(struct tls *tls, enum app_side side)
{
    if (!tls->has_client_hello) {
        tls->way[side].phase = TLS_DEAD;
        return true;
    }
    if (set_phase_keys(tls, side))
        return true;
    keylog_poll(tls->env.keylog, false);
    return set_phase_keys(tls, side);
}

/* The keys of a trial, if they open the record; else they are gone. */
static int take_trial(struct tls *tls, struct tls_way *trial, const struct tls_record *record,
                      size_t *len, uint8_t *type)
{
    struct tls_way *way = &tls->way[record->side];

    if (tls_search_open(trial, record, (uint8_t *)tls->plain.data, len, type)) {
        tls_protect_fini(&trial->protect);
        return -EBADMSG;
    }
    tls_protect_fini(&way->protect);
    way->protect = trial->protect;
    way->phase = TLS_TALKS;
    way->torn = true;
    return 0;
}

int tls_keys_jump(struct tls *tls, const struct tls_record *record, size_t *len, uint8_t *type)
{
    struct tls_way *way = &tls->way[record->side];
    struct tls_way trial = {.phase = TLS_TALKS, .window = way->window};
    const struct keylog_line *line =
        find(tls, record->side == tls->client ? KEYLOG_CLIENT_TRAFFIC : KEYLOG_SERVER_TRAFFIC);

    if (way->skips || !line ||
        tls_protect_traffic(&trial.protect, &tls->now.suite, line->value, line->len))
        return -EBADMSG;
    return take_trial(tls, &trial, record, len, type);
}

int tls_keys_next(struct tls *tls, const struct tls_record *record, size_t *len, uint8_t *type)
{
    struct tls_way *way = &tls->way[record->side];
    struct tls_way trial = {.phase = TLS_TALKS, .window = way->window};
    size_t secret_len = way->protect.suite.prf_bytes;

    if (tls->now.version != TLS_1_3 ||
        tls_protect_traffic(&trial.protect, &way->protect.suite, way->protect.secret, secret_len))
        return -EBADMSG;
    if (tls_protect_update(&trial.protect)) {
        tls_protect_fini(&trial.protect);
        return -EBADMSG;
    }
    return take_trial(tls, &trial, record, len, type);
}

void tls_keys_note(struct tls *tls)
{
    for (size_t i = 0; i < tls->noted_count; i++)
        if (!memcmp(tls->noted[i].client_random, tls->now.client_random, TLS_RANDOM_BYTES))
            return;
    if (tls->noted_count < TLS_NOTED_MAX)
        tls->noted[tls->noted_count++] = tls->now;
}

static void add_line(struct buf *out, const struct tls_handshake_result *result,
                     enum keylog_label label, const void *value, size_t len)
{
    struct keylog_line line = {.label = (uint8_t)label, .len = (uint8_t)len};

    memcpy(line.id, result->client_random, sizeof(line.id));
    memcpy(line.value, value, len);
    keylog_line_write(out, &line);
}

static void add_parameters(struct buf *out, const struct tls_handshake_result *result)
{
    uint8_t version[2] = {(uint8_t)(result->version >> 8), (uint8_t)result->version};
    uint8_t suite[2] = {(uint8_t)(result->suite.id >> 8), (uint8_t)result->suite.id};
    uint8_t etm = result->etm;

    add_line(out, result, KEYLOG_VERSION, version, sizeof(version));
    add_line(out, result, KEYLOG_CIPHER, suite, sizeof(suite));
    if (result->version >= TLS_1_3)
        return;
    add_line(out, result, KEYLOG_CLIENT_ETM, &etm, 1);
    add_line(out, result, KEYLOG_SERVER_ETM, &etm, 1);
    add_line(out, result, KEYLOG_SERVER_RANDOM, result->server_random, TLS_RANDOM_BYTES);
}

void tls_keys_tell(struct tls *tls)
{
    struct buf lines = {0};

    if (!tls->noted_count && tls->has_client_hello)
        tls_keys_note(tls); /* nothing of it opened, but others may know better */
    for (size_t i = 0; i < tls->noted_count; i++) {
        size_t before = lines.len;

        keylog_write(tls->env.keylog, tls->noted[i].client_random, &lines);
        if (lines.len > before && tls->noted[i].version)
            add_parameters(&lines, &tls->noted[i]);
    }
    if (lines.len && !lines.failed)
        tls->told->secrets = facts_text(tls->env.facts, lines.data, lines.len);
    buf_fini(&lines);
}
