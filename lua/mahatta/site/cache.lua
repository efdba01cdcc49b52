-- SPDX-License-Identifier: 0BSD
-- Pages that were made already. Every reader gets the same bytes, so a page
-- holds until something is written to the station; and for some minutes at
-- most, as its foot says since when it holds. Bounded in bytes: what was asked
-- for the longest ago goes first.

local cache = { BYTES = 4 * 1024 * 1024, PAGE = 64 * 1024, SECONDS = 300 }

local Cache = {}
Cache.__index = Cache

-- The pages stand in a ring: ${ring.after} was asked for last, ${ring.before}
-- the longest ago.
local function clear(self)
  local ring = {}
  ring.before, ring.after = ring, ring
  self.ring, self.pages, self.bytes = ring, {}, 0
end

function cache.new()
  local self = setmetatable({}, Cache)
  clear(self)
  return self
end

-- Forget all when the state that they were made of has passed.
function Cache:as_of(state)
  if state ~= self.state then
    self.state = state
    clear(self)
  end
end

local function take_out(page)
  page.before.after, page.after.before = page.after, page.before
end

local function put_first(self, page)
  local ring = self.ring
  page.before, page.after = ring, ring.after
  ring.after.before, ring.after = page, page
end

local function drop(self, page)
  take_out(page)
  self.pages[page.key], self.bytes = nil, self.bytes - page.bytes
end

local function copy(headers)
  local own = {}
  for name, value in pairs(headers) do own[name] = value end
  return own
end

-- The headers' table is the caller's own each time.
function Cache:get(key, now)
  local page = self.pages[key]
  if not page then return nil end
  if now < page.since or now >= page.since + cache.SECONDS then
    drop(self, page)
    return nil
  end
  take_out(page)
  put_first(self, page)
  return { status = 200, headers = copy(page.headers), body = page.body }
end

local ENTRY = 1500 -- bytes that a page's tables and headers take, roughly

-- Keep what is whole and small: streams and faults are not.
function Cache:put(key, response, now)
  local body = response.body
  if response.status ~= 200 or type(body) ~= "string"
      or #body > cache.PAGE then
    return
  end
  if self.pages[key] then drop(self, self.pages[key]) end
  local page = { key = key, headers = copy(response.headers), body = body,
    since = now, bytes = #body + #key + ENTRY }
  put_first(self, page)
  self.pages[key], self.bytes = page, self.bytes + page.bytes
  while self.bytes > cache.BYTES do drop(self, self.ring.before) end
end

return cache
