-- SPDX-License-Identifier: 0BSD
-- Addresses: taken apart as they came over the wire, and put together.

local url = {}

local function unescape(s)
  return (s:gsub("%%(%x%x)", function (hex)
    return string.char(tonumber(hex, 16))
  end))
end

-- Bytes that are no UTF-8 become U+FFFD: what comes is only looked for.
local function readable(s)
  if utf8.len(s) then return s end
  local out, at = {}, 1
  while at <= #s do
    local _, bad = utf8.len(s, at)
    out[#out + 1] = s:sub(at, bad and bad - 1 or #s)
    if not bad then break end
    out[#out + 1] = utf8.char(0xFFFD)
    at = bad + 1
  end
  return table.concat(out)
end

-- The parts of a path: "/ar/c/edu%2Fphysics" gives { "ar", "c",
-- "edu/physics" }. nil for what is no path of ours: one that does not begin
-- with "/", has empty or dot parts, a zero byte or a broken escape.
function url.parts(path)
  local parts = {}
  if path:sub(1, 1) ~= "/" or path:find("%%%X") or path:find("%%.?$")
      or path:find("%%%x%X") then
    return nil
  end
  for part in path:sub(2):gmatch("[^/]+") do
    part = unescape(part)
    if part == "." or part == ".." or part:find("%z")
        or not utf8.len(part) then
      return nil
    end
    parts[#parts + 1] = part
  end
  return not path:find("//", 1, true) and parts or nil
end

-- The values of a query by name; of a name that comes twice, the first.
function url.query(text)
  local values = {}
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name = unescape((name:gsub("+", " ")))
    if values[name] == nil then
      values[name] = readable(unescape((value:gsub("+", " "))))
    end
  end
  return values
end

-- One part of a path, or a value of a query.
function url.encode(s)
  if not s:find("[^%w%-._~]") then return s end
  return (s:gsub("[^%w%-._~]", function (c)
    return ("%%%02X"):format(c:byte())
  end))
end

-- A path from its parts.
function url.path(...)
  local path = ""
  for i = 1, select("#", ...) do
    path = path .. "/" .. url.encode(tostring((select(i, ...))))
  end
  return path ~= "" and path or "/"
end

-- "a/b" as { "a", "b" }.
function url.split(s)
  local parts = {}
  for part in (s .. "/"):gmatch("([^/]*)/") do parts[#parts + 1] = part end
  return parts
end

-- "?a=b&c=d" of the values that are there, by name; "" of none.
function url.search(values)
  local names, out = {}, {}
  for name, value in pairs(values) do
    if value ~= "" then names[#names + 1] = name end
  end
  table.sort(names)
  for i, name in ipairs(names) do
    out[i] = url.encode(name) .. "=" .. url.encode(tostring(values[name]))
  end
  return #out > 0 and "?" .. table.concat(out, "&") or ""
end

return url
