/* SPDX-License-Identifier: Apache-2.0 */
/* A session's payload as tcpsession's JSON, byte for byte; and one that does not fit in memory. */
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

#include "record_fixture.h"
#include "sink/tcpsession.h"

#define EMPTY_MD5 "d41d8cd98f00b204e9800998ecf8427e"

struct delivery {
    bool from_client;
    uint64_t packet;
    const char *data; /* NULL: no more */
};

enum { DELIVERIES = 4 };

struct tcpsession_case {
    const char *name;
    unsigned int client; /* endpoint */
    const char *ip[2];
    struct delivery deliveries[DELIVERIES];
    const char *json;
};

/* Checked with Python: json.dumps(json.load(file), indent=1) is the file, hashlib.md5 the sums. */
static const struct tcpsession_case cases[] = {
    {"no payload",
     0,
     {"10.0.0.1", "10.0.0.2"},
     {{0}},
     "{\n \"sip\": \"10.0.0.1\",\n \"dip\": \"10.0.0.2\",\n \"sport\": 4000,\n \"dport\": 80,\n"
     " \"proto\": 6,\n"
     " \"tcp_payload_hex\": [],\n \"tcp_ordered_hex_payload_md5sum\": \"" EMPTY_MD5 "\",\n"
     " \"tcp_payload_ascii\": [],\n \"tcp_ordered_payload_md5sum\": \"" EMPTY_MD5 "\",\n"
     " \"combined_src_payload\": \"\",\n \"combined_src_payload_md5sum\": \"" EMPTY_MD5 "\",\n"
     " \"combined_dst_payload\": \"\",\n \"combined_dst_payload_md5sum\": \"" EMPTY_MD5 "\"\n}"},
    {"both sides, pieces of one packet, the client is endpoint 1",
     1,
     {"2001:db8::2", "2001:db8::1"},
     {{true, 4, "ab"}, {true, 4, "\xc3"}, {true, 4, "\xa9"}, {false, 7, "\xff\n\"\\"}},
     "{\n \"sip\": \"2001:db8::1\",\n \"dip\": \"2001:db8::2\",\n \"sport\": 80,\n \"dport\": 4000,\n"
     " \"proto\": 6,\n"
     " \"tcp_payload_hex\": [\n  [\n   \"2001:db8::1\",\n   4,\n   \"6162c3a9\"\n  ],\n"
     "  [\n   \"2001:db8::2\",\n   7,\n   \"ff0a225c\"\n  ]\n ],\n"
     " \"tcp_ordered_hex_payload_md5sum\": \"5421a4e52534286a5cf7914daeeeb68e\",\n"
     " \"tcp_payload_ascii\": [\n  [\n   \"2001:db8::1\",\n   4,\n   \"ab\\u00e9\"\n  ],\n"
     "  [\n   \"2001:db8::2\",\n   7,\n   \"\\\\xff\\n\\\"\\\\\"\n  ]\n ],\n"
     " \"tcp_ordered_payload_md5sum\": \"ac6b81417fb403665a9e88656d006835\",\n"
     " \"combined_src_payload\": \"ab\\u00e9\",\n \"combined_src_payload_md5sum\": \"fc31345a2e7288c3cd32053d5bac2a8e\",\n"
     " \"combined_dst_payload\": \"\\\\xff\\n\\\"\\\\\",\n \"combined_dst_payload_md5sum\": \"a40dfc78bc0c3b44210a125fe7454196\"\n}"},
    {"UTF-8 split between packets, beyond 16 bits, surrogates, overlong, cut",
     0,
     {"10.0.0.1", "10.0.0.2"},
     {{true, 1, "\xc3"},
      {true, 2, "\xa9\x7f\x01\t"},
      {true, 0, "\xf0\x9f\x98\x80\xed\xa0\x80"},
      {true, 0,
       "\xc0\xaf\xe2\x82"
       "x\xf4\x90\x80\x80"}},
     "{\n \"sip\": \"10.0.0.1\",\n \"dip\": \"10.0.0.2\",\n \"sport\": 4000,\n \"dport\": 80,\n"
     " \"proto\": 6,\n"
     " \"tcp_payload_hex\": [\n  [\n   \"10.0.0.1\",\n   1,\n   \"c3\"\n  ],\n"
     "  [\n   \"10.0.0.1\",\n   2,\n   \"a97f0109\"\n  ],\n"
     "  [\n   \"10.0.0.1\",\n   0,\n   \"f09f9880eda080\"\n  ],\n"
     "  [\n   \"10.0.0.1\",\n   0,\n   \"c0afe28278f4908080\"\n  ]\n ],\n"
     " \"tcp_ordered_hex_payload_md5sum\": \"a87434c72355c7de61b98205b4e2f9df\",\n"
     " \"tcp_payload_ascii\": [\n  [\n   \"10.0.0.1\",\n   1,\n   \"\\\\xc3\"\n  ],\n"
     "  [\n   \"10.0.0.1\",\n   2,\n   \"\\\\xa9\\u007f\\u0001\\t\"\n  ],\n"
     "  [\n   \"10.0.0.1\",\n   0,\n   \"\\ud83d\\ude00\\\\xed\\\\xa0\\\\x80\"\n  ],\n"
     "  [\n   \"10.0.0.1\",\n   0,\n   \"\\\\xc0\\\\xaf\\\\xe2\\\\x82x\\\\xf4\\\\x90\\\\x80\\\\x80\"\n  ]\n ],\n"
     " \"tcp_ordered_payload_md5sum\": \"e5c6ba62fdafc5e725c9cefd7d06eb4d\",\n"
     " \"combined_src_payload\": \"\\\\xc3\\\\xa9\\u007f\\u0001\\t\\ud83d\\ude00\\\\xed\\\\xa0\\\\x80"
     "\\\\xc0\\\\xaf\\\\xe2\\\\x82x\\\\xf4\\\\x90\\\\x80\\\\x80\",\n"
     " \"combined_src_payload_md5sum\": \"e5c6ba62fdafc5e725c9cefd7d06eb4d\",\n"
     " \"combined_dst_payload\": \"\",\n \"combined_dst_payload_md5sum\": \"" EMPTY_MD5 "\"\n}"},
};

