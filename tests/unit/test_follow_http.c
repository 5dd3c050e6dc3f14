/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of HTTP as follow --http shows them: start line, headers, and content put together from its pieces. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/follow_http.h"

#define TEXT(word) ((struct fact_text){word, sizeof(word) - 1})

static void check(struct http_texts *texts, const struct http_transaction *transaction,
                  bool from_client, const char *want)
{
    struct buf out = {0};

    http_texts_message(texts, transaction, from_client, &out);
    assert_int_equal(out.len, strlen(want));
    assert_memory_equal(out.data, want, out.len);
    buf_fini(&out);
}

/* Each side says its own version, and the reason stands behind the status. */
static void test_start_lines(void **state)
{
    static const struct http_header header = {{"Host", 4}, {"a.example", 9}};
    static const struct http_header *const headers[] = {&header};
    struct http_transaction transaction = {
        .version = 11,
        .answer_version = 10,
        .status = 304,
        .method = TEXT("GET"),
        .uri = TEXT("/x"),
        .reason = TEXT("Not Modified"),
        .request = {.headers = headers, .header_count = 1},
    };
    struct http_texts texts = {0};

    (void)state;
    check(&texts, &transaction, true, "GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n");
    check(&texts, &transaction, false, "HTTP/1.0 304 Not Modified\r\n\r\n");
    transaction = (struct http_transaction){.version = 20, .status = 200, .host = TEXT("b")};
    check(&texts, &transaction, true, "? ? HTTP/2\r\nhost: b\r\n\r\n");
    check(&texts, &transaction, false, "HTTP/2 200\r\n\r\n");
    http_texts_fini(&texts);
}

/* Two bodies at once; one is never asked for again. */
static void test_content(void **state)
{
    struct http_transaction one = {.version = 11, .status = 200}, other = one;
    struct http_texts texts = {0};
    struct buf out = {0};

    (void)state;
    assert_int_equal(http_texts_content(&texts, &one, false, (const uint8_t *)"ab", 2), 0);
    assert_int_equal(http_texts_content(&texts, &other, false, (const uint8_t *)"xy", 2), 0);
    assert_int_equal(http_texts_content(&texts, &one, false, (const uint8_t *)"c", 1), 0);
    http_texts_message(&texts, &one, false, &out);
    assert_memory_equal(out.data, "HTTP/1.1 200\r\n\r\nabc", out.len);
    buf_fini(&out);
    http_texts_fini(&texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_lines),
        cmocka_unit_test(test_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
