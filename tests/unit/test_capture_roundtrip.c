/* SPDX-License-Identifier: Apache-2.0 */
/* A 64 KB packet that comes as several records of the ring, read back as the packets of the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi.h"
#include "unit/capture_support.h"

#define SKB_BYTES  65160                      /* 45 segments of 1448 */
#define PER_RECORD (SAMPLE_CHUNK_BYTES / MSS) /* whole segments in a record */
#define MSS        1448

enum { FIN = 0x01, PSH = 0x08, ACK = 0x10 };

struct skb {
    struct frame_spec spec;
    uint8_t headers[HEADERS_MAX];
    uint32_t headers_len;
    uint16_t gso_size;
    uint64_t wall_ns;
};

static const struct capture_interface veth = {.ifindex = 2, .name = "veth0"};

static int make_dir(void **state)
{
    *state = scratch_make();
    return 0;
}

static int remove_dir(void **state)
{
    scratch_remove(*state);
    return 0;
}

static struct skb make_skb(const struct frame_spec *spec, uint16_t gso_size, uint64_t wall_ns)
{
    struct skb skb = {.spec = *spec, .gso_size = gso_size, .wall_ns = wall_ns};

    skb.headers_len = build_headers(skb.headers, spec, 0, CHECKSUM_PSEUDO);
    return skb;
}

/* The n-th record of an skb, as the kernel cuts it: at a multiple of gso_size. */
static struct capture_packet chunk_of(const struct skb *skb, uint32_t n)
{
    uint32_t room =
        skb->gso_size ? SAMPLE_CHUNK_BYTES / skb->gso_size * skb->gso_size : SAMPLE_CHUNK_BYTES;
    uint32_t off = n * room, left = skb->spec.payload_len - off;

    return (struct capture_packet){
        .headers = skb->headers,
        .headers_len = skb->headers_len,
        .payload = payload_bytes() + off,
        .wall_ns = skb->wall_ns,
        .cap_len = left < room ? left : room,
        .payload_len = left < room ? left : room,
        .chunk_off = off,
        .skb_payload_len = skb->spec.payload_len,
        .gso_size = skb->gso_size,
    };
}

static void write_chunk(struct capture *capture, const struct skb *skb, uint32_t n)
{
    const struct capture_packet chunk = chunk_of(skb, n);

    assert_int_equal(capture_write(capture, &veth, &chunk), 0);
}

/* The wire packet at offset must be this one, whole. */
static void assert_segment(const struct read_packet *packet, const struct skb *skb, uint32_t offset)
{
    uint32_t left = skb->spec.payload_len - offset;
    struct frame_spec spec = skb->spec;
    uint8_t frame[FRAME_MAX];
    uint32_t len;

    if (skb->gso_size && left > skb->gso_size) {
        spec.payload_len = skb->gso_size;
        spec.tcp_flags &= (uint8_t) ~(FIN | PSH);
    } else {
        spec.payload_len = left;
    }
    spec.seq += offset;
    spec.ip_id += skb->gso_size ? (uint16_t)(offset / skb->gso_size) : 0;
    len = build_frame(frame, &spec, offset);
    assert_int_equal(packet->wall_ns, skb->wall_ns);
    assert_int_equal(packet->wire_len, len);
    assert_int_equal(packet->cap_len, len);
    assert_memory_equal(packet->bytes, frame, len);
}

static void check_chunks(char *dir, const struct frame_spec *spec, enum capture_format format)
{
    const char *path = scratch_path(dir, "chunks");
    struct skb skb = make_skb(spec, MSS, 1700000000000000042u);
    struct capture *capture = capture_new(path, format, "id");
    struct read_file file;

    for (uint32_t n = 0; n * PER_RECORD < 45; n++)
        write_chunk(capture, &skb, n);
    assert_int_equal(capture_packets(capture), 45);
    assert_int_equal(capture_close(capture, 45, 0), 0);
    file = read_capture(path);
    assert_int_equal(file.count, 45);
    for (uint32_t i = 0; i < 45; i++)
        assert_segment(&file.packets[i], &skb, i * MSS);
    read_file_free(&file);
    assert_tools_content(path, 45);
}

static void test_chunks(void **state)
{
    const struct frame_spec v4 = {.payload_len = SKB_BYTES,
                                  .seq = 0xffff0000,
                                  .ip_id = 0xfff0,
                                  .tcp_flags = ACK | PSH | FIN,
                                  .tcp_timestamps = true};
    struct frame_spec v6 = v4;

    v6.is_v6 = true;
    check_chunks(*state, &v4, CAPTURE_PCAP);
    check_chunks(*state, &v4, CAPTURE_PCAPNG);
    check_chunks(*state, &v6, CAPTURE_PCAPNG);
}

