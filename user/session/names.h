/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What addresses are called, from whatever told it: a hosts file, name resolution blocks, DNS answers, TLS. A name
 * once given out stays where it is until the end, so that records in another thread may point to it.
 */
#ifndef SESSTAP_NAMES_H
#define SESSTAP_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who says so; a better source is not overruled by a lesser one, an equal one is by the newer. */
enum name_source { NAME_OF_TLS, NAME_OF_DNS, NAME_OF_CAPTURE, NAME_OF_HOSTS };

#define NAME_MAX_BYTES 255

struct names;

/* At most max_addresses of them; what does not fit is counted. NULL on no memory. */
struct names *names_new(size_t max_addresses);
/* NULL is fine. */
void names_free(struct names *names);
/*
 * addr as in struct flow_key, IPv4 mapped. A trailing dot goes; a name that is empty, too long, or holds
 * control characters or blanks is not taken.
 */
void names_add(struct names *names, const uint8_t addr[16], const char *name, size_t len,
               enum name_source source);
/* NULL: none is known. *source (unless NULL) says who told it. */
const char *names_find(const struct names *names, const uint8_t addr[16], enum name_source *source);
/* What DNS calls it, when nobody better told a name. NULL: nothing. */
const char *names_of_dns(const struct names *names, const uint8_t addr[16]);
/*
 * What it is to be called in a session that has ended. before: names_of_dns when the session began, which goes before what DNS
 * told since: an address has many names, and this is the one that was asked for. NULL: none is known.
 */
const char *names_since(const struct names *names, const uint8_t addr[16], const char *before);
/* Names that found no room. */
uint64_t names_left_out(const struct names *names);
/*
 * A file like /etc/hosts: an address, then its names, the first of which counts; # begins a comment. 0; -errno of
 * reading. *bad_line: the first line that is neither, 0: none; the others are taken.
 */
int names_read_hosts(struct names *names, const char *path, unsigned int *bad_line);

/* Whether any file of hosts told one: others would not be told the same. */
bool names_have_hosts(const struct names *names);

#endif
