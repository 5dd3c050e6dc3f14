/* SPDX-License-Identifier: Apache-2.0 */
/* Two sides that may hand the connection over to TLS: lines and messages of any kind, with holes. */
#include "fuzz/app_turns.h"
#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    app_turns_run(IP_PROTO_TCP, "", data, size);
    return 0;
}
