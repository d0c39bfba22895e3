/* The four forms of a table (private to analysis/table). */
#ifndef AN_TABLE_PRINT_H
#define AN_TABLE_PRINT_H

#include "analysis/table/sheet.h"

typedef struct an_table {
    const char *name;  /* of the view; "" for columns asked for */
    const char *title; /* "" for none */
    an_sheet sheet;
} an_table;

/* table_index counts the tables of one output from 0. */
cg_status an_print_text(an_database *database, const an_table *table, uint32_t width,
                        uint32_t table_index, FILE *out, cg_error *error);
cg_status an_print_markdown(an_database *database, const an_table *table, uint32_t table_index,
                            FILE *out, cg_error *error);
void an_print_csv(const an_database *database, const an_table *table, uint32_t table_index,
                  FILE *out);
void an_print_json(const an_database *database, const an_table *tables, uint32_t table_count,
                   FILE *out);

#endif
