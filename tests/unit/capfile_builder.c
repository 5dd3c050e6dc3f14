/* SPDX-License-Identifier: Apache-2.0 */
/* Builds capture files for tests. */
#include "unit/capfile_builder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/capfile/capfile_internal.h"

static void made_number(struct made *made, uint64_t value, unsigned int bytes)
{
    for (unsigned int i = 0; i < bytes; i++)
        buf_add_char(&made->bytes, (char)(value >> 8 * (made->big ? bytes - 1 - i : i)));
}

void made_u16(struct made *made, uint16_t value)
{
    made_number(made, value, 2);
}

void made_u32(struct made *made, uint32_t value)
{
    made_number(made, value, 4);
}

void made_u64(struct made *made, uint64_t value)
{
    made_number(made, value, 8);
}

void made_bytes(struct made *made, uint8_t first, uint32_t len, bool pad)
{
    for (uint32_t i = 0; i < len; i++)
        buf_add_char(&made->bytes, (char)(first + i));
    while (pad && len++ % 4)
        buf_add_char(&made->bytes, 0);
}

void made_end(struct made *made, bool is_packet)
{
    assert_true(made->end_count < sizeof(made->ends) / sizeof(made->ends[0]));
    made->is_packet[made->end_count] = is_packet;
    made->ends[made->end_count++] = made->bytes.len;
}

void made_pcap_head(struct made *made, uint32_t magic, uint32_t linktype)
{
    made_u32(made, magic);
    made_u16(made, 2);
    made_u16(made, 4);
    made_u32(made, 0);
    made_u32(made, 0);
    made_u32(made, 65535);
    made_u32(made, linktype);
    made_end(made, false);
}

void made_pcap_packet(struct made *made, uint32_t seconds, uint32_t fraction, uint32_t cap_len,
                      uint32_t wire_len, uint8_t first)
{
    made_u32(made, seconds);
    made_u32(made, fraction);
    made_u32(made, cap_len);
    made_u32(made, wire_len);
    made_bytes(made, first, cap_len, false);
    made_end(made, true);
}

void made_block(struct made *made, uint32_t type)
{
    made->block = made->bytes.len;
    made_u32(made, type);
    made_u32(made, 0);
}

void made_block_end(struct made *made, bool is_packet)
{
    struct made length = {.big = made->big};

    made_u32(&length, (uint32_t)(made->bytes.len + 4 - made->block));
    buf_add(&made->bytes, length.bytes.data, 4);
    memcpy(made->bytes.data + made->block + 4, length.bytes.data, 4);
    made_fini(&length);
    made_end(made, is_packet);
}

void made_option(struct made *made, uint16_t code, const void *value, uint16_t len)
{
    made_u16(made, code);
    made_u16(made, len);
    buf_add(&made->bytes, value, len);
    while (len++ % 4)
        buf_add_char(&made->bytes, 0);
}

void made_option_end(struct made *made)
{
    made_u32(made, 0);
}

void made_section(struct made *made)
{
    made_block(made, 0x0a0d0d0a);
    made_u32(made, 0x1a2b3c4d);
    made_u16(made, 1);
    made_u16(made, 0);
    made_u64(made, UINT64_MAX);
    made_block_end(made, false);
}

void made_interface(struct made *made, uint16_t linktype, uint32_t snaplen)
{
    made_block(made, 1);
    made_u16(made, linktype);
    made_u16(made, 0);
    made_u32(made, snaplen);
    made_block_end(made, false);
}

void made_enhanced(struct made *made, uint32_t interface, uint64_t ticks, uint32_t cap_len,
                   uint32_t wire_len, uint8_t first)
{
    made_block(made, 6);
    made_u32(made, interface);
    made_u32(made, (uint32_t)(ticks >> 32));
    made_u32(made, (uint32_t)ticks);
    made_u32(made, cap_len);
    made_u32(made, wire_len);
    made_bytes(made, first, cap_len, true);
}

void made_fini(struct made *made)
{
    buf_fini(&made->bytes);
}

struct opened open_bytes(const void *data, size_t len)
{
    struct opened opened = {.copy = malloc(len ? len : 1)};

    assert_non_null(opened.copy);
    if (len)
        memcpy(opened.copy, data, len);
    opened.capfile = capfile_open_memory(opened.copy, len, false);
    return opened;
}

void opened_close(struct opened *opened)
{
    capfile_close(opened->capfile);
    free(opened->copy);
}

struct capfile *open_paths(const char *const *paths, size_t count, bool recursive)
{
    struct capfile_conf conf = {.paths = paths, .path_count = count, .recursive = recursive};

    return capfile_open(&conf);
}

unsigned int count_frames(struct capfile *capfile)
{
    struct frame frame;
    unsigned int count = 0;

    while (capfile_next(capfile, &frame))
        count++;
    return count;
}

char *write_file(const char *dir, const char *name, const void *data, size_t len)
{
    char *path;
    FILE *file;

    assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    fclose(file);
    return path;
}

/* The place of stderr while it is kept. */
enum { STDERR_ASIDE = 200 };

void stderr_keep(void)
{
    int fd = memfd_create("stderr", 0);

    assert_true(fd >= 0);
    fflush(stderr);
    assert_true(dup2(STDERR_FILENO, STDERR_ASIDE) >= 0);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    close(fd);
}

char *stderr_stop(void)
{
    off_t len;
    char *text;

    fflush(stderr);
    len = lseek(STDERR_FILENO, 0, SEEK_END);
    text = calloc(1, (size_t)len + 1);
    assert_non_null(text);
    assert_int_equal(pread(STDERR_FILENO, text, (size_t)len, 0), len);
    dup2(STDERR_ASIDE, STDERR_FILENO);
    close(STDERR_ASIDE);
    return text;
}
