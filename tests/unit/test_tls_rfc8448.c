/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The example handshakes of RFC 8448 (rfc8448.txt): keys from secrets, each record deciphered, and what is told of the
 * session; however the bytes are cut, and not when one of them is wrong.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "app/keylog.h"
#include "app/tls_crypt.h"
#include "packet.h"
#include "unit/app_driver.h"

#define VECTORS    "tests/unit/rfc8448.txt"
#define LINE_MAX   4096
#define BYTES_MAX  (LINE_MAX / 2)
#define CLEAR_MAX  256
#define TURNS_MAX  24
#define LOG_MAX    2048
#define TRACES_MAX 6
#define LOST_TURN  7

struct turn {
    enum app_side side;
    uint8_t bytes[BYTES_MAX];
    size_t len;
};

struct trace {
    char name[64];
    char log[LOG_MAX];
    struct turn turns[TURNS_MAX];
    size_t turn_count;
    uint8_t says[2][CLEAR_MAX];
    size_t says_len[2];
};

/* What is to be told; the order is the file's. */
static const struct {
    const char *name;
    bool resumed;
    bool early_data;
    const char *subject;
    const char *client_subject;
} expected[TRACES_MAX] = {
    {"simple 1-RTT", false, false, "CN=rsa", NULL},
    {"resumed 0-RTT", true, true, NULL, NULL},
    {"HelloRetryRequest", false, false, "CN=rsa", NULL},
    {"client authentication", false, false, "CN=ecdsa256", "CN=client"},
    {"compatibility mode", false, false, "CN=rsa", NULL},
    {"of our own, after the first: keys change", false, false, "CN=rsa", "CN=client"},
};

static struct trace traces[TRACES_MAX];
static size_t trace_count, key_count;

static size_t from_hex(const char *text, uint8_t *out, size_t room)
{
    size_t len = 0;
    unsigned int byte;

    for (; sscanf(text + 2 * len, "%2x", &byte) == 1; len++) {
        assert_true(len < room);
        out[len] = (uint8_t)byte;
    }
    return len;
}

/* keys SECRET KEY IV */
static void check_keys(const char *text)
{
    uint8_t secret[32], key[16], iv[12], made[32];
    char words[3][65];

    assert_int_equal(sscanf(text, "%64s %64s %64s", words[0], words[1], words[2]), 3);
    assert_int_equal(from_hex(words[0], secret, sizeof(secret)), sizeof(secret));
    assert_int_equal(from_hex(words[1], key, sizeof(key)), sizeof(key));
    assert_int_equal(from_hex(words[2], iv, sizeof(iv)), sizeof(iv));
    assert_int_equal(tls_expand_label("SHA256", secret, sizeof(secret), "key", made, sizeof(key)),
                     0);
    assert_memory_equal(made, key, sizeof(key));
    assert_int_equal(tls_expand_label("SHA256", secret, sizeof(secret), "iv", made, sizeof(iv)), 0);
    assert_memory_equal(made, iv, sizeof(iv));
    key_count++;
}

static void take_turn(struct trace *trace, enum app_side side, const char *text)
{
    struct turn *turn = &trace->turns[trace->turn_count++];

    assert_true(trace->turn_count <= TURNS_MAX);
    turn->side = side;
    turn->len = from_hex(text, turn->bytes, sizeof(turn->bytes));
}

static void take_line(char *line)
{
    struct trace *trace = trace_count ? &traces[trace_count - 1] : NULL;
    char *text = strchr(line, ' ');
    enum app_side side;

    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '#')
        return;
    assert_non_null(text);
    *text++ = '\0';
    if (!strcmp(line, "trace")) {
        assert_true(trace_count < TRACES_MAX);
        snprintf(traces[trace_count++].name, sizeof(traces[0].name), "%s", text);
    } else if (!strcmp(line, "log")) {
        size_t len = strlen(trace->log);

        snprintf(trace->log + len, sizeof(trace->log) - len, "%s\n", text);
    } else if (!strcmp(line, "keys")) {
        check_keys(text);
    } else if (!strcmp(line, "says")) {
        side = !strncmp(text, "client ", 7) ? APP_CLIENT : APP_SERVER;
        trace->says_len[side] = from_hex(text + 7, trace->says[side], CLEAR_MAX);
    } else {
        take_turn(trace, !strcmp(line, "client") ? APP_CLIENT : APP_SERVER, text);
    }
}

static void test_keys(void **state)
{
    static char line[LINE_MAX];
    FILE *file = fopen(VECTORS, "r");

    (void)state;
    if (!file)
        fail_msg("%s is not there: run from the top of the repository", VECTORS);
    while (fgets(line, sizeof(line), file))
        take_line(line);
    fclose(file);
    assert_int_equal(trace_count, TRACES_MAX);
    assert_int_equal(key_count, 4 * TRACES_MAX + 1); /* and the secret of early data */
}

struct heard {
    uint8_t bytes[2][CLEAR_MAX];
    size_t len[2];
};

static void on_clear(void *ctx, const struct session *session, const struct app_piece *piece)
{
    struct heard *heard = ctx;
    size_t *len = &heard->len[piece->side];

    (void)session;
    assert_true(*len + piece->len <= CLEAR_MAX);
    memcpy(heard->bytes[piece->side] + *len, piece->data, piece->len);
    *len += piece->len;
}

/* keylog NULL: no secrets. spoilt: a turn whose last byte is wrong; -1: none. */
static void play(struct app_driver *driver, const struct trace *trace, struct heard *heard,
                 struct keylog *keylog, size_t piece_bytes, int spoilt)
{
    const struct app_conf conf = {.keylog = keylog, .clear = on_clear, .ctx = heard};

