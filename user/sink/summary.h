/* SPDX-License-Identifier: Apache-2.0 */
/* One record for people: general, timing, statistics, TCP behaviour, by the one list of fields. */
#ifndef SESSTAP_SUMMARY_H
#define SESSTAP_SUMMARY_H

#include "base/buf.h"
#include "sink/record.h"

/* Append the sections, lines of at most width (at least 80) but for values that are longer. */
void summary_write(struct buf *out, const struct record *record, unsigned int width, bool colour);

#endif
