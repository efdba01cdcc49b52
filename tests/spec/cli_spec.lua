-- SPDX-License-Identifier: 0BSD
-- The command, run as people run it.
local lfs = require "lfs"
local mahatta = require "mahatta"
local support = require "support"

local has_json, json = pcall(require, "dkjson")
local quoted = support.quoted

describe("mahatta", function ()
  local dir
  before_each(function () dir = support.folder() end)
  after_each(support.clean)

  local function command(words, station)
    return support.command(dir, station or "a.mahatta", table.unpack(words))
  end

  local function run(...) return support.shell(command({ ... })) end

  local function on(station, ...)
    return support.shell(command({ ... }, station))
  end

  -- Runs and must end with 0; what it prints.
  local function ok(...)
    local text, code = run(...)
    assert.equal(0, code, text)
    return text
  end

  local function lines_of_json(text)
    local list = {}
    for line in text:gmatch("[^\n]+") do
      list[#list + 1] = assert(json.decode(line), line)
    end
    return list
  end

  local function lesson(name, title, body)
    support.write(dir .. "/lessons/" .. name, ("<html lang='en'><title>%s"
      .. "</title><p>%s<img src='img/a.png'></html>"):format(title, body))
    support.write(dir .. "/lessons/img/a.png", "PNG" .. name:sub(1, 0))
  end

  it("helps: all, and each command with an example", function ()
    local text = ok("--help")
    local names = {}
    for name in text:gmatch("\n  (%l+)  ") do names[#names + 1] = name end
    assert.is_true(#names >= 20, text)
    for _, name in ipairs(names) do
      if name ~= "help" and name ~= "version" then
        local own = ok("help", name)
        assert.is_truthy(own:find("Usage: mahatta " .. name, 1, true))
        assert.is_truthy(own:find("Example", 1, true))
        assert.equal(own, ok(name, "--help"))
        for line in own:gmatch("[^\n]+") do
          assert.is_true((utf8.len(line) or 99) <= 80, line)
        end
      end
    end
    assert.is_truthy(ok("version"):find("^mahatta %d+%.%d+%.%d+\n$"))
  end)

  it("takes the station before the command, too", function ()
    support.shell(command({ "init" }, "first.mahatta"))
    local text, code = run("--json", "-s", "@first.mahatta", "stats")
    assert.equal(0, code, text)
    assert.is_truthy(lines_of_json(text)[1].path:find("first.mahatta", 1,
      true))
    text, code = run("-s", "@first.mahatta")
    assert.equal(2, code, text)
  end)

  it("says what is wrong with the usage, with exit code 2", function ()
    for _, words in ipairs({ {}, { "serach" }, { "search" },
        { "get", "a", "b" }, { "list", "--bogus" }, { "list", "-n" },
        { "list", "-n", "x" }, { "add", "x" }, { "publish", "c" },
        { "add", "x", "-c", "c", "--each", "--one" },
        { "follow", "a", "--files", "big" }, { "help", "nothing" },
        { "label", "x", "y", "--days", "0" }, { "--bogus" },
        { "show", "x", "--full=1" }, { "pack", "x", "--level", "20" } }) do
      local text, code = run(table.unpack(words))
      assert.equal(2, code, table.concat(words, " ") .. "\n" .. text)
      assert.is_nil(text:find("traceback", 1, true), text)
    end
    assert.is_truthy(run("serach"):find("did you mean", 1, true))
  end)

  it("tells whole numbers that are none alike, in every command", function ()
    for option, command_line in pairs({ share = "scrub", port = "site",
        level = "pack x", days = "label x y", expect = "slip x",
        limit = "list", every = "serve", sessions = "serve" }) do
      local words = { "--" .. option, "?" }
      for word in command_line:gmatch("%S+") do
        table.insert(words, #words - 1, word)
      end
      for _, value in ipairs({ "x", "", "1.5", "-1", "1e30", "nan" }) do
        words[#words] = value
        local text, code = run(table.unpack(words))
        assert.equal(2, code, text)
        assert.is_truthy(text:find("^mahatta: %-%-" .. option
          .. " needs a whole number, [01] to %d+\n"), text)
      end
    end
    ok("init")
    for value, wanted in pairs({ ["0"] = 2, ["1"] = 0, ["1000"] = 0,
        ["1001"] = 2 }) do
      local text, code = run("scrub", "--share", value)
      assert.equal(wanted, code, text)
    end
  end)

  it("says that there is no station, and makes none", function ()
    for _, words in ipairs({ { "list" }, { "stats" }, { "publish", "c",
        "--title", "x" }, { "search", "x" }, { "follow", "x" } }) do
      local text, code = run(table.unpack(words))
      assert.equal(1, code)
      assert.is_truthy(text:find("make one with `mahatta init", 1, true))
    end
    assert.is_nil(support.read(dir .. "/a.mahatta"))
    assert.is_truthy(ok("init"):find("did:key:z6Mk", 1, true))
    local text, code = run("init")
    assert.equal(1, code)
    assert.is_truthy(text:find("here already", 1, true))
  end)

  it("publishes, shows, finds, lists", function ()
    ok("init")
    local text = ok("publish", "news/basra", "--title", "خبر من البصرة",
      "--text", "الماء يعود", "--lang", "ar", "--type", "news", "-t", "water")
    local id = text:match("bafyrei%w+")
    assert.is_truthy(id, text)
    text = ok("show", id)
    for _, part in ipairs({ "خبر من البصرة", "الماء يعود", "news/basra",
        "water", "this station" }) do
      assert.is_truthy(text:find(part, 1, true), part .. "\n" .. text)
    end
    assert.is_truthy(ok("search", "البصره"):find(id, 1, true))
    assert.is_truthy(ok("list", "news/*"):find(id, 1, true))
    assert.is_truthy(ok("list"):find(id, 1, true))
    assert.is_truthy(ok("collections"):find("news/basra", 1, true))
    assert.is_truthy(ok("search", "nothinglikeit"):find("nothing found", 1,
      true))
    assert.is_truthy(ok("missing"):find("nothing is missing", 1, true))
    assert.is_truthy(ok("stats"):find("did:key:", 1, true))
    text = ok("label", id, "unverified", "--days", "3")
    assert.is_truthy(text:find("bafyrei", 1, true))
    assert.is_truthy(ok("show", id):find("unverified", 1, true))
    ok("withdraw", id, "--reason", "wrong")
    local _, code = run("show", id)
    assert.equal(1, code)
  end)

  it("speaks JSON", function ()
    if not has_json then return pending("no dkjson: skipped") end
    assert.is_string(json.decode(ok("init", "--json")).id)
    local id = json.decode(ok("publish", "c", "--title", "a\u{202E}b",
      "--json")).id
    local shown = json.decode(ok("show", id, "--json"))
    assert.equal("a\u{202E}b", shown.record.title)
    assert.equal(id, shown.id)
    assert.equal(id, lines_of_json(ok("list", "c", "--json"))[1].id)
    assert.equal(id, lines_of_json(ok("search", "ab b a", "--json"))[1].id)
    local hidden = "a\u{202E}\u{61C}\u{200B}\u{E0041}\u{9B}\27[31m ئازادی"
    id = json.decode(ok("publish", "c", "--title", hidden, "--json")).id
    local text = ok("show", id, "--json")
    assert.equal(hidden, json.decode(text).record.title)
    assert.is_nil(text:find("[\27\xE2\xF3]"))
    assert.is_truthy(text:find("\\u061c\\u200b\\udb40\\udc41", 1, true))
    assert.is_truthy(text:find("ئازادی", 1, true))
    local stats = json.decode(ok("stats", "--json"))
    assert.equal(2, stats.parcels)
    support.write(dir .. "/in.jsonl", ([[
{"type":"row","n":1,"deep":{"list":[1,null,true],"empty":{},"none":[]}}

{"type":"row","about":{"/":"%s"},"raw":{"/":{"bytes":"AP8"}}}
]]):format(id))
    assert.equal(2, json.decode(ok("publish", "d", "--from", "@in.jsonl",
      "--json")).published)
    local raw = ok("list", "d", "--json")
    assert.is_truthy(raw:find('"empty":{}', 1, true), raw)
    assert.is_truthy(raw:find('"none":[]', 1, true), raw)
    assert.is_truthy(raw:find('[1,null,true]', 1, true), raw)
    assert.is_truthy(raw:find('{"/":{"bytes":"AP8"}}', 1, true), raw)
    assert.is_truthy(raw:find('{"/":"' .. id .. '"}', 1, true), raw)
    assert.same({}, json.decode(ok("verify", "--json")).faults)
  end)

  it("tells which line of JSON is bad, and keeps those before", function ()
    ok("init")
    support.write(dir .. "/in.jsonl", '{"type":"a","n":1}\n{broken\n')
    local text, code = run("publish", "c", "--from", "@in.jsonl")
    assert.equal(1, code)
    assert.is_truthy(text:find("line 2", 1, true), text)
    support.write(dir .. "/in.jsonl", '{"type":"a","n":1}\n{"n":1.5}\n')
    text, code = run("publish", "c", "--from", "@in.jsonl")
    assert.equal(1, code)
    assert.is_truthy(text:find("record 2", 1, true), text)
    assert.is_nil(text:find("traceback", 1, true), text)
  end)

  it("adds folders: pages with their parts, changed ones again", function ()
    ok("init")
    lesson("one.html", "Lesson one", "first")
    lesson("two.html", "Lesson two", "second")
    support.write(dir .. "/lessons/note.txt", "A note\nof words")
    support.write(dir .. "/lessons/img/unused.png", "PNG2")
    support.write(dir .. "/lessons/.hidden", "no")
    lfs.link(dir .. "/a.mahatta.key", dir .. "/lessons/key.txt", true)
    local text = ok("add", "@lessons", "-c", "edu/x", "-l", "CC-BY-4.0")
    assert.is_truthy(text:find("published 3 records", 1, true), text)
    assert.is_truthy(text:find("1 hidden", 1, true), text)
    assert.is_truthy(text:find("1 symlink", 1, true), text)
    assert.is_nil(text:find("[\r\27]"))
    local id = ok("search", "Lesson", "one"):match("bafyrei%w+")
    text = ok("show", id)
    for _, part in ipairs({ "one.html", "img/a.png", "CC-BY-4.0", "document",
        "lessons/one.html" }) do
      assert.is_truthy(text:find(part, 1, true), part .. "\n" .. text)
    end
    text = ok("add", "@lessons", "-c", "edu/x", "-l", "CC-BY-4.0")
    assert.is_truthy(text:find("published 0 records", 1, true), text)
    assert.is_truthy(text:find("unchanged 3", 1, true), text)
    lesson("one.html", "Lesson one", "first, but better")
    text = ok("add", "@lessons", "-c", "edu/x", "-l", "CC-BY-4.0")
    assert.is_truthy(text:find("published 1 record ", 1, true), text)
    assert.is_truthy(text:find("unchanged 2", 1, true), text)
    text = ok("history", (ok("search", "better"):match("bafyrei%w+")))
    local _, versions = text:gsub("bafyrei", "")
    assert.equal(2, versions)
    ok("get", (ok("search", "better"):match("bafyrei%w+")), "-o", "@out")
    assert.equal("PNG", support.read(dir .. "/out/img/a.png"))
    assert.is_truthy(support.read(dir .. "/out/one.html"):find("better"))
  end)

  it("names what it can't take, once", function ()
    ok("init")
    support.write(dir .. "/f/good.txt", "good")
    support.write(dir .. "/f/bad\xFF.txt", "bad")
    support.write(dir .. "/f/\xFFdir/x.txt", "bad")
    local text = ok("add", "@f", "-c", "c")
    assert.is_truthy(text:find("published 1 record", 1, true), text)
    assert.is_truthy(text:find("bad\\x{FF}.txt: left out: badly named", 1,
      true), text)
    assert.is_truthy(text:find("left out: 2 badly named", 1, true), text)
    local lines = {}
    for line in ok("add", "@f", "-c", "c", "--json"):gmatch("[^\n]+") do
      if line:sub(1, 9) ~= "mahatta: " then lines[#lines + 1] = line end
    end
    assert.equal(2, json.decode(lines[#lines]).left_out["badly named"])
    local code
    support.shell("mkdir " .. quoted(dir .. "/none"))
    text, code = run("add", "@none", "-c", "c")
    assert.equal(1, code)
    assert.is_truthy(text:find("nothing to publish in " .. dir, 1, true), text)
    text, code = run("add", "@nowhere", "-c", "c")
    assert.equal(1, code)
    assert.is_truthy(text:find("/nowhere: No such file", 1, true), text)
    assert.is_nil(text:find("information", 1, true), text)
  end)

  it("refuses two documents of one name", function ()
    ok("init")
    support.write(dir .. "/p/x.txt", "one")
    support.write(dir .. "/q/x.txt", "two")
    local text, code = run("add", "@p/x.txt", "@q/x.txt", "-c", "c")
    assert.equal(1, code)
    assert.is_truthy(text:find("would both be 'x.txt'", 1, true), text)
    assert.is_truthy(ok("add", "@p", "@q", "-c", "c")
      :find("published 2 records", 1, true))
    assert.is_truthy(ok("add", "@p/x.txt", "@p/x.txt", "-c", "d")
      :find("published 1 record ", 1, true))
  end)

  it("never publishes a station or its key", function ()
    ok("init")
    support.write(dir .. "/x.txt", "words")
    support.shell("cp " .. quoted(dir .. "/a.mahatta.key") .. " "
      .. quoted(dir .. "/renamed.txt"))
    local text = ok("add", dir, "-c", "c", "--each")
    assert.is_truthy(text:find("published 1 record ", 1, true), text)
    assert.is_truthy(text:find("of a station", 1, true), text)
    local _, code = run("add", "@a.mahatta.key", "-c", "c")
    assert.equal(1, code)
  end)

  it("makes one dataset of a data package", function ()
    ok("init")
    support.write(dir .. "/d/places/datapackage.json",
      [[{"title":"Places","description":"Where","keywords":["geo"],
      "licenses":[{"name":"CC0-1.0"}]}]])
    support.write(dir .. "/d/places/a.csv", "code,name\nIQ-AR,ھەولێر\n")
    support.write(dir .. "/d/places/sub/b.csv", "x\n")
    support.write(dir .. "/d/other.txt", "Other\n")
    local text = ok("add", "@d", "-c", "data")
    assert.is_truthy(text:find("published 2 records", 1, true), text)
    text = ok("search", "هەولێر")
    assert.is_truthy(text:find("Places", 1, true), text)
    text = ok("show", (text:match("bafyrei%w+")))
    for _, part in ipairs({ "dataset", "places/sub/b.csv", "CC0-1.0", "geo",
        "datapackage.json" }) do
      assert.is_truthy(text:find(part, 1, true), part .. "\n" .. text)
    end
  end)

  it("takes a folder as one record, or each file", function ()
    ok("init")
    for i = 1, 3 do support.write(dir .. "/p/" .. i .. ".png", "P" .. i) end
    local _, code = run("add", "@p", "-c", "c")
    assert.equal(1, code)
    assert.is_truthy(ok("add", "@p", "-c", "c", "--each")
      :find("published 3 records", 1, true))
    assert.is_truthy(ok("add", "@p", "-c", "c", "--one", "--title", "Photos",
      "--type", "album"):find("published 1 record ", 1, true))
    assert.is_truthy(ok("list", "c", "--type", "album"):find("Photos", 1,
      true))
  end)

  it("carries from one to another, with exit code 3 for damage", function ()
    ok("init")
    on("b.mahatta", "init")
    lesson("one.html", "Lesson one", "first")
    ok("add", "@lessons", "-c", "edu/x")
    assert.is_truthy(on("b.mahatta", "slip", "@b.slip")
      :find("mahatta follow", 1, true))
    on("b.mahatta", "follow", "edu/*", "--files", "10M")
    local text = on("b.mahatta", "slip", "@b.slip", "--budget", "8G")
    assert.is_truthy(text:find("b.slip", 1, true), text)
    text = ok("pack", "@x.car.zst", "--slip", "@b.slip")
    assert.is_truthy(text:find("1 record", 1, true), text)
    local code
    text, code = on("b.mahatta", "unpack", "@x.car.zst")
    assert.equal(0, code, text)
    assert.is_truthy(text:find("1 record new", 1, true), text)
    on("b.mahatta", "slip", "@b2.slip")
    assert.is_truthy(ok("pack", "@y.car.zst", "--slip", "@b2.slip")
      :find("all that is here has arrived there", 1, true))
    ok("pack", "@z.car")
    local bytes = support.read(dir .. "/z.car")
    support.write(dir .. "/z.car", bytes:sub(1, -20) .. "?" ..
      bytes:sub(-18))
    on("c.mahatta", "init")
    text, code = on("c.mahatta", "unpack", "@z.car")
    assert.equal(3, code, text)
    assert.is_truthy(text:find("bad", 1, true), text)
    support.write(dir .. "/no.car", "this is no carry file")
    on("e.mahatta", "init")
    text, code = on("e.mahatta", "unpack", "@no.car", "@none.car",
      "@x.car.zst")
    assert.equal(3, code, text)
    assert.is_truthy(text:find("no.car: ", 1, true), text)
    assert.is_truthy(text:find("none.car: No such file", 1, true), text)
    assert.is_truthy(text:find("1 record new", 1, true), text)
    text, code = on("e.mahatta", "unpack", "@no.car", "@none.car")
    assert.equal(1, code, text)
    assert.is_truthy(ok("pack", "@nothing.car", "-c", "no/such")
      :find("there is nothing to carry", 1, true))
    text, code = on("b.mahatta", "verify", "--read-data")
    assert.equal(0, code, text)
    text, code = on("b.mahatta", "rebuild")
    assert.equal(0, code, text)
    text, code = on("b.mahatta", "sweep")
    assert.equal(0, code, text)
    assert.is_truthy(text:find("freed: 0", 1, true), text)
    on("d.mahatta", "init")
    text, code = on("d.mahatta", "rebuild", "--salvage", "@b.mahatta")
    assert.equal(0, code, text)
    assert.is_truthy(on("d.mahatta", "search", "lesson"):find("Lesson one", 1,
      true))
    text, code = on("b.mahatta", "unfollow", "edu/*")
    assert.equal(0, code, text)
  end)

  it("salvages with exit code 3 for losses, also in JSON", function ()
    ok("init")
    support.write(dir .. "/big.bin", support.noise(3 << 20))
    ok("add", "@big.bin", "-c", "c")
    local files = dir .. "/a.mahatta-files"
    local bytes = support.read(files)
    support.write(files, bytes:sub(1, 1 << 20)
      .. ("x"):rep(1 << 20) .. bytes:sub((2 << 20) + 1))
    on("b.mahatta", "init")
    local text, code = on("b.mahatta", "rebuild", "--salvage", "@a.mahatta")
    assert.equal(3, code, text)
    on("c.mahatta", "init")
    text, code = on("c.mahatta", "rebuild", "--salvage", "@a.mahatta",
      "--json")
    assert.equal(3, code, text)
    assert.is_true(json.decode(text).lost > 0)
  end)

  it("fits 80 columns: lists, versions, records", function ()
    ok("init")
    support.write(dir .. "/f.txt", "f")
    local name = "education/primary"
    ok("publish", name, "--title", "one", "--name", "k")
    local id = ok("publish", name, "--title", "two", "--name", "k", "-f",
      "@f.txt"):match("bafyrei%w+")
    ok("label", id, "unverified")
    for _, words in ipairs({ { "list" }, { "history", id }, { "show", id },
        { "search", "two" }, { "stats" }, { "missing" } }) do
      for line in ok(table.unpack(words)):gmatch("[^\n]+") do
        assert.is_true(utf8.len(line) <= 80, line)
      end
    end
    local text, code = run("publish", name, "--from", "-", "--title", "x")
    assert.equal(2, code, text)
  end)

  it("reads while another process writes", function ()
    ok("init")
    ok("publish", "c", "--title", "here")
    local writer = assert(mahatta.open(dir .. "/a.mahatta"))
    assert.is_truthy(ok("search", "here"):find("bafyrei", 1, true))
    local text, code = run("publish", "c", "--title", "there")
    assert.equal(1, code)
    assert.is_truthy(text:find("another process", 1, true), text)
    writer:close()
  end)

  it("reads after a write was cut off", function ()
    ok("init")
    support.write(dir .. "/big.bin", support.noise(300000))
    ok("add", "@big.bin", "-c", "c")
    -- What SQLite takes for the journal of a writer that is gone.
    local journal = dir .. "/a.mahatta-files-journal"
    support.write(journal, ("\xD9"):rep(600))
    assert.is_truthy(ok("verify", "--read-data"):find("0 bad", 1, true))
    assert.equal("", support.read(journal) or "")
    support.write(journal, ("\xD9"):rep(600))
    local station = assert(mahatta.open(dir .. "/a.mahatta",
      { readonly = true }))
    local _, message, code = assert(station:verify()):run()
    assert.equal("EREADONLY", code)
    assert.is_truthy(message:find("a write was cut off there", 1, true))
    station:close()
  end)

  it("says what to do about a key file that is gone or open", function ()
    ok("init")
    local key = dir .. "/a.mahatta.key"
    support.shell("chmod 644 " .. quoted(key))
    local text, code = run("publish", "c", "--title", "x")
    assert.equal(1, code)
    assert.is_truthy(text:find("`chmod 600 " .. key, 1, true), text)
    os.remove(key)
    text, code = run("publish", "c", "--title", "x")
    assert.equal(1, code)
    assert.is_truthy(text:find("(" .. key .. ")", 1, true), text)
    assert.is_truthy(text:find("put your copy of it there", 1, true), text)
    assert.equal("nothing here yet\n", ok("list"))
    assert.equal("nothing like that in c yet\n", ok("list", "c", "--type",
      "news"))
  end)

  it("takes no station that it can't read for none", function ()
    local folder, status = run("list", "-s", dir)
    assert.equal(1, status)
    assert.is_truthy(folder:find("is a folder", 1, true), folder)
    support.write(dir .. "/file", "x")
    local text, code = on("file/a.mahatta", "list")
    assert.equal(1, code)
    assert.is_truthy(text:find("can't read the station", 1, true), text)
    assert.is_truthy(text:find("Not a directory", 1, true), text)
  end)

  it("takes the passphrase of a locked key from the environment", function ()
    local function with(pass, ...)
      local set = pass and "MAHATTA_PASSPHRASE=" .. quoted(pass) .. " " or ""
      return support.shell(set .. command({ ... }))
    end
    assert.equal(0, (select(2, with("open sesame", "init"))))
    local text, code = with("open sesame", "publish", "c", "--title", "x")
    assert.equal(0, code, text)
    for _, pass in ipairs({ "wrong", "" }) do
      text, code = with(pass ~= "" and pass or nil, "publish", "c", "--title",
        "y")
      assert.equal(1, code)
      assert.is_truthy(text:find("$MAHATTA_PASSPHRASE", 1, true), text)
    end
    text, code = with(nil, "list")
    assert.equal(0, code, text)
  end)

  it("prints no control byte of hostile titles and names", function ()
    ok("init")
    local bytes = support.read(support.VECTORS
      .. "/own-hostile/names-and-titles.json")
    local titles = { "\27[31mred\27[0m", "a\u{202E}gpj.exe", "\u{9B}31m",
      "two\nlines", "\u{2066}x", "tab\there" }
    if bytes and has_json then
      for _, title in ipairs(json.decode(bytes).titles) do
        if title ~= "" and #title <= 1024 then
          titles[#titles + 1] = title
        end
      end
    end
    local rows = {}
    for i, title in ipairs(titles) do
      rows[i] = json.encode({ type = "a", title = title, text = title,
        tags = { title:sub(1, 0) .. "t" } })
    end
    support.write(dir .. "/in.jsonl", table.concat(rows, "\n"))
    ok("publish", "c", "--from", "@in.jsonl")
    local text = ok("list", "c", "-n", "1000")
    for id in text:gmatch("bafyrei%w+") do text = text .. ok("show", id) end
    text = text .. ok("search", "red", "gpj", "x", "lines", "evil")
    assert.is_truthy(utf8.len(text))
    assert.is_nil(text:find("[\0-\9\11-\31\127]"))
    local depth = 0
    for _, code in utf8.codes(text) do
      assert.is_false(code >= 0x202A and code <= 0x202E, "bidi override")
      assert.is_false(code >= 0x80 and code <= 0x9F, "C1")
      if code == 0x2068 then depth = depth + 1 end
      if code == 0x2069 then depth = depth - 1 end
      if code == 10 then assert.equal(0, depth) end
      assert.is_true(depth >= 0 and depth <= 1)
    end
  end)

  it("is silent about progress in a pipe", function ()
    ok("init")
    -- What would read a PDF has no room for a sanitizer, and says so.
    local big = support.SANITIZED and "big.bin" or "big.pdf"
    support.write(dir .. "/" .. big, support.noise(4 * 1024 * 1024, 4))
    local text = ok("add", "@" .. big, "-c", "c")
    local _, lines = text:gsub("\n", "")
    assert.equal(1, lines)
    assert.is_nil(text:find("[\r\27]"))
  end)
end)
