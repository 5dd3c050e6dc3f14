/* SPDX-License-Identifier: Apache-2.0
 *
 * Says which BPF programs sit on the TCX hooks of an interface: a line `ingress ID...` and a line
 * `egress ID...`; Debian 12's bpftool does not know TCX. Exit status 77: this kernel has no TCX.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, newer than Debian 12's headers */
#define TCX_EGRESS  47
#define PROGS_MAX   64

static int hooks_print(const char *name, uint32_t ifindex, uint32_t attach_type)
{
    uint32_t ids[PROGS_MAX] = {0};
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.query.target_fd = ifindex;
    attr.query.attach_type = attach_type;
    attr.query.prog_ids = (uintptr_t)ids;
    attr.query.prog_cnt = PROGS_MAX;
    if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr))) {
        if (errno != ENOENT)
            return -errno;
        attr.query.prog_cnt = 0;
    }
    printf("%s", name);
    for (uint32_t i = 0; i < attr.query.prog_cnt; i++)
        printf(" %u", ids[i]);
    printf("\n");
    return 0;
}

int main(int argc, char **argv)
{
    uint32_t ifindex = argc == 2 ? if_nametoindex(argv[1]) : 0;
    int err;

    if (!ifindex) {
        fprintf(stderr, "usage: hooks IFACE\n");
        return 2;
    }
    err = hooks_print("ingress", ifindex, TCX_INGRESS);
    if (!err)
        err = hooks_print("egress", ifindex, TCX_EGRESS);
    if (err)
        fprintf(stderr, "hooks: cannot ask for the programs of %s: %s\n", argv[1], strerror(-err));
    return !err ? 0 : err == -EINVAL ? 77 : 1;
}
