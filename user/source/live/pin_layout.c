/* SPDX-License-Identifier: Apache-2.0 */
/* What must be the same for one program to go on with another's maps, as one number. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "source/live/pin.h"

/* FNV-1a */
#define HASH_BASIS 0xcbf29ce484222325ull
#define HASH_PRIME 0x100000001b3ull

/* Deeper than any value: pointers, which could make circles, are not followed. */
#define TYPE_DEPTH_MAX 16

/* The meaning of the indexes of arrays, which no BTF tells. */
static const char *const INDEX_NAMES[] = {
#define X(upper, lower, help) #lower,
    UNACCOUNTED_REASONS(X) EVENT_COUNTERS(X)
#undef X
};

static void hash_bytes(uint64_t *hash, const void *data, size_t len)
{
    const uint8_t *at = data;

    for (size_t i = 0; i < len; i++)
        *hash = (*hash ^ at[i]) * HASH_PRIME;
}

static void hash_number(uint64_t *hash, uint64_t number)
{
    hash_bytes(hash, &number, sizeof(number));
}

static void hash_text(uint64_t *hash, const char *text)
{
    hash_bytes(hash, text, strlen(text) + 1);
}

static void hash_type(uint64_t *hash, const struct btf *btf, int id, int depth);

static void hash_members(uint64_t *hash, const struct btf *btf, const struct btf_type *type,
                         int depth)
{
    const struct btf_member *member = btf_members(type);

    for (int i = 0; i < btf_vlen(type); i++) {
        hash_text(hash, btf__name_by_offset(btf, member[i].name_off));
        hash_number(hash, btf_member_bit_offset(type, (uint32_t)i));
        hash_type(hash, btf, (int)member[i].type, depth + 1);
    }
}

static void hash_type(uint64_t *hash, const struct btf *btf, int id, int depth)
{
    int real = id > 0 ? btf__resolve_type(btf, (uint32_t)id) : -1;
    const struct btf_type *type = real > 0 ? btf__type_by_id(btf, (uint32_t)real) : NULL;

    if (!type || depth > TYPE_DEPTH_MAX)
        return;
    hash_number(hash, btf_kind(type));
    hash_number(hash, (uint64_t)btf__resolve_size(btf, (uint32_t)real));
    if (btf_is_composite(type))
        hash_members(hash, btf, type, depth);
    else if (btf_is_array(type))
        hash_type(hash, btf, (int)btf_array(type)->type, depth + 1);
}

uint64_t pin_layout(const struct bpf_object *obj)
{
    const struct btf *btf = bpf_object__btf(obj);
    const struct bpf_map *map;
    uint64_t hash = HASH_BASIS;

    bpf_object__for_each_map(map, obj)
    {
        if (bpf_map__is_internal(map))
            continue;
        hash_text(&hash, bpf_map__name(map));
        hash_number(&hash, bpf_map__type(map));
        hash_number(&hash, bpf_map__map_flags(map));
        hash_number(&hash, bpf_map__max_entries(map));
        hash_number(&hash, bpf_map__key_size(map));
        hash_number(&hash, bpf_map__value_size(map));
        hash_type(&hash, btf, (int)bpf_map__btf_key_type_id(map), 0);
        hash_type(&hash, btf, (int)bpf_map__btf_value_type_id(map), 0);
    }
    for (size_t i = 0; i < sizeof(INDEX_NAMES) / sizeof(INDEX_NAMES[0]); i++)
        hash_text(&hash, INDEX_NAMES[i]);
    return hash;
}
