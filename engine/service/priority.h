/* How urgent a request is (spec B4). */
#ifndef CG_ENGINE_SERVICE_PRIORITY_H
#define CG_ENGINE_SERVICE_PRIORITY_H

typedef enum cg_priority {
    CG_PRIORITY_LOW,
    CG_PRIORITY_NORMAL,
    CG_PRIORITY_HIGH,
    CG_PRIORITY_URGENT,
    CG_PRIORITY_COUNT
} cg_priority;

/* "low"; NULL for a number that is no priority. Static storage. */
const char *cg_priority_name(cg_priority priority);

#endif
