/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the two directions of a TLS session, once without a key log and once with the one that the input
 * begins with. Input: length of the log (2), the log, then pieces: side and kind (1), length (1), bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/keylog.h"
#include "app/parser.h"

#define SIDE      0x01
#define HOLE      0x02
#define LONG      0x04 /* the length counts 64 bytes each */
#define FACT_ROOM (256u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_inner(void *ctx, const struct app_piece *piece)
{
    uint64_t *sum = ctx;

    for (size_t i = 0; i < piece->len; i++)
        *sum += piece->data[i];
}

static void on_inner_hole(void *ctx, enum app_side side)
{
    *(uint64_t *)ctx += side;
}

/* The pieces are copied, each as long as it is, so that a byte read behind one is found. */
static void play(const struct app_env *env, const uint8_t *data, size_t size)
{
    void *state = app_tls.open(env);
    enum app_verdict verdict = APP_MORE;
    uint64_t packet = 0;

    if (!state)
        abort();
    while (size >= 2 && verdict == APP_MORE) {
        size_t len = data[0] & LONG ? (size_t)data[1] * 64 : data[1];
        struct app_piece piece = {.side = data[0] & SIDE ? APP_SERVER : APP_CLIENT,
                                  .packet = ++packet};

        if (data[0] & HOLE) {
            verdict = app_tls.hole(state, piece.side, len);
            data += 2, size -= 2;
            continue;
        }
        data += 2, size -= 2;
        piece.len = len < size ? len : size;
        if (piece.len) {
            uint8_t *copy = malloc(piece.len);

            if (!copy)
                abort();
            memcpy(copy, data, piece.len);
            piece.data = copy;
            app_tls.looks_like(NULL, &piece);
            verdict = app_tls.data(state, &piece);
            free(copy);
        }
        data += piece.len, size -= piece.len;
    }
    if (verdict == APP_MORE) {
        app_tls.end(state, APP_CLIENT, 0);
        app_tls.end(state, APP_SERVER, 0);
    }
    app_tls.close(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct app_limits limits = {.held_bytes = 64 << 10};
    size_t log_len = size >= 2 ? (size_t)data[0] << 8 | data[1] : 0;
    uint64_t sum = 0;

    if (size < 2 || log_len > size - 2)
        return 0;
    for (int with_keys = 0; with_keys < 2; with_keys++) {
        struct keylog *keylog = with_keys ? keylog_new(48 << 10, 64) : NULL;
        struct facts *facts = facts_new(NULL, FACT_ROOM);
        struct parser_fact status = {0};
        struct app_env env = {
            .facts = facts,
            .status = &status,
            .limits = &limits,
            .keylog = keylog,
            .inner = on_inner,
            .inner_hole = on_inner_hole,
            .ctx = &sum,
        };

        if (keylog)
            keylog_add(keylog, (const char *)data + 2, log_len);
        play(&env, data + 2 + log_len, size - 2 - log_len);
        facts_free(facts);
        keylog_free(keylog);
    }
    return 0;
}
