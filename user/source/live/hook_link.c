/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/hook_link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

/* True when the link is on that interface still, and not on one that is gone. */
static bool is_on(int fd, uint32_t ifindex)
{
    struct bpf_link_info info = {0};
    uint32_t len = sizeof(info);

    /* the interface is at the same place for every kind of link that has one */
    return !bpf_obj_get_info_by_fd(fd, &info, &len) && info.xdp.ifindex == ifindex;
}

/* -ENOENT: there is none that is alive. */
static int resume(const struct hook_link *link, const char *path)
{
    int fd = bpf_obj_get(path);

    if (fd < 0)
        return -ENOENT;
    if (is_on(fd, link->ifindex) && !bpf_link_update(fd, link->prog_fd, NULL))
        return fd;
    close(fd);
    unlink(path);
    return -ENOENT;
}

int hook_link_open(const struct hook_link *link, const char *path)
{
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = link->flags);
    int fd = path ? resume(link, path) : -ENOENT, err;

    if (fd >= 0)
        return fd;
    fd = bpf_link_create(link->prog_fd, (int)link->ifindex, (enum bpf_attach_type)link->attach_type,
                         &opts);
    err = fd >= 0 && path ? bpf_obj_pin(fd, path) : 0;
    if (err) {
        close(fd);
        return err;
    }
    return fd;
}
