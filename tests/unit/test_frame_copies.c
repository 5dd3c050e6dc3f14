/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of frames: each as it was, the newest ones that fit the bound, and no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/frame_copies.h"

static void keep(struct frame_copies *copies, uint64_t number, uint32_t len)
{
    uint8_t *data = malloc(len);
    const struct frame frame = {.data = data, .cap_len = len, .number = number};

    memset(data, (int)number, len);
    frame_copies_keep(copies, &frame);
    free(data);
}

static void assert_kept(const struct frame_copies *copies, uint64_t number, uint32_t len)
{
    const struct frame *frame = frame_copies_get(copies, number);

    assert_non_null(frame);
    assert_int_equal(frame->number, number);
    assert_int_equal(frame->cap_len, len);
    assert_int_equal(frame->data[0], number & 0xff);
    assert_int_equal(frame->data[len - 1], number & 0xff);
}

static void oldest_go_for_bytes(void **state)
{
    struct frame_copies *copies = frame_copies_new(1000);

    (void)state;
    assert_null(frame_copies_get(copies, 0));
    keep(copies, 0, 400);
    keep(copies, 1, 500);
    keep(copies, 2, 100);
    assert_kept(copies, 0, 400);
    keep(copies, 3, 401);
    assert_null(frame_copies_get(copies, 0));
    assert_null(frame_copies_get(copies, 1));
    assert_kept(copies, 2, 100);
    assert_kept(copies, 3, 401);
    assert_null(frame_copies_get(copies, 4));
    frame_copies_free(copies);
}

static void oldest_go_for_number(void **state)
{
    struct frame_copies *copies = frame_copies_new(1 << 30);

    (void)state;
    for (uint64_t i = 0; i < 20000; i++)
        keep(copies, i, 1);
    assert_null(frame_copies_get(copies, 20000 - (1 << 14) - 1));
    assert_kept(copies, 20000 - (1 << 14), 1);
    assert_kept(copies, 19999, 1);
    frame_copies_free(copies);
    frame_copies_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_go_for_bytes),
        cmocka_unit_test(oldest_go_for_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
