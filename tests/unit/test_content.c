/* SPDX-License-Identifier: Apache-2.0 */
/* Content encodings undone, in pieces of every size, and the bounds on what comes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "app/content.h"
#include "base/buf.h"

#define TEXT_BYTES 40000

static void on_bytes(void *ctx, const uint8_t *data, size_t len)
{
    buf_add(ctx, data, len);
}

/* Text that packs, but not to nothing. */
static void make_text(uint8_t *text)
{
    for (size_t i = 0; i < TEXT_BYTES; i++)
        text[i] = (uint8_t)("etaoin shrdlu"[(i * i / 7 + i / 1000) % 13]);
}

/* zlib's own: bits as deflateInit2 has them. */
static size_t pack(const uint8_t *text, size_t len, int bits, uint8_t *out, size_t room)
{
    z_stream zlib = {.next_in = (uint8_t *)text, .avail_in = (unsigned int)len};

    assert_int_equal(deflateInit2(&zlib, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    zlib.next_out = out;
    zlib.avail_out = (unsigned int)room;
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    len = zlib.total_out;
    deflateEnd(&zlib);
    return len;
}

/* The content that comes of packed bytes, given in pieces of this size. */
static int unpack(const char *encoding, const uint8_t *packed, size_t len, size_t piece,
                  struct buf *out, bool *complete)
{
    struct content *content = content_new(encoding, strlen(encoding), 1 << 20, 1000, on_bytes, out);
    int err = 0;

    assert_non_null(content);
    for (size_t at = 0; at < len && !err; at += piece)
        err = content_data(content, packed + at, len - at < piece ? len - at : piece);
    *complete = content_complete(content);
    content_free(content);
    return err;
}

static void check(const char *encoding, const uint8_t *packed, size_t len, const uint8_t *text,
                  size_t text_len)
{
    static const size_t pieces[] = {1, 2, 3, 7, 100, 1460, 1 << 20};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct buf out = {0};
        bool complete;

        assert_int_equal(unpack(encoding, packed, len, pieces[i], &out, &complete), 0);
        assert_true(complete);
        assert_int_equal(out.len, text_len);
        assert_memory_equal(out.data, text, text_len);
        buf_fini(&out);
    }
}

struct packed {
    uint8_t text[TEXT_BYTES];
    uint8_t one[2 * TEXT_BYTES];
    uint8_t two[2 * TEXT_BYTES];
};

static void test_encodings(void **state)
{
    struct packed *p = malloc(sizeof(*p));
    size_t len, outer;

    (void)state;
    make_text(p->text);
    check("identity", p->text, TEXT_BYTES, p->text, TEXT_BYTES);
    len = pack(p->text, TEXT_BYTES, 15 + 16, p->one, sizeof(p->one));
    check("gzip", p->one, len, p->text, TEXT_BYTES);
    check("X-GZIP", p->one, len, p->text, TEXT_BYTES);
    outer = pack(p->one, len, 15 + 16, p->two, sizeof(p->two));
    check("gzip, gzip", p->two, outer, p->text, TEXT_BYTES);
    len = pack(p->text, TEXT_BYTES, 15, p->one, sizeof(p->one));
    check("deflate", p->one, len, p->text, TEXT_BYTES);
    len = pack(p->text, TEXT_BYTES, -15, p->one, sizeof(p->one));
    check("deflate", p->one, len, p->text, TEXT_BYTES);
#ifdef HAVE_ZSTD
    len = ZSTD_compress(p->one, sizeof(p->one), p->text, TEXT_BYTES, 3);
    assert_false(ZSTD_isError(len));
    check("zstd", p->one, len, p->text, TEXT_BYTES);
#endif
#ifdef HAVE_BROTLI
    { /* RFC 7932, an uncompressed meta-block: made by hand, since only the decoder is at hand */
        static const uint8_t hello[] = {0x0b, 0x02, 0x80, 'h', 'e', 'l', 'l', 'o', 0x03};

        check("br", hello, sizeof(hello), (const uint8_t *)"hello", 5);
    }
#endif
    free(p);
}

/* RFC 1952: several members, one behind the other; padding behind the last. */
static void test_members(void **state)
{
    struct packed *p = malloc(sizeof(*p));
    size_t first, second;

    (void)state;
    make_text(p->text);
    first = pack(p->text, 1000, 31, p->one, sizeof(p->one));
    second = pack(p->text + 1000, 2000, 31, p->one + first, sizeof(p->one) - first);
    memset(p->one + first + second, 0, 8);
    check("gzip", p->one, first + second, p->text, 3000);
    check("gzip", p->one, first + second + 8, p->text, 3000);
    free(p);
}

static void test_damage(void **state)
{
    struct packed *p = malloc(sizeof(*p));
    struct buf out = {0};
    size_t len;
    bool complete;

    (void)state;
    make_text(p->text);
    len = pack(p->text, TEXT_BYTES, 31, p->one, sizeof(p->one));
    /* cut: what there is comes out, and is not complete */
    assert_int_equal(unpack("gzip", p->one, len - 9, 512, &out, &complete), 0);
    assert_false(complete);
    assert_int_equal(out.len, TEXT_BYTES);
    buf_clear(&out);
    assert_int_equal(unpack("gzip", p->text, 100, 512, &out, &complete), -EBADMSG);
    assert_false(complete);
    assert_int_equal(out.len, 0);
    p->one[len - 5] ^= 1; /* the checksum */
    assert_int_equal(unpack("gzip", p->one, len, 512, &out, &complete), -EBADMSG);
    buf_fini(&out);
    free(p);
}

static void test_unknown(void **state)
{
    (void)state;
    errno = 0;
    assert_null(content_new("rot13", 5, 100, 10, on_bytes, NULL));
    assert_int_equal(errno, ENOTSUP);
    assert_null(content_new("gzip,gzip,gzip,gzip", 19, 100, 10, on_bytes, NULL));
    assert_int_equal(errno, ENOTSUP);
}

/* Bombs: 100 MB of zeros in 100 KB, also packed twice. */
static void test_bounds(void **state)
{
    static const struct {
        const char *name, *encoding;
        bool twice;
        uint64_t max_bytes, max_ratio;
        uint64_t most; /* that may come out */
    } rows[] = {
        {"bytes", "gzip", false, 5000, 1000000, 5000},
        {"bytes, packed twice", "gzip, gzip", true, 5000, 1000000, 5000},
        {"ratio", "gzip", false, 1ull << 40, 100, (100u << 10) * 101 + (1 << 20) + 32768},
        {"ratio, packed twice", "gzip, gzip", true, 1ull << 40, 100, (2 << 20) + 32768},
    };
    size_t zeros_len = 64u << 20, len, outer;
    uint8_t *zeros = calloc(1, zeros_len), *one = malloc(1 << 20), *two = malloc(1 << 20);

    (void)state;
    len = pack(zeros, zeros_len, 31, one, 1 << 20);
    outer = pack(one, len, 31, two, 1 << 20);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = {0};
        struct content *content = content_new(rows[i].encoding, strlen(rows[i].encoding),
                                              rows[i].max_bytes, rows[i].max_ratio, on_bytes, &out);

        print_message("%s\n", rows[i].name);
        assert_int_equal(
            content_data(content, rows[i].twice ? two : one, rows[i].twice ? outer : len), -E2BIG);
        assert_int_equal(content_data(content, one, 1), -E2BIG);
        assert_true(out.len <= rows[i].most);
        content_free(content);
        buf_fini(&out);
    }
    free(zeros);
    free(one);
    free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encodings), cmocka_unit_test(test_members),
        cmocka_unit_test(test_damage),    cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
