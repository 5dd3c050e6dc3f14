/* SPDX-License-Identifier: Apache-2.0 */
#include "base/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

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

uint64_t namespace_cookie(int ns_fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof(cookie);
    int back, fd;

    if (namespace_enter(ns_fd, &back))
        return 0;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    namespace_leave(back);
    if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
        cookie = 0;
    if (fd >= 0)
        close(fd);
    return cookie;
}
