/* Pages of hot lines: taken when first touched, never cleared between spreads.
 *
 * Pages come from blocks of 1, 2, 4 ... 4096 pages (16 MiB), so a small spread takes little, and
 * a large one asks the allocator rarely and for blocks that can stand in huge pages.
 */
#include <string.h>

#include "engine/spread/spread_internal.h"

enum { BLOCK_PAGES_MAX = 4096, WORD_PAGES = 64 };

static uint32_t words_of(const cg_spread_scratch *scratch) {
    return (scratch->page_count + WORD_PAGES - 1) / WORD_PAGES;
}

void cg_spread_lines_clear(cg_spread_scratch *scratch) {
    for (uint32_t word = 0; word < words_of(scratch); word++) {
        for (uint64_t bits = scratch->page_bits[word]; bits; bits &= bits - 1) {
            uint32_t page = word * WORD_PAGES + (uint32_t)__builtin_ctzll(bits);
            scratch->pages[page].touched = 0;
        }
        scratch->page_bits[word] = 0;
        scratch->wanted_bits[word] = 0;
    }
}

/* No line bears epoch 0, nor, after 2^32 - 1 spreads, one of an earlier round. */
static void next_epoch(cg_spread_scratch *scratch) {
    if (++scratch->epoch != 0) {
        return;
    }
    for (size_t i = 0; i < scratch->block_count; i++) {
        memset(scratch->blocks[i].lines, 0, scratch->blocks[i].bytes);
    }
    scratch->epoch = 1;
}

cg_status cg_spread_lines_begin(cg_spread_scratch *scratch, uint32_t rows, cg_error *error) {
    cg_spread_lines_clear(scratch);
    next_epoch(scratch);
    uint32_t pages = rows / SPREAD_PAGE_ROWS + (rows % SPREAD_PAGE_ROWS != 0);
    uint32_t words = pages / WORD_PAGES + (pages % WORD_PAGES != 0);
    cg_allocator *allocator = &scratch->allocator;
    cg_status status = CG_GROW(allocator, scratch->pages, scratch->page_capacity, pages, error);
    if (status == CG_OK) {
        status = CG_GROW(allocator, scratch->page_bits, scratch->word_capacity, words, error);
    }
    if (status == CG_OK) {
        status =
            CG_GROW(allocator, scratch->wanted_bits, scratch->wanted_capacity, words, error);
    }
    if (status != CG_OK) {
        return status;
    }
    scratch->page_count = pages;
    scratch->range_words = words / SPREAD_RANGES_MAX + 1;
    scratch->range_count = words / scratch->range_words + (words % scratch->range_words != 0);
    return CG_OK;
}

static cg_status add_block(cg_spread_scratch *scratch, cg_error *error) {
    cg_status status = CG_GROW(&scratch->allocator, scratch->blocks, scratch->block_capacity,
                               scratch->block_count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t pages = scratch->block_count < 12 ? 1u << scratch->block_count : BLOCK_PAGES_MAX;
    size_t bytes = pages * (size_t)SPREAD_PAGE_ROWS * sizeof(spread_line);
    spread_line *lines = cg_allocate_aligned(&scratch->allocator, bytes);
    if (!lines) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for %zu bytes of concepts that a spread touches", bytes);
    }
    scratch->blocks[scratch->block_count++] = (spread_block){.lines = lines, .bytes = bytes};
    scratch->pages_left = pages;
    scratch->lines_bytes += bytes;
    return CG_OK;
}

cg_status cg_spread_add_page(cg_spread_scratch *scratch, uint32_t page, cg_error *error) {
    if (scratch->pages_left == 0) {
        cg_status status = add_block(scratch, error);
        if (status != CG_OK) {
            return status;
        }
    }
    const spread_block *block = &scratch->blocks[scratch->block_count - 1];
    size_t lines = block->bytes / sizeof(spread_line);
    size_t left = (size_t)scratch->pages_left * SPREAD_PAGE_ROWS;
    scratch->pages[page].lines = block->lines + (lines - left);
    scratch->pages_left--;
    return CG_OK;
}

void cg_spread_lines_free(cg_spread_scratch *scratch) {
    for (size_t i = 0; i < scratch->block_count; i++) {
        cg_deallocate_aligned(&scratch->allocator, scratch->blocks[i].lines,
                              scratch->blocks[i].bytes);
    }
    cg_allocator *allocator = &scratch->allocator;
    cg_deallocate(allocator, scratch->blocks, scratch->block_capacity, sizeof *scratch->blocks);
    cg_deallocate(allocator, scratch->pages, scratch->page_capacity, sizeof *scratch->pages);
    cg_deallocate(allocator, scratch->page_bits, scratch->word_capacity,
                  sizeof *scratch->page_bits);
    cg_deallocate(allocator, scratch->wanted_bits, scratch->wanted_capacity,
                  sizeof *scratch->wanted_bits);
}
