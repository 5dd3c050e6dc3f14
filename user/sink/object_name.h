/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SESSTAP_OBJECT_NAME_H
#define SESSTAP_OBJECT_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "session/facts.h"

#define OBJECT_NAME_BYTES 120

/*
 * The last part of a file's name: letters, digits, ".", "-" and "_", no "." in front; by Content-Disposition, else
 * by the URI, else "index", with a suffix by type when it has none. Never empty.
 */
void object_name(const struct http_transaction *transaction, const struct http_message *message,
                 char out[OBJECT_NAME_BYTES]);

#endif
