/* SPDX-License-Identifier: Apache-2.0 */
/* What the manifest says of an object: a sum is `sha256` only when the object is whole. And how objects wait. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <dirent.h>

#include "packet.h"
#include "record_fixture.h"
#include "sink/objects.h"
#include "unit/app_driver.h"

#define SUM_OF_HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define HOLE         "HOLE"

static const struct {
    const char *name;
    const char *says[3]; /* the server's; HOLE: two bytes are missing */
    const char *manifest;
} rows[] = {
    {"whole",
     {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
     "\"size\":5,\"complete\":true,\"sha256\":\"" SUM_OF_HELLO "\""},
    {"until the connection ends",
     {"HTTP/1.1 200 OK\r\n\r\nhello"},
     "\"size\":5,\"complete\":true,\"sha256\":\"" SUM_OF_HELLO "\""},
    {"ends before its length",
     {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"},
     "\"size\":5,\"complete\":false,\"sha256_partial\":\"" SUM_OF_HELLO "\""},
    {"ends within its chunks",
     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"},
     "\"size\":5,\"complete\":false,\"sha256_partial\":\"" SUM_OF_HELLO "\""},
    {"in an encoding that nobody knows",
     {"HTTP/1.1 200 OK\r\nContent-Encoding: none-such\r\nContent-Length: 5\r\n\r\nhello"},
     "\"size\":5,\"complete\":false,\"sha256_partial\":\"" SUM_OF_HELLO "\""},
    {"a hole in it",
     {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nhel", HOLE, "lo"},
     "\"size\":5,\"complete\":false"},
};

static void on_content(void *ctx, const struct session *session,
                       const struct http_transaction *transaction, enum app_side side,
                       const uint8_t *data, size_t len)
{
    objects_content(ctx, session->number, transaction, side == APP_CLIENT, data, len);
}

static void read_manifest(const char *dir, char *text, size_t room)
{
    char path[64];
    FILE *file;
    size_t len;

    snprintf(path, sizeof(path), "%s/manifest.ndjson", dir);
    file = fopen(path, "r");
    assert_non_null(file);
    len = fread(text, 1, room - 1, file);
    text[len] = '\0';
    fclose(file);
    unlink(path);
}

static void check(size_t i, const char *dir)
{
    struct objects *objects = objects_new(dir, NULL);
    const struct app_conf conf = {.http = true, .content = on_content, .ctx = objects};
    struct app_driver driver;
    struct fixture fixture;
    char manifest[2048], *size, path[64];
    uint64_t count, lost;

    assert_non_null(objects);
    driver_begin(&driver, &conf, IP_PROTO_TCP);
    driver_say(&driver, APP_CLIENT, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    for (size_t at = 0; at < 3 && rows[i].says[at]; at++) {
        if (strcmp(rows[i].says[at], HOLE) != 0)
            driver_say(&driver, APP_SERVER, rows[i].says[at]);
        else
            driver_hole(&driver, APP_SERVER, 2);
    }
    fixture_tcp_full(&fixture);
    fixture.session.number = driver.session.number;
    fixture.record.facts = driver_finish(&driver);
    objects_record(objects, &fixture.record, true);
    assert_int_equal(objects_finish(objects, &count, &lost), 0);
    read_manifest(dir, manifest, sizeof(manifest));
    if (fixture.record.facts && fixture.record.facts->http_count) { /* libhtp is built in */
        assert_int_equal(count, 1);
        size = strstr(manifest, "\"size\"");
        if (!size || strncmp(size, rows[i].manifest, strlen(rows[i].manifest)) != 0 ||
            strcmp(size + strlen(rows[i].manifest), "}\n") != 0)
            fail_msg("%s: %s", rows[i].name, manifest);
        snprintf(path, sizeof(path), "%s/%llu-1-a", dir, (unsigned long long)driver.session.number);
        assert_int_equal(unlink(path), 0);
    }
    driver_end(&driver);
}

static void test_manifest(void **state)
{
    char dir[] = "/tmp/test_objects.XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(i, dir);
    assert_int_equal(rmdir(dir), 0);
}

static size_t count_files(const char *dir)
{
    DIR *folder = opendir(dir);
    const struct dirent *entry;
    size_t count = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)))
        count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    closedir(folder);
    return count;
}

/* Many that wait for their session's end are in temporary files, which go when they are not wanted. */
static void test_waiting(void **state)
{
    enum { OBJECTS = 200, BYTES = 200000 };
    static struct http_transaction transactions[OBJECTS];
    static uint8_t content[BYTES];
    char dir[] = "/tmp/test_objects.XXXXXX", path[64];
    struct fixture fixture;
    struct objects *objects;
    uint64_t count, lost;

    (void)state;
    assert_non_null(mkdtemp(dir));
    objects = objects_new(dir, NULL);
    assert_non_null(objects);
    fixture_tcp_full(&fixture);
    for (uint64_t i = 0; i < OBJECTS; i++) {
        transactions[i].number = i + 1;
        objects_content(objects, fixture.session.number, &transactions[i], false, content, BYTES);
    }
    assert_in_range(count_files(dir), 150, OBJECTS);
    objects_record(objects, &fixture.record, false);
    assert_int_equal(count_files(dir), 1); /* the manifest */
    assert_int_equal(objects_finish(objects, &count, &lost), 0);
    assert_int_equal(count, 0);
    snprintf(path, sizeof(path), "%s/manifest.ndjson", dir);
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_manifest),
                                       cmocka_unit_test(test_waiting)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
