/* SPDX-License-Identifier: Apache-2.0 */
/* The balance of a reading: packets read = packets of sessions + packets under a reason. */
#include "base/buf.h"
#include "base/log.h"
#include "base/plural.h"
#include "cmd/replay.h"

static void add_reason(struct buf *line, const char **before, const char *name, uint64_t count)
{
    if (!count)
        return;
    buf_printf(line, "%s%s %llu", *before, name, (unsigned long long)count);
    *before = ", ";
}

void replay_report(const struct replay_result *result)
{
    static const char *const names[] = {
#define X(upper, lower, help) #lower,
        UNACCOUNTED_REASONS(X)
#undef X
    };
    uint64_t unaccounted = 0;
    const char *before = " (";
    struct buf line = {0};

    for (int i = 0; i < UNACCOUNTED_COUNT; i++)
        unaccounted += result->unaccounted[i];
    buf_printf(&line, "%llu session%s", (unsigned long long)result->sessions,
               plural_s(result->sessions));
    if (result->left_out)
        buf_printf(&line, ", of these %llu left out by --where",
                   (unsigned long long)result->left_out);
    buf_printf(&line, "; packets read %llu = tracked %llu + unaccounted %llu",
               (unsigned long long)result->frames, (unsigned long long)result->tracked,
               (unsigned long long)unaccounted);
    for (int i = 0; i < UNACCOUNTED_COUNT; i++)
        add_reason(&line, &before, names[i], result->unaccounted[i]);
    if (before[0] == ',')
        buf_add_char(&line, ')');
    if (result->filtered)
        buf_printf(&line, " + filtered %llu", (unsigned long long)result->filtered);
    if (!line.failed)
        log_info("%.*s", (int)line.len, line.data);
    buf_fini(&line);
}
