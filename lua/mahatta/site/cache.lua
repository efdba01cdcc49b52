-- SPDX-License-Identifier: 0BSD
-- Pages that were made already. Every reader gets the same bytes, so a page
-- holds until something is written to the station; and for some minutes at
-- most, as its foot says since when it holds. Bounded in bytes: there is a
-- younger and an older half. What is asked again moves to the younger one;
-- when that is full it becomes the older, and what nobody asked for goes.

local cache = { BYTES = 6 * 1024 * 1024, PAGE = 64 * 1024, SECONDS = 300 }

local Cache = {}
Cache.__index = Cache

function cache.new()
  return setmetatable({ young = {}, old = {}, bytes = 0 }, Cache)
end

-- Forget all when the state that they were made of has passed.
function Cache:as_of(state)
  if state ~= self.state then
    self.state, self.young, self.old, self.bytes = state, {}, {}, 0
  end
end

local function keep(self, key, page)
  if self.bytes + page.bytes > cache.BYTES // 2 then
    self.old, self.young, self.bytes = self.young, {}, 0
  end
  self.young[key], self.bytes = page, self.bytes + page.bytes
end

local function copy(headers)
  local own = {}
  for name, value in pairs(headers) do own[name] = value end
  return own
end

-- The headers' table is the caller's own each time.
function Cache:get(key, now)
  local page = self.young[key]
  if not page then
    page = self.old[key]
    if not page then return nil end
    self.old[key] = nil
    keep(self, key, page)
  end
  if now < page.since or now >= page.since + cache.SECONDS then
    return nil
  end
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
  local before = self.young[key]
  self.bytes = self.bytes - (before and before.bytes or 0)
  keep(self, key, { headers = copy(response.headers), body = body,
    since = now, bytes = #body + #key + ENTRY })
end

return cache
