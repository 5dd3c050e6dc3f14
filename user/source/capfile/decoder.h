/* SPDX-License-Identifier: Apache-2.0 */
/* A stream's bytes as they were before compression: gzip (zlib), zstd (libzstd, when built in), or plain. */
#ifndef SESSTAP_CAPFILE_DECODER_H
#define SESSTAP_CAPFILE_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DECODER_MAGIC_BYTES 4

struct decoder;

/* Whether a file that begins so (DECODER_MAGIC_BYTES of it) is one that a decoder undoes. */
bool decoder_is_compressed(const uint8_t *head);
/* Takes fd over, also when it fails: NULL with errno; ENOTSUP: a compression that is not built in. */
struct decoder *decoder_open(int fd);
/* Takes NULL. */
void decoder_close(struct decoder *decoder);
/* Up to room bytes; 0: the end, with *fault set to text that stays when it is no good one. */
ssize_t decoder_read(struct decoder *decoder, uint8_t *out, size_t room, const char **fault);
/* Bytes taken from the file. */
uint64_t decoder_done(const struct decoder *decoder);

#endif
