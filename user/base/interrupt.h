/* SPDX-License-Identifier: Apache-2.0 */
/* Signals that end the process let it tidy up first, wherever its threads are: waiting for input, or in the midst of work. */
#ifndef SESSTAP_INTERRUPT_H
#define SESSTAP_INTERRUPT_H

struct interrupt;

/*
 * From here on SIGINT, SIGTERM and SIGHUP (those of them that are not ignored) end the process after tidy_up was
 * called, in a thread of its own. Call it before other threads are begun: they get its signal mask. NULL with errno.
 */
struct interrupt *interrupt_new(void (*tidy_up)(void *ctx), void *ctx);
/* They end it at once again; tidy_up is not called from here on. NULL is fine. */
void interrupt_free(struct interrupt *interrupt);

#endif
