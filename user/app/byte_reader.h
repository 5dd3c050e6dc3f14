/* SPDX-License-Identifier: Apache-2.0 */
/* Read numbers and runs of bytes in network order; what is beyond the end is zero and sets failed. */
#ifndef SESSTAP_BYTE_READER_H
#define SESSTAP_BYTE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct byte_reader {
    const uint8_t *at;
    size_t left;
    bool failed;
};

/* len bytes, or NULL. */
static inline const uint8_t *read_bytes(struct byte_reader *reader, size_t len)
{
    const uint8_t *at = reader->at;

    if (reader->failed || len > reader->left) {
        reader->failed = true;
        reader->left = 0;
        return NULL;
    }
    reader->at += len;
    reader->left -= len;
    return at;
}

/* A number of 1 to 4 bytes. */
static inline uint32_t read_number(struct byte_reader *reader, unsigned int bytes)
{
    const uint8_t *at = read_bytes(reader, bytes);
    uint32_t value = 0;

    for (unsigned int i = 0; at && i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* The run behind its length, which is a number of len_bytes; empty and failed when it is cut. */
static inline struct byte_reader read_run(struct byte_reader *reader, unsigned int len_bytes)
{
    size_t len = read_number(reader, len_bytes);
    const uint8_t *at = read_bytes(reader, len);

    return (struct byte_reader){at, at ? len : 0, !at};
}

#endif
