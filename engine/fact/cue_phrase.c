/* Words, noun phrases and their hashes; the rules are in cue.h and cue_internal.h.
 *
 * The parse is shallow: a phrase is what lies between function words and commas. Its idea is
 * that a definition's noun phrases are short and in order (genus first), so that cutting at a
 * closed class of words finds their ends, and looking for the last known noun finds their
 * heads. Known value: "(football) a kick in which the football is dropped from the hands and
 * kicked" has the phrases "kick", "football", "dropped" and "hands".
 */
#include "engine/fact/cue_internal.h"

#include <string.h>

#include "engine/base/hash.h"

enum { HASH_BLOCK_BYTES = 64, FUNCTION_WORD_BYTES_MAX = 13 };

/* Where phrases are cut: articles, determiners and numbers, prepositions, conjunctions,
 * pronouns, forms of "be" and "have", abbreviations, and the participles and adverbs by which
 * definitions go on behind their noun. In byte order, for binary search. */
static const char *const function_words[] = {
    "a",          "about",
    "above",      "across",
    "after",      "against",
    "all",        "along",
    "among",      "an",
    "and",        "another",
    "any",        "are",
    "around",     "as",
    "at",         "based",
    "because",    "before",
    "behind",     "being",
    "below",      "beneath",
    "beside",     "between",
    "beyond",     "born",
    "both",       "but",
    "by",         "caused",
    "certain",    "characterized",
    "consisting", "containing",
    "covered",    "designed",
    "down",       "during",
    "e.g",        "each",
    "either",     "especially",
    "etc",        "every",
    "for",        "forming",
    "found",      "from",
    "given",      "has",
    "have",       "having",
    "he",         "her",
    "him",        "his",
    "i.e",        "if",
    "in",         "including",
    "inside",     "intended",
    "into",       "involving",
    "is",         "it",
    "its",        "like",
    "located",    "made",
    "many",       "more",
    "most",       "native",
    "near",       "no",
    "not",        "of",
    "off",        "often",
    "on",         "one",
    "or",         "other",
    "out",        "outside",
    "over",       "per",
    "produced",   "producing",
    "related",    "resembling",
    "several",    "she",
    "similar",    "situated",
    "so",         "some",
    "such",       "than",
    "that",       "the",
    "their",      "them",
    "these",      "they",
    "this",       "those",
    "three",      "through",
    "till",       "to",
    "toward",     "towards",
    "two",        "under",
    "until",      "up",
    "upon",       "used",
    "usually",    "various",
    "very",       "via",
    "was",        "we",
    "were",       "when",
    "where",      "whereby",
    "which",      "while",
    "who",        "whom",
    "whose",      "with",
    "within",     "without",
    "you",
};

static char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

static bool in_word(char byte) {
    char folded = lower(byte);
    return (folded >= 'a' && folded <= 'z') || (byte >= '0' && byte <= '9') ||
           ((unsigned char)byte & 0x80) != 0;
}

static bool joins_word(char byte) {
    return byte == '\'' || byte == '-' || byte == '.';
}

bool cg_cue_word_is(cg_cue_word word, const char *other) {
    for (size_t i = 0; i < word.size_bytes; i++) {
        if (other[i] == '\0' || lower(word.bytes[i]) != other[i]) {
            return false;
        }
    }
    return other[word.size_bytes] == '\0';
}

