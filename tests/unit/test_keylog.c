/* SPDX-License-Identifier: Apache-2.0 */
/* Key logs: which lines are taken, lookup, a file that grows, is cut and is replaced, the ring's bound. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "app/keylog.h"

#define R32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define S48 R32 "202122232425262728292a2b2c2d2e2f"

static const struct {
    const char *line;
    enum keylog_verdict verdict;
    const char *written; /* NULL: as it was */
} rows[] = {
    {"CLIENT_RANDOM " R32 " " S48, KEYLOG_TAKEN, NULL},
    {"  CLIENT_RANDOM\t" R32 "  " S48 "\r", KEYLOG_TAKEN, "CLIENT_RANDOM " R32 " " S48},
    {"CLIENT_TRAFFIC_SECRET_0 " R32 " " R32, KEYLOG_TAKEN, NULL},
    {"SERVER_TRAFFIC_SECRET_0 " R32 " " S48, KEYLOG_TAKEN, NULL},
    {"CLIENT_HANDSHAKE_TRAFFIC_SECRET " R32 " " R32, KEYLOG_TAKEN, NULL},
    {"SERVER_HANDSHAKE_TRAFFIC_SECRET " R32 " " S48, KEYLOG_TAKEN, NULL},
    {"CLIENT_EARLY_TRAFFIC_SECRET " R32 " " R32, KEYLOG_TAKEN, NULL},
    {"RSA Session-ID:0102 Master-Key:" S48, KEYLOG_TAKEN, NULL},
    {"TLS_VERSION " R32 " TLSv1.3", KEYLOG_TAKEN, NULL},
    {"CIPHER_NAME " R32 " TLS_AES_128_GCM_SHA256", KEYLOG_TAKEN, NULL},
    {"CIPHER_NAME " R32 " 1301", KEYLOG_TAKEN, "CIPHER_NAME " R32 " TLS_AES_128_GCM_SHA256"},
    {"CIPHER_NAME " R32 " abcd", KEYLOG_TAKEN, NULL},
    {"CLIENT_ENCRYPT_THEN_MAC " R32 " 1", KEYLOG_TAKEN, NULL},
    {"SERVER_ENCRYPT_THEN_MAC " R32 " 0", KEYLOG_TAKEN, NULL},
    {"SERVER_RANDOM " R32 " " R32, KEYLOG_TAKEN, NULL},
    {"EXPORTER_SECRET " R32 " " S48, KEYLOG_IGNORED, NULL},
    {"QUIC_CLIENT_TRAFFIC_SECRET_0 " R32 " " R32, KEYLOG_IGNORED, NULL},
    {"RSA 0102030405060708 " S48, KEYLOG_IGNORED, NULL},
    {"# a comment", KEYLOG_EMPTY, NULL},
    {"", KEYLOG_EMPTY, NULL},
    {"CLIENT_RANDOM " R32 " " R32, KEYLOG_BAD, NULL},
    {"CLIENT_RANDOM " R32, KEYLOG_BAD, NULL},
    {"CLIENT_RANDOM 0102 " S48, KEYLOG_BAD, NULL},
    {"CLIENT_RANDOM " R32 " " S48 " more", KEYLOG_BAD, NULL},
    {"TLS_VERSION " R32 " TLSv9", KEYLOG_BAD, NULL},
    {"CLIENT_ENCRYPT_THEN_MAC " R32 " 2", KEYLOG_BAD, NULL},
    {"this is no key log", KEYLOG_BAD, NULL},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = {0};
        struct keylog_line line;
        const char *expected = rows[i].written ? rows[i].written : rows[i].line;

        if (keylog_line_parse(&line, rows[i].line, strlen(rows[i].line)) != rows[i].verdict)
            fail_msg("verdict of %s", rows[i].line);
        if (rows[i].verdict != KEYLOG_TAKEN)
            continue;
        keylog_line_write(&out, &line);
        if (out.len != strlen(expected) + 1 || memcmp(out.data, expected, out.len - 1) != 0)
            fail_msg("%s: written as %.*s", expected, (int)out.len, out.data);
        buf_fini(&out);
    }
}

