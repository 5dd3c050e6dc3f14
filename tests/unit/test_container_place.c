/* SPDX-License-Identifier: Apache-2.0 */
/* What control groups and log folders tell of a container and its pod, from their text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "host/cgroup.h"
#include "host/container.h"

#define ID        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2       "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID       "7f4c1d2e-1111-2222-3333-444455556666"
#define UID_SLICE "7f4c1d2e_1111_2222_3333_444455556666"

struct place_row {
    const char *name;
    const char *text;
    const char *container;
    const char *pod_uid;
};

static const struct place_row place_rows[] = {
    {"docker, systemd", "0::/system.slice/docker-" ID ".scope\n", ID, ""},
    {"docker, cgroupfs", "0::/docker/" ID "\n", ID, ""},
    {"docker, version 1",
     "12:cpu,cpuacct:/docker/" ID "\n11:memory:/docker/" ID "\n1:name=systemd:/docker/" ID "\n", ID,
     ""},
    {"containerd, systemd",
     "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_SLICE
     ".slice/cri-containerd-" ID ".scope\n",
     ID, UID},
    {"CRI-O, guaranteed", "0::/kubepods.slice/kubepods-pod" UID_SLICE ".slice/crio-" ID ".scope\n",
     ID, UID},
    {"Kubernetes, cgroupfs", "0::/kubepods/besteffort/pod" UID "/" ID "\n", ID, UID},
    {"static pod", "0::/kubepods/burstable/pod0123456789abcdef0123456789abcdef/" ID "\n", ID,
     "0123456789abcdef0123456789abcdef"},
    {"kind: a node in a container",
     "0::/docker/" ID "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_SLICE
     ".slice/cri-containerd-" ID2 ".scope\n",
     ID2, UID},
    {"podman with a group inside", "0::/machine.slice/libpod-" ID ".scope/container/init.scope\n",
     ID, ""},
    {"LXC", "0::/lxc.payload.web/system.slice/nginx.service\n", "web", ""},
    {"CRI-O's monitor", "0::/kubepods.slice/crio-conmon-" ID ".scope\n", "", ""},
    {"podman's monitor", "0::/machine.slice/libpod-conmon-" ID ".scope\n", "", ""},
    {"a service", "0::/system.slice/nginx.service\n", "", ""},
    {"a login", "0::/user.slice/user-0.slice/session-1.scope\n", "", ""},
    {"root", "0::/\n", "", ""},
    {"one digit short", "0::/docker/0123456789abcdef\n", "", ""},
    {"upper case is no id",
     "0::/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n", "", ""},
    {"65 digits", "0::/docker/0" ID "\n", "", ""},
    {"no newline at the end", "0::/docker/" ID, ID, ""},
    {"empty", "", "", ""},
    {"no colons", "docker/" ID, "", ""},
    {"a pod's word that is no uid", "0::/podman/" ID "\n", ID, ""},
};

static void reads_control_groups(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(place_rows) / sizeof(place_rows[0]); i++) {
        const struct place_row *row = &place_rows[i];
        struct cgroup_place place;

        cgroup_parse(&place, row->text, strlen(row->text));
        if (strcmp(place.container, row->container) != 0 ||
            strcmp(place.pod_uid, row->pod_uid) != 0)
            fail_msg("%s: container %s, pod %s", row->name, place.container, place.pod_uid);
    }
}

static void finds_our_own_path(void **state)
{
    static const char text[] = "4:memory:/a/b\n2:cpu,cpuacct:/c\n0::/user.slice/x\n";
    char out[32];

    (void)state;
    assert_true(cgroup_unified_path(out, sizeof(out), text, strlen(text)));
    assert_string_equal(out, "/user.slice/x");
    assert_true(cgroup_memory_path(out, sizeof(out), text, strlen(text)));
    assert_string_equal(out, "/a/b");
    assert_false(cgroup_unified_path(out, 5, text, strlen(text)));
    assert_false(cgroup_memory_path(out, sizeof(out), "0::/\n", 5));
    assert_false(cgroup_unified_path(out, sizeof(out), "", 0));
}

struct folder_row {
    const char *folder;
    bool known;
    const char *pod_namespace;
    const char *pod;
};

static const struct folder_row folder_rows[] = {
    {"kube-system_coredns-5d78c9869d-x2x_" UID, true, "kube-system", "coredns-5d78c9869d-x2x"},
    {"default_web_11111111-1111-2222-3333-444455556666", false, "", ""},
    {"default_" UID, false, "", ""},
    {"" UID, false, "", ""},
    {".", false, "", ""},
    {"a-namespace-longer-than-the-sixty-three-characters-that-kubernetes-allows_web_" UID, false,
     "", ""},
};

static void reads_pod_folders(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(folder_rows) / sizeof(folder_rows[0]); i++) {
        const struct folder_row *row = &folder_rows[i];
        struct container_info info = {0};

        if (pod_folder_parse(&info, row->folder, UID) != row->known)
            fail_msg("%s", row->folder);
        assert_string_equal(info.pod_namespace, row->pod_namespace);
        assert_string_equal(info.pod, row->pod);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_control_groups),
        cmocka_unit_test(finds_our_own_path),
        cmocka_unit_test(reads_pod_folders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
