/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a pcapng file, and as blocks of one: a section and an interface come first, and each block gets
 * the lengths that fit. Such blocks are: type(1) body length(1) body.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/frame_walk.h"

static const uint8_t head[] = {
    0x0a, 0x0d, 0x0d, 0x0a, 28,   0,    0,    0,    0x4d, 0x3c, 0x2b, 0x1a, 1,  0, 0, 0,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28,   0,    0,    0,    1,  0, 0, 0,
    20,   0,    0,    0,    1,    0,    0,    0,    0,    0,    0,    0,    20, 0, 0, 0,
};

enum { BODY_MAX = 256, BLOCK_MAX = BODY_MAX + 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The length of the block made of the input at *data, which moves on. */
static uint32_t put_block(uint8_t *out, const uint8_t **data, const uint8_t *end)
{
    uint32_t type = (*data)[0] & 15, body = (*data)[1] & ~3u, len, have;

    *data += 2;
    have = (uint32_t)(end - *data) < body ? (uint32_t)(end - *data) : body;
    len = body + 12;
    if (type == 15)
        type = 0x0a0d0d0a;
    memcpy(out, &type, sizeof(type));
    memcpy(out + 4, &len, sizeof(len));
    memset(out + 8, 0, body);
    memcpy(out + 8, *data, have);
    memcpy(out + 8 + body, &len, sizeof(len));
    *data += have;
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;
    uint8_t *room, *file;
    size_t len = sizeof(head);

    walk_frames(data, size);
    room = malloc(sizeof(head) + (size / 2 + 1) * BLOCK_MAX);
    if (!room)
        return 0;
    memcpy(room, head, sizeof(head));
    while (end - data >= 2)
        len += put_block(room + len, &data, end);
    file = realloc(room, len);
    if (file)
        walk_frames(file, len);
    free(file ? file : room);
    return 0;
}
