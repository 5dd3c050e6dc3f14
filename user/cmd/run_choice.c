/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_choice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "cmd/number.h"
#include "cmd/run_options.h"

#define MAX_SAMPLE   (1u << 24)
#define MIN_RATE     (1ull << 10)
#define MAX_RATE     (1ull << 40)
#define RATE_MAX_LEN 64

/* Says what a filter's error is; returns err. */
static int report(const char *option, int err, struct buf *error)
{
    if (err)
        log_error("%s: %.*s", option, (int)error->len, (const char *)error->data);
    buf_fini(error);
    return err;
}

int run_choice_filter(struct run_options *options, const char *arg)
{
    struct buf error = {0};

    return report("-f", live_filters_set_pass(&options->filters, arg, &error), &error);
}

/* FILTER=DEPTH, parted at the last '=': a filter may hold some. */
int run_choice_depth_for(struct run_options *options, const char *arg)
{
    const char *equals = strrchr(arg, '=');
    struct buf error = {0};
    uint64_t depth_bytes;
    char *filter;
    int err;

    if (!equals || equals == arg) {
        log_error("--depth-for %s: FILTER=BYTES is wanted, or FILTER=all, FILTER=none", arg);
        return -EINVAL;
    }
    err = number_parse_depth("--depth-for: depth", equals + 1, &depth_bytes);
    if (err)
        return err;
    filter = strndup(arg, (size_t)(equals - arg));
    if (!filter)
        return -ENOMEM;
    err = live_filters_add_depth(&options->filters, filter, depth_bytes, &error);
    free(filter);
    return report("--depth-for", err, &error);
}

int run_choice_sample(struct run_options *options, const char *arg)
{
    bool is_share = !strncmp(arg, "1/", 2);
    uint64_t one_in;

    if (number_parse("--sample", "1/N, and for N ", is_share ? arg + 2 : arg, 1, MAX_SAMPLE, false,
                     &one_in))
        return -EINVAL;
    if (!is_share) {
        log_error("--sample %s: 1/%s is wanted, one session in %s", arg, arg, arg);
        return -EINVAL;
    }
    options->sample_one_in = (uint32_t)one_in;
    return 0;
}

/* The unit may be written out: 10M/s. */
int run_choice_payload_rate(struct run_options *options, const char *arg)
{
    size_t len = strlen(arg);
    char text[RATE_MAX_LEN];

    if (len > 2 && len < sizeof(text) && !strcmp(arg + len - 2, "/s")) {
        memcpy(text, arg, len - 2);
        text[len - 2] = '\0';
        arg = text;
    }
    return number_parse("--payload-rate", "bytes a second: ", arg, MIN_RATE, MAX_RATE, true,
                        &options->payload_rate_bytes);
}
