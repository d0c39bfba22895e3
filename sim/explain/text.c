/* An explanation as text: the answer first, then the way to it. */
#include <string.h>

#include "sim/explain/explain.h"

enum {
    WIDTH = 100, /* columns of the terminal; lines keep below */
    INDENT = 14, /* of what stands behind a label */
    FACT_COLUMNS = 84,
    LABEL_BYTES = 2 * CG_NAME_BYTES_MAX + 8,
    CONCEPT_COLUMNS = 36
};

static const double least_shown = 0.0005; /* of a difference: 0.001 after rounding */

/* --- Characters. --- */

/* A character's bytes; *shown: what may reach a terminal instead of control characters. */
static size_t take_character(const char *text, size_t left, const char **shown) {
    unsigned char first = (unsigned char)text[0];
    size_t size = 1;
    while (size < left && ((unsigned char)text[size] & 0xc0) == 0x80) {
        size++;
    }
    bool control = first < 0x20 || first == 0x7f ||
                   (first == 0xc2 && size == 2 && (unsigned char)text[1] < 0xa0);
    *shown = control ? " " : text;
    return size;
}

static size_t columns_of(const char *text, size_t size_bytes) {
    size_t columns = 0;
    for (size_t at = 0; at < size_bytes; columns++) {
        const char *shown;
        at += take_character(text + at, size_bytes - at, &shown);
    }
    return columns;
}

/* The text, cut with "..." at `most` characters. Returns how many were printed. */
static size_t put_cut(FILE *file, const char *text, size_t size_bytes, size_t most) {
    bool cut = columns_of(text, size_bytes) > most;
    size_t whole = cut ? most - 3 : most;
    size_t columns = 0;
    for (size_t at = 0; at < size_bytes && columns < whole; columns++) {
        const char *shown;
        size_t size = take_character(text + at, size_bytes - at, &shown);
        (void)fwrite(shown, 1, shown == text + at ? size : 1, file);
        at += size;
    }
    if (cut) {
        fputs("...", file);
    }
    return cut ? most : columns;
}

/* Cut or filled up to `width`. */
static void put_cell(FILE *file, const char *text, size_t width) {
    size_t used = put_cut(file, text, strlen(text), width);
    fprintf(file, "%*s", (int)(width - used), "");
}

static const char *label_of(const sim_explanation *self, uint32_t row,
                            char label[LABEL_BYTES]) {
    const cg_graph *graph = self->corpus->graph;
    uint32_t parent;
    if (cg_graph_parents(graph, row, &parent, 1) > 0) {
        snprintf(label, LABEL_BYTES, "%s < %s", cg_graph_name(graph, row),
                 cg_graph_name(graph, parent));
    } else {
        snprintf(label, LABEL_BYTES, "%s", cg_graph_name(graph, row));
    }
    return label;
}

/* "1.39", or "never". */
static const char *ms_text(uint32_t ticks, char text[16]) {
    if (ticks == CG_TICKS_NEVER) {
        snprintf(text, 16, "never");
    } else {
        snprintf(text, 16, "%.2f", sim_explain_ms(ticks));
    }
    return text;
}

/* A list that goes on in the next line where it would get too wide. */
typedef struct list {
    FILE *file;
    size_t column;
    bool begun;
} list;

static list begin_list(FILE *file, const char *label) {
    fprintf(file, "  %-*s", INDENT - 2, label);
    return (list){.file = file, .column = INDENT};
}

static void put_item(list *self, const char *separator, const char *text) {
    size_t columns = columns_of(text, strlen(text));
    size_t gap = self->begun ? strlen(separator) : 0;
    if (self->begun && self->column + gap + columns > WIDTH - 2) {
        size_t end = gap; /* no space ends a line */
        while (end > 0 && separator[end - 1] == ' ') {
            end--;
        }
        fprintf(self->file, "%.*s\n%*s", (int)end, separator, INDENT, "");
        self->column = INDENT;
    } else if (self->begun) {
        fputs(separator, self->file);
        self->column += gap;
    }
    self->column += put_cut(self->file, text, strlen(text), WIDTH - INDENT - 2);
    self->begun = true;
}

static void end_list(const list *self) {
    fputc('\n', self->file);
}

/* --- The answer. --- */

