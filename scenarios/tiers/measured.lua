-- How many reads does a memory tier serve, under each replacement policy, where keys are as popular as in five caches in
-- production?
--
-- The popularity is CacheLib's (facebook/CacheLib, cachelib/cachebench/test_configs/hit_ratio, Apache-2.0), which is not
-- part of this repository: put each pop.json as data/cachelib/NAME_pop.json where you start the run. A million keys
-- stand for the caches' tens of millions; tiers hold a thousandth, a hundredth and a tenth of them.
return {
  name = "measured",
  factors = {
    { "cache", { "cdn", "kvcache_reg", "graph_cache_leader_assocs", "graph_cache_leader_fbobj",
                 "graph_cache_follower_fbobj" } },
    { "capacity", { 1000, "10K", "100K" } },
    { "policy", { "lru", "lfu", "arc", "tinylfu", "s3fifo", "belady" } },
  },

  point = function(factor)
    return {
      graph = { source = "keys", nodes = "1M" },
      engine = {
        forecast = false,
        interval = 0,
        tiers = { levels = 2, l1 = factor.capacity, policy = { l1 = factor.policy } },
      },
      load = { requests = "200K", rate = "10K", recall = 1, popularity = "file",
               popularity_file = "data/cachelib/" .. factor.cache .. "_pop.json" },
      cluster = { disk = { access = "1us" } },
      series = "10s",
    }
  end,

  tables = {
    { name = "hits", title = "Reads that the tier served", columns = { "tier.l1:share" } },
  },

  plots = {
    { name = "cdn", title = "Reads served by a tier, popularity of a CDN's keys", x = "capacity", y = "tier.l1:share",
      series = "policy", log = "x", where = { cache = "cdn" } },
    { name = "kvcache", title = "Reads served by a tier, popularity of a key-value cache's keys", x = "capacity",
      y = "tier.l1:share", series = "policy", log = "x", where = { cache = "kvcache_reg" } },
  },
}
