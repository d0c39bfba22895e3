/* A Lua state that a scenario cannot get out of.
 *
 * It has tables, text and arithmetic, and nothing else: no files, processes, clock, randomness,
 * coroutines, metatables, compiled code or garbage collector. Its memory is limited by the
 * allocator, and its instructions by a budget whose error sticks: once it is spent, every
 * further instruction raises it again, so pcall cannot swallow it. Two things a budget cannot
 * bound, because they run inside one C function: string patterns and copying of long strings.
 * Whoever opens a sandbox bounds the process's CPU time.
 *
 * What would differ between processes is made equal: pairs goes up by key, and no address can
 * be printed. A global that does not exist is an error, and so is assigning one.
 *
 * Anything that may raise a Lua error (nearly every call of the Lua API, for want of memory)
 * must run inside sim_sandbox_call.
 */
#ifndef SIM_SCENARIO_SANDBOX_H
#define SIM_SCENARIO_SANDBOX_H

#include <lua.h>

#include "engine/base/status.h"

typedef struct sim_sandbox_limits {
    uint64_t memory_bytes;
    uint64_t instructions; /* rounded up to the next 1,000 */
} sim_sandbox_limits;

typedef struct sim_sandbox sim_sandbox;

/* `file` names the script in messages; `library` is the folder of modules, NULL for none. Both
 * are copied. */
cg_status sim_sandbox_open(const char *file, const char *library,
                           const sim_sandbox_limits *limits, sim_sandbox **out,
                           cg_error *error);
void sim_sandbox_close(sim_sandbox *sandbox); /* NULL is fine */

lua_State *sim_sandbox_lua(sim_sandbox *sandbox);

/* Compiles and runs source text; its one result is left on the stack. Errors name file and
 * line. */
cg_status sim_sandbox_run(sim_sandbox *sandbox, const char *source, size_t size_bytes,
                          cg_error *error);

/* Calls the function under `arguments` values, in protected mode. On failure the stack is as it
 * was without function and arguments. */
cg_status sim_sandbox_call(sim_sandbox *sandbox, int arguments, int results, cg_error *error);

/* A new budget of instructions. A spent one stays spent. */
void sim_sandbox_refill(sim_sandbox *sandbox, uint64_t instructions);

/* Hash of the modules loaded so far, names and texts in the order of loading. */
uint64_t sim_sandbox_module_hash(const sim_sandbox *sandbox);

#endif
