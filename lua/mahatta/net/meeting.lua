-- SPDX-License-Identifier: 0BSD
-- How two stations find each other in a folder. Whoever finds nobody there
-- leaves "ID.waits"; whoever finds that claims it by renaming it to
-- "ID-OWN.meet" (only one can) and begins the session.

local lfs = require "lfs"
local exchange = require "mahatta.net.exchange"

local meeting = {}

local LEFT_S = 24 * 60 * 60 -- what is older was left by a session that broke

-- Those that wait here, but for ourselves; the first by name.
local function waiting(dir, id)
  local ids = {}
  for _, name in ipairs(exchange.names(dir)) do
    local other = name:match("^(%x+)%.waits$")
    if other and #other == 16 and other ~= id then ids[#ids + 1] = other end
  end
  table.sort(ids)
  return ids
end

-- The one that has claimed us.
local function claimed(dir, id)
  for _, name in ipairs(exchange.names(dir)) do
    local other = name:match("^" .. id .. "%-(%x+)%.meet$")
    if other and #other == 16 then return other end
  end
end

-- Claim one that waits; the pair's name.
local function claim(dir, id)
  for _, other in ipairs(waiting(dir, id)) do
    local pair = other .. "-" .. id
    if os.rename(dir .. "/" .. other .. ".waits",
        dir .. "/" .. pair .. ".meet") then
      return pair
    end
  end
end

-- One look around: the pair's name, and whether we began it; nil when nobody
-- is there yet, nil, nil, message when we can't wait there. Of two that wait
-- at the same time, the later name claims the earlier.
function meeting.look(dir, id)
  local own = dir .. "/" .. id .. ".waits"
  local other = claimed(dir, id)
  if other then return id .. "-" .. other, false end
  local wait = exchange.is_file(own)
  if wait and (waiting(dir, id)[1] or id) < id then
    if not os.remove(own) then return nil end -- claimed this very moment
    wait = false
  end
  if not wait then
    local pair = claim(dir, id)
    if pair then return pair, true end
    lfs.mkdir(dir) -- somebody may just have been the last one out
    local ok, message = exchange.put(dir, id .. ".waits", "")
    if not ok then return nil, nil, message end
  end
end

-- Somebody else can't come any more.
function meeting.leave(dir, id) os.remove(dir .. "/" .. id .. ".waits") end

-- The pair is done with each other.
function meeting.over(dir, pair) os.remove(dir .. "/" .. pair .. ".meet") end

-- Take away what sessions that broke have left.
function meeting.sweep(dir)
  for _, name in ipairs(exchange.names(dir)) do
    local path = dir .. "/" .. name
    if exchange.is_file(path) and name:find("^%x+[.-]")
        and os.time() - lfs.attributes(path, "modification") > LEFT_S then
      os.remove(path)
    end
  end
end

return meeting
