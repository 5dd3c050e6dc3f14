/* SPDX-License-Identifier: Apache-2.0 */
/*
 * O_NONBLOCK belongs to the open file, which the shell shares; so the terminal is opened again. Half a
 * frame could end within an escape: what is left of it goes out before anything else.
 */
#include "sink/screen_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_ROWS    24
#define DEFAULT_COLUMNS 80
#define SIZE_MAX_SANE   1000 /* rows or columns; some terminals tell nonsense */

void terminal_open(struct terminal *terminal, int fd)
{
    char name[64];

    *terminal = (struct terminal){.fd = fd};
    if (!isatty(fd) || ttyname_r(fd, name, sizeof(name)))
        return;
    fd = open(name, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    terminal->fd = fd;
    terminal->own = true;
}

void terminal_close(struct terminal *terminal)
{
    buf_fini(&terminal->frame);
    if (terminal->own)
        close(terminal->fd);
    terminal->own = false;
}

void terminal_size(const struct terminal *terminal, unsigned int *rows, unsigned int *columns)
{
    struct winsize size = {0};

    if (ioctl(terminal->fd, TIOCGWINSZ, &size))
        size = (struct winsize){0};
    *rows = size.ws_row ? size.ws_row : DEFAULT_ROWS;
    *columns = size.ws_col ? size.ws_col : DEFAULT_COLUMNS;
    if (*rows > SIZE_MAX_SANE)
        *rows = SIZE_MAX_SANE;
    if (*columns > SIZE_MAX_SANE)
        *columns = SIZE_MAX_SANE;
}

/* 1: it takes something; 0: not within timeout_ms. */
static int wait_writable(const struct terminal *terminal, int timeout_ms)
{
    struct pollfd wait = {.fd = terminal->fd, .events = POLLOUT};

    return poll(&wait, 1, timeout_ms) > 0;
}

int terminal_send(struct terminal *terminal)
{
    while (terminal_busy(terminal)) {
        ssize_t written;

        if (!terminal->own && !wait_writable(terminal, 0))
            return 0;
        written = write(terminal->fd, terminal->frame.data + terminal->sent,
                        terminal->frame.len - terminal->sent);
        if (written > 0)
            terminal->sent += (size_t)written;
        else if (written == 0 || errno == EAGAIN)
            return 0;
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int terminal_finish(struct terminal *terminal, int timeout_ms)
{
    int64_t end = now_ms() + timeout_ms, left = timeout_ms;
    int err;

    for (;;) {
        err = terminal_send(terminal);
        if (err || !terminal_busy(terminal) || left <= 0)
            return err;
        wait_writable(terminal, (int)left);
        left = end - now_ms();
    }
}
