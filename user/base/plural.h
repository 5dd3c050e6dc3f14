/* SPDX-License-Identifier: Apache-2.0 */
/* What a message says behind a number: "%llu session%s", n, plural_s(n). */
#ifndef SESSTAP_PLURAL_H
#define SESSTAP_PLURAL_H

#include <stdint.h>

/* The ending of the noun: "" or "s". */
static inline const char *plural_s(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* The same and the verb: " is" or "s are". */
static inline const char *plural_is(uint64_t n)
{
    return n == 1 ? " is" : "s are";
}

#endif