    memset(heard, 0, sizeof(*heard));
    if (keylog)
        keylog_add(keylog, trace->log, strlen(trace->log));
    driver_begin(driver, &conf, IP_PROTO_TCP);
    for (size_t i = 0; i < trace->turn_count; i++) {
        struct turn turn = trace->turns[i];

        if ((int)i == spoilt)
            turn.bytes[turn.len - 1] ^= 1;
        for (size_t at = 0, some; at < turn.len; at += some) {
            some = turn.len - at < piece_bytes ? turn.len - at : piece_bytes;
            driver_give(driver, turn.side, turn.bytes + at, some);
        }
    }
}

static void check(size_t which, const struct facts *facts, const struct heard *heard)
{
    const struct trace *trace = &traces[which];
    const struct tls_facts *tls = &facts->tls;

    assert_string_equal(trace->name, expected[which].name);
    if (strcmp(tls->version, "TLS 1.3") != 0 ||
        strcmp(tls->cipher, "TLS_AES_128_GCM_SHA256") != 0 || !text_is(tls->sni, "server"))
        fail_msg("%s: %s %s", trace->name, tls->version, tls->cipher);
    if (tls->resumed != expected[which].resumed || tls->early_data != expected[which].early_data)
        fail_msg("%s: resumed %d, early %d", trace->name, tls->resumed, tls->early_data);
    if (!text_is(tls->subject, expected[which].subject) ||
        !text_is(tls->client_subject, expected[which].client_subject))
        fail_msg("%s: %.*s, %.*s", trace->name, (int)tls->subject.len, tls->subject.at,
                 (int)tls->client_subject.len, tls->client_subject.at);
    if (!tls->decrypted || tls->undecrypted_records || tls->alert)
        fail_msg("%s: %d, %d records not", trace->name, tls->decrypted,
                 (int)tls->undecrypted_records);
    for (int side = 0; side < 2; side++) {
        assert_int_equal(heard->len[side], trace->says_len[side]);
        assert_memory_equal(heard->bytes[side], trace->says[side], trace->says_len[side]);
    }
}

static void test_traces(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 4096; bytes = bytes * 3 + 1)
        for (size_t i = 0; i < trace_count; i++) {
            struct keylog *keylog = keylog_new(1 << 20, 0);
            struct app_driver driver;
            struct heard heard;

            play(&driver, &traces[i], &heard, keylog, bytes, -1);
            check(i, driver_finish(&driver), &heard);
            driver_end(&driver);
            keylog_free(keylog);
        }
}

/* Each protected record: with a byte wrong it does not open, and that is said. */
static void test_spoilt(void **state)
{
    (void)state;
    for (size_t i = 0; i < trace_count; i++)
        for (size_t turn = 0; turn < traces[i].turn_count; turn++) {
            struct keylog *keylog = keylog_new(1 << 20, 0);
            struct app_driver driver;
            struct heard heard;
            const struct facts *facts;

            if (traces[i].turns[turn].bytes[0] == 22) { /* a hello */
                keylog_free(keylog);
                continue;
            }
            play(&driver, &traces[i], &heard, keylog, SIZE_MAX, (int)turn);
            facts = driver_finish(&driver);
            if (!facts->tls.undecrypted_records || facts->tls.decrypted)
                fail_msg("%s, turn %zu: not missed", traces[i].name, turn);
            driver_end(&driver);
            keylog_free(keylog);
        }
}

/* What is behind a hole that has a KeyUpdate in it is opened by the keys after. */
static void test_lost_key_update(void **state)
{
    const struct trace *trace = &traces[TRACES_MAX - 1];
    struct keylog *keylog = keylog_new(1 << 20, 0);
    const struct facts *facts;
    struct app_driver driver;
    struct heard heard;
    struct trace *cut = malloc(sizeof(*cut));
    size_t at = 0, seen = 0;

    (void)state;
    assert_non_null(cut);
    while (seen < LOST_TURN)
        seen += trace->turns[at++].side == APP_SERVER;
    at--; /* the server's turn with its first KeyUpdate, and "two" */
    *cut = *trace;
    cut->turn_count = at;
    play(&driver, cut, &heard, keylog, SIZE_MAX, -1);
    driver_hole(&driver, APP_SERVER, trace->turns[at].len);
    for (at++; at < trace->turn_count; at++)
        driver_give(&driver, trace->turns[at].side, trace->turns[at].bytes, trace->turns[at].len);
    facts = driver_finish(&driver);
    assert_int_equal(heard.len[APP_SERVER], strlen("onethreefour"));
    assert_memory_equal(heard.bytes[APP_SERVER], "onethreefour", heard.len[APP_SERVER]);
    assert_int_equal(heard.len[APP_CLIENT], trace->says_len[APP_CLIENT]);
    assert_int_equal(facts->tls.undecrypted_records, 0);
    driver_end(&driver);
    keylog_free(keylog);
    free(cut);
}

static void test_without_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < trace_count; i++) {
        struct app_driver driver;
        struct heard heard;
        const struct facts *facts;

        play(&driver, &traces[i], &heard, NULL, SIZE_MAX, -1);
        facts = driver_finish(&driver);
        assert_string_equal(facts->tls.version, "TLS 1.3");
        assert_true(text_is(facts->tls.sni, "server"));
        assert_int_equal(facts->tls.resumed, expected[i].resumed);
        assert_false(facts->tls.decrypted);
        assert_int_equal(heard.len[APP_CLIENT] + heard.len[APP_SERVER], 0);
        driver_end(&driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_traces),
        cmocka_unit_test(test_spoilt),
        cmocka_unit_test(test_lost_key_update),
        cmocka_unit_test(test_without_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
