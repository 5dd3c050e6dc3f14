/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces come, change, move and go, slowly and too fast for the socket: what is told is exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/links_support.h"

#define PAIRS 500 /* 1000 interfaces */

static void tells_what_is_there_at_the_start(void **state)
{
    struct watcher *watcher = *state;
    const struct link_event *event = NULL;

    assert_int_equal(count_events(watcher, EVENT_ADDED, "lo", &event), 1);
    assert_string_equal(event->link.kind, "");
    assert_false(event->link.l3_only);
    assert_int_equal(watcher->count, links_count(watcher->links));
    watch(watcher);
    assert_int_equal(watcher->count, 0);
}

static void tells_a_pair_and_its_end(void **state)
{
    struct watcher *watcher = *state;
    const struct link_event *a = NULL, *b = NULL;
    uint32_t index;

    run("ip link add sl0 mtu 1400 numrxqueues 2 type veth peer name sl1");
    watch(watcher);
    assert_int_equal(count_events(watcher, EVENT_ADDED, "sl0", &a), 1);
    assert_int_equal(count_events(watcher, EVENT_ADDED, "sl1", &b), 1);
    assert_string_equal(a->link.kind, "veth");
    assert_int_equal(a->link.mtu, 1400);
    assert_int_equal(a->link.num_rx_queues, 2);
    assert_int_equal(a->link.link_netnsid, -1);
    assert_int_equal(a->link.address_len, 6);
    assert_false(a->link.up);
    index = a->link.ifindex;
    assert_int_equal(link_named(watcher, "sl1")->peer_ifindex, index);
    assert_int_equal(link_named(watcher, "sl0")->peer_ifindex, b->link.ifindex);

    run("ip link del sl0");
    watch(watcher);
    assert_int_equal(count_events(watcher, EVENT_REMOVED, "sl0", NULL), 1);
    assert_int_equal(count_events(watcher, EVENT_REMOVED, "sl1", NULL), 1);
    assert_null(links_get(watcher->links, index));
    assert_string_equal(links_name(watcher->links, index), "sl0");
    assert_null(links_name(watcher->links, 4000000));
    assert_same_as_kernel(watcher);
}

static void tells_changes_once(void **state)
{
    struct watcher *watcher = *state;
    const struct link_event *event = NULL;

    run("ip link add sl0 type veth peer name sl1");
    watch(watcher);
    run("ip link set sl0 name renamed");
    watch(watcher);
    assert_int_equal(count_events(watcher, EVENT_CHANGED, "renamed", &event), 1);
    assert_string_equal(event->before.name, "sl0");
    assert_int_equal(watcher->count, 1);
    assert_string_equal(links_name(watcher->links, event->link.ifindex), "renamed");

    run("ip link set renamed up");
    watch(watcher);
    assert_true(count_events(watcher, EVENT_CHANGED, "renamed", &event) == 1 && event->link.up);
    run("ip link set renamed mtu 1300");
    watch(watcher);
    assert_int_equal(count_events(watcher, EVENT_CHANGED, "renamed", &event), 1);
    assert_int_equal(event->link.mtu, 1300);
    run("ip link set renamed alias nothing-we-keep");
    watch(watcher);
    assert_int_equal(watcher->count, 0);
}

/* A bridge tells of its ports with DELLINK too; that removes no interface. */
static void leaving_a_bridge_is_no_removal(void **state)
{
    struct watcher *watcher = *state;
    const struct link_event *event = NULL;

    run("ip link add slbr type bridge && ip link add sl0 type veth peer name sl1");
    run("ip link set sl0 master slbr");
    watch(watcher);
    assert_int_equal(link_named(watcher, "sl0")->master_ifindex,
                     link_named(watcher, "slbr")->ifindex);
    run("ip link set sl0 nomaster");
    watch(watcher);
    assert_true(count_events(watcher, EVENT_CHANGED, "sl0", &event) >= 1);
    assert_int_equal(event->link.master_ifindex, 0);
    assert_int_equal(count_events(watcher, EVENT_REMOVED, "sl0", NULL), 0);
    assert_same_as_kernel(watcher);
}

static void moving_away_is_a_removal(void **state)
{
    struct watcher *watcher = *state;
    const struct link_event *event = NULL;
    char name[32];

    snprintf(name, sizeof(name), "sst-links-%d", (int)getpid());
    run("ip netns add %s && ip link add sl0 type veth peer name sl1", name);
    watch(watcher);
    run("ip link set sl1 netns %s", name);
    watch(watcher);
    assert_int_equal(count_events(watcher, EVENT_REMOVED, "sl1", NULL), 1);
    assert_true(link_named(watcher, "sl0")->link_netnsid >= 0);
    run("ip -n %s link set sl1 netns %d", name, (int)getpid());
    watch(watcher);
    assert_int_equal(count_events(watcher, EVENT_ADDED, "sl1", &event), 1);
    assert_int_equal(link_named(watcher, "sl0")->link_netnsid, -1);
    run("ip netns del %s", name);
    assert_same_as_kernel(watcher);
}

static void a_reused_index_is_another_interface(void **state)
{
    struct watcher *watcher = *state;
    const struct link_event *event = NULL;

    run("ip link add first index 7000 type veth peer name sl1 index 7001");
    watch(watcher);
    run("ip link del first && ip link add second index 7000 type veth peer name sl1 index 7001");
    watch(watcher);
    assert_int_equal(count_events(watcher, EVENT_REMOVED, "first", NULL), 1);
    assert_int_equal(count_events(watcher, EVENT_ADDED, "second", &event), 1);
    assert_int_equal(event->link.ifindex, 7000);
    assert_string_equal(links_name(watcher->links, 7000), "second");
    run("ip link del second");
    watch(watcher);
    assert_string_equal(links_name(watcher->links, 7000), "second");
}

