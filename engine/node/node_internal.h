/* What the files that make up the node's state machine offer one another, over its state (node_state.h):
 *   node.c       dispatch of events, outputs, inspection
 *   node_life.c  options, parts, and their end
 *   spaces.c     memory spaces: their parts, which of them a partition is of, inspection
 *   admit.c      work items: who runs, who waits, who is shed; the end of an item's work
 *   gateway.c    requests of this host's clients: embed, forward, time out, answer
 *   gateway_check.c  ... and which of them are none
 *   primary.c    the way of a fact: decide, place, insert, log, answer when safe
 *   primary_decide.c  ... what it is, decided or remembered, and what it teaches
 *   primary_read.c  is it there? at the primary, or near
 *   place.c      where a fact goes: slot and memory tiers
 *   remove.c     the way back: wait until nobody uses the fact, log, remove
 *   recall.c     reading keys through the tiers: forecast, budget, prefetch
 *   associate.c  spreading activation: seeds, tiers, answer
 *   associate_reach.c  ... how far, by a forecast and its budget
 *   consolidation.c  at set times: stronger edges, by the log, and near-duplicates
 *   batches.c    a recall of many keys: batches on all cores, and from the store
 *   tune.c       once an interval: the monitor's alerts, and adaptation
 *   protocols.c  what protocols within the node send, and when they are woken
 *   membership.c who is there
 *   edges.c      edges that clients change at any host
 *   across.c     spreads that go over all hosts
 *   gather.c     searches of an index that is divided over hosts; gather_life.c, _answer.c, _message.c
 *   groups.c     partitions as this host holds them: their logs, primaries and replicas
 *   start.c      the first event of a life: what the journal says
 */
#ifndef CG_ENGINE_NODE_NODE_INTERNAL_H
#define CG_ENGINE_NODE_NODE_INTERNAL_H

#include "engine/base/bug.h"
#include "engine/base/bytes.h"
#include "engine/node/node_state.h"
#include "engine/node/node_timer.h"

/* --- node.c --- */
/* Adds a SEND of a message with payload_bytes of payload, to be written at *payload, then
 * sealed with cg_node_seal before the next output is added. `to` may be this host. */
cg_status cg_node_send(cg_node *node, cg_outputs *outputs, uint32_t to, size_t payload_bytes,
                       uint8_t **payload, cg_error *error);
void cg_node_seal(cg_node *node, cg_outputs *outputs, uint16_t type);
void cg_node_seal_of(cg_node *node, cg_outputs *outputs, uint16_t type, uint64_t owner);
/* For whoever watches. text: one sentence; copied. */
cg_status cg_node_alert(cg_outputs *outputs, cg_severity severity, const char *text,
                        cg_error *error);
/* The hybrid logical clock of the step. */
cg_hlc cg_node_tick(cg_node *node);
cg_status cg_node_set_timer(cg_outputs *outputs, uint64_t timer_id, uint64_t at_ns,
                            cg_error *error);
cg_status cg_node_reply(cg_node *node, cg_outputs *outputs, const cg_reply *reply,
                        cg_error *error);
/* The same with size_bytes of the answer's own, to be written at *bytes. */
cg_status cg_node_reply_with(cg_node *node, cg_outputs *outputs, const cg_reply *reply,
                             size_t size_bytes, uint8_t **bytes, cg_error *error);
/* To the client of this host: refused, for a reason that is in *error. */
cg_status cg_node_refuse(cg_node *node, const cg_event *event, cg_status reason,
                         cg_outputs *outputs, cg_error *error);
/* To the gateway, or straight to the client: CG_NODE_DIRECT. */
cg_status cg_node_answer(cg_node *node, const cg_reply *reply, uint32_t gateway,
                         uint64_t now_ns, cg_outputs *outputs, cg_error *error);
/* The key of a partition's row in the tiers: rows of the corpus are the same concept in every partition, a
 * partition's own rows are not. */
uint64_t cg_node_tier_key(const cg_node *node, uint32_t partition, uint32_t row);

