/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/entry.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"

/* A program array is emptied when no process has it open, unless it is pinned. One a process: programs are changed one
 * interface after the other, and each set writes to work areas of its own. */
#define TABLE_NAME      "entries-"
#define TABLES_MAX      64 /* processes that ended before they had changed all */
#define TABLE_NAME_SIZE 24

#define TC_NEXT         (-1) /* TCX_NEXT, TC_ACT_UNSPEC */
#define HELPER_LOOKUP   1    /* BPF_FUNC_map_lookup_elem */
#define HELPER_TAILCALL 12   /* BPF_FUNC_tail_call */

struct entry {
    uint32_t iface_base;
    uint32_t users;
    int fd[HOOK_DIRECTIONS];
};

struct entries {
    struct entry_targets targets;
    int table_fd;               /* program array, by direction */
    char name[TABLE_NAME_SIZE]; /* under which it is pinned; "": it is not */
    struct entry *all;
    size_t count;
};

static int pin_table(struct entries *entries, const char *maps_dir)
{
    char path[PATH_MAX];
    int err = -EEXIST;

    for (int i = 0; err == -EEXIST && i < TABLES_MAX; i++) {
        snprintf(entries->name, sizeof(entries->name), TABLE_NAME "%d", i);
        if (snprintf(path, sizeof(path), "%s/%s", maps_dir, entries->name) >= (int)sizeof(path))
            return -ENAMETOOLONG;
        err = bpf_obj_pin(entries->table_fd, path);
    }
    return err;
}

void entries_settle(const struct entries *entries, const char *maps_dir)
{
    DIR *folder = opendir(maps_dir);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        if (!strncmp(entry->d_name, TABLE_NAME, strlen(TABLE_NAME)) &&
            (!entries || strcmp(entry->d_name, entries->name) != 0))
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
}

struct entries *entries_new(const struct entry_targets *targets, const char *maps_dir)
{
    struct entries *entries = calloc(1, sizeof(*entries));
    const int fd[HOOK_DIRECTIONS] = {targets->ingress_fd, targets->egress_fd};
    int err = 0;

    if (!entries)
        return NULL;
    entries->targets = *targets;
    entries->table_fd =
        bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "sesstap_entry", 4, 4, HOOK_DIRECTIONS, NULL);
    if (entries->table_fd < 0)
        err = errno;
    for (uint32_t way = 0; !err && way < HOOK_DIRECTIONS; way++) {
        if (bpf_map_update_elem(entries->table_fd, &way, &fd[way], BPF_ANY))
            err = errno;
    }
    if (!err && maps_dir)
        err = -pin_table(entries, maps_dir);
    if (!err)
        return entries;
    entries_free(entries);
    errno = err;
    return NULL;
}

static void close_programs(struct entry *entry)
{
    for (int way = 0; way < HOOK_DIRECTIONS; way++) {
        if (entry->fd[way] >= 0)
            close(entry->fd[way]);
    }
}

void entries_free(struct entries *entries)
{
    if (!entries)
        return;
    for (size_t i = 0; i < entries->count; i++)
        close_programs(&entries->all[i]);
    if (entries->table_fd >= 0)
        close(entries->table_fd);
    free(entries->all);
    free(entries);
}

static struct bpf_insn insn(uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
    return (struct bpf_insn){.code = code, .dst_reg = dst & 15, .src_reg = src & 15, off, imm};
}

/* Two instructions: the map's address into a register. */
static size_t load_map(struct bpf_insn *at, uint8_t reg, int map_fd)
{
    at[0] = insn(BPF_LD | BPF_DW | BPF_IMM, reg, BPF_PSEUDO_MAP_FD, 0, map_fd);
    at[1] = insn(0, 0, 0, 0, 0);
    return 2;
}

/* work->iface_base = iface_base; then the program of that direction. Loading the flow table's address makes it one of the
 * maps that the program is known to use. */
static int load_program(const struct entries *entries, uint32_t iface_base, enum hook_direction way)
{
    struct bpf_insn code[24];
    size_t n = 0, jump;

    code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);
    n += load_map(code + n, BPF_REG_1, entries->targets.flows_fd);
    code[n++] = insn(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0);
    code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0);
    code[n++] = insn(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4);
    n += load_map(code + n, BPF_REG_1, entries->targets.works_fd);
    code[n++] = insn(BPF_JMP | BPF_CALL, 0, 0, 0, HELPER_LOOKUP);
    jump = n++;
    code[n++] = insn(BPF_ST | BPF_MEM | BPF_W, BPF_REG_0, 0, 0, (int32_t)iface_base);
    code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_6, 0, 0);
    n += load_map(code + n, BPF_REG_2, entries->table_fd);
    code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, way);
    code[n++] = insn(BPF_JMP | BPF_CALL, 0, 0, 0, HELPER_TAILCALL);
    code[jump] = insn(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, (int16_t)(n - jump - 1), 0);
    code[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, TC_NEXT);
    code[n++] = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "sesstap_entry", "Dual BSD/GPL", code, n, NULL);
}

static struct entry *find(const struct entries *entries, uint32_t iface_base)
{
    for (size_t i = 0; i < entries->count; i++) {
        if (entries->all[i].iface_base == iface_base)
            return &entries->all[i];
    }
    return NULL;
}

static int add(struct entries *entries, uint32_t iface_base)
{
    struct entry entry = {.iface_base = iface_base, .fd = {-1, -1}}, *grown;

    grown = reallocarray(entries->all, entries->count + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    entries->all = grown;
    for (int way = 0; way < HOOK_DIRECTIONS; way++) {
        entry.fd[way] = load_program(entries, iface_base, (enum hook_direction)way);
        if (entry.fd[way] < 0) {
            int err = -errno;

            close_programs(&entry);
            return err;
        }
    }
    grown[entries->count++] = entry;
    return 0;
}

int entries_take(struct entries *entries, uint32_t iface_base, int fd[2])
{
    struct entry *entry = find(entries, iface_base);
    int err = entry ? 0 : add(entries, iface_base);

    if (err)
        return err;
    entry = find(entries, iface_base);
    entry->users++;
    memcpy(fd, entry->fd, sizeof(entry->fd));
    return 0;
}

void entries_release(struct entries *entries, uint32_t iface_base)
{
    struct entry *entry = find(entries, iface_base);

    if (!entry || --entry->users)
        return;
    close_programs(entry);
    *entry = entries->all[--entries->count];
}
