/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files from what servers say: whatever it is, one harmless name in one folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sink/object_name.h"

#define LONG_BYTES 5000

struct row {
    const char *what;
    const char *uri;
    const char *disposition; /* NULL: no such header */
    const char *type;        /* NULL: unknown */
    const char *expected;
};

static const struct row rows[] = {
    {"file", "/a/b/logo.png", NULL, "image/png", "logo.png"},
    {"query", "/a/x.js?v=1/2", NULL, "text/javascript", "x.js"},
    {"fragment", "/a/x.js#top/down", NULL, NULL, "x.js"},
    {"no name", "/", NULL, "text/html; charset=utf-8", "index.html"},
    {"no name, no type", "/", NULL, NULL, "index"},
    {"empty", "", NULL, NULL, "index"},
    {"nothing known", NULL, NULL, NULL, "index"},
    {"suffix by type", "/data", NULL, "application/json", "data.json"},
    {"suffix by type with a parameter", "/data", NULL, "Application/JSON ; q=1", "data.json"},
    {"type that only begins alike", "/data", NULL, "text/htmlx", "data"},
    {"whole address", "http://h.example/", NULL, "text/html", "index.html"},
    {"up", "/../../etc/passwd", NULL, NULL, "passwd"},
    {"up and nothing else", "/a/..", NULL, NULL, "index"},
    {"dot", "/.", NULL, NULL, "index"},
    {"dots", "/.....", NULL, NULL, "index"},
    {"hidden", "/.bashrc", NULL, NULL, "bashrc"},
    {"up, escaped", "/%2e%2e%2fetc%2Fpasswd", NULL, NULL, "_etc_passwd"},
    {"escaped twice is escaped", "/%252e%252e%252f", NULL, NULL, "_2e_2e_2f"},
    {"NUL", "/a%00b", NULL, NULL, "a_b"},
    {"newline", "/a%0ab%0Dc", NULL, NULL, "a_b_c"},
    {"broken escapes", "/%zz%4", NULL, NULL, "_zz_4"},
    {"escape at the end", "/a%", NULL, NULL, "a_"},
    {"shell", "/`id`;$(id)|*&\\x y", NULL, NULL, "_id____id_____x_y"},
    {"option", "/-rf", NULL, NULL, "-rf"},
    {"UTF-8", "/\xc3\xa4", NULL, NULL, "__"},
    {"header", "/x", "attachment; filename=\"report.pdf\"", "application/pdf", "report.pdf"},
    {"header, no quotes", "/x", "attachment; filename=report.pdf; size=1", NULL, "report.pdf"},
    {"header, upper case", "/x", "ATTACHMENT; FILENAME=a.b", NULL, "a.b"},
    {"header, up", "/x", "attachment; filename=\"../../etc/passwd\"", NULL, "_.._etc_passwd"},
    {"header, a foreign folder", "/x", "attachment; filename=\"C:\\\\a\\\\b\"", NULL, "C___a__b"},
    {"header, empty", "/x", "attachment; filename=\"\"", NULL, "x"},
    {"header, nothing behind the word", "/x", "attachment; filename=", NULL, "x"},
    {"header, open quote", "/x", "attachment; filename=\"", NULL, "x"},
    {"header, dots", "/x", "attachment; filename=\"..\"", NULL, "x"},
    {"header with a character set", "/x", "attachment; filename*=UTF-8''na%20me.txt", NULL,
     "na_me.txt"},
    {"header with both", "/x", "attachment; filename=\"old\"; filename*=utf-8'en'new.txt", NULL,
     "new.txt"},
    {"header with half a character set", "/x", "attachment; filename*=utf-8", NULL, "x"},
    {"inline", "/x.txt", "inline", NULL, "x.txt"},
};

static struct fact_text text(const char *from)
{
    return (struct fact_text){from, from ? (uint32_t)strlen(from) : 0};
}

static void make(const struct row *row, char out[OBJECT_NAME_BYTES])
{
    struct http_header header = {text("Content-Disposition"), text(row->disposition)};
    const struct http_header *headers[] = {&header};
    struct http_transaction transaction = {.uri = text(row->uri)};

    transaction.response.content_type = text(row->type);
    transaction.response.headers = headers;
    transaction.response.header_count = row->disposition ? 1 : 0;
    object_name(&transaction, &transaction.response, out);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[OBJECT_NAME_BYTES];

        print_message("%s\n", rows[i].what);
        make(&rows[i], name);
        assert_string_equal(name, rows[i].expected);
    }
}

/* Every byte, plain and escaped, by address and by header: nothing but harmless characters comes of it. */
static void test_every_byte(void **state)
{
    static const char harmless[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

    (void)state;
    for (unsigned int byte = 0; byte < 256; byte++) {
        char uri[] = "/a%00b", plain[] = "filename=a.b", name[OBJECT_NAME_BYTES];
        struct row row = {.uri = uri};

        uri[3] = "0123456789abcdef"[byte >> 4];
        uri[4] = "0123456789abcdef"[byte & 15];
        make(&row, name);
        assert_int_equal(strspn(name, harmless), strlen(name));
        assert_true(name[0] && name[0] != '.');
        plain[10] = (char)byte;
        row = (struct row){.uri = "/x", .disposition = plain};
        make(&row, name);
        assert_int_equal(strspn(name, harmless), strlen(name));
        assert_true(name[0] && name[0] != '.');
    }
}

static void test_long(void **state)
{
    char uri[LONG_BYTES + 2], name[OBJECT_NAME_BYTES];
    struct row row = {.uri = uri, .type = "text/html"};

    (void)state;
    uri[0] = '/';
    for (size_t len = OBJECT_NAME_BYTES - 10; len <= LONG_BYTES; len += len < 200 ? 1 : 400) {
        memset(uri + 1, 'a', len);
        uri[1 + len] = '\0';
        make(&row, name);
        assert_true(strlen(name) < OBJECT_NAME_BYTES);
        assert_int_equal(strncmp(name, uri + 1, OBJECT_NAME_BYTES - 10), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
