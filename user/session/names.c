/* SPDX-License-Identifier: Apache-2.0 */
#include "session/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 256
#define LINE_BYTES  4096

struct name {
    struct name *older; /* what the address was called before */
    uint8_t source;     /* enum name_source */
    char text[];
};

struct slot {
    uint8_t addr[16];
    struct name *name; /* NULL: free */
};

struct names {
    struct slot *slots; /* a power of two of them, at most half in use */
    size_t slot_count;
    size_t used;
    size_t kept; /* names in all, older ones too */
    size_t max_addresses;
    uint64_t left_out;
    bool have_hosts;
};

struct names *names_new(size_t max_addresses)
{
    struct names *names = calloc(1, sizeof(*names));

    if (!names)
        return NULL;
    names->max_addresses = max_addresses;
    names->slot_count = FIRST_SLOTS;
    names->slots = calloc(names->slot_count, sizeof(*names->slots));
    if (!names->slots) {
        free(names);
        return NULL;
    }
    return names;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->slot_count; i++) {
        struct name *name = names->slots[i].name;

        while (name) {
            struct name *older = name->older;

            free(name);
            name = older;
        }
    }
    free(names->slots);
    free(names);
}

/* The last bytes differ most, and are the high ones: each step brings them down (MurmurHash3's last mix). */
static uint64_t hash_addr(const uint8_t addr[16])
{
    uint64_t half[2], hash;

    memcpy(half, addr, sizeof(half));
    hash = half[0] * 0x9e3779b97f4a7c15ULL ^ half[1];
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdULL;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return hash ^ hash >> 33;
}

/* The address's slot, or the free one where it would go. */
static struct slot *find_slot(struct slot *slots, size_t count, const uint8_t addr[16])
{
    size_t at = hash_addr(addr) & (count - 1);

    while (slots[at].name && memcmp(slots[at].addr, addr, 16) != 0)
        at = (at + 1) & (count - 1);
    return &slots[at];
}

static bool grow(struct names *names)
{
    size_t count = 2 * names->slot_count;
    struct slot *slots = calloc(count, sizeof(*slots));

    if (!slots)
        return false;
    for (size_t i = 0; i < names->slot_count; i++)
        if (names->slots[i].name)
            *find_slot(slots, count, names->slots[i].addr) = names->slots[i];
    free(names->slots);
    names->slots = slots;
    names->slot_count = count;
    return true;
}

static bool is_name(const char *name, size_t len)
{
    if (!len || len > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
            return false;
    return true;
}

static bool is_same(const struct name *name, const char *text, size_t len)
{
    return strlen(name->text) == len && !memcmp(name->text, text, len);
}

void names_add(struct names *names, const uint8_t addr[16], const char *text, size_t len,
               enum name_source source)
{
    struct slot *slot;
    struct name *name;

    if (len && text[len - 1] == '.')
        len--;
    if (!is_name(text, len))
        return;
    slot = find_slot(names->slots, names->slot_count, addr);
    if (slot->name && (slot->name->source > source || is_same(slot->name, text, len)))
        return;
    if (names->kept == names->max_addresses) {
        names->left_out++;
        return;
    }
    if (!slot->name && 2 * (names->used + 1) > names->slot_count) {
        if (!grow(names)) {
            names->left_out++;
            return;
        }
        slot = find_slot(names->slots, names->slot_count, addr);
    }
    name = malloc(sizeof(*name) + len + 1);
    if (!name) {
        names->left_out++;
        return;
    }
    memcpy(name->text, text, len);
    name->text[len] = '\0';
    name->source = (uint8_t)source;
    name->older = slot->name;
    names->used += !slot->name;
    names->kept++;
    memcpy(slot->addr, addr, 16);
    slot->name = name;
}

const char *names_find(const struct names *names, const uint8_t addr[16], enum name_source *source)
{
    const struct slot *slot;

    if (!names->used)
        return NULL;
    slot = find_slot(names->slots, names->slot_count, addr);
    if (slot->name && source)
        *source = (enum name_source)slot->name->source;
    return slot->name ? slot->name->text : NULL;
}

const char *names_of_dns(const struct names *names, const uint8_t addr[16])
{
    enum name_source source = NAME_OF_HOSTS;
    const char *name = names_find(names, addr, &source);

    return source == NAME_OF_DNS ? name : NULL;
}

const char *names_since(const struct names *names, const uint8_t addr[16], const char *before)
{
    enum name_source source = NAME_OF_HOSTS;
    const char *name = names_find(names, addr, &source);

    return before && source == NAME_OF_DNS ? before : name;
}

uint64_t names_left_out(const struct names *names)
{
    return names->left_out;
}

bool names_have_hosts(const struct names *names)
{
    return names->have_hosts;
}

/* ---- hosts files --------------------------------------------------------------------------------- */

static bool parse_addr(const char *text, uint8_t addr[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (inet_pton(AF_INET6, text, addr) == 1)
        return true;
    memcpy(addr, mapped, sizeof(mapped));
    return inet_pton(AF_INET, text, addr + sizeof(mapped)) == 1;
}

/* False: it is neither empty nor an address with a name. */
static bool read_line(struct names *names, char *line)
{
    static const char blanks[] = " \t\r\n";
    uint8_t addr[16];
    char *save = NULL, *word, *name;

    line[strcspn(line, "#")] = '\0';
    word = strtok_r(line, blanks, &save);
    if (!word)
        return true;
    name = strtok_r(NULL, blanks, &save);
    if (!name || !parse_addr(word, addr) || !is_name(name, strlen(name)))
        return false;
    names_add(names, addr, name, strlen(name), NAME_OF_HOSTS);
    names->have_hosts = true;
    return true;
}

int names_read_hosts(struct names *names, const char *path, unsigned int *bad_line)
{
    FILE *file = fopen(path, "re");
    char line[LINE_BYTES];
    unsigned int number = 0;
    int err;

    *bad_line = 0;
    if (!file)
        return -errno;
    while (fgets(line, sizeof(line), file)) {
        number++;
        if (!read_line(names, line) && !*bad_line)
            *bad_line = number;
    }
    err = ferror(file) ? -EIO : 0;
    fclose(file);
    return err;
}
