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

#include "session/facts.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_each_time),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_given_up_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
