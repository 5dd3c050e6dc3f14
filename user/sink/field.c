/* SPDX-License-Identifier: Apache-2.0 */
/* The list of fields, in the order of JSON. Names and meanings are fixed: docs/records.md. */
#include "sink/field.h"

#include <stddef.h>
#include <string.h>

#include "sink/record_view.h"

#define KEY(word) .key = ",\"" word "\":", .key_len = sizeof(",\"" word "\":") - 1
#define F(parent, word, kind, unit_, getter, help_, ...)                     \
    {                                                                        \
        KEY(word), .path = parent word, .type = FIELD_##kind, .unit = unit_, \
                   .get = value_##getter, .help = help_, __VA_ARGS__         \
    }
#define OBJECT(parent, word, help_, ...)                                                 \
    {                                                                                    \
        KEY(word), .path = parent word, .type = FIELD_OBJECT, .unit = "", .help = help_, \
                   __VA_ARGS__                                                           \
    }
/* Ends with END; between them stand the fields of an item, if items are objects. */
#define LIST(parent, word, kind, unit_, name, getter, help_, ...)                      \
    {                                                                                  \
        KEY(word), .path = parent word, .type = FIELD_LIST, .item_type = FIELD_##kind, \
                   .unit = unit_, .get = value_##getter, .write_items = write_##name,  \
                   .help = help_, __VA_ARGS__                                          \
    }
/* The same for a field of TCP. */
#define T(...) F(__VA_ARGS__, .protos = FIELD_TCP)
#define ITEM(parent, word, kind, unit_, help_, ...)                                               \
    {                                                                                             \
        KEY(word), .path = parent "[]." word, .type = FIELD_##kind, .unit = unit_, .help = help_, \
                   .flags = FIELD_ALWAYS, __VA_ARGS__                                             \
    }
/* One that not every item has. */
#define SOMETIMES(parent, word, kind, unit_, help_, ...)                                          \
    {                                                                                             \
        KEY(word), .path = parent "[]." word, .type = FIELD_##kind, .unit = unit_, .help = help_, \
                   __VA_ARGS__                                                                    \
    }
#define HTTP_PART(side_, word, kind, unit_, help_, ...)                                   \
    {                                                                                     \
        KEY(word), .path = "http[]." side_ "." word, .type = FIELD_##kind, .unit = unit_, \
                   .help = help_, __VA_ARGS__                                             \
    }
#define HTTP_HEADER(side_, word, help_)                                                          \
    {                                                                                            \
        KEY(word), .path = "http[]." side_ ".headers[]." word, .type = FIELD_STRING, .unit = "", \
                   .help = help_, .flags = FIELD_ALWAYS                                          \
    }
#define HTTP_MESSAGE(side_, help_)                                                                \
    SOMETIMES("http", side_, OBJECT, "", help_),                                                  \
        HTTP_PART(side_, "header_bytes", U64, "bytes", "start line and headers as sent"),         \
        HTTP_PART(side_, "body_bytes", U64, "bytes", "body, chunking undone"),                    \
        HTTP_PART(side_, "content_bytes", U64, "bytes", "body, gzip and the like undone"),        \
        HTTP_PART(side_, "content_type", STRING, "", "as the header says"),                       \
        HTTP_PART(side_, "content_encoding", STRING, "", "as the header says"),                   \
        HTTP_PART(side_, "sha256", STRING, "", "of the content, when it was seen whole"),         \
        HTTP_PART(side_, "complete", BOOL, "", "it ended as its framing says"),                   \
        HTTP_PART(side_, "decode_failed", BOOL, "", "the content is not what its encoding says"), \
        HTTP_PART(side_, "cut", BOOL, "", "headers or content beyond a bound were left out"),     \
        HTTP_PART(side_, "headers_cut", BOOL, "", "headers beyond a bound are not in the list"),  \
        HTTP_PART(side_, "headers", LIST, "", "in the order sent, trailers too",                  \
                  .item_type = FIELD_OBJECT),                                                     \
        HTTP_HEADER(side_, "name", "name"),                                                       \
        HTTP_HEADER(side_, "value", "value; of several with one name, with commas"), END, END
#define ANSWER(word, kind, unit_, help_)                                                 \
    {                                                                                    \
        KEY(word), .path = "dns[].answers[]." word, .type = FIELD_##kind, .unit = unit_, \
                   .help = help_                                                         \
    }
#define DNS_ANSWERS                                                                               \
    SOMETIMES("dns", "answers", LIST, "", "the answer section", .item_type = FIELD_OBJECT),       \
        ANSWER("name", STRING, "", "of the record"), ANSWER("type", STRING, "", "of the record"), \
        ANSWER("ttl", U64, "seconds", "how long it holds"),                                       \
        ANSWER("data", STRING, "", "as a zone file has it; unknown types as RFC 3597 says"), END
