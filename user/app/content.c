/* SPDX-License-Identifier: Apache-2.0 */
#include "app/content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>
#ifdef HAVE_BROTLI
#include <brotli/decode.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define STAGES_MAX   3
#define ROOM_BYTES   16384
#define RATIO_FROM   (1u << 20) /* decoded bytes from which on the ratio is looked at */
#define ZSTD_LOG_MAX 27         /* window of 128 MB, what browsers bear; memory beyond is refused */
#define RAW_DEFLATE  (-MAX_WBITS)
#define GZIP_OR_ZLIB (MAX_WBITS + 32)

enum encoding { ENCODING_GZIP, ENCODING_DEFLATE, ENCODING_BROTLI, ENCODING_ZSTD };

/* One encoding; what it gives goes to the stage before it in the header's list. */
struct stage {
    enum encoding encoding;
    bool started;
    bool ended;
    bool padded;   /* behind gzip's last member comes something else */
    bool has_head; /* deflate's first byte, that came alone and waits for the second */
    uint8_t head;
    z_stream zlib;
#ifdef HAVE_BROTLI
    BrotliDecoderState *brotli;
#endif
#ifdef HAVE_ZSTD
    ZSTD_DStream *zstd;
#endif
    uint8_t room[ROOM_BYTES];
};

struct content {
    content_sink *sink;
    void *ctx;
    uint64_t max_bytes;
    uint64_t max_ratio;
    uint64_t taken_bytes;
    uint64_t given_bytes;
    int error;
    size_t stage_count; /* the last one is what came off the wire */
    struct stage *stages[STAGES_MAX];
};

static int give(struct content *content, size_t stage, const uint8_t *data, size_t len);

/* What the stages after `stage` have made: to the next one, or to the reader, within the bounds. */
static int pass_on(struct content *content, size_t stage, const uint8_t *data, size_t len)
{
    uint64_t left = content->max_bytes - content->given_bytes;
    int err = 0;

    if (!len)
        return 0;
    if (stage)
        return give(content, stage - 1, data, len);
    if (len > left) {
        len = (size_t)left;
        err = -E2BIG;
    }
    content->given_bytes += len;
    if (len)
        content->sink(content->ctx, data, len);
    if (content->given_bytes > RATIO_FROM &&
        content->given_bytes / content->max_ratio > content->taken_bytes)
        err = -E2BIG;
    return err;
}

/* ---- zlib: gzip, also several members, and deflate, with or without its frame --------------------- */

/* The first two bytes of deflate tell whether it has its frame (RFC 1950) or, as some servers send it, none. */
static int start_zlib(struct stage *stage, const uint8_t *data)
{
    int bits = GZIP_OR_ZLIB;

    if (stage->encoding == ENCODING_DEFLATE) {
        unsigned int head = stage->has_head ? stage->head << 8 | data[0] : data[0] << 8 | data[1];

        if ((head >> 8 & 0xf) != Z_DEFLATED || head % 31)
            bits = RAW_DEFLATE;
    }
    return inflateInit2(&stage->zlib, bits) == Z_OK ? 0 : -ENOMEM;
}

static int run_zlib(struct content *content, size_t at, const uint8_t *data, size_t len)
{
    struct stage *stage = content->stages[at];
    z_stream *zlib = &stage->zlib;
    int state = Z_OK, err = 0;

    zlib->next_in = (uint8_t *)data;
    zlib->avail_in = (unsigned int)len;
    do {
        if (stage->ended) { /* another member, or padding behind the last */
            stage->padded |= stage->encoding != ENCODING_GZIP || *zlib->next_in != 0x1f;
            if (stage->padded)
                return 0;
            stage->ended = false;
            inflateReset(zlib);
        }
        zlib->next_out = stage->room;
        zlib->avail_out = ROOM_BYTES;
        state = inflate(zlib, Z_NO_FLUSH);
        err = pass_on(content, at, stage->room, ROOM_BYTES - zlib->avail_out);
        if (err)
            return err;
        if (state == Z_STREAM_END)
            stage->ended = true;
        else if (state != Z_OK && state != Z_BUF_ERROR)
            return state == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
    } while (zlib->avail_in || (!zlib->avail_out && !stage->ended));
    return 0;
}

/* ---- brotli -------------------------------------------------------------------------------------- */

#ifdef HAVE_BROTLI
static int run_brotli(struct content *content, size_t at, const uint8_t *data, size_t len)
{
    struct stage *stage = content->stages[at];
    BrotliDecoderResult result;

    if (stage->ended)
        return 0;
    do {
        uint8_t *out = stage->room;
        size_t room = ROOM_BYTES;
        int err;

        result = BrotliDecoderDecompressStream(stage->brotli, &len, &data, &room, &out, NULL);
        err = pass_on(content, at, stage->room, ROOM_BYTES - room);
        if (err)
            return err;
    } while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
    stage->ended = result == BROTLI_DECODER_RESULT_SUCCESS;
    return result == BROTLI_DECODER_RESULT_ERROR ? -EBADMSG : 0;
}
#endif

/* ---- zstd ---------------------------------------------------------------------------------------- */

