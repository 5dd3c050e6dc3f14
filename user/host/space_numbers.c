/* SPDX-License-Identifier: Apache-2.0 */
/* The process can be killed between any two stores: what makes an entry valid is stored last. */
#include "host/space_numbers.h"

#include <stddef.h>

#include "host/scope.h"

#define OWN_SCOPE_FIRST (SCOPE_LAST + 1) /* above those of bridges, below those of tunnels */
#define OWN_SCOPES      (TUNNEL_SCOPE_FIRST - OWN_SCOPE_FIRST)

/* ---- namespaces ------------------------------------------------------------------------------- */

static struct pin_space *find_cookie(struct pin_spaces *numbers, uint64_t cookie)
{
    for (size_t i = 0; i < IFACE_SPACES; i++) {
        if (numbers->spaces[i].cookie == cookie)
            return &numbers->spaces[i];
    }
    return NULL;
}

static struct pin_space *find_base(struct pin_spaces *numbers, uint32_t base)
{
    for (size_t i = 0; i < IFACE_SPACES; i++) {
        if (numbers->spaces[i].cookie && numbers->spaces[i].base == base)
            return &numbers->spaces[i];
    }
    return NULL;
}

/* A number that rests after use. 0: all are taken. */
static uint32_t free_base(struct pin_spaces *numbers)
{
    for (uint32_t tries = 1; tries < IFACE_SPACES; tries++) {
        uint32_t base;

        numbers->last_number = numbers->last_number % (IFACE_SPACES - 1) + 1;
        base = IFACE_ELSEWHERE | numbers->last_number << IFACE_INDEX_BITS;
        if (!find_base(numbers, base))
            return base;
    }
    return 0;
}

const struct pin_space *space_numbers_take(struct pin_spaces *numbers, uint64_t cookie)
{
    struct pin_space *space = find_cookie(numbers, cookie);
    uint32_t base;

    if (space)
        return space;
    base = free_base(numbers);
    space = base ? find_cookie(numbers, 0) : NULL;
    if (!space)
        return NULL;
    space->base = base;
    space->order = ++numbers->last_order;
    __atomic_store_n(&space->cookie, cookie, __ATOMIC_RELEASE);
    return space;
}

void space_numbers_release(struct pin_spaces *numbers, uint32_t base)
{
    struct pin_space *space = find_base(numbers, base);

    space_numbers_drop_scopes(numbers, base);
    if (space)
        __atomic_store_n(&space->cookie, 0, __ATOMIC_RELEASE);
}

void space_numbers_settle(struct pin_spaces *numbers, bool (*wanted)(void *ctx, uint32_t base),
                          void *ctx)
{
    for (size_t i = 0; i < IFACE_SPACES; i++) {
        if (numbers->spaces[i].cookie && !wanted(ctx, numbers->spaces[i].base))
            space_numbers_release(numbers, numbers->spaces[i].base);
    }
}

/* ---- scopes ----------------------------------------------------------------------------------- */

static bool scope_is_taken(const struct pin_spaces *numbers, uint16_t here)
{
    for (size_t i = 0; i < PIN_SPACE_SCOPES; i++) {
        if (numbers->scopes[i].base && numbers->scopes[i].here == here)
            return true;
    }
    return false;
}

static uint16_t free_scope(struct pin_spaces *numbers)
{
    for (uint32_t tries = 0; tries < OWN_SCOPES; tries++) {
        numbers->last_scope = (numbers->last_scope + 1) % OWN_SCOPES;
        if (!scope_is_taken(numbers, (uint16_t)(OWN_SCOPE_FIRST + numbers->last_scope)))
            break;
    }
    return (uint16_t)(OWN_SCOPE_FIRST + numbers->last_scope);
}

uint16_t space_numbers_scope(struct pin_spaces *numbers, uint32_t base, uint16_t there)
{
    struct pin_space_scope *room = NULL;

    for (size_t i = 0; i < PIN_SPACE_SCOPES; i++) {
        struct pin_space_scope *scope = &numbers->scopes[i];

        if (scope->base == base && scope->there == there)
            return scope->here;
        if (!scope->base && !room)
            room = scope;
    }
    if (!room)
        return OWN_SCOPE_FIRST;
    room->there = there;
    room->here = free_scope(numbers);
    __atomic_store_n(&room->base, base, __ATOMIC_RELEASE);
    return room->here;
}

void space_numbers_drop_scopes(struct pin_spaces *numbers, uint32_t base)
{
    for (size_t i = 0; i < PIN_SPACE_SCOPES; i++) {
        if (numbers->scopes[i].base == base)
            __atomic_store_n(&numbers->scopes[i].base, 0, __ATOMIC_RELEASE);
    }
}