/* ---- more than the socket holds -------------------------------------------------------------- */

static void shrink(struct watcher *watcher)
{
    int size = 4096;

    assert_int_equal(
        setsockopt(links_fd(watcher->links), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
}

/* All in one go, so that it is fast: a batch for `ip`, and one removal of a whole group. */
static void add_pairs(const char *prefix, int from, int to, int group)
{
    FILE *batch = popen("ip -batch -", "w");

    assert_non_null(batch);
    for (int i = from; i < to; i++)
        fprintf(batch, "link add %sa%d group %d type veth peer name %sb%d group %d\n", prefix, i,
                group, prefix, i, group);
    assert_int_equal(pclose(batch), 0);
}

static void a_thousand_at_once_are_all_told(void **state)
{
    struct watcher *watcher = *state;
    size_t before = watcher->present_count;
    size_t added = 0, removed = 0;

    shrink(watcher);
    add_pairs("s", 0, PAIRS, 7);
    watch(watcher);
    assert_true(links_overruns(watcher->links) > 0);
    for (size_t i = 0; i < watcher->count; i++)
        added += watcher->events[i].type == EVENT_ADDED;
    assert_int_equal(added, 2 * PAIRS);
    assert_int_equal(watcher->present_count, before + 2 * PAIRS);
    assert_same_as_kernel(watcher);

    run("ip link del group 7");
    watch(watcher);
    for (size_t i = 0; i < watcher->count; i++)
        removed += watcher->events[i].type == EVENT_REMOVED;
    assert_int_equal(removed, 2 * PAIRS);
    assert_same_as_kernel(watcher);
}

/* Removed, added and renamed between two looks, with most notifications lost. */
static void what_was_lost_is_found_by_comparing(void **state)
{
    struct watcher *watcher = *state;
    const struct link_event *event = NULL;

    run("ip link add old index 8000 address 02:00:00:00:00:01 type veth peer name oldb");
    run("ip link add stays type veth peer name staysb && ip link add slbr type bridge");
    add_pairs("g", 0, 50, 8);
    watch(watcher);
    shrink(watcher);
    add_pairs("s", 0, 100, 7); /* from here on the socket is full */
    run("ip link del group 8 && ip link del old");
    run("ip link add new index 8000 address 02:00:00:00:00:02 type veth peer name newb");
    run("ip link set stays name moved && ip link set moved master slbr");
    watch(watcher);
    assert_true(links_overruns(watcher->links) > 0);
    assert_int_equal(count_events(watcher, EVENT_REMOVED, "old", NULL), 1);
    assert_int_equal(count_events(watcher, EVENT_REMOVED, "ga0", NULL), 1);
    assert_int_equal(count_events(watcher, EVENT_ADDED, "new", &event), 1);
    assert_int_equal(event->link.ifindex, 8000);
    assert_int_equal(count_events(watcher, EVENT_CHANGED, "moved", &event), 1);
    assert_string_equal(event->before.name, "stays");
    /* a bridge has another address with another port, and is the same bridge */
    assert_int_equal(count_events(watcher, EVENT_CHANGED, "slbr", NULL), 1);
    assert_same_as_kernel(watcher);
    run("ip link del group 7");
}

/* Another process adds and removes while we look, with a socket that overruns all the time. */
static void nothing_is_lost_under_churn(void **state)
{
    struct watcher *watcher = *state;
    int status = -1;
    pid_t child;

    shrink(watcher);
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 20; i++) {
            add_pairs("c", 0, 50, 9);
            if (system("ip link del group 9") != 0)
                _exit(1);
        }
        add_pairs("d", 0, 10, 9);
        _exit(0);
    }
    watcher->count = 0;
    while (waitpid(child, &status, WNOHANG) == 0)
        assert_true(links_poll(watcher->links) >= 0); /* the watcher checks each turn */
    assert_int_equal(status, 0);
    watch_more(watcher);
    assert_true(links_overruns(watcher->links) > 0);
    assert_same_as_kernel(watcher);
    run("ip link del group 9");
}

static void names_of_the_last_4096_removed_are_kept(void **state)
{
    struct watcher *watcher = *state;
    uint32_t first, last;

    run("ip link add earliest type veth peer name sl1");
    watch(watcher);
    first = link_named(watcher, "earliest")->ifindex;
    run("ip link del earliest");
    watch(watcher);
    assert_string_equal(links_name(watcher->links, first), "earliest");
    for (int i = 0; i < 5; i++) {
        add_pairs("k", 0, PAIRS, 7);
        watch(watcher);
        last = link_named(watcher, "ka499")->ifindex;
        run("ip link del group 7");
        watch(watcher);
    }
    assert_null(links_name(watcher->links, first));
    assert_string_equal(links_name(watcher->links, last), "ka499");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, watcher_setup, watcher_teardown)
        TEST(tells_what_is_there_at_the_start),
        TEST(tells_a_pair_and_its_end),
        TEST(tells_changes_once),
        TEST(leaving_a_bridge_is_no_removal),
        TEST(moving_away_is_a_removal),
        TEST(a_reused_index_is_another_interface),
        TEST(a_thousand_at_once_are_all_told),
        TEST(what_was_lost_is_found_by_comparing),
        TEST(nothing_is_lost_under_churn),
        TEST(names_of_the_last_4096_removed_are_kept),
    };

    enter_own_namespace();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
