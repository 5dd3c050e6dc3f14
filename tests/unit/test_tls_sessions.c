/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of OpenSSL (the fuzzer's seeds, with their key logs): deciphered however they are cut into pieces, with
 * secrets that come late, with holes, and given up within the bounds.
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
#include "app/parser.h"

#define SESSION_MAX 20000

static const struct {
    const char *file;
    const char *version;
    const char *cipher;
    const char *clear[2];
} sessions[] = {
    {"session-1",
     "TLS 1.3",
     "TLS_AES_128_GCM_SHA256",
     {"hello\nmore\n", "olleh\n"}}, /* KeyUpdate; the server is silent from then on */
    {"session-2", "TLS 1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", {"hello\n", "olleh\n"}},
    {"session-3",
     "TLS 1.2",
     "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
     {"hello\n", "olleh\n"}}, /* encrypt-then-MAC */
    {"session-4", "TLS 1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", {"hello\n", "olleh\n"}},
    {"session-5", "TLS 1.3", "TLS_AES_128_CCM_8_SHA256", {"hello\n", "olleh\n"}},
};

/* What to do with a session while it is played. */
struct way_to_play {
    size_t piece_bytes; /* at most */
    size_t held_bytes;  /* bound */
    bool keys_late;     /* after all bytes */
    bool lose_a_record; /* the client's last but one */
    bool nothing;       /* comes out */
    bool decrypted;
};

struct heard {
    char text[2][256];
    size_t len[2];
    unsigned int holes;
};

static void on_inner(void *ctx, const struct app_piece *piece)
{
    struct heard *heard = ctx;
    size_t *len = &heard->len[piece->side];

    assert_int_equal(piece->offset, *len);
    assert_true(*len + piece->len < sizeof(heard->text[0]));
    memcpy(heard->text[piece->side] + *len, piece->data, piece->len);
    *len += piece->len;
}

static void on_inner_hole(void *ctx, enum app_side side)
{
    struct heard *heard = ctx;

    (void)side;
    heard->holes++;
}

static size_t load(const char *name, uint8_t *bytes)
{
    char path[128];
    FILE *file;
    size_t len;

    snprintf(path, sizeof(path), "tests/fuzz/corpus/tls/%s", name);
    file = fopen(path, "rb");
    if (!file)
        fail_msg("%s is not there: run from the top of the repository", path);
    len = fread(bytes, 1, SESSION_MAX, file);
    fclose(file);
    return len;
}

/* Each side's bytes come in runs; a run is given in pieces, each a memory of its own. */
static void give(void *state, const struct way_to_play *how, enum app_side side,
                 const uint8_t *data, size_t len)
{
    static uint64_t packet;

    while (len) {
        size_t part = len < how->piece_bytes ? len : how->piece_bytes;
        uint8_t *copy = malloc(part);
        struct app_piece piece = {.side = side, .data = copy, .len = part, .packet = ++packet};

        memcpy(copy, data, part);
        app_tls.data(state, &piece);
        free(copy);
        data += part;
        len -= part;
    }
}

static void play(const struct way_to_play *how, size_t which, struct heard *heard,
                 struct tls_facts *told)
{
    static uint8_t bytes[SESSION_MAX];
    size_t size = load(sessions[which].file, bytes), log_len = (size_t)bytes[0] << 8 | bytes[1];
    size_t at = 2 + log_len, last[2] = {0}, runs = 0;
    const struct app_limits limits = {.held_bytes = how->held_bytes};
    struct keylog *keylog = keylog_new(1 << 20, 0);
    struct facts *facts = facts_new(NULL, 1 << 16);
    struct app_env env = {.facts = facts,
                          .limits = &limits,
                          .keylog = keylog,
                          .inner = on_inner,
                          .inner_hole = on_inner_hole,
                          .ctx = heard};
    char other[200];
    void *state;

    snprintf(other, sizeof(other), "CLIENT_RANDOM %064d %096d\n", 1, 2);
    if (how->keys_late)
        keylog_add(keylog, other, strlen(other));
    else
        keylog_add(keylog, (char *)bytes + 2, log_len);
    for (size_t i = at; i + 2 < size; i += 2 + (size_t)bytes[i + 1], runs++)
        if (bytes[i] == APP_CLIENT) {
            last[0] = last[1];
            last[1] = i;
        }
    state = app_tls.open(&env);
    for (; at + 2 < size; at += 2 + (size_t)bytes[at + 1]) {
        if (how->lose_a_record && at == last[0])
            app_tls.hole(state, APP_CLIENT, bytes[at + 1]);
        else
            give(state, how, (enum app_side)bytes[at], bytes + at + 2, bytes[at + 1]);
    }
    if (how->keys_late)
        keylog_add(keylog, (char *)bytes + 2, log_len);
    app_tls.end(state, APP_CLIENT, 0);
    app_tls.end(state, APP_SERVER, 0);
    *told = facts->tls;
    if (strcmp(told->version, sessions[which].version) ||
        strcmp(told->cipher, sessions[which].cipher))
        fail_msg("%s: %s %s", sessions[which].file, told->version, told->cipher);
    app_tls.close(state);
    facts_free(facts);
    keylog_free(keylog);
}

static void play_all(const struct way_to_play *how)
{
    for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
        struct heard heard = {0};
        struct tls_facts told;

        play(how, i, &heard, &told);
        for (int side = 0; side < 2; side++)
            if (strcmp(heard.text[side], how->nothing ? "" : sessions[i].clear[side]) != 0)
                fail_msg("%s, pieces of %zu: side %d said '%s'", sessions[i].file, how->piece_bytes,
                         side, heard.text[side]);
        assert_int_equal(told.decrypted, how->decrypted);
        if (how->decrypted)
            assert_int_equal(told.undecrypted_records, 0);
        else
            assert_true(told.undecrypted_records > 0);
    }
}

#define ALL                              \
    {                                    \
        "hello\nmore\n", "olleh\nerom\n" \
    }

static void test_pieces(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 300; bytes += bytes < 8 ? 1 : 37)
        play_all(
            &(struct way_to_play){.piece_bytes = bytes, .held_bytes = 1 << 16, .decrypted = true});
}

static void test_secrets_come_late(void **state)
{
    (void)state;
    play_all(&(struct way_to_play){
        .piece_bytes = 100, .held_bytes = 1 << 16, .keys_late = true, .decrypted = true});
}

/* What comes behind it has another sequence number than the next; here the client's close_notify. */
static void test_hole(void **state)
{
    const struct way_to_play how = {
        .piece_bytes = 1000, .held_bytes = 1 << 16, .lose_a_record = true};
    struct heard heard = {0};
    struct tls_facts told;

    (void)state;
    play(&how, 0, &heard, &told);
    assert_string_equal(heard.text[APP_CLIENT], "hello\n");
    assert_string_equal(heard.text[APP_SERVER], "olleh\n");
    assert_true(told.decrypted);
    assert_int_equal(told.undecrypted_records, 0);
}

static void test_bound(void **state)
{
    (void)state;
    play_all(&(struct way_to_play){
        .piece_bytes = 100, .held_bytes = 64, .keys_late = true, .nothing = true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_secrets_come_late),
        cmocka_unit_test(test_hole),
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