/* --- spaces.c --- */
cg_status cg_spaces_check(const cg_node_options *options, cg_error *error);
cg_status cg_spaces_alloc(cg_node *node, cg_error *error);
void cg_spaces_free(cg_node *node);
uint64_t cg_spaces_bytes(const cg_node *node);
/* The number of the partition that a request is about, by its id or that of its target. */
uint32_t cg_node_partition_about(const cg_node *node, const cg_event *event,
                                 uint64_t request_id);
/* The partition as this host holds it; NULL when it has no voice in it. */
cg_holding *cg_node_holding(const cg_node *node, uint32_t partition);
/* Sums over all spaces. */
void cg_spaces_statistics(const cg_node *node, cg_pool_statistics *pools,
                          cg_decision_cache_statistics *cache);
cg_group_statistics cg_spaces_groups(const cg_node *node);
/* Log writes under way, of all spaces. */
uint32_t cg_spaces_writes(const cg_node *node);

/* --- admit.c --- */
/* A request of a client (type 0), or the payload of a message that asks for work; event->bytes is
 * it. Runs it in this step, lets it wait, or sheds it. */
cg_status cg_admit(cg_node *node, const cg_event *event, uint64_t work_id, uint16_t type,
                   uint32_t from, cg_outputs *outputs, cg_error *error);
/* The timer of an item, or a READ of its own: its work is paid, or a part of it, or it is to be
 * tried again. */
cg_status cg_admit_timer(cg_node *node, const cg_event *event, cg_outputs *outputs,
                         cg_error *error);
/* Another number of permits; whoever may run then runs in a step of his own. */
cg_status cg_admit_permits(cg_node *node, uint32_t permits, uint64_t now_ns,
                           cg_outputs *outputs, cg_error *error);
/* A timer of this kind for the item, due when the step is paid or delay_ns later. */
cg_status cg_item_timer(const cg_node *node, const cg_item *item, cg_timer_kind kind,
                        uint32_t part, uint64_t at_ns, cg_outputs *outputs, cg_error *error);
uint64_t cg_item_token(const cg_node *node, const cg_item *item, cg_timer_kind kind,
                       uint32_t part);
/* Pins a slot of the partition at home here until the item ends. */
cg_status cg_item_pin(cg_node *node, cg_item *item, uint64_t slot, cg_error *error);
/* A number for the item's wait, larger than all before it; and back. NULL: of an earlier use. */
uint64_t cg_item_ticket(cg_node *node, cg_item *item);
cg_item *cg_item_of_ticket(cg_node *node, uint64_t ticket);
/* A pending item is answered: its work ends with this step's. */
cg_status cg_item_settle(cg_node *node, cg_item *item, cg_error *error);
/* The partition that it is about, as this host holds it, or NULL. */
cg_holding *cg_item_holding(const cg_node *node, const cg_item *item);
void cg_items_free(cg_node *node);
uint64_t cg_items_bytes(const cg_node *node);

/* --- recall.c --- */
cg_status cg_recall_begin(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error);
/* All is paid: the forecast learns. */
void cg_recall_end(cg_node *node, const cg_item *item, uint64_t now_ns);
/* A record that was fetched ahead has come. */
cg_status cg_recall_arrived(cg_node *node, uint64_t key, cg_error *error);

/* --- batches.c --- */
/* Whether the recall is to be cut into batches; then they are under way and item->pending is
 * set. */
cg_status cg_batches_begin(cg_node *node, cg_item *item, uint64_t now_ns, bool *cut,
                           cg_outputs *outputs, cg_error *error);
/* A batch is to run; its work is paid; or the store has delivered it. */
cg_status cg_batches_step(cg_node *node, cg_item *item, cg_timer_kind kind, uint32_t part,
                          uint64_t now_ns, cg_outputs *outputs, cg_error *error);
/* Reads a key and what it leads to. is_paid: a READ has fetched the key itself. */
cg_status cg_recall_read(cg_node *node, cg_item *item, uint64_t key, bool is_paid,
                         cg_work *work, cg_error *error);
cg_status cg_recall_reply(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error);

/* --- place.c --- */
/* cues: found in the text, as far as it was decided anew. */
cg_status cg_place_plan(cg_holding *holding, const cg_message_allocate *message,
                        uint32_t target, uint32_t cues, cg_placement_plan *plan,
                        cg_error *error);
/* The fact that was just stored is in a memory tier, if its plan says so, and in the slower ones
 * behind it: evicted from the first, it is still at hand. */
