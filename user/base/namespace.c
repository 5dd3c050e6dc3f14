/* SPDX-License-Identifier: Apache-2.0 */
#include "base/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

int namespace_enter(int ns_fd, int *back)
{
    int err;

    *back = -1;
    if (ns_fd < 0)
        return 0;
    *back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (*back < 0)
        return -errno;
    if (!setns(ns_fd, CLONE_NEWNET))
        return 0;
    err = -errno;
    close(*back);
    return err;
}

void namespace_leave(int back)
{
    if (back < 0)
        return;
    if (setns(back, CLONE_NEWNET)) {
        log_error("cannot return to our own network namespace: %s", strerror(errno));
        abort();
    }
    close(back);
}