#define END               \
    {                     \
        .type = FIELD_END \
    }
#define ALWAYS           .flags = FIELD_ALWAYS
#define TCP_ONLY         .protos = FIELD_TCP
#define WITH_PORTS       .protos = FIELD_TCP | FIELD_UDP | FIELD_SCTP
#define OF(what, member) .arg = offsetof(struct what, member)

#define SESSION_STATES "SYN_SENT SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED"
#define ENDPOINT_STATES                                                                           \
    "LISTEN SYN_SENT SYN_RECEIVED ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSE_WAIT CLOSING LAST_ACK " \
    "TIME_WAIT CLOSED"

/* clang-format off: a row a field */
#define ENDPOINT(word, end, help_)                                                             \
    OBJECT("", word, help_, ALWAYS),                                                           \
        F(word ".", "ip", STRING, "", ip, "address", ALWAYS, .side = end),                     \
        F(word ".", "port", U64, "", port, "port", ALWAYS, WITH_PORTS, .side = end),           \
        F(word ".", "name", STRING, "", host_name,                                             \
          "host name, when one is known; of those that DNS told, the last before the session", \
          .side = end),                                                                        \
        F(word ".", "socket", STRING, "", socket, "`ip:port`, `[ip]:port` for IPv6", ALWAYS,   \
          WITH_PORTS, .side = end),                                                            \
        END

#define DIRECTION(word, end, help_)                                                               \
    OBJECT("", word, help_, ALWAYS),                                                              \
        F(word ".", "initialSeq", U64, "", initial_seq,                                           \
          "initial sequence number, when its SYN, or the answer to it, was seen", TCP_ONLY,       \
          .side = end),                                                                           \
        F(word ".", "ip", U64, "bytes", ip_bytes, "IP header, options and extension headers too", \
          ALWAYS, .side = end),                                                                   \
        F(word ".", "tcp", U64, "bytes", l4_bytes, "TCP header, options too", ALWAYS, TCP_ONLY,   \
          .side = end),                                                                           \
        F(word ".", "udp", U64, "bytes", l4_bytes, "UDP header", ALWAYS, .protos = FIELD_UDP,     \
          .side = end),                                                                           \
        F(word ".", "icmp", U64, "bytes", l4_bytes, "ICMP header, 8 a packet", ALWAYS,            \
          .protos = FIELD_ICMP, .side = end),                                                     \
        F(word ".", "sctp", U64, "bytes", l4_bytes, "SCTP common header, 12 a packet", ALWAYS,    \
          .protos = FIELD_SCTP, .side = end),                                                     \
        F(word ".", "payload", U64, "bytes", payload,                                             \
          "layer-4 payload on the wire; what was sent again counts again", ALWAYS, .side = end),  \
        F(word ".", "lastAck", U64, "", last_ack, "highest acknowledgment number sent", TCP_ONLY, \
          .side = end),                                                                           \
        F(word ".", "packets", U64, "packets", packets, "wire packets", ALWAYS, .side = end), END

#define OPTIONS(word, end, list_writer, help_)                                                \
    OBJECT("tcp.", word, help_),                                                              \
        T("tcp." word ".", "mss", U64, "bytes", mss, "maximum segment size", .side = end),    \
        T("tcp." word ".", "window_scale", U64, "", window_scale,                             \
          "shift of the window, as offered", .side = end),                                    \
        T("tcp." word ".", "sack_permitted", BOOL, "", option,                                \
          "selective acknowledgments allowed", ALWAYS, .arg = TCP_HAS_SACK_PERMITTED,         \
          .side = end),                                                                       \
        T("tcp." word ".", "timestamps", BOOL, "", option, "timestamps offered", ALWAYS,      \
          .arg = TCP_HAS_TIMESTAMPS, .side = end),                                            \
        T("tcp." word ".", "fast_open", BOOL, "", option, "TCP Fast Open, cookie or request", \
          ALWAYS, .arg = TCP_HAS_FAST_OPEN, .side = end),                                     \
        T("tcp." word ".", "mptcp", BOOL, "", option, "Multipath TCP", ALWAYS,                \
          .arg = TCP_HAS_MPTCP, .side = end),                                                 \
        LIST("tcp." word ".", "unknown", U64, "", list_writer, unknown_option_count,          \
             "kinds of other options, the first 4", .side = end),                             \
        END, END

