/* SPDX-License-Identifier: Apache-2.0 */
/* Limits are at every level of the hierarchy: cgroup-v2.rst, "memory.max". */
#include "host/machine.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/cgroup.h"

#define V2_ROOT "/sys/fs/cgroup"
#define V1_ROOT "/sys/fs/cgroup/memory"
/* Version 1 says "no limit" with a number near 2^63. */
#define V1_UNLIMITED (1ull << 62)

struct memory {
    uint64_t limit_bytes;
    uint64_t used_bytes;
};

void machine_name(char out[MACHINE_NAME_SIZE])
{
    if (gethostname(out, MACHINE_NAME_SIZE - 1) < 0 || !out[0])
        strcpy(out, "localhost");
    out[MACHINE_NAME_SIZE - 1] = '\0';
}

uint64_t machine_memory_bytes(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The number that a file holds; fallback for none, and for the word "max". */
static uint64_t read_number(const char *dir, const char *file, uint64_t fallback)
{
    char path[PATH_MAX], text[32];
    FILE *stream;
    char *end = text;
    uint64_t value = fallback;

    if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
        return fallback;
    stream = fopen(path, "re");
    if (!stream)
        return fallback;
    if (fgets(text, sizeof(text), stream))
        value = strtoull(text, &end, 10);
    fclose(stream);
    return end == text ? fallback : value;
}

/* From the innermost group outwards to root. */
static struct memory tightest(char *dir, size_t root_len, const char *max, const char *used)
{
    struct memory found = {.limit_bytes = UINT64_MAX};

    for (;;) {
        uint64_t limit = read_number(dir, max, UINT64_MAX);
        char *slash = strrchr(dir, '/');

        if (limit < found.limit_bytes && limit < V1_UNLIMITED)
            found = (struct memory){limit, read_number(dir, used, 0)};
        if (!slash || (size_t)(slash - dir) < root_len)
            return found;
        *slash = '\0';
    }
}

static struct memory read_memory(void)
{
    char text[4096], path[PATH_MAX / 2], dir[PATH_MAX];
    struct memory v2, v1;
    FILE *stream = fopen("/proc/self/cgroup", "re");
    size_t len = stream ? fread(text, 1, sizeof(text), stream) : 0;

    if (stream)
        fclose(stream);
    if (!cgroup_unified_path(path, sizeof(path), text, len))
        path[0] = '\0';
    snprintf(dir, sizeof(dir), "%s%s", V2_ROOT, path);
    v2 = tightest(dir, strlen(V2_ROOT), "memory.max", "memory.current");
    if (!cgroup_memory_path(path, sizeof(path), text, len))
        return v2;
    snprintf(dir, sizeof(dir), "%s%s", V1_ROOT, path);
    v1 = tightest(dir, strlen(V1_ROOT), "memory.limit_in_bytes", "memory.usage_in_bytes");
    return v1.limit_bytes < v2.limit_bytes ? v1 : v2;
}

uint64_t machine_memory_limit_bytes(void)
{
    return read_memory().limit_bytes;
}

uint64_t machine_memory_used_bytes(void)
{
    return read_memory().used_bytes;
}

uint64_t machine_capabilities(void)
{
    FILE *stream = fopen("/proc/self/status", "re");
    char line[256];
    uint64_t set = 0;

    if (!stream)
        return 0;
    while (fgets(line, sizeof(line), stream))
        if (sscanf(line, "CapEff: %" SCNx64, &set) == 1)
            break;
    fclose(stream);
    return set;
}
