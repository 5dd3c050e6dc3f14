/* SPDX-License-Identifier: Apache-2.0 */
/* The window over an input: mapped and loaded piece by piece, or streamed through a buffer. */
#include "source/capfile/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mapguard.h"
#include "source/capfile/ahead.h"
#include "source/capfile/decoder.h"

/* How much of a mapped file is looked at ahead: a part of a core's second cache. */
#define PIECE_BYTES (256u << 10)
/* The first piece after a seek, which may be for one record; it doubles up to PIECE_BYTES. */
#define SEEK_BYTES (4u << 10)
/* How much is kept behind, and half of it always: bounds what a mapped file adds to resident memory. */
#define BEHIND_BYTES (8u << 20)
/* Pages given back may be looked at again a little later, in another thread: they are given back once more. */
#define AGAIN_BYTES (32u << 20)
/* The same when it is read here and there. */
#define JUMPED_BYTES (64u << 20)
#define BUFFER_BYTES (256u << 10)
#define PAGE_BYTES   4096u
#define LINE_BYTES   64u
/* Records shorter than this on average are worth loading a piece at a time. */
#define DENSE_BYTES 512u

/* The descriptor stays open: it tells when the file is cut short. */
static int open_mapped(struct input *input, int fd)
{
    void *map = mmap(NULL, input->size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);

    if (map == MAP_FAILED)
        return -errno;
    madvise(map, input->size_bytes, MADV_SEQUENTIAL);
    mapguard_begin();
    input->map = map;
    input->map_len = input->size_bytes;
    input->fd = fd;
    input->piece = PIECE_BYTES;
    input->behind = BEHIND_BYTES;
    input->base = input->pos = input->limit = map;
    return 0;
}

/* The decoder owns fd from here on, also after a failure. */
static int open_streamed(struct input *input, int fd)
{
    input->decoder = decoder_open(fd);
    if (!input->decoder)
        return -errno;
    input->buffer_len = BUFFER_BYTES;
    input->buffer = malloc(input->buffer_len);
    if (!input->buffer) {
        input_close(input);
        return -ENOMEM;
    }
    input->base = input->pos = input->limit = input->buffer;
    return 0;
}

int input_open(struct input *input, const char *path, enum input_way *way)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint8_t head[DECODER_MAGIC_BYTES];
    int err;

    memset(input, 0, sizeof(*input));
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0) {
        err = -errno;
        close(fd);
        return err;
    }
    if (S_ISDIR(st.st_mode)) {
        *way = INPUT_FOLDER;
        close(fd);
        return 0;
    }
    *way = S_ISREG(st.st_mode) && !is_stdin ? INPUT_FILE : INPUT_ONCE;
    if (*way == INPUT_ONCE)
        return open_streamed(input, fd);
    input->size_bytes = (uint64_t)st.st_size;
    if (pread(fd, head, sizeof(head), 0) == sizeof(head) && decoder_is_compressed(head))
        return open_streamed(input, fd);
    /* Files of /proc and /sys say 0 and hold more. */
    if (!st.st_size)
        return open_streamed(input, fd);
    err = open_mapped(input, fd);
    if (err)
        close(fd);
    return err;
}

void input_open_memory(struct input *input, const uint8_t *data, size_t len)
{
    memset(input, 0, sizeof(*input));
    input->base = input->pos = data;
    input->limit = data + len;
    input->size_bytes = len;
}

void input_close(struct input *input)
{
    ahead_end(input->ahead);
    if (input->map) {
        munmap(input->map, input->map_len);
        mapguard_forget(input->map, input->map_len);
        close(input->fd);
    }
    decoder_close(input->decoder);
    free(input->buffer);
    memset(input, 0, sizeof(*input));
}

/*
 * Records lie at places that only the record before tells, so each would wait for memory. In a sequence
 * that the processor foresees they come in twice as fast; long ones, of which but the heads are needed, do not.
 */
static void load_ahead(const struct input *input, size_t len)
{
    const volatile uint8_t *at = input->pos;

    for (size_t i = 0; i < len; i += LINE_BYTES)
        (void)at[i];
}

static void drop_behind(struct input *input, size_t upto)
{
    size_t from = input->dropped > AGAIN_BYTES ? input->dropped - AGAIN_BYTES : 0;

    if (upto <= input->dropped)
        return;
    madvise(input->map + from, upto - from, MADV_DONTNEED);
    input->dropped = upto;
}

/* Give pages back now and then; once a file is read in sequence, a thread may do that, and more. */
static void tidy_behind(struct input *input, size_t at)
{
    if (input->ahead) {
        ahead_move(input->ahead, at);
        return;
    }
    if (at - input->dropped < input->behind)
        return;
    if (input->run_ahead && input->piece == PIECE_BYTES) {
        input->ahead = ahead_begin(input->map, input->map_len, at);
        input->run_ahead = input->ahead != NULL;
    }
    drop_behind(input, (at - input->behind / 2) & ~(size_t)(PAGE_BYTES - 1));
}

