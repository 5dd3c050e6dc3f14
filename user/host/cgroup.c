/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms of a container's place, one path component each:
 *   docker-<64hex>.scope  cri-containerd-<64hex>.scope  crio-<64hex>.scope  libpod-<64hex>.scope
 *   <64hex>  libpod-<64hex>  lxc.payload.<name>
 * and above them in Kubernetes kubepods-burstable-pod<uid with _ for ->.slice, or kubepods and then pod<uid>.
 * crio-conmon-... and libpod-conmon-... hold the runtime's own monitor, not the container.
 */
#include "host/cgroup.h"

#include <string.h>

#define ID_LEN (CONTAINER_ID_SIZE - 1)

struct span {
    const char *at;
    size_t len;
};

static bool begins_with(struct span text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && memcmp(text.at, prefix, len) == 0;
}

static bool ends_with(struct span text, const char *suffix)
{
    size_t len = strlen(suffix);

    return text.len >= len && memcmp(text.at + text.len - len, suffix, len) == 0;
}

static bool is_id(struct span text)
{
    if (text.len != ID_LEN)
        return false;
    for (size_t i = 0; i < ID_LEN; i++)
        if (!memchr("0123456789abcdef", text.at[i], 16))
            return false;
    return true;
}

static void take_pod_uid(struct cgroup_place *place, struct span uid)
{
    if (ends_with(uid, ".slice"))
        uid.len -= strlen(".slice");
    if (uid.len != POD_UID_SIZE - 1 && uid.len != 32)
        return;
    for (size_t i = 0; i < uid.len; i++)
        if (!memchr("0123456789abcdef-_", uid.at[i], 18))
            return;
    for (size_t i = 0; i < uid.len; i++)
        place->pod_uid[i] = uid.at[i] == '_' ? '-' : uid.at[i];
    place->pod_uid[uid.len] = '\0';
}

/* What follows a word in a component; at is NULL when the word is not there. */
static struct span after(struct span part, const char *word)
{
    const char *at = memmem(part.at, part.len, word, strlen(word));

    if (!at)
        return (struct span){NULL, 0};
    at += strlen(word);
    return (struct span){at, (size_t)(part.at + part.len - at)};
}

static void take_component(struct cgroup_place *place, struct span part)
{
    static const char lxc[] = "lxc.payload.";

    if (begins_with(part, "pod"))
        take_pod_uid(place, after(part, "pod"));
    else if (after(part, "kubepods").at && after(part, "-pod").at)
        take_pod_uid(place, after(part, "-pod"));
    if (begins_with(part, lxc) && part.len - strlen(lxc) < CONTAINER_ID_SIZE) {
        size_t len = part.len - strlen(lxc);

        memcpy(place->container, part.at + strlen(lxc), len);
        place->container[len] = '\0';
        return;
    }
    if (ends_with(part, ".scope"))
        part.len -= strlen(".scope");
    if (part.len > ID_LEN && part.at[part.len - ID_LEN - 1] == '-') {
        size_t prefix_len = part.len - ID_LEN;

        if (ends_with((struct span){part.at, prefix_len}, "conmon-"))
            return;
        part.at += prefix_len;
        part.len = ID_LEN;
    }
    if (is_id(part)) {
        memcpy(place->container, part.at, ID_LEN);
        place->container[ID_LEN] = '\0';
    }
}

/* The part of *text before the separator (or all of it); *text moves past it. */
static struct span cut(struct span *text, char separator)
{
    const char *end = memchr(text->at, separator, text->len);
    struct span part = {text->at, end ? (size_t)(end - text->at) : text->len};
    size_t step = end ? part.len + 1 : part.len;

    text->at += step;
    text->len -= step;
    return part;
}

/* One line: hierarchy-ID:controllers:path */
struct hierarchy {
    struct span controllers;
    struct span path;
};

static struct hierarchy cut_hierarchy(struct span *text)
{
    struct span line = cut(text, '\n');
    struct hierarchy found;

    cut(&line, ':');
    found.controllers = cut(&line, ':');
    found.path = line;
    return found;
}

void cgroup_parse(struct cgroup_place *place, const char *text, size_t len)
{
    struct span rest = {text, len};

    memset(place, 0, sizeof(*place));
    while (rest.len) {
        struct cgroup_place found = {0};
        struct span path = cut_hierarchy(&rest).path;

        while (path.len)
            take_component(&found, cut(&path, '/'));
        if (found.container[0] && !place->container[0])
            *place = found;
    }
}

static bool path_of(const char *controllers, char *out, size_t size, struct span rest)
{
    while (rest.len) {
        struct hierarchy found = cut_hierarchy(&rest);

        if (found.controllers.len != strlen(controllers) ||
            !begins_with(found.controllers, controllers) || !begins_with(found.path, "/"))
            continue;
        if (found.path.len >= size)
            return false;
        memcpy(out, found.path.at, found.path.len);
        out[found.path.len] = '\0';
        return true;
    }
    return false;
}

bool cgroup_unified_path(char *out, size_t size, const char *text, size_t len)
{
    return path_of("", out, size, (struct span){text, len});
}

bool cgroup_memory_path(char *out, size_t size, const char *text, size_t len)
{
    return path_of("memory", out, size, (struct span){text, len});
}