cg_status cg_place_fill(cg_holding *holding, const cg_placement_plan *plan, uint32_t target,
                        cg_error *error);
/* Facts of one concept are read together: the slot of the one stored below it last. */
uint64_t cg_place_near(const cg_holding *holding, uint32_t target);

/* --- associate.c --- */
cg_status cg_associate(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error);
/* The answer to one that went over all hosts. */
cg_status cg_associate_answer(cg_node *node, const cg_item *item,
                              const cg_distributed_result *result, cg_error *error);
/* The modelled caches, with a region for each array that spreads touch. */
cg_status cg_associate_cpu(cg_node *node, cg_error *error);
/* Nothing runs: gives back what spreads hold beyond what they usually need. */
cg_status cg_associate_rest(cg_node *node, cg_error *error);

/* --- associate_reach.c --- */
/* How far a spread may go: hops, and edges beyond which no hop begins (0: no bound). */
typedef struct cg_reach {
    uint32_t hops;
    uint64_t edges_max;
    bool is_cut; /* fewer hops than were asked for */
} cg_reach;
/* From the seeds that the step has found. The item's recall has the forecast then. */
cg_reach cg_associate_reach(cg_node *node, cg_item *item);
/* What the spread has done, in at most hops_max hops: so the forecast's weights are of what is, and growth
 * alone is foreseen. Where it ended by itself, that its next hop did nothing is learned too. */
void cg_associate_learn(cg_node *node, cg_recall_state *recall, const cg_spread_result *result,
                        uint32_t hops_max, uint64_t store_reads);
/* Of a graph that no spread has gone through. */
void cg_associate_growth(cg_node *node);

/* --- consolidation.c --- */
/* The concepts of a spread were active together; the first one of an interval sets the timer. */
cg_status cg_consolidation_note(cg_space *space, const cg_spread_result *result,
                                uint64_t now_ns, cg_outputs *outputs, cg_error *error);
/* Whether the timer is that of a space's consolidation. */
bool cg_consolidation_timer(uint64_t id);
cg_status cg_consolidation_due(cg_node *node, const cg_event *event, cg_outputs *outputs,
                               cg_error *error);

/* --- remove.c --- */
cg_status cg_remove_begin(cg_node *node, cg_item *item, const cg_message_about *message,
                          uint64_t now_ns, cg_outputs *outputs, cg_error *error);
/* One try: at first, and after each conflict. */
cg_status cg_remove_again(cg_node *node, cg_item *item, uint64_t now_ns, cg_outputs *outputs,
                          cg_error *error);

/* --- tune.c --- */
/* The settings that rules move, with this node's first values and bounds. */
cg_adapt_options cg_tune_settings(const cg_node_options *options,
                                  cg_adapt_setting settings[CG_ADAPT_DEFAULT_SETTINGS]);
/* A request came: an interval begins, unless one runs. */
cg_status cg_tune_begin(cg_node *node, const cg_event *event, cg_outputs *outputs,
                        cg_error *error);
cg_status cg_tune_tick(cg_node *node, const cg_event *event, cg_outputs *outputs,
                       cg_error *error);
/* A client of this host is answered now: for the monitor. */
cg_status cg_tune_latency(cg_node *node, uint64_t began_ns, uint64_t now_ns, cg_error *error);

/* --- gateway.c --- */
/* Errors are the reply's status; the sentence stays in error. */
cg_status cg_gateway_check(const cg_node *node, const cg_event *event, cg_error *error);
/* At the door: what needs no reading of the request's bytes; then cg_admit. */
cg_status cg_gateway_request(cg_node *node, const cg_event *event, cg_outputs *outputs,
                             cg_error *error);
cg_status cg_gateway_allocate(cg_node *node, cg_item *item, cg_outputs *outputs,
                              cg_error *error);
cg_status cg_gateway_batch(cg_node *node, const cg_event *event, cg_outputs *outputs,
                           cg_error *error);
/* Requests about a fact that is there: removals and gets. */
cg_status cg_gateway_about(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error);
/* A text of the event as a fact: node->embedding holds it, the message borrows it. Errors:
 * CG_ERROR_INVALID, also where nothing speaks for any concept; CG_ERROR_MEMORY. */
