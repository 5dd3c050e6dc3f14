/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is behind an interface: the network namespace, container, pod and process at the other end of
 * a veth or netkit pair. What is not known for sure is left out.
 */
#ifndef SESSTAP_CONTAINER_H
#define SESSTAP_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/cgroup.h"
#include "host/links.h"

/* Each "" (pid 0) when unknown. */
struct container_info {
    char netns[64];                    /* its name below /run/netns */
    char container[CONTAINER_ID_SIZE]; /* id as the runtime gives it */
    char pod[254];
    char pod_namespace[64];
    char process[16]; /* command name of the namespace's oldest process, see containers_find */
    int64_t pid;      /* its id where we run */
};

struct containers;

/* NULL with errno. */
struct containers *containers_new(void);
void containers_free(struct containers *containers); /* NULL is fine */

/*
 * What is known of the side behind a present interface; all unknown when it leads nowhere else.
 * Looks at /run/netns and /proc when that may tell more: at most once a second for all interfaces
 * together, and ever more seldom for one that does not change. So it may be called at will.
 *
 * The process is the oldest of the namespace's container (or of the namespace, when it has none).
 * Several containers in one namespace (a pod; its pause process is not counted) can't be told
 * apart, so container, process and pid stay unknown then. Borrowed until the next call.
 */
const struct container_info *containers_find(struct containers *containers,
                                             const struct link_info *link, uint64_t mono_now_ns);

/* What was last found, also after the interface is gone (the last 8192); NULL: never looked at. */
const struct container_info *containers_get(const struct containers *containers, uint32_t ifindex);

/* "kube-system_coredns-abc_<uid>", a folder of /var/log/pods: false when it is not that pod's. */
bool pod_folder_parse(struct container_info *info, const char *folder, const char *pod_uid);

#endif
