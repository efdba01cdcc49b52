-- SPDX-License-Identifier: 0BSD
-- Which ways through the core were gone, from what llvm-cov exports:
--
--   cover.lua [--show=PREFIX] [--part] EXPORT.json...
--
-- A condition has two ways, true and false; both count, wherever a macro may
-- have brought it. Left out are the conditions of CHECK, whose other way is a
-- broken invariant and ends the program, and constants: how many of them
-- there are is said. tests/COVERAGE.md has the floors and the reasons: this
-- fails when a folder has fallen under its floor, and where a folder is to be
-- named, when an untaken way has no reason. With --part (not all tests have
-- run) it judges nothing. --show lists what is untaken in files whose path
-- begins so.

local json = require "dkjson"

local REASONS = "tests/COVERAGE.md"

local CONSTANTS = { ["0"] = true, ["1"] = true, ["true"] = true,
  ["false"] = true }

-- "sync 95 named" and "src/a/b.c function 2 why".
local floors, named_folders, reasons = {}, {}, {}
local function load_reasons()
  for line in io.lines(REASONS) do
    local path, fn, count = line:match "^    (src/%S+) ([%w_]+) (%d+) %S"
    local folder, floor, named = line:match "^    (%w+) ([%d.]+)( ?n?a?m?e?d?)$"
    if path then
      reasons[path .. " " .. fn] = tonumber(count)
    elseif folder then
      floors[folder], named_folders[folder] = tonumber(floor), named ~= ""
    end
  end
end

