/* Inside fault_search_test.c alone: mistakes, and a seed of scenarios/faults/search.lua that finds each. To
 * record again: cortigrid fuzz scenarios/faults/search.lua --seeds 1..1000 --all --no-shrink --bug NAME */
{CG_BUG_ACK_BEFORE_DURABLE, 7, false}, {CG_BUG_STALE_PRIMARY_ACKS, 1, false},
    {CG_BUG_REPLAY_OUT_OF_ORDER, 22, false}, {CG_BUG_EDGE_REDELIVERY, 18, false},
    {CG_BUG_EDGE_LAST_WRITER, 2, false}, {CG_BUG_TOMBSTONE_EARLY, 1, false},
    {CG_BUG_VECTOR_NOT_MERGED, 1, false}, {CG_BUG_RETRY_WITHOUT_BOUND, 80, false},
    {CG_BUG_CHECKSUM_IGNORED, 13, false}, {CG_BUG_DUPLICATES_FORGOTTEN, 39, false},
    {CG_BUG_LEVEL_BY_INSERTION, 1, false}, {CG_BUG_REFRACTORY_WALL_CLOCK, 21, true},
    {CG_BUG_VOTE_WITHOUT_LOG, 6, false}, {CG_BUG_UNION_DROPS, 1, false},
