/* SPDX-License-Identifier: Apache-2.0 */
/* Writing all of it, however the kernel cuts it. */
#ifndef SESSTAP_FD_WRITE_H
#define SESSTAP_FD_WRITE_H

#include <stddef.h>
#include <stdint.h>

/* All len bytes at an offset of the file. 0 or -errno: then some of them may be there. */
int fd_pwrite(int fd, const void *data, size_t len, uint64_t offset);

#endif
