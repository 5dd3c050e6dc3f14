/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of facts: zeroed however often it was used, bounded, given up in any thread, and used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "session/facts.h"
#include "session/facts_pack.h"

#define MAX_BYTES (64u << 10)
#define ROUNDS    2000
#define WAITING   64

/* Sizes below, at and beyond what fits into a block. */
static const size_t sizes[] = {1, 8, 9, 300, 376, 512, 513, 1500, 1528, 2000, 2032, 5000};

static void fill(struct facts *facts)
{
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *room = facts_alloc(facts, sizes[i]);

        assert_non_null(room);
        assert_int_equal((uintptr_t)room % 8, 0);
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(room[at], 0);
        memset(room, 0xaa, sizes[i]);
    }
}

static void test_zeroed_each_time(void **state)
{
    struct facts_pool *pool = facts_pool_new();

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct facts *facts = facts_new(round % 5 ? pool : NULL, MAX_BYTES);

        assert_non_null(facts);
        assert_null(facts->http);
        assert_int_equal(facts->parser_count, 0);
        fill(facts);
        facts->parser_count = 3;
        facts->http = (struct http_transaction *)facts;
        facts_free(facts);
    }
    facts_pool_free(pool);
}

static void test_bounded(void **state)
{
    struct facts_pool *pool = facts_pool_new();
    struct facts *facts = facts_new(pool, 1000);
    struct fact_text text;

    (void)state;
    assert_null(facts_alloc(facts, 1001));
    assert_non_null(facts_alloc(facts, 990));
    assert_null(facts_alloc(facts, 16));
    text = facts_text(facts, "12345678", 8);
    assert_memory_equal(text.at, "12345678", 8);
    assert_int_equal(text.len, 8);
    assert_null(facts_text(facts, "", 0).at);
    facts_free(facts);
    facts_pool_free(pool);
}

struct handed {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct facts *facts[WAITING];
    size_t count;
    bool finished;
};

static void *give_up(void *ctx)
{
    struct handed *handed = ctx;

    pthread_mutex_lock(&handed->lock);
    while (handed->count || !handed->finished) {
        while (handed->count)
            facts_free(handed->facts[--handed->count]);
        pthread_cond_signal(&handed->changed);
        if (!handed->finished)
            pthread_cond_wait(&handed->changed, &handed->lock);
    }
    pthread_mutex_unlock(&handed->lock);
    return NULL;
}

/* The last holder is another thread, for some of them when the pool is given up already. */
static void test_given_up_elsewhere(void **state)
{
    struct facts_pool *pool = facts_pool_new();
    struct handed handed = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, give_up, &handed), 0);
    for (int round = 0; round < ROUNDS; round++) {
        struct facts *facts = facts_new(pool, MAX_BYTES);

        fill(facts);
        pthread_mutex_lock(&handed.lock);
        while (handed.count == WAITING) {
            pthread_cond_signal(&handed.changed);
            pthread_cond_wait(&handed.changed, &handed.lock);
        }
        handed.facts[handed.count++] = facts_hold(facts);
        if (handed.count > WAITING / 2)
            pthread_cond_signal(&handed.changed);
        pthread_mutex_unlock(&handed.lock);
        facts_free(facts);
    }
    facts_pool_free(pool);
    pthread_mutex_lock(&handed.lock);
    handed.finished = true;
    pthread_cond_signal(&handed.changed);
    pthread_mutex_unlock(&handed.lock);
    pthread_join(thread, NULL);
}

/* What an index keeps of TLS within TLS, and of a guess. */
static void test_packed(void **state)
{
    struct facts *facts = facts_new(NULL, MAX_BYTES);
    struct tls_facts inner = {.seen = true, .within = "http", .tunnel = 3, .version = "TLS 1.2"};
    struct tls_facts nothing = {.next = &inner};
    struct told told = {.identity = {.protocol = "TLS",
                                     .confidence = "Match by port",
                                     .guessed = true},
                        .facts = facts},
                again;
    struct buf bytes = {0};
    const struct tls_facts *at;

    (void)state;
    facts->tls.seen = true;
    facts->tls.version = "TLS 1.3";
    facts->tls.next = &nothing;
    facts->cut_layers = 7;
    inner.sni = facts_text(facts, "a.example", 9);
    facts_pack(&bytes, &told);
    assert_int_equal(facts_unpack((const uint8_t *)bytes.data, bytes.len, NULL, &again), 0);
    assert_true(again.identity.guessed);
    assert_string_equal(again.facts->tls.version, "TLS 1.3");
    assert_int_equal(again.facts->cut_layers, 7);
    at = again.facts->tls.next;
    assert_false(at->seen);
    at = at->next;
    assert_true(at->seen);
    assert_string_equal(at->within, "http");
    assert_int_equal(at->tunnel, 3);
    assert_memory_equal(at->sni.at, "a.example", 9);
    assert_null(at->next);
    facts_free(again.facts);
    for (size_t len = 1; len < bytes.len; len++)
        assert_int_not_equal(facts_unpack((const uint8_t *)bytes.data, len, NULL, &again), 0);
    buf_fini(&bytes);
    facts_free(facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_each_time),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_given_up_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
