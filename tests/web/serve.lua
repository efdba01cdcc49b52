-- SPDX-License-Identifier: 0BSD
-- serve.lua DIR [hostile.json]: a station with something of everything in the
-- folder DIR, and its site. Tells on lines of JSON: first the addresses and
-- the ids by name, then each code that the page asks for, and faults.
-- Pictures and such to publish lie in DIR/files already.

local json = require "dkjson"
local lfs = require "lfs"
local mahatta = require "mahatta"
local server = require "mahatta.site.server"

local dir, hostile_path = arg[1], arg[2]
local records = tonumber(os.getenv("RECORDS") or 0)
local station = assert(mahatta.open(dir .. "/s.mahatta"))
local ids = {}

local function tell(value)
  print((json.encode(value)))
  io.stdout:flush()
end

local function write(name, bytes)
  lfs.mkdir(dir .. "/files")
  local path = dir .. "/files/" .. name
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  return { path = path }
end

local function there(name)
  local path = dir .. "/files/" .. name
  return lfs.attributes(path, "mode") and { path = path } or nil
end

local function put(name, collection, record, days)
  ids[name] = assert(station:publish(collection, record,
    { time = os.time() - (days or 0) * 86400 }))
  return ids[name]
end

local function lessons()
  put("newton", "edu/physics", { type = "lesson", lang = "ar", key = "newton",
    title = { ar = "قوانين نيوتن في الحركة", ckb = "یاساکانی نیوتن بۆ جووڵە",
      kmr = "Zagonên Newton ên tevgerê", en = "Newton's laws of motion" },
    text = { ar = "القانون الأول: يبقى الجسم ساكنًا أو متحركًا بسرعة ثابتة ما "
      .. "لم تؤثر فيه قوة.\nالقانون الثاني: القوة تساوي الكتلة في التسارع "
      .. "(F = m·a).\nالقانون الثالث: لكل فعل رد فعل مساوٍ له في المقدار.",
      ckb = "یاسای یەکەم: تەن لە وەستان یان جووڵەی ڕێک دەمێنێتەوە تا هێزێک "
      .. "کاری تێ نەکات.", en = "First law: a body stays at rest, or moves "
      .. "evenly, until a force acts on it.\nSecond law: force is mass times "
      .. "acceleration." }, license = "CC-BY-4.0",
    tags = { "فيزياء", "physics", "6th grade" },
    source = "https://example.org/physics/newton",
    files = { write("newton.txt", "F = m * a\n"), there("photo.png"),
      write("page.html", "<script>document.title='x'</script>"),
      write("book.pdf", "%PDF-1.4\n%fake\n") } }, 2)
  put("kurdish", "edu/kurdish", { type = "lesson", lang = "ckb",
    title = "ڕێزمانی کوردی: ناو و کردار", text = "ناو ئەو وشەیەیە کە کەسێک "
    .. "یان شتێک دەناسێنێت.", license = "CC0-1.0" }, 3)
  put("kurmanji", "edu/kurdish", { type = "book", lang = "kmr",
    title = "Çîrokên gelêrî yên Kurdistanê", text = "Hebû tune bû, carekê ji "
    .. "caran …", license = "CC0-1.0", files = { write("cirok.txt",
    "Hebû tune bû\n") } }, 4)
end

local function datasets()
  local rows = { "المدينة,السكان,السنة,الوصول" }
  for i, city in ipairs({ "بغداد", "البصرة", "الموصل", "أربيل", "السليمانية",
      "كركوك", "النجف", "كربلاء" }) do
    rows[#rows + 1] = ("%s,%d,2024-0%d-01,%s"):format(city, 900000 + i * 37811,
      i, i % 2 == 0 and "true" or "false")
  end
  put("cities", "data/iraq", { type = "dataset", lang = "ar",
    title = "سكان المدن العراقية", text = "تقديرات أولية للسكان، مع تاريخ "
    .. "الوصول إلى شبكة الماء.", license = "ODbL-1.0", key = "cities",
    tags = { "مدن", "سكان" }, files = { write("cities.csv",
      table.concat(rows, "\n") .. "\n"), write("notes.txt", "n\n") } }, 1)
  put("water", "data/iraq", { type = "dataset", lang = "en",
    title = "Water quality in Basra, 2024", text = "Salinity at 14 places "
    .. "along the Shatt al-Arab, measured weekly. Values in mg/l.",
    license = "CC-BY-4.0" }, 5)
