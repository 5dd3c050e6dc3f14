/* SPDX-License-Identifier: Apache-2.0 */
/* Two digits at a time, dates by civil-calendar arithmetic: a record has some hundred of these. */
#include "sink/text.h"

#define NS_PER_SEC 1000000000LL
#define DAY_SEC    86400LL

const char text_digit_pairs[200] = {
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899"};

unsigned int text_count_digits(uint64_t value)
{
    static const uint64_t power[20] = {0,
                                       10ULL,
                                       100ULL,
                                       1000ULL,
                                       10000ULL,
                                       100000ULL,
                                       1000000ULL,
                                       10000000ULL,
                                       100000000ULL,
                                       1000000000ULL,
                                       10000000000ULL,
                                       100000000000ULL,
                                       1000000000000ULL,
                                       10000000000000ULL,
                                       100000000000000ULL,
                                       1000000000000000ULL,
                                       10000000000000000ULL,
                                       100000000000000000ULL,
                                       1000000000000000000ULL,
                                       10000000000000000000ULL};
    unsigned int bits = 64 - (unsigned int)__builtin_clzll(value | 1);
    unsigned int guess = bits * 1233 >> 12; /* log10(2) = 1233/4096 */

    return guess + (value >= power[guess]);
}

static char *put_pair(char *p, uint32_t value)
{
    memcpy(p, text_digit_pairs + value * 2, 2);
    return p + 2;
}

static char *put_four(char *p, uint32_t value)
{
    return put_pair(put_pair(p, value / 100), value % 100);
}

/* Seconds of today have ten digits; halves that do not wait for each other are quicker than a chain. */
static char *put_seconds(char *p, uint64_t sec)
{
    uint32_t low = (uint32_t)(sec % 100000000), high = (uint32_t)(sec / 100000000);

    if (sec < 1000000000 || sec > 9999999999)
        return text_put_u64(p, sec);
    return put_four(put_four(put_pair(p, high), low / 10000), low % 10000);
}

char *text_put_time(char *p, int64_t ns)
{
    uint64_t sec = (uint64_t)ns / NS_PER_SEC;
    uint32_t us = (uint32_t)((uint64_t)ns % NS_PER_SEC) / 1000;

    p = put_seconds(p, sec);
    *p++ = '.';
    return put_four(put_pair(p, us / 10000), us % 10000);
}

char *text_put_duration(char *p, int64_t ns)
{
    uint32_t rest = (uint32_t)((uint64_t)ns % NS_PER_SEC), us = rest / 1000, left = rest % 1000;

    p = text_put_u64(p, (uint64_t)ns / NS_PER_SEC);
    *p++ = '.';
    p = put_four(put_pair(p, us / 10000), us % 10000);
    if (left) {
        *p++ = (char)('0' + left / 100);
        p = put_pair(p, left % 100);
    }
    return p;
}

/* Days since 1970 to year, month, day: the year is taken to begin in March, so that a leap day ends it. */
static void write_day(struct text_day *day, int64_t days)
{
    uint32_t since = (uint32_t)(days + 719468); /* since 0000-03-01 */
    uint32_t era = since / 146097, of_era = since % 146097;
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint32_t shifted = (5 * of_year + 2) / 153; /* 0: March */
    uint32_t month = shifted < 10 ? shifted + 3 : shifted - 9;

    text_put_fixed(day->text, year + era * 400 + (month <= 2), 4);
    day->text[4] = '-';
    text_put_fixed(day->text + 5, month, 2);
    day->text[7] = '-';
    text_put_fixed(day->text + 8, of_year - (153 * shifted + 2) / 5 + 1, 2);
    day->text[10] = 'T';
    day->days = days;
}

char *text_put_date(char *p, int64_t ns, struct text_day *day)
{
    uint64_t ms = (uint64_t)ns / 1000000;
    int64_t days = (int64_t)(ms / (DAY_SEC * 1000));
    uint32_t of_day = (uint32_t)(ms % (DAY_SEC * 1000)), sec = of_day / 1000;

    if (days != day->days || !day->text[0])
        write_day(day, days);
    memcpy(p, day->text, 11);
    put_pair(p + 11, sec / 3600);
    p[13] = ':';
    put_pair(p + 14, sec / 60 % 60);
    p[16] = ':';
    put_pair(p + 17, sec % 60);
    p[19] = '.';
    p[20] = (char)('0' + of_day % 1000 / 100);
    put_pair(p + 21, of_day % 100);
    p[23] = 'Z';
    return p + 24;
}

static char *put_ipv4(char *p, const uint8_t *addr)
{
    for (int i = 0; i < 4; i++) {
        p = text_put_u64(p, addr[i]);
        *p++ = '.';
    }
    return p - 1;
}

static char *put_hex16(char *p, uint32_t word)
{
    static const char digits[] = "0123456789abcdef";

    for (int shift = word > 0xfff  ? 12
                     : word > 0xff ? 8
                     : word > 0xf  ? 4
                                   : 0;
         shift >= 0; shift -= 4)
        *p++ = digits[word >> shift & 15];
    return p;
}

/* The first of the longest runs of two or more zero words: begin and length, 0 when there is none. */
static int longest_zero_run(const uint16_t *words, int *begin)
{
    int best = 1;

    for (int i = 0; i < 8; i++) {
        int len = 0;

        while (i + len < 8 && !words[i + len])
            len++;
        if (len > best) {
            best = len;
            *begin = i;
        }
        i += len;
    }
    return best > 1 ? best : 0;
}

char *text_put_ip(char *p, const uint8_t *addr, unsigned int ip_version)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint16_t words[8];
    int begin = 8, run;

    if (ip_version == 4)
        return put_ipv4(p, addr + 12);
    if (!memcmp(addr, mapped, sizeof(mapped))) {
        memcpy(p, "::ffff:", 7);
        return put_ipv4(p + 7, addr + 12);
    }
    for (int i = 0; i < 8; i++)
        words[i] = (uint16_t)(addr[2 * i] << 8 | addr[2 * i + 1]);
    run = longest_zero_run(words, &begin);
    for (int i = 0; i < 8; i++) {
        if (i == begin) {
            *p++ = ':';
            if (i + run == 8)
                *p++ = ':';
            i += run - 1;
            continue;
        }
        if (i)
            *p++ = ':';
        p = put_hex16(p, words[i]);
    }
    return p;
}

bool text_is_plain(const char *text, size_t len)
{
    const uint64_t ones = 0x0101010101010101ULL, high = ones << 7;
    uint64_t word, bad = 0;
    size_t i = 0;

    for (; i + 8 <= len; i += 8) {
        memcpy(&word, text + i, 8);
        bad |= word | (word - ones * 0x20) | ((word ^ ones * '"') - ones) |
               ((word ^ ones * '\\') - ones);
    }
    for (; i < len; i++) {
        uint8_t c = (uint8_t)text[i];

        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            return false;
    }
    return !(bad & high);
}
