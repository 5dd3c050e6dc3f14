/* SPDX-License-Identifier: Apache-2.0 */
/* Array maps as memory: what is stored there is kept by the kernel, whatever becomes of the process. */
#ifndef SESSTAP_MAPPED_H
#define SESSTAP_MAPPED_H

#include <stddef.h>

/* All values of a BPF_F_MMAPABLE array of that many bytes. NULL with errno. */
void *mapped_open(int map_fd, size_t bytes);
/* NULL is fine. */
void mapped_close(void *values, size_t bytes);

#endif
