/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of network namespaces and of scopes in them: unique, kept for the next process, and given out again only late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "host/space_numbers.h"

static struct pin_spaces *fresh(void)
{
    struct pin_spaces *numbers = calloc(1, sizeof(*numbers));

    assert_non_null(numbers);
    return numbers;
}

static void known_again_by_cookie(void **state)
{
    struct pin_spaces *numbers = fresh();
    struct pin_space first = *space_numbers_take(numbers, 100);
    struct pin_space second = *space_numbers_take(numbers, 200);

    (void)state;
    assert_int_not_equal(first.base, second.base);
    assert_true(first.order < second.order);
    assert_int_equal(iface_base(first.base | 77), first.base);
    assert_int_equal(iface_index(first.base | 77), 77);
    assert_int_equal(space_numbers_take(numbers, 200)->base, second.base);
    assert_int_equal(space_numbers_take(numbers, 100)->order, first.order);
    free(numbers);
}

static void a_released_number_rests(void **state)
{
    struct pin_spaces *numbers = fresh();
    uint32_t base = space_numbers_take(numbers, 100)->base;

    (void)state;
    space_numbers_release(numbers, base);
    for (uint64_t cookie = 101; cookie < 100 + IFACE_SPACES - 1; cookie++)
        assert_int_not_equal(space_numbers_take(numbers, cookie)->base, base);
    assert_int_equal(space_numbers_take(numbers, 100)->base, base);
    assert_null(space_numbers_take(numbers, 9999));
    free(numbers);
}

static bool is_in(void *ctx, uint32_t base)
{
    return *(uint32_t *)ctx == base;
}

static void settling_keeps_what_is_wanted(void **state)
{
    struct pin_spaces *numbers = fresh();
    uint32_t gone = space_numbers_take(numbers, 100)->base;
    uint32_t stays = space_numbers_take(numbers, 200)->base;
    uint16_t scope = space_numbers_scope(numbers, stays, 0);

    (void)state;
    space_numbers_scope(numbers, gone, 0);
    space_numbers_settle(numbers, is_in, &stays);
    assert_int_equal(space_numbers_take(numbers, 200)->base, stays);
    assert_int_equal(space_numbers_scope(numbers, stays, 0), scope);
    assert_int_not_equal(space_numbers_take(numbers, 100)->base, gone);
    free(numbers);
}

static void scopes_are_of_one_namespace(void **state)
{
    struct pin_spaces *numbers = fresh();
    uint32_t a = space_numbers_take(numbers, 100)->base;
    uint32_t b = space_numbers_take(numbers, 200)->base;
    uint16_t a0 = space_numbers_scope(numbers, a, 0), a1 = space_numbers_scope(numbers, a, 1);
    uint16_t b0 = space_numbers_scope(numbers, b, 0);

    (void)state;
    assert_true(a0 != a1 && a0 != b0 && a1 != b0);
    assert_true(a0 >= 0x4000 && b0 < TUNNEL_SCOPE_FIRST);
    assert_int_equal(space_numbers_scope(numbers, a, 1), a1);
    space_numbers_drop_scopes(numbers, a);
    assert_int_equal(space_numbers_scope(numbers, b, 0), b0);
    assert_true(space_numbers_scope(numbers, b, 5) > b0); /* those of a rest */
    free(numbers);
}

static void too_many_scopes_share_one(void **state)
{
    struct pin_spaces *numbers = fresh();
    uint32_t base = space_numbers_take(numbers, 100)->base;
    uint16_t shared;

    (void)state;
    for (uint32_t there = 0; there < PIN_SPACE_SCOPES; there++)
        space_numbers_scope(numbers, base, (uint16_t)there);
    shared = space_numbers_scope(numbers, base, PIN_SPACE_SCOPES);
    assert_int_equal(space_numbers_scope(numbers, base, PIN_SPACE_SCOPES + 1), shared);
    free(numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_again_by_cookie),
        cmocka_unit_test(a_released_number_rests),
        cmocka_unit_test(settling_keeps_what_is_wanted),
        cmocka_unit_test(scopes_are_of_one_namespace),
        cmocka_unit_test(too_many_scopes_share_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
