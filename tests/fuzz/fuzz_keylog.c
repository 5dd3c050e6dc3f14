/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a key log, in two parts: what is taken is found again, and written as it was read. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/keylog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const struct keylog_line *line)
{
    struct keylog_line again;
    struct buf text = {0};

    keylog_line_write(&text, line);
    assert(keylog_line_parse(&again, text.data, text.len - 1) == KEYLOG_TAKEN);
    assert(!memcmp(&again, line, sizeof(again)));
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keylog *keylog = keylog_new(0, 64);
    size_t half = size ? data[0] % size : 0;
    char *text = malloc(size + 1);

    if (!keylog || !text)
        abort();
    memcpy(text, data, size);
    keylog_add(keylog, text, half);
    keylog_add(keylog, text + half, size - half);
    for (unsigned int label = 0; label < KEYLOG_LABELS; label++) {
        const struct keylog_line *line;
        size_t at = 0;

        while ((line = keylog_next(keylog, (enum keylog_label)label, &at))) {
            assert(keylog_find(keylog, (enum keylog_label)label, line->id, sizeof(line->id)) ==
                   line);
            check_line(line);
        }
    }
    free(text);
    keylog_free(keylog);
    return 0;
}