end

local function large()
  local file = there("large.bin")
  if file then
    put("large", "data/large", { type = "dataset", title = "large",
      files = { file } })
  end
end

local function news()
  put("rumour", "news/basra", { type = "news", lang = "ar",
    title = "إغلاق جسر شط العرب أسبوعًا", text = "أُعلن أن الجسر يُغلق أمام "
    .. "المركبات ابتداءً من الغد.", license = "CC-BY-4.0" }, 2)
  put("correction", "news/basra", { type = "correction", lang = "ar",
    about = ids.rumour, title = "تصحيح: الإغلاق ليومين فقط",
    text = "الإغلاق يومان لا أسبوع." }, 1)
  ids.label = assert(station:label(ids.rumour, "needs-context"))
  put("old", "news/basra", { type = "news", key = "k", lang = "ar",
    title = "نسخة قديمة", text = "كانت كذا" }, 9)
  put("new", "news/basra", { type = "news", key = "k", lang = "ar",
    title = "نسخة جديدة", text = "صارت كذا" }, 1)
  put("gone", "news/basra", { type = "news", title = "مسحوب" }, 3)
  assert(station:withdraw(ids.gone))
end

local function many()
  local i = 0
  assert(station:publish_all("many/things", function ()
    i = i + 1
    if i > 60 then return nil end
    return { type = "idea", title = ("فكرة رقم %d"):format(i), lang = "ar",
      text = "نص قصير عن فكرة تطوعية في الحي." }
  end, { time = os.time() - 20 * 86400 }))
end

