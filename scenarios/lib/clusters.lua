-- The default cluster for a size of graph, as the claims are stated: one host of 16 cores up to 10M nodes, 4 hosts at
-- 100M, 16 at 1B, and 128 hosts of 32 cores at 10B; 50 us one way and 10 Gb/s everywhere. That a fact is acknowledged
-- at its primary and has one copy beside it is the engine's default.
local clusters = {}

local sizes = {
  { nodes = 10e6, hosts = 1, cores = 16 },
  { nodes = 100e6, hosts = 4, cores = 16 },
  { nodes = 1e9, hosts = 16, cores = 16 },
  { nodes = 10e9, hosts = 128, cores = 32 },
}

local multiples = { [""] = 1, K = 1e3, M = 1e6, G = 1e9, B = 1e9 }

local wordnet = 117659 -- concepts in all of WordNet

-- Sizes of graphs are texts ("10K", "1B", "all") or numbers.
local function count(nodes)
  if nodes == "all" then
    return wordnet
  elseif type(nodes) == "number" then
    return nodes
  end
  local digits, unit = string.match(tostring(nodes), "^(%d+%.?%d*) ?([KMGB]?)$")
  if not digits then
    error(string.format("%q is no number of nodes; right are numbers, texts like \"10K\", \"1M\", \"1B\", and \"all\"",
                        tostring(nodes)))
  end
  return tonumber(digits) * multiples[unit]
end

local function cluster(hosts, cores)
  return { hosts = hosts, cores = cores, memory = "64GiB",
           network = { latency = "50us", jitter = "5us", bandwidth = "10Gbps" } }
end

-- A cluster of `hosts` hosts of 16 cores.
function clusters.of(hosts)
  return cluster(hosts, 16)
end

-- The cluster that holds a graph of `nodes` nodes.
function clusters.for_nodes(nodes)
  for i = 1, #sizes do
    local size = sizes[i]
    if count(nodes) <= size.nodes then
      return cluster(size.hosts, size.cores)
    end
  end
  error("no default cluster holds " .. nodes .. " nodes; the largest is for 10 billion")
end

return clusters
