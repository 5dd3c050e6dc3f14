/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges are few, so every comparison is pair by pair; it is made only after a change. */
#include "host/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct bridge {
    uint32_t ifindex;
    uint16_t own;   /* number it has when it needs one, 0: none was needed yet */
    uint16_t scope; /* 0 or own */
    struct subnet *subnets;
    uint32_t subnet_count;
};

struct scopes {
    struct bridge *bridges;
    uint32_t count;
    uint16_t last_own; /* the next is looked for after it, so that a number rests after use */
    bool dirty;
    struct pin_scope *kept; /* NULL: numbers go with us */
    uint32_t kept_count;
    uint32_t base; /* of the numbers there */
};

bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
    unsigned int bits = a->prefix_len < b->prefix_len ? a->prefix_len : b->prefix_len;
    unsigned int whole = bits / 8;

    if (a->family != b->family || memcmp(a->addr, b->addr, whole) != 0)
        return false;
    return bits % 8 == 0 || ((a->addr[whole] ^ b->addr[whole]) & (0xff00u >> bits % 8) & 0xff) == 0;
}

/* fe80::/10 is on every interface and says nothing. */
static bool is_link_local(const struct subnet *subnet)
{
    return subnet->family == AF_INET6 && subnet->addr[0] == 0xfe &&
           (subnet->addr[1] & 0xc0) == 0x80;
}