static void put_confidence(const sim_explanation *self, FILE *file) {
    const cg_decision *decision = &self->decision;
    uint64_t lessons = self->corpus->learned.lessons;
    fprintf(file, "  %-*s%.3f: ", INDENT - 2, "confidence", decision->confidence);
    if (lessons == 0) {
        fputs("a guess, as the engine was never trained (engine.training)\n", file);
    } else {
        fprintf(
            file,
            "of decisions with such a lead, %.0f in 100 are right, as %llu lessons taught\n",
            100.0 * decision->confidence, (unsigned long long)lessons);
    }
}

static void put_answer(const sim_explanation *self, FILE *file) {
    const cg_decision *decision = &self->decision;
    const cg_graph *graph = self->corpus->graph;
    char label[LABEL_BYTES];
    fputs("goes to       ", file);
    label_of(self, decision->winner, label);
    (void)put_cut(file, label, strlen(label), FACT_COLUMNS);
    fputc('\n', file);
    put_confidence(self, file);
    list path = begin_list(file, "path");
    for (uint32_t i = decision->path_length; i > 0; i--) {
        put_item(&path, " > ", cg_graph_name(graph, decision->path[i - 1]));
    }
    end_list(&path);
    fprintf(file, "  %-*s%s column, with the largest lead over the second; %s strategy\n",
            INDENT - 2, "decided by", cg_column_name(decision->winning_column),
            cg_strategy_name(decision->strategy));
    fprintf(file, "  %-*s%016llx\n", INDENT - 2, "pathway id",
            (unsigned long long)decision->pathway_id);
}

/* --- The fact. --- */

static void put_words(const sim_explanation *self, FILE *file) {
    const sim_explain_words *words = &self->words;
    char item[SIM_EXPLAIN_WORD_BYTES + 32];
    fprintf(file, "  %-*s%llu; features kept: %u, of which the graph knows %u\n", INDENT - 2,
            "words", (unsigned long long)words->tokens, words->features, words->known);
    if (words->heaviest_count > 0) {
        list heaviest = begin_list(file, "heaviest");
        for (uint32_t i = 0; i < words->heaviest_count; i++) {
            snprintf(item, sizeof item, "%s %.2f", words->heaviest[i].text,
                     words->heaviest[i].weight);
            put_item(&heaviest, ", ", item);
        }
        end_list(&heaviest);
    }
    if (words->unknown_count > 0) {
        list unknown = begin_list(file, "unknown");
        for (uint32_t i = 0; i < words->unknown_count; i++) {
            put_item(&unknown, ", ", words->unknown[i]);
        }
        end_list(&unknown);
    }
}

static void put_fact(const sim_explanation *self, FILE *file) {
    char first[16];
    char last[16];
    fputs("\nfact          ", file);
    (void)put_cut(file, self->text, self->text_bytes, FACT_COLUMNS);
    if (columns_of(self->text, self->text_bytes) > FACT_COLUMNS) {
        fprintf(file, "\n%*s(%zu bytes in all)", INDENT, "", self->text_bytes);
    }
    fputc('\n', file);
    put_words(self, file);
    fprintf(file, "  %-*s%u of %u dimensions fire", INDENT - 2, "spikes", self->decision.spikes,
            self->dims);
    if (self->first_spike_ticks != CG_TICKS_NEVER) {
        fprintf(file, ", the first at %s ms and the last at %s ms",
                ms_text(self->first_spike_ticks, first), ms_text(self->last_spike_ticks, last));
    }
    fputc('\n', file);
}

static void put_cue(const sim_explanation *self, const sim_explain_cue *cue, FILE *file) {
    const cg_graph *graph = self->corpus->graph;
    char cell[LABEL_BYTES];
    fprintf(file, "  %-8s", cg_cue_kind_name(cue->kind));
    snprintf(cell, sizeof cell, "%s%s", cue->kind == CG_CUE_ENDING ? "-" : "",
             cue->text[0] ? cue->text : "(not in one piece)");
    put_cell(file, cell, 29);
    cell[0] = '\0';
    if (cue->named > 0) {
        snprintf(cell, sizeof cell, "%u: %s", cue->named, cg_graph_name(graph, cue->named_row));
    }
    fputc(' ', file);
    if (cue->habit > 0) {
        put_cell(file, cell, 26);
        snprintf(cell, sizeof cell, " %u of %u: %s", cue->habit_most, cue->habit,
                 cg_graph_name(graph, cue->habit_row));
    }
    (void)put_cut(file, cell, strlen(cell), 32);
    fputc('\n', file);
}

