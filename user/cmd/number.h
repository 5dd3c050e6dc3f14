/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers on the command line. */
#ifndef SESSTAP_NUMBER_H
#define SESSTAP_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A whole number between low and high, with the sizes K, M and G (powers of 1024) when scaled. option and words,
 * what else the option takes, are for the message. 0; -EINVAL after a line that names the wrong word.
 */
int number_parse(const char *option, const char *words, const char *text, uint64_t low,
                 uint64_t high, bool scaled, uint64_t *out);

/* all, none or bytes: DEPTH_ALL, 0, or up to 1 GB. Errors as above. */
int number_parse_depth(const char *option, const char *text, uint64_t *out);

#endif