#define QUALITY(word, end, help_)                                                                  \
    OBJECT("tcp.", word, help_, ALWAYS),                                                           \
        T("tcp." word ".", "retransmits", U64, "packets", quality_u32,                             \
          "segments sent again, SYN and FIN too", ALWAYS, OF(flow_quality, retransmits),           \
          .side = end),                                                                            \
        T("tcp." word ".", "retransmit_bytes", U64, "bytes", retransmit_bytes,                     \
          "payload sent again; `payload` less these is the stream", ALWAYS, .side = end),          \
        T("tcp." word ".", "out_of_order", U64, "packets", quality_u32,                            \
          "segments that came late, within 3 ms of the gap that they fill", ALWAYS,                \
          OF(flow_quality, out_of_order), .side = end),                                            \
        T("tcp." word ".", "overlaps", U64, "", tally_u64,                                         \
          "places where segments overlapped in reassembly", OF(stream_tally, overlaps),            \
          .side = end),                                                                            \
        T("tcp." word ".", "overlap_conflicts", U64, "", tally_u64,                                \
          "bytes that came again, and were others", OF(stream_tally, overlap_conflicts),           \
          .side = end),                                                                            \
        T("tcp." word ".", "overlap_unchecked", U64, "bytes", tally_u64,                           \
          "came again after its first copy was forgotten, so not compared",                        \
          OF(stream_tally, overlap_unchecked), .side = end),                                       \
        T("tcp." word ".", "duplicate_acks", U64, "packets", quality_u32,                          \
          "acknowledgments repeated while data was in flight", ALWAYS,                             \
          OF(flow_quality, duplicate_acks), .side = end),                                          \
        T("tcp." word ".", "zero_windows", U64, "packets", quality_u32,                            \
          "segments that offered no window", ALWAYS, OF(flow_quality, zero_windows), .side = end), \
        T("tcp." word ".", "keep_alives", U64, "packets", quality_u32, "keep-alive probes",        \
          ALWAYS, OF(flow_quality, keep_alives), .side = end),                                     \
        T("tcp." word ".", "syn_retries", U64, "packets", syn_retries,                             \
          "SYNs, or SYN-ACKs, sent again", ALWAYS, .side = end),                                   \
        T("tcp." word ".", "gaps", U64, "", gaps, "holes in the reassembled stream", .side = end), \
        T("tcp." word ".", "gap_bytes", U64, "bytes", tally_u64, "bytes in these holes",           \
          OF(stream_tally, hole_bytes), .side = end),                                              \
        T("tcp." word ".", "out_of_window", U64, "packets", quality_u32,                           \
          "segments with numbers that the other side can't take: not believed when they came",     \
          ALWAYS, OF(flow_quality, out_of_window), .side = end),                                   \
        T("tcp." word ".", "out_of_window_bytes", U64, "bytes", out_of_window_bytes,               \
          "payload beyond the receiver's window, and never acknowledged: in no stream",            \
          .side = end),                                                                            \
        END

#define HALF_RTT(word, end, help_)                                                                \
    OBJECT("tcp.rtt.", word, help_),                                                              \
        T("tcp.rtt." word ".", "min", DURATION, "", half_rtt, "smallest", ALWAYS, .arg = RTT_MIN, \
          .side = end),                                                                           \
        T("tcp.rtt." word ".", "avg", DURATION, "", half_rtt, "mean", ALWAYS, .arg = RTT_AVG,     \
          .side = end),                                                                           \
        T("tcp.rtt." word ".", "max", DURATION, "", half_rtt, "largest", ALWAYS, .arg = RTT_MAX,  \
          .side = end),                                                                           \
        T("tcp.rtt." word ".", "samples", U64, "", half_rtt_samples, "measurements", ALWAYS,      \
          .side = end),                                                                           \
        END

#define HOST(word, member, help_) \
    F("host.", word, STRING, "", host_text, help_, OF(record_host, member))

/* An object that is only looked into when gate says that there is something in it. */
#define GATED(parent, word, gate, help_, ...)                                            \
    {                                                                                    \
        KEY(word), .path = parent word, .type = FIELD_OBJECT, .unit = "", .help = help_, \
                   .get = has_##gate, __VA_ARGS__                                        \
    }
#define PARSER(word, help_)                                                                  \
    GATED("parsers.", word, parser, help_, .words = word),                                   \
        F("parsers." word ".", "status", STRING, "", parser_status,                          \
          "`more`: it waits for more, `done`, `broken`: it met what it can't read", ALWAYS,  \
          .one_of = "more done broken", .words = word),                                      \
        F("parsers." word ".", "itemsCount", U64, "", parser_u64,                            \
          "messages or transactions found", ALWAYS, OF(parser_fact, items), .words = word),  \
        F("parsers." word ".", "lastPacketLotComplete", U64, "", parser_u64,                 \
          "number of the last packet lot that it has read whole", ALWAYS,                    \
          OF(parser_fact, last_lot), .words = word),                                         \
        F("parsers." word ".", "lastPacketParsedIndex", U64, "", parser_u64,                 \
          "index of the last packet that it has read", ALWAYS, OF(parser_fact, last_packet), \
          .words = word),                                                                    \
        END