local texts = {}
local function lines_of(path)
  if not texts[path] then
    local lines = {}
    for line in io.lines(path) do
      lines[#lines + 1] = line
    end
    texts[path] = lines
  end
  return texts[path]
end

local function source(path, line1, col1, line2, col2)
  local lines = lines_of(path)
  if line1 == line2 then
    return lines[line1]:sub(col1, col2 - 1)
  end
  return lines[line1]:sub(col1) .. " " ..
    table.concat(lines, " ", line1 + 1, line2 - 1) .. lines[line2]:sub(1,
      col2 - 1)
end

-- The place where the parenthesis that follows line:col is closed.
local function close_of(path, line, col)
  local lines, depth = lines_of(path), 0
  while lines[line] do
    for at, mark in lines[line]:gmatch("()([()])", col) do
      depth = depth + (mark == "(" and 1 or -1)
      if depth == 0 then
        return line, at
      end
    end
    line, col = line + 1, 1
  end
  error(path .. ": a CHECK that is not closed")
end

local function inside(line, col, from)
  return (line > from.line or line == from.line and col >= from.col)
    and (line < from.line2 or line == from.line2 and col <= from.col2)
end

-- Where each macro of a function stands: file id -> the place in the file
-- that it was written in. And the extents of CHECK.
local function expansions_of(fn)
  local parents, checks = {}, {}
  for _, r in ipairs(fn.regions) do
    local line, col, file, expanded, kind = r[1], r[2], r[6], r[7], r[8]
    if kind == 1 then
      parents[expanded] = { line = line, col = col, file = file }
      local path = fn.filenames[file + 1]
      if source(path, line, col, r[3], r[4]) == "CHECK" then
        local line2, col2 = close_of(path, line, col)
        table.insert(checks, { line = line, col = col, file = file,
          line2 = line2, col2 = col2 })
      end
    end
  end
  return parents, checks
end

-- Every condition of all files: path -> key -> what is known of it.
local files = {}
local left_out = { check = 0, constant = 0 }

local function checked(checks, place)
  for _, c in ipairs(checks) do
    if c.file == place.file and inside(place.line, place.col, c) then
      return true
    end
  end
  return false
end

-- A name of a static function has its file's before it.
local function bare(name)
  return name:match ":([%w_]+)$" or name
end

local function add_branch(fn, b, parents, checks)
  local place = { line = b[1], col = b[2], file = b[7] }
  local text = source(fn.filenames[b[7] + 1], b[1], b[2], b[3], b[4])
  local key = ""
  local skip = checked(checks, place) and "check"
    or CONSTANTS[text] and b[5] == 0 and b[6] == 0 and "constant"
  while parents[place.file] do
    key = string.format("%s>%d:%d", key, place.line, place.col)
    place = parents[place.file]
    skip = checked(checks, place) and "check" or skip
  end
  local path = fn.filenames[place.file + 1]
  key = string.format("%d:%d%s", place.line, place.col, key)
  files[path] = files[path] or {}
  local known = files[path][key]
  if not known then
    known = { line = place.line, col = place.col, text = text, yes = 0,
      no = 0, fn = bare(fn.name), skip = skip }
    files[path][key] = known
    if skip then
      left_out[skip] = left_out[skip] + 2
    end
  end
  known.yes, known.no = known.yes + b[5], known.no + b[6]
end

local function load_export(path)
  local f = assert(io.open(path))
  local all = assert(json.decode(f:read "a"))
  f:close()
  for _, fn in ipairs(all.data[1].functions) do
    for i, name in ipairs(fn.filenames) do
      fn.filenames[i] = name:gsub("^.*/(src/%w+/[%w_]+%.[ch])$", "%1")
    end
    if fn.filenames[1]:match "^src/" then
      local parents, checks = expansions_of(fn)
      for _, b in ipairs(fn.branches) do
        add_branch(fn, b, parents, checks)
      end
    end
  end
end

-- Adds up the ways of one file; the untaken ones in the order of its lines.
local function sum_of(path)
  local sum = { path = path, ways = 0, taken = 0, untaken = {} }
  for _, b in pairs(files[path]) do
    if not b.skip then
      for _, way in ipairs { "yes", "no" } do
        sum.ways = sum.ways + 1
        if b[way] > 0 then
          sum.taken = sum.taken + 1
        else
          table.insert(sum.untaken, { line = b.line, col = b.col, fn = b.fn,
            text = b.text, way = way == "yes" and "true" or "false" })
        end
      end
    end
  end
  table.sort(sum.untaken, function(x, y)
    if x.line ~= y.line then
      return x.line < y.line
    end
    return x.col ~= y.col and x.col < y.col or x.col == y.col and x.way < y.way
  end)
  return sum
end

local function share(sum)
  return sum.ways > 0 and 100 * sum.taken / sum.ways or 100
end

local function tell_untaken(sum, untaken)
  for _, u in ipairs(untaken) do
    print(string.format("%s:%d: %s: never %s: %s", sum.path, u.line, u.fn,
      u.way, (u.text:gsub("%s+", " "))))
  end
end

local function folders_of(sums)
  local folders, order = {}, {}
  for _, sum in ipairs(sums) do
    local name = sum.path:match "^src/(%w+)/"
    if not folders[name] then
      folders[name] = { name = name, ways = 0, taken = 0 }
      order[#order + 1] = folders[name]
    end
    folders[name].ways = folders[name].ways + sum.ways
    folders[name].taken = folders[name].taken + sum.taken
  end
  return order
end

local function judge_folders(sums)
  local bad = 0
  print "  folder      taken    of       %   floor"
  for _, folder in ipairs(folders_of(sums)) do
    local floor = assert(floors[folder.name], folder.name .. " has no floor")
    local under = share(folder) < floor
    bad = bad + (under and 1 or 0)
    print(string.format("  %-10s %6d %6d  %6.2f  %6.2f%s", folder.name,
      folder.taken, folder.ways, share(folder), floor,
      under and "  UNDER ITS FLOOR" or ""))
  end
  return bad
end

local function tell_files(sums)
  print "  files under their folder's floor:"
  for _, sum in ipairs(sums) do
    if share(sum) < floors[sum.path:match "^src/(%w+)/"] then
      print(string.format("    %-32s %4d of %4d  %6.2f", sum.path, sum.taken,
        sum.ways, share(sum)))
    end
  end
end

-- An untaken way without a reason is a fault. A reason without one is told
-- only: what moments decide takes a way now and then.
local function judge_reasons(sums)
  local bad, named = 0, 0
  for _, sum in ipairs(sums) do
    local folder, by_fn = sum.path:match "^src/(%w+)/", {}
    for _, u in ipairs(sum.untaken) do
      by_fn[u.fn] = by_fn[u.fn] or {}
      table.insert(by_fn[u.fn], u)
    end
    for fn, untaken in pairs(by_fn) do
      local key = sum.path .. " " .. fn
      local allowed = reasons[key] or 0
      reasons[key] = nil
      named = named + math.min(allowed, #untaken)
      if named_folders[folder] and allowed ~= #untaken then
        bad = bad + (#untaken > allowed and 1 or 0)
        print(string.format("%s: %d untaken, %d named in %s", key, #untaken,
          allowed, REASONS))
        tell_untaken(sum, untaken)
      end
    end
  end
  for key, count in pairs(reasons) do
    print(string.format("%s: all is taken, %d named in %s", key, count,
      REASONS))
  end
  return bad, named
end

local function main(args)
  local show, part
  load_reasons()
  for _, argument in ipairs(args) do
    if argument == "--part" then
      part = true
    elseif argument:match "^%-%-show=" then
      show = argument:match "=(.*)"
    else
      load_export(argument)
    end
  end
  local sums = {}
  for path in pairs(files) do
    sums[#sums + 1] = sum_of(path)
  end
  table.sort(sums, function(a, b) return a.path < b.path end)
  for _, sum in ipairs(sums) do
    if show and show ~= "" and sum.path:find(show, 1, true) == 1 then
      tell_untaken(sum, sum.untaken)
    end
  end
  local bad = judge_folders(sums)
  tell_files(sums)
  print(string.format("  left out: %d ways of CHECK, %d of constants",
    left_out.check, left_out.constant))
  if part then
    return true
  end
  local unnamed, named = judge_reasons(sums)
  print(string.format("cover: %d folders under their floor, "
    .. "%d functions with untaken ways that no line names, %d ways named",
    bad, unnamed, named))
  return bad + unnamed == 0
end

os.exit(main(arg))