cg_status cg_gateway_read(cg_node *node, const cg_event *event, const char *text,
                          size_t text_bytes, cg_message_allocate *message, cg_work *work,
                          cg_error *error);
/* Candidates for the item's fact have been gathered, message->candidates: it goes to its primary. */
cg_status cg_gateway_gathered(cg_node *node, const cg_item *item,
                              const cg_message_allocate *message, cg_outputs *outputs,
                              cg_error *error);
/* from: the host that the answer came from. */
cg_status cg_gateway_answer(cg_node *node, const cg_reply *reply, uint32_t from,
                            uint64_t now_ns, cg_outputs *outputs, cg_error *error);
/* Another host says that it is not the primary, and who is. */
cg_status cg_gateway_redirected(cg_node *node, const cg_message_redirect *message,
                                uint32_t from, uint64_t now_ns, cg_outputs *outputs,
                                cg_error *error);
cg_status cg_gateway_timer(cg_node *node, const cg_event *event, cg_outputs *outputs,
                           cg_error *error);

/* --- primary.c --- */
cg_status cg_primary_allocate(cg_holding *holding, const cg_message_allocate *message,
                              uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                              cg_error *error);
/* payload: an encoded batch message. */
cg_status cg_primary_batch(cg_holding *holding, const uint8_t *payload, size_t size_bytes,
                           uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                           cg_error *error);
/* Whether the request was decided before: then it was answered, or will be. */
bool cg_primary_decided(cg_holding *holding, uint64_t request_id, cg_request_kind kind,
                        uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                        cg_status *status, cg_error *error);
/* Turns a request down for good: however often it is sent again, it gets this answer. */
cg_status cg_primary_reject(cg_holding *holding, uint64_t request_id, cg_request_kind kind,
                            cg_status reason, uint32_t gateway, uint64_t now_ns,
                            cg_outputs *outputs, cg_error *error);
/* What the next record is to be answered with; kept with it (cg_primary_append). */
cg_status cg_primary_note(cg_holding *holding, const cg_reply *reply, uint32_t gateway,
                          cg_error *error);
/* Gives a record its id and clock, encodes it and applies it; the answer that was noted waits for it.
 * Errors as cg_partition_apply. */
cg_status cg_primary_append(cg_holding *holding, cg_log_record *record,
                            const cg_partition_wish *wish, cg_work *work, cg_error *error);
/* Answers every request whose record is safe. */
cg_status cg_primary_answer(cg_holding *holding, uint64_t safe_sequence, cg_error *error);
/* This host is not the primary any more: whoever waits for an answer asks the next one. */
void cg_primary_give_up(cg_holding *holding);
/* item->removal: what is asked for. */
cg_status cg_primary_get(cg_holding *holding, cg_item *item, cg_error *error);
/* False: it cannot be answered from what this host holds. */
bool cg_primary_get_near(cg_node *node, const cg_message_about *get, cg_reply *reply,
                         cg_work *work);
/* A read that was let wait may be answered, or not here. */
cg_status cg_primary_readable(cg_holding *holding, uint64_t ticket, bool is_good,
                              cg_error *error);

/* --- primary_decide.c --- */
/* Fills what a decision says of the reply, and *record with what was learned. */
cg_status cg_primary_judge(cg_holding *holding, const cg_message_allocate *message,
                           uint64_t now_ns, cg_reply *reply, cg_log_record *record,
                           cg_work *work, cg_error *error);
/* The fact of a new decision is stored: the same text will get the same reply, unless what is known has
 * changed. */
cg_status cg_primary_remember(cg_holding *holding, const cg_message_allocate *message,
                              uint64_t now_ns, const cg_reply *reply, cg_error *error);

/* --- protocols.c --- */
/* place: outlives the port. */
cg_port cg_protocol_port(cg_protocol_place *place);
cg_status cg_protocol_receive(cg_node *node, const cg_protocol_message *message,
                              cg_error *error);
cg_status cg_protocol_timer(cg_node *node, uint64_t id, cg_error *error);
/* Of each protocol: CG_ERROR_CORRUPT and CG_ERROR_VERSION refuse the message. */

