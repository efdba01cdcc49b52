-- SPDX-License-Identifier: 0BSD
-- What the harnesses share that put bugs into copies of the source: each bug
-- has to be noticed.

local planting = {}

-- What the Makefile tells: env.COMPILE and its like.
planting.env = setmetatable({}, { __index = function (_, name)
  return assert(os.getenv(name), name .. " is not set")
end })

-- A shell command put together as by string.format; true when it went well.
function planting.run(...)
  return os.execute(string.format(...))
end

function planting.read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- A copy of the file ${path} at ${copy}, with ${from}, which stands in it once,
-- replaced by ${to}.
function planting.plant(path, copy, from, to)
  local text = planting.read(path)
  local first, last = text:find(from, 1, true)
  assert(first, path .. " has no more: " .. from)
  assert(not text:find(from, last + 1, true), path .. " has twice: " .. from)
  local file <close> = assert(io.open(copy, "w"))
  assert(file:write(text:sub(1, first - 1), to, text:sub(last + 1)))
end

-- Try the bugs that are ${asked} for, or all of ${plants}, by their names:
-- ${noticed} (name, plant) says of each whether it was. Ends the program.
function planting.try(plants, asked, noticed)
  if #asked == 0 then
    for name in pairs(plants) do asked[#asked + 1] = name end
    table.sort(asked)
  end
  local failed = 0
  for _, name in ipairs(asked) do
    local plant = assert(plants[name], name .. " is no plant")
    failed = failed + (noticed(name, plant) and 0 or 1)
  end
  print(("%d passed, %d failed"):format(#asked - failed, failed))
  os.exit(failed == 0)
end

return planting
