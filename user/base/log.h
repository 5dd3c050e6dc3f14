/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the person at the terminal: one line each on stderr, after "sesstap: ". */
#ifndef SESSTAP_LOG_H
#define SESSTAP_LOG_H

/* Something failed: names the value that was wrong and what to do. printf format, no newline. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Something was given up, work goes on. */
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What the program does: few lines, none in a loop. */
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
