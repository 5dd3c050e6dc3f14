/* SPDX-License-Identifier: Apache-2.0 */
/* Names and data of DNS as a zone file has them (RFC 1035 section 5.1), but names without their last dot. */
#ifndef SESSTAP_APP_DNS_TEXT_H
#define SESSTAP_APP_DNS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_TEXT 1100 /* room for a name with each byte escaped */
#define DNS_DATA_TEXT 8192 /* of an answer; longer ones are left out */

#define DNS_TYPE_A    1
#define DNS_TYPE_AAAA 28

/*
 * The name at *at of a message of len bytes, which is moved behind it, as text ("." for the root). Returns its length; 0:
 * it is broken.
 */
size_t dns_take_name(const uint8_t *message, size_t len, size_t *at, char out[DNS_NAME_TEXT]);

/*
 * The data of a record of that type, data_len bytes at data_at, within the message, behind its length. What has no form of
 * its own, or is not as its type wants it, is in that of RFC 3597 (\# length hex). Returns its length; 0: a name in it is
 * broken, or it does not fit.
 */
size_t dns_put_data(const uint8_t *message, size_t len, uint16_t type, size_t data_at,
                    size_t data_len, char out[DNS_DATA_TEXT]);

#endif
