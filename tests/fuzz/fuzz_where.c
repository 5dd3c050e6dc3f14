/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as an expression: compiled or refused with a line, and then held against a record of each protocol. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "sink/where.h"
#include "unit/record_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void (*const makers[])(struct fixture *) = {fixture_tcp_full, fixture_tcp_refused,
                                                fixture_tcp_midstream, fixture_udp, fixture_icmpv6};
    struct buf text = {0}, error = {0};
    struct where *where;

    buf_add(&text, data, size);
    buf_add_char(&text, '\0');
    where = where_compile(text.data, &error);
    /* Refused means said why, in one line; compiled means nothing was said. */
    if (!where != !!error.len || memchr(error.data ? error.data : "", '\0', error.len))
        abort();
    for (size_t i = 0; where && i < sizeof(makers) / sizeof(makers[0]); i++) {
        struct fixture f;

        makers[i](&f);
        where_match(where, &f.record);
    }
    where_free(where);
    buf_fini(&text);
    buf_fini(&error);
    return 0;
}
