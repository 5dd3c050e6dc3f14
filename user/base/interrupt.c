/* SPDX-License-Identifier: Apache-2.0 */
#include "base/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct interrupt {
    void (*tidy_up)(void *ctx);
    void *ctx;
    pthread_t thread;
    sigset_t before; /* the caller's mask */
    int signal_fd;
    int end_fd; /* readable: no more of this */
};

/* As if it had not been caught: whoever waits for the process sees the signal. */
static void end_by(int signal_number)
{
    sigset_t only;

    sigemptyset(&only);
    sigaddset(&only, signal_number);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
    pthread_sigmask(SIG_UNBLOCK, &only, NULL);
}

static void *run(void *ctx)
{
    struct interrupt *interrupt = ctx;
    struct pollfd fds[2] = {{.fd = interrupt->end_fd, .events = POLLIN},
                            {.fd = interrupt->signal_fd, .events = POLLIN}};
    struct signalfd_siginfo info;

    while (!(fds[0].revents & POLLIN)) {
        if (poll(fds, 2, -1) <= 0 || !(fds[1].revents & POLLIN))
            continue;
        if (read(interrupt->signal_fd, &info, sizeof(info)) == sizeof(info)) {
            interrupt->tidy_up(interrupt->ctx);
            end_by((int)info.ssi_signo);
        }
    }
    return NULL;
}

static void add_unless_ignored(sigset_t *set, int signal_number)
{
    struct sigaction action;

    if (!sigaction(signal_number, NULL, &action) && action.sa_handler != SIG_IGN)
        sigaddset(set, signal_number);
}

static void close_fds(const struct interrupt *interrupt)
{
    if (interrupt->signal_fd >= 0)
        close(interrupt->signal_fd);
    if (interrupt->end_fd >= 0)
        close(interrupt->end_fd);
}

struct interrupt *interrupt_new(void (*tidy_up)(void *ctx), void *ctx)
{
    struct interrupt *interrupt = calloc(1, sizeof(*interrupt));
    sigset_t caught;
    int err = 0;

    if (!interrupt)
        return NULL;
    interrupt->tidy_up = tidy_up;
    interrupt->ctx = ctx;
    sigemptyset(&caught);
    add_unless_ignored(&caught, SIGINT);
    add_unless_ignored(&caught, SIGTERM);
    add_unless_ignored(&caught, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &caught, &interrupt->before);
    interrupt->signal_fd = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
    interrupt->end_fd = eventfd(0, EFD_CLOEXEC);
    if (interrupt->signal_fd < 0 || interrupt->end_fd < 0)
        err = errno;
    if (!err)
        err = pthread_create(&interrupt->thread, NULL, run, interrupt);
    if (err) {
        pthread_sigmask(SIG_SETMASK, &interrupt->before, NULL);
        close_fds(interrupt);
        free(interrupt);
        errno = err;
        return NULL;
    }
    return interrupt;
}

void interrupt_free(struct interrupt *interrupt)
{
    const uint64_t one = 1;

    if (!interrupt)
        return;
    while (write(interrupt->end_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
    pthread_join(interrupt->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &interrupt->before, NULL);
    close_fds(interrupt);
    free(interrupt);
}
