/* The end of a hop: what it brought becomes records, by row.
 *
 * Touched concepts are counted range by range, all records are taken at once, and each range
 * fills its own: so numbers do not depend on who fills them.
 */
#include "engine/spread/spread_internal.h"

enum { WORD_PAGES = 64, PARALLEL_RECORDS = 8192 };

static uint32_t count_bits(uint64_t word) { /* without the compiler's library */
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint32_t)(word * 0x0101010101010101u >> 56);
}

typedef struct word_span {
    uint32_t from;
    uint32_t to;
} word_span;

static word_span words_of(const cg_spread_scratch *scratch, uint32_t range) {
    uint32_t words = (scratch->page_count + WORD_PAGES - 1) / WORD_PAGES;
    uint32_t from = range * scratch->range_words;
    uint32_t to = from + scratch->range_words;
    return (word_span){from, to < words ? to : words};
}

static uint32_t count_range(const cg_spread_scratch *scratch, uint32_t range) {
    uint32_t count = 0;
    word_span span = words_of(scratch, range);
    for (uint32_t word = span.from; word < span.to; word++) {
        for (uint64_t bits = scratch->page_bits[word]; bits; bits &= bits - 1) {
            uint32_t page = word * WORD_PAGES + (uint32_t)__builtin_ctzll(bits);
            count += count_bits(scratch->pages[page].touched);
        }
    }
    return count;
}

typedef struct hop_end {
    cg_spread_scratch *scratch;
    const cg_spread_query *query;
    void *const *blocks; /* of records */
    uint8_t hop;
} hop_end;

static void fill_record(const hop_end *end, spread_line *line, uint32_t row, uint32_t number,
                        uint32_t *reached) {
    cg_spread_record *record = spread_record(end->blocks, number);
    *record = (cg_spread_record){
        .level = line->next,
        .total = line->next,
        .row = row,
        .previous = line->record,
        .hop = end->hop,
    };
    for (uint32_t i = 0; i < CG_SPREAD_CONTRIBUTIONS; i++) {
        record->amounts[i] = line->amounts[i];
        record->sources[i] = line->amounts[i] ? line->sources[i] : CG_SPREAD_NONE;
        line->amounts[i] = 0;
    }
    line->next = 0;
    line->record = number;
    if (record->previous == CG_SPREAD_NONE) {
        ++*reached;
        return;
    }
    cg_spread_record *previous = spread_record(end->blocks, record->previous);
    record->total = spread_add(previous->total, record->level);
    record->flags = previous->flags & SPREAD_FIRED;
    previous->flags |= SPREAD_SUPERSEDED;
}

static void touch_record(const hop_end *end, uint32_t row, uint32_t number) {
    const cg_spread_query *query = end->query;
    query->touch(query->touch_context, CG_SPREAD_REGION_LINES,
                 (uint64_t)row * sizeof(spread_line), sizeof(spread_line));
    query->touch(query->touch_context, CG_SPREAD_REGION_RECORDS,
                 (uint64_t)number * sizeof(cg_spread_record), sizeof(cg_spread_record));
}

/* Reads the page's lines, one after the other, and has their latest records fetched, which lie
 * anywhere. */
static void fetch_page(const hop_end *end, const spread_page *page) {
    uint32_t records = end->scratch->record_count;
    for (uint64_t rows = page->touched; rows; rows &= rows - 1) {
        uint32_t previous = page->lines[__builtin_ctzll(rows)].record;
        if (previous < records) {
            spread_fetch(spread_record(end->blocks, previous));
        }
    }
}

static void fill_range(void *argument, uint32_t index, uint32_t worker) {
    (void)worker;
    const hop_end *end = argument;
    cg_spread_scratch *scratch = end->scratch;
    word_span span = words_of(scratch, index);
    uint32_t number = scratch->ranges[index].record;
    uint32_t reached = 0;
    for (uint32_t word = span.from; word < span.to; word++) {
        for (uint64_t bits = scratch->page_bits[word]; bits; bits &= bits - 1) {
            uint32_t place = word * WORD_PAGES + (uint32_t)__builtin_ctzll(bits);
            spread_page *page = &scratch->pages[place];
            fetch_page(end, page);
            for (uint64_t rows = page->touched; rows; rows &= rows - 1) {
                uint32_t offset = (uint32_t)__builtin_ctzll(rows);
                uint32_t row = place * SPREAD_PAGE_ROWS + offset;
                if (end->query->touch) {
                    touch_record(end, row, number);
                }
                fill_record(end, &page->lines[offset], row, number++, &reached);
            }
            page->touched = 0;
        }
        scratch->page_bits[word] = 0;
    }
    scratch->ranges[index].reached = reached;
}

cg_status cg_spread_end_hop(spread_run *run, uint32_t hop, cg_error *error) {
    cg_spread_scratch *scratch = run->scratch;
    uint32_t total = 0;
    for (uint32_t i = 0; i < scratch->range_count; i++) {
        scratch->ranges[i].record = scratch->record_count + total;
        total += count_range(scratch, i);
    }
    scratch->hop_first[hop] = scratch->record_count;
    scratch->hop_first[hop + 1] = scratch->record_count + total;
    if (total > 0) {
        uint32_t first = 0;
        cg_status status = cg_activation_take_run(scratch->records, total, &first, error);
        if (status != CG_OK) {
            return status;
        }
        CG_ASSERT(first == scratch->record_count);
    }
    hop_end end = {.scratch = scratch,
                   .query = run->query,
                   .blocks = cg_activation_blocks(scratch->records),
                   .hop = (uint8_t)hop};
    cg_runner serial = cg_runner_serial();
    bool alone = !run->query->runner || run->query->touch || total < PARALLEL_RECORDS;
    cg_runner_run(alone ? &serial : run->query->runner, scratch->range_count, fill_range, &end);
    for (uint32_t i = 0; i < scratch->range_count; i++) {
        scratch->reached += scratch->ranges[i].reached;
    }
    scratch->record_count += total;
    scratch->hops = hop + 1;
    if (hop > 0) {
        scratch->by_hop[hop - 1].reached = total;
    }
    return CG_OK;
}
