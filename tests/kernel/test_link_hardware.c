/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interface is hardware when sysfs shows a device below it: each one of the namespace that the test is run in,
 * which is only looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "host/links.h"

static void on_added(void *ctx, const struct link_info *link)
{
    size_t *hardware = ctx;
    char path[64];

    snprintf(path, sizeof(path), "/sys/class/net/%s/device", link->name);
    if (link->hardware != !access(path, F_OK))
        fail_msg("%s: is %shardware, by %s it is %s", link->name, link->hardware ? "" : "no ", path,
                 link->hardware ? "not" : "");
    *hardware += link->hardware;
}

static void on_changed(void *ctx, const struct link_info *link, const struct link_info *before)
{
    (void)ctx;
    (void)link;
    (void)before;
}

static void on_removed(void *ctx, const struct link_info *link)
{
    (void)ctx;
    (void)link;
}

static void hardware_is_what_has_a_device(void **state)
{
    size_t hardware = 0;
    const struct links_events events = {on_added, on_changed, on_removed, &hardware};
    struct links *links = links_open(&events);

    (void)state;
    assert_non_null(links);
    assert_int_equal(links_poll(links), 0);
    printf("%zu interfaces, %zu of them hardware\n", links_count(links), hardware);
    assert_true(links_count(links) > 0);
    links_close(links);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hardware_is_what_has_a_device)};

    return cmocka_run_group_tests_name("link hardware", tests, NULL, NULL);
}
