/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of one input as a window that moves forward: a mapped file, or a stream (standard input, a
 * pipe, a compressed file) that goes through a buffer. Reading is pointer work; only running out of the
 * window costs a call.
 */
#ifndef SESSTAP_CAPFILE_INPUT_H
#define SESSTAP_CAPFILE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ahead;
struct decoder;

struct input {
    const uint8_t *pos;   /* the next byte to read */
    const uint8_t *limit; /* end of what can be read without input_fill */
    const uint8_t *base;  /* byte base_offset of the input */
    uint64_t base_offset;

    uint8_t *map; /* mapped: the whole file */
    size_t map_len;
    int fd;         /* mapped: that it is a map of */
    size_t dropped; /* mapped: pages before this offset were given back */
    size_t filled;  /* mapped: where input_fill was called last */
    size_t piece;   /* mapped: how much it looks ahead */
    size_t behind;  /* mapped: how much is kept behind */
    bool run_ahead; /* mapped: by itself, read in sequence, it may have a thread for its pages */
    struct ahead *ahead; /* mapped: that thread; NULL: none yet */
    uint32_t records;    /* taken since then; whoever takes one counts it */

    struct decoder *decoder; /* streamed */
    uint8_t *buffer;
    size_t buffer_len;
    bool ended;
    const char *fault;   /* why the stream ended early; NULL: it did not */
    uint64_t size_bytes; /* of the file as it is on disk; 0: unknown. mapped: no more can be read */
};

/* What the file is, as far as opening it goes. */
enum input_way {
    INPUT_FILE,   /* can be opened again */
    INPUT_ONCE,   /* stdin, a pipe: what was read is gone */
    INPUT_FOLDER, /* nothing was opened */
};

/* Open path, "-" is stdin, and look at its first bytes. 0 or -errno, nothing logged. */
int input_open(struct input *input, const char *path, enum input_way *way);
/* Bytes from memory, borrowed until input_close. */
void input_open_memory(struct input *input, const uint8_t *data, size_t len);
/* Zeroed is fine, and it is zeroed then. */
void input_close(struct input *input);
/*
 * At least want bytes from pos on, or NULL when the input has fewer: those are in the window then. Moves
 * the window: pointers into it (but not into a mapped file) are void.
 */
const uint8_t *input_fill(struct input *input, size_t want);
/*
 * Whether the mapped file has become shorter since it was asked last. What was in the window behind its new end reads
 * as zeros; it is no longer in the window then, and fault says why.
 */
bool input_cut(struct input *input);
/* Go on at a byte; streams only forward. 0 or -errno; -ESPIPE: a stream is beyond it. */
int input_seek(struct input *input, uint64_t offset);
/* The same for one record after another, mostly forward: what was read between is given back now and then. */
int input_jump(struct input *input, uint64_t offset);
/* Bytes of the file on disk that were read. */
uint64_t input_done(const struct input *input);

static inline size_t input_have(const struct input *input)
{
    return (size_t)(input->limit - input->pos);
}

static inline const uint8_t *input_need(struct input *input, size_t want)
{
    return __builtin_expect(input_have(input) >= want, 1) ? input->pos : input_fill(input, want);
}

/* Move behind a record of len bytes, at pos. The next ones are often as long: ask for them early. */
static inline void input_take(struct input *input, size_t len)
{
    input->pos += len;
    input->records++;
    __builtin_prefetch(input->pos + len);
    __builtin_prefetch(input->pos + 2 * len);
    __builtin_prefetch(input->pos + 3 * len);
}

static inline uint64_t input_offset(const struct input *input)
{
    return input->base_offset + (uint64_t)(input->pos - input->base);
}

#endif
