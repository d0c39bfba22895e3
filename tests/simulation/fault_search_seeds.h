/* Inside fault_search_test.c alone: mistakes, a seed of scenarios/faults/search.lua that finds each, and how
 * many of the seeds 1..1000 do. To record again: cortigrid fuzz scenarios/faults/search.lua --seeds 1..1000
 * --all --no-shrink --bug NAME, and --twice for those that break no promise. */
{CG_BUG_ACK_BEFORE_DURABLE, 30, 68, false}, {CG_BUG_STALE_PRIMARY_ACKS, 1, 50, false},
    {CG_BUG_REPLAY_OUT_OF_ORDER, 22, 1, false}, {CG_BUG_EDGE_REDELIVERY, 18, 151, false},
    {CG_BUG_EDGE_LAST_WRITER, 2, 335, false}, {CG_BUG_TOMBSTONE_EARLY, 1, 317, false},
    {CG_BUG_VECTOR_NOT_MERGED, 1, 536, false}, {CG_BUG_RETRY_WITHOUT_BOUND, 93, 15, false},
    {CG_BUG_CHECKSUM_IGNORED, 1, 44, false}, {CG_BUG_DUPLICATES_FORGOTTEN, 39, 24, false},
    {CG_BUG_LEVEL_BY_INSERTION, 1, 1000, false}, {CG_BUG_REFRACTORY_WALL_CLOCK, 55, 7, true},
    {CG_BUG_BACKOFF_UNSEEDED, 1, 1000, true}, {CG_BUG_VOTE_WITHOUT_LOG, 19, 8, false},
    {CG_BUG_UNION_DROPS, 1, 98, false}, {CG_BUG_APPEND_TWICE, 1, 179, false},
    {CG_BUG_AMNESIAC_VOTES, 848, 1, false}, {CG_BUG_UNION_TORN, 732, 1, false},
