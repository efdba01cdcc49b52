-- SPDX-License-Identifier: 0BSD
-- What a file says of itself: title, first words, language. Bounded: a
-- record holds 64 KiB, so text is cut at 40 KiB, and no more than 2 MiB of a
-- file are looked at.

local encoding = require "mahatta.encoding"
local html = require "mahatta.html"
local has_json, json = pcall(require, "dkjson") -- without it JSON has no title

local extract = { TEXT_MAX = 40 * 1024, TITLE_MAX = 300 }
local READ_MAX = 2 * 1024 * 1024

-- At most `max` bytes of valid UTF-8, whole characters.
function extract.cut(s, max)
  if #s <= max then return s end
  local at = max
  while at > 0 and (s:byte(at + 1) & 0xC0) == 0x80 do at = at - 1 end
  return s:sub(1, at)
end

-- Without what ${class} matches at both ends. The end is looked for from
-- behind: "class+$" would try at every place of a long line.
local function stripped(s, class)
  return s:gsub("^[" .. class .. "]+", ""):match("^.*[^" .. class .. "]") or ""
end

local function first_line(s)
  for line in s:gmatch("[^\r\n]+") do
    line = stripped(line, "%s")
    if line ~= "" then return line end
  end
end

local function from_html(s)
  local page = html.read(s, extract.TEXT_MAX)
  local title = page.title ~= "" and page.title or page.heading
  local lang = page.lang and page.lang:match("^%a%a%a?$")
    or page.lang and page.lang:match("^%a%a%a?%-[%w%-]+$")
  return { title = title, text = page.text, lang = lang }
end

local function from_markdown(s)
  local body = s:gsub("^%-%-%-\r?\n.-\n%-%-%-\r?\n", "")
  local front = s:match("^%-%-%-\r?\n(.-\n)%-%-%-\r?\n") or ""
  local title = front:match("title:%s*([^\r\n]+)")
    or ("\n" .. body):match("\n#%s+([^\r\n]+)") or first_line(body)
  title = title and stripped(title, "\"'#%s")
  return { title = title, text = body, lang = front:match("lang:%s*([%a%-]+)") }
end

local function from_text(s)
  local title = first_line(s)
  if title and utf8.len(title) > 120 then title = nil end
  return { title = title, text = s }
end

local function from_table(s)
  return { text = (s:gsub('"', ""):gsub("\r\n?", "\n")) }
end

local function text_of(value)
  return type(value) == "string" and value ~= "" and value or nil
end

-- The first text at value[1][key], as in "licenses": [{"name": ...}].
local function first_of(list, key)
  local first = type(list) == "table" and list[1]
  return type(first) == "table" and text_of(first[key]) or nil
end

local function tags_of(keywords)
  local tags = {}
  for _, word in ipairs(type(keywords) == "table" and keywords or {}) do
    if text_of(word) and #tags < 64 then tags[#tags + 1] = word end
  end
  return #tags > 0 and tags or nil
end

local function from_json(s)
  local value = has_json and json.decode(s)
  if type(value) ~= "table" then return {} end
  return {
    title = text_of(value.title) or text_of(value.name),
    text = text_of(value.description) or text_of(value.text),
    lang = text_of(value.lang) or text_of(value.language),
    license = first_of(value.licenses, "name"),
    source = first_of(value.sources, "path"),
    created = text_of(value.created),
    tags = tags_of(value.keywords),
  }
end

local READERS = {
  ["text/html"] = from_html, ["application/xhtml+xml"] = from_html,
  ["text/markdown"] = from_markdown, ["text/plain"] = from_text,
  ["text/csv"] = from_table, ["text/tab-separated-values"] = from_table,
  ["application/json"] = from_json,
}

-- What the bytes of a file of type `media` say: { title?, text?, lang?,
-- license?, source?, created?, tags? }, all bounded and valid UTF-8.
function extract.bytes(bytes, media)
  local reader = READERS[media]
  if not reader then return {} end
  local found = reader(encoding.utf8(bytes))
  found.title = found.title and extract.cut(found.title, extract.TITLE_MAX)
  found.text = found.text and extract.cut(found.text, extract.TEXT_MAX)
  if found.title == "" then found.title = nil end
  if found.text == "" then found.text = nil end
  return found
end

-- The same for a file; nil, message when it can't be read.
function extract.file(path, media)
  if not READERS[media] then return {} end
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local bytes, fault = file:read(READ_MAX)
  file:close()
  if fault then return nil, path .. ": " .. fault end
  return extract.bytes(bytes or "", media)
end

return extract
