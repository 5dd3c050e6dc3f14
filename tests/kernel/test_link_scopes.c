/* SPDX-License-Identifier: Apache-2.0 */
/* The scope of real interfaces: told when they appear, and again when bridges and addresses change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/links_support.h"

static uint16_t scope_of(const struct watcher *watcher, const char *name)
{
    return link_named(watcher, name)->scope;
}

static void add_bridge(const char *name, const char *address, const char *port)
{
    run("ip link add %s type bridge", name);
    if (address)
        run("ip addr add %s dev %s", address, name);
    run("ip link add %s type veth peer name %sb && ip link set %s master %s", port, port, port,
        name);
}

static void without_a_bridge_it_is_the_hosts(void **state)
{
    struct watcher *watcher = *state;

    run("ip link add v0 type veth peer name v1 && ip addr add 10.9.0.1/24 dev v0");
    watch(watcher);
    assert_int_equal(scope_of(watcher, "v0"), 0);
    assert_int_equal(scope_of(watcher, "v1"), 0);
    assert_int_equal(scope_of(watcher, "lo"), 0);
}

static void bridges_of_different_subnets_share_it(void **state)
{
    struct watcher *watcher = *state;

    add_bridge("bra", "10.9.0.1/24", "pa");
    add_bridge("brb", "10.9.1.1/24", "pb");
    watch(watcher);
    assert_int_equal(scope_of(watcher, "pa"), 0);
    assert_int_equal(scope_of(watcher, "pb"), 0);
}

static void bridges_of_one_subnet_are_apart(void **state)
{
    struct watcher *watcher = *state;
    const struct link_event *event = NULL;
    uint16_t a;

    add_bridge("bra", "10.9.0.1/24", "pa");
    watch(watcher);
    assert_int_equal(scope_of(watcher, "pa"), 0);
    add_bridge("brb", "10.9.0.2/24", "pb");
    watch(watcher);
    a = scope_of(watcher, "pa");
    assert_int_not_equal(a, 0);
    assert_int_not_equal(scope_of(watcher, "pb"), 0);
    assert_int_not_equal(scope_of(watcher, "pb"), a);
    assert_int_equal(scope_of(watcher, "bra"), a);
    assert_int_equal(scope_of(watcher, "pab"), 0); /* the far end is in no bridge */
    assert_int_equal(count_events(watcher, EVENT_CHANGED, "pa", &event), 1);
    assert_int_equal(event->before.scope, 0);
    assert_int_equal(event->link.scope, a);

    run("ip link del brb");
    watch(watcher);
    assert_int_equal(scope_of(watcher, "pa"), 0);
}

static void a_bridge_without_addresses_is_apart(void **state)
{
    struct watcher *watcher = *state;

    add_bridge("bra", NULL, "pa");
    run("ip link set bra up"); /* and so it gets a link-local address */
    watch(watcher);
    assert_int_not_equal(scope_of(watcher, "pa"), 0);
    run("ip addr add fd99::1/64 dev bra");
    watch(watcher);
    assert_int_equal(scope_of(watcher, "pa"), 0);
    run("ip addr del fd99::1/64 dev bra");
    watch(watcher);
    assert_int_not_equal(scope_of(watcher, "pa"), 0);
    run("ip link set pa nomaster");
    watch(watcher);
    assert_int_equal(scope_of(watcher, "pa"), 0);
}

static void it_is_right_from_the_first_word(void **state)
{
    struct watcher *watcher = *state;
    void *fresh = NULL;
    const struct link_event *event = NULL;

    add_bridge("bra", "10.9.0.1/24", "pa");
    add_bridge("brb", NULL, "pb");
    watch(watcher);
    assert_int_equal(watcher_setup(&fresh), 0); /* one that starts with all of it there */
    assert_int_equal(count_events(fresh, EVENT_ADDED, "pa", &event), 1);
    assert_int_equal(event->link.scope, 0);
    assert_int_equal(count_events(fresh, EVENT_CHANGED, "pa", NULL), 0);
    assert_int_not_equal(scope_of(fresh, "pb"), 0);
    watcher_teardown(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, watcher_setup, watcher_teardown)
        TEST(without_a_bridge_it_is_the_hosts), TEST(bridges_of_different_subnets_share_it),
        TEST(bridges_of_one_subnet_are_apart),  TEST(a_bridge_without_addresses_is_apart),
        TEST(it_is_right_from_the_first_word),
    };

    enter_own_namespace();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
