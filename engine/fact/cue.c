/* Cues of a text; what they are is in cue.h, how phrases are found in cue_phrase.c. */
#include "engine/fact/cue.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/fact/cue_internal.h"

enum {
    PHRASES_READ = 4,
    HEAD_WORDS_MAX = 3,
    ENDING_LETTERS_MIN = 3,
    ENDING_LETTERS_MAX = 6,
    OFFSET_MAX = 255
};

/* A name makes a NAME and either 3 HEAD and a FIRST, or 4 ENDING; so everything fits. */
_Static_assert(CG_CUE_NAMES_MAX *(1 + 4) + PHRASES_READ * CG_CUE_WORDS_MAX + 1 <= CG_CUES_MAX,
               "all cues of a text fit its list");

const char *cg_cue_kind_name(cg_cue_kind kind) {
    static const char *const names[CG_CUE_KINDS] = {"name",  "head",   "first", "ending",
                                                    "genus", "second", "later", "domain"};
    CG_ASSERT((unsigned)kind < CG_CUE_KINDS);
    return names[kind];
}

/* --- The list. --- */

/* The number of the kind's next group; all cues of a kind are put in one after the other. */
static uint8_t next_group(const cg_cues *cues, cg_cue_kind kind) {
    const cg_cue *last = cues->count > 0 ? &cues->list[cues->count - 1] : NULL;
    return last && last->kind == kind ? (uint8_t)(last->group + 1) : 0;
}

/* Unless the kind has the phrase already. */
static void put(cg_cues *cues, cg_cue cue) {
    for (uint32_t i = cues->count; i > 0 && cues->list[i - 1].kind == cue.kind; i--) {
        if (cues->list[i - 1].phrase == cue.phrase) {
            return;
        }
    }
    CG_ASSERT(cues->count < CG_CUES_MAX);
    cues->list[cues->count++] = cue;
}

/* The ends of words[count] of at most words_max words, the longest first; `last` is the head's
 * lemma, offset that of words[0]. */
static void put_ends(cg_cues *cues, cg_cue cue, const cg_cue_run *run, uint32_t words_max,
                     cg_cue_word last) {
    uint32_t longest = run->count < words_max ? run->count : words_max;
    cue.group = next_group(cues, cue.kind);
    for (uint32_t words = longest; words > 0; words--) {
        uint32_t start = run->count - words;
        uint32_t offset = run->offset + start;
        cue.phrase = cg_cue_hash(run->words + start, words, last);
        cue.words = (uint8_t)words;
        cue.offset = (uint8_t)(offset < OFFSET_MAX ? offset : OFFSET_MAX);
        put(cues, cue);
    }
}

/* A run as a whole. */
static void put_whole(cg_cues *cues, cg_cue_kind kind, uint64_t phrase, uint32_t words) {
    cg_cue cue = {.phrase = phrase, .kind = (uint8_t)kind, .group = next_group(cues, kind)};
    cue.words = (uint8_t)(words < CG_CUE_WORDS_MAX ? words : CG_CUE_WORDS_MAX);
    put(cues, cue);
}

static uint64_t hash_run(const cg_lemmas *lemmas, const cg_cue_run *run) {
    char lemma[CG_LEMMA_BYTES_MAX];
    return cg_cue_hash(run->words, run->count,
                       cg_cue_lemma(lemmas, run->words[run->count - 1], lemma));
}

/* --- Names. --- */

typedef struct names {
    uint64_t seen[CG_CUES_MAX]; /* phrases of distinct names */
    uint32_t seen_count;
    cg_cue_run runs[CG_CUE_NAMES_MAX]; /* of the first of them */
} names;

/* Position of the next ", ", or the end. */
static size_t piece_end(const char *text, size_t start, size_t end) {
    for (size_t at = start; at + 1 < end; at++) {
        if (text[at] == ',' && text[at + 1] == ' ') {
            return at;
        }
    }
    return end;
}

