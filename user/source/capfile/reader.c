/* SPDX-License-Identifier: Apache-2.0 */
/* What both formats share: choosing one, saying what is damaged, and keeping what was found. */
#include "source/capfile/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define MAGIC_BYTES     4
#define WARNINGS_A_FILE 10
#define MESSAGE_BYTES   160

static int next_nothing(struct reader *reader, struct frame *frame)
{
    (void)reader;
    (void)frame;
    return 0;
}

int reader_stop(struct reader *reader)
{
    reader->next = next_nothing;
    return 0;
}

void reader_damage(struct reader *reader, uint64_t offset, const char *fmt, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;

    if (offset < reader->judged)
        return;
    reader->judged = offset + 1;
    reader->finds->damaged++;
    if (reader->finds->quiet || reader->warnings > WARNINGS_A_FILE)
        return;
    if (reader->warnings++ == WARNINGS_A_FILE) {
        log_warn("%s: more damage, which is only counted", reader->path);
        return;
    }
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    log_warn("%s: damaged at byte %llu: %s", reader->path, (unsigned long long)offset, message);
}

bool reader_cut_short(struct reader *reader, const char *what)
{
    struct input *input = &reader->input;
    size_t left = input_have(input);

    if (input->fault)
        reader_damage(reader, input_offset(input) + left, "%s", input->fault);
    else if (left)
        reader_damage(reader, input_offset(input), "the file ends %zu bytes into %s", left, what);
    else
        return false;
    input->fault = NULL;
    return true;
}

enum reader_head reader_begin(struct reader *reader)
{
    const uint8_t *head = input_need(&reader->input, MAGIC_BYTES);

    reader_stop(reader);
    if (!head) {
        /* Too short for any magic; nothing at all is an empty capture. */
        if (input_have(&reader->input) && !reader->input.fault)
            return READER_FOREIGN;
        reader_cut_short(reader, "the head of the file");
        return READER_OK;
    }
    reader->is_pcapng = pcapng_is_magic(head);
    if (!reader->is_pcapng && !pcap_is_magic(head))
        return READER_FOREIGN;
    reader->resume = reader->is_pcapng ? pcapng_begin(reader) : pcap_begin(reader);
    if (reader->resume)
        reader->next = reader->resume;
    return READER_OK;
}

int reader_seek(struct reader *reader, uint64_t offset)
{
    int err;

    if (!reader->resume)
        return -EINVAL;
    err = reader->is_pcapng ? pcapng_seek(reader, offset) : input_seek(&reader->input, offset);
    if (!err)
        reader->next = reader->resume;
    return err;
}

int reader_read_at(struct reader *reader, uint64_t offset, struct frame *frame)
{
    if (!reader->resume || input_jump(&reader->input, offset))
        return 0;
    reader->next = reader->resume;
    return reader_next(reader, frame) && frame->offset == offset;
}

int reader_learn_at(struct reader *reader, uint64_t offset)
{
    int err = reader->is_pcapng ? input_jump(&reader->input, offset) : -EINVAL;

    return err ? err : pcapng_learn_at(reader, offset);
}

void reader_pause(struct reader *reader)
{
    if (reader->is_pcapng)
        pcapng_pause(reader);
    input_close(&reader->input);
}

void reader_end(struct reader *reader)
{
    if (reader->is_pcapng)
        pcapng_end(reader);
    input_close(&reader->input);
}

void *array_grow(void *array, size_t count, size_t element_bytes)
{
    /* Full at each power of two from 4 on. */
    if (count >= 4 && (count & (count - 1)))
        return array;
    if (count && count < 4)
        return array;
    return realloc(array, (count ? 2 * count : 4) * element_bytes);
}

static char *copy_text(const char *text, size_t len)
{
    return strndup(text ? text : "", text ? len : 0);
}

int64_t finds_add_interface(struct capfile_finds *finds, const struct reader *reader,
                            uint16_t linktype, uint32_t snaplen, const char *name, size_t name_len)
{
    size_t count = finds->interface_count;
    struct capfile_interface *all = array_grow(finds->interfaces, count, sizeof(*all));
    char *copy = copy_text(name, name_len);

    if (all)
        finds->interfaces = all;
    if (!all || !copy) {
        free(copy);
        return -ENOMEM;
    }
    all[count] = (struct capfile_interface){reader->file, linktype, snaplen, copy};
    finds->interface_count++;
    return (int64_t)count;
}

int finds_add_name(struct capfile_finds *finds, const uint8_t *addr, unsigned int addr_len,
                   const char *name, size_t name_len)
{
    size_t count = finds->name_count;
    struct capfile_name *all = array_grow(finds->names, count, sizeof(*all));
    struct capfile_name *one;
    char *copy = copy_text(name, name_len);

    if (all)
        finds->names = all;
    if (!all || !copy) {
        free(copy);
        return -ENOMEM;
    }
    one = &all[count];
    memset(one, 0, sizeof(*one));
    one->name = copy;
    if (addr_len == 4) {
        one->ip_version = 4;
        one->addr[10] = one->addr[11] = 0xff;
        memcpy(one->addr + 12, addr, 4);
    } else {
        one->ip_version = 6;
        memcpy(one->addr, addr, sizeof(one->addr));
    }
    finds->name_count++;
    return 0;
}

int finds_add_secrets(struct capfile_finds *finds, uint32_t type, const uint8_t *data, size_t len)
{
    size_t count = finds->secrets_count;
    struct capfile_secrets *all = array_grow(finds->secrets, count, sizeof(*all));
    uint8_t *copy = malloc(len ? len : 1);

    if (all)
        finds->secrets = all;
    if (!all || !copy) {
        free(copy);
        return -ENOMEM;
    }
    memcpy(copy, data, len);
    all[count] = (struct capfile_secrets){type, copy, len};
    finds->secrets_count++;
    return 0;
}

void finds_fini(struct capfile_finds *finds)
{
    for (size_t i = 0; i < finds->interface_count; i++)
        free((char *)finds->interfaces[i].name);
    for (size_t i = 0; i < finds->name_count; i++)
        free((char *)finds->names[i].name);
    for (size_t i = 0; i < finds->secrets_count; i++)
        free((uint8_t *)finds->secrets[i].data);
    free(finds->interfaces);
    free(finds->names);
    free(finds->secrets);
    memset(finds, 0, sizeof(*finds));
}
