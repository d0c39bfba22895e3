/* An explanation as one JSON object, a key or a list's item a line. */
#include <string.h>

#include "sim/explain/explain.h"

/* --- Writing. --- */

enum { DEPTH_MAX = 8 };

typedef struct writer {
    FILE *file;
    uint32_t depth;
    bool filled[DEPTH_MAX]; /* something stands at this depth already */
} writer;

static void put_string(FILE *file, const char *text, size_t size_bytes) {
    fputc('"', file);
    for (size_t at = 0; at < size_bytes; at++) {
        unsigned char byte = (unsigned char)text[at];
        unsigned char next = at + 1 < size_bytes ? (unsigned char)text[at + 1] : 0;
        if (byte == '"' || byte == '\\') {
            fprintf(file, "\\%c", byte);
        } else if (byte < 0x20 || byte == 0x7f) {
            fprintf(file, "\\u%04x", byte);
        } else if (byte == 0xc2 && next < 0xa0) { /* U+0080 to U+009F */
            fprintf(file, "\\u%04x", next);
            at++;
        } else {
            fputc(byte, file);
        }
    }
    fputc('"', file);
}

/* Comma, line and key (NULL in a list). */
static void next(writer *self, const char *key) {
    if (self->depth > 0) {
        fprintf(self->file, "%s\n%*s", self->filled[self->depth] ? "," : "",
                (int)(2 * self->depth), "");
    }
    self->filled[self->depth] = true;
    if (key) {
        fprintf(self->file, "\"%s\": ", key);
    }
}

static void begin(writer *self, const char *key, char bracket) {
    next(self, key);
    fputc(bracket, self->file);
    self->depth++;
    CG_ASSERT(self->depth < DEPTH_MAX);
    self->filled[self->depth] = false;
}

static void end(writer *self, char bracket) {
    bool filled = self->filled[self->depth];
    self->depth--;
    if (filled) {
        fprintf(self->file, "\n%*s", (int)(2 * self->depth), "");
    }
    fputc(bracket, self->file);
}

static void put_text(writer *self, const char *key, const char *text) {
    next(self, key);
    put_string(self->file, text, strlen(text));
}

static void put_count(writer *self, const char *key, uint64_t count) {
    next(self, key);
    fprintf(self->file, "%llu", (unsigned long long)count);
}

static void put_number(writer *self, const char *key, double number) {
    next(self, key);
    fprintf(self->file, "%.6g", number);
}

static void put_bool(writer *self, const char *key, bool value) {
    next(self, key);
    fputs(value ? "true" : "false", self->file);
}

/* null: it never fires. */
static void put_ms(writer *self, const char *key, uint32_t ticks) {
    next(self, key);
    if (ticks == CG_TICKS_NEVER) {
        fputs("null", self->file);
    } else {
        fprintf(self->file, "%.6g", sim_explain_ms(ticks));
    }
}

/* The keys of a concept, within an object that has begun. */
static void put_concept(writer *self, const cg_graph *graph, uint32_t row) {
    put_count(self, "id", cg_graph_id(graph, row));
    put_text(self, "name", cg_graph_name(graph, row));
}

/* --- The parts. --- */

static void put_answer(writer *self, const sim_explanation *of) {
    const cg_decision *decision = &of->decision;
    const cg_graph *graph = of->corpus->graph;
    char id[24];
    begin(self, "winner", '{');
    put_concept(self, graph, decision->winner);
    end(self, '}');
    put_number(self, "confidence", decision->confidence);
    put_count(self, "lessons", of->corpus->learned.lessons);
    begin(self, "path", '[');
    for (uint32_t i = decision->path_length; i > 0; i--) {
        begin(self, NULL, '{');
        put_concept(self, graph, decision->path[i - 1]);
        end(self, '}');
    }
    end(self, ']');
    snprintf(id, sizeof id, "%016llx", (unsigned long long)decision->pathway_id);
    put_text(self, "pathway_id", id);
    put_text(self, "winning_column", cg_column_name(decision->winning_column));
    put_text(self, "strategy", cg_strategy_name(decision->strategy));
}

static void put_fact(writer *self, const sim_explanation *of) {
    const sim_explain_words *words = &of->words;
    begin(self, "fact", '{');
    next(self, "text");
    put_string(self->file, of->text, of->text_bytes);
    put_count(self, "tokens", words->tokens);
    put_count(self, "features", words->features);
    put_count(self, "features_known", words->known);
    begin(self, "heaviest", '[');
    for (uint32_t i = 0; i < words->heaviest_count; i++) {
        begin(self, NULL, '{');
        put_text(self, "word", words->heaviest[i].text);
        put_number(self, "weight", words->heaviest[i].weight);
        put_count(self, "concepts", words->heaviest[i].concepts);
        end(self, '}');
    }
    end(self, ']');
    begin(self, "unknown", '[');
    for (uint32_t i = 0; i < words->unknown_count; i++) {
        put_text(self, NULL, words->unknown[i]);
    }
    end(self, ']');
    put_count(self, "dims", of->dims);
    put_count(self, "spikes", of->decision.spikes);
    put_ms(self, "first_spike_ms", of->first_spike_ticks);
    put_ms(self, "last_spike_ms", of->last_spike_ticks);
    end(self, '}');
}

