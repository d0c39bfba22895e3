/* Lists of links as bits, for frozen segments (private to engine/index).
 *
 * A list belongs to a row, its owner. Its links are distinct rows, ascending. Rows are ordered
 * by locality (locality.h), so most links lie in one run near the owner and a few are far off;
 * one width for all would be that of the far ones. So a list has two widths: one run of links,
 * the near ones, has small gaps, and what lies below and above the run has large ones.
 *
 *   bits             what
 *   c                links of the list, 0..links_max; 0: nothing follows
 *   c                mark: a position in the list, or the count for none
 *   c                near_first: links below the run
 *   c                near_count: links of the run, >= 1
 *   5                near_width
 *   5                far_width
 *   6                start_width
 *   start_width      first link of the run as zigzag(link - owner): 0, -1, 1, -2 ... are 0, 1 ...
 *   near_width each  of the run, upwards: link - one before - 1
 *   far_width each   below the run, downwards: one after - link - 1
 *   far_width each   above the run, upwards: link - one before - 1
 *
 * c is the width of links_max. The lowest bit comes first; a list begins at a byte. Fields at
 * one width have no order of decoding among them, so a processor overlaps their loads. The
 * split is the one that takes the fewest bits.
 *
 * Measured, links_max 32, whole lists: 1M rows in 1,000 clusters, 17 links a row: 20 bytes
 * (numbers at a width for the list: 39; the entropy of the gaps: about 11); 100K rows without
 * clusters, 21 links a row: 39 bytes (41; 28).
 */
#ifndef CG_ENGINE_INDEX_LINK_CODE_H
#define CG_ENGINE_INDEX_LINK_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CG_LINK_CODE_LINKS_MAX = 128,  /* of one list */
    CG_LINK_CODE_LINKS_ROOM = 132, /* entries that decoding may write */
    CG_LINK_CODE_SLACK_BYTES = 24, /* readable bytes behind the last list */
    CG_LINK_CODE_BYTES_MAX = 640   /* of one list, slack included */
};

typedef struct cg_link_list {
    uint32_t owner;
    uint32_t count;
    uint32_t mark;                          /* a position; count or more: none */
    uint32_t links[CG_LINK_CODE_LINKS_MAX]; /* ascending, distinct, < 2^31 */
} cg_link_list;

/* Some lists in a row: what decoding needs to know. */
typedef struct cg_link_code {
    const uint8_t *bytes; /* [size_bytes], the slack among them */
    size_t size_bytes;
    uint32_t rows;      /* <= 2^31 - 1; every link is below */
    uint32_t links_max; /* 1..CG_LINK_CODE_LINKS_MAX */
    uint32_t count_width;
} cg_link_code;

uint32_t cg_link_count_width(uint32_t links_max); /* c above */

/* Returns the bytes taken, without slack; out: uint8_t[CG_LINK_CODE_BYTES_MAX], zeroed as far
 * as not taken. list->count <= links_max. Cost: O(count^2). */
size_t cg_link_encode(const cg_link_list *list, uint32_t links_max, uint8_t *out);

/* Fills links, in no particular order, and returns how many. Whatever the bytes: nothing outside
 * them is read, there are at most links_max, and each is below code->rows; else
 * CG_LINK_CODE_BROKEN is returned. links: uint32_t[CG_LINK_CODE_LINKS_ROOM]. */
#define CG_LINK_CODE_BROKEN UINT32_MAX
uint32_t cg_link_decode(const cg_link_code *code, size_t at, uint32_t owner, uint32_t *links);

/* The whole list, ascending, with its mark, and where the next one begins. False when it is broken. */
bool cg_link_decode_list(const cg_link_code *code, size_t *at, uint32_t owner,
                         cg_link_list *out);

#endif
