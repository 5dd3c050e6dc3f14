/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel's verifier says of each program, and what the maps cost in memory. Prints
 * `verifier PROGRAM processed INSNS of LIMIT` with stack depths, and
 * `map NAME ENTRIES ENTRY_BYTES TOTAL_BYTES` with as many sessions as MAX_FLOWS.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "sesstap.skel.h"

#define LOG_BYTES 65536
#define MAX_FLOWS 131072

/* The lines that matter of a log at level 4 (statistics only). */
static void print_log(const char *program, char *log)
{
    char *rest = log, *line;

    while ((line = strsep(&rest, "\n")))
        if (strstr(line, "processed") || strstr(line, "stack depth"))
            printf("verifier %s %s\n", program, line);
}

/* The kernel's own account of a map, which counts buckets, headers and padding. */
static void print_map(const struct bpf_map *map)
{
    char path[64], line[128];
    uint32_t entries = bpf_map__max_entries(map);
    uint64_t bytes = 0;
    FILE *info;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", bpf_map__fd(map));
    info = fopen(path, "r");
    if (!info)
        err(1, "opening %s", path);
    while (fgets(line, sizeof(line), info))
        sscanf(line, "memlock: %" SCNu64, &bytes);
    fclose(info);
    printf("map %s %" PRIu32 " %.1f %" PRIu64 "\n", bpf_map__name(map), entries,
           (double)bytes / entries, bytes);
}

int main(void)
{
    struct sesstap_bpf *skel = sesstap_bpf__open();
    struct bpf_program *program;
    struct bpf_map *map;

    if (!skel)
        err(1, "opening the skeleton");
    bpf_map__set_max_entries(skel->maps.flows, MAX_FLOWS);
    bpf_map__set_max_entries(skel->maps.spill, MAX_FLOWS);
    bpf_map__set_max_entries(skel->maps.flow_notes, MAX_FLOWS);
    skel->rodata->conf.tunnels = getenv("TUN") != NULL;
    skel->rodata->conf.depth_bytes = DEPTH_ALL;
    skel->rodata->conf.sample_headers = 1;
    bpf_object__for_each_program(program, skel->obj)
    {
        char *log = calloc(1, LOG_BYTES);

        if (!log)
            err(1, "allocating a log");
        bpf_program__set_log_level(program, 4);
        bpf_program__set_log_buf(program, log, LOG_BYTES);
    }
    if (sesstap_bpf__load(skel))
        err(1, "loading the programs");
    bpf_object__for_each_program(program, skel->obj)
    {
        size_t size;
        char *log = (char *)bpf_program__log_buf(program, &size);

        print_log(bpf_program__name(program), log);
        free(log);
        bpf_program__set_log_buf(program, NULL, 0);
    }
    bpf_object__for_each_map(map, skel->obj) print_map(map);
    sesstap_bpf__destroy(skel);
    return 0;
}
