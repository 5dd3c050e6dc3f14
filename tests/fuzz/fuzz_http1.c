/* SPDX-License-Identifier: Apache-2.0 */
/* Two sides that may speak HTTP/1, and what it is upgraded to: transactions in order, within their bounds. */
#include "fuzz/app_turns.h"
#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    app_turns_run(IP_PROTO_TCP, "", data, size);
    return 0;
}
