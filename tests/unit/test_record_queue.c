/* SPDX-License-Identifier: Apache-2.0 */
/* Records in the queue: the session and the flow that they came from may go as soon as they are in it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "record_fixture.h"
#include "sink/record_queue.h"

#define RECORDS 300 /* more than a batch */

struct told {
    uint64_t count;
    uint64_t noted; /* with the errors of their own session */
};

static void on_record(void *ctx, struct session *session, const struct record *record)
{
    struct told *told = ctx;
    const struct flow_note *note = session->extra;

    assert_ptr_equal(note, record->note);
    told->count++;
    told->noted += note && note->icmp_errors_more == session->number &&
                   record->holes[0].offset == session->number;
}

static void add_one(struct record_queue *queue, uint64_t number)
{
    struct fixture *f = malloc(sizeof(*f));

    assert_non_null(f);
    fixture_tcp_full(f);
    f->session.number = number;
    f->session.extra = calloc(1, sizeof(*f->session.extra));
    assert_non_null(f->session.extra);
    f->session.extra->icmp_errors_more = number;
    f->hole.offset = number;
    f->record.note = f->session.extra;
    f->record.lots = NULL;
    assert_non_null(record_queue_add(queue, &f->session, &f->record));
    memset(f->session.extra, 0xff, sizeof(*f->session.extra));
    free(f->session.extra);
    memset(f, 0xff, sizeof(*f));
    free(f);
}

static void test_sources_may_go(void **state)
{
    char path[] = "/tmp/sesstap-test-XXXXXX";
    int fd = mkstemp(path);
    struct linefile file;
    struct ordered *ordered;
    struct record_queue *queue;
    struct told told = {0};

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(linefile_open(&file, path), 0);
    ordered = ordered_new(&file, 1 << 20);
    queue = record_queue_new(ordered);
    assert_non_null(queue);
    record_queue_also(queue, &(struct record_also){.write = on_record, .ctx = &told});
    for (uint64_t number = 1; number <= RECORDS; number++)
        add_one(queue, number);
    assert_int_equal(record_queue_finish(queue), 0);
    assert_int_equal(told.count, RECORDS);
    assert_int_equal(told.noted, RECORDS);
    ordered_free(ordered);
    assert_int_equal(linefile_close(&file), 0);
    close(fd);
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sources_may_go)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
