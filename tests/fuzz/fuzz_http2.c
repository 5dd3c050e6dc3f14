/* SPDX-License-Identifier: Apache-2.0 */
/* Two sides behind HTTP/2's preface: frames, header blocks and holes of any kind. */
#include "fuzz/app_turns.h"
#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    app_turns_run(IP_PROTO_TCP, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", data, size);
    return 0;
}
