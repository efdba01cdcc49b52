-- SPDX-License-Identifier: 0BSD
-- Arguments of the command line, and the help texts made from the same
-- description. A command is { name, does, usage, arguments, options, notes,
-- examples, run }; an option is { "-o", "--output", "DIR", "what it does" }
-- (nil for what it hasn't), with many = true when it may be repeated.

local args = {}

-- Options that every command has.
args.common = {
  { "-s", "--station", "PATH",
    "the station; else $MAHATTA, else ./commons.mahatta" },
  { nil, "--key", "FILE", "its key file; else PATH.key" },
  { nil, "--json", nil, "one JSON object, or JSON lines, for scripts" },
  { "-h", "--help", nil, "this text" },
}

local function lookup(command)
  local found = {}
  for _, list in ipairs({ command.options or {}, args.common }) do
    for _, option in ipairs(list) do
      if option[1] then found[option[1]] = option end
      found[option[2]] = option
    end
  end
  return found
end

local function set(values, option, value)
  local name = option[2]:sub(3):gsub("%-", "_")
  if option.many then
    values[name] = values[name] or {}
    table.insert(values[name], value)
  else
    values[name] = value
  end
end

-- One option at argv[i]; returns the index of the last word it used.
local function take_option(argv, i, found, values)
  local word = argv[i]
  local name, value = word:match("^(%-%-[^=]+)=(.*)$")
  local option = found[name or word]
  if not option then return nil, ("unknown option '%s'"):format(word) end
  if not option[3] then
    if value then return nil, ("option '%s' takes no value"):format(name) end
    set(values, option, true)
    return i
  end
  if not value then
    i = i + 1
    value = argv[i]
  end
  if not value then
    return nil, ("option '%s' needs a value: %s"):format(word, option[3])
  end
  set(values, option, value)
  return i
end

-- Words left over, put under the names that the command gives them.
local function place(command, words, values)
  local n = 0
  for _, argument in ipairs(command.arguments or {}) do
    if argument.many then
      values[argument[1]] = table.move(words, n + 1, #words, 1, {})
      n = #words
    else
      n = n + 1
      values[argument[1]] = words[n]
    end
    local got = values[argument[1]]
    if not argument.optional and (not got or argument.many and #got == 0) then
      return nil, argument[1] .. " is missing"
    end
  end
  if #words > n then
    return nil, ("too many arguments: '%s'"):format(words[n + 1])
  end
  return values
end

-- Values by option name ("read_data") and argument name ("PATH").
-- nil, message for wrong usage.
function args.parse(command, argv)
  local found, values, words = lookup(command), {}, {}
  local i, only_words = 1, false
  while i <= #argv do
    local word = argv[i]
    if only_words or word == "-" or word:sub(1, 1) ~= "-" then
      words[#words + 1] = word
    elseif word == "--" then
      only_words = true
    else
      local last, message = take_option(argv, i, found, values)
      if not last then return nil, message end
      i = last
    end
    i = i + 1
  end
  if values.help then return values end
  return place(command, words, values)
end

-- ---- help ----

local function left_column(option)
  local name = option[1] and option[1] .. ", " .. option[2] or option[2]
  if not option[1] then name = "    " .. name end
  return option[3] and name .. " " .. option[3] or name
end

local function option_lines(out, options)
  for _, option in ipairs(options) do
    local left = left_column(option)
    if #left > 24 then
      out[#out + 1] = "  " .. left
      left = ""
    end
    out[#out + 1] = ("  %-24s  %s"):format(left, option[4])
  end
end

function args.usage(command)
  local words = { "mahatta", command.name }
  for _, argument in ipairs(command.arguments or {}) do
    local word = argument[1] .. (argument.many and "..." or "")
    words[#words + 1] = argument.optional and "[" .. word .. "]" or word
  end
  if command.options then words[#words + 1] = "[options]" end
  return table.concat(words, " ")
end

function args.help(command)
  local out = { "Usage: " .. args.usage(command), "", command.does }
  if command.notes then
    out[#out + 1] = ""
    out[#out + 1] = command.notes
  end
  out[#out + 1] = ""
  out[#out + 1] = command.options and "Options:" or "Options of all commands:"
  option_lines(out, command.options or {})
  option_lines(out, args.common)
  out[#out + 1] = ""
  out[#out + 1] = #command.examples > 1 and "Examples:" or "Example:"
  for _, example in ipairs(command.examples) do
    out[#out + 1] = "  " .. example
  end
  return table.concat(out, "\n")
end

return args
