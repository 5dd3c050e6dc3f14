/* SPDX-License-Identifier: Apache-2.0 */
/* One record: type 1 | version 2 | length 2 | body. What it means depends on where its direction stands. */
#include <errno.h>

#include "app/tls_internal.h"

#define FAILURES_MAX 16 /* in a row, until no more is tried */
#define FATAL        2

static void take_alert(struct tls *tls, enum app_side side, const uint8_t *alert, size_t len)
{
    struct tls_facts *facts = tls->told;
    bool is_fatal = len == 2 && (alert[0] == FATAL || tls->now.version == TLS_1_3);
    bool is_closing = len == 2 && (alert[1] == 0 || alert[1] == 90);

    if (!is_fatal || is_closing || facts->alert)
        return;
    facts->alert = tls_alert_name(alert[1]);
    facts->alert_by_client = side == tls->client;
}

void tls_change_cipher(struct tls *tls, enum app_side side)
{
    struct tls_way *way = &tls->way[side];

    way->phase = tls->compressed ? TLS_DEAD : TLS_TALKS;
    way->has_keys = false;
    way->handshake.len = 0;
    if (side == tls->client)
        return;
    if (!way->opened)
        tls->told->resumed = !tls->hello_done;
    if (!tls->env.keylog)
        tls->verdict = APP_DONE;
}

/* With no key log nothing of what is protected can be read, and nobody waits. */
static enum tls_step wait_or_end(struct tls *tls)
{
    if (tls->env.keylog)
        return TLS_STEP_WAIT;
    return TLS_STEP_DONE;
}

static void count_unopened(struct tls *tls, const struct tls_record *record)
{
    if (!tls->env.keylog)
        return;
    if (record->header[0] == TLS_APPLICATION_DATA) {
        tls->told->undecrypted_records++;
        tls->told->decrypted = false;
    }
    tls->way[record->side].torn = true;
}

static void note_failure(struct tls *tls, const struct tls_record *record)
{
    struct tls_way *way = &tls->way[record->side];

    if (way->skips && !tls->early_taken)
        return;
    count_unopened(tls, record);
    if (++way->failures >= FAILURES_MAX)
        way->phase = TLS_DEAD;
    else if (way->opened && way->window < TLS_WINDOW_MAX)
        way->window++;
}

static int open_record(struct tls *tls, const struct tls_record *record, size_t *len, uint8_t *type)
{
    struct tls_way *way = &tls->way[record->side];
    uint8_t *out = (uint8_t *)tls->plain.data;
    int err;

    if (way->window)
        err = tls_search_open(way, record, out, len, type);
    else
        err = tls_protect_open(&way->protect, record->header, record->body, record->len, out, len,
                               type);
    if (err && way->phase == TLS_SHAKES)
        err = tls_keys_jump(tls, record, len, type);
    else if (err && way->phase == TLS_TALKS && record->lost)
        err = tls_keys_next(tls, record, len, type);
    return err;
}

static void take_content(struct tls *tls, const struct tls_record *record, uint8_t type,
                         const uint8_t *data, size_t len)
{
    switch (type) {
    case TLS_APPLICATION_DATA:
        tls_deliver(tls, record, data, len);
        break;
    case TLS_HANDSHAKE:
        tls_handshake(tls, record->side, data, len);
        break;
    case TLS_ALERT:
        take_alert(tls, record->side, data, len);
        break;
    case TLS_CHANGE_CIPHER_SPEC:
        if (tls->now.version < TLS_1_3)
            tls_change_cipher(tls, record->side);
        break;
    default:
        break;
    }
}

/* Keys for the direction as it stands; false: they are not known yet. */
static bool has_keys(struct tls *tls, enum app_side side)
{
    struct tls_way *way = &tls->way[side];

    if (way->phase == TLS_EARLY && !tls->early_known)
        return false;
    if (way->phase == TLS_EARLY && !tls->early_taken) {
        way->phase = TLS_SHAKES;
        way->has_keys = false;
        way->skips = true;
    }
    return way->has_keys || tls_keys_get(tls, side);
}

static enum tls_step step_protected(struct tls *tls, const struct tls_record *record)
{
    struct tls_way *way = &tls->way[record->side];
    bool is_13 = tls->now.version == TLS_1_3;
    uint8_t type;
    size_t len;

    if (is_13 && record->header[0] == TLS_CHANGE_CIPHER_SPEC)
        return TLS_STEP_DONE;
    if (is_13 && record->header[0] == TLS_ALERT && record->len == 2) {
        take_alert(tls, record->side, record->body, record->len);
        return TLS_STEP_DONE;
    }
    if (!tls->env.keylog)
        return TLS_STEP_DONE;
    if (way->phase != TLS_DEAD && !has_keys(tls, record->side))
        return TLS_STEP_WAIT;
    if (way->phase == TLS_DEAD || !buf_reserve(&tls->plain, TLS_RECORD_MAX)) {
        count_unopened(tls, record);
        return TLS_STEP_DONE;
    }
    way->window += record->lost;
    if (way->window > TLS_WINDOW_MAX)
        way->window = TLS_WINDOW_MAX;
    if (open_record(tls, record, &len, &type)) {
        note_failure(tls, record);
        return TLS_STEP_DONE;
    }
    way->torn |= way->window > 0;
    way->window = 0;
    way->failures = 0;
    way->skips = false;
    if (!way->opened++)
        tls_keys_note(tls);
    tls->told->decrypted = !tls->told->undecrypted_records;
    take_content(tls, record, type, (const uint8_t *)tls->plain.data, len);
    return TLS_STEP_DONE;
}

static enum tls_step step_clear_cipher(struct tls *tls, const struct tls_record *record)
{
    if (tls->has_server_hello) {
        if (tls->now.version < TLS_1_3)
            tls_change_cipher(tls, record->side);
        return TLS_STEP_DONE;
    }
    /* Before early data: which version it is the server will say. */
    if (tls->has_client_hello && record->side == tls->client && !tls->retried)
        return wait_or_end(tls);
    return TLS_STEP_DONE;
}

/* Application data before anything protected was announced. */
static enum tls_step step_clear_data(struct tls *tls, const struct tls_record *record)
{
    if (tls->has_server_hello && tls->now.version < TLS_1_3 && tls->has_client_hello) {
        tls_change_cipher(tls, record->side); /* lost in a hole */
        return step_protected(tls, record);
    }
    if (tls->has_client_hello && record->side == tls->client)
        return tls->retried ? TLS_STEP_DONE : wait_or_end(tls); /* early data */
    if (!tls->env.keylog) {
        tls->told->seen = true;
        tls->verdict = APP_DONE;
        return TLS_STEP_DONE;
    }
    if (!tls_search_secrets(tls, record))
        return TLS_STEP_WAIT;
    return step_protected(tls, record);
}

enum tls_step tls_record_step(struct tls *tls, const struct tls_record *record)
{
    struct tls_way *way = &tls->way[record->side];

    if (record->lost)
        way->handshake.len = 0;
    if (way->phase != TLS_CLEAR)
        return step_protected(tls, record);
    switch (record->header[0]) {
    case TLS_HANDSHAKE:
        tls_handshake(tls, record->side, record->body, record->len);
        return TLS_STEP_DONE;
    case TLS_CHANGE_CIPHER_SPEC:
        return step_clear_cipher(tls, record);
    case TLS_ALERT:
        take_alert(tls, record->side, record->body, record->len);
        return TLS_STEP_DONE;
    case TLS_APPLICATION_DATA:
        return step_clear_data(tls, record);
    default:
        return TLS_STEP_DONE;
    }
}
