/* One line of a data file (wndb(5WN), "Data File Format"):
 *
 *     synset_offset lex_filenum ss_type w_cnt word lex_id [word lex_id ...]
 *     p_cnt [symbol offset pos source/target ...] [f_cnt + f_num w_num ...] | gloss
 *
 * The scanner's failure is sticky: after the first field that is not as it must be, every later
 * read does nothing, so the line is read straight through and checked at its end.
 * Invariant: `at` never passes the end of the line.
 * Known value: line 30 of data.noun is entity, with three hyponyms.
 */
#include <string.h>

#include "engine/graph/wordnet_layout.h"

enum { LEX_FILES = 45, FRAMES = 35, SYMBOL_BYTES_MAX = 2 };

/* Pointer symbols by edge type (wninput(5WN)). */
static const char symbols[CG_EDGE_OTHER][SYMBOL_BYTES_MAX + 1] = {
    [CG_EDGE_HYPERNYM] = "@",
    [CG_EDGE_INSTANCE_HYPERNYM] = "@i",
    [CG_EDGE_HYPONYM] = "~",
    [CG_EDGE_INSTANCE_HYPONYM] = "~i",
    [CG_EDGE_MEMBER_HOLONYM] = "#m",
    [CG_EDGE_SUBSTANCE_HOLONYM] = "#s",
    [CG_EDGE_PART_HOLONYM] = "#p",
    [CG_EDGE_MEMBER_MERONYM] = "%m",
    [CG_EDGE_SUBSTANCE_MERONYM] = "%s",
    [CG_EDGE_PART_MERONYM] = "%p",
    [CG_EDGE_ANTONYM] = "!",
    [CG_EDGE_ATTRIBUTE] = "=",
    [CG_EDGE_DERIVATION] = "+",
    [CG_EDGE_DOMAIN_TOPIC] = ";c",
    [CG_EDGE_DOMAIN_REGION] = ";r",
    [CG_EDGE_DOMAIN_USAGE] = ";u",
    [CG_EDGE_MEMBER_TOPIC] = "-c",
    [CG_EDGE_MEMBER_REGION] = "-r",
    [CG_EDGE_MEMBER_USAGE] = "-u",
    [CG_EDGE_ENTAILMENT] = "*",
    [CG_EDGE_CAUSE] = ">",
    [CG_EDGE_ALSO_SEE] = "^",
    [CG_EDGE_VERB_GROUP] = "$",
    [CG_EDGE_SIMILAR] = "&",
    [CG_EDGE_PARTICIPLE] = "<",
    [CG_EDGE_PERTAINYM] = "\\",
};

/* Parts of speech by file; satellites ('s') lie with the adjectives. */
static const char parts_of_speech[CG_WORDNET_FILES] = {'n', 'v', 'a', 'r'};

typedef struct scanner {
    const wordnet_line *line;
    size_t at;
    cg_status status;
    cg_error *error;
} scanner;

static void fail(scanner *scan, size_t at, const char *what, const char *wanted) {
    if (scan->status == CG_OK) {
        scan->status = cg_error_set(
            scan->error, CG_ERROR_CORRUPT, "%s line %u column %zu: %s must be %s",
            cg_wordnet_file_names[scan->line->file], scan->line->number, at + 1, what, wanted);
    }
}

/* The byte at the scanner's place; 0, which no line has, at the end and after a failure. */
static uint8_t peek(const scanner *scan) {
    bool good = scan->status == CG_OK && scan->at < scan->line->size_bytes;
    return good ? scan->line->bytes[scan->at] : 0;
}

static void expect(scanner *scan, char wanted, const char *where) {
    if (peek(scan) == (uint8_t)wanted) {
        scan->at++;
    } else {
        const char text[] = {'\'', wanted, '\'', 0};
        fail(scan, scan->at, where, text);
    }
}

static int digit_value(uint8_t byte, uint32_t base) {
    int value = -1;
    if (byte >= '0' && byte <= '9') {
        value = byte - '0';
    } else if (byte >= 'a' && byte <= 'f') {
        value = byte - 'a' + 10;
    } else if (byte >= 'A' && byte <= 'F') {
        value = byte - 'A' + 10;
    }
    return value < (int)base ? value : -1;
}

/* A number of exactly `digits` digits, in 0..max. */
static uint32_t number(scanner *scan, uint32_t base, int digits, uint32_t max,
                       const char *what) {
    static const char *const wanted[2][3] = {
        {"1 digit", "2 digits", "3 digits"},
        {"1 hexadecimal digit", "2 hexadecimal digits", "3 hexadecimal digits"},
    };
    size_t start = scan->at;
    uint32_t value = 0;
    for (int i = 0; i < digits; i++) {
        int digit = digit_value(peek(scan), base);
        if (digit < 0) {
            fail(scan, start, what, digits == 8 ? "8 digits" : wanted[base == 16][digits - 1]);
            return 0;
        }
        value = value * base + (uint32_t)digit;
        scan->at++;
    }
    if (value > max && scan->status == CG_OK) {
        scan->status = cg_error_set(scan->error, CG_ERROR_CORRUPT,
                                    "%s line %u column %zu: %s is %u; it must be at most %u",
                                    cg_wordnet_file_names[scan->line->file], scan->line->number,
                                    start + 1, what, value, max);
        return 0;
    }
    return value;
}