static bool same_subnet(const struct subnet *a, const struct subnet *b)
{
    return a->family == b->family && a->prefix_len == b->prefix_len &&
           memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static struct bridge *find_bridge(const struct scopes *scopes, uint32_t ifindex)
{
    for (uint32_t i = 0; i < scopes->count; i++)
        if (scopes->bridges[i].ifindex == ifindex)
            return &scopes->bridges[i];
    return NULL;
}

struct scopes *scopes_new(void)
{
    return calloc(1, sizeof(struct scopes));
}

void scopes_free(struct scopes *scopes)
{
    if (!scopes)
        return;
    for (uint32_t i = 0; i < scopes->count; i++)
        free(scopes->bridges[i].subnets);
    free(scopes->bridges);
    free(scopes);
}

void scopes_keep(struct scopes *scopes, struct pin_scope *room, uint32_t count, uint32_t base)
{
    scopes->kept = room;
    scopes->kept_count = count;
    scopes->base = base;
    for (uint32_t i = 0; i < count; i++) {
        if (room[i].ifindex && iface_base(room[i].ifindex) == base &&
            room[i].scope > scopes->last_own)
            scopes->last_own = room[i].scope;
    }
}

/* Where a bridge's number is kept; 0: a free place. NULL: nowhere. */
static struct pin_scope *find_kept(const struct scopes *scopes, uint32_t number)
{
    for (uint32_t i = 0; i < scopes->kept_count; i++) {
        if (scopes->kept[i].ifindex == number)
            return &scopes->kept[i];
    }
    return NULL;
}

int scopes_add_bridge(struct scopes *scopes, uint32_t ifindex)
{
    struct bridge *bridges;

    if (find_bridge(scopes, ifindex))
        return 0;
    bridges = reallocarray(scopes->bridges, scopes->count + 1, sizeof(*bridges));
    if (!bridges)
        return -ENOMEM;
    scopes->bridges = bridges;
    bridges[scopes->count++] = (struct bridge){.ifindex = ifindex};
    scopes->dirty = true;
    return 0;
}

void scopes_remove_bridge(struct scopes *scopes, uint32_t ifindex)
{
    struct bridge *bridge = find_bridge(scopes, ifindex);

    if (!bridge)
        return;
    if (find_kept(scopes, scopes->base + ifindex))
        find_kept(scopes, scopes->base + ifindex)->ifindex = 0;
    free(bridge->subnets);
    *bridge = scopes->bridges[--scopes->count];
    scopes->dirty = true;
}

int scopes_add_subnet(struct scopes *scopes, uint32_t ifindex, const struct subnet *subnet)
{
    struct bridge *bridge = find_bridge(scopes, ifindex);
    struct subnet *subnets;

    if (!bridge || is_link_local(subnet))
        return 0;
    for (uint32_t i = 0; i < bridge->subnet_count; i++)
        if (same_subnet(&bridge->subnets[i], subnet))
            return 0;
    subnets = reallocarray(bridge->subnets, bridge->subnet_count + 1, sizeof(*subnets));
    if (!subnets)
        return -ENOMEM;
    bridge->subnets = subnets;
    subnets[bridge->subnet_count++] = *subnet;
    scopes->dirty = true;
    return 0;
}

void scopes_remove_subnet(struct scopes *scopes, uint32_t ifindex, const struct subnet *subnet)
{
    struct bridge *bridge = find_bridge(scopes, ifindex);

    for (uint32_t i = 0; bridge && i < bridge->subnet_count; i++) {
        if (!same_subnet(&bridge->subnets[i], subnet))
            continue;
        bridge->subnets[i] = bridge->subnets[--bridge->subnet_count];
        scopes->dirty = true;
        return;
    }
}

void scopes_clear_subnets(struct scopes *scopes)
{
    for (uint32_t i = 0; i < scopes->count; i++)
        scopes->bridges[i].subnet_count = 0;
    scopes->dirty = true;
}

static bool bridges_overlap(const struct bridge *a, const struct bridge *b)
{
    for (uint32_t i = 0; i < a->subnet_count; i++)
        for (uint32_t k = 0; k < b->subnet_count; k++)
            if (subnet_overlaps(&a->subnets[i], &b->subnets[k]))
                return true;
    return false;
}

static bool needs_own_scope(const struct scopes *scopes, const struct bridge *bridge)
{
    if (bridge->subnet_count == 0)
        return true;
    for (uint32_t i = 0; i < scopes->count; i++)
        if (&scopes->bridges[i] != bridge && bridges_overlap(bridge, &scopes->bridges[i]))
            return true;
    return false;
}

static bool is_taken(const struct scopes *scopes, uint16_t own)
{
    for (uint32_t i = 0; i < scopes->count; i++)
        if (scopes->bridges[i].own == own)
            return true;
    return false;
}

/* With more bridges that need one the last share a number. */
static uint16_t take_number(struct scopes *scopes)
{
    for (uint32_t tries = 0; tries < SCOPE_LAST; tries++) {
        scopes->last_own = scopes->last_own >= SCOPE_LAST ? 1 : scopes->last_own + 1;
        if (!is_taken(scopes, scopes->last_own))
            break;
    }
    return scopes->last_own;
}

/* The number that the bridge had in an earlier process, or one that is given now and kept. */
static uint16_t number_of(struct scopes *scopes, uint32_t ifindex)
{
    struct pin_scope *kept = find_kept(scopes, scopes->base + ifindex);
    uint16_t number;

    if (kept)
        return kept->scope;
    number = take_number(scopes);
    kept = find_kept(scopes, 0);
    if (kept)
        *kept = (struct pin_scope){.ifindex = scopes->base + ifindex, .scope = number};
    return number;
}

bool scopes_update(struct scopes *scopes)
{
    bool changed = false;

    if (!scopes->dirty)
        return false;
    for (uint32_t i = 0; i < scopes->count; i++) {
        struct bridge *bridge = &scopes->bridges[i];
        uint16_t scope = 0;

        if (needs_own_scope(scopes, bridge)) {
            if (!bridge->own)
                bridge->own = number_of(scopes, bridge->ifindex);
            scope = bridge->own;
        }
        changed |= scope != bridge->scope;
        bridge->scope = scope;
    }
    scopes->dirty = false;
    return changed;
}

uint16_t scopes_get(const struct scopes *scopes, uint32_t ifindex)
{
    const struct bridge *bridge = find_bridge(scopes, ifindex);

    return bridge ? bridge->scope : 0;
}
