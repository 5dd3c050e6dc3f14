/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers of a session's messages: equal ones are kept once; they leave room for what is told of transactions, and what
 * there is no room for is counted.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "app/http_headers.h"
#include "packet.h"
#include "unit/app_driver.h"

#define FACTS_BYTES  (64u << 10)
#define TRANSACTIONS 90
#define LINES        4 /* of a request: two that are always the same, one of its own, and Content-Type */

static const struct facts *talk(struct app_driver *driver, size_t facts_bytes)
{
    driver_begin(driver, &(struct app_conf){.http = true, .limits = {.facts_bytes = facts_bytes}},
                 IP_PROTO_TCP);
    for (int i = 0; i < TRANSACTIONS; i++) {
        char text[512];

        snprintf(text, sizeof(text),
                 "PUT /%d HTTP/1.1\r\nHost: a.example\r\nX-Own: %0200d\r\nAccept: */*\r\n"
                 "Content-Type: text/x-%d\r\n\r\n",
                 i, i, i);
        driver_say(driver, APP_CLIENT, text);
        driver_say(driver, APP_SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    return driver_finish(driver);
}

static bool has(const struct http_message *message, const char *name)
{
    for (size_t i = 0; i < message->header_count; i++)
        if (text_is(message->headers[i]->name, name))
            return true;
    return false;
}

/* Without bounds all are there, and the same text is the same memory from the fourth transaction on. */
static void test_once_each(void **state)
{
    struct app_driver driver;
    const struct facts *facts = talk(&driver, 0);
    const struct http_header *host = NULL, *answered = NULL;
    uint64_t number = 0;

    (void)state;
    for (const struct http_transaction *at = facts ? facts->http : NULL; at; at = at->next) {
        char own[250];

        assert_int_equal(at->request.header_count, LINES);
        assert_true(text_is(at->request.headers[0]->name, "Host"));
        assert_true(text_is(at->request.headers[0]->value, "a.example"));
        snprintf(own, sizeof(own), "%0200d", (int)number);
        assert_true(text_is(at->request.headers[1]->value, own));
        assert_true(text_is(at->request.headers[2]->value, "*/*"));
        if (++number > 4) {
            assert_ptr_equal(at->request.headers[0], host);
            assert_ptr_equal(at->response.headers[0], answered);
        }
        host = at->request.headers[0];
        answered = at->response.headers[0];
        assert_false(at->request.headers_cut || at->request.cut);
    }
    assert_int_equal(number, facts ? TRANSACTIONS : 0); /* none: libhtp is not built in */
    assert_int_equal(facts ? facts->cut_headers : 0, 0);
    driver_end(&driver);
}

static void test_share(void **state)
{
    struct app_driver driver;
    const struct facts *facts = talk(&driver, FACTS_BYTES);
    uint64_t number = 0, lines = 0, cut = 0;

    (void)state;
    for (const struct http_transaction *at = facts ? facts->http : NULL; at; at = at->next) {
        char uri[10], type[20];

        snprintf(uri, sizeof(uri), "/%d", (int)number);
        snprintf(type, sizeof(type), "text/x-%d", (int)number++);
        assert_true(text_is(at->uri, uri));
        assert_true(text_is(at->host, "a.example"));
        assert_true(text_is(at->request.content_type, type));
        assert_int_equal(at->status, 200);
        assert_true(at->response.has_content_sha256);
        assert_true(has(&at->request, "Accept")); /* it was there before */
        assert_int_equal(at->request.headers_cut, !has(&at->request, "X-Own"));
        assert_false(at->request.cut);
        lines += at->request.header_count;
        cut += at->request.headers_cut;
    }
    if (facts) {
        assert_int_equal(number, TRANSACTIONS);
        assert_in_range(cut, 1, TRANSACTIONS - 1);
        assert_int_equal(facts->cut_headers, LINES * TRANSACTIONS - lines);
        assert_int_equal(facts->cut_transactions, 0);
    }
    driver_end(&driver);
}

/* More lines than a message may have; and those of one message are not another's. */
static void test_lines(void **state)
{
    static struct http_headers headers;
    struct facts *facts = facts_new(NULL, 1 << 20);
    struct http_message first = {0}, second = {0};

    (void)state;
    for (int i = 0; i < HTTP_HEADERS_MAX + 3; i++)
        assert_int_equal(http_headers_add(&headers, facts, 10, &first, "a", 1, "", 0),
                         i < HTTP_HEADERS_MAX);
    assert_int_equal(facts->cut_headers, 3);
    assert_true(first.headers_cut);
    assert_true(http_headers_take(&headers, facts, &first));
    assert_int_equal(first.header_count, HTTP_HEADERS_MAX);
    assert_true(http_headers_add(&headers, facts, 10, &second, "left", 4, "1", 1));
    http_headers_forget(&headers, &second);
    assert_true(http_headers_add(&headers, facts, 10, &second, "b", 1, "2", 1));
    assert_true(http_headers_take(&headers, facts, &second));
    assert_true(http_headers_add(&headers, facts, 10, &second, "trailer", 7, "3", 1));
    assert_true(http_headers_take(&headers, facts, &second));
    assert_int_equal(second.header_count, 2);
    assert_true(text_is(second.headers[0]->name, "b"));
    assert_true(text_is(second.headers[1]->name, "trailer"));
    facts_free(facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_each),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