static bool is_function_word(cg_cue_word word) {
    char folded[FUNCTION_WORD_BYTES_MAX + 1];
    if (word.size_bytes > FUNCTION_WORD_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < word.size_bytes; i++) {
        folded[i] = lower(word.bytes[i]);
    }
    folded[word.size_bytes] = '\0';
    size_t low = 0;
    size_t high = sizeof function_words / sizeof *function_words;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(folded, function_words[middle]);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

/* --- Reading. --- */

cg_cue_reader cg_cue_reader_init(const char *text, size_t text_bytes) {
    return (cg_cue_reader){.text = text, .text_bytes = text_bytes};
}

/* The word that begins here: its first byte is one of a word. */
static cg_cue_word take_word(cg_cue_reader *reader) {
    const char *text = reader->text;
    size_t start = reader->position;
    size_t end = start; /* behind the last byte that is not a joint */
    for (size_t at = start; at < reader->text_bytes; at++) {
        if (in_word(text[at])) {
            end = at + 1;
        } else if (!joins_word(text[at]) || text[at] == text[at - 1]) {
            break;
        }
    }
    reader->position = end;
    reader->words++;
    return (cg_cue_word){.bytes = text + start, .size_bytes = end - start};
}

bool cg_cue_next_word(cg_cue_reader *reader, cg_cue_word *out) {
    while (reader->position < reader->text_bytes) {
        if (in_word(reader->text[reader->position])) {
            *out = take_word(reader);
            return true;
        }
        reader->position++;
    }
    return false;
}

void cg_cue_read_run(const char *text, size_t text_bytes, cg_cue_run *out) {
    cg_cue_reader reader = cg_cue_reader_init(text, text_bytes);
    out->count = 0;
    out->offset = 0;
    while (out->count < CG_CUE_RUN_MAX && cg_cue_next_word(&reader, &out->words[out->count])) {
        out->count++;
    }
}

/* Behind the quotation that begins here; one without an end goes to the end of the text. */
static size_t behind_quotation(const cg_cue_reader *reader) {
    size_t at = reader->position + 1;
    const char *end = memchr(reader->text + at, '"', reader->text_bytes - at);
    return end ? (size_t)(end - reader->text) + 1 : reader->text_bytes;
}

/* Behind the bracket that begins here; one without an end is the character alone. */
static size_t behind_bracket(cg_cue_reader *reader) {
    size_t at = reader->position + 1;
    const char *end = NULL;
    if (!reader->no_brackets) {
        end = memchr(reader->text + at, ')', reader->text_bytes - at);
        reader->no_brackets = !end; /* look once: the cost stays linear */
    }
    return end ? (size_t)(end - reader->text) + 1 : at;
}

/* Whether a sentence can end at this sign. After one or two letters a full stop is that of an
 * abbreviation: "St. Bernard", "J. M. Barrie". */
static bool ends_sentence(const cg_cue_reader *reader) {
    size_t at = reader->position;
    char byte = reader->text[at];
    bool behind = at + 1 == reader->text_bytes || reader->text[at + 1] == ' ';
    bool abbreviates = at < 3 || !in_word(reader->text[at - 1]) ||
                       !in_word(reader->text[at - 2]) || !in_word(reader->text[at - 3]);
    return behind && (byte == '!' || byte == '?' || (byte == '.' && !abbreviates));
}

/* Passes what is neither word nor semicolon; true when a phrase ends there. */
static bool pass_byte(cg_cue_reader *reader) {
    char byte = reader->text[reader->position];
    bool doubled = byte == '-' && reader->position + 1 < reader->text_bytes &&
                   reader->text[reader->position + 1] == '-';
    bool cuts = byte == ',' || byte == ':' || byte == '(' || doubled || ends_sentence(reader);
    if (byte == '"') {
        reader->position = behind_quotation(reader);
    } else if (byte == '(') {
        reader->position = behind_bracket(reader);
    } else {
        reader->position++;
    }
    return cuts;
}

bool cg_cue_next_phrase(cg_cue_reader *reader, cg_cue_run *out) {
    out->count = 0;
    while (reader->position < reader->text_bytes && out->count < CG_CUE_RUN_MAX) {
        char byte = reader->text[reader->position];
        bool cut = false;
        if (byte == ';') {
            break;
        }
        if (in_word(byte)) {
            uint32_t offset = reader->words;
            cg_cue_word word = take_word(reader);
            cut = is_function_word(word);
            if (!cut) {
                out->offset = out->count == 0 ? offset : out->offset;
                out->words[out->count++] = word;
            }
        } else {
            cut = pass_byte(reader);
        }
        if (cut && out->count > 0) {
            break;
        }
    }
    return out->count > 0;
}

/* --- Heads and hashes. --- */

cg_cue_word cg_cue_lemma(const cg_lemmas *lemmas, cg_cue_word word,
                         char lemma[CG_LEMMA_BYTES_MAX]) {
    size_t size = lemmas ? cg_lemma(lemmas, CG_NOUN, word.bytes, word.size_bytes, lemma) : 0;
    return size > 0 ? (cg_cue_word){.bytes = lemma, .size_bytes = size} : word;
}

static bool is_participle(cg_cue_word word) {
    static const char ending[] = "ing";
    size_t size = sizeof ending - 1;
    return word.size_bytes >= size &&
           cg_cue_word_is((cg_cue_word){word.bytes + word.size_bytes - size, size}, ending);
}

cg_cue_word cg_cue_trim(const cg_lemmas *lemmas, cg_cue_run *phrase,
                        char lemma[CG_LEMMA_BYTES_MAX]) {
    uint32_t participle = 0; /* a noun at this count, should there be no better */
    CG_ASSERT(phrase->count > 0);
    for (uint32_t count = phrase->count; lemmas && count > 0; count--) {
        cg_cue_word word = phrase->words[count - 1];
        size_t size = cg_lemma(lemmas, CG_NOUN, word.bytes, word.size_bytes, lemma);
        if (size == 0) {
            continue;
        }
        if (count == 1 || count == phrase->count || !is_participle(word)) {
            phrase->count = count;
            return (cg_cue_word){.bytes = lemma, .size_bytes = size};
        }
        participle = participle > 0 ? participle : count;
    }
    if (lemmas) {
        phrase->count = participle > 0 ? participle : 1;
    }
    return cg_cue_lemma(lemmas, phrase->words[phrase->count - 1], lemma);
}

typedef struct block {
    char bytes[HASH_BLOCK_BYTES];
    size_t used;
    uint64_t hash; /* of the blocks before */
} block;

static void add_byte(block *b, char byte) {
    if (b->used == HASH_BLOCK_BYTES) {
        b->hash = cg_hash_bytes(b->bytes, b->used, b->hash);
        b->used = 0;
    }
    b->bytes[b->used++] = byte;
}

uint64_t cg_cue_hash(const cg_cue_word *words, uint32_t count, cg_cue_word last) {
    block b;
    b.used = 0;
    b.hash = 0;
    for (uint32_t w = 0; w < count; w++) {
        cg_cue_word word = w + 1 < count ? words[w] : last;
        if (w > 0) {
            add_byte(&b, ' ');
        }
        for (size_t i = 0; i < word.size_bytes; i++) {
            char byte = word.bytes[i];
            add_byte(&b, byte == '_' ? ' ' : lower(byte)); /* lemmas join words by "_" */
        }
    }
    return cg_hash_bytes(b.bytes, b.used, b.hash);
}
