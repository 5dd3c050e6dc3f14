/* SPDX-License-Identifier: Apache-2.0 */
/* Who is behind an interface, with real namespaces, named and nameless, and real processes in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/container.h"
#include "kernel/links_support.h"

#define SECOND 1000000000ull

struct place {
    struct watcher *watcher;
    struct containers *containers;
    char netns[32];
    uint64_t now_ns;
};

static struct place *place_new(void)
{
    struct place *place = calloc(1, sizeof(*place));
    void *watcher = NULL;

    assert_non_null(place);
    assert_int_equal(watcher_setup(&watcher), 0);
    place->watcher = watcher;
    place->containers = containers_new();
    assert_non_null(place->containers);
    place->now_ns = 100 * SECOND;
    snprintf(place->netns, sizeof(place->netns), "sst-cont-%d", (int)getpid());
    return place;
}

static void place_free(struct place *place)
{
    void *watcher = place->watcher;

    watcher_teardown(&watcher);
    containers_free(place->containers);
    free(place);
}

/* Look a second later than before. */
static const struct container_info *look(struct place *place, const char *name)
{
    watch(place->watcher);
    place->now_ns += 70 * SECOND;
    return containers_find(place->containers, link_named(place->watcher, name), place->now_ns);
}

/* A process in a namespace, waiting; its command name is "sleep" when this returns. */
static pid_t sleep_in(const char *netns_path)
{
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe2(ready, 0), 0);
    pid = fork();
    if (pid == 0) {
        if (netns_path) {
            FILE *file = fopen(netns_path, "re");

            if (!file || setns(fileno(file), CLONE_NEWNET) < 0)
                _exit(1);
        } else if (unshare(CLONE_NEWNET) < 0) {
            _exit(1);
        }
        dup2(ready[1], STDOUT_FILENO);
        close(ready[0]);
        close(ready[1]);
        execl("/bin/sh", "sh", "-c", "echo; exec sleep 1000 >/dev/null", (char *)NULL);
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(read(ready[0], &byte, 1), 0); /* closed as the shell has become sleep */
    close(ready[0]);
    usleep(20000);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void named_namespace(void **state)
{
    struct place *place = place_new();
    const struct container_info *info;
    char path[64];
    uint32_t ifindex;
    pid_t first, second;

    (void)state;
    run("ip netns add %s && ip link add v0 type veth peer name v1 netns %s", place->netns,
        place->netns);
    info = look(place, "v0");
    assert_string_equal(info->netns, place->netns);
    assert_int_equal(info->pid, 0);
    assert_string_equal(info->process, "");
    assert_string_equal(info->container, "");

    snprintf(path, sizeof(path), "/run/netns/%s", place->netns);
    first = sleep_in(path);
    info = look(place, "v0");
    assert_int_equal(info->pid, first);
    assert_string_equal(info->process, "sleep");

    second = sleep_in(path);
    assert_int_equal(look(place, "v0")->pid, first); /* the older one */
    end(first);
    assert_int_equal(look(place, "v0")->pid, second);
    end(second);
    assert_int_equal(look(place, "v0")->pid, second); /* whose sessions may not be reported yet */

    ifindex = link_named(place->watcher, "v0")->ifindex;
    run("ip netns del %s", place->netns);
    for (int i = 0; i < 100 && links_get(place->watcher->links, ifindex); i++) {
        usleep(20000);
        watch(place->watcher);
    }
    assert_null(links_get(place->watcher->links, ifindex));
    assert_string_equal(containers_get(place->containers, ifindex)->netns, place->netns);
    assert_null(containers_get(place->containers, 4000000));
    place_free(place);
}

static void nameless_namespace(void **state)
{
    struct place *place = place_new();
    pid_t pid = sleep_in(NULL);
    const struct container_info *info;

    (void)state;
    run("ip link add v0 type veth peer name v1 netns %d", (int)pid);
    info = look(place, "v0");
    assert_string_equal(info->netns, "");
    assert_string_equal(info->process, "sleep");
    assert_int_equal(info->pid, pid);
    end(pid);
    place_free(place);
}

static void a_pair_that_stays_leads_to_nobody(void **state)
{
    struct place *place = place_new();
    const struct container_info nothing = {0};

    (void)state;
    run("ip link add v0 type veth peer name v1");
    assert_memory_equal(look(place, "v0"), &nothing, sizeof(nothing));
    run("ip link del v0");
    place_free(place);
}

/* The namespace of process 1 holds every service of the host: none of them is the one. */
static void the_hosts_namespace_names_no_process(void **state)
{
    struct place *place = place_new();
    const struct container_info *info;

    (void)state;
    run("ip link add v0 type veth peer name sst-c%d netns 1", (int)getpid());
    info = look(place, "v0");
    assert_int_equal(info->pid, 0);
    assert_string_equal(info->process, "");
    run("ip link del v0");
    place_free(place);
}

/* Many calls are one scan a second: the second namespace is not seen until then. */
static void looks_at_most_once_a_second(void **state)
{
    struct place *place = place_new();
    pid_t a = sleep_in(NULL), b;
    const struct link_info *link;

    (void)state;
    run("ip link add v0 type veth peer name x netns %d", (int)a);
    assert_int_equal(look(place, "v0")->pid, a);
    b = sleep_in(NULL);
    run("ip link add v1 type veth peer name x netns %d", (int)b);
    watch(place->watcher);
    link = link_named(place->watcher, "v1");
    assert_int_equal(containers_find(place->containers, link, place->now_ns + SECOND / 2)->pid, 0);
    assert_int_equal(containers_find(place->containers, link, place->now_ns + SECOND)->pid, b);
    end(a);
    end(b);
    place_free(place);
}

/* Control groups that look like a runtime's: two containers in one namespace are not told apart. */
static void containers_by_control_group(void **state)
{
    const char *root =
        access("/sys/fs/cgroup/pids", W_OK) ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
    char procs[64];
    struct place *place;
    char dir[2][160];
    pid_t pid[2];
    const struct container_info *info;
    char ns_path[64];

    (void)state;
    snprintf(procs, sizeof(procs), "%s/cgroup.procs", root);
    if (access(procs, W_OK) < 0)
        skip();
    place = place_new();
    pid[0] = sleep_in(NULL);
    snprintf(ns_path, sizeof(ns_path), "/proc/%d/ns/net", (int)pid[0]);
    for (int i = 0; i < 2; i++) {
        snprintf(dir[i], sizeof(dir[i]), "%s/docker-%060d%04d.scope", root, i,
                 (int)getpid() % 10000);
        assert_int_equal(mkdir(dir[i], 0755), 0);
    }
    run("echo %d >%s/cgroup.procs", (int)pid[0], dir[0]);
    run("ip link add v0 type veth peer name x netns %d", (int)pid[0]);
    info = look(place, "v0");
    assert_int_equal(strlen(info->container), 64);
    assert_non_null(strstr(dir[0], info->container));
    assert_int_equal(info->pid, pid[0]);

    pid[1] = sleep_in(ns_path); /* has entered, from outside: not the container */
    assert_int_equal(look(place, "v0")->pid, pid[0]);
    run("echo %d >%s/cgroup.procs", (int)pid[1], dir[1]);
    info = look(place, "v0");
    assert_string_equal(info->container, "");
    assert_int_equal(info->pid, 0);
    for (int i = 0; i < 2; i++) {
        end(pid[i]);
        for (int k = 0; k < 100 && rmdir(dir[i]) < 0; k++)
            usleep(10000);
        assert_int_not_equal(access(dir[i], F_OK), 0);
    }
    place_free(place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_namespace),
        cmocka_unit_test(nameless_namespace),
        cmocka_unit_test(a_pair_that_stays_leads_to_nobody),
        cmocka_unit_test(the_hosts_namespace_names_no_process),
        cmocka_unit_test(looks_at_most_once_a_second),
        cmocka_unit_test(containers_by_control_group),
    };

    enter_own_namespace();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
