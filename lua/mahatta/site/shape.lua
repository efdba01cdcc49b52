-- SPDX-License-Identifier: 0BSD
-- Records as pages show them: the words in the reader's language, sizes, days
-- and names for eyes.

local extract = require "mahatta.extract"
local mahatta = require "mahatta"
local markup = require "mahatta.site.markup"
local url = require "mahatta.site.url"

local shape = {}

-- Which of a text's languages: the reader's, else one that more readers of
-- these countries have.
local ORDER = { "ar", "ckb", "ku", "kmr", "en" }

-- Records tell Kurmanji by either of its two tags.
local SAME = { ku = "kmr", kmr = "ku" }

-- The text and its language: of a string the record's, of a map the best.
function shape.in_language(value, lang, own)
  if type(value) == "string" then return value, own end
  if type(value) ~= "table" then return nil end
  for _, code in ipairs({ lang, SAME[lang] }) do
    if type(value[code]) == "string" then return value[code], code end
  end
  for _, code in ipairs(ORDER) do
    if type(value[code]) == "string" then return value[code], code end
  end
  local codes = {}
  for code, text in pairs(value) do
    if type(code) == "string" and type(text) == "string" then
      codes[#codes + 1] = code
    end
  end
  table.sort(codes)
  return value[codes[1]], codes[1]
end

-- nil when it has none.
function shape.title(record, lang)
  local title, code = shape.in_language(record.title, lang, record.lang)
  if title and title:find("%S") then return title, code end
end

function shape.text(record, lang)
  local text, code = shape.in_language(record.text, lang, record.lang)
  if text and text:find("%S") then return text, code end
end

-- A number, size or day of our own making, as markup: among Arabic letters it
-- would fall apart without its own direction.
local FIGURE = markup.template([[<bdi dir="ltr">{text:plain}</bdi>]])
local NO_WORDS = { say = {} }
function shape.say(s) return FIGURE(NO_WORDS, { text = s }) end

function shape.day(time) return os.date("!%Y-%m-%d", time) end
function shape.minute(time) return os.date("!%Y-%m-%d %H:%M", time) end
function shape.stamp(time) return os.date("!%Y-%m-%dT%H:%M:%SZ", time) end

local UNITS = { "B", "kB", "MB", "GB", "TB" }
function shape.size(bytes)
  local n, unit = bytes, 1
  while n >= 1000 and unit < #UNITS do
    n, unit = n / 1000, unit + 1
  end
  return (unit == 1 or n >= 100) and ("%.0f %s"):format(n, UNITS[unit])
    or ("%.1f %s"):format(n, UNITS[unit])
end

function shape.number(n)
  local s = ("%d"):format(n)
  return (s:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
end

local DID = #"did:key:z6Mk" + 44

-- Has this text the form of an author's name?
function shape.is_author(text)
  return #text == DID and text:find("^did:key:z6Mk%w+$") ~= nil
end

-- Enough of a station's key to tell it from others at a glance.
function shape.author(did)
  return did:gsub("^did:key:", ""):sub(1, 6) .. "…" .. did:sub(-6)
end

local LICENSES = {
  ["CC0-1.0"] = "https://creativecommons.org/publicdomain/zero/1.0/",
  ["CC-BY-4.0"] = "https://creativecommons.org/licenses/by/4.0/",
  ["CC-BY-SA-4.0"] = "https://creativecommons.org/licenses/by-sa/4.0/",
  ["ODC-By-1.0"] = "https://opendatacommons.org/licenses/by/1-0/",
  ["ODbL-1.0"] = "https://opendatacommons.org/licenses/odbl/1-0/",
  ["PDDL-1.0"] = "https://opendatacommons.org/licenses/pddl/1-0/",
  ["GFDL-1.3-or-later"] = "https://www.gnu.org/licenses/fdl-1.3.html",
  ["MIT"] = "https://opensource.org/license/mit",
  ["0BSD"] = "https://opensource.org/license/0bsd",
}
-- Where the licence can be read, for those that we know.
function shape.license_link(id) return LICENSES[id] end

-- The ones that are offered for publishing: all of them open.
shape.OPEN = { "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "ODC-By-1.0",
  "ODbL-1.0", "PDDL-1.0" }

-- A sha256 of a record's file in hex; nil without.
local function hex(bytes)
  return bytes and #tostring(bytes) == 32 and tostring(bytes)
    :gsub(".", function (c) return ("%02x"):format(c:byte()) end) or nil
end

local function is_table(file)
  local ending = file.name:lower():match("%.(%w+)$")
  return file.type == "text/csv" or file.type == "text/tab-separated-values"
    or ending == "csv" or ending == "tsv"
end

-- What a file is said to be, when that is a media type at all.
local function media_type(said)
  return type(said) == "string" and said:match("^[%w!#$&^_.+-]+/[%w!#$&^_.+-]+")
    or "application/octet-stream"
end

-- Files of a record: name, type, size, cid, hash, number, and whether it is a
-- table.
function shape.files(record)
  local out = {}
  for i, file in ipairs(type(record.files) == "table" and record.files or {})
  do
    local name = type(file.name) == "string" and file.name or "file"
    local one = { number = i, name = name,
      type = media_type(file.type),
      size = math.type(file.size) == "integer" and file.size or 0,
      cid = tostring(file.data), sha256 = hex(file.sha256) }
    one.table = is_table(one)
    out[i] = one
  end
  return out
end

-- At most about `max` bytes of whole characters, with "…" where it was cut.
function shape.short(s, max)
  return #s <= max and s or extract.cut(s, max) .. "…"
end

-- Foreign addresses that may be links: plain http(s), nothing hidden in them.
function shape.link(s)
  return type(s) == "string" and #s <= 2048 and utf8.len(s)
    and s:find("^https?://[%w%-.:%[%]]+[/?#]?") and not s:find("[%c%s\"'<>\\@]")
    and mahatta.display(s, true) == s and s or nil
end

-- The cursor of a station's page() in an address; nil for any other text.
function shape.page_cursor(query)
  local after = query.after
  return after and #after == 32 and not after:find("[^0-9a-f]") and after
    or nil
end

-- Where things are on this site. Ids and languages are letters and digits.
function shape.record_path(lang, id)
  return "/" .. lang .. "/r/" .. url.encode(id)
end
-- A collection's name is a path of its own, where it can be one.
local function path_below(name)
  local path = url.path(table.unpack(url.split(name)))
  local parts = url.parts(path)
  return parts and table.concat(parts, "/") == name and path
    or url.path(name)
end

-- The same names come again and again on every page.
local paths, count = {}, 0
function shape.collection_path(lang, name)
  if not paths[name] then
    if count == 1000 then paths, count = {}, 0 end
    paths[name], count = path_below(name), count + 1
  end
  return "/" .. lang .. "/c" .. paths[name]
end
function shape.author_path(lang, did)
  return "/" .. lang .. "/by/" .. url.encode(did)
end

return shape
