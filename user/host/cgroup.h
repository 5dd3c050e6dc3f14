/* SPDX-License-Identifier: Apache-2.0 */
/* What the control group of a process tells of the container it is in. */
#ifndef SESSTAP_CGROUP_H
#define SESSTAP_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#define CONTAINER_ID_SIZE 65 /* 64 hex digits */
#define POD_UID_SIZE      37 /* a UUID, or 32 hex digits for a static pod */

struct cgroup_place {
    char container[CONTAINER_ID_SIZE]; /* "": none was recognised */
    char pod_uid[POD_UID_SIZE];        /* of Kubernetes, dashes restored; "": none */
};

/*
 * text: /proc/PID/cgroup, or the same with paths of version 1. Known are Docker, containerd, CRI-O,
 * Podman (64 hex digits, with or without a runtime's prefix and ".scope") and LXC (by name). With
 * containers in containers the innermost counts.
 */
void cgroup_parse(struct cgroup_place *place, const char *text, size_t len);

/*
 * Copy our path in the hierarchy that limits memory: that of version 2 (the line "0::") or of the
 * version 1 controller. False when there is none or no room; size at least 1.
 */
bool cgroup_unified_path(char *out, size_t size, const char *text, size_t len);
bool cgroup_memory_path(char *out, size_t size, const char *text, size_t len);

#endif
