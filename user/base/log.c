/* SPDX-License-Identifier: Apache-2.0 */
/* One write a message, so that lines of several processes do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static void log_line(const char *level, const char *fmt, va_list args)
{
    char line[1024];
    int at = snprintf(line, sizeof(line), "sesstap: %s", level);
    int len = vsnprintf(line + at, sizeof(line) - (size_t)at - 1, fmt, args);

    if (len < 0)
        return;
    at += len;
    if ((size_t)at > sizeof(line) - 2)
        at = (int)sizeof(line) - 2;
    line[at++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)at) < 0)
        return; /* nowhere left to say it */
}

void log_error(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_line("error: ", fmt, args);
    va_end(args);
}

void log_warn(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_line("warning: ", fmt, args);
    va_end(args);
}

void log_info(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_line("", fmt, args);
    va_end(args);
}
