/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/pin.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/namespace.h"
#include "source/live/mapped.h"

#define PIN_PATH_MAX (PIN_DIR_MAX + 80)

/* Room for the work on one packet or request: nothing in them outlives it. */
static const char *const SCRATCH_MAPS[] = {"works", "heads", "take_room"};

/* ---- the folder ------------------------------------------------------------------------------- */

static bool is_bpf_fs(const char *path)
{
    struct statfs fs;

    return !statfs(path, &fs) && (uint32_t)fs.f_type == BPF_FS_MAGIC;
}

/* The folder that dir is in; dir itself when it is there. */
static void nearest(char out[PIN_DIR_MAX], const char *dir)
{
    char *slash;

    snprintf(out, PIN_DIR_MAX, "%s", dir);
    if (!access(dir, F_OK))
        return;
    slash = strrchr(out, '/');
    if (!slash)
        snprintf(out, PIN_DIR_MAX, ".");
    else
        slash[slash == out] = '\0';
}

static int make_folder(const char *path)
{
    if (!mkdir(path, 0700) || errno == EEXIST)
        return 0;
    log_error("--pin: cannot make the folder %s: %s", path, strerror(errno));
    return -errno;
}

/* The process that has the lock, from a list of all locks; 0: not to be found out. */
static int locked_by(int dir_fd)
{
    FILE *locks = fopen("/proc/locks", "re");
    char line[256];
    struct stat info;
    int pid = 0;

    if (!locks)
        return 0;
    while (!fstat(dir_fd, &info) && fgets(line, sizeof(line), locks)) {
        unsigned long long inode;
        int one;

        if (sscanf(line, "%*s FLOCK %*s WRITE %d %*x:%*x:%llu", &one, &inode) == 2 &&
            inode == info.st_ino)
            pid = one;
    }
    fclose(locks);
    return pid;
}

static int lock_folder(struct pin *pin)
{
    int pid;

    pin->dir_fd = open(pin->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (pin->dir_fd < 0) {
        log_error("--pin %s: %s", pin->dir, strerror(errno));
        return -errno;
    }
    if (!flock(pin->dir_fd, LOCK_EX | LOCK_NB))
        return 0;
    pid = locked_by(pin->dir_fd);
    if (pid > 0)
        log_error("--pin %s: the sesstap with process id %d has it; stop that one first", pin->dir,
                  pid);
    else
        log_error("--pin %s: another sesstap has it; stop that one first", pin->dir);
    return -EBUSY;
}

static void map_path(char out[PIN_PATH_MAX], const struct pin *pin, const char *name)
{
    snprintf(out, PIN_PATH_MAX, "%s/%s", pin->maps, name);
}

int pin_open(struct pin *pin, const char *dir, bool must_exist)
{
    char near[PIN_DIR_MAX], path[PIN_PATH_MAX];
    int err;

    memset(pin, 0, sizeof(*pin));
    pin->dir_fd = -1;
    if (snprintf(pin->dir, sizeof(pin->dir), "%s", dir) >= (int)sizeof(pin->dir)) {
        log_error("--pin %s: the name is too long", dir);
        return -ENAMETOOLONG;
    }
    snprintf(pin->links, sizeof(pin->links), "%s/links", dir);
    snprintf(pin->maps, sizeof(pin->maps), "%s/maps", dir);
    nearest(near, dir);
    if (!is_bpf_fs(near)) {
        log_error("--pin %s: not in a BPF file system; choose a folder in /sys/fs/bpf, after "
                  "mount -t bpf bpf /sys/fs/bpf where that is not mounted",
                  dir);
        return -EINVAL;
    }
    map_path(path, pin, "state");
    if (must_exist && access(path, F_OK)) {
        log_error("--pin %s: nothing is kept there", dir);
        return -ENOENT;
    }
    err = make_folder(pin->dir);
    if (!err)
        err = lock_folder(pin);
    if (!err)
        err = make_folder(pin->maps);
    if (!err)
        err = make_folder(pin->links);
    if (err)
        pin_close(pin);
    return err;
}

void pin_close(struct pin *pin)
{
    mapped_close(pin->state, sizeof(*pin->state));
    mapped_close(pin->notes, pin->note_count * sizeof(*pin->notes));
    pin->state = NULL;
    pin->notes = NULL;
    if (pin->dir_fd > 0)
        close(pin->dir_fd);
    pin->dir_fd = -1;
}

static void empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
}

void pin_remove(struct pin *pin)
{
    char path[PIN_PATH_MAX];

    map_path(path, pin, "state");
    unlink(path); /* first: without it the rest counts for nothing */
    empty_folder(pin->links);
    empty_folder(pin->maps);
    rmdir(pin->maps);
    rmdir(pin->links);
    rmdir(pin->dir);
}

/* ---- does it fit ------------------------------------------------------------------------------ */

static void say_way_out(const struct pin *pin, const char *what)
{
    log_error(
        "--pin %s: %s; end it with the sesstap that made it (sesstap run --pin %s --unpin), which "
        "records its sessions, or give them up with rm -r %s",
        pin->dir, what, pin->dir, pin->dir);
}

