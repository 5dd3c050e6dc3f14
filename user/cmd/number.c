/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "base/log.h"

#define MAX_DEPTH_BYTES (1ull << 30)

int number_parse(const char *option, const char *words, const char *text, uint64_t low,
                 uint64_t high, bool scaled, uint64_t *out)
{
    static const char suffixes[] = "KMG";
    char *end;
    uint64_t value, scale = 1;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (scaled && *end && strchr(suffixes, *end)) {
        scale = 1ull << (10 * (strchr(suffixes, *end) - suffixes + 1));
        end++;
    }
    if (errno || end == text || *end || *text == '-' || value > UINT64_MAX / scale ||
        value * scale < low || value * scale > high) {
        log_error("%s %s: %sa number from %llu to %llu is wanted", option, text, words,
                  (unsigned long long)low, (unsigned long long)high);
        return -EINVAL;
    }
    *out = value * scale;
    return 0;
}

int number_parse_depth(const char *option, const char *text, uint64_t *out)
{
    if (!strcmp(text, "all"))
        *out = DEPTH_ALL;
    else if (!strcmp(text, "none"))
        *out = 0;
    else
        return number_parse(option, "all, none or ", text, 0, MAX_DEPTH_BYTES, true, out);
    return 0;
}
