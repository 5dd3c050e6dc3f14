/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSocket frames (RFC 6455 section 5.2) behind an upgrade of HTTP, listed by time, opcode and length:
 *
 *   fin(1) rsv(3) opcode(4) | mask(1) length(7) | length(16 or 64, when 126 or 127) | masking key(32) | payload
 */
#include <stdlib.h>
#include <string.h>

#include "app/parser.h"

#define HEAD_MAX    14
#define LENGTH_16   126
#define LENGTH_64   127
#define FIN         0x80
#define OPCODE_MASK 0x0f
#define MASKED      0x80
#define LENGTH_MASK 0x7f
#define KEY_BYTES   4

/* One direction: the head of a frame as far as it came, then payload that is passed over. */
struct websocket_side {
    uint8_t head[HEAD_MAX];
    size_t head_len;
    uint64_t left;
};

struct websocket {
    const struct app_env *env;
    struct websocket_side sides[2];
};

static void *websocket_open(const struct app_env *env)
{
    struct websocket *websocket = calloc(1, sizeof(*websocket));

    if (websocket)
        websocket->env = env;
    return websocket;
}

static size_t head_bytes(const struct websocket_side *side)
{
    size_t bytes = 2;

    if (side->head_len < bytes)
        return bytes;
    if ((side->head[1] & LENGTH_MASK) == LENGTH_16)
        bytes += 2;
    else if ((side->head[1] & LENGTH_MASK) == LENGTH_64)
        bytes += 8;
    return side->head[1] & MASKED ? bytes + KEY_BYTES : bytes;
}

static uint64_t payload_bytes(const struct websocket_side *side)
{
    uint8_t length = side->head[1] & LENGTH_MASK;
    size_t bytes = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;
    uint64_t value = bytes ? 0 : length;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | side->head[2 + i];
    return value;
}

static void list_frame(struct websocket *websocket, const struct websocket_side *side,
                       const struct app_piece *piece)
{
    struct facts *facts = websocket->env->facts;
    struct websocket_frame *frame = NULL;

    if (facts->websocket_count < websocket->env->limits->transactions)
        frame = facts_alloc(facts, sizeof(*frame));
    if (!frame) {
        facts->cut_transactions++;
        return;
    }
    frame->time_ns = piece->time_ns;
    frame->payload_bytes = payload_bytes(side);
    frame->transaction = websocket->env->tunnel;
    frame->opcode = side->head[0] & OPCODE_MASK;
    frame->fin = side->head[0] & FIN;
    frame->from_client = piece->side == APP_CLIENT;
    if (facts->websocket_last)
        facts->websocket_last->next = frame;
    else
        facts->websocket = frame;
    facts->websocket_last = frame;
    facts->websocket_count++;
}

static enum app_verdict websocket_data(void *state, const struct app_piece *piece)
{
    struct websocket *websocket = state;
    struct websocket_side *side = &websocket->sides[piece->side];
    const uint8_t *at = piece->data, *end = at + piece->len;

    while (at < end) {
        size_t need;

        if (side->left) {
            uint64_t skip = (uint64_t)(end - at) < side->left ? (uint64_t)(end - at) : side->left;

            at += skip;
            side->left -= skip;
            continue;
        }
        side->head[side->head_len++] = *at++;
        need = head_bytes(side);
        if (side->head_len < 2 || side->head_len < need)
            continue;
        list_frame(websocket, side, piece);
        side->left = payload_bytes(side);
        side->head_len = 0;
    }
    return APP_MORE;
}

/* Within a payload nothing is lost but its bytes. */
static enum app_verdict websocket_hole(void *state, enum app_side from, uint64_t length)
{
    struct websocket_side *side = &((struct websocket *)state)->sides[from];

    if (!length || length > side->left)
        return APP_BROKEN;
    side->left -= length;
    return APP_MORE;
}

static void websocket_close(void *state)
{
    free(state);
}

const struct app_parser app_websocket = {
    .name = "websocket",
    .open = websocket_open,
    .data = websocket_data,
    .hole = websocket_hole,
    .close = websocket_close,
};