/* --- Text. --- */

static void append(scanner *scan, cg_wordnet *wordnet, const void *bytes, size_t size_bytes) {
    if (scan->status != CG_OK) {
        return;
    }
    scan->status = CG_GROW(&wordnet->allocator, wordnet->text, wordnet->text_capacity,
                           wordnet->text_bytes + size_bytes, scan->error);
    if (scan->status == CG_OK && size_bytes > 0) {
        memcpy(wordnet->text + wordnet->text_bytes, bytes, size_bytes);
        wordnet->text_bytes += size_bytes;
    }
}

/* Bytes of a word without the syntactic marker that adjectives may carry. */
static size_t without_marker(const uint8_t *word, size_t size_bytes) {
    static const char *const markers[] = {"(a)", "(p)", "(ip)"};
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++) {
        size_t marker_bytes = strlen(markers[i]);
        if (size_bytes > marker_bytes &&
            memcmp(word + size_bytes - marker_bytes, markers[i], marker_bytes) == 0) {
            return size_bytes - marker_bytes;
        }
    }
    return size_bytes;
}

/* Reads a word and appends it, its underscores as spaces. Returns the bytes appended. */
static size_t read_word(scanner *scan, cg_wordnet *wordnet) {
    size_t start = scan->at;
    while (peek(scan) != 0 && peek(scan) != ' ') {
        scan->at++;
    }
    const uint8_t *word = scan->line->bytes + start;
    size_t size_bytes = scan->at - start;
    if (size_bytes == 0 || size_bytes > CG_NAME_BYTES_MAX) {
        fail(scan, start, "a word", "1 to 255 bytes long");
        return 0;
    }
    if (parts_of_speech[scan->line->file] == 'a') {
        size_bytes = without_marker(word, size_bytes);
    }
    size_t appended_at = wordnet->text_bytes;
    append(scan, wordnet, word, size_bytes);
    for (size_t i = appended_at; i < wordnet->text_bytes; i++) {
        if (wordnet->text[i] == '_') {
            wordnet->text[i] = ' ';
        }
    }
    return wordnet->text_bytes - appended_at;
}

/* Words into the text; returns the bytes of the first. */
static size_t read_words(scanner *scan, cg_wordnet *wordnet, wordnet_record *record) {
    size_t first_bytes = 0;
    record->word_count = (uint8_t)number(scan, 16, 2, 255, "the number of words");
    if (record->word_count == 0) {
        fail(scan, scan->at - 2, "the number of words", "at least 1");
    }
    for (uint32_t i = 0; i < record->word_count && scan->status == CG_OK; i++) {
        expect(scan, ' ', "what separates words");
        if (i > 0) {
            append(scan, wordnet, ", ", 2);
        }
        size_t bytes = read_word(scan, wordnet);
        first_bytes = i == 0 ? bytes : first_bytes;
        expect(scan, ' ', "what follows a word");
        (void)number(scan, 16, 1, 15, "a word's lex_id");
    }
    return first_bytes;
}

/* --- Pointers and frames. --- */

static uint8_t read_symbol(scanner *scan) {
    size_t start = scan->at;
    while (peek(scan) != 0 && peek(scan) != ' ') {
        scan->at++;
    }
    size_t size_bytes = scan->at - start;
    for (uint32_t type = 0; type < CG_EDGE_OTHER; type++) {
        if (strlen(symbols[type]) == size_bytes &&
            memcmp(symbols[type], scan->line->bytes + start, size_bytes) == 0) {
            return (uint8_t)type;
        }
    }
    fail(scan, start, "a pointer symbol", "one of wninput(5WN)");
    return 0;
}

static uint64_t read_target(scanner *scan) {
    uint32_t offset = number(scan, 10, 8, UINT32_MAX, "a pointer's offset");
    expect(scan, ' ', "what follows a pointer's offset");
    uint8_t part = peek(scan) == 's' ? 'a' : peek(scan);
    for (uint32_t file = 0; file < CG_WORDNET_FILES; file++) {
        if (part == (uint8_t)parts_of_speech[file]) {
            scan->at++;
            return (file + 1) * WORDNET_FILE_STRIDE + offset;
        }
    }
    fail(scan, scan->at, "a pointer's part of speech", "n, v, a, s or r");
    return 0;
}

