/* SPDX-License-Identifier: Apache-2.0 */
/* Names of fields as people write them, and what a wrong one may have meant. */
#ifndef SESSTAP_FIELD_NAMES_H
#define SESSTAP_FIELD_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct field;

/*
 * The field with a path, where "[]" may be left out ("holes.offset"); one that stands for both ends (`ip`,
 * `port`, `socket`) is two fields, else fields[1] is NULL. False when there is none.
 */
bool field_find_named(const struct field *fields[2], const char *path, size_t len);
/* Append the names nearest to one that is none, ", "-separated; nothing when none is near. */
void field_add_nearest(struct buf *out, const char *path, size_t len);

#endif