/* A record that found the ring full takes its wire packets with it, and no others. */
static void test_lost_chunk(void **state)
{
    const char *path = scratch_path(*state, "lost.pcapng");
    const struct frame_spec spec = {.payload_len = SKB_BYTES, .tcp_flags = ACK | PSH};
    struct skb skb = make_skb(&spec, MSS, 7);
    struct capture *capture = capture_new(path, CAPTURE_PCAPNG, NULL);
    struct read_file file;

    for (uint32_t n = 0; n * PER_RECORD < 45; n++) {
        if (n == 1)
            capture_note_drops(capture, PER_RECORD);
        else
            write_chunk(capture, &skb, n);
    }
    assert_int_equal(capture_close(capture, 45, PER_RECORD), 0);
    file = read_capture(path);
    assert_int_equal(file.count, 45 - PER_RECORD);
    for (uint32_t i = 0; i < 45 - PER_RECORD; i++)
        assert_segment(&file.packets[i], &skb, (i < PER_RECORD ? i : i + PER_RECORD) * MSS);
    read_file_free(&file);
}

/* One packet of 64 KB, with no segmentation (UDP over an interface of that MTU), is one packet again. */
static void test_joined_packet(void **state)
{
    const char *path = scratch_path(*state, "joined.pcapng");
    const struct frame_spec spec = {.is_udp = true, .payload_len = 65000};
    const struct frame_spec small_spec = {.is_udp = true, .payload_len = 10};
    struct skb skb = make_skb(&spec, 0, 100), small = make_skb(&small_spec, 0, 101);
    struct capture *capture = capture_new(path, CAPTURE_PCAPNG, "id");
    struct read_file file;

    write_chunk(capture, &skb, 0);
    write_chunk(capture, &skb, 1);
    write_chunk(capture, &small, 0); /* of another CPU, between */
    write_chunk(capture, &skb, 2);
    write_chunk(capture, &skb, 3);
    assert_int_equal(capture_packets(capture), 2);
    assert_int_equal(capture_close(capture, 2, 0), 0);
    file = read_capture(path);
    assert_int_equal(file.count, 2);
    assert_segment(&file.packets[0], &small, 0);
    assert_segment(&file.packets[1], &skb, 0);
    read_file_free(&file);
    assert_tools_content(path, 2);
}

/* Which of four pieces came, and how many bytes are in the file then. */
static void test_joined_packet_with_losses(void **state)
{
    static const struct {
        bool came[4];
        uint32_t cap_len;
    } rows[] = {
        {{1, 1, 1, 0}, 3 * SAMPLE_CHUNK_BYTES},
        {{1, 1, 0, 1}, 2 * SAMPLE_CHUNK_BYTES},
        {{1, 0, 1, 1}, SAMPLE_CHUNK_BYTES},
        {{0, 1, 1, 1}, 0},
        {{0, 0, 0, 1}, 0},
        {{1, 1, 1, 1}, 65000},
    };
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    const char *path = scratch_path(*state, "losses.pcap");
    const struct frame_spec spec = {.is_udp = true, .payload_len = 65000};
    struct capture *capture = capture_new(path, CAPTURE_PCAP, NULL);
    struct read_file file;

    for (uint32_t i = 0; i < ROWS; i++) {
        struct skb skb = make_skb(&spec, 0, 100 + i);

        for (uint32_t n = 0; n < 4; n++) {
            if (rows[i].came[n])
                write_chunk(capture, &skb, n);
        }
    }
    assert_int_equal(capture_close(capture, 0, 0), 0);
    file = read_capture(path);
    assert_int_equal(file.count, ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        assert_int_equal(file.packets[i].wall_ns, 100 + i);
        assert_int_equal(file.packets[i].wire_len, 42 + 65000);
        assert_int_equal(file.packets[i].cap_len, 42 + rows[i].cap_len);
        assert_memory_equal(file.packets[i].bytes + 42, payload_bytes(), rows[i].cap_len);
    }
    read_file_free(&file);
}

/* What waits for its other pieces is written when the file ends, or forgotten with it. */
static void test_joined_packet_at_the_end(void **state)
{
    const struct frame_spec spec = {.is_udp = true, .payload_len = 20000};
    struct skb skb = make_skb(&spec, 0, 100);
    struct capture *capture = capture_new(scratch_path(*state, "end.pcap"), CAPTURE_PCAP, NULL);
    struct read_file file;

    write_chunk(capture, &skb, 0);
    assert_int_equal(capture_close(capture, 0, 0), 0);
    file = read_capture(scratch_path(*state, "end.pcap"));
    assert_int_equal(file.count, 1);
    assert_int_equal(file.packets[0].cap_len, 42 + SAMPLE_CHUNK_BYTES);
    read_file_free(&file);

    capture = capture_new(scratch_path(*state, "gone.pcap"), CAPTURE_PCAP, NULL);
    write_chunk(capture, &skb, 0);
    capture_abort(capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_chunks, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_lost_chunk, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_joined_packet, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_joined_packet_with_losses, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_joined_packet_at_the_end, make_dir, remove_dir),
    };

    return cmocka_run_group_tests_name("capture_roundtrip", tests, NULL, NULL);
}
