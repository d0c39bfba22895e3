local t = {}
for k, v in pairs({ b = 1, a = 2, [3] = true }) do t[#t + 1] = string.format("%s=%s", k, tostring(v)) end
pcall(function() while true do end end)
return { name = table.concat(t, "_"):lower():gsub("[^a-z]", ""), point = function(f) return f end }
