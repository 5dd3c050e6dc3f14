/* SPDX-License-Identifier: Apache-2.0 */
/* `sesstap doctor`: tries what `sesstap run` will need, and says what to do about what fails. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/doctor_report.h"
#include "cmd/run_options.h"
#include "host/container.h"
#include "host/links.h"
#include "host/machine.h"
#include "host/probe.h"
#include "source/live/live.h"
#include "version.h"

#define MB(bytes) ((unsigned long long)((bytes) >> 20))
/* Element of a preallocated hash map: bucket link, hash and padding before key and value. */
#define MAP_ELEMENT_BYTES 48
#define POLLS_MAX         100

static __attribute__((format(printf, 5, 6))) void add_check(struct doctor_report *report,
                                                            const char *name,
                                                            enum check_result result,
                                                            const char *advice, const char *fmt,
                                                            ...)
{
    struct check *check = &report->checks[report->check_count++];
    va_list args;

    check->name = name;
    check->result = result;
    va_start(args, fmt);
    vsnprintf(check->finding, sizeof(check->finding), fmt, args);
    va_end(args);
    snprintf(check->advice, sizeof(check->advice), "%s", advice);
}

/* A check whose answer is yes, no (then: result) or not to be had. */
static void add_probe(struct doctor_report *report, const char *name, enum probe answer,
                      enum check_result no_result, const char *yes, const char *no,
                      const char *advice)
{
    if (answer == PROBE_YES)
        add_check(report, name, CHECK_OK, "", "%s", yes);
    else if (answer == PROBE_NO)
        add_check(report, name, no_result, advice, "%s", no);
    else
        add_check(report, name, CHECK_UNKNOWN, "run doctor as root to know", "may not be tried");
}

static bool has_capability(uint64_t set, int capability)
{
    return set >> capability & 1;
}

static void check_privileges(struct doctor_report *report)
{
    uint64_t set = machine_capabilities();
    bool admin = has_capability(set, CAP_SYS_ADMIN);
    bool bpf = admin || has_capability(set, CAP_BPF);
    bool perfmon = admin || has_capability(set, CAP_PERFMON);
    bool net = has_capability(set, CAP_NET_ADMIN);

    if (!bpf || !perfmon || !net)
        add_check(report, "privileges", CHECK_MISSING,
                  "run it as root, or give CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
                  "lacks%s%s%s: BPF programs can't be loaded", bpf ? "" : " CAP_BPF",
                  perfmon ? "" : " CAP_PERFMON", net ? "" : " CAP_NET_ADMIN");
    else if (!admin || !has_capability(set, CAP_SYS_PTRACE))
        add_check(
            report, "privileges", CHECK_LIMITED, "for those give CAP_SYS_ADMIN and CAP_SYS_PTRACE",
            "enough to track, but for --netns; names of containers and processes may stay unknown");
    else
        add_check(report, "privileges", CHECK_OK, "", "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN");
}

static void check_kernel(struct doctor_report *report)
{
    struct utsname name;

    uname(&name);
    add_check(report, "kernel", CHECK_OK, "", "%s %s", name.release, name.machine);
    add_probe(report, "BTF", probe_btf(), CHECK_MISSING, "the kernel describes its types",
              "no /sys/kernel/btf/vmlinux: programs can't be fitted to this kernel",
              "use a kernel with CONFIG_DEBUG_INFO_BTF=y (Debian's and Ubuntu's have it)");
}

static bool check_programs(struct doctor_report *report)
{
    int error = 0;
    enum probe programs = probe_programs(&error);

    if (programs == PROBE_NO)
        add_check(report, "BPF", CHECK_MISSING,
                  "use a kernel with CONFIG_BPF_SYSCALL=y, CONFIG_NET_CLS_BPF",
                  "the simplest program is refused: %s", strerror(-error));
    else
        add_probe(report, "BPF", programs, CHECK_MISSING, "programs can be loaded", "", "");
    return programs == PROBE_YES;
}

