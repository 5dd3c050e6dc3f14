/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interface -> nsid of its peer -> inode of that namespace -> processes in it -> control group ->
 * container, pod. Files inside a container are never opened: what it mounts there could block us.
 */
#include "host/container.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "host/netns.h"

#define BUCKETS             1024
#define ENTRIES_KEPT        8192
#define SCAN_PERIOD_NS      1000000000ull
#define PATIENCE_MAX_NS     (64 * SCAN_PERIOD_NS)
#define PROCESSES_LOOKED_AT 256 /* of one namespace */
#define POD_LOGS            "/var/log/pods"
#define PROC_TEXT_BYTES     4096

struct entry {
    struct container_info info;
    uint32_t ifindex;
    int32_t nsid; /* this and the peer: not the same interface when they differ */
    uint32_t peer_ifindex;
    ino_t inode;          /* of the namespace, 0: not found */
    uint64_t check_ns;    /* when to see whether the process is still there */
    uint64_t look_ns;     /* when to look at the namespace again */
    uint64_t patience_ns; /* doubles with each look that told nothing new */
    struct entry *hash_next;
    TAILQ_ENTRY(entry) order; /* oldest first */
};

struct containers {
    struct netns_scan scan;
    uint64_t scanned_ns; /* 0: never */
    TAILQ_HEAD(, entry) entries;
    size_t count;
    struct entry *buckets[BUCKETS];
};

/* One process that may stand for its namespace. */
struct candidate {
    pid_t pid;
    uint64_t start_ticks;
    char comm[16];
    struct cgroup_place place;
};

/* ---- one process ---------------------------------------------------------------------------- */