static void put_cues(const sim_explanation *self, FILE *file) {
    uint32_t silent = 0;
    for (uint32_t i = 0; i < self->cue_count; i++) {
        silent += self->cues[i].named == 0 && self->cues[i].habit == 0;
    }
    fprintf(file, "\ncues          %u in the text, of which the graph knows %u\n",
            self->cue_count, self->cue_count - silent);
    if (silent == self->cue_count) {
        return;
    }
    fprintf(file, "  %-8s%-29s %-26s %s\n", "kind", "words", "concepts so named",
            "where concepts with it hang");
    for (uint32_t i = 0; i < self->cue_count; i++) {
        if (self->cues[i].named > 0 || self->cues[i].habit > 0) {
            put_cue(self, &self->cues[i], file);
        }
    }
}

/* --- The way through the cascade. --- */

static void describe_filter(const cg_filter *filter, bool filters, const char *by,
                            char text[96]) {
    if (filters) {
        snprintf(text, 96, "%s keeps the best %g%%, at least %u", by, 100.0 * filter->share,
                 filter->at_least);
    } else {
        snprintf(text, 96, "%s keeps all", by);
    }
}

static void put_stages(const sim_explanation *self, FILE *file) {
    const cg_decision *decision = &self->decision;
    bool direct = decision->strategy == CG_STRATEGY_DIRECT;
    bool semantic = self->options.column_mask >> CG_COLUMN_SEMANTIC & 1;
    char texts[CG_STAGE_COUNT][96];
    snprintf(texts[CG_STAGE_COARSE], 96, "%s",
             direct ? "every concept is a candidate"
                    : "neighbours, their parents and grandparents, what cues lead to");
    describe_filter(&self->options.semantic, !direct && semantic, "the semantic column",
                    texts[CG_STAGE_SEMANTIC]);
    describe_filter(&self->options.structural, !direct, "the vote of all columns",
                    texts[CG_STAGE_STRUCTURAL]);
    if (self->ended_early) {
        snprintf(texts[CG_STAGE_STRUCTURAL], 96,
                 "the vote of all columns; its first goes on alone");
    }
    snprintf(texts[CG_STAGE_INHIBITION], 96,
             "the first neuron that spikes inhibits the others");
    fprintf(file, "\nstages            in     out\n");
    for (int stage = 0; stage < CG_STAGE_COUNT; stage++) {
        fprintf(file, "  %-11s%7u %7u  %s\n", cg_stage_name((cg_stage)stage),
                decision->stage_in[stage], decision->stage_out[stage], texts[stage]);
    }
    if (self->ended_early) {
        fprintf(file,
                "  ended early: confidence %.3f is above %g, so the others did not compete\n",
                decision->confidence, self->options.stop_confidence);
    } else {
        fputs("  nothing ended it early\n", file);
    }
}

static void put_neighbours(const sim_explanation *self, FILE *file) {
    char label[LABEL_BYTES];
    fprintf(file,
            "\nneighbours    the nearest %u of %u; likeness of the texts, 1 is the same\n",
            self->neighbour_count, self->neighbours_retrieved);
    fprintf(file, "  %-44s %7s %7s %7s %7s\n", "concept < parent", "exact", "dense", "spikes",
            "mean");
    for (uint32_t i = 0; i < self->neighbour_count; i++) {
        const cg_likeness *like = &self->neighbours[i].likeness;
        fputs("  ", file);
        put_cell(file, label_of(self, self->neighbours[i].row, label), 44);
        fprintf(file, " %7.3f %7.3f %7.3f %7.3f\n", (double)like->exact, (double)like->dense,
                (double)like->spikes, (double)like->mean);
    }
}

static void put_candidates(const sim_explanation *self, FILE *file) {
    char label[LABEL_BYTES];
    char ms[16];
    fputs("\ncandidates    drive: 1 is what one pathway gives at most; votes: share of a "
          "column's "
          "most\n",
          file);
    fputs("  ", file);
    put_cell(file, "concept < parent", CONCEPT_COLUMNS);
    fputs("  drive semant struct tempor except  spike   soft  fate\n", file);
    for (uint32_t i = 0; i < self->candidate_count; i++) {
        const sim_explain_candidate *one = &self->candidates[i];
        fputs(one->fate == SIM_FATE_WON ? "* " : "  ", file);
        put_cell(file, label_of(self, one->row, label), CONCEPT_COLUMNS);
        fprintf(file, " %6.3f", one->drive);
        for (int column = 0; column < CG_COLUMN_COUNT; column++) {
            if (self->options.column_mask >> column & 1) {
                fprintf(file, " %6.3f", (double)one->account.votes[column]);
            } else {
                fprintf(file, " %6s", "off");
            }
        }
        fprintf(file, " %6s %6.3f  %s\n", ms_text(one->spike_ticks, ms), one->soft_activity,
                sim_fate_name(one->fate));
    }
}

