-- SPDX-License-Identifier: 0BSD
-- What a file says of itself: title, first words, language. Bounded: a
-- record holds 64 KiB, so text is cut at 40 KiB, and no more than 2 MiB of a
-- file are looked at. Formats that take a program of their own (PDF, those of
-- office suites, books) are read by those that the system has.

local encoding = require "mahatta.encoding"
local helper = require "mahatta.helper"
local html = require "mahatta.html"
local has_json, json = pcall(require, "dkjson") -- without it JSON has no title

local extract = { TEXT_MAX = 40 * 1024, TITLE_MAX = 300,
  READ_MAX = 2 * 1024 * 1024 }

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

local ESCAPED = { n = "\n", r = "\n", t = "\t", b = "", f = "" }

-- The strings of a JSON text that are values, in their order.
local function json_strings(s)
  local out, size, at = {}, 0, 1
  while size < extract.TEXT_MAX do
    local from = s:find('"', at, true)
    local to = from
    repeat -- a quote behind a backslash ends nothing
      to = to and s:find('["\\]', to + 1)
      local escaped = to and s:byte(to) == 92
      if escaped then to = to + 1 end
    until not escaped
    if not to then break end
    at = to + 1
    if not s:find("^%s*:", at) then
      out[#out + 1] = s:sub(from + 1, to - 1)
      size = size + to - from
    end
  end
  local text = table.concat(out, "\n")
  text = text:gsub("\\u(%x%x%x%x)", function (x)
    local code = tonumber(x, 16)
    return (code < 0xD800 or code > 0xDFFF) and utf8.char(code) or " "
  end)
  return (text:gsub("\\(.)", function (c) return ESCAPED[c] or c end))
end

local function from_json_lines(s)
  return { text = json_strings(s) }
end

local function from_json(s)
  local value = has_json and json.decode(s)
  if type(value) ~= "table" then return {} end
  return {
    title = text_of(value.title) or text_of(value.name),
    text = text_of(value.description) or text_of(value.text)
      or json_strings(s),
    lang = text_of(value.lang) or text_of(value.language),
    license = first_of(value.licenses, "name"),
    source = first_of(value.sources, "path"),
    created = text_of(value.created),
    tags = tags_of(value.keywords),
  }
end

-- Subtitles: what is said, without numbers, times and marks.
local function from_subtitles(s)
  local out = {}
  for line in s:gmatch("[^\r\n]+") do
    if not line:find("-->", 1, true) and not line:find("^%s*%d+%s*$")
        and not line:find("^WEBVTT") then
      out[#out + 1] = (line:gsub("</?[%a%d.]+>", ""):gsub("{\\[^{}]*}", ""))
    end
  end
  return { text = table.concat(out, "\n") }
end

local READERS = {
  ["text/html"] = from_html, ["application/xhtml+xml"] = from_html,
  ["text/markdown"] = from_markdown, ["text/plain"] = from_text,
  ["text/csv"] = from_table, ["text/tab-separated-values"] = from_table,
  ["application/json"] = from_json, ["application/geo+json"] = from_json,
  ["application/ld+json"] = from_json,
  ["application/jsonl"] = from_json_lines,
  ["application/x-subrip"] = from_subtitles, ["text/vtt"] = from_subtitles,
}

-- ---- formats that take a program ----

-- Lines that hold something, without the rules of drawn tables.
local function squeezed(s)
  local out = {}
  for line in s:gmatch("[^\r\n\f]+") do
    line = stripped(line, "%s")
    if line:find("[^%-=+|: ]") then out[#out + 1] = line end
  end
  return from_text(table.concat(out, "\n"))
end

-- The words between the tags of a text document's XML. Each search goes on
-- where the last one ended.
local function from_xml(s)
  local out, at = {}, 1
  while true do
    local open = s:find("<", at, true)
    out[#out + 1] = s:sub(at, (open or #s + 1) - 1)
    local close = open and s:find(">", open, true)
    if not close then break end
    local tag = s:sub(open + 1, close - 1)
    if tag:find("^/%a+:[ph]$") or tag:find("^/si$")
        or tag:find("^/table:table%-row$") or tag:find("^%a+:br[ />]?") then
      out[#out + 1] = "\n"
    elseif tag:find("^%a+:tab[ />]?") or tag == "text:s/" then
      out[#out + 1] = " "
    end
    at = close + 1
  end
  return squeezed(html.unescape(table.concat(out)))
end

local function pandoc(format)
  return { "pandoc", { "--sandbox", "-f", format, "-t", "plain",
    "--wrap=none", "+RTS", "-M768M", "-RTS" }, squeezed }
end

-- A media type -> programs that read it, the best first: name, words, and
-- what reads their output.
local PROGRAMS = {
  ["application/pdf"] = {
    { "pdftotext", { "-q", "-enc", "UTF-8", "-l", "200", "-", "-" },
      squeezed },
  },
  ["application/vnd.openxmlformats-officedocument.wordprocessingml.document"] =
    { pandoc "docx",
      { "unzip", { "-p", "@", "word/document.xml" }, from_xml } },
  ["application/vnd.oasis.opendocument.text"] =
    { pandoc "odt", { "unzip", { "-p", "@", "content.xml" }, from_xml } },
  ["application/vnd.oasis.opendocument.spreadsheet"] =
    { { "unzip", { "-p", "@", "content.xml" }, from_xml } },
  ["application/vnd.oasis.opendocument.presentation"] =
    { { "unzip", { "-p", "@", "content.xml" }, from_xml } },
  -- Of a workbook the texts, each once; numbers say little to a search.
  ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"] =
    { { "unzip", { "-p", "@", "xl/sharedStrings.xml" }, from_xml },
      { "unzip", { "-p", "@", "xl/worksheets/sheet*.xml" }, from_xml } },
  ["application/vnd.openxmlformats-officedocument.presentationml.presentation"]
    = { { "unzip", { "-p", "@", "ppt/slides/slide*.xml" }, from_xml } },
  ["application/msword"] = {
    { "antiword", { "-m", "UTF-8.txt", "@" }, squeezed },
    { "catdoc", { "-d", "utf-8", "-w", "@" }, squeezed } },
  ["application/epub+zip"] =
    { pandoc "epub",
      { "unzip", { "-p", "@", "*.xhtml", "*.html", "*.htm" }, from_html } },
}

local function bounded(found)
  found.title = found.title and extract.cut(found.title, extract.TITLE_MAX)
  found.text = found.text and extract.cut(found.text, extract.TEXT_MAX)
  if found.title == "" then found.title = nil end
  if found.text == "" then found.text = nil end
  return found
end

-- What the first program that can read the file says; nothing when none can:
-- a file is published all the same.
local function by_program(path, media, bounds, run)
  for _, way in ipairs(PROGRAMS[media]) do
    local program = helper.find(way[1])
    local out = program and run(program, way[2], path, bounds)
    if out and out:find("%S") then
      return bounded(way[3](encoding.utf8(out)))
    end
  end
  return {}
end

-- What the bytes of a file of type `media` say: { title?, text?, lang?,
-- license?, source?, created?, tags? }, all bounded and valid UTF-8.
function extract.bytes(bytes, media)
  local reader = READERS[media]
  return reader and bounded(reader(encoding.utf8(bytes))) or {}
end

-- How files of a type are read: "bytes", "program", "absent" when all that
-- read it are missing here; nil: nothing can.
function extract.way(media)
  if READERS[media] then return "bytes" end
  for _, way in ipairs(PROGRAMS[media] or {}) do
    if helper.find(way[1]) then return "program" end
  end
  return PROGRAMS[media] and "absent" or nil
end

-- The same for a file; nil, message when it can't be read. Programs are held
-- to helper's bounds, or to ${bounds}; ${run}: what runs them, helper.run.
function extract.file(path, media, bounds, run)
  if not READERS[media] and not PROGRAMS[media] then return {} end
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  if PROGRAMS[media] then
    file:close()
    return by_program(path, media, bounds, run or helper.run)
  end
  local bytes, fault = file:read(extract.READ_MAX)
  file:close()
  if fault then return nil, path .. ": " .. fault end
  return extract.bytes(bytes or "", media)
end

return extract