static void check_hooks(struct doctor_report *report)
{
    enum probe tcx = probe_tcx();
    enum probe clsact = probe_clsact();

    add_probe(report, "JIT", probe_jit(), CHECK_LIMITED, "programs run as machine code",
              "programs are interpreted: each packet costs several times more",
              "sysctl net.core.bpf_jit_enable=1");
    add_probe(report, "TCX", tcx, CHECK_LIMITED, "hooks go by themselves, even after SIGKILL",
              "not in this kernel (6.6 brings it): clsact is used",
              "nothing; after a SIGKILL the next start cleans up");
    add_probe(report, "clsact", clsact, tcx == PROBE_YES ? CHECK_OK : CHECK_MISSING,
              tcx == PROBE_YES ? "there too, not needed" : "used in place of TCX",
              "not in this kernel", tcx == PROBE_YES ? "" : "modprobe sch_ingress cls_bpf");
    add_probe(report, "XDP", probe_xdp_frags(), CHECK_LIMITED,
              "for --mode xdp and auto, where an interface's driver has it",
              "not for packets of several pieces (5.18 brings that): --mode tc alone works",
              "nothing; --mode tc is the default");
}

static void check_features(struct doctor_report *report)
{
    const char *helper = probe_missing_helper();

    add_probe(report, "ring buffer", probe_ring_buffer(), CHECK_MISSING, "events can be passed on",
              "this kernel has none", "use kernel 5.8 or later; 6.1 is the oldest that is tested");
    add_probe(report, "batch lookup", probe_batch_lookup(), CHECK_MISSING,
              "the flow table can be swept", "the flow table can't be swept",
              "use kernel 5.6 or later; 6.1 is the oldest that is tested");
    add_probe(report, "take element", probe_take_element(), CHECK_MISSING,
              "finished sessions can be taken", "finished sessions can't be taken",
              "use kernel 5.14 or later; 6.1 is the oldest that is tested");
    if (helper)
        add_check(report, "helpers", CHECK_MISSING, "use kernel 6.1 or later",
                  "this kernel lacks %s", helper);
    else
        add_check(report, "helpers", CHECK_OK, "", "all that the programs call are there");
}

/* The one answer that counts: our programs, in this kernel, with a table of the usual size. */
static void check_load(struct doctor_report *report)
{
    const struct live_conf conf = {
        .mode = probe_xdp_frags() == PROBE_YES ? LIVE_AUTO : LIVE_TC,
        .depth_bytes = RUN_DEFAULT_DEPTH_BYTES,
        .snaplen_bytes = RUN_DEFAULT_SNAPLEN_BYTES,
        .max_flows = RUN_DEFAULT_MAX_FLOWS,
        .payload_ring_bytes = 1 << 20,
    };
    const struct live_events events = {0};
    struct live *live = live_open(&conf, &events);

    if (live)
        add_check(report, "load", CHECK_OK, "", "sesstap's programs and a table of %u sessions",
                  conf.max_flows);
    else
        add_check(report, "load", CHECK_MISSING,
                  "the line above says what failed; for memory, run with a smaller --max-flows",
                  "sesstap's programs could not be loaded: %s", strerror(errno));
    live_close(live);
}

static void check_memory(struct doctor_report *report)
{
    uint64_t table = (uint64_t)RUN_DEFAULT_MAX_FLOWS *
                     (sizeof(struct flow_key) + sizeof(struct flow) + MAP_ELEMENT_BYTES);
    uint64_t total = machine_memory_bytes();
    uint64_t limit = machine_memory_limit_bytes();
    uint64_t used = machine_memory_used_bytes();
    uint64_t room = limit == UINT64_MAX ? total : limit > used ? limit - used : 0;
    char limited[96] = "no limit of a control group";

    if (limit != UINT64_MAX)
        snprintf(limited, sizeof(limited), "control group's limit %llu MB, %llu in use", MB(limit),
                 MB(used));
    add_check(report, "memory", room < table * 2 ? CHECK_LIMITED : CHECK_OK,
              room < table * 2 ? "run with a smaller --max-flows, or raise the limit" : "",
              "table of %u sessions %llu MB; machine %llu MB; %s", RUN_DEFAULT_MAX_FLOWS, MB(table),
              MB(total), limited);
}

