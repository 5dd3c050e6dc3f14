/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mapguard.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The handler's word to the rest of the program: the last page that was lost. */
static _Atomic uintptr_t lost_page;

/* mmap and getpagesize do no more than a system call and a load. */
static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
    size_t page_bytes = (size_t)getpagesize();
    uintptr_t page = (uintptr_t)info->si_addr & ~(uintptr_t)(page_bytes - 1);
    int before = errno;

    (void)context;
    if (info->si_code != BUS_ADRERR ||
        mmap((void *)page, page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
            MAP_FAILED)
        signal(signal_number, SIG_DFL); /* it is done again, and ends the process */
    else
        atomic_store(&lost_page, page);
    errno = before;
}

void mapguard_begin(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_RESTART};

    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

bool mapguard_lost(const void *map, size_t len, size_t *at)
{
    uintptr_t page = atomic_load(&lost_page);

    *at = page - (uintptr_t)map;
    return page && *at < len;
}

void mapguard_forget(const void *map, size_t len)
{
    uintptr_t page = atomic_load(&lost_page);

    if (page - (uintptr_t)map < len)
        atomic_compare_exchange_strong(&lost_page, &page, 0);
}