-- Records for figures: titles of a few words out of many.
local function crowd(n)
  local subject = { "الماء", "التعليم", "الصحة", "الكهرباء", "الزراعة",
    "النقل", "التاريخ", "الفيزياء", "الكيمياء", "الرياضيات" }
  local i = 0
  assert(station:publish_all("crowd/all", function ()
    i = i + 1
    if i > n then return nil end
    local what = subject[i % #subject + 1]
    return { type = i % 3 == 0 and "lesson" or "dataset", lang = "ar",
      title = ("%s في المحافظة %d"):format(what, i % 1999),
      text = ("سجل رقم %d عن %s في العراق مع أرقام ومصادر. مدرسة ومستشفى "
        .. "وطريق في ناحية %d."):format(i, what, i % 4999),
      license = "CC0-1.0" }
  end))
end

local SCRIPTS = { "<svg onload=window.pwned=1>",
  "<img src=x onerror=window.pwned=1>", "'-window.pwned++-'",
  "</script><script>window.pwned=1</script>",
  "javascript:window.pwned=1//", "]]><script>window.pwned=1</script>",
  "</title><script>window.pwned=1</script>" }

local function payloads_of(path)
  local file = assert(io.open(path))
  local list = json.decode(file:read("a"))
  file:close()
  local payloads = {}
  for _, part in ipairs({ list.names, list.titles, SCRIPTS }) do
    table.move(part, 1, #part, #payloads + 1, payloads)
  end
  return payloads
end

-- What of it fits into a field; nil when nothing does.
local function fits(bytes, max)
  return #bytes > 0 and #bytes <= max and bytes or nil
end

-- A record with the payload in every field that takes it.
local function hostile_record(bytes, csv)
  return { type = fits(bytes, 60) or "x", title = fits(bytes, 1000),
    text = bytes, license = bytes:sub(1, 60), source = bytes,
    created = bytes, own = bytes, key = fits(bytes, 250),
    tags = fits(bytes, 120) and { bytes },
    files = { { path = csv.path, name = fits(bytes, 1000) or "x.csv",
      type = fits(bytes, 200) } } }
end

-- Fields with rules of their own refuse some: the rest goes without those.
local function publish_hostile(collection, record)
  local ok, id = pcall(station.publish, station, collection, record)
  if ok and id then return id end
  record.files[1].name, record.type = "x.csv", "x"
  record.files[1].type = "text/csv"
  ok, id = pcall(station.publish, station, collection, record)
  return ok and id or nil
end

-- Every payload in every field that a stranger can fill; once as it is, and
-- once as it looks when it is shown.
local function hostile(path)
  local made = {}
  ids.payloads = payloads_of(path)
  for i, payload in ipairs(ids.payloads) do
    for _, bytes in ipairs({ payload,
        mahatta.display(payload, true):sub(1, 900) }) do
      local csv = write("h" .. i .. ".csv", bytes .. ",b\n" .. bytes
        .. ",1\n")
      local id = publish_hostile(("h/%d"):format(i),
        hostile_record(bytes, csv))
      if id then
        made[#made + 1] = id
        pcall(station.label, station, id, bytes:sub(1, 120))
        pcall(station.publish, station, "h/about", { type = "correction",
          title = bytes:sub(1, 1000), about = id })
      end
    end
  end
  ids.hostile = made
end

-- Files that would run something if a browser took them for what they are, or
-- for what they claim to be.
local function hostile_files()
  local script = "<script>window.pwned=1;alert(1)</script>"
  local html = "<!doctype html><body>" .. script .. "<svg onload=alert(2)>"
  local svg = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" '
    .. 'onload="window.pwned=1;alert(3)"><script>alert(4)</script></svg>'
  local pdf = "%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S"
    .. "/JavaScript/JS(app.alert\\(1\\))>>>>endobj\n2 0 obj<</Type/Pages/Kids"
    .. "[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
  local utf16 = "\xFF\xFE" .. html:gsub(".", "%0\0")
  local files = { { "a.svg", "image/svg+xml", svg },
    { "a.png", "image/png", svg }, { "b.png", "image/png", html },
    { "a.html", "text/html", html }, { "a.txt", "text/plain", html },
    { "b.txt", "text/plain", svg }, { "utf16.txt", "text/plain", utf16 },
    { "utf7.txt", "text/plain", "+ADw-script+AD4-alert(1)+ADw-/script+AD4-" },
    { "a.xml", "application/xml", '<?xml-stylesheet href="/x"?>' .. svg },
    { "a.xhtml", "application/xhtml+xml", svg },
    { "a.pdf", "application/pdf", pdf }, { "b.txt.pdf", "text/plain", pdf },
    { "a.mhtml", "multipart/related", "MIME-Version: 1.0\r\nContent-Type: "
      .. "text/html\r\n\r\n" .. html },
    { "polyglot.png", "image/png", "\x89PNG\r\n\x1A\n" .. html },
    { "polyglot.jpg", "text/html", "\xFF\xD8\xFF\xE0" .. html },
    { "a.js", "text/javascript", "window.pwned=1;alert(5)" },
    { "a.json", "application/json", html }, { "a.csv", "text/csv", html },
    { "a.md", "text/markdown", html } }
  local list = {}
  for i, one in ipairs(files) do
    list[i] = { path = write("hostile-" .. i, one[3]).path, name = one[1],
      type = one[2] }
  end
  put("hostile_files", "h/files", { type = "dataset", title = "files",
    files = list })
  ids.hostile_names = {}
  for i, one in ipairs(files) do ids.hostile_names[i] = one[1] end
end

if lfs.attributes(dir .. "/served", "mode") == nil
    and not os.getenv("EMPTY") then
  lessons()
  datasets()
  news()
  large()
  many()
  if records > 0 then crowd(records) end
  if hostile_path then
    hostile(hostile_path)
    hostile_files()
  end
  assert(io.open(dir .. "/served", "w")):close()
end

lfs.mkdir(dir .. "/spool")
local handle = assert(server.open(station, { port = 0,
  spool = dir .. "/spool", lan = os.getenv("LAN_ADDRESS"),
  lan_port = tonumber(os.getenv("LAN_PORT") or nil),
  show = function (code) tell({ code = code }) end,
  log = function (line) tell({ fault = line }) end }))
tell({ url = handle:url(), port = handle.port,
  files_port = handle.files_port, did = station:id(), ids = ids,
  store = station:path() })
while true do
  handle:wait(60)
  handle:step()
end