static char *read_whole(const char *dir, size_t *len)
{
    char path[128], *text;
    struct stat info;
    FILE *file;

    snprintf(path, sizeof(path), "%s/tcpsession/9.json", dir);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &info), 0);
    text = calloc(1, (size_t)info.st_size + 1);
    assert_non_null(text);
    *len = fread(text, 1, (size_t)info.st_size + 1, file);
    assert_int_equal(*len, info.st_size);
    fclose(file);
    assert_int_equal(unlink(path), 0);
    return text;
}

/* Fails when anything but the file that was read is left. */
static void remove_folder(const char *dir)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/tcpsession", dir);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void check_case(const struct tcpsession_case *one)
{
    char dir[] = "/tmp/sesstap_tcpsession_XXXXXX", *json;
    struct flow_key key = {0};
    struct tcpsession *out;
    size_t len;

    print_message("%s\n", one->name);
    assert_non_null(mkdtemp(dir));
    fixture_set_ends(&key, 6, one->ip[0], 4000, one->ip[1], 80);
    out = tcpsession_open(dir, 9);
    assert_non_null(out);
    for (int i = 0; i < DELIVERIES && one->deliveries[i].data; i++) {
        const struct delivery *d = &one->deliveries[i];

        assert_int_equal(tcpsession_data(out, d->from_client, d->packet, d->data, strlen(d->data)),
                         0);
    }
    assert_int_equal(tcpsession_close(out, &key, one->client), 0);
    json = read_whole(dir, &len);
    assert_string_equal(json, one->json);
    free(json);
    remove_folder(dir);
}

static void test_files_are_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_case(&cases[i]);
}

/* 1000 packets of 1000 bytes, each in two pieces: what is held goes to a file in between. */
static void test_large_session(void **state)
{
    enum { PACKETS = 1000, PIECE = 500 };
    char dir[] = "/tmp/sesstap_tcpsession_XXXXXX", piece[PIECE], *json;
    struct flow_key key = {0};
    struct tcpsession *out;
    size_t len, entries = 0;

    (void)state;
    memset(piece, 'x', sizeof(piece));
    assert_non_null(mkdtemp(dir));
    fixture_set_ends(&key, 6, "10.0.0.1", 4000, "10.0.0.2", 80);
    out = tcpsession_open(dir, 9);
    assert_non_null(out);
    for (uint64_t i = 0; i < 2 * PACKETS; i++)
        assert_int_equal(tcpsession_data(out, true, i / 2 + 1, piece, PIECE), 0);
    assert_int_equal(tcpsession_close(out, &key, 0), 0);
    json = read_whole(dir, &len);
    for (const char *at = json; (at = strstr(at, "  [\n")); at++)
        entries++;
    assert_int_equal(entries, 2 * PACKETS);
    assert_non_null(
        strstr(json, "\"combined_src_payload_md5sum\": \"ec78dbd963d2fc01e51176ed4dec299e\""));
    assert_non_null(
        strstr(json, "\"tcp_ordered_hex_payload_md5sum\": \"d6ff1a1e41cc17f4a8fb53352b72e949\""));
    free(json);
    remove_folder(dir);
}

static void test_abort_leaves_nothing(void **state)
{
    char dir[] = "/tmp/sesstap_tcpsession_XXXXXX", *piece = calloc(1, 300000);
    struct tcpsession *out;

    (void)state;
    assert_non_null(piece);
    assert_non_null(mkdtemp(dir));
    out = tcpsession_open(dir, 9);
    assert_non_null(out);
    assert_int_equal(tcpsession_data(out, true, 1, piece, 300000), 0);
    tcpsession_abort(out);
    tcpsession_abort(NULL);
    remove_folder(dir);
    free(piece);
}

static void test_folder_that_is_not_there(void **state)
{
    struct flow_key key = {0};
    struct tcpsession *out = tcpsession_open("/nonexistent/sesstap", 9);

    (void)state;
    assert_non_null(out);
    assert_int_equal(tcpsession_data(out, true, 1, "a", 1), -ENOENT);
    assert_int_equal(tcpsession_close(out, &key, 0), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_exact),
        cmocka_unit_test(test_large_session),
        cmocka_unit_test(test_abort_leaves_nothing),
        cmocka_unit_test(test_folder_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
