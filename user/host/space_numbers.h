/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other network namespaces than ours are numbered by: their interfaces and scopes are unique with it. With --pin the
 * numbers are kept for the next process: a namespace is known again by its cookie.
 */
#ifndef SESSTAP_SPACE_NUMBERS_H
#define SESSTAP_SPACE_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "pinned.h"

/*
 * The numbers of the namespace, those that it had or new ones, which no namespace has or had of late. cookie: not 0. Its
 * order is after that of all that were met before. NULL: all are taken. Borrowed until it is released.
 */
const struct pin_space *space_numbers_take(struct pin_spaces *numbers, uint64_t cookie);
/* Nothing of the namespace has to be known any more: its base is for another one, and so are its scopes. */
void space_numbers_release(struct pin_spaces *numbers, uint32_t base);
/* Release those that wanted does not want: namespaces that an earlier process knew, and that are gone. */
void space_numbers_settle(struct pin_spaces *numbers, bool (*wanted)(void *ctx, uint32_t base),
                          void *ctx);

/* The scope for what is in scope there of that namespace. When all are taken, some share one. */
uint16_t space_numbers_scope(struct pin_spaces *numbers, uint32_t base, uint16_t there);
/* The namespace is gone: its scopes are for others. */
void space_numbers_drop_scopes(struct pin_spaces *numbers, uint32_t base);

#endif
