/* The four forms of a table (private to analysis/table). */
#ifndef AN_TABLE_PRINT_H
#define AN_TABLE_PRINT_H

#include "analysis/table/claim.h"
#include "analysis/table/sheet.h"
#include "analysis/table/table.h"

typedef struct an_table {
    const char *name;  /* of the view; "" for columns asked for */
    const char *title; /* "" for none */
    an_sheet sheet;
} an_table;

typedef struct an_claim_list {
    const an_claim *claims;
    uint32_t count;
} an_claim_list;

/* table_index counts the tables of one output from 0. */
cg_status an_print_text(an_database *database, const an_table *table, uint32_t width,
                        uint32_t table_index, FILE *out, cg_error *error);
cg_status an_print_markdown(an_database *database, const an_table *table, uint32_t table_index,
                            FILE *out, cg_error *error);
void an_print_csv(const an_database *database, const an_table *table, uint32_t table_index,
                  FILE *out);
/* claims NULL: none, and no such member. */
void an_print_json(const an_database *database, const an_table *tables, uint32_t table_count,
                   const an_claim_list *claims, FILE *out);

/* Claims as they were judged. As a member of the JSON object: with the comma before it. */
cg_status an_print_claims_text(an_database *database, const an_claim_list *list,
                               const an_table_options *options, uint32_t table_index, FILE *out,
                               cg_error *error);
void an_print_claims_csv(const an_claim_list *list, uint32_t table_index, FILE *out);
void an_print_claims_json(const an_claim_list *list, FILE *out);

/* A text as a field of CSV and as a string of JSON; "name": "value", then `after`. */
void an_put_csv(FILE *out, const char *text);
void an_put_json(FILE *out, const char *text);
void an_put_member(FILE *out, const char *name, const char *value, const char *after);

#endif
