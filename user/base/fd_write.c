/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd_write.h"

#include <errno.h>
#include <unistd.h>

int fd_pwrite(int fd, const void *data, size_t len, uint64_t offset)
{
    const char *at = data;

    while (len) {
        ssize_t n = pwrite(fd, at, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}
