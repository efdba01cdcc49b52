-- SPDX-License-Identifier: 0BSD
-- The languages of the site, and which one a reader gets.

local words = { CODES = { "ar", "ckb", "ku", "en" } }

for _, code in ipairs(words.CODES) do
  words[code] = require("mahatta.site.words_" .. code)
end

local IS_CODE = {}
for _, code in ipairs(words.CODES) do IS_CODE[code] = true end

-- Tags of browsers -> ours. Kurdish without more is Kurmanji in BCP 47's
-- habit; written in Arabic letters, or in Iraq or Iran, it is Sorani.
local ALIASES = { kmr = "ku", ["ku-arab"] = "ckb", ["ku-iq"] = "ckb",
  ["ku-ir"] = "ckb" }

local function ours(tag)
  tag = tag:lower()
  local main = tag:match("^%a+") or ""
  local code = ALIASES[tag] or ALIASES[main] or main
  return IS_CODE[code] and code or nil
end

-- The language that an address begins with; nil for other parts.
function words.of_path(part) return part and IS_CODE[part] and part or nil end

-- What a language that the site speaks calls itself; nil for others.
function words.name_of(tag)
  local code = ours(tag)
  return code and words[code].say.own_name
end

-- Of an Accept-Language header, the first with the greatest weight that the
-- site has; Arabic when there is none.
function words.preferred(header, asked)
  if asked and ours(asked) then return ours(asked) end
  local best, weight = "ar", 0
  for tag, rest in (header or ""):sub(1, 500):gmatch("([%a-]+)([^,]*)") do
    local code = ours(tag)
    local q = tonumber(rest:match("q=([%d.]+)") or "1") or 0
    if code and q > weight then best, weight = code, q end
  end
  return best
end

return words
