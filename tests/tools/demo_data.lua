-- SPDX-License-Identifier: 0BSD
-- The demo's dataset: governorates of Iraq and countries, in English, Arabic
-- and both Kurdish languages, out of what the package iso-codes installs.

local json = require "dkjson"

local demo_data = {}

local JSON_DIR = "/usr/share/iso-codes/json/"
local MO = "/usr/share/locale/%s/LC_MESSAGES/iso_3166-1.mo"

-- iso-codes has no Arabic or Kurdish names of governorates; these are the
-- common ones: Arabic, Sorani (ckb), Kurmanji (kmr).
local GOVERNORATES = [[
IQ-AN|الأنبار|ئەنبار|Enbar
IQ-AR|أربيل|ھەولێر|Hewlêr
IQ-BA|البصرة|بەسرە|Besra
IQ-BB|بابل|بابل|Babîl
IQ-BG|بغداد|بەغدا|Bexda
IQ-DA|دهوك|دهۆک|Duhok
IQ-DI|ديالى|دیالە|Diyala
IQ-DQ|ذي قار|زیقار|Zîqar
IQ-KA|كربلاء|کەربەلا|Kerbela
IQ-KI|كركوك|کەرکووک|Kerkûk
IQ-MA|ميسان|مەیسان|Meysan
IQ-MU|المثنى|موسەننا|Musenna
IQ-NA|النجف|نەجەف|Necef
IQ-NI|نينوى|نەینەوا|Neynewa
IQ-QA|القادسية|قادسیە|Qadisiye
IQ-SD|صلاح الدين|سەلاحەدین|Selahedîn
IQ-SU|السليمانية|سلێمانی|Silêmanî
IQ-WA|واسط|واست|Wasit
]]

local function read(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read("a")
  if file then file:close() end
  return bytes
end

-- Translations in a GNU .mo file: msgid -> msgstr; empty when it is missing
-- or no .mo file.
local function read_mo(path)
  local s, found = read(path), {}
  local order = s and s:sub(1, 4) == "\xDE\x12\x04\x95" and "<"
    or s and s:sub(1, 4) == "\x95\x04\x12\xDE" and ">"
  if not order or #s < 20 then return found end
  local n, originals, translations = string.unpack(order .. "I4I4I4", s, 9)
  local function text(at)
    if at + 8 > #s then return nil end
    local length, offset = string.unpack(order .. "I4I4", s, at + 1)
    return s:sub(offset + 1, offset + length):match("^[^\0]*")
  end
  for i = 0, n - 1 do
    local id, translation = text(originals + 8 * i), text(translations + 8 * i)
    if id and translation and id ~= "" then found[id] = translation end
  end
  return found
end

local function cell(value)
  return '"' .. (value or ""):gsub('"', '""') .. '"'
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local function write_table(path, rows)
  local lines = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for k = 1, 5 do cells[k] = cell(row[k]) end
    lines[i] = table.concat(cells, ",")
  end
  write(path, table.concat(lines, "\n") .. "\n")
end

local HEADER = { "code", "en", "ar", "ckb", "kmr" }

local function governorates()
  local english, rows = {}, { HEADER }
  for _, part in ipairs(json.decode(read(JSON_DIR .. "iso_3166-2.json"))
      ["3166-2"]) do
    english[part.code] = part.name
  end
  for code, ar, ckb, kmr in
      GOVERNORATES:gmatch("(%S+)|([^|\n]*)|([^|\n]*)|([^|\n]*)\n") do
    rows[#rows + 1] = { code, english[code], ar, ckb, kmr }
  end
  return rows
end

local function countries()
  local rows = { HEADER }
  local ar, ckb, kmr = read_mo(MO:format("ar")), read_mo(MO:format("ckb")),
    read_mo(MO:format("kmr"))
  for _, country in ipairs(json.decode(read(JSON_DIR .. "iso_3166-1.json"))
      ["3166-1"]) do
    local name = country.name
    rows[#rows + 1] = { country.alpha_2, name, ar[name], ckb[name], kmr[name] }
  end
  return rows
end

local function fields()
  local list = {}
  for i, name in ipairs(HEADER) do
    list[i] = { name = name, type = "string" }
  end
  return list
end

local function resource(name)
  return { name = name, path = name .. ".csv", mediatype = "text/csv",
    schema = { fields = fields() } }
end

-- Is all there that the dataset is made from?
function demo_data.available()
  return read(JSON_DIR .. "iso_3166-2.json") ~= nil
end

-- Write it as a Frictionless data package into the folder `dir`, which is
-- there. Returns the numbers of governorates and countries.
function demo_data.write(dir)
  local places, nations = governorates(), countries()
  write_table(dir .. "/governorates.csv", places)
  write_table(dir .. "/countries.csv", nations)
  write(dir .. "/datapackage.json", json.encode({
    name = "places-of-iraq",
    title = "Governorates of Iraq and countries, in four languages",
    description = "Codes of ISO 3166 with names in English, Arabic (ar), "
      .. "Sorani (ckb) and Kurmanji (kmr). محافظات العراق وأسماء الدول. "
      .. "پارێزگاکانی عێراق.",
    licenses = { { name = "LGPL-2.1-or-later" } },
    sources = { { title = "iso-codes", path =
      "https://salsa.debian.org/iso-codes-team/iso-codes" } },
    keywords = { "iraq", "governorates", "countries" },
    resources = { resource("governorates"), resource("countries") },
  }, { indent = true, keyorder = { "name", "title", "description",
    "keywords", "licenses", "sources", "resources" } }) .. "\n")
  return #places - 1, #nations - 1
end

return demo_data
