/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks are tried by a child process, which alone enters a namespace of its own. */
#include "host/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BPF_TCX_INGRESS_TYPE 46 /* BPF_TCX_INGRESS, not in the headers of Debian 12 */
#define CLSACT_PRIORITY      49152

/* Two instructions: r0 = result; exit. */
static int load_returning(enum bpf_prog_type type, uint32_t flags, int result)
{
    LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = flags);
    const struct bpf_insn insns[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = result},
        {.code = BPF_JMP | BPF_EXIT},
    };

    return bpf_prog_load(type, "sesstap_probe", "GPL", insns, 2, &opts);
}

static int load_program(int *error)
{
    int fd = load_returning(BPF_PROG_TYPE_SCHED_CLS, 0, -1); /* TCX_NEXT, also TC_ACT_UNSPEC */

    *error = fd < 0 ? fd : 0;
    return fd;
}

static enum probe refused(int err)
{
    return err == -EPERM || err == -EACCES ? PROBE_UNKNOWN : PROBE_NO;
}

enum probe probe_btf(void)
{
    return access("/sys/kernel/btf/vmlinux", R_OK) == 0 ? PROBE_YES : PROBE_NO;
}

enum probe probe_programs(int *error)
{
    int fd = load_program(error);

    if (fd < 0)
        return refused(*error);
    close(fd);
    return PROBE_YES;
}

enum probe probe_jit(void)
{
    struct bpf_prog_info info = {0};
    __u32 len = sizeof(info);
    int err, fd = load_program(&err);

    if (fd < 0)
        return PROBE_UNKNOWN;
    err = bpf_obj_get_info_by_fd(fd, &info, &len);
    close(fd);
    if (err)
        return PROBE_UNKNOWN;
    return info.jited_prog_len ? PROBE_YES : PROBE_NO;
}

/* ---- hooks ---------------------------------------------------------------------------------- */

static enum probe try_tcx(int prog_fd, unsigned int ifindex)
{
    int fd =
        bpf_link_create(prog_fd, (int)ifindex, (enum bpf_attach_type)BPF_TCX_INGRESS_TYPE, NULL);

    if (fd < 0)
        return refused(fd);
    close(fd);
    return PROBE_YES;
}

static enum probe try_clsact(int prog_fd, unsigned int ifindex)
{
    DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
    DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = CLSACT_PRIORITY,
                        .prog_fd = prog_fd);
    int err = bpf_tc_hook_create(&hook);

    if (!err)
        err = bpf_tc_attach(&hook, &opts);
    return err ? refused(err) : PROBE_YES;
}

/* Its exit status is the answer; the namespace and all in it go with it. */
static void try_in_own_namespace(enum probe (*try)(int prog_fd, unsigned int ifindex))
{
    int err, prog_fd;

    libbpf_set_print(NULL);
    if (unshare(CLONE_NEWNET) < 0)
        _exit(PROBE_UNKNOWN);
    prog_fd = load_program(&err);
    _exit(prog_fd < 0 ? (int)refused(err) : (int)try(prog_fd, if_nametoindex("lo")));
}

static enum probe try_hook(enum probe (*try)(int prog_fd, unsigned int ifindex))
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        try_in_own_namespace(try);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return PROBE_UNKNOWN;
    return (enum probe)WEXITSTATUS(status);
}

enum probe probe_tcx(void)
{
    return try_hook(try_tcx);
}

enum probe probe_clsact(void)
{
    return try_hook(try_clsact);
}

enum probe probe_xdp_frags(void)
{
    int fd = load_returning(BPF_PROG_TYPE_XDP, BPF_F_XDP_HAS_FRAGS, XDP_PASS);

    if (fd < 0)
        return refused(fd);
    close(fd);
    return PROBE_YES;
}

/* ---- maps and helpers ------------------------------------------------------------------------ */

enum probe probe_ring_buffer(void)
{
    LIBBPF_OPTS(bpf_map_create_opts, opts);
    int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "sesstap_probe", 0, 0,
                            (__u32)sysconf(_SC_PAGESIZE), &opts);

    if (fd < 0)
        return refused(fd);
    close(fd);
    return PROBE_YES;
}

/* An empty map answers ENOENT when it knows the question. */
static enum probe ask_empty_map(int (*ask)(int map_fd))
{
    int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "sesstap_probe", 4, 8, 1, NULL);
    int err;

    if (fd < 0)
        return refused(fd);
    err = ask(fd);
    close(fd);
    return err == 0 || err == -ENOENT ? PROBE_YES : PROBE_NO;
}

static int ask_batch(int map_fd)
{
    __u32 key, next, count = 1;
    __u64 value;

    return bpf_map_lookup_batch(map_fd, NULL, &next, &key, &value, &count, NULL);
}

static int ask_take(int map_fd)
{
    __u32 key = 0;
    __u64 value;

    return bpf_map_lookup_and_delete_elem(map_fd, &key, &value);
}

enum probe probe_batch_lookup(void)
{
    return ask_empty_map(ask_batch);
}

enum probe probe_take_element(void)
{
    return ask_empty_map(ask_take);
}

const char *probe_missing_helper(void)
{
    static const struct {
        enum bpf_func_id id;
        const char *name;
    } helpers[] = {
        {BPF_FUNC_map_lookup_elem, "bpf_map_lookup_elem"},
        {BPF_FUNC_map_update_elem, "bpf_map_update_elem"},
        {BPF_FUNC_get_smp_processor_id, "bpf_get_smp_processor_id"},
        {BPF_FUNC_ktime_get_ns, "bpf_ktime_get_ns"},
        {BPF_FUNC_skb_load_bytes, "bpf_skb_load_bytes"},
        {BPF_FUNC_ringbuf_reserve, "bpf_ringbuf_reserve"},
        {BPF_FUNC_ringbuf_submit, "bpf_ringbuf_submit"},
        {BPF_FUNC_ringbuf_discard, "bpf_ringbuf_discard"},
        {BPF_FUNC_ringbuf_output, "bpf_ringbuf_output"},
        {BPF_FUNC_ringbuf_query, "bpf_ringbuf_query"},
    };

    for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
        if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, helpers[i].id, NULL) == 0)
            return helpers[i].name;
    return NULL;
}

/* This helper came with the same kernel (libbpf looks for it too). */
enum probe probe_memory_by_cgroup(void)
{
    int found =
        libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCKET_FILTER, BPF_FUNC_ktime_get_coarse_ns, NULL);

    return found < 0 ? PROBE_UNKNOWN : found ? PROBE_YES : PROBE_NO;
}