/* RLIMIT_MEMLOCK only counts where the control group does not. */
static void check_memlock(struct doctor_report *report)
{
    struct rlimit limit = {0};

    if (probe_memory_by_cgroup() != PROBE_NO || getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
        add_check(report, "memlock", CHECK_OK, "",
                  "has no say: BPF memory counts for the control group");
    else if (limit.rlim_cur == RLIM_INFINITY)
        add_check(report, "memlock", CHECK_OK, "", "unlimited");
    else
        add_check(report, "memlock", CHECK_LIMITED, "ulimit -l unlimited", "%llu MB for BPF maps",
                  MB((unsigned long long)limit.rlim_cur));
}

static void check_unprivileged(struct doctor_report *report)
{
    FILE *file = fopen("/proc/sys/kernel/unprivileged_bpf_disabled", "re");
    int value = file ? fgetc(file) : EOF;

    if (file)
        fclose(file);
    if (value == '0')
        add_check(report, "unprivileged", CHECK_OK,
                  "for safety: sysctl kernel.unprivileged_bpf_disabled=2",
                  "any user may load BPF programs here; sesstap does not need that");
    else
        add_check(report, "unprivileged", CHECK_OK, "", "BPF is for the privileged only");
}

/* ---- interfaces ----------------------------------------------------------------------------- */

static void on_link(void *ctx, const struct link_info *link)
{
    (void)ctx;
    (void)link;
}

static void on_link_changed(void *ctx, const struct link_info *link, const struct link_info *before)
{
    (void)ctx;
    (void)link;
    (void)before;
}

static void describe(struct attachable *one, const struct link_info *link,
                     struct containers *containers, uint64_t mono_now_ns)
{
    const struct link_filter by_default = {0};
    const struct container_info *info = containers_find(containers, link, mono_now_ns);

    memcpy(one->name, link->name, sizeof(one->name));
    memcpy(one->kind, link->kind, sizeof(one->kind));
    one->by_default = links_match(&by_default, link);
    one->up = link->up;
    memcpy(one->netns, info->netns, sizeof(one->netns));
    if (info->container[0])
        memcpy(one->container, info->container, sizeof(one->container));
    else
        memcpy(one->container, info->process, sizeof(info->process));
}

/* The number of those tracked by default. */
static size_t list_interfaces(struct doctor_report *report, const struct links *links,
                              struct containers *containers)
{
    const struct link_info *link = NULL;
    uint64_t now_ns = clock_mono_ns();
    size_t by_default = 0;

    report->interfaces = calloc(links_count(links) + 1, sizeof(*report->interfaces));
    while (report->interfaces && (link = links_next(links, link))) {
        struct attachable *one = &report->interfaces[report->interface_count];

        if (!link_is_readable(link))
            continue;
        describe(one, link, containers, now_ns);
        by_default += one->by_default;
        report->interface_count++;
    }
    return by_default;
}

static void check_interfaces(struct doctor_report *report)
{
    const struct links_events events = {on_link, on_link_changed, on_link, NULL};
    struct containers *containers = containers_new();
    struct links *links = links_open(&events);
    size_t by_default = 0;
    int err = links ? 1 : -errno;

    for (int i = 0; err == 1 && i < POLLS_MAX; i++)
        err = links_poll(links);
    if (err || !containers) {
        add_check(report, "interfaces", CHECK_MISSING, "see whether `ip link` works here",
                  "can't be listed: %s", strerror(err < 0 ? -err : EAGAIN));
    } else {
        by_default = list_interfaces(report, links, containers);
        add_check(report, "interfaces", by_default ? CHECK_OK : CHECK_LIMITED,
                  by_default ? "" : "start a container, or choose others with run -i",
                  "%zu tracked by default (veth, netkit), %zu more with -i", by_default,
                  report->interface_count - by_default);
    }
    links_close(links);
    containers_free(containers);
}

/* ---- the command ---------------------------------------------------------------------------- */

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
    (void)level;
    (void)fmt;
    (void)args;
    return 0;
}

/* https://no-color.org */
static bool wants_colour(void)
{
    const char *no_color = getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && (!no_color || !no_color[0]);
}

static void examine(struct doctor_report *report)
{
    bool loads;

    check_kernel(report);
    check_privileges(report);
    loads = check_programs(report);
    if (loads) {
        check_hooks(report);
        check_features(report);
        check_load(report);
    }
    check_memory(report);
    check_memlock(report);
    check_unprivileged(report);
    check_interfaces(report);
}

int cmd_doctor(int argc, char **argv)
{
    bool json = false;
    struct doctor_report report = {0};
    struct buf out = {0};
    int status;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") != 0) {
            log_error("doctor: what is '%s'? see 'sesstap help doctor'", argv[i]);
            return EXIT_USAGE;
        }
        json = true;
    }
    libbpf_set_print(quiet);
    examine(&report);
    if (json)
        doctor_report_write_json(&out, &report, SESSTAP_VERSION);
    else
        doctor_report_write_table(&out, &report, wants_colour());
    status = doctor_report_is_good(&report) ? EXIT_DONE : EXIT_FAILED;
    if (out.failed || fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0) {
        log_error("doctor: can't write its report: %s", strerror(errno));
        status = EXIT_FAILED;
    }
    buf_fini(&out);
    doctor_report_fini(&report);
    return status;
}
