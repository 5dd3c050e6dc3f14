/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams, or a TCP stream, that may be DNS. */
#include "fuzz/app_turns.h"
#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size)
        app_turns_run(data[0] & 1 ? IP_PROTO_TCP : IP_PROTO_UDP, "", data + 1, size - 1);
    return 0;
}
