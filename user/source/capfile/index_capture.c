/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a capture is still the one that an index was made of. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_DEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

#include "source/capfile/index_format.h"

uint32_t index_crc(uint32_t crc, const void *data, size_t len)
{
#ifdef HAVE_DEFLATE
    return libdeflate_crc32(crc, data, len);
#else
    return (uint32_t)crc32_z(crc, data, len);
#endif
}

int index_path(char *path, size_t size, const char *capture)
{
    return snprintf(path, size, "%s" INDEX_SUFFIX, capture) < (int)size ? 0 : -ENAMETOOLONG;
}

static int crc_of(int fd, uint8_t *room, uint64_t from, size_t len, uint32_t *crc)
{
    ssize_t n = pread(fd, room, len, (off_t)from);

    if (n < 0)
        return -errno;
    if ((size_t)n != len)
        return -ESTALE;
    *crc = index_crc(0, room, len);
    return 0;
}

static int read_edges(struct index_capture *capture, int fd)
{
    size_t len = capture->bytes < INDEX_EDGE_BYTES ? (size_t)capture->bytes : INDEX_EDGE_BYTES;
    uint8_t *room = malloc(INDEX_EDGE_BYTES);
    int err;

    if (!room)
        return -ENOMEM;
    err = crc_of(fd, room, 0, len, &capture->head_crc);
    if (!err)
        err = crc_of(fd, room, capture->bytes - len, len, &capture->edge_crc);
    free(room);
    return err;
}

int index_capture_look(struct index_capture *capture, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = -EINVAL;
    struct stat st;

    memset(capture, 0, sizeof(*capture));
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0) {
        err = -errno;
    } else if (S_ISREG(st.st_mode)) {
        capture->bytes = (uint64_t)st.st_size;
        capture->mtime_ns = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec;
        err = read_edges(capture, fd);
    }
    close(fd);
    return err;
}
