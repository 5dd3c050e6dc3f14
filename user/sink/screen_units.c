/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people. Bytes count by 1024, everything else by 1000. */
#include "sink/screen_units.h"

#include <stdbool.h>
#include <string.h>

#include "sink/text.h"

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

static char *put_text(char *p, const char *text, size_t len)
{
    memcpy(p, text, len);
    return p + len;
}

/* whole.rest with as many digits after the point as make three digits; rest is in thousandths. */
static char *put_three_digits(char *p, uint64_t whole, unsigned int thousandths)
{
    p = text_put_u64(p, whole);
    if (whole >= 100)
        return p;
    *p++ = '.';
    return whole >= 10 ? text_put_fixed(p, thousandths / 100, 1)
                       : text_put_fixed(p, thousandths / 10, 2);
}

char *units_put_bytes(char *p, uint64_t bytes)
{
    static const char prefixes[] = "KMGTPE";
    uint64_t whole = bytes, rest = 0;
    int unit = -1;

    for (; whole >= 1024; unit++) {
        rest = whole % 1024;
        whole /= 1024;
    }
    p = text_put_u64(p, whole);
    if (unit >= 0 && whole < 100) {
        *p++ = '.';
        p = text_put_u64(p, rest * 10 / 1024);
    }
    if (unit >= 0) {
        *p++ = prefixes[unit];
        *p++ = 'i';
    }
    *p++ = 'B';
    return p;
}

char *units_put_count(char *p, uint64_t count)
{
    static const char prefixes[] = "kMGTPE";
    uint64_t whole = count, rest = 0;
    int unit = -1;

    if (count < 10000)
        return text_put_u64(p, count);
    for (; whole >= 1000; unit++) {
        rest = whole % 1000;
        whole /= 1000;
    }
    p = put_three_digits(p, whole, (unsigned int)rest);
    *p++ = prefixes[unit];
    return p;
}

static char *put_two(char *p, uint64_t big, char big_unit, uint64_t small, char small_unit)
{
    p = text_put_u64(p, big);
    *p++ = big_unit;
    p = text_put_fixed(p, small, 2);
    *p++ = small_unit;
    return p;
}

char *units_put_duration(char *p, uint64_t ns)
{
    uint64_t seconds = ns / NS_PER_S;

    if (ns < NS_PER_MS)
        return put_text(text_put_u64(p, ns / NS_PER_US), "us", 2);
    if (ns < NS_PER_S) {
        p = put_three_digits(p, ns / NS_PER_MS, ns % NS_PER_MS / NS_PER_US);
        return put_text(p, "ms", 2);
    }
    if (seconds < 60)
        return put_text(put_three_digits(p, seconds, ns % NS_PER_S / NS_PER_MS), "s", 1);
    if (seconds < 3600)
        return put_two(p, seconds / 60, 'm', seconds % 60, 's');
    if (seconds < 86400)
        return put_two(p, seconds / 3600, 'h', seconds % 3600 / 60, 'm');
    return put_two(p, seconds / 86400, 'd', seconds % 86400 / 3600, 'h');
}

/* ---- addresses ----------------------------------------------------------------------------------- */

#define CUT     ".."
#define CUT_LEN 2

static bool separates(char c)
{
    return c == ':' || c == '.';
}

/* Length of "]:443" or ":80" at the end; 0 when there is no port. */
static size_t port_len(const char *address, size_t len)
{
    const char *bracket = memrchr(address, ']', len), *colon = memchr(address, ':', len);

    if (bracket)
        return len - (size_t)(bracket - address);
    /* An IPv6 address on its own has several. */
    if (!colon || memrchr(address, ':', len) != colon)
        return 0;
    return len - (size_t)(colon - address);
}

/*
 * Whole groups of an address from its beginning (*head bytes) and its end (*tail bytes), in turn, while
 * they and the cut fit into room. False when not even the last group does.
 */
static bool choose_groups(const char *body, size_t len, size_t room, size_t *head, size_t *tail)
{
    size_t left = 0, right = 0, next;
    bool grew = true;

    while (grew) {
        grew = false;
        for (next = right + 1; next < len && !separates(body[len - next - 1]); next++)
            ;
        if (left + CUT_LEN + next <= room) {
            right = next;
            grew = true;
        }
        for (next = left + 1; next < len && !separates(body[next - 1]); next++)
            ;
        if (next + CUT_LEN + right <= room) {
            left = next;
            grew = true;
        }
    }
    *head = left;
    *tail = right;
    return right;
}

char *units_put_short(char *p, const char *address, size_t len, size_t width)
{
    size_t port, open, head, tail;
    const char *body;

    if (len <= width)
        return put_text(p, address, len);
    open = len && address[0] == '[';
    port = port_len(address, len);
    body = address + open;
    if (open + port <= width &&
        choose_groups(body, len - open - port, width - open - port, &head, &tail)) {
        p = put_text(p, address, open + head);
        p = put_text(p, CUT, CUT_LEN);
        return put_text(p, address + len - port - tail, tail + port);
    }
    if (width <= CUT_LEN)
        return put_text(p, address, width);
    return put_text(put_text(p, address, width - CUT_LEN), CUT, CUT_LEN);
}
