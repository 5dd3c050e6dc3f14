/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a message with its encodings undone: gzip, deflate, brotli, zstd, also one on top of another. */
#ifndef SESSTAP_APP_CONTENT_H
#define SESSTAP_APP_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct content;

/* Decoded bytes; len > 0. */
typedef void content_sink(void *ctx, const uint8_t *data, size_t len);

/*
 * For the value of a Content-Encoding header: "gzip", "br, gzip"; "chunked" was undone before. max_bytes: of decoded content; max_ratio: of
 * decoded to encoded bytes, looked at beyond the first megabyte. NULL with errno: ENOTSUP, an encoding that is
 * not known here or too many of them; ENOMEM.
 */
struct content *content_new(const char *encoding, size_t len, uint64_t max_bytes,
                            uint64_t max_ratio, content_sink *sink, void *ctx);
/* NULL is fine. */
void content_free(struct content *content);
/*
 * 0; -EBADMSG: it is not what the encoding says; -E2BIG: a bound was reached, nothing more comes of it;
 * -ENOMEM. After an error it takes no more.
 */
int content_data(struct content *content, const uint8_t *data, size_t len);
/* Whether each encoding was at its end: nothing was cut off. */
bool content_complete(const struct content *content);

#endif
