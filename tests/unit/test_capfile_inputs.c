/* SPDX-License-Identifier: Apache-2.0 */
/* What captures come in: files, gzip, zstd, stdin, pipes, folders; and what is refused, with which words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "unit/capfile_builder.h"
#include "unit/capture_support.h"

/* More than one window of any kind, and packets of all lengths. */
enum { MANY = 3000 };

static void build_many(struct buf *out)
{
    struct made made = {.big = false};

    made_pcap_head(&made, 0xa1b2c3d4, 1);
    for (uint32_t i = 0; i < MANY; i++) {
        made.end_count = 0;
        made_pcap_packet(&made, i, 0, i % 1500, i % 1500, (uint8_t)i);
    }
    *out = made.bytes;
}

static void check_many(struct capfile *capfile, unsigned int count)
{
    struct frame frame;

    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(capfile_next(capfile, &frame), 1);
        assert_int_equal(frame.time_ns, i * 1000000000ull);
        assert_int_equal(frame.cap_len, i % 1500);
        for (uint32_t k = 0; k < frame.cap_len; k++)
            assert_int_equal(frame.data[k], (uint8_t)(i + k));
    }
}

static void pack_gzip(const void *data, size_t len, struct buf *out)
{
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_true(buf_reserve(out, len + 1000));
    z.next_in = (void *)data;
    z.avail_in = (uInt)len;
    z.next_out = (uint8_t *)out->data + out->len;
    z.avail_out = (uInt)(out->cap - out->len);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

/* How a capture is packed, and what is done to it then. */
struct packed_case {
    const char *name;
    bool zstd;
    unsigned int parts;
    const char *tail;
    size_t tail_len;
    size_t cut;
    unsigned int damaged;
    const char *says;
};

static const struct packed_case packed_cases[] = {
    {"gzip", false, 1, "", 0, 0, 0, ""},
    {"gzip of three members", false, 3, "", 0, 0, 0, ""},
    {"gzip, zeros behind", false, 1, "\0\0\0\0\0", 5, 0, 0, ""},
    {"gzip, garbage behind", false, 2, "garbage", 7, 0, 1, "bytes follow that are not gzip data"},
    {"gzip, cut in the checksum", false, 1, "", 0, 4, 1, "gzip data is cut short"},
    {"gzip, cut in half", false, 1, "", 0, 1, 1, "gzip data is cut short"},
#ifdef HAVE_ZSTD
    {"zstd", true, 1, "", 0, 0, 0, ""},
    {"zstd of three frames", true, 3, "", 0, 0, 0, ""},
    {"zstd, garbage behind", true, 2, "garbage!", 8, 0, 1, "bytes follow that are not zstd data"},
    {"zstd, cut in half", true, 1, "", 0, 1, 1, "zstd data is cut short"},
#endif
};

static void pack_zstd(const void *data, size_t len, struct buf *out)
{
#ifdef HAVE_ZSTD
    size_t packed;

    assert_true(buf_reserve(out, ZSTD_compressBound(len)));
    packed = ZSTD_compress(out->data + out->len, out->cap - out->len, data, len, 1);
    assert_false(ZSTD_isError(packed));
    out->len += packed;
#else
    (void)data;
    (void)len;
    (void)out;
    fail();
#endif
}

static void pack(const struct packed_case *one, const struct buf *plain, struct buf *out)
{
    size_t part = plain->len / one->parts;

    for (unsigned int i = 0; i < one->parts; i++) {
        size_t len = i + 1 == one->parts ? plain->len - i * part : part;

        (one->zstd ? pack_zstd : pack_gzip)(plain->data + i * part, len, out);
    }
    buf_add(out, one->tail, one->tail_len);
    out->len = one->cut == 1 ? out->len / 2 : out->len - one->cut;
}

static void check_packed(const struct packed_case *one, const char *dir, const struct buf *plain)
{
    struct buf packed = {0};
    struct capfile *capfile;
    uint64_t done, total;
    char *path, *said;

    pack(one, plain, &packed);
    path = write_file(dir, "packed", packed.data, packed.len);
    stderr_keep();
    capfile = open_paths((const char *[]){path}, 1, false);
    assert_non_null(capfile);
    if (one->cut == 1)
        assert_in_range(count_frames(capfile), 100, MANY - 100);
    else
        check_many(capfile, MANY);
    assert_int_equal(count_frames(capfile), 0);
    capfile_progress(capfile, &done, &total);
    assert_int_equal(done, packed.len);
    assert_int_equal(total, packed.len);
    assert_int_equal(capfile_damaged(capfile), one->damaged);
    capfile_close(capfile);
    said = stderr_stop();
    if (!strstr(said, one->says) || (!*one->says && *said))
        fail_msg("said: %s", said);
    free(said);
    free(path);
    buf_fini(&packed);
}

static void each_compression(void **state)
{
    char *dir = scratch_make();
    struct buf plain = {0};

    (void)state;
    build_many(&plain);
    for (size_t i = 0; i < sizeof(packed_cases) / sizeof(packed_cases[0]); i++) {
        print_message("%s\n", packed_cases[i].name);
        check_packed(&packed_cases[i], dir, &plain);
    }
    buf_fini(&plain);
    scratch_remove(dir);
}

static void reads_a_mapped_file_and_stdin(void **state)
{
    char *dir = scratch_make();
    struct buf plain = {0};
    struct capfile *capfile;
    uint64_t done, total;
    FILE *kept;
    char *path;

    (void)state;
    build_many(&plain);
    path = write_file(dir, "plain", plain.data, plain.len);
    capfile = open_paths((const char *[]){path}, 1, false);
    check_many(capfile, MANY);
    capfile_progress(capfile, &done, &total);
    assert_int_equal(done, plain.len);
    assert_int_equal(total, plain.len);
    capfile_close(capfile);

    kept = freopen(path, "r", stdin);
    assert_non_null(kept);
    capfile = open_paths((const char *[]){"-"}, 1, false);
    check_many(capfile, MANY);
    capfile_progress(capfile, &done, &total);
    assert_int_equal(total, 0);
    capfile_close(capfile);
    free(path);
    buf_fini(&plain);
    scratch_remove(dir);
}

/* A file that is no capture, and how that is said. */
static const struct {
    const char *content;
    size_t len;
    const char *says;
} foreign_cases[] = {
    {"BZh91AY", 7, "foreign: neither pcap nor pcapng, but bzip2 data: unpack it first\n"},
    {"\x7f"
     "ELF\2\1\1",
     7, "but a program\n"},
    {"hello, world\n", 13, "but text\n"},
    {"{\"a\": 1}\n", 9, "but JSON\n"},
    {"\1\2\3\4\5\6", 6, "but of an unknown format\n"},
    {"\xa1\xb2", 2, "but cut short\n"},
    {"\x1f\x8b\x09\0garbage", 11, "gzip data is damaged"},
};

static void refuses_what_is_no_capture(void **state)
{
    char *dir = scratch_make();

    (void)state;
    for (size_t i = 0; i < sizeof(foreign_cases) / sizeof(foreign_cases[0]); i++) {
        char *path = write_file(dir, "foreign", foreign_cases[i].content, foreign_cases[i].len);
        struct capfile *capfile;
        char *said;

        stderr_keep();
        capfile = open_paths((const char *[]){path}, 1, false);
        said = stderr_stop();
        if (!strstr(said, foreign_cases[i].says))
            fail_msg("said: %s", said);
        if (capfile)
            assert_int_equal(capfile_damaged(capfile), 1);
        capfile_close(capfile);
        free(said);
        free(path);
    }
    scratch_remove(dir);
}

static void says_which_file_is_missing(void **state)
{
    char *said;

    (void)state;
    stderr_keep();
    assert_null(open_paths((const char *[]){"/nonexistent/a.pcap"}, 1, false));
    assert_int_equal(errno, ENOENT);
    said = stderr_stop();
    assert_string_equal(said, "sesstap: error: /nonexistent/a.pcap: No such file or directory\n");
    free(said);
}

static void takes_an_empty_file_as_no_packets(void **state)
{
    char *dir = scratch_make();
    char *path = write_file(dir, "empty", "", 0);
    struct capfile *capfile = open_paths((const char *[]){path}, 1, false);

    (void)state;
    assert_non_null(capfile);
    assert_int_equal(count_frames(capfile), 0);
    assert_int_equal(capfile_damaged(capfile), 0);
    capfile_close(capfile);
    free(path);
    scratch_remove(dir);
}

static void add_capture(const char *dir, const char *name, uint32_t seconds)
{
    struct made made = {.big = false};

    made_pcap_head(&made, 0xa1b2c3d4, 1);
    made_pcap_packet(&made, seconds, 0, 4, 4, 1);
    free(write_file(dir, name, made.bytes.data, made.bytes.len));
    made_fini(&made);
}

static void expect_empty(const char *dir, const char *says)
{
    char *said;

    stderr_keep();
    assert_null(open_paths((const char *[]){dir}, 1, true));
    said = stderr_stop();
    if (!strstr(said, says))
        fail_msg("said: %s", said);
    free(said);
}

static void reads_folders_in_order_of_names(void **state)
{
    char *dir = scratch_make();
    const char *sub = scratch_path(dir, "m");
    struct capfile *capfile;

    (void)state;
    assert_int_equal(mkdir(sub, 0700), 0);
    add_capture(dir, "z.pcap", 5);
    add_capture(dir, "a.pcap", 5);
    add_capture(sub, "k.pcap", 1);
    free(write_file(dir, "README", "not a capture\n", 14));

    capfile = open_paths((const char *[]){dir}, 1, false);
    assert_int_equal(capfile_file_count(capfile), 2);
    assert_non_null(strstr(capfile_path(capfile, 0), "/a.pcap"));
    assert_non_null(strstr(capfile_path(capfile, 1), "/z.pcap"));
    assert_int_equal(count_frames(capfile), 2);
    capfile_close(capfile);

    capfile = open_paths((const char *[]){dir}, 1, true);
    assert_int_equal(capfile_file_count(capfile), 3);
    assert_non_null(strstr(capfile_path(capfile, 1), "/m/k.pcap"));
    assert_int_equal(count_frames(capfile), 3);
    capfile_close(capfile);

    assert_int_equal(remove(scratch_path(sub, "k.pcap")), 0);
    expect_empty(sub, "/m: no capture file in it\n");
    free(write_file(sub, "sessions.ndjson", "{}\n", 3));
    expect_empty(sub, "sessions.ndjson has the records");
    assert_int_equal(mkdir(scratch_path(sub, "pcap"), 0700), 0);
    expect_empty(sub, "a folder of them: ");
    assert_int_equal(rmdir(scratch_path(sub, "pcap")), 0);
    assert_int_equal(remove(scratch_path(sub, "sessions.ndjson")), 0);
    assert_int_equal(rmdir(sub), 0);
    scratch_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_compression),
        cmocka_unit_test(reads_a_mapped_file_and_stdin),
        cmocka_unit_test(refuses_what_is_no_capture),
        cmocka_unit_test(says_which_file_is_missing),
        cmocka_unit_test(takes_an_empty_file_as_no_packets),
        cmocka_unit_test(reads_folders_in_order_of_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