static void append(const char *path, const char *text, const char *mode)
{
    FILE *file = fopen(path, mode);

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The master secret's first byte for a random that begins with these two digits; -1: none. */
static int look_up(struct keylog *keylog, uint8_t first)
{
    uint8_t random[32] = {first};
    const struct keylog_line *line;

    keylog_poll(keylog, true);
    line = keylog_find(keylog, KEYLOG_MASTER, random, sizeof(random));
    return line ? line->value[0] : -1;
}

static void master_line(char *text, size_t size, unsigned int first, unsigned int secret)
{
    snprintf(text, size, "CLIENT_RANDOM %02x%062x %02x%094x\n", first, 0, secret, 0);
}

static void test_file(void **state)
{
    char path[] = "/tmp/sesstap-test-keylog-XXXXXX", other[64], line[256];
    int fd = mkstemp(path);
    struct keylog *keylog = keylog_new(0, 0);

    (void)state;
    close(fd);
    unlink(path);
    assert_int_equal(keylog_follow(keylog, path, false), -2 /* ENOENT */);
    assert_int_equal(keylog_follow(keylog, path, true), 0);
    assert_true(keylog_is_active(keylog));
    assert_int_equal(look_up(keylog, 1), -1);

    master_line(line, sizeof(line), 1, 0x11);
    append(path, line, "w");
    assert_int_equal(look_up(keylog, 1), 0x11);

    /* Half a line, then the rest of it. */
    master_line(line, sizeof(line), 2, 0x22);
    line[100] = 0;
    append(path, line, "a");
    assert_int_equal(look_up(keylog, 2), -1);
    master_line(line, sizeof(line), 2, 0x22);
    append(path, line + 100, "a");
    assert_int_equal(look_up(keylog, 2), 0x22);
    assert_int_equal(keylog_counts(keylog)->bad, 0);

    /* Cut and begun anew; then another file in its place. */
    master_line(line, sizeof(line), 3, 0x33);
    append(path, line, "w");
    assert_int_equal(look_up(keylog, 3), 0x33);
    assert_int_equal(look_up(keylog, 1), 0x11);
    snprintf(other, sizeof(other), "%s.new", path);
    master_line(line, sizeof(line), 4, 0x44);
    append(other, line, "w");
    append(other, "nonsense\n", "a");
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(look_up(keylog, 4), 0x44);
    assert_int_equal(keylog_counts(keylog)->restarts, 2);
    assert_int_equal(keylog_counts(keylog)->bad, 1);
    keylog_add(keylog, "no\nnor\n# but\n", 13);
    assert_int_equal(keylog_counts(keylog)->bad, 1);
    assert_int_equal(keylog_counts(keylog)->bad_given, 2);
    assert_string_equal(keylog_path(keylog), path);
    assert_int_equal(keylog_counts(keylog)->lines, 4);
    unlink(path);
    keylog_free(keylog);
}

/* Beyond the bound the oldest go. */
static void test_bound(void **state)
{
    struct keylog *keylog = keylog_new(0, 64);
    char line[256];

    (void)state;
    for (unsigned int i = 0; i < 100; i++) {
        master_line(line, sizeof(line), i, i);
        keylog_add(keylog, line, strlen(line));
    }
    for (unsigned int i = 0; i < 100; i++)
        assert_int_equal(look_up(keylog, (uint8_t)i), i < 36 ? -1 : (int)i);
    assert_int_equal(keylog_counts(keylog)->forgotten, 36);
    keylog_free(keylog);
}

static void test_held_bytes(void **state)
{
    struct keylog *keylog = keylog_new(100, 0);

    (void)state;
    assert_true(keylog_hold(keylog, 60));
    assert_false(keylog_hold(keylog, 41));
    keylog_release(keylog, 20);
    assert_true(keylog_hold(keylog, 60));
    assert_false(keylog_hold(keylog, 1));
    keylog_free(keylog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_held_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
