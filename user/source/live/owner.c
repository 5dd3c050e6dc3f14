/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/owner.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTES_DIR  "/run/sesstap"
#define MAPS_MAX   64
#define PATH_BYTES 512
#define NOTE_BYTES 64

uint32_t owner_map_id(int map_fd)
{
    struct bpf_map_info info = {0};
    uint32_t len = sizeof(info);

    return bpf_obj_get_info_by_fd(map_fd, &info, &len) ? 0 : info.id;
}

/* The maps that a program uses; how many. */
static uint32_t maps_of(uint32_t prog_id, uint32_t ids[MAPS_MAX])
{
    struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids};
    uint32_t len = sizeof(info);
    int fd = bpf_prog_get_fd_by_id(prog_id), err;

    if (fd < 0)
        return 0;
    err = bpf_obj_get_info_by_fd(fd, &info, &len);
    close(fd);
    if (err)
        return 0;
    return info.nr_map_ids < MAPS_MAX ? info.nr_map_ids : MAPS_MAX;
}

bool owner_uses(uint32_t prog_id, uint32_t map_id)
{
    uint32_t ids[MAPS_MAX], count = maps_of(prog_id, ids);

    for (uint32_t i = 0; i < count; i++) {
        if (ids[i] == map_id)
            return map_id != 0;
    }
    return false;
}

static void note_name(char out[NOTE_BYTES], uint32_t map_id)
{
    snprintf(out, NOTE_BYTES, NOTES_DIR "/pin-%u", map_id);
}

void owner_note(uint32_t map_id, const char *path)
{
    char name[NOTE_BYTES];
    FILE *file;

    mkdir(NOTES_DIR, 0755);
    note_name(name, map_id);
    file = fopen(name, "we");
    if (!file)
        return;
    fputs(path, file);
    fclose(file);
}

void owner_forget(uint32_t map_id)
{
    char name[NOTE_BYTES];

    note_name(name, map_id);
    unlink(name);
}

static bool is_kept(uint32_t map_id)
{
    char name[NOTE_BYTES], path[PATH_BYTES] = "";
    FILE *file;
    bool same;
    int fd;

    note_name(name, map_id);
    file = fopen(name, "re");
    if (!file)
        return false;
    if (!fgets(path, sizeof(path), file))
        path[0] = '\0';
    fclose(file);
    fd = bpf_obj_get(path);
    same = fd >= 0 && owner_map_id(fd) == map_id;
    if (fd >= 0)
        close(fd);
    if (!same)
        unlink(name); /* the folder was removed */
    return same;
}

bool owner_is_pinned(uint32_t prog_id)
{
    uint32_t ids[MAPS_MAX], count = maps_of(prog_id, ids);

    for (uint32_t i = 0; i < count; i++) {
        if (is_kept(ids[i]))
            return true;
    }
    return false;
}
