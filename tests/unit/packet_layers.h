/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the packet builder: the layers of one frame, as its two passes share them. */
#ifndef SESSTAP_TESTS_PACKET_LAYERS_H
#define SESSTAP_TESTS_PACKET_LAYERS_H

#include <stddef.h>
#include <stdint.h>

#define BUILDER_LAYERS 24

enum layer_type {
    LAYER_ETH,
    LAYER_VLAN,
    LAYER_MPLS,
    LAYER_PPPOE,
    LAYER_IP,
    LAYER_IP6,
    LAYER_HOP,
    LAYER_DST,
    LAYER_ROUTE,
    LAYER_MOBILITY,
    LAYER_AH,
    LAYER_FRAG,
    LAYER_TCP,
    LAYER_UDP,
    LAYER_SCTP,
    LAYER_ICMP,
    LAYER_ICMP6,
    LAYER_DATA,
    LAYER_TEXT,
    LAYER_HEX,
    LAYER_PAD, /* these have no header */
    LAYER_TYPES,
};

enum named_by { BY_ETH_TYPE, BY_IP_PROTO, BY_PPP_PROTO, NAMED_BYS };

/* -1: not given, to be computed */
struct layer {
    int type;
    size_t at; /* in the frame */
    long code; /* by which the layer before names it */
    long next;
    long len;
    long sum;
};

struct setting {
    const char *name;
    long *value;
};

struct builder {
    uint8_t *frame;
    size_t room;
    size_t len;
    size_t pad;
    const char *at; /* in line */
    unsigned layers;
    struct layer layer[BUILDER_LAYERS];
    char word[8192];
    char line[16384];
};

/* len zeroed bytes at the frame's end. */
uint8_t *builder_append(struct builder *b, size_t len);

enum named_by layer_names_next_by(const struct layer *layer);
void layer_set_next(struct builder *b, const struct layer *layer, uint32_t code);
/* Fill in every length and checksum. */
void layers_finish(struct builder *b);

#endif