static void add_name(const cg_lemmas *lemmas, names *all, const char *text, size_t text_bytes) {
    cg_cue_run beyond;
    uint32_t index = all->seen_count;
    cg_cue_run *run = index < CG_CUE_NAMES_MAX ? &all->runs[index] : &beyond;
    cg_cue_read_run(text, text_bytes, run);
    if (run->count == 0) {
        return;
    }
    uint64_t phrase = hash_run(lemmas, run);
    for (uint32_t i = 0; i < all->seen_count; i++) {
        if (all->seen[i] == phrase) {
            return;
        }
    }
    all->seen[all->seen_count++] = phrase;
}

static void read_names(const cg_lemmas *lemmas, const char *text, size_t text_bytes,
                       names *all) {
    all->seen_count = 0;
    for (size_t start = 0; start < text_bytes && all->seen_count < CG_CUES_MAX;) {
        size_t end = piece_end(text, start, text_bytes);
        add_name(lemmas, all, text + start, end - start);
        start = end + 2;
    }
}

/* "republic" of "Republic of Mali": what stands in front of the first such word. */
static uint32_t words_in_front(const cg_cue_run *run) {
    static const char *const links[] = {"and", "for", "in", "of", "the"};
    for (uint32_t w = 0; w < run->count; w++) {
        for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
            if (cg_cue_word_is(run->words[w], links[i])) {
                return w > 0 ? w : run->count;
            }
        }
    }
    return run->count;
}

static void put_heads(const cg_lemmas *lemmas, cg_cues *cues, const cg_cue_run *name) {
    char lemma[CG_LEMMA_BYTES_MAX];
    cg_cue_run front = *name;
    front.count = words_in_front(name);
    uint32_t words_max = front.count < name->count ? front.count : name->count - 1;
    cg_cue_word last = cg_cue_lemma(lemmas, front.words[front.count - 1], lemma);
    put_ends(cues, (cg_cue){.kind = CG_CUE_HEAD}, &front,
             words_max < HEAD_WORDS_MAX ? words_max : HEAD_WORDS_MAX, last);
}

/* Letters are counted from the end, by the bytes that are not a UTF-8 sequence's further. */
static void put_endings(cg_cues *cues, cg_cue_word word) {
    cg_cue_word endings[ENDING_LETTERS_MAX + 1] = {{NULL, 0}};
    uint32_t letters = 0;
    for (size_t at = word.size_bytes; at > 0 && letters <= ENDING_LETTERS_MAX; at--) {
        if (((unsigned char)word.bytes[at - 1] & 0xc0) != 0x80) {
            endings[letters++] = (cg_cue_word){word.bytes + at - 1, word.size_bytes - at + 1};
        }
    }
    uint8_t group = next_group(cues, CG_CUE_ENDING);
    for (uint32_t size = ENDING_LETTERS_MAX; size >= ENDING_LETTERS_MIN; size--) {
        if (letters >= ENDING_LETTERS_MAX && letters > size) {
            put(cues, (cg_cue){.phrase = cg_cue_hash(NULL, 1, endings[size - 1]),
                               .kind = CG_CUE_ENDING,
                               .group = group,
                               .words = (uint8_t)size});
        }
    }
}

