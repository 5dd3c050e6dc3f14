/* SPDX-License-Identifier: Apache-2.0 */
/* The head of the live picture: totals, on as few lines as they fit. */
#ifndef SESSTAP_SCREEN_HEAD_H
#define SESSTAP_SCREEN_HEAD_H

#include "sink/screen.h"
#include "sink/screen_columns.h"

struct buf;

/* Append at most max_lines lines, each with its line break; returns how many. What does not fit is left out. */
unsigned int head_put(struct buf *out, const char *title, const struct screen_totals *totals,
                      unsigned int max_lines, const struct line_style *style);

#endif
