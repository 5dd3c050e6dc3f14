/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/field_names.h"

#include <string.h>

#include "base/buf.h"
#include "sink/field.h"

#define MAX_NAME    48 /* longer than any path */
#define MAX_NEAREST 3

static const struct {
    const char *name, *client, *server;
} either[] = {
    {"ip", "src.ip", "dst.ip"},
    {"port", "src.port", "dst.port"},
    {"socket", "src.socket", "dst.socket"},
};

/* "holes[].offset" is the same as "holes.offset". */
static bool is_path(const char *path, const char *word, size_t len)
{
    const char *end = word + len;

    for (; *path; path++) {
        if (!strncmp(path, "[]", 2)) {
            if (end - word >= 2 && !memcmp(word, "[]", 2))
                word += 2;
            path++;
            continue;
        }
        if (word == end || *word++ != *path)
            return false;
    }
    return word == end;
}

bool field_find_named(const struct field *fields[2], const char *path, size_t len)
{
    size_t count;
    const struct field *list = field_list(&count);

    fields[0] = fields[1] = NULL;
    for (size_t i = 0; i < sizeof(either) / sizeof(either[0]); i++)
        if (strlen(either[i].name) == len && !memcmp(either[i].name, path, len)) {
            fields[0] = field_find(either[i].client);
            fields[1] = field_find(either[i].server);
            return true;
        }
    for (size_t i = 0; i < count && !fields[0]; i++)
        if (list[i].path && is_path(list[i].path, path, len))
            fields[0] = &list[i];
    return fields[0];
}

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
    a = a < b ? a : b;
    return a < c ? a : c;
}

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
}

/* Letters to add, drop or change to make one of the other, upper and lower case alike. */
static unsigned int distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned int row[MAX_NAME + 1];

    for (unsigned int j = 0; j <= b_len; j++)
        row[j] = j;
    for (unsigned int i = 1; i <= a_len; i++) {
        unsigned int corner = row[0];

        row[0] = i;
        for (unsigned int j = 1; j <= b_len; j++) {
            unsigned int above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1, corner + (fold(a[i - 1]) != fold(b[j - 1])));
            corner = above;
        }
    }
    return row[b_len];
}

/* How far a path is from a word: also when only the end of it was written ("payload"). */
static unsigned int distance_of_path(const char *path, const char *word, size_t len)
{
    size_t path_len = strlen(path);
    unsigned int least;
    const char *dot;

    if (path_len > MAX_NAME)
        return MAX_NAME;
    least = distance(word, len, path, path_len);
    for (dot = strchr(path, '.'); dot; dot = strchr(dot + 1, '.')) {
        unsigned int end = distance(word, len, dot + 1, strlen(dot + 1));

        least = end < least ? end : least;
    }
    return least;
}

void field_add_nearest(struct buf *out, const char *path, size_t len)
{
    const char *best[MAX_NEAREST];
    unsigned int far[MAX_NEAREST], bound = len < 6 ? 1 : (unsigned int)len / 3;
    size_t count, found = 0;
    const struct field *list = field_list(&count);

    if (len > MAX_NAME)
        return;
    for (size_t i = 0; i < count; i++) {
        unsigned int here = list[i].path ? distance_of_path(list[i].path, path, len) : MAX_NAME;
        size_t at = found;

        if (here > bound)
            continue;
        while (at && far[at - 1] > here)
            at--;
        if (at == MAX_NEAREST)
            continue;
        if (found < MAX_NEAREST)
            found++;
        memmove(far + at + 1, far + at, (found - at - 1) * sizeof(*far));
        memmove(best + at + 1, best + at, (found - at - 1) * sizeof(*best));
        far[at] = here;
        best[at] = list[i].path;
    }
    for (size_t i = 0; i < found; i++) {
        buf_add_str(out, i ? ", " : "");
        buf_add_str(out, best[i]);
    }
}
