/* SPDX-License-Identifier: Apache-2.0 */
/* Records that wait, in the order of arrival: one that can go on may let the other side's go on. */
#include <stdlib.h>

#include "app/tls_internal.h"

static bool hold_bytes(struct tls *tls, size_t bytes)
{
    if (bytes > tls->env.limits->held_bytes - tls->held_bytes ||
        !keylog_hold(tls->env.keylog, bytes))
        return false;
    tls->held_bytes += bytes;
    return true;
}

static void release_bytes(struct tls *tls, size_t bytes)
{
    tls->held_bytes -= bytes;
    keylog_release(tls->env.keylog, bytes);
}

static bool hold(struct tls *tls, const struct tls_record *record)
{
    size_t bytes = sizeof(struct tls_held) + record->len;
    struct tls_held *held;

    if (!tls->held_end)
        tls->held_end = &tls->held;
    if (!hold_bytes(tls, bytes))
        return false;
    held = malloc(bytes);
    if (!held) {
        release_bytes(tls, bytes);
        return false;
    }
    held->next = NULL;
    held->record = *record;
    held->record.body = held->body;
    memcpy(held->body, record->body, record->len);
    *tls->held_end = held;
    tls->held_end = &held->next;
    tls->way[record->side].held++;
    return true;
}

/* Take out *link. */
static void drop(struct tls *tls, struct tls_held **link)
{
    struct tls_held *held = *link;

    *link = held->next;
    if (!held->next)
        tls->held_end = link;
    tls->way[held->record.side].held--;
    release_bytes(tls, sizeof(*held) + held->record.len);
    free(held);
}

static void pass_once(struct tls *tls)
{
    struct tls_held **link = &tls->held;
    bool waits[2] = {false, false};

    while (*link && !(waits[0] && waits[1]) && tls->verdict == APP_MORE) {
        enum app_side side = (*link)->record.side;

        if (!waits[side])
            waits[side] = tls_record_step(tls, &(*link)->record) == TLS_STEP_WAIT;
        if (waits[side])
            link = &(*link)->next;
        else
            drop(tls, link);
    }
}

void tls_pump(struct tls *tls)
{
    tls->generation = tls->env.keylog ? keylog_generation(tls->env.keylog) : 0;
    do {
        tls->stirred = false;
        if (tls->held)
            pass_once(tls);
    } while (tls->stirred && tls->verdict == APP_MORE);
}

void tls_take(struct tls *tls, const struct tls_record *record)
{
    struct tls_way *way = &tls->way[record->side];

    if (!way->held && tls_record_step(tls, record) == TLS_STEP_DONE) {
        if (tls->stirred)
            tls_pump(tls);
        return;
    }
    if (hold(tls, record))
        return;
    tls_give_up(tls);
    tls_record_step(tls, record);
}

void tls_give_up(struct tls *tls)
{
    for (int side = APP_CLIENT; side <= APP_SERVER; side++)
        tls->way[side].phase = TLS_DEAD;
    while (tls->held) {
        tls_record_step(tls, &tls->held->record);
        drop(tls, &tls->held);
    }
}
