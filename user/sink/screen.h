/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live picture of `sesstap run` on a terminal: a head of totals, and as many sessions as there is
 * room for. Only those that will be shown are copied, so it may be told of every session, every time.
 */
#ifndef SESSTAP_SCREEN_H
#define SESSTAP_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

struct record;
struct session;
struct flow;
struct screen;

struct screen_conf {
    bool colour;
    unsigned int rows;    /* of the terminal; 0: it is asked, at each picture */
    unsigned int columns; /* likewise */
    const char *title;    /* first words of the head, kept, not copied; NULL: "sesstap" */
};

struct screen_totals {
    uint64_t interfaces; /* tracked now */
    uint64_t sessions_open;
    uint64_t sessions_opened; /* since the start */
    uint64_t sessions_closed;
    uint64_t packets_per_second;
    uint64_t bytes_per_second;
    uint64_t table_entries;
    uint64_t table_capacity; /* 0: not shown */
    uint64_t payload_lost_bytes;
    uint64_t unaccounted_packets;
};

/*
 * NULL with errno. fd stays the caller's. A terminal is opened once more by its name, so that writes
 * do not wait for a terminal that was stopped (Ctrl-S) and nobody else's fd becomes non-blocking.
 */
struct screen *screen_new(int fd, const struct screen_conf *conf);
/* The last picture stays, with the cursor below it; waits up to 200 ms for a slow terminal. NULL is fine. */
void screen_free(struct screen *screen);

/* A picture begins: open sessions are told anew, ended ones stay for a few seconds. Clock of the flows. */
void screen_begin(struct screen *screen, uint64_t now_ns);
/*
 * A session that is open (once a picture), or has ended (once, at any time): session.close_reason or
 * FLOW_CLOSED says which. Nothing of it is kept but a copy, and that only if it will be shown: most
 * recently active first, where what was active in the last 2 s is equal, and goes by number, newest
 * first, so that rows keep their places.
 */
void screen_add(struct screen *screen, const struct record *record);
/* Whether screen_add would take it: for callers to whom a record is dear. */
bool screen_wants(const struct screen *screen, const struct session *session,
                  const struct flow *flow);
/*
 * Draw, in one write. 0 or -errno (-EPIPE, -EIO: the terminal is gone; -ENOMEM). A terminal that does not
 * take it all gets the rest with the next call, before any new picture.
 */
int screen_draw(struct screen *screen, const struct screen_totals *totals);

#endif
