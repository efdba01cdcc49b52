-- SPDX-License-Identifier: 0BSD
-- The first rows of a table in CSV (RFC 4180) or TSV, and what its columns
-- hold.

local csv = { ROWS = 50, COLUMNS = 64, CELL = 200 }

-- The separator that the first line has most of, outside of quotes.
local function separator(head)
  local line = (head:match("^[^\r\n]*") or ""):gsub('"[^"]*"', "")
  local best, most = ",", 0
  for _, mark in ipairs({ ",", "\t", ";", "|" }) do
    local _, n = line:gsub("%" .. mark, "")
    if n > most then best, most = mark, n end
  end
  return best
end

-- One cell at `at`: its text, and where the byte after it is.
local function cell(s, at, mark)
  if s:sub(at, at) ~= '"' then
    local last = s:find("[\r\n" .. mark .. "]", at) or #s + 1
    return s:sub(at, last - 1), last
  end
  local out, from = {}, at + 1
  while true do
    local quote = s:find('"', from, true)
    if not quote then return nil end -- cut off
    out[#out + 1] = s:sub(from, quote - 1)
    if s:sub(quote + 1, quote + 1) ~= '"' then
      return table.concat(out), quote + 1
    end
    out[#out + 1] = '"'
    from = quote + 2
  end
end

local function rows_of(s, mark, whole, limit)
  local rows, row, at = {}, {}, 1
  while at <= #s and #rows < limit do
    local text, after = cell(s, at, mark)
    if not text then break end
    row[#row + 1] = text
    local byte = s:sub(after, after)
    if byte == "" and not whole then break end
    at = after + 1
    if byte ~= mark then
      if byte == "\r" and s:sub(at, at) == "\n" then at = at + 1 end
      if #row > 1 or row[1] ~= "" then rows[#rows + 1] = row end
      row = {}
    end
  end
  return rows
end

local function kind_of(text)
  if text:find("^[+-]?%d+$") and #text < 16 then return "integer" end
  if tonumber(text) and text:find("^[+-]?%d*%.?%d+[eE]?[+-]?%d*$") then
    return "number"
  end
  if text:find("^%d%d%d%d%-%d%d%-%d%d$") then return "date" end
  local lower = text:lower()
  if lower == "true" or lower == "false" then return "boolean" end
  return "string"
end

-- One word for a column: what all its filled cells are.
local function column_kind(rows, column)
  local kind
  for i = 2, #rows do
    local text = rows[i][column]
    if text and text ~= "" then
      local this = kind_of(text)
      if kind and kind ~= this then
        local numbers = (kind == "integer" or kind == "number")
          and (this == "integer" or this == "number")
        this = numbers and "number" or "string"
      end
      kind = this
    end
  end
  return kind or "string"
end

-- The table at the beginning of a file: { separator, columns = { { name,
-- kind } }, rows }. ${whole}: is `bytes` all of the file?
function csv.read(bytes, whole, limit)
  bytes = bytes:gsub("^\xEF\xBB\xBF", "")
  local mark = separator(bytes)
  local rows = rows_of(bytes, mark, whole, (limit or csv.ROWS) + 1)
  local columns = {}
  for i, name in ipairs(rows[1] or {}) do
    columns[i] = { name = name, kind = column_kind(rows, i) }
  end
  table.remove(rows, 1)
  return { separator = mark, columns = columns, rows = rows }
end

return csv