static void put_cues(writer *self, const sim_explanation *of) {
    const cg_graph *graph = of->corpus->graph;
    begin(self, "cues", '[');
    for (uint32_t i = 0; i < of->cue_count; i++) {
        const sim_explain_cue *cue = &of->cues[i];
        begin(self, NULL, '{');
        put_text(self, "kind", cg_cue_kind_name(cue->kind));
        put_text(self, "words", cue->text);
        put_count(self, "named", cue->named);
        if (cue->named > 0) {
            put_text(self, "named_first", cg_graph_name(graph, cue->named_row));
        }
        put_count(self, "habit", cue->habit);
        if (cue->habit > 0) {
            put_text(self, "habit_parent", cg_graph_name(graph, cue->habit_row));
            put_count(self, "habit_parent_count", cue->habit_most);
        }
        end(self, '}');
    }
    end(self, ']');
}

static void put_stages(writer *self, const sim_explanation *of) {
    begin(self, "stages", '[');
    for (int stage = 0; stage < CG_STAGE_COUNT; stage++) {
        begin(self, NULL, '{');
        put_text(self, "name", cg_stage_name((cg_stage)stage));
        put_count(self, "in", of->decision.stage_in[stage]);
        put_count(self, "out", of->decision.stage_out[stage]);
        end(self, '}');
    }
    end(self, ']');
    put_bool(self, "ended_early", of->ended_early);
}

static void put_neighbours(writer *self, const sim_explanation *of) {
    put_count(self, "neighbours_retrieved", of->neighbours_retrieved);
    begin(self, "neighbours", '[');
    for (uint32_t i = 0; i < of->neighbour_count; i++) {
        const cg_likeness *like = &of->neighbours[i].likeness;
        begin(self, NULL, '{');
        put_concept(self, of->corpus->graph, of->neighbours[i].row);
        put_number(self, "exact", (double)like->exact);
        put_number(self, "dense", (double)like->dense);
        put_number(self, "spikes", (double)like->spikes);
        put_number(self, "mean", (double)like->mean);
        end(self, '}');
    }
    end(self, ']');
}

static void put_candidates(writer *self, const sim_explanation *of) {
    begin(self, "candidates", '[');
    for (uint32_t i = 0; i < of->candidate_count; i++) {
        const sim_explain_candidate *one = &of->candidates[i];
        begin(self, NULL, '{');
        put_concept(self, of->corpus->graph, one->row);
        put_number(self, "drive", one->drive);
        begin(self, "votes", '{');
        for (int column = 0; column < CG_COLUMN_COUNT; column++) {
            if (of->options.column_mask >> column & 1) {
                put_number(self, cg_column_name((cg_column_id)column),
                           (double)one->account.votes[column]);
            }
        }
        end(self, '}');
        put_ms(self, "spike_ms", one->spike_ticks);
        put_number(self, "soft", one->soft_activity);
        put_text(self, "fate", sim_fate_name(one->fate));
        end(self, '}');
    }
    end(self, ']');
}

/* All of them, while the text shows the largest. */
static void put_reasons(writer *self, const sim_explanation *of) {
    begin(self, "reasons", '[');
    for (uint32_t i = 0; i < of->reason_count; i++) {
        const sim_explain_reason *reason = &of->reasons[i];
        begin(self, NULL, '{');
        put_text(self, "pathway", sim_explain_reason_name(reason->pathway));
        put_text(self, "column", sim_explain_reason_column(reason->pathway));
        put_text(self, "meaning", sim_explain_reason_meaning(reason->pathway));
        put_number(self, "difference", reason->difference);
        put_number(self, "winner", reason->first);
        put_number(self, "second", reason->second);
        end(self, '}');
    }
    end(self, ']');
}

static void put_competition(writer *self, const sim_explanation *of) {
    const cg_decision *decision = &of->decision;
    begin(self, "competition", '{');
    put_ms(self, "winner_spike_ms", decision->winner_spike_ticks);
    put_number(self, "margin", decision->lead.margin);
    put_number(self, "distance", decision->lead.distance);
    put_bool(self, "recognised", decision->lead.recognised);
    begin(self, "votes_spike_ms", '{');
    for (int column = 0; column < CG_COLUMN_COUNT; column++) {
        put_ms(self, cg_column_name((cg_column_id)column),
               decision->column_spike_ticks[column]);
    }
    end(self, '}');
    begin(self, "soft", '{');
    put_count(self, "active", of->soft.active);
    put_number(self, "contrast", of->soft.contrast);
    put_number(self, "gain", of->soft.gain);
    end(self, '}');
    end(self, '}');
}

void sim_explain_print_json(const sim_explanation *explanation, FILE *file) {
    writer out = {.file = file};
    begin(&out, NULL, '{');
    put_answer(&out, explanation);
    put_fact(&out, explanation);
    put_cues(&out, explanation);
    put_stages(&out, explanation);
    put_neighbours(&out, explanation);
    put_candidates(&out, explanation);
    put_reasons(&out, explanation);
    put_competition(&out, explanation);
    end(&out, '}');
    fputc('\n', file);
}
