/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/mapped.h"

#include <sys/mman.h>
#include <unistd.h>

/* The kernel wants whole pages. */
static size_t page_round(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (bytes + page - 1) / page * page;
}

void *mapped_open(int map_fd, size_t bytes)
{
    void *values = mmap(NULL, page_round(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);

    return values == MAP_FAILED ? NULL : values;
}

void mapped_close(void *values, size_t bytes)
{
    if (values)
        munmap(values, page_round(bytes));
}
