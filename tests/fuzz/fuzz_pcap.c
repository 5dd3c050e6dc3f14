/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a pcap file: any of the magics when the first byte asks for one, and what comes. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/frame_walk.h"

static const char magics[][4] = {
    "\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1",
    "\xa1\xb2\x3c\x4d", "\x34\xcd\xb2\xa1", "\xa1\xb2\xcd\x34",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file;

    walk_frames(data, size);
    if (!size)
        return 0;
    /* Exactly as long as the file, so that a byte read behind it is found. */
    file = malloc(size + 3);
    if (!file)
        return 0;
    memcpy(file, magics[data[0] % (sizeof(magics) / sizeof(magics[0]))], 4);
    memcpy(file + 4, data + 1, size - 1);
    walk_frames(file, size + 3);
    free(file);
    return 0;
}