static void put_names(const cg_lemmas *lemmas, cg_cues *cues, const names *all) {
    uint32_t count =
        all->seen_count < CG_CUE_NAMES_MAX ? all->seen_count : (uint32_t)CG_CUE_NAMES_MAX;
    cues->names = all->seen_count;
    for (uint32_t i = 0; i < count; i++) {
        put_whole(cues, CG_CUE_NAME, all->seen[i], all->runs[i].count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (all->runs[i].count > 1) {
            put_heads(lemmas, cues, &all->runs[i]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        char lemma[CG_LEMMA_BYTES_MAX];
        if (all->runs[i].count > 1) {
            cg_cue_word first = cg_cue_lemma(lemmas, all->runs[i].words[0], lemma);
            put_whole(cues, CG_CUE_FIRST, cg_cue_hash(NULL, 1, first), 1);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (all->runs[i].count == 1) {
            put_endings(cues, all->runs[i].words[0]);
        }
    }
    if (count > 0) {
        char initial = all->runs[0].words[0].bytes[0];
        cues->proper = initial >= 'A' && initial <= 'Z';
    }
}

/* --- The gloss. --- */

/* The bracket in front of a gloss, without its signs. */
static cg_cue_word domain_of(const char *gloss, size_t gloss_bytes) {
    size_t start = 0;
    while (start < gloss_bytes && gloss[start] == ' ') {
        start++;
    }
    if (start < gloss_bytes && gloss[start] == '(') {
        start++;
        const char *end = memchr(gloss + start, ')', gloss_bytes - start);
        if (end) {
            return (cg_cue_word){gloss + start, (size_t)(end - gloss) - start};
        }
    }
    return (cg_cue_word){NULL, 0};
}

/* Returns the bytes read. */
static size_t put_gloss(const cg_lemmas *lemmas, cg_cues *cues, const char *gloss,
                        size_t gloss_bytes) {
    static const cg_cue_kind kinds[PHRASES_READ] = {CG_CUE_GENUS, CG_CUE_SECOND, CG_CUE_LATER,
                                                    CG_CUE_LATER};
    cg_cue_reader reader = cg_cue_reader_init(gloss, gloss_bytes);
    cg_cue_run run;
    for (uint32_t i = 0; i < PHRASES_READ && cg_cue_next_phrase(&reader, &run); i++) {
        char lemma[CG_LEMMA_BYTES_MAX];
        cg_cue_word head = cg_cue_trim(lemmas, &run, lemma);
        put_ends(cues, (cg_cue){.kind = (uint8_t)kinds[i]}, &run, CG_CUE_WORDS_MAX, head);
    }
    cg_cue_word domain = domain_of(gloss, gloss_bytes);
    if (domain.size_bytes > 0) {
        cg_cue_read_run(domain.bytes, domain.size_bytes, &run);
        if (run.count > 0) {
            put_whole(cues, CG_CUE_DOMAIN, hash_run(lemmas, &run), run.count);
        }
    }
    return reader.position;
}

/* --- What the header promises. --- */

/* Position of the first ": ", or the end. */
static size_t names_end(const char *text, size_t text_bytes) {
    for (size_t at = 0; at < text_bytes;) {
        const char *colon = memchr(text + at, ':', text_bytes - at);
        if (!colon) {
            return text_bytes;
        }
        at = (size_t)(colon - text);
        if (at + 1 < text_bytes && text[at + 1] == ' ') {
            return at;
        }
        at++;
    }
    return text_bytes;
}

/* Whether a text can be nothing but names. */
static bool is_list(const char *text, size_t text_bytes) {
    uint32_t pieces = 0;
    for (size_t start = 0; start < text_bytes; pieces++) {
        size_t end = piece_end(text, start, text_bytes);
        cg_cue_reader reader = cg_cue_reader_init(text + start, end - start);
        cg_cue_word word;
        while (reader.words <= CG_CUE_WORDS_MAX && cg_cue_next_word(&reader, &word)) {
        }
        if (reader.words > CG_CUE_WORDS_MAX || pieces == CG_CUE_NAMES_MAX) {
            return false;
        }
        start = end + 2;
    }
    for (size_t i = 0; i < text_bytes; i++) {
        if (text[i] == ';' || text[i] == '"' || text[i] == '(') {
            return false;
        }
    }
    return true;
}

void cg_cues_find(const cg_lemmas *lemmas, const char *text, size_t text_bytes, cg_cues *out,
                  cg_work *work) {
    names all;
    CG_ASSERT(!lemmas || cg_lemmas_frozen(lemmas));
    memset(out, 0, sizeof *out);
    if (text_bytes == 0) {
        cg_work_count(work, CG_WORK_TOKENISE, 1, 0);
        return;
    }
    size_t end = names_end(text, text_bytes);
    size_t gloss = end < text_bytes ? end + 2 : 0;
    if (gloss > 0 || is_list(text, text_bytes)) {
        read_names(lemmas, text, end, &all);
        put_names(lemmas, out, &all);
    }
    size_t read = put_gloss(lemmas, out, text + gloss, text_bytes - gloss);
    cg_work_count(work, CG_WORK_TOKENISE, 1, gloss + read);
}

uint64_t cg_cue_phrase(const cg_lemmas *lemmas, const char *name, size_t name_bytes) {
    cg_cue_run run;
    cg_cue_read_run(name, name_bytes, &run);
    return run.count > 0 ? hash_run(lemmas, &run) : cg_hash_bytes(NULL, 0, 0);
}