static const struct field fields[] = {
    F("", "@id", STRING, "", id,
      "`<whisperer>.<instanceId>.<name>.<client initial seq>`; where that number is not known the "
      "last part is the first packet's time in ns",
      ALWAYS),
    F("", "@type", STRING, "", type, "kind of session", ALWAYS,
      .one_of = "TcpSession UdpSession SctpSession IcmpSession"),
    F("", "version", U64, "", version, "version of this record format", ALWAYS),
    F("", "name", STRING, "", name,
      "`<n>.<src ip>-<src port>-<dst ip>-<dst port>`, n = the session's number in this run from 1; "
      "for ICMP the ports are the echo id and the request's type",
      ALWAYS),
    F("", "whisperer", STRING, "", whisperer, "the capturing host's id"),
    F("", "instanceId", STRING, "", instance_id,
      "container, pod or interface captured; a file's base name offline"),
    ENDPOINT(
        "src", 0,
        "the client: who sent the SYN, the request, or, where that was missed, who most likely did"),
    ENDPOINT("dst", 1, "the server"),
    F("", "state", STRING, "", state, "state of the session", ALWAYS, TCP_ONLY,
      .one_of = SESSION_STATES),
    F("", "packetsCount", U64, "packets", packets_count, "wire packets, both directions", ALWAYS),
    F("", "lastPacketToParse", U64, "", last_packet_to_parse,
      "index, from 1, of the last packet that carried payload"),
    F("", "syn", TIME, "", flow_time, "the client's first SYN", TCP_ONLY, OF(flow, syn_ns)),
    F("", "connect", TIME, "", flow_time, "the first SYN-ACK", TCP_ONLY, OF(flow, synack_ns)),
    F("", "missedSyn", BOOL, "", missed_syn, "the capture began after the SYN", ALWAYS, TCP_ONLY),
    F("", "first", TIME, "", flow_time, "first packet", ALWAYS, OF(flow, first_ns)),
    F("", "last", TIME, "", last, "last packet", ALWAYS),
    F("", "duration", DURATION, "", duration, "last - first", ALWAYS),
    F("", "latency", DURATION, "", latency, "connect - first; absent when the SYN was missed",
      TCP_ONLY),
    F("", "synchro", TIME, "", synchro, "when the record was last brought up to date", ALWAYS),
    F("", "firstDate", DATE, "", flow_time, "first packet", ALWAYS, OF(flow, first_ns)),
    F("", "firstMinute", DATE, "", first_minute, "the minute of the first packet", ALWAYS),
    F("", "lastDate", DATE, "", last, "last packet", ALWAYS),
    F("", "lastMinute", DATE, "", last_minute, "the minute of the last packet", ALWAYS),
    DIRECTION("out", 0, "client to server"),
    DIRECTION("in", 1, "server to client"),
    F("", "currentPacketLot", U64, "", lots, "packet lots so far: runs of payload in one direction",
      ALWAYS),
    F("", "lastDataDirection", STRING, "", last_direction, "who sent payload last",
      .one_of = "in out"),
    OBJECT("", "timespan", "the same times as a range", ALWAYS),
    F("timespan.", "gte", DATE, "", flow_time, "firstDate", ALWAYS, OF(flow, first_ns)),
    F("timespan.", "lte", DATE, "", last, "lastDate", ALWAYS),
    END,
    F("", "dateCreated", DATE, "", created, "when this record was first written", ALWAYS),
    F("", "dateModified", DATE, "", synchro, "when it was last written", ALWAYS),
    F("", "_update", U64, "", updates, "how many times it was written, this time too", ALWAYS),
    OBJECT("", "tcp", "TCP behaviour; fwd = client to server", ALWAYS, TCP_ONLY),
    T("tcp.", "synflags_fwd", U64, "", syn_flags,
      "flags byte of the first SYN; null when none was seen",
      .flags = FIELD_ALWAYS | FIELD_NULLABLE, .side = 0),
    T("tcp.", "synflags_rev", U64, "", syn_flags, "the same of the server's SYN-ACK",
      .flags = FIELD_ALWAYS | FIELD_NULLABLE, .side = 1),
    T("tcp.", "fin_fwd", BOOL, "", endpoint_bit, "the client sent a FIN", ALWAYS, .arg = FLOW_FIN,
      .side = 0),
    T("tcp.", "fin_rev", BOOL, "", endpoint_bit, "the server sent a FIN", ALWAYS, .arg = FLOW_FIN,
      .side = 1),
    T("tcp.", "rst_fwd", BOOL, "", endpoint_bit, "the client sent a RST in window", ALWAYS,
      .arg = FLOW_RST, .side = 0),
    T("tcp.", "rst_rev", BOOL, "", endpoint_bit, "the server sent a RST in window", ALWAYS,
      .arg = FLOW_RST, .side = 1),
    T("tcp.", "connected", BOOL, "", connected,
      "the handshake was completed, or had been before the capture", ALWAYS),
    T("tcp.", "client_state", STRING, "", endpoint_state, "RFC 9293 state of the client", ALWAYS,
      .side = 0, .one_of = ENDPOINT_STATES),
    T("tcp.", "server_state", STRING, "", endpoint_state, "RFC 9293 state of the server", ALWAYS,
      .side = 1, .one_of = ENDPOINT_STATES),
    OPTIONS("options_fwd", 0, unknown_options_client, "options of the client's SYN"),
    OPTIONS("options_rev", 1, unknown_options_server, "options of the server's SYN-ACK"),
    OBJECT("tcp.", "ecn", "explicit congestion notification", ALWAYS),
    T("tcp.ecn.", "negotiated", BOOL, "", ecn_negotiated,
      "both sides agreed to use it; absent when a SYN was missed"),
    T("tcp.ecn.", "ce_fwd", U64, "packets", quality_u32, "marked Congestion Experienced", ALWAYS,
      OF(flow_quality, ce_pkts), .side = 0),
    T("tcp.ecn.", "ce_rev", U64, "packets", quality_u32, "marked Congestion Experienced", ALWAYS,
      OF(flow_quality, ce_pkts), .side = 1),
    END,
    QUALITY("quality_fwd", 0, "what the client sent, and how"),
    QUALITY("quality_rev", 1, "what the server sent, and how"),
    OBJECT(
        "tcp.", "rtt",
        "round-trip time, by timestamps and their echoes (RFC 7323), else by acknowledgments of what was sent "
        "once (Karn)",
        ALWAYS),
    T("tcp.rtt.", "handshake_client", DURATION, "", handshake_client,
      "SYN-ACK to the ACK that completes the handshake"),
    T("tcp.rtt.", "handshake_server", DURATION, "", handshake_server, "SYN to SYN-ACK"),
    T("tcp.rtt.", "min", DURATION, "", rtt,
      "smallest; the two halves are added where both were measured", .arg = RTT_MIN),
    T("tcp.rtt.", "avg", DURATION, "", rtt, "mean, likewise", .arg = RTT_AVG),
    T("tcp.rtt.", "max", DURATION, "", rtt, "largest, likewise", .arg = RTT_MAX),
    T("tcp.rtt.", "samples", U64, "", rtt_samples, "measurements of both halves", ALWAYS),
    HALF_RTT("client", 0, "from the capture point to the client and back"),
    HALF_RTT("server", 1, "from the capture point to the server and back"),
    END,
    END,
    OBJECT("", "icmp", "ICMP and ICMPv6: the message that was seen first", ALWAYS,
           .protos = FIELD_ICMP),
    F("icmp.", "type", U64, "", icmp_type, "type", ALWAYS, .protos = FIELD_ICMP),
    F("icmp.", "code", U64, "", icmp_code, "code", ALWAYS, .protos = FIELD_ICMP),
    F("icmp.", "id", U64, "", icmp_id, "identifier of echo and timestamp messages",
      .protos = FIELD_ICMP),
    END,
    F("", "proto", U64, "", proto, "IANA protocol number", ALWAYS),
    F("", "streamIndex", U64, "", stream_index, "by first packet from 0, per transport protocol",
      ALWAYS),
    F("", "communityId", STRING, "", community_id, "Community ID v1, seed 0", ALWAYS),
    OBJECT("", "close", "how the session ended; absent while it is open"),
    F("close.", "reason", STRING, "", close_reason,
      "what ended it, or why it was no longer followed", ALWAYS,
      .one_of = "fin rst timeout syn_timeout reused evicted shutdown capture_end"),
    F("close.", "by", STRING, "", close_by, "who sent the first FIN, or the RST",
      .one_of = "client server"),
    END,
    OBJECT("", "link", "where the session was seen", ALWAYS),
    LIST("link.", "interfaces", STRING, "", interfaces, interface_count, "names in the order seen"),
    END,
    LIST("link.", "vlan", U64, "", vlans, vlan_count,
         "VLAN ids of the first packet, outermost first"),
    END,
    F("link.", "tunnel", STRING, "", tunnel,
      "kind, id and outer addresses of the tunnel that it came in, those of its first packet"),
    F("link.", "scope", U64, "", scope,
      "tells overlapping address spaces apart; 0 is the host's own", ALWAYS),
    END,
    OBJECT("", "host", "the tracked side, what is known of it"),
    HOST("container", container, "container id"),
    HOST("pod", pod, "pod name"),
    HOST("namespace", namespace_name, "the pod's namespace"),
    HOST("image", image, "container image"),
    HOST("process", process, "oldest process of a known container"),
    F("host.", "pid", U64, "", host_pid, "its process id"),
    HOST("netns", netns, "network namespace"),
    END,
    OBJECT("", "ledger", "what became of the payload: seen = delivered + beyond_depth + lost"),
    F("ledger.", "payload_seen", U64, "bytes", ledger_u64,
      "payload of both directions, each byte of the streams once", ALWAYS, OF(ledger, seen)),
    F("ledger.", "payload_delivered", U64, "bytes", ledger_u64, "reached the reader of the streams",
      ALWAYS, OF(ledger, delivered)),
    F("ledger.", "payload_beyond_depth", U64, "bytes", ledger_u64,
      "not wanted: beyond the depth or the snap length, or over the rate", ALWAYS,
      OF(ledger, beyond_depth)),
    F("ledger.", "payload_over_rate", U64, "bytes", ledger_if_any,
      "of payload_beyond_depth: within the depth, cut off by `--payload-rate`",
      OF(ledger, over_rate)),
    F("ledger.", "payload_lost", U64, "bytes", ledger_u64, "wanted, and lost on the way", ALWAYS,
      OF(ledger, lost)),
    F("ledger.", "samples_dropped", U64, "", ledger_u64, "samples that found the ring full", ALWAYS,
      OF(ledger, samples_dropped)),
    F("ledger.", "sample_one_in", U64, "", ledger_if_any,
      "one session in so many is kept (`--sample`): this one stands for as many",
      OF(ledger, sample_one_in)),
    F("ledger.", "midstream", BOOL, "", ledger_midstream,
      "the streams were joined after their beginning", ALWAYS),
    END,
    GATED("", "parsers", parsers, "what read the session's payload"),
    PARSER("tls", "TLS records"),
    PARSER("http", "HTTP messages"),
    PARSER("dns", "DNS messages"),
    END,
    GATED("", "app", app, "what the session is about"),
    F("app.", "protocol", STRING, "", app_text,
      "as libndpi names it: `TLS.Google`; confidence says what from", OF(identity, protocol)),
    F("app.", "category", STRING, "", app_text, "kind of protocol", OF(identity, category)),
    F("app.", "confidence", STRING, "", app_text,
      "how it was found: `DPI`; `Match by port` and `Match by IP` are guesses",
      OF(identity, confidence)),
    LIST("app.", "risks", STRING, "", risks, risk_count, "what libndpi finds suspicious"),
    END,
    F("app.", "cut_bytes", U64, "bytes", app_u64,
      "payload that no parser has read: beyond a bound, behind a hole, or of no message",
      OF(facts, cut_bytes)),
    F("app.", "cut_transactions", U64, "", app_u64, "transactions not listed: beyond a bound",
      OF(facts, cut_transactions)),
    F("app.", "cut_content_bytes", U64, "bytes", app_u64, "of bodies, not decoded: beyond a bound",
      OF(facts, cut_content_bytes)),
    F("app.", "cut_headers", U64, "", app_u64,
      "lines of HTTP headers not listed: their share of the session's room is used",
      OF(facts, cut_headers)),
    F("app.", "cut_layers", U64, "", app_u64,
      "protocols within protocols not looked into: deeper than 8, or more than 128 at once",
      OF(facts, cut_layers)),
    END,
    GATED("", "tls", tls, "the TLS session", TCP_ONLY),
    T("tls.", "version", STRING, "", tls_name, "`TLS 1.3` ...", OF(facts, tls.version)),
    T("tls.", "cipher", STRING, "", tls_name, "cipher suite, IANA name", OF(facts, tls.cipher)),
    T("tls.", "within", STRING, "", tls_name,
      "what the connection spoke before: `smtp`, `imap`, `pop3`, `ftp`, `nntp`, `sieve`, `xmpp`, `ldap`, "
      "`postgresql`, `mysql`, `rdp` (STARTTLS and its like), `http` (CONNECT)",
      OF(facts, tls.within)),
    T("tls.", "tunnel", U64, "", tls_some,
      "with `--http`: `n` of the transaction (CONNECT) whose tunnel it is in",
      OF(facts, tls.tunnel)),
    T("tls.", "sni", STRING, "", tls_text, "server name that the client asked for",
      OF(facts, tls.sni)),
    T("tls.", "alpn", STRING, "", tls_text, "application protocol that was chosen",
      OF(facts, tls.alpn)),
    T("tls.", "ja4", STRING, "", tls_text, "JA4 fingerprint of the client", OF(facts, tls.ja4)),
    T("tls.", "subject", STRING, "", tls_text, "subject of the server's certificate, RFC 2253",
      OF(facts, tls.subject)),
    T("tls.", "issuer", STRING, "", tls_text, "its issuer", OF(facts, tls.issuer)),
    LIST("tls.", "names", STRING, "", tls_names, tls_name_count, "its alternative names"),
    END,
    T("tls.", "client_subject", STRING, "", tls_text, "subject of the client's certificate",
      OF(facts, tls.client_subject)),
    T("tls.", "alert", STRING, "", tls_name, "fatal alert: `handshake_failure` ...",
      OF(facts, tls.alert)),
    T("tls.", "alert_by_client", BOOL, "", tls_flag, "the client sent it",
      OF(facts, tls.alert_by_client)),
    T("tls.", "resumed", BOOL, "", tls_flag, "an earlier session was resumed",
      OF(facts, tls.resumed)),
    T("tls.", "early_data", BOOL, "", tls_flag, "the client sent data with its first message",
      OF(facts, tls.early_data)),
    T("tls.", "decrypted", BOOL, "", tls_flag, "deciphered, all that was seen", ALWAYS,
      OF(facts, tls.decrypted)),
    T("tls.", "decrypted_bytes", U64, "bytes", app_u64, "application data that was deciphered",
      OF(facts, tls.decrypted_bytes)),
    T("tls.", "undecrypted_records", U64, "", app_u64,
      "records of application data that no secret of the key log opened",
      OF(facts, tls.undecrypted_records)),
    END,
    LIST(
        "", "tls_inner", OBJECT, "", tls_inner, tls_inner_count,
        "more TLS in this session: within `tls`, or in other tunnels; as `tls`, in the order begun",
        TCP_ONLY),
    SOMETIMES("tls_inner", "version", STRING, "", "as in `tls`"),
    SOMETIMES("tls_inner", "cipher", STRING, "", "as in `tls`"),
    SOMETIMES("tls_inner", "within", STRING, "",
              "what the connection spoke before; absent when it is what other TLS carries"),
    SOMETIMES("tls_inner", "tunnel", U64, "", "`n` of the transaction whose tunnel it is in"),
    SOMETIMES("tls_inner", "sni", STRING, "", "as in `tls`"),
    SOMETIMES("tls_inner", "alpn", STRING, "", "as in `tls`"),
    SOMETIMES("tls_inner", "ja4", STRING, "", "as in `tls`"),
    SOMETIMES("tls_inner", "subject", STRING, "", "as in `tls`"),
    SOMETIMES("tls_inner", "issuer", STRING, "", "as in `tls`"),
    SOMETIMES("tls_inner", "client_subject", STRING, "", "as in `tls`"),
    SOMETIMES("tls_inner", "alert", STRING, "", "as in `tls`"),
    SOMETIMES("tls_inner", "alert_by_client", BOOL, "", "as in `tls`"),
    SOMETIMES("tls_inner", "resumed", BOOL, "", "as in `tls`"),
    SOMETIMES("tls_inner", "early_data", BOOL, "", "as in `tls`"),
    ITEM("tls_inner", "decrypted", BOOL, "", "as in `tls`"),
    SOMETIMES("tls_inner", "decrypted_bytes", U64, "bytes", "as in `tls`"),
    SOMETIMES("tls_inner", "undecrypted_records", U64, "", "as in `tls`"),
    END,
    LIST("", "http", OBJECT, "", http, http_count,
         "with `--http`: transactions, in the order begun"),
    ITEM("http", "n", U64, "", "number in the session, from 1"),
    ITEM("http", "version", STRING, "", "of HTTP", .one_of = "0.9 1.0 1.1 2"),
    SOMETIMES("http", "stream", U64, "", "stream id of HTTP/2"),
    SOMETIMES("http", "method", STRING, "", "absent when the request was missed"),
    SOMETIMES("http", "uri", STRING, "", "as requested"),
    SOMETIMES("http", "host", STRING, "", "Host, or :authority"),
    SOMETIMES("http", "protocol", STRING, "", "of an extended CONNECT: `websocket`"),
    SOMETIMES("http", "tunnel", U64, "", "`n` of the transaction (CONNECT) whose tunnel it is in"),
    SOMETIMES("http", "status", U64, "", "of the final response; absent when it was missed"),
    SOMETIMES("http", "informational", U64, "", "1xx responses before it"),
    SOMETIMES("http", "upgraded", BOOL, "", "what follows is another protocol"),
    SOMETIMES("http", "first", TIME, "", "first byte of the request"),
    SOMETIMES("http", "latency", DURATION, "", "to the first byte of the response; a 1xx is none"),
    SOMETIMES(
        "http", "wait", DURATION, "",
        "last byte of the request to the first of the response: the server's time, and the way there and back"),
    SOMETIMES("http", "total", DURATION, "", "to its last byte"),
    HTTP_MESSAGE("request", "what the client sent"),
    HTTP_MESSAGE("response", "what the server sent"),
    END,
    LIST("", "dns", OBJECT, "", dns, dns_count, "transactions of DNS, in the order begun"),
    ITEM("dns", "id", U64, "", "of the message"),
    SOMETIMES("dns", "name", STRING, "", "what was asked for"),
    SOMETIMES("dns", "type", STRING, "",
              "of the records asked for: `A`, `AAAA`; `TYPE65` without a name"),
    SOMETIMES("dns", "class", STRING, "", "when it is not IN"),
    SOMETIMES("dns", "first", TIME, "", "the query; absent when it was missed"),
    SOMETIMES("dns", "latency", DURATION, "", "query to answer"),
    SOMETIMES("dns", "rcode", STRING, "", "`NOERROR`, `NXDOMAIN` ...; absent when no answer came"),
    SOMETIMES("dns", "authoritative", BOOL, "", "answered by the authority"),
    SOMETIMES("dns", "truncated", BOOL, "", "the answer was cut: TCP is next"),
    SOMETIMES("dns", "answerCount", U64, "", "records in the answer; the first 64 are listed"),
    DNS_ANSWERS,
    END,
    LIST("", "websocket", OBJECT, "", websocket, websocket_count,
         "with `--http`: frames after an upgrade"),
    ITEM("websocket", "n", U64, "", "of the transaction that opened it"),
    ITEM("websocket", "time", TIME, "", "when it began"),
    ITEM("websocket", "direction", STRING, "", "who sent it", .one_of = "in out"),
    ITEM("websocket", "opcode", U64, "", "1 text, 2 binary, 8 close, 9 ping, 10 pong"),
    ITEM("websocket", "fin", BOOL, "", "last frame of its message"),
    ITEM("websocket", "length", U64, "bytes", "payload"),
    END,
    LIST("", "alerts", OBJECT, "", alerts, alert_count,
         "with `--alerts`: what an intrusion detection system said of the session"),
    ITEM("alerts", "time", TIME, "", "when it was raised"),
    SOMETIMES("alerts", "signature", STRING, "", "what it says"),
    ITEM("alerts", "signature_id", U64, "", "number of the rule"),
    SOMETIMES("alerts", "category", STRING, "", "kind of alert"),
    SOMETIMES("alerts", "severity", U64, "", "1 is the worst"),
    SOMETIMES("alerts", "action", STRING, "", "`allowed` or `blocked`"),
    END,
    LIST("", "holes", OBJECT, "", holes, hole_count, "what never came"),
    ITEM("holes", "direction", STRING, "", "whose stream", .one_of = "in out"),
    ITEM("holes", "offset", U64, "bytes", "from the direction's first byte"),
    ITEM("holes", "length", U64, "bytes", "bytes missing"),
    END,
    LIST("", "icmp_errors", OBJECT, "", icmp_errors, icmp_error_count,
         "ICMP errors that quoted a packet of this session, the first 4 kinds"),
    ITEM("icmp_errors", "type", U64, "", "ICMP or ICMPv6 type"),
    ITEM("icmp_errors", "code", U64, "", "code"),
    ITEM("icmp_errors", "from", STRING, "", "who sent it"),
    ITEM("icmp_errors", "count", U64, "packets", "how many"),
    END,
    F("", "icmp_errors_more", U64, "packets", icmp_errors_more, "ICMP errors of other kinds"),
    LIST("", "packetLots", OBJECT, "", lots, lot_count,
         "with `--lots`: runs of payload in one direction"),
    ITEM("packetLots", "n", U64, "", "number, from 1"),
    ITEM("packetLots", "direction", STRING, "", "who spoke", .one_of = "in out"),
    ITEM("packetLots", "first", TIME, "", "first packet"),
    ITEM("packetLots", "duration", DURATION, "", "first packet to last"),
    ITEM("packetLots", "packets", U64, "packets", "packets with payload"),
    ITEM("packetLots", "payload", U64, "bytes", "payload"),
    ITEM("packetLots", "late", BOOL, "", "some of it came after the other side had answered"),
    END,
};
/* clang-format on */

const struct field *field_list(size_t *count)
{
    *count = sizeof(fields) / sizeof(fields[0]);
    return fields;
}

const struct field *field_find(const char *path)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (fields[i].path && !strcmp(fields[i].path, path))
            return &fields[i];
    return NULL;
}

bool field_get(const struct field *field, const struct record *record, struct field_value *value)
{
    struct record_view view;

    record_view_init(&view, record);
    if (!field->get || !record_view_has(&view, field))
        return false;
    value->type = field->type;
    if (!field->get(&view, field, value))
        return false;
    /* The view goes; what it held of the text goes to the value. */
    if (value->type == FIELD_STRING && value->text >= view.name &&
        value->text < view.name + sizeof(view.name)) {
        memcpy(value->room, value->text, value->len);
        value->text = value->room;
    }
    return true;
}
