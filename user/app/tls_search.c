/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done without knowing: where a record begins behind a hole, which sequence number it has, and whose
 * secrets they are when the handshake was not seen. A record that opens proves all three.
 */
#include <errno.h>

#include "app/tls_internal.h"

#define TRIALS_MAX      200000u      /* records opened for one search */
#define TRIAL_BYTES_MAX (128u << 20) /* of them */
#define SEARCHES_MAX    8            /* a session */
#define SESSION_RANGE   64u          /* sequence numbers tried when there are many secrets */
#define SECRETS_MAX     4096u        /* tried for a session */

static bool is_header(const uint8_t *at)
{
    size_t len = (size_t)at[3] << 8 | at[4];

    return at[0] >= TLS_CHANGE_CIPHER_SPEC && at[0] <= TLS_APPLICATION_DATA && at[1] == 3 &&
           at[2] <= 3 && len && len <= TLS_RECORD_MAX;
}

/* Whether a record begins here, as far as what follows it tells; -1: it is not all here yet. */
static int judge(const uint8_t *at, size_t left)
{
    size_t len = TLS_HEADER_BYTES + ((size_t)at[3] << 8 | at[4]);

    if (!is_header(at))
        return 0;
    if (left < len)
        return -1;
    return left < len + TLS_HEADER_BYTES || is_header(at + len);
}

bool tls_search_record(struct tls_way *way)
{
    const uint8_t *data = (const uint8_t *)way->in.data;
    size_t at = 0;
    int verdict = 0;

    while (way->in.len - at >= TLS_HEADER_BYTES) {
        verdict = judge(data + at, way->in.len - at);
        if (verdict)
            break;
        at++;
    }
    memmove(way->in.data, way->in.data + at, way->in.len - at);
    way->in.len -= at;
    return verdict > 0;
}

int tls_search_open(struct tls_way *way, const struct tls_record *record, uint8_t *out, size_t *len,
                    uint8_t *type)
{
    uint64_t begin = way->protect.sequence;
    uint64_t tries = TRIAL_BYTES_MAX / (record->len + 64);

    if (tries > (uint64_t)way->window + 1)
        tries = (uint64_t)way->window + 1;
    for (uint64_t i = 0; i < tries; i++) {
        way->protect.sequence = begin + i;
        if (!tls_protect_open(&way->protect, record->header, record->body, record->len, out, len,
                              type))
            return 0;
    }
    way->protect.sequence = begin;
    return -EBADMSG;
}

/* A search for the secrets of one record. */
struct search {
    struct tls *tls;
    const struct tls_record *record;
    uint32_t range;       /* sequence numbers to try with each */
    bool is_client;       /* whether its sender is taken for the client */
    struct tls_way trial; /* what opened it */
    struct tls_handshake_result found;
};

static bool try_keys(struct search *search)
{
    uint8_t type;
    size_t len;

    search->trial.window = search->range - 1;
    if (!tls_search_open(&search->trial, search->record, (uint8_t *)search->tls->plain.data, &len,
                         &type))
        return true;
    tls_protect_fini(&search->trial.protect);
    return false;
}

/* The suites that a secret of this length may be for; *at begins at 0, false: no more. */
static bool next_suite(const struct search *search, const struct keylog_line *secret, size_t *at,
                       struct tls_suite *suite)
{
    static const uint16_t with_sha256[] = {0x1301, 0x1303, 0x1304, 0x1305};
    struct keylog *keylog = search->tls->env.keylog;
    const struct keylog_line *told =
        keylog_find(keylog, KEYLOG_CIPHER, secret->id, sizeof(secret->id));

    if (told || secret->len == 48) {
        tls_suite_get(suite, told ? (uint16_t)(told->value[0] << 8 | told->value[1]) : 0x1302);
        return !(*at)++;
    }
    if (*at >= sizeof(with_sha256) / sizeof(with_sha256[0]))
        return false;
    tls_suite_get(suite, with_sha256[(*at)++]);
    return true;
}

static bool try_traffic(struct search *search, const struct keylog_line *line)
{
    size_t at = 0;

    while (next_suite(search, line, &at, &search->found.suite)) {
        if (tls_protect_traffic(&search->trial.protect, &search->found.suite, line->value,
                                line->len))
            continue;
        search->found.version = TLS_1_3;
        if (try_keys(search))
            return true;
    }
    return false;
}