/* The reader goes elsewhere. */
static void stop_ahead(struct input *input)
{
    if (!input->ahead)
        return;
    input->dropped = ahead_end(input->ahead);
    input->ahead = NULL;
}

bool input_cut(struct input *input)
{
    const uint8_t *end;
    struct stat st;
    size_t lost;

    if (!input->map)
        return false;
    if (!fstat(input->fd, &st) && (uint64_t)st.st_size < input->size_bytes) {
        input->size_bytes = (uint64_t)st.st_size;
        input->fault = "the file was cut short while it was read: what came here is gone";
    } else if (mapguard_lost(input->map, input->size_bytes, &lost)) {
        input->size_bytes = lost;
        input->fault = "the file can't be read from here on";
    } else {
        return false;
    }
    end = input->map + input->size_bytes;
    if (input->limit > end)
        input->limit = end > input->pos ? end : input->pos;
    return true;
}

static const uint8_t *fill_mapped(struct input *input, size_t want)
{
    size_t at = (size_t)(input->pos - input->map);
    size_t ahead = want > input->piece ? want : input->piece;
    size_t left;

    input_cut(input);
    left = at < input->size_bytes ? input->size_bytes - at : 0;
    tidy_behind(input, at);
    if (ahead > left)
        ahead = left;
    if (input->records * (uint64_t)DENSE_BYTES >= at - input->filled)
        load_ahead(input, ahead);
    input->records = 0;
    input->filled = at;
    if (input->piece < PIECE_BYTES)
        input->piece *= 2;
    input->limit = input->pos + ahead;
    return ahead >= want ? input->pos : NULL;
}

/* Room for want bytes from pos on; moves what is left to the front only when the rest is too small. */
static int make_room(struct input *input, size_t want)
{
    size_t have = input_have(input);
    size_t start = (size_t)(input->pos - input->buffer);
    size_t len = input->buffer_len;

    if (input->buffer_len - start >= want)
        return 0;
    input->base_offset += (uint64_t)(input->pos - input->base);
    while (len < 2 * want)
        len *= 2;
    if (len == input->buffer_len) {
        memmove(input->buffer, input->pos, have);
    } else {
        uint8_t *buffer = malloc(len);

        if (!buffer)
            return -ENOMEM;
        memcpy(buffer, input->pos, have);
        free(input->buffer);
        input->buffer = buffer;
        input->buffer_len = len;
    }
    input->base = input->pos = input->buffer;
    input->limit = input->buffer + have;
    return 0;
}

static const uint8_t *fill_streamed(struct input *input, size_t want)
{
    while (input_have(input) < want) {
        size_t used;
        ssize_t n;

        if (input->ended)
            return NULL;
        if (make_room(input, want) < 0) {
            input->ended = true;
            input->fault = "no memory to go on";
            return NULL;
        }
        used = (size_t)(input->limit - input->buffer);
        n = decoder_read(input->decoder, input->buffer + used, input->buffer_len - used,
                         &input->fault);
        if (n <= 0)
            input->ended = true;
        else
            input->limit += n;
    }
    return input->pos;
}

const uint8_t *input_fill(struct input *input, size_t want)
{
    if (input->map)
        return fill_mapped(input, want);
    return input->decoder ? fill_streamed(input, want) : NULL;
}

static int seek_streamed(struct input *input, uint64_t offset)
{
    if (offset < input->base_offset)
        return -ESPIPE;
    if (offset < input_offset(input))
        input->pos = input->base;
    while (offset > input_offset(input)) {
        uint64_t skip = offset - input_offset(input);

        if (!input_have(input) && !fill_streamed(input, 1))
            return -ERANGE;
        input->pos += skip < input_have(input) ? skip : input_have(input);
    }
    return 0;
}

int input_seek(struct input *input, uint64_t offset)
{
    if (input->decoder)
        return seek_streamed(input, offset);
    if (offset > input->size_bytes)
        return -ERANGE;
    if (!input->map) {
        input->pos = input->base + offset;
        return 0;
    }
    stop_ahead(input);
    drop_behind(input, (size_t)((input->limit - input->map + PAGE_BYTES - 1) &
                                ~(ptrdiff_t)(PAGE_BYTES - 1)));
    input->pos = input->limit = input->base + offset;
    input->dropped = (size_t)offset & ~(size_t)(PAGE_BYTES - 1);
    input->filled = (size_t)offset;
    input->records = 0;
    input->piece = SEEK_BYTES;
    return 0;
}

int input_jump(struct input *input, uint64_t offset)
{
    if (offset >= input_offset(input) && offset - input_offset(input) <= input_have(input)) {
        input->pos += offset - input_offset(input);
        return 0;
    }
    stop_ahead(input);
    if (!input->map || offset > input->size_bytes || offset < input->dropped)
        return input_seek(input, offset);
    input->behind = JUMPED_BYTES;
    input->pos = input->limit = input->base + offset;
    input->filled = (size_t)offset;
    input->records = 0;
    input->piece = SEEK_BYTES;
    return 0;
}

uint64_t input_done(const struct input *input)
{
    return input->decoder ? decoder_done(input->decoder) : input_offset(input);
}
