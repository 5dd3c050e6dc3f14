/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Knobs: read-only data that user space sets before load, so that the verifier drops dead branches. */
#ifndef SESSTAP_CONFIG_BPF_H
#define SESSTAP_CONFIG_BPF_H

#include "abi.h"

const volatile struct track_conf conf = {
    .depth_bytes = 0,
    .snaplen_bytes = 262144,
    .sample_headers = 0,
    .lifecycle_wake_bytes = 64 * 1024,
    .payload_wake_bytes = 1024 * 1024,
    .sample_one_in = 1,
};

#endif
