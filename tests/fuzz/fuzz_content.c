/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that claim an encoding: in pieces or whole they decode to the same, within the bounds. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_BYTES (2u << 20)
#define MAX_RATIO 100

struct seen {
    uint64_t bytes;
    uint32_t sum;
};

static void on_bytes(void *ctx, const uint8_t *data, size_t len)
{
    struct seen *seen = ctx;

    for (size_t i = 0; i < len; i++)
        seen->sum = seen->sum * 31 + data[i];
    seen->bytes += len;
}

static int decode(const char *encoding, const uint8_t *data, size_t size, size_t piece,
                  struct seen *seen, bool *complete)
{
    struct content *content =
        content_new(encoding, strlen(encoding), MAX_BYTES, MAX_RATIO, on_bytes, seen);
    int err = 0;

    if (!content)
        return 1;
    for (size_t at = 0; at < size && !err; at += piece)
        err = content_data(content, data + at, size - at < piece ? size - at : piece);
    if (err && content_data(content, data, size) != err)
        abort();
    *complete = content_complete(content);
    if (err && *complete)
        abort();
    content_free(content);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const encodings[] = {"gzip",     "deflate",       "br",        "zstd",
                                            "identity", "gzip, deflate", "zstd, gzip"};
    struct seen whole = {0, 0}, parts = {0, 0};
    const char *encoding;
    bool complete = false, complete_in_parts = false;
    int err;

    if (size < 2)
        return 0;
    encoding = encodings[data[0] % (sizeof(encodings) / sizeof(encodings[0]))];
    err = decode(encoding, data + 2, size - 2, size, &whole, &complete);
    if (whole.bytes > MAX_BYTES)
        abort();
    /* Where a bound was reached depends on the pieces. */
    if (decode(encoding, data + 2, size - 2, 1 + data[1] % 50, &parts, &complete_in_parts) == err &&
        !err &&
        (whole.bytes != parts.bytes || whole.sum != parts.sum || complete != complete_in_parts))
        abort();
    return 0;
}
