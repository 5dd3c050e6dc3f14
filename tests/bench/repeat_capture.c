/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A larger capture out of a small one: its packets again and again, each time later and from another client
 * network. usage: repeat_capture IN.pcap OUT.pcap TIMES (little-endian pcap of Ethernet and IPv4)
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_HEAD_BYTES 24
#define RECORD_BYTES    16
#define ETH_BYTES       14
#define ROUND_SECONDS   200 /* longer than closed sessions are kept */

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

/* One packet, round seconds later; both addresses get another second byte. */
static void shift(uint8_t *record, uint32_t cap_len, uint32_t seconds, uint8_t round)
{
    uint8_t *ip = record + RECORD_BYTES + ETH_BYTES;
    uint32_t time = get_u32(record) + seconds;

    memcpy(record, &time, sizeof(time));
    if (cap_len >= ETH_BYTES + 20 && ip[-2] == 0x08 && ip[-1] == 0x00) {
        ip[13] = (uint8_t)(ip[13] + round);
        ip[17] = (uint8_t)(ip[17] + round);
    }
}

static int copy_round(FILE *in, FILE *out, uint8_t *record, size_t room, uint32_t seconds,
                      uint8_t round)
{
    if (fseek(in, FILE_HEAD_BYTES, SEEK_SET))
        return -1;
    while (fread(record, 1, RECORD_BYTES, in) == RECORD_BYTES) {
        uint32_t cap_len = get_u32(record + 8);

        if (cap_len > room - RECORD_BYTES ||
            fread(record + RECORD_BYTES, 1, cap_len, in) != cap_len)
            return -1;
        shift(record, cap_len, seconds, round);
        if (fwrite(record, 1, RECORD_BYTES + cap_len, out) != RECORD_BYTES + cap_len)
            return -1;
    }
    return 0;
}

/* Seconds from the first packet to the last. */
static uint32_t length_of(FILE *in, uint8_t *record)
{
    uint32_t first = 0, last = 0;

    fseek(in, FILE_HEAD_BYTES, SEEK_SET);
    while (fread(record, 1, RECORD_BYTES, in) == RECORD_BYTES) {
        last = get_u32(record);
        first = first ? first : last;
        fseek(in, (long)get_u32(record + 8), SEEK_CUR);
    }
    return last - first;
}

int main(int argc, char **argv)
{
    static uint8_t record[1 << 20];
    int times = argc == 4 ? atoi(argv[3]) : 0, err = 0;
    FILE *in = argc == 4 ? fopen(argv[1], "rb") : NULL;
    FILE *out = argc == 4 ? fopen(argv[2], "wb") : NULL;
    uint32_t seconds;

    if (!in || !out || times < 1 || times > 200) {
        fprintf(stderr, "usage: repeat_capture IN.pcap OUT.pcap TIMES (1 to 200)\n");
        return 2;
    }
    seconds = length_of(in, record) + ROUND_SECONDS;
    rewind(in);
    err = fread(record, 1, FILE_HEAD_BYTES, in) != FILE_HEAD_BYTES ||
          fwrite(record, 1, FILE_HEAD_BYTES, out) != FILE_HEAD_BYTES;
    for (int round = 0; round < times && !err; round++)
        err =
            copy_round(in, out, record, sizeof(record), seconds * (uint32_t)round, (uint8_t)round);
    if (err | (fclose(out) != 0) | (fclose(in) != 0)) {
        fprintf(stderr, "repeat_capture: cannot copy %s to %s\n", argv[1], argv[2]);
        return 1;
    }
    return 0;
}
