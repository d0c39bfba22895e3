/* What comes from outside into a cg_lemmas: words and exception lists.
 *
 * A list is read twice: first all of it is checked and measured, then room is made, then its
 * exceptions go in. So a list goes in whole or not at all.
 */
#include <string.h>

#include "engine/fact/lemma_internal.h"
#include "engine/fact/tokenise.h"

static const char *const list_names[CG_PARTS_OF_SPEECH] = {"noun.exc", "verb.exc", "adj.exc",
                                                           "adv.exc"};

bool cg_lemma_fold(const char *bytes, size_t size_bytes, cg_lemma_word *out) {
    if (size_bytes == 0 || size_bytes >= CG_LEMMA_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < size_bytes; i++) {
        char byte = bytes[i];
        out->bytes[i] = byte == ' '                  ? '_'
                        : byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A'))
                                                     : byte;
    }
    out->bytes[size_bytes] = '\0';
    out->size_bytes = size_bytes;
    return true;
}

/* Folds a word from outside; NULL when it is one, otherwise what is wrong with it. */
static const char *checked_word(const char *bytes, size_t size_bytes, cg_lemma_word *word) {
    size_t offset = 0;
    unsigned words = 1;
    _Static_assert(CG_LEMMA_BYTES_MAX == 128 && CG_LEMMA_WORDS_MAX == 9, "said below");
    if (!cg_lemma_fold(bytes, size_bytes, word)) {
        return size_bytes == 0 ? "is empty" : "is longer than 127 bytes";
    }
    if (!cg_utf8_check(bytes, size_bytes, &offset)) {
        return "is not UTF-8";
    }
    for (size_t i = 0; i < size_bytes; i++) {
        uint8_t byte = (uint8_t)word->bytes[i];
        if (byte < 0x20 || byte == 0x7f) {
            return "has a control character";
        }
        if (byte == '_') {
            if (i == 0 || i + 1 == size_bytes || word->bytes[i - 1] == '_') {
                return "has an underscore or space that joins no words";
            }
            words++;
        }
    }
    return words > CG_LEMMA_WORDS_MAX ? "has more than 9 words" : NULL;
}

static cg_status check_call(const cg_lemmas *lemmas, cg_part_of_speech part, cg_error *error) {
    if (lemmas->frozen) {
        return cg_error_set(error, CG_ERROR_INVALID, "frozen lemmas take nothing more");
    }
    if ((unsigned)part >= CG_PARTS_OF_SPEECH) {
        return cg_error_set(error, CG_ERROR_INVALID, "part of speech %u; there are %d",
                            (unsigned)part, (int)CG_PARTS_OF_SPEECH);
    }
    return CG_OK;
}

cg_status cg_lemmas_add_word(cg_lemmas *lemmas, cg_part_of_speech part, const char *word,
                             size_t size_bytes, cg_error *error) {
    cg_status status = check_call(lemmas, part, error);
    if (status != CG_OK) {
        return status;
    }
    cg_lemma_word folded;
    const char *wrong = checked_word(word, size_bytes, &folded);
    if (wrong) {
        return cg_error_set(error, CG_ERROR_INVALID, "a word of %zu bytes %s", size_bytes,
                            wrong);
    }
    status = cg_lemma_reserve(lemmas, 1, size_bytes, 0, error);
    if (status == CG_OK) {
        uint32_t record = cg_lemma_intern(lemmas, &folded);
        lemmas->records[record] |= (uint8_t)(1u << part);
    }
    return status;
}

/* --- Exception lists. --- */

typedef struct exception_line {
    cg_lemma_word words[1 + CG_LEMMA_BASES_MAX]; /* the form, then its bases */
    uint32_t count;
} exception_line;

typedef struct list_cursor {
    const char *bytes;
    size_t size_bytes;
    size_t position;
    uint32_t line; /* from 1, of the line read last */
    cg_part_of_speech part;
} list_cursor;

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

/* Puts the words of text[size] into line. */
static cg_status read_fields(const list_cursor *cursor, const char *text, size_t size,
                             exception_line *line, cg_error *error) {
    const char *list = list_names[cursor->part];
    line->count = 0;
    for (size_t at = 0; at < size;) {
        size_t start = at;
        while (at < size && !is_blank(text[at])) {
            at++;
        }
        if (at > start) {
            if (line->count == 1 + CG_LEMMA_BASES_MAX) {
                return cg_error_set(error, CG_ERROR_CORRUPT,
                                    "%s line %u has more than %d bases", list, cursor->line,
                                    (int)CG_LEMMA_BASES_MAX);
            }
            const char *wrong =
                checked_word(text + start, at - start, &line->words[line->count]);
            if (wrong) {
                return cg_error_set(error, CG_ERROR_CORRUPT,
                                    "%s line %u column %zu: a word of %zu bytes %s", list,
                                    cursor->line, start + 1, at - start, wrong);
            }
            line->count++;
        }
        while (at < size && is_blank(text[at])) {
            at++;
        }
    }
    if (line->count < 2) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s line %u has %u words; a form and a base are needed", list,
                            cursor->line, line->count);
    }
    return CG_OK;
}

/* The next line; only while position < size_bytes. */
static cg_status next_line(list_cursor *cursor, exception_line *line, cg_error *error) {
    const char *text = cursor->bytes + cursor->position;
    size_t left = cursor->size_bytes - cursor->position;
    const char *newline = memchr(text, '\n', left);
    size_t size = newline ? (size_t)(newline - text) : left;
    cursor->position += newline ? size + 1 : size;
    cursor->line++;
    if (newline && size > 0 && text[size - 1] == '\r') {
        size--;
    }
    return read_fields(cursor, text, size, line, error);
}

static void insert_line(cg_lemmas *lemmas, cg_part_of_speech part, const exception_line *line) {
    cg_lemma_exception exception = {.form = cg_lemma_intern(lemmas, &line->words[0]),
                                    .part = part};
    for (uint32_t i = 1; i < line->count; i++) {
        exception.base = cg_lemma_intern(lemmas, &line->words[i]);
        cg_lemma_insert_exception(lemmas, exception);
    }
}

cg_status cg_lemmas_add_exceptions(cg_lemmas *lemmas, cg_part_of_speech part, const char *bytes,
                                   size_t size_bytes, cg_error *error) {
    cg_status status = check_call(lemmas, part, error);
    if (status != CG_OK) {
        return status;
    }
    if (size_bytes > CG_LEMMA_LIST_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s has %zu bytes; at most %d are allowed",
                            list_names[part], size_bytes, (int)CG_LEMMA_LIST_BYTES_MAX);
    }
    const list_cursor start = {.bytes = bytes, .size_bytes = size_bytes, .part = part};
    list_cursor cursor = start;
    exception_line line;
    size_t words = 0;
    size_t word_bytes = 0;
    size_t exceptions = 0;
    while (cursor.position < size_bytes) {
        status = next_line(&cursor, &line, error);
        if (status != CG_OK) {
            return status;
        }
        words += line.count;
        exceptions += line.count - 1;
        for (uint32_t i = 0; i < line.count; i++) {
            word_bytes += line.words[i].size_bytes;
        }
    }
    status = cg_lemma_reserve(lemmas, words, word_bytes, exceptions, error);
    for (cursor = start; status == CG_OK && cursor.position < size_bytes;) {
        status = next_line(&cursor, &line, error);
        CG_ASSERT(status == CG_OK); /* checked above, and the bytes are the same */
        insert_line(lemmas, part, &line);
    }
    return status;
}