static int check_state(const struct pin *pin, uint64_t layout, const char *version)
{
    const struct pin_state *state = pin->state;
    char what[256];

    if (state->abi_version != ABI_VERSION || state->layout != layout) {
        snprintf(what, sizeof(what),
                 "made by sesstap %.63s with tables of layout %u-%016llx"
                 ", but this one, %s, has layout %u-%016llx",
                 state->version, state->abi_version, (unsigned long long)state->layout, version,
                 ABI_VERSION, (unsigned long long)layout);
        say_way_out(pin, what);
        return -EINVAL;
    }
    if (state->netns != namespace_cookie(-1)) {
        log_error(
            "--pin %s: it tracks another network namespace; run sesstap there, or choose another "
            "folder",
            pin->dir);
        return -EINVAL;
    }
    return 0;
}

/* The pinned state, if there is one. 0, -ENOENT, -errno after a line. */
static int open_state(struct pin *pin)
{
    struct bpf_map_info info = {0};
    uint32_t len = sizeof(info);
    char path[PIN_PATH_MAX];
    int fd, err = 0;

    map_path(path, pin, "state");
    fd = bpf_obj_get(path);
    if (fd == -ENOENT)
        return fd;
    if (fd < 0) {
        log_error("--pin: cannot open %s: %s", path, strerror(-fd));
        return fd;
    }
    if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_MAP_TYPE_ARRAY ||
        info.value_size != sizeof(*pin->state)) {
        say_way_out(pin, "made by a sesstap whose tables have another layout");
        err = -EINVAL;
    } else {
        pin->state = mapped_open(fd, sizeof(*pin->state));
        err = pin->state ? 0 : -errno;
    }
    close(fd);
    return err;
}

static bool is_kept(const struct bpf_map *map)
{
    for (size_t i = 0; i < sizeof(SCRATCH_MAPS) / sizeof(SCRATCH_MAPS[0]); i++) {
        if (!strcmp(bpf_map__name(map), SCRATCH_MAPS[i]))
            return false;
    }
    return !bpf_map__is_internal(map);
}

static int reuse_map(const struct pin *pin, struct bpf_map *map)
{
    char path[PIN_PATH_MAX];
    int fd, err;

    map_path(path, pin, bpf_map__name(map));
    fd = bpf_obj_get(path);
    if (fd == -ENOENT) {
        say_way_out(pin, "a part of it is missing");
        return -EINVAL;
    }
    err = fd < 0 ? fd : bpf_map__reuse_fd(map, fd);
    if (err)
        log_error("--pin: cannot use %s: %s", path, strerror(-err));
    if (fd >= 0)
        close(fd);
    return err;
}

int pin_reuse(struct pin *pin, struct bpf_object *obj, const char *version, uint64_t layout)
{
    int err = open_state(pin);
    struct bpf_map *map;

    if (err == -ENOENT) { /* what a first start left half done */
        empty_folder(pin->links);
        empty_folder(pin->maps);
        return 0;
    }
    if (!err)
        err = check_state(pin, layout, version);
    bpf_object__for_each_map(map, obj)
    {
        if (!err && is_kept(map))
            err = reuse_map(pin, map);
    }
    pin->resumed = !err;
    return err;
}

/* ---- what is new ------------------------------------------------------------------------------ */

static int pin_map(const struct pin *pin, const struct bpf_map *map)
{
    char path[PIN_PATH_MAX];
    int err;

    map_path(path, pin, bpf_map__name(map));
    err = bpf_obj_pin(bpf_map__fd(map), path);
    if (err)
        log_error("--pin: cannot make %s: %s", path, strerror(-err));
    return err;
}

static int begin_state(struct pin *pin, const struct bpf_object *obj, const struct bpf_map *state,
                       const char *version, uint64_t layout)
{
    const struct bpf_map *map;
    int err = 0;

    bpf_object__for_each_map(map, obj)
    {
        if (!err && is_kept(map) && map != state)
            err = pin_map(pin, map);
    }
    if (err)
        return err;
    pin->state = mapped_open(bpf_map__fd(state), sizeof(*pin->state));
    if (!pin->state)
        return -errno;
    pin->state->abi_version = ABI_VERSION;
    pin->state->layout = layout;
    pin->state->netns = namespace_cookie(-1);
    pin->state->batch = 1;
    snprintf(pin->state->version, sizeof(pin->state->version), "%s", version);
    return pin_map(pin, state);
}

int pin_keep(struct pin *pin, struct bpf_object *obj, const char *version, uint64_t layout)
{
    const struct bpf_map *notes = bpf_object__find_map_by_name(obj, "notes");
    const struct bpf_map *state = bpf_object__find_map_by_name(obj, "state");
    int err = pin->resumed ? 0 : begin_state(pin, obj, state, version, layout);

    if (err)
        return err;
    pin->note_count = bpf_map__max_entries(notes);
    pin->notes = mapped_open(bpf_map__fd(notes), pin->note_count * sizeof(*pin->notes));
    return pin->notes ? 0 : -errno;
}