#ifdef HAVE_ZSTD
static int run_zstd(struct content *content, size_t at, const uint8_t *data, size_t len)
{
    struct stage *stage = content->stages[at];
    ZSTD_inBuffer in = {data, len, 0};
    ZSTD_outBuffer out;

    do {
        size_t left;
        int err;

        out = (ZSTD_outBuffer){stage->room, ROOM_BYTES, 0};
        left = ZSTD_decompressStream(stage->zstd, &out, &in);
        if (ZSTD_isError(left))
            return -EBADMSG;
        stage->ended = !left;
        err = pass_on(content, at, stage->room, out.pos);
        if (err)
            return err;
    } while (in.pos < in.size || (out.pos == ROOM_BYTES && !stage->ended));
    return 0;
}
#endif

/* ---- stages -------------------------------------------------------------------------------------- */

static int start(struct stage *stage, const uint8_t *data)
{
    switch (stage->encoding) {
    case ENCODING_GZIP:
    case ENCODING_DEFLATE:
        return start_zlib(stage, data);
#ifdef HAVE_BROTLI
    case ENCODING_BROTLI:
        stage->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        return stage->brotli ? 0 : -ENOMEM;
#endif
#ifdef HAVE_ZSTD
    case ENCODING_ZSTD:
        stage->zstd = ZSTD_createDStream();
        if (!stage->zstd)
            return -ENOMEM;
        ZSTD_DCtx_setParameter(stage->zstd, ZSTD_d_windowLogMax, ZSTD_LOG_MAX);
        return 0;
#endif
    default:
        return -ENOTSUP;
    }
}

static int give(struct content *content, size_t at, const uint8_t *data, size_t len)
{
    struct stage *stage = content->stages[at];

    if (!stage->started) {
        int err;

        if (stage->encoding == ENCODING_DEFLATE && !stage->has_head && len == 1) {
            stage->has_head = true;
            stage->head = data[0];
            return 0;
        }
        err = start(stage, data);
        if (err)
            return err;
        stage->started = true;
        if (stage->has_head)
            err = run_zlib(content, at, &stage->head, 1);
        if (err)
            return err;
    }
    switch (stage->encoding) {
#ifdef HAVE_BROTLI
    case ENCODING_BROTLI:
        return run_brotli(content, at, data, len);
#endif
#ifdef HAVE_ZSTD
    case ENCODING_ZSTD:
        return run_zstd(content, at, data, len);
#endif
    default:
        return run_zlib(content, at, data, len);
    }
}

static void stage_free(struct stage *stage)
{
    if (stage->started && stage->encoding <= ENCODING_DEFLATE)
        inflateEnd(&stage->zlib);
#ifdef HAVE_BROTLI
    if (stage->brotli)
        BrotliDecoderDestroyInstance(stage->brotli);
#endif
#ifdef HAVE_ZSTD
    ZSTD_freeDStream(stage->zstd);
#endif
    free(stage);
}

/* ---- the content --------------------------------------------------------------------------------- */

/* The encoding of that name; -ENOTSUP. identity is none at all: -ENOENT. */
static int find_encoding(const char *name, size_t len)
{
    static const struct {
        const char *name;
        int encoding;
    } known[] = {
        {"gzip", ENCODING_GZIP}, {"x-gzip", ENCODING_GZIP}, {"deflate", ENCODING_DEFLATE},
#ifdef HAVE_BROTLI
        {"br", ENCODING_BROTLI},
#endif
#ifdef HAVE_ZSTD
        {"zstd", ENCODING_ZSTD},
#endif
        {"identity", -ENOENT},   {"chunked", -ENOENT},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strlen(known[i].name) == len && !strncasecmp(known[i].name, name, len))
            return known[i].encoding;
    return -ENOTSUP;
}

static int add_stage(struct content *content, const char *name, size_t len)
{
    int encoding = find_encoding(name, len);
    struct stage *stage;

    if (encoding == -ENOENT || !len)
        return 0;
    if (encoding < 0 || content->stage_count == STAGES_MAX)
        return -ENOTSUP;
    stage = calloc(1, sizeof(*stage));
    if (!stage)
        return -ENOMEM;
    stage->encoding = (enum encoding)encoding;
    content->stages[content->stage_count++] = stage;
    return 0;
}

struct content *content_new(const char *encoding, size_t len, uint64_t max_bytes,
                            uint64_t max_ratio, content_sink *sink, void *ctx)
{
    struct content *content = calloc(1, sizeof(*content));
    const char *end = encoding + len;

    if (!content)
        return NULL;
    content->max_bytes = max_bytes;
    content->max_ratio = max_ratio ? max_ratio : 1;
    content->sink = sink;
    content->ctx = ctx;
    while (encoding < end) {
        size_t word = 0;
        int err;

        while (encoding < end && strchr(" \t,", *encoding))
            encoding++;
        while (encoding + word < end && !strchr(" \t,", encoding[word]))
            word++;
        err = add_stage(content, encoding, word);
        if (err) {
            content_free(content);
            errno = -err;
            return NULL;
        }
        encoding += word;
    }
    return content;
}

void content_free(struct content *content)
{
    if (!content)
        return;
    for (size_t i = 0; i < content->stage_count; i++)
        stage_free(content->stages[i]);
    free(content);
}

int content_data(struct content *content, const uint8_t *data, size_t len)
{
    if (content->error || !len)
        return content->error;
    content->taken_bytes += len;
    if (content->stage_count)
        content->error = give(content, content->stage_count - 1, data, len);
    else
        content->error = pass_on(content, 0, data, len);
    return content->error;
}

bool content_complete(const struct content *content)
{
    if (content->error)
        return false;
    for (size_t i = 0; i < content->stage_count; i++)
        if ((content->stages[i]->started || content->stages[i]->has_head) &&
            !content->stages[i]->ended)
            return false;
    return true;
}