static void put_reason(const sim_explain_reason *reason, FILE *file) {
    fprintf(file, "  %+7.3f  %-10s  %-17s  %5.3f  %5.3f  %s\n", reason->difference,
            sim_explain_reason_column(reason->pathway),
            sim_explain_reason_name(reason->pathway), reason->first, reason->second,
            sim_explain_reason_meaning(reason->pathway));
}

static void put_reasons(const sim_explanation *self, FILE *file) {
    char label[LABEL_BYTES];
    if (self->candidate_count < 2) {
        fputs("\nwhy           there was no other candidate\n", file);
        return;
    }
    fputs("\nwhy           this and not ", file);
    label_of(self, self->candidates[1].row, label);
    (void)put_cut(file, label, strlen(label), FACT_COLUMNS - 10);
    fputc('\n', file);
    fputs("              differs: the winner's evidence weighed, less the second's; "
          "weights are learned\n"
          "  differs  column      pathway            winner second  evidence: what it says\n",
          file);
    uint32_t shown = 0;
    for (uint32_t i = 0; i < self->reason_count && shown < SIM_EXPLAIN_FOR; i++) {
        if (self->reasons[i].difference >= least_shown) {
            put_reason(&self->reasons[i], file);
            shown++;
        }
    }
    uint32_t against = 0;
    for (uint32_t i = self->reason_count; i > 0 && against < SIM_EXPLAIN_AGAINST; i--) {
        if (self->reasons[i - 1].difference <= -least_shown) {
            put_reason(&self->reasons[i - 1], file);
            against++;
        }
    }
    double rest = self->candidates[0].drive - self->candidates[1].drive;
    double margin = rest;
    for (uint32_t i = 0, for_it = 0; i < self->reason_count && for_it < shown; i++, for_it++) {
        rest -= self->reasons[i].difference;
    }
    for (uint32_t i = 0; i < against; i++) {
        rest -= self->reasons[self->reason_count - 1 - i].difference;
    }
    fprintf(file, "  %+7.3f  all others\n  %+7.3f  margin\n", rest, margin);
}

static void put_competition(const sim_explanation *self, FILE *file) {
    const cg_decision *decision = &self->decision;
    char ms[16];
    fprintf(file, "\ncompetition   the winner's neuron spikes at %s ms",
            ms_text(decision->winner_spike_ticks, ms));
    if (self->candidate_count > 1) {
        const char *second = ms_text(self->candidates[1].spike_ticks, ms);
        fprintf(file, "; the second's would at %s%s", second,
                self->candidates[1].spike_ticks == CG_TICKS_NEVER ? "" : " ms");
    }
    fprintf(file, "\n  %-*s%.3f of drive over the second, %.3f over the fifth%s\n", INDENT - 2,
            "lead", decision->lead.margin, decision->lead.distance,
            decision->lead.recognised ? "; the text restates the winner" : "");
    list votes = begin_list(file, "votes spike");
    for (int column = 0; column < CG_COLUMN_COUNT; column++) {
        char item[48];
        bool never = decision->column_spike_ticks[column] == CG_TICKS_NEVER;
        snprintf(item, sizeof item, "%s %s%s", cg_column_name((cg_column_id)column),
                 ms_text(decision->column_spike_ticks[column], ms), never ? "" : " ms");
        put_item(&votes, ", ", item);
    }
    end_list(&votes);
    fprintf(file,
            "  %-*s%u of %u stay active where neurons only dampen each other; the winner has "
            "%.0f%% of it\n",
            INDENT - 2, "soft", self->soft.active, self->candidate_count,
            100.0 * self->soft.contrast);
}

void sim_explain_print_text(const sim_explanation *explanation, FILE *file) {
    put_answer(explanation, file);
    put_fact(explanation, file);
    put_cues(explanation, file);
    put_stages(explanation, file);
    put_neighbours(explanation, file);
    put_candidates(explanation, file);
    put_reasons(explanation, file);
    put_competition(explanation, file);
}