/* TLS 1.2: only what the lines of the handshake tell too can be tried. */
static bool try_master(struct search *search, const struct keylog_line *line)
{
    struct keylog *keylog = search->tls->env.keylog;
    const struct keylog_line *cipher = keylog_find(keylog, KEYLOG_CIPHER, line->id, 32);
    const struct keylog_line *version = keylog_find(keylog, KEYLOG_VERSION, line->id, 32);
    const struct keylog_line *random = keylog_find(keylog, KEYLOG_SERVER_RANDOM, line->id, 32);
    const struct keylog_line *etm = keylog_find(
        keylog, search->is_client ? KEYLOG_CLIENT_ETM : KEYLOG_SERVER_ETM, line->id, 32);
    struct tls_handshake_result *found = &search->found;
    struct tls_master master = {.suite = &found->suite,
                                .secret = line->value,
                                .client_random = line->id,
                                .server_random = found->server_random};

    if (!cipher || !version || !random)
        return false;
    found->version = (uint16_t)(version->value[0] << 8 | version->value[1]);
    found->etm = etm && etm->value[0];
    memcpy(found->server_random, random->value, TLS_RANDOM_BYTES);
    tls_suite_get(&found->suite, (uint16_t)(cipher->value[0] << 8 | cipher->value[1]));
    master.version = found->version;
    return !tls_protect_master(&search->trial.protect, &master, search->is_client, found->etm) &&
           try_keys(search);
}

static bool try_all(struct search *search, enum keylog_label label)
{
    const struct keylog_line *line;
    size_t at = 0;

    for (unsigned int i = 0; i < SECRETS_MAX; i++) {
        line = keylog_next(search->tls->env.keylog, label, &at);
        if (!line)
            return false;
        if (label == KEYLOG_MASTER ? try_master(search, line) : try_traffic(search, line)) {
            memcpy(search->found.client_random, line->id, TLS_RANDOM_BYTES);
            return true;
        }
    }
    return false;
}

static bool try_side(struct search *search)
{
    return try_all(search, search->is_client ? KEYLOG_CLIENT_TRAFFIC : KEYLOG_SERVER_TRAFFIC) ||
           try_all(search, KEYLOG_MASTER);
}

static void join(struct search *search)
{
    struct tls *tls = search->tls;
    struct tls_facts *facts = tls->told;
    enum app_side side = search->record->side;
    struct tls_way *way = &tls->way[side], *other = &tls->way[!side];

    tls->now = search->found;
    tls->client = search->is_client == (side == APP_CLIENT) ? APP_CLIENT : APP_SERVER;
    tls->has_client_hello = tls->has_server_hello = true;
    way->protect = search->trial.protect;
    way->protect.sequence--; /* it is opened again as any record */
    way->has_keys = true;
    way->phase = other->phase = TLS_TALKS;
    other->has_keys = false;
    other->window = TLS_WINDOW_MAX;
    facts->seen = true;
    facts->version = tls_version_name(tls->now.version);
    facts->cipher = tls->now.suite.name;
    tls->stirred = true;
}

/* How many sequence numbers each secret can be given. */
static uint32_t share(struct keylog *keylog, const struct tls_record *record)
{
    size_t at = 0, secrets = 0;
    uint64_t trials = TRIAL_BYTES_MAX / (record->len + 64);

    while (secrets < SECRETS_MAX && keylog_next(keylog, KEYLOG_CLIENT_TRAFFIC, &at))
        secrets++;
    at = 0;
    while (secrets < SECRETS_MAX && keylog_next(keylog, KEYLOG_MASTER, &at))
        secrets++;
    if (trials > TRIALS_MAX)
        trials = TRIALS_MAX;
    trials /= 8 * (secrets + 1);
    if (trials > TLS_WINDOW_MAX)
        return TLS_WINDOW_MAX;
    return trials < SESSION_RANGE ? SESSION_RANGE : (uint32_t)trials;
}

bool tls_search_secrets(struct tls *tls, const struct tls_record *record)
{
    struct search search = {.tls = tls, .record = record};

    keylog_poll(tls->env.keylog, false);
    if (tls->searches >= SEARCHES_MAX || !buf_reserve(&tls->plain, TLS_RECORD_MAX))
        return false;
    tls->searches++;
    search.range = share(tls->env.keylog, record);
    for (int swapped = 0; swapped < 2; swapped++) {
        search.is_client = (record->side == APP_CLIENT) != swapped;
        if (try_side(&search)) {
            join(&search);
            return true;
        }
    }
    return false;
}
