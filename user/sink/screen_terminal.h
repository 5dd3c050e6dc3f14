/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal that is written to without ever waiting for it. */
#ifndef SESSTAP_SCREEN_TERMINAL_H
#define SESSTAP_SCREEN_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct terminal {
    int fd;
    bool own; /* a terminal opened once more, non-blocking */
    struct buf frame;
    size_t sent; /* bytes of the frame */
};

/* Never fails: at worst fd is written to as it is, when poll says that it takes something. */
void terminal_open(struct terminal *terminal, int fd);
void terminal_close(struct terminal *terminal);
/* Rows and columns; 24 and 80 when it does not know. */
void terminal_size(const struct terminal *terminal, unsigned int *rows, unsigned int *columns);

/* Write what is left of the frame, as much as it takes. 0 or -errno; terminal_busy tells whether some is left. */
int terminal_send(struct terminal *terminal);
static inline bool terminal_busy(const struct terminal *terminal)
{
    return terminal->sent < terminal->frame.len;
}
/* terminal_send until all is written, at most timeout_ms. */
int terminal_finish(struct terminal *terminal, int timeout_ms);
/* A new frame: the old one must have been sent. */
static inline struct buf *terminal_begin_frame(struct terminal *terminal)
{
    buf_clear(&terminal->frame);
    terminal->sent = 0;
    return &terminal->frame;
}

#endif
