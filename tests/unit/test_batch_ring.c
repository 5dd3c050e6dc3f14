/* SPDX-License-Identifier: Apache-2.0 */
/* Batches in a ring: each is taken once, in order, whole, and its place is filled again only after that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/batch_ring.h"

#define BATCHES 3
#define ROUNDS  5000 /* more than the ring holds by far */

struct taken {
    struct batch_ring *ring;
    uint64_t batches[BATCHES]; /* what is in each; 0: it was taken */
    uint64_t last;             /* the thread's */
    uint64_t out_of_order;
    _Atomic uint64_t count;
    _Atomic bool blocked; /* the thread stays in take */
    bool ended;
};

static void take(void *ctx, unsigned int i)
{
    struct taken *taken = ctx;

    while (atomic_load(&taken->blocked))
        usleep(100);
    taken->out_of_order += taken->batches[i] != taken->last + 1;
    taken->last = taken->batches[i];
    taken->batches[i] = 0;
    atomic_fetch_add(&taken->count, 1);
}

static void end(void *ctx)
{
    struct taken *taken = ctx;

    taken->ended = true;
}

static void begin(struct taken *taken)
{
    *taken = (struct taken){0};
    taken->ring = batch_ring_new(BATCHES, &(struct batch_taker){take, end, taken});
    assert_non_null(taken->ring);
}

static void fill(struct taken *taken, unsigned int at, uint64_t value)
{
    assert_int_equal(taken->batches[at], 0);
    taken->batches[at] = value;
}

static void test_each_once_in_order(void **state)
{
    struct taken taken;
    unsigned int at = 0;

    (void)state;
    begin(&taken);
    for (uint64_t n = 1; n <= ROUNDS; n++) {
        fill(&taken, at, n);
        at = batch_ring_hand(taken.ring);
        if (n % 1000 == 0) {
            batch_ring_wait(taken.ring);
            assert_int_equal(taken.count, n);
        }
    }
    batch_ring_free(taken.ring);
    assert_int_equal(taken.count, ROUNDS);
    assert_int_equal(taken.out_of_order, 0);
    assert_true(taken.ended);
}

/* What was handed before the end is done, also when the thread was behind. */
static void test_finish_takes_the_rest(void **state)
{
    struct taken taken;
    unsigned int at = 0;

    (void)state;
    begin(&taken);
    taken.blocked = true;
    for (uint64_t n = 1; n < BATCHES; n++) {
        assert_false(batch_ring_is_behind(taken.ring));
        fill(&taken, at, n);
        at = batch_ring_hand(taken.ring);
    }
    assert_true(batch_ring_is_behind(taken.ring));
    batch_ring_finish(taken.ring);
    batch_ring_finish(taken.ring);
    assert_int_equal(taken.count, 0);
    taken.blocked = false;
    batch_ring_wait(taken.ring);
    assert_false(batch_ring_is_behind(taken.ring));
    batch_ring_free(taken.ring);
    assert_int_equal(taken.count, BATCHES - 1);
    assert_true(taken.ended);
}

/* The thread takes no more than was released, and in the order of filling. */
static void test_held_until_released(void **state)
{
    struct taken taken;
    unsigned int at = 0;

    (void)state;
    begin(&taken);
    for (uint64_t n = 1; n < BATCHES; n++) {
        fill(&taken, at, n);
        batch_ring_hold(taken.ring);
        at = batch_ring_next(taken.ring);
    }
    usleep(2000);
    assert_int_equal(taken.count, 0);
    batch_ring_release(taken.ring);
    while (!atomic_load(&taken.count))
        usleep(100);
    usleep(2000);
    assert_int_equal(taken.count, 1);
    fill(&taken, at, BATCHES);
    batch_ring_hold(taken.ring);
    at = batch_ring_next(taken.ring); /* the first one's place, which is free */
    assert_int_equal(at, 0);
    for (uint64_t n = 1; n < BATCHES; n++)
        batch_ring_release(taken.ring);
    batch_ring_wait(taken.ring);
    assert_int_equal(taken.last, BATCHES);
    assert_int_equal(taken.out_of_order, 0);
    batch_ring_free(taken.ring);
}

/* A batch that is held is released by what takes the batches of another ring. */
static void release_held(void *ctx, unsigned int i)
{
    (void)i;
    batch_ring_release(ctx);
}

static void test_released_by_another_thread(void **state)
{
    struct taken taken;
    struct batch_ring *way;
    unsigned int at = 0;

    (void)state;
    begin(&taken);
    way = batch_ring_new(BATCHES, &(struct batch_taker){release_held, NULL, taken.ring});
    assert_non_null(way);
    for (uint64_t n = 1; n <= ROUNDS; n++) {
        fill(&taken, at, n);
        batch_ring_hold(taken.ring);
        batch_ring_hand(way);
        at = batch_ring_next(taken.ring);
    }
    batch_ring_wait(taken.ring);
    assert_int_equal(taken.count, ROUNDS);
    assert_int_equal(taken.out_of_order, 0);
    batch_ring_free(way);
    batch_ring_free(taken.ring);
}

static void test_nothing_to_take(void **state)
{
    struct taken taken;

    (void)state;
    batch_ring_free(NULL);
    begin(&taken);
    batch_ring_wait(taken.ring);
    batch_ring_free(taken.ring);
    assert_int_equal(taken.count, 0);
    assert_true(taken.ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once_in_order),
        cmocka_unit_test(test_finish_takes_the_rest),
        cmocka_unit_test(test_held_until_released),
        cmocka_unit_test(test_released_by_another_thread),
        cmocka_unit_test(test_nothing_to_take),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
