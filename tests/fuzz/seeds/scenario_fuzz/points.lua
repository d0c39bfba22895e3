-- Q?
return { name = "m", factors = { { "n", { 1, "a", true } } }, repetitions = 2,
  point = function(f) return { cluster = { hosts = 4 }, faults = { { at = "1s", action = "partition", hosts = { 1 } }, { at = 2, action = "heal" } } } end,
  tables = { { name = "t", columns = { "a:b" } } } }
