#include "engine/index/link_code.h"

#include <string.h>

enum { NEAR_WIDTH_BITS = 5, FAR_WIDTH_BITS = 5, START_WIDTH_BITS = 6, START_WIDTH_MAX = 32 };

typedef struct list_header {
    uint32_t count;
    uint32_t mark;
    uint32_t near_first;
    uint32_t near_count;
    uint32_t near_width;
    uint32_t far_width;
    uint32_t start_width;
    uint32_t bits; /* of the header itself */
} list_header;

static uint32_t width_of(uint64_t value) {
    uint32_t width = 0;
    while (value) {
        width++;
        value >>= 1;
    }
    return width;
}

uint32_t cg_link_count_width(uint32_t links_max) {
    return width_of(links_max);
}

static uint64_t zigzag(int64_t value) {
    return value < 0 ? (uint64_t)(-(value + 1)) * 2 + 1 : (uint64_t)value * 2;
}

static int64_t unzigzag(uint64_t value) {
    return value & 1u ? -(int64_t)(value >> 1) - 1 : (int64_t)(value >> 1);
}

static uint64_t list_bits(const list_header *header) {
    uint64_t far_count = header->count - header->near_count;
    return header->bits + header->start_width +
           (uint64_t)(header->near_count - 1) * header->near_width +
           far_count * header->far_width;
}

/* --- writing -------------------------------------------------------------------------------
 */

typedef struct bit_writer {
    uint8_t *bytes;
    size_t at; /* in bits */
} bit_writer;

static void put(bit_writer *writer, uint64_t value, uint32_t width) {
    value <<= writer->at % 8;
    for (size_t byte = writer->at / 8; value; byte++, value >>= 8) {
        writer->bytes[byte] |= (uint8_t)value;
    }
    writer->at += width;
}

static uint32_t gap(const cg_link_list *list, uint32_t i) {
    return list->links[i] - list->links[i - 1] - 1;
}

static uint64_t start_of(const cg_link_list *list, uint32_t near_first) {
    return zigzag((int64_t)list->links[near_first] - (int64_t)list->owner);
}

/* The run that takes the fewest bits; the first of equals. */
static list_header split(const cg_link_list *list, uint32_t count_width) {
    const uint32_t count = list->count;
    uint8_t widths[CG_LINK_CODE_LINKS_MAX];    /* of the gap before i */
    uint8_t above[CG_LINK_CODE_LINKS_MAX + 1]; /* the greatest from i on */
    above[count] = 0;
    for (uint32_t i = count; i-- > 1;) {
        widths[i] = (uint8_t)width_of(gap(list, i));
        above[i] = widths[i] > above[i + 1] ? widths[i] : above[i + 1];
    }
    list_header best = {0};
    uint64_t best_bits = UINT64_MAX;
    uint32_t below_width = 0;
    for (uint32_t first = 0; first < count; first++) {
        if (first > 0 && widths[first] > below_width) {
            below_width = widths[first];
        }
        list_header tried = {.count = count,
                             .mark = list->mark < count ? list->mark : count,
                             .near_first = first,
                             .start_width = width_of(start_of(list, first)),
                             .bits = 4 * count_width + NEAR_WIDTH_BITS + FAR_WIDTH_BITS +
                                     START_WIDTH_BITS};
        for (uint32_t end = first + 1; end <= count; end++) {
            if (end > first + 1 && widths[end - 1] > tried.near_width) {
                tried.near_width = widths[end - 1];
            }
            tried.near_count = end - first;
            tried.far_width = below_width > above[end] ? below_width : above[end];
            uint64_t bits = list_bits(&tried);
            if (bits < best_bits) {
                best = tried;
                best_bits = bits;
            }
        }
    }
    return best;
}

size_t cg_link_encode(const cg_link_list *list, uint32_t links_max, uint8_t *out) {
    const uint32_t count_width = cg_link_count_width(links_max);
    memset(out, 0, CG_LINK_CODE_BYTES_MAX);
    bit_writer writer = {.bytes = out};
    put(&writer, list->count, count_width);
    if (list->count > 0) {
        list_header header = split(list, count_width);
        const uint32_t end = header.near_first + header.near_count;
        put(&writer, header.mark, count_width);
        put(&writer, header.near_first, count_width);
        put(&writer, header.near_count, count_width);
        put(&writer, header.near_width, NEAR_WIDTH_BITS);
        put(&writer, header.far_width, FAR_WIDTH_BITS);
        put(&writer, header.start_width, START_WIDTH_BITS);
        put(&writer, start_of(list, header.near_first), header.start_width);
        for (uint32_t i = header.near_first + 1; i < end; i++) {
            put(&writer, gap(list, i), header.near_width);
        }
        for (uint32_t i = header.near_first; i > 0; i--) {
            put(&writer, gap(list, i), header.far_width);
        }
        for (uint32_t i = end; i < list->count; i++) {
            put(&writer, gap(list, i), header.far_width);
        }
    }
    return (writer.at + 7) / 8;
}

/* --- reading -------------------------------------------------------------------------------
 */

/* At most 56 bits from any bit on. The caller has seen that 8 bytes from there are readable. */
static inline uint64_t peek(const uint8_t *bytes, size_t at) {
    const uint8_t *from = bytes + at / 8;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word;
    memcpy(&word, from, sizeof word);
#else
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--) {
        word = word << 8 | from[i];
    }
#endif
    return word >> (at % 8);
}

static inline uint64_t low_bits(uint32_t width) {
    return (UINT64_C(1) << width) - 1;
}

static inline uint32_t take(uint64_t *word, uint32_t width) {
    uint32_t value = (uint32_t)(*word & low_bits(width));
    *word >>= width;
    return value;
}