/* Bytes read of /proc/PID/file, a zero byte after them; 0 when it is gone. */
static size_t read_proc(pid_t pid, const char *file, char *out, size_t size)
{
    char path[64];
    ssize_t len;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    len = read(fd, out, size - 1);
    close(fd);
    out[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

/* Fields 2 and 22 of proc(5) stat; the command may hold spaces and brackets. */
static bool read_stat(struct candidate *process)
{
    char text[1024];
    size_t len = read_proc(process->pid, "stat", text, sizeof(text));
    const char *open_at = len ? strchr(text, '(') : NULL;
    const char *close_at = len ? strrchr(text, ')') : NULL;
    size_t comm_len;

    if (!open_at || !close_at || close_at < open_at)
        return false;
    comm_len = (size_t)(close_at - open_at) - 1;
    if (comm_len >= sizeof(process->comm))
        return false;
    memcpy(process->comm, open_at + 1, comm_len);
    process->comm[comm_len] = '\0';
    return sscanf(
               close_at + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
               &process->start_ticks) == 1;
}

static bool read_candidate(struct candidate *process, pid_t pid)
{
    char text[PROC_TEXT_BYTES];
    size_t len;

    memset(process, 0, sizeof(*process));
    process->pid = pid;
    if (!read_stat(process))
        return false;
    len = read_proc(pid, "cgroup", text, sizeof(text));
    cgroup_parse(&process->place, text, len);
    return true;
}

/* ---- one namespace -------------------------------------------------------------------------- */

bool pod_folder_parse(struct container_info *info, const char *folder, const char *pod_uid)
{
    const char *pod = strchr(folder, '_');
    const char *uid = pod ? strchr(pod + 1, '_') : NULL;
    size_t namespace_len, pod_len;

    if (!uid || strcmp(uid + 1, pod_uid) != 0)
        return false;
    namespace_len = (size_t)(pod - folder);
    pod_len = (size_t)(uid - pod) - 1;
    if (namespace_len >= sizeof(info->pod_namespace) || pod_len >= sizeof(info->pod))
        return false;
    memcpy(info->pod_namespace, folder, namespace_len);
    info->pod_namespace[namespace_len] = '\0';
    memcpy(info->pod, pod + 1, pod_len);
    info->pod[pod_len] = '\0';
    return true;
}

static void find_pod(struct container_info *info, const char *pod_uid)
{
    DIR *dir = opendir(POD_LOGS);
    struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (pod_folder_parse(info, entry->d_name, pod_uid))
            break;
    closedir(dir);
}

static bool is_older(const struct candidate *a, const struct candidate *b)
{
    return a->start_ticks != b->start_ticks ? a->start_ticks < b->start_ticks : a->pid < b->pid;
}

/* A process in a container stands before one that has only entered its namespace. */
static bool is_better(const struct candidate *a, const struct candidate *b)
{
    bool a_in = a->place.container[0] != 0, b_in = b->place.container[0] != 0;

    return a_in != b_in ? a_in : is_older(a, b);
}

static void take_process(struct container_info *info, const struct candidate *process)
{
    memcpy(info->container, process->place.container, sizeof(info->container));
    memcpy(info->process, process->comm, sizeof(info->process));
    info->pid = process->pid;
}

/* False: no process was found that tells anything. */
static bool look_at_processes(const struct netns_scan *scan, ino_t inode,
                              struct container_info *info)
{
    struct candidate best = {0};
    bool several = false;
    int looked = 0;

    for (size_t i = 0; i < scan->process_count && looked < PROCESSES_LOOKED_AT; i++) {
        struct candidate process;

        if (scan->processes[i].inode != inode)
            continue;
        looked++;
        if (!read_candidate(&process, scan->processes[i].pid) ||
            (process.place.pod_uid[0] && strcmp(process.comm, "pause") == 0))
            continue;
        several |= best.place.container[0] && process.place.container[0] &&
                   strcmp(best.place.container, process.place.container) != 0;
        if (!best.pid || is_better(&process, &best))
            best = process;
    }
    if (!best.pid)
        return false;
    if (!several)
        take_process(info, &best);
    if (best.place.pod_uid[0])
        find_pod(info, best.place.pod_uid);
    return true;
}

/* ---- the entries ---------------------------------------------------------------------------- */

static struct entry *find_entry(const struct containers *containers, uint32_t ifindex)
{
    struct entry *entry = containers->buckets[ifindex % BUCKETS];

    while (entry && entry->ifindex != ifindex)
        entry = entry->hash_next;
    return entry;
}

static void drop_entry(struct containers *containers, struct entry *entry)
{
    struct entry **at = &containers->buckets[entry->ifindex % BUCKETS];

    while (*at != entry)
        at = &(*at)->hash_next;
    *at = entry->hash_next;
    TAILQ_REMOVE(&containers->entries, entry, order);
    containers->count--;
    free(entry);
}

static bool is_same_interface(const struct entry *entry, const struct link_info *link)
{
    return entry->nsid == link->link_netnsid && entry->peer_ifindex == link->peer_ifindex;
}

/* The interface's entry, a new one when its index has come to lead elsewhere. NULL: no memory. */
static struct entry *entry_of(struct containers *containers, const struct link_info *link)
{
    struct entry *entry = find_entry(containers, link->ifindex);
    struct entry **bucket = &containers->buckets[link->ifindex % BUCKETS];

    if (entry && is_same_interface(entry, link))
        return entry;
    if (entry)
        drop_entry(containers, entry);
    if (containers->count == ENTRIES_KEPT)
        drop_entry(containers, TAILQ_FIRST(&containers->entries));
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    entry->ifindex = link->ifindex;
    entry->nsid = link->link_netnsid;
    entry->peer_ifindex = link->peer_ifindex;
    entry->patience_ns = SCAN_PERIOD_NS;
    entry->hash_next = *bucket;
    *bucket = entry;
    TAILQ_INSERT_TAIL(&containers->entries, entry, order);
    containers->count++;
    return entry;
}

/* The process that stood for the namespace may have ended, and another taken its place. */
static bool has_lost_process(struct entry *entry, uint64_t mono_now_ns)
{
    if (!entry->info.pid || mono_now_ns < entry->check_ns)
        return false;
    entry->check_ns = mono_now_ns + SCAN_PERIOD_NS;
    return netns_of_process((pid_t)entry->info.pid) != entry->inode;
}

/* What is known stays when nothing else is found: its sessions may still be reported. */
static bool look(const struct netns_scan *scan, struct entry *entry)
{
    const struct netns *space = netns_find(scan, entry->nsid);
    struct container_info info = {0};
    bool is_new;

    if (!space)
        return false;
    entry->inode = space->inode;
    memcpy(info.netns, space->name, sizeof(info.netns));
    if (space->is_init || !look_at_processes(scan, space->inode, &info)) {
        memcpy(entry->info.netns, info.netns, sizeof(info.netns));
        return false;
    }
    is_new = memcmp(&entry->info, &info, sizeof(info)) != 0;
    entry->info = info;
    return is_new;
}

/* Look, and settle when to look again: soon while things change, or when the scan is an old one. */
static void look_and_wait(struct containers *containers, struct entry *entry, uint64_t mono_now_ns)
{
    bool fresh = mono_now_ns - containers->scanned_ns >= SCAN_PERIOD_NS || !containers->scanned_ns;

    if (fresh) {
        containers->scanned_ns = mono_now_ns;
        if (netns_scan(&containers->scan) < 0)
            return;
    }
    if (look(&containers->scan, entry))
        entry->patience_ns = SCAN_PERIOD_NS;
    else if (fresh && entry->patience_ns < PATIENCE_MAX_NS)
        entry->patience_ns *= 2;
    entry->look_ns = (fresh ? mono_now_ns : containers->scanned_ns) + entry->patience_ns;
}

struct containers *containers_new(void)
{
    struct containers *containers = calloc(1, sizeof(*containers));

    if (containers)
        TAILQ_INIT(&containers->entries);
    return containers;
}

void containers_free(struct containers *containers)
{
    if (!containers)
        return;
    while (!TAILQ_EMPTY(&containers->entries))
        drop_entry(containers, TAILQ_FIRST(&containers->entries));
    netns_scan_fini(&containers->scan);
    free(containers);
}

const struct container_info *containers_find(struct containers *containers,
                                             const struct link_info *link, uint64_t mono_now_ns)
{
    static const struct container_info nothing;
    struct entry *entry = entry_of(containers, link);

    if (!entry)
        return &nothing;
    if (entry->nsid >= 0 && (mono_now_ns >= entry->look_ns || has_lost_process(entry, mono_now_ns)))
        look_and_wait(containers, entry, mono_now_ns);
    return &entry->info;
}

const struct container_info *containers_get(const struct containers *containers, uint32_t ifindex)
{
    const struct entry *entry = find_entry(containers, ifindex);

    return entry ? &entry->info : NULL;
}
