/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, compares and writes files whole: they are a few thousand lines at most. */
#include "made_docs.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"

/* Ends in a NUL. */
static void read_file(struct buf *out, const char *path)
{
    FILE *file = fopen(path, "r");
    char chunk[4096];
    size_t len;

    if (!file)
        fail_msg("%s: cannot be read; run from the top of the repository", path);
    while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buf_add(out, chunk, len);
    fclose(file);
    buf_add(out, "", 1);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void compare(const char *path, unsigned int line, const char *expected, const char *actual)
{
    const char *expected_line = expected, *actual_line = actual;

    for (; *expected && *expected == *actual; expected++, actual++) {
        if (*expected == '\n') {
            line++;
            expected_line = expected + 1;
            actual_line = actual + 1;
        }
    }
    if (*expected == *actual)
        return;
    fail_msg("%s:%u: not what the source says; SESSTAP_WRITE_DOCS=1 and this test write it anew\n"
             "should be: %.*s\nis:        %.*s",
             path, line, (int)strcspn(expected_line, "\n"), expected_line,
             (int)strcspn(actual_line, "\n"), actual_line);
}

void made_docs_file(const char *path, const char *text)
{
    struct buf file = {0};

    if (getenv("SESSTAP_WRITE_DOCS"))
        write_file(path, text);
    read_file(&file, path);
    compare(path, 1, text, file.data);
    buf_fini(&file);
}

void made_docs_part(const char *path, const char *begin, const char *end, const char *text)
{
    struct buf file = {0}, anew = {0};
    char *from, *to;
    unsigned int line = 1;

    read_file(&file, path);
    from = strstr(file.data, begin);
    to = strstr(file.data, end);
    if (!from || !to || to < from)
        fail_msg("%s: the lines %s and %s are not there", path, begin, end);
    from += strlen(begin);
    if (getenv("SESSTAP_WRITE_DOCS")) {
        buf_add(&anew, file.data, (size_t)(from - file.data));
        buf_add_str(&anew, text);
        buf_add_str(&anew, to);
        buf_add(&anew, "", 1);
        write_file(path, anew.data);
    } else {
        *to = '\0';
        for (const char *c = file.data; c < from; c++)
            line += *c == '\n';
        compare(path, line, text, from);
    }
    buf_fini(&file);
    buf_fini(&anew);
}
