-- SPDX-License-Identifier: 0BSD
-- Pages that were made already. Every reader gets the same bytes, so a page
-- holds until something is written to the station, or the minute that it
-- shows is over. Bounded in bytes; when it is full it begins anew.

local cache = { BYTES = 4 * 1024 * 1024, PAGE = 64 * 1024 }

local Cache = {}
Cache.__index = Cache

function cache.new()
  return setmetatable({ pages = {}, bytes = 0 }, Cache)
end

-- Forget all when the state that they were made of has passed.
function Cache:as_of(state)
  if state ~= self.state then
    self.state, self.pages, self.bytes = state, {}, 0
  end
end

-- The headers' table is the caller's own each time.
function Cache:get(key)
  local page = self.pages[key]
  if not page then return nil end
  local headers = {}
  for name, value in pairs(page.headers) do headers[name] = value end
  return { status = page.status, headers = headers, body = page.body }
end

-- Keep what is whole and small: streams and faults are not.
function Cache:put(key, response)
  local body = response.body
  if response.status ~= 200 or type(body) ~= "string"
      or #body > cache.PAGE then
    return
  end
  if self.bytes + #body + #key > cache.BYTES then
    self.pages, self.bytes = {}, 0
  end
  local headers = {}
  for name, value in pairs(response.headers) do headers[name] = value end
  self.pages[key] = { status = 200, headers = headers, body = body }
  self.bytes = self.bytes + #body + #key
end

return cache