static void read_pointer(scanner *scan, cg_wordnet *wordnet, const wordnet_record *record) {
    wordnet_pointer pointer = {0};
    expect(scan, ' ', "what separates pointers");
    pointer.type = read_symbol(scan);
    expect(scan, ' ', "what follows a pointer symbol");
    pointer.target_id = read_target(scan);
    expect(scan, ' ', "what follows a pointer's part of speech");
    uint32_t source_word = number(scan, 16, 2, record->word_count, "a pointer's source word");
    pointer.target_word = (uint8_t)number(scan, 16, 2, 255, "a pointer's target word");
    if ((source_word == 0) != (pointer.target_word == 0)) {
        fail(scan, scan->at - 4, "source and target word of a pointer", "both zero or neither");
    }
    if (scan->status != CG_OK) {
        return;
    }
    scan->status = CG_GROW(&wordnet->allocator, wordnet->pointers, wordnet->pointer_capacity,
                           wordnet->pointer_count + 1, scan->error);
    if (scan->status == CG_OK) {
        wordnet->pointers[wordnet->pointer_count++] = pointer;
    }
}

static void read_frames(scanner *scan, const wordnet_record *record) {
    expect(scan, ' ', "what comes before the number of frames");
    uint32_t frames = number(scan, 10, 2, 99, "the number of frames");
    for (uint32_t i = 0; i < frames && scan->status == CG_OK; i++) {
        expect(scan, ' ', "what separates frames");
        expect(scan, '+', "what a frame begins with");
        expect(scan, ' ', "what follows a frame's +");
        (void)number(scan, 10, 2, FRAMES, "a frame's number");
        expect(scan, ' ', "what follows a frame's number");
        (void)number(scan, 16, 2, record->word_count, "a frame's word");
    }
}

static void read_gloss(scanner *scan, cg_wordnet *wordnet) {
    expect(scan, ' ', "what comes before the gloss");
    expect(scan, '|', "what begins the gloss");
    expect(scan, ' ', "what follows the gloss's bar");
    if (scan->status != CG_OK) {
        return;
    }
    const uint8_t *bytes = scan->line->bytes;
    size_t end = scan->line->size_bytes;
    while (end > scan->at && bytes[end - 1] == ' ') {
        end--;
    }
    if (end == scan->at) {
        fail(scan, scan->at, "the gloss", "a text");
        return;
    }
    append(scan, wordnet, ": ", 2);
    append(scan, wordnet, bytes + scan->at, end - scan->at);
}

/* --- The line. --- */

static void check_bytes(scanner *scan) {
    for (size_t i = 0; i < scan->line->size_bytes; i++) {
        if (scan->line->bytes[i] < 0x20 || scan->line->bytes[i] > 0x7e) {
            fail(scan, i, "every byte", "printable ASCII");
        }
    }
}

static void read_head(scanner *scan, wordnet_record *record) {
    const wordnet_line *line = scan->line;
    uint32_t offset = number(scan, 10, 8, UINT32_MAX, "the synset offset");
    if (offset != line->offset && scan->status == CG_OK) {
        scan->status = cg_error_set(
            scan->error, CG_ERROR_CORRUPT,
            "%s line %u: the synset says it lies at byte offset %u, but it lies at %zu",
            cg_wordnet_file_names[line->file], line->number, offset, line->offset);
    }
    record->id = (line->file + 1) * WORDNET_FILE_STRIDE + offset;
    record->line = line->number;
    record->file = line->file;
    expect(scan, ' ', "what follows the synset offset");
    record->type = (uint8_t)number(scan, 10, 2, LEX_FILES - 1, "the lexicographer file");
    expect(scan, ' ', "what follows the lexicographer file");
    if (parts_of_speech[line->file] == 'a' && peek(scan) == 's') {
        scan->at++;
    } else {
        expect(scan, parts_of_speech[line->file], "the synset type");
    }
    expect(scan, ' ', "what follows the synset type");
}

cg_status cg_wordnet_read_line(cg_wordnet *wordnet, const wordnet_line *line, cg_error *error) {
    scanner scan = {.line = line, .status = CG_OK, .error = error};
    wordnet_record record = {
        .text_start = wordnet->text_bytes,
        .pointer_start = wordnet->pointer_count,
    };
    check_bytes(&scan);
    read_head(&scan, &record);
    size_t name_bytes = read_words(&scan, wordnet, &record);
    expect(&scan, ' ', "what follows the words");
    record.pointer_count = number(&scan, 10, 3, 999, "the number of pointers");
    for (uint32_t i = 0; i < record.pointer_count && scan.status == CG_OK; i++) {
        read_pointer(&scan, wordnet, &record);
    }
    if (parts_of_speech[line->file] == 'v') {
        read_frames(&scan, &record);
    }
    read_gloss(&scan, wordnet);
    if (scan.status != CG_OK) {
        return scan.status;
    }
    record.text_bytes = (uint32_t)(wordnet->text_bytes - record.text_start);
    append(&scan, wordnet, "", 1);
    record.name_start = wordnet->text_bytes;
    char name[CG_NAME_BYTES_MAX + 1] = {0};
    memcpy(name, wordnet->text + record.text_start, name_bytes);
    append(&scan, wordnet, name, name_bytes + 1);
    if (scan.status != CG_OK) {
        return scan.status;
    }
    scan.status = CG_GROW(&wordnet->allocator, wordnet->records, wordnet->record_capacity,
                          wordnet->record_count + 1, error);
    if (scan.status == CG_OK) {
        wordnet->records[wordnet->record_count++] = record;
    }
    return scan.status;
}
