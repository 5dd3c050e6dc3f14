/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression of a stream, piece by piece: several gzip members or zstd frames in a row are one stream. */
#include "source/capfile/decoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define RAW_BYTES (128u << 10)

enum decoder_kind { DECODER_PLAIN, DECODER_GZIP, DECODER_ZSTD };

struct decoder {
    int fd;
    enum decoder_kind kind;
    bool raw_ended;
    bool inside; /* a member or frame has begun and not ended */
    bool ended;
    int err;
    uint64_t done_bytes;
    size_t raw_pos;
    size_t raw_len;
    z_stream gzip;
#ifdef HAVE_ZSTD
    ZSTD_DStream *zstd;
#endif
    uint8_t raw[RAW_BYTES];
};

static enum decoder_kind kind_of(const uint8_t *head, size_t len)
{
    if (len >= 2 && head[0] == 0x1f && head[1] == 0x8b)
        return DECODER_GZIP;
    if (len >= 4 && memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0)
        return DECODER_ZSTD;
    return DECODER_PLAIN;
}

bool decoder_is_compressed(const uint8_t *head)
{
    return kind_of(head, DECODER_MAGIC_BYTES) != DECODER_PLAIN;
}

/* At least want bytes of raw input in the buffer, when there are so many. */
static void raw_fill(struct decoder *decoder, size_t want)
{
    size_t have = decoder->raw_len - decoder->raw_pos;

    memmove(decoder->raw, decoder->raw + decoder->raw_pos, have);
    decoder->raw_pos = 0;
    decoder->raw_len = have;
    while (decoder->raw_len < want && !decoder->raw_ended) {
        ssize_t n =
            read(decoder->fd, decoder->raw + decoder->raw_len, RAW_BYTES - decoder->raw_len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            decoder->err = errno;
        if (n <= 0)
            decoder->raw_ended = true;
        else
            decoder->raw_len += (size_t)n;
        decoder->done_bytes += n > 0 ? (uint64_t)n : 0;
    }
}

static int start(struct decoder *decoder)
{
    if (decoder->kind == DECODER_GZIP)
        return inflateInit2(&decoder->gzip, 15 + 16) == Z_OK ? 0 : -ENOMEM;
    if (decoder->kind != DECODER_ZSTD)
        return 0;
#ifdef HAVE_ZSTD
    decoder->zstd = ZSTD_createDStream();
    return decoder->zstd ? 0 : -ENOMEM;
#else
    return -ENOTSUP;
#endif
}

struct decoder *decoder_open(int fd)
{
    struct decoder *decoder = malloc(sizeof(*decoder));
    int err;

    if (!decoder) {
        close(fd);
        errno = ENOMEM;
        return NULL;
    }
    memset(decoder, 0, offsetof(struct decoder, raw));
    decoder->fd = fd;
    raw_fill(decoder, DECODER_MAGIC_BYTES);
    decoder->kind = kind_of(decoder->raw, decoder->raw_len);
    err = decoder->err ? -decoder->err : start(decoder);
    if (err) {
        decoder_close(decoder);
        errno = -err;
        return NULL;
    }
    return decoder;
}

void decoder_close(struct decoder *decoder)
{
    if (!decoder)
        return;
    if (decoder->kind == DECODER_GZIP)
        inflateEnd(&decoder->gzip);
#ifdef HAVE_ZSTD
    ZSTD_freeDStream(decoder->zstd);
#endif
    close(decoder->fd);
    free(decoder);
}

static ssize_t read_plain(struct decoder *decoder, uint8_t *out, size_t room)
{
    size_t have = decoder->raw_len - decoder->raw_pos;
    size_t n = have < room ? have : room;

    if (!have) {
        raw_fill(decoder, 1);
        have = decoder->raw_len;
        n = have < room ? have : room;
    }
    memcpy(out, decoder->raw + decoder->raw_pos, n);
    decoder->raw_pos += n;
    return (ssize_t)n;
}

/* Between two members: what follows must be one too, zeros fill up a tape's block. */
static bool next_gzip_member(struct decoder *decoder, const char **fault)
{
    raw_fill(decoder, 2);
    while (decoder->raw_pos < decoder->raw_len && !decoder->raw[decoder->raw_pos]) {
        decoder->raw_pos++;
        if (decoder->raw_pos == decoder->raw_len)
            raw_fill(decoder, 2);
    }
    if (decoder->raw_pos == decoder->raw_len)
        return false;
    raw_fill(decoder, 2);
    if (kind_of(decoder->raw, decoder->raw_len) != DECODER_GZIP ||
        inflateReset(&decoder->gzip) != Z_OK) {
        *fault = "bytes follow that are not gzip data";
        return false;
    }
    return true;
}

static ssize_t read_gzip(struct decoder *decoder, uint8_t *out, size_t room, const char **fault)
{
    z_stream *z = &decoder->gzip;
    int ret;

    z->next_out = out;
    z->avail_out = room > UINT32_MAX ? UINT32_MAX : (uInt)room;
    while (z->next_out == out) {
        if (!decoder->inside && z->total_in && !next_gzip_member(decoder, fault))
            return 0;
        if (decoder->raw_pos == decoder->raw_len)
            raw_fill(decoder, 1);
        if (decoder->raw_pos == decoder->raw_len) {
            *fault = "gzip data is cut short";
            return 0;
        }
        decoder->inside = true;
        z->next_in = decoder->raw + decoder->raw_pos;
        z->avail_in = (uInt)(decoder->raw_len - decoder->raw_pos);
        ret = inflate(z, Z_NO_FLUSH);
        decoder->raw_pos = decoder->raw_len - z->avail_in;
        if (ret == Z_STREAM_END)
            decoder->inside = false;
        else if (ret != Z_OK && ret != Z_BUF_ERROR) {
            *fault = "gzip data is damaged";
            decoder->ended = true;
            break;
        }
    }
    return z->next_out - out;
}

#ifdef HAVE_ZSTD
static ssize_t read_zstd(struct decoder *decoder, uint8_t *out, size_t room, const char **fault)
{
    ZSTD_outBuffer output = {out, room, 0};

    while (!output.pos) {
        ZSTD_inBuffer in;
        size_t ret;

        if (decoder->raw_pos == decoder->raw_len)
            raw_fill(decoder, 1);
        if (decoder->raw_pos == decoder->raw_len && !decoder->inside)
            return 0;
        in = (ZSTD_inBuffer){decoder->raw + decoder->raw_pos, decoder->raw_len - decoder->raw_pos,
                             0};
        ret = ZSTD_decompressStream(decoder->zstd, &output, &in);
        decoder->raw_pos += in.pos;
        if (ZSTD_isError(ret)) {
            *fault =
                decoder->inside ? "zstd data is damaged" : "bytes follow that are not zstd data";
            decoder->ended = true;
            break;
        }
        if (!in.size && !output.pos) {
            *fault = "zstd data is cut short";
            break;
        }
        decoder->inside = ret != 0;
    }
    return (ssize_t)output.pos;
}
#endif

ssize_t decoder_read(struct decoder *decoder, uint8_t *out, size_t room, const char **fault)
{
    ssize_t n = 0;

    if (decoder->ended)
        return 0;
    if (decoder->kind == DECODER_PLAIN)
        n = read_plain(decoder, out, room);
    else if (decoder->kind == DECODER_GZIP)
        n = read_gzip(decoder, out, room, fault);
#ifdef HAVE_ZSTD
    else
        n = read_zstd(decoder, out, room, fault);
#endif
    if (!n) {
        decoder->ended = true;
        if (decoder->err)
            *fault = strerror(decoder->err);
    }
    return n;
}

uint64_t decoder_done(const struct decoder *decoder)
{
    return decoder->done_bytes;
}
