/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/grace.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MS_NS 1000000L

/* Where the kernel would not wait: far longer than a program runs. */
#define INSTEAD_MS 200

struct grace {
    pthread_t thread;
    sem_t asked;
    int inner_fd;
    int outer_fd;
    _Atomic uint64_t wanted; /* the last period that was asked for */
    _Atomic uint64_t begun;  /* written by the thread, as over */
    _Atomic uint64_t over;
    atomic_bool stop;
};

static void sleep_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * MS_NS};

    nanosleep(&time, NULL);
}

/*
 * A change of a map of maps returns when no program can be using what was there before
 * (maybe_wait_bpf_programs in kernel/bpf/syscall.c).
 */
static void wait_for_programs(const struct grace *grace)
{
    uint32_t zero = 0;

    if (bpf_map_update_elem(grace->outer_fd, &zero, &grace->inner_fd, BPF_ANY))
        sleep_ms(INSTEAD_MS);
}

static void *grace_run(void *arg)
{
    struct grace *grace = arg;

    while (!grace->stop) {
        if (sem_wait(&grace->asked))
            continue;
        while (!grace->stop && grace->over < grace->wanted) {
            grace->begun++;
            wait_for_programs(grace);
            grace->over = grace->begun;
        }
    }
    return NULL;
}

static int open_maps(struct grace *grace)
{
    LIBBPF_OPTS(bpf_map_create_opts, opts);

    grace->inner_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "grace_inner", 4, 4, 1, NULL);
    if (grace->inner_fd < 0)
        return -errno;
    opts.inner_map_fd = (uint32_t)grace->inner_fd;
    grace->outer_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "grace", 4, 4, 1, &opts);
    return grace->outer_fd < 0 ? -errno : 0;
}

static void close_maps(const struct grace *grace)
{
    if (grace->inner_fd >= 0)
        close(grace->inner_fd);
    if (grace->outer_fd >= 0)
        close(grace->outer_fd);
}

/* Signals are for the others. */
static int start_thread(struct grace *grace)
{
    sigset_t all, before;
    int err;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = -pthread_create(&grace->thread, NULL, grace_run, grace);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

struct grace *grace_new(void)
{
    struct grace *grace = calloc(1, sizeof(*grace));
    int err;

    if (!grace)
        return NULL;
    grace->inner_fd = grace->outer_fd = -1;
    sem_init(&grace->asked, 0, 0);
    err = open_maps(grace);
    if (!err)
        err = start_thread(grace);
    if (!err)
        return grace;
    close_maps(grace);
    sem_destroy(&grace->asked);
    free(grace);
    errno = -err;
    return NULL;
}

void grace_free(struct grace *grace)
{
    if (!grace)
        return;
    grace->stop = true;
    sem_post(&grace->asked);
    pthread_join(grace->thread, NULL);
    close_maps(grace);
    sem_destroy(&grace->asked);
    free(grace);
}

uint64_t grace_ask(struct grace *grace)
{
    uint64_t period = grace->begun + 1; /* one that is going on may have begun before */

    if (grace->wanted < period) {
        grace->wanted = period;
        sem_post(&grace->asked);
    }
    return period;
}

bool grace_over(const struct grace *grace, uint64_t period)
{
    return grace->over >= period;
}

void grace_wait(struct grace *grace)
{
    uint64_t period = grace_ask(grace);

    while (!grace_over(grace, period))
        sleep_ms(1);
}
