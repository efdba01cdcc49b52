-- SPDX-License-Identifier: 0BSD
-- What the benches in Lua share: shell, clock, memory, table rows.
local common = {}

function common.lines_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("a")
  return text, pipe:close()
end

-- What ${command} says, without white space at its end; raises when it fails.
function common.output(command)
  local text, ok = common.lines_of(command)
  assert(ok, "failed: " .. command)
  return (text:gsub("%s+$", ""))
end

function common.now()
  return tonumber(common.output("date +%s.%N"))
end

function common.seconds(work)
  local from = common.now()
  work()
  return common.now() - from
end

-- Peak memory of this process, in MB.
function common.peak_mb()
  for line in io.lines("/proc/self/status") do
    local kb = line:match("^VmHWM:%s+(%d+)")
    if kb then return tonumber(kb) / 1024 end
  end
end

-- A whole number from the environment.
function common.setting(name, otherwise)
  return math.tointeger(tonumber(os.getenv(name) or otherwise))
end

function common.commas(n)
  local s = ("%.0f"):format(n)
  return (s:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
end

function common.mb(bytes) return ("%.1f MB"):format(bytes / 1e6) end

function common.row(...)
  print("| " .. table.concat({ ... }, " | ") .. " |")
  io.stdout:flush()
end

function common.count_lines(path)
  local n = 0
  local file = io.open(path)
  if file then
    for _ in file:lines() do n = n + 1 end
    file:close()
  end
  return n
end

-- The lines of a file after the first ${skip}; none where there is no file.
function common.lines_after(path, skip)
  local file = io.open(path)
  if not file then return function () end end
  for _ = 1, skip do file:read("l") end
  return function ()
    local line = file:read("l")
    if not line then file:close() end
    return line
  end
end

return common
