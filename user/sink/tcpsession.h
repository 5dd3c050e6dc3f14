/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's payload as the tool tcpsession of Palo Alto Networks writes it: DIR/tcpsession/<n>.json, n is
 * the session's number. Layout and escapes are those of Python's json.dump(indent=1); text is made from
 * bytes like bytes.decode("utf-8", "backslashreplace") does, packet by packet: what is no UTF-8 becomes
 * \xNN. Packets that delivered nothing are in no list, other than there; the sums are the same.
 */
#ifndef SESSTAP_TCPSESSION_H
#define SESSTAP_TCPSESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct tcpsession;

/* NULL with errno. Nothing is created before 256 KB are held. dir itself must be there. */
struct tcpsession *tcpsession_open(const char *dir, uint64_t number);
/*
 * Payload in order of delivery. packet: its number in the capture, from 1 (0: unknown); what follows of the
 * same packet and side joins its entry. 0 or -errno (also of an earlier call).
 */
int tcpsession_data(struct tcpsession *out, bool from_client, uint64_t packet, const void *data,
                    size_t len);
/*
 * Write the file, free. client: endpoint in key. 0 or the first -errno: then there is no file. -ENOTSUP
 * when libcrypto has no MD5.
 */
int tcpsession_close(struct tcpsession *out, const struct flow_key *key, unsigned int client);
/* Forget it all, leave no file; NULL is fine. */
void tcpsession_abort(struct tcpsession *out);

#endif