/* --- membership.c --- */
cg_status cg_membership_alloc(cg_node *node, cg_error *error);
cg_status cg_membership_message(cg_node *node, const cg_protocol_message *message,
                                cg_error *error);
cg_status cg_membership_timer(cg_node *node, uint32_t number, cg_error *error);
bool cg_membership_reaches(const cg_node *node, uint32_t host);

/* --- edges.c --- */
/* Before the journal is replayed, and after. */
cg_status cg_edges_begin(cg_node *node, uint64_t disk_life, cg_error *error);
cg_status cg_edges_open(cg_node *node, cg_error *error);
cg_status cg_edges_replay(cg_node *node, const cg_frame *frame, cg_error *error);
void cg_edges_free(cg_space *space);
void cg_edge_writes_free(cg_node *node);
cg_status cg_edges_durable(cg_node *node, uint64_t token, cg_error *error);
cg_status cg_edges_check(const cg_node *node, const cg_event *event, cg_error *error);
cg_status cg_edges_change(cg_node *node, cg_item *item, cg_error *error);
cg_status cg_edges_message(cg_node *node, const cg_protocol_message *message, cg_error *error);
cg_status cg_edges_timer(cg_node *node, uint32_t space, uint32_t number, cg_error *error);

/* --- across.c --- */
cg_status cg_across_alloc(cg_space *space, cg_error *error);
/* From the seeds that the step has found. */
cg_status cg_across_start(cg_node *node, cg_item *item, cg_error *error);
cg_status cg_across_message(cg_node *node, const cg_protocol_message *message, cg_error *error);
cg_status cg_across_timer(cg_node *node, uint32_t space, uint32_t number, cg_error *error);

/* --- gather.c --- */
cg_status cg_gather_check(const cg_node_options *options, const cg_corpus *corpus,
                          cg_error *error);
cg_status cg_gather_alloc(cg_node *node, cg_error *error);
void cg_gather_free(cg_node *node);
uint64_t cg_gather_bytes(const cg_node *node);
/* A search of a client. */
cg_status cg_gather_search(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error);
/* Candidates for a fact that is to be allocated; then cg_gateway_gathered goes on. */
cg_status cg_gather_fact(cg_node *node, cg_item *item, const cg_message_allocate *message,
                         cg_error *error);
/* Whether candidates are to be gathered before a fact is decided: the index is divided. */
static inline bool cg_gather_is_wanted(const cg_node *node) {
    return node->options.gather.shards != NULL;
}
cg_status cg_gather_message(cg_node *node, const cg_protocol_message *message, cg_error *error);
cg_status cg_gather_timer(cg_node *node, uint32_t number, cg_error *error);

/* --- groups.c --- */
cg_status cg_holding_init(cg_holding *holding, const cg_pool_options *pools, cg_error *error);
void cg_holding_deinit(cg_holding *holding);
/* The log has grown by this host's own decisions. */
cg_status cg_holding_appended(cg_holding *holding, cg_error *error);
/* Whether it takes requests now. */
bool cg_holding_serves(const cg_holding *holding);
cg_status cg_groups_message(cg_node *node, const cg_protocol_message *message, cg_error *error);
cg_status cg_groups_timer(cg_node *node, uint32_t partition, uint32_t number, cg_error *error);
cg_status cg_groups_durable(cg_node *node, uint64_t token, cg_error *error);
/* Write tokens: whose write, and its own number. */
static inline uint64_t cg_write_token(uint32_t partition, uint64_t number) {
    return (uint64_t)partition << 48 | number;
}
/* Tells a gateway that this host is not the primary, and who is. */
cg_status cg_groups_redirect(const cg_holding *holding, uint64_t request_id, uint32_t gateway,
                             cg_error *error);
/* The primary of a partition as far as this host knows, and in which epoch. */
uint32_t cg_groups_primary(const cg_node *node, uint32_t partition, uint64_t *epoch);
cg_status cg_groups_learn(cg_node *node, uint32_t partition, uint64_t epoch, uint32_t primary,
                          cg_error *error);
/* --- start.c --- */
cg_status cg_start(cg_node *node, const cg_event *event, cg_error *error);
/* Begins all protocols, at a start or with the node. */
cg_status cg_start_protocols(cg_node *node, const cg_group_start *start, cg_error *error);

#endif