/* The header at byte `at`, and whether the whole list lies within the bytes. */
static inline bool read_header(const cg_link_code *code, size_t at, list_header *out) {
    const uint32_t count_width = code->count_width;
    if (code->size_bytes < CG_LINK_CODE_SLACK_BYTES ||
        at > code->size_bytes - CG_LINK_CODE_SLACK_BYTES) {
        return false;
    }
    uint64_t word = peek(code->bytes, at * 8); /* 4 * 8 + 16 bits at most */
    list_header header;
    header.count = take(&word, count_width);
    header.mark = take(&word, count_width);
    header.near_first = take(&word, count_width);
    header.near_count = take(&word, count_width);
    header.near_width = take(&word, NEAR_WIDTH_BITS);
    header.far_width = take(&word, FAR_WIDTH_BITS);
    header.start_width = take(&word, START_WIDTH_BITS);
    header.bits = 4 * count_width + NEAR_WIDTH_BITS + FAR_WIDTH_BITS + START_WIDTH_BITS;
    if (header.count == 0) {
        *out = (list_header){.bits = count_width};
        return true;
    }
    *out = header;
    return header.count <= code->links_max && header.near_count >= 1 &&
           header.near_first + header.near_count <= header.count &&
           header.start_width <= START_WIDTH_MAX &&
           (list_bits(&header) + 7) / 8 <= code->size_bytes - CG_LINK_CODE_SLACK_BYTES - at;
}

/* Four at a time, since a loop's end that cannot be foretold costs more than three links that
 * nobody wants: up to three entries behind the last are written, and read from the slack. */
enum { LINKS_A_TURN = 4 };

static inline int64_t read_upwards(const uint8_t *bytes, size_t bit, uint32_t width,
                                   uint32_t count, int64_t from, uint32_t *links) {
    const uint64_t mask = low_bits(width);
    int64_t last = from;
    for (uint32_t i = 0; i < count; i += LINKS_A_TURN, bit += (size_t)LINKS_A_TURN * width) {
        int64_t a = from + 1 + (int64_t)(peek(bytes, bit) & mask);
        int64_t b = a + 1 + (int64_t)(peek(bytes, bit + width) & mask);
        int64_t c = b + 1 + (int64_t)(peek(bytes, bit + (size_t)2 * width) & mask);
        int64_t d = c + 1 + (int64_t)(peek(bytes, bit + (size_t)3 * width) & mask);
        links[i] = (uint32_t)a;
        links[i + 1] = (uint32_t)b;
        links[i + 2] = (uint32_t)c;
        links[i + 3] = (uint32_t)d;
        from = d;
        uint32_t left = count - i;
        last = left >= 4 ? d : left == 3 ? c : left == 2 ? b : a;
    }
    return last;
}

static inline int64_t read_downwards(const uint8_t *bytes, size_t bit, uint32_t width,
                                     uint32_t count, int64_t from, uint32_t *links) {
    const uint64_t mask = low_bits(width);
    for (uint32_t i = 0; i < count; i++, bit += width) {
        from -= (int64_t)(peek(bytes, bit) & mask) + 1;
        links[i] = (uint32_t)from;
    }
    return from;
}

/* The run, then what is below it, downwards, then what is above it. */
static uint32_t read_links(const cg_link_code *code, size_t at, uint32_t owner,
                           const list_header *header, uint32_t *links) {
    const uint8_t *bytes = code->bytes;
    const uint32_t near_count = header->near_count;
    const uint32_t below_count = header->near_first;
    const uint32_t above_count = header->count - near_count - below_count;
    size_t bit = at * 8 + header->bits;
    int64_t start = (int64_t)owner + unzigzag(peek(bytes, bit) & low_bits(header->start_width));
    bit += header->start_width;
    links[0] = (uint32_t)start;
    int64_t highest =
        read_upwards(bytes, bit, header->near_width, near_count - 1, start, links + 1);
    bit += (size_t)(near_count - 1) * header->near_width;
    int64_t lowest =
        read_downwards(bytes, bit, header->far_width, below_count, start, links + near_count);
    bit += (size_t)below_count * header->far_width;
    highest = read_upwards(bytes, bit, header->far_width, above_count, highest,
                           links + near_count + below_count);
    /* Each part is monotonic, so the ends answer for all. */
    return lowest >= 0 && highest < (int64_t)code->rows ? header->count : CG_LINK_CODE_BROKEN;
}

uint32_t cg_link_decode(const cg_link_code *code, size_t at, uint32_t owner, uint32_t *links) {
    list_header header;
    if (!read_header(code, at, &header)) {
        return CG_LINK_CODE_BROKEN;
    }
    return header.count == 0 ? 0 : read_links(code, at, owner, &header, links);
}

bool cg_link_decode_list(const cg_link_code *code, size_t *at, uint32_t owner,
                         cg_link_list *out) {
    list_header header;
    if (!read_header(code, *at, &header)) {
        return false;
    }
    uint64_t bits = header.bits;
    if (header.count > 0) {
        uint32_t links[CG_LINK_CODE_LINKS_ROOM];
        bits = list_bits(&header);
        if (header.mark > header.count ||
            read_links(code, *at, owner, &header, links) == CG_LINK_CODE_BROKEN) {
            return false;
        }
        const uint32_t below_count = header.near_first;
        const uint32_t not_above = below_count + header.near_count;
        for (uint32_t i = 0; i < header.count; i++) {
            uint32_t from = i < below_count ? not_above - 1 - i
                            : i < not_above ? i - below_count
                                            : i;
            out->links[i] = links[from];
        }
    }
    out->owner = owner;
    out->count = header.count;
    out->mark = header.mark;
    *at += (size_t)((bits + 7) / 8);
    return true;
}
