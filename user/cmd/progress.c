/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/progress.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "source/capfile/capfile.h"

#define FIRST_NS  1000000000ull
#define PERIOD_NS 200000000ull
#define BAR_CELLS 30

void progress_begin(struct progress *progress, bool wanted)
{
    memset(progress, 0, sizeof(*progress));
    progress->wanted = wanted;
    progress->begun_ns = progress->drawn_ns = clock_mono_ns();
}

static void draw(const struct progress *progress, uint64_t done, uint64_t total, uint64_t now_ns)
{
    double seconds = (double)(now_ns - progress->begun_ns) / 1e9;
    double rate = (double)done / seconds, share = total ? (double)done / (double)total : 0;
    char bar[BAR_CELLS + 1];

    if (share > 1)
        share = 1;
    memset(bar, ' ', BAR_CELLS);
    memset(bar, '=', (size_t)(share * BAR_CELLS));
    bar[BAR_CELLS] = '\0';
    if (total)
        fprintf(stderr, "\r[%s] %3.0f %%  %.0f MB/s  %.0f s left \033[K", bar, share * 100,
                rate / 1e6, rate > 0 ? (double)(total - (done < total ? done : total)) / rate : 0);
    else
        fprintf(stderr, "\r%.0f MB  %.0f MB/s \033[K", (double)done / 1e6, rate / 1e6);
}

void progress_update(struct progress *progress, const struct capfile *capfile)
{
    uint64_t now_ns, done, total;

    if (!progress->wanted)
        return;
    now_ns = clock_mono_ns();
    if (now_ns - progress->begun_ns < FIRST_NS || now_ns - progress->drawn_ns < PERIOD_NS)
        return;
    capfile_progress(capfile, &done, &total);
    draw(progress, done, total, now_ns);
    progress->drawn_ns = now_ns;
    progress->shown = true;
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        fprintf(stderr, "\r\033[K");
}
