-- SPDX-License-Identifier: 0BSD
-- Text of files that came from elsewhere: found, shown, and gone with them.
local extract = require "mahatta.extract"
local helper = require "mahatta.helper"
local mahatta = require "mahatta"
local support = require "support"

-- A station that publishes `files` (name -> bytes) as one record, and one that
-- got all of it by a carry file.
local function pair_of(files, fields, options)
  local theirs, mine = support.station({}), support.station(options or {})
  local folder = support.folder()
  local record = { type = "lesson", title = "untold", files = {} }
  for key, value in pairs(fields or {}) do record[key] = value end
  local names = {}
  for name in pairs(files) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    record.files[i] = { path = support.write(folder .. "/" .. name,
      files[name]) }
  end
  local id = assert(theirs:publish("c", record))
  local car = folder .. "/c.car"
  support.run(theirs:pack(car))
  support.run(mine:unpack(car))
  return mine, id, theirs
end

local function read(station, options)
  local job <close> = station:index_files(options)
  return assert(job:run())
end

describe("files of others", function ()
  after_each(support.clean)

  it("are found by what is in them, and shown", function ()
    local mine, id = pair_of({ ["a.txt"] = "قوانين Zanzibar\nin plain text",
      ["b.html"] = "<title>Page</title><p>quokka here" })
    assert.same({}, mine:find("zanzibar"))
    assert.same({ id }, (mine:unread()))
    assert.same({ records = 1, files = 2, waiting = 0 }, read(mine))
    for _, query in ipairs({ "zanzibar", "قوانين", "quokka", '"plain text"',
        "quokka zanzibar", "untold quokka" }) do
      local hits = mine:find(query)
      assert.equal(1, #hits, query)
      assert.equal(id, hits[1].id)
    end
    assert.same({}, mine:find('"text plain"'))
    assert.same({}, mine:find("quokka -zanzibar"))
    assert.is_truthy(mine:find("zanzibar")[1].snippet:find("«Zanzibar»", 1,
      true))
    assert.same({}, (mine:unread()))
    assert.same({ records = 0, files = 0, waiting = 0 }, read(mine))
    local text, files = mine:file_text(id)
    assert.equal("قوانين Zanzibar\nin plain text\nPage\nquokka here", text)
    assert.equal(3, files)
    mine:close()
  end)

  it("are read again in an index that is made anew", function ()
    local mine = pair_of({ ["a.txt"] = "zanzibar" })
    read(mine)
    local digest = mine:digest()
    support.run(mine:rebuild())
    assert.equal(1, #mine:find("zanzibar"))
    assert.equal(digest, mine:digest())
    local path = mine:path()
    mine:close()
    local again <close> = assert(mahatta.open(path))
    assert.equal(1, #again:find("zanzibar"))
  end)

  it("go with the record", function ()
    local mine, id, theirs = pair_of({ ["a.txt"] = "zanzibar" })
    read(mine)
    assert(theirs:withdraw(id))
    local car = support.folder() .. "/w.car"
    support.run(theirs:pack(car))
    support.run(mine:unpack(car))
    assert.same({}, mine:find("zanzibar"))
    assert.same({}, (mine:unread()))
    local text, _, code = mine:file_text(id)
    assert.is_nil(text)
    assert.equal("ENOENT", code)
    assert.equal(0, mine:put_texts({ { id = id, text = "zanzibar",
      done = true } }))
    assert.same({}, mine:find("zanzibar"))
    mine:close()
  end)

  it("have no text where there are none", function ()
    local mine, id = pair_of({ ["a.txt"] = "zanzibar" })
    local list = { { id = assert(mine:publish("c", { type = "note" })),
      text = "quokka" }, { id = assert(mine:label(id, "good")),
      text = "quokka" }, { id = id, text = "wombat" } }
    assert.equal(1, mine:put_texts(list))
    assert.same({ 0, 1 }, { #mine:find("quokka"), #mine:find("wombat") })
    assert.same({ id }, (mine:unread()))
    assert.equal(0, support.run(mine:verify({ read_data = true })).bad)
    assert(mine:withdraw(list[1].id))
    assert.equal(0, support.run(mine:verify({ read_data = true })).bad)
    mine:close()
  end)

  it("are waited for, each by itself", function ()
    local theirs, mine = support.station({}), support.station({})
    mine:follow("*", { files = "1k" })
    local folder = support.folder()
    local id = assert(theirs:publish("c", { type = "lesson", title = "t",
      files = { { path = support.write(folder .. "/a.txt", "zanzibar") },
        { path = support.write(folder .. "/b.txt",
          "quokka " .. ("filling "):rep(1000)) } } }))
    local car = folder .. "/c.car"
    support.run(theirs:pack(car, { files = "1k" }))
    support.run(mine:unpack(car))
    assert.same({ records = 1, files = 1, waiting = 1 }, read(mine))
    assert.equal(1, #mine:find("zanzibar"))
    assert.same({}, mine:find("quokka"))
    assert.same({ records = 0, files = 0, waiting = 1 }, read(mine))
    local digest = mine:digest()
    support.run(mine:rebuild())
    assert.equal(digest, mine:digest())
    assert.equal(1, #mine:unread())
    mine:follow("*", { files = "all" })
    support.run(theirs:pack(folder .. "/d.car"))
    support.run(mine:unpack(folder .. "/d.car"))
    assert.same({ records = 1, files = 1, waiting = 0 }, read(mine))
    assert.equal(1, #mine:find("zanzibar quokka"))
    assert.equal(3, (select(2, mine:file_text(id))))
    mine:close()
  end)

  it("that tell nothing, or break their reader, are told once", function ()
    local real = extract.bytes
    local mine = pair_of({ ["a.json"] = ("["):rep(200000),
      ["b.mp4"] = "\0\1\2", ["c.pdf"] = "%PDF-1.4 broken",
      ["d.html"] = ("<div>"):rep(50000), ["e.txt"] = "" })
    local result = read(mine)
    assert.equal(1, result.records)
    assert.same({}, (mine:unread()))
    mine:close()
    mine = pair_of({ ["a.txt"] = "zanzibar" })
    extract.bytes = function () error "stumbled" end
    assert.same({ records = 1, files = 0, waiting = 0 }, read(mine))
    extract.bytes = real
    mine:close()
  end)

  it("are read by programs, beside all else", function ()
    local there = helper.find("pdftotext") and helper.find("unzip")
    if not there then return pending("poppler-utils is not here") end
    local docx = support.archive("a.docx", { ["word/document.xml"] =
      '<w:document xmlns:w="x"><w:body><w:p><w:r><w:t>quokka</w:t></w:r>'
      .. "</w:p></w:body></w:document>" })
    local mine = pair_of({ ["a.pdf"] = support.pdf("zanzibar"),
      ["b.docx"] = docx and support.read(docx) or "quokka" })
    local job <close> = mine:index_files()
    local slow, steps = 0, 0
    repeat
      local before = os.clock()
      local more = job:step(10)
      slow = math.max(slow, os.clock() - before)
      steps = steps + 1
      if more then os.execute("sleep 0.01") end
    until not more
    assert.same({ records = 1, files = 2, waiting = 0 }, job:result())
    assert.is_true(steps > 2 and slow < 0.5, slow)
    assert.equal(1, #mine:find("zanzibar quokka"))
    mine:close()
  end)

  it("wait for a program that is not here", function ()
    local find = helper.find
    local mine = pair_of({ ["a.pdf"] = "%PDF-1.4 none" })
    helper.find = function () return nil end
    local result = read(mine)
    helper.find = find
    assert.same({ records = 0, files = 0, waiting = 1 }, result)
    assert.equal(1, #mine:unread())
    mine:close()
  end)

  it("leave what one's own commands published as it is", function ()
    local mine = support.station({})
    local path = support.write(support.folder() .. "/a.txt", "zanzibar")
    assert(mine:publish("c", { type = "lesson", title = "t",
      text = "its text", files = { { path = path } } }))
    assert.same({ records = 1, files = 0, waiting = 0 }, read(mine))
    assert.same({}, mine:find("zanzibar"))
    assert(mine:publish("c", { type = "lesson", title = "without text",
      files = { { path = path } } }))
    assert.same({ records = 1, files = 1, waiting = 0 }, read(mine))
    assert.equal("without text", mine:find("zanzibar")[1].title)
    mine:close()
  end)

  it("may be given up and stepped again later", function ()
    local mine = pair_of({ ["a.txt"] = "zanzibar" })
    local job = mine:index_files()
    assert.is_true(job:step(0))
    job:close()
    assert.has_error(function () job:step() end, "this job is finished")
    local result, _, code = job:result()
    assert.is_nil(result)
    assert.equal("ECLOSED", code)
    assert.same({ records = 1, files = 1, waiting = 0 }, read(mine))
    mine:close()
    local late = support.station({}):index_files()
    assert.has_error(function () support.station({}):index_files({ x = 1 })
    end)
    late:close()
  end)
end)

describe("texts that are told", function ()
  teardown(support.clean)

  it("have bounds", function ()
    local mine, id = pair_of({ ["a.txt"] = "x" })
    for n = 64 * 1024 - 1, 64 * 1024 + 1 do
      local text = ("word "):rep(n // 5 + 1):sub(1, n)
      local good = pcall(mine.put_texts, mine, { { id = id, text = text } })
      assert.equal(n <= 64 * 1024, good, n)
    end
    for n = 63, 65 do
      local list = {}
      for i = 1, n do list[i] = { id = id, text = "x" .. i } end
      assert.equal(n <= 64, (pcall(mine.put_texts, mine, list)), n)
    end
    for _, wrong in ipairs({ { 1 }, { { id = "zz" } }, { {} },
        { { id = id, files = -1 } }, { { id = id, files = 1 << 32 } },
        { { id = id, files = "x" } } }) do
      assert.has_error(function () mine:put_texts(wrong) end)
    end
    assert.has_error(function () mine:unread({ limit = 1 }) end)
    assert.has_error(function () mine:unread({ limit = 1001 }) end)
    mine:close()
  end)

  it("are listed a share at a time, all in the end", function ()
    local mine = support.station({})
    local path = support.write(support.folder() .. "/a.txt", "x")
    local link = support.run(mine:add_file(path)).link
    local publisher <close> = assert(mine:publisher("c"))
    for i = 1, 60 do
      assert(publisher:add({ type = "a", title = "t" .. i,
        files = { { name = "a.txt", size = 1, data = link } } }))
    end
    assert(publisher:commit())
    local seen, n, rounds = {}, 0, 0
    repeat
      local ids, more = mine:unread({ limit = 10 })
      assert.is_true(#ids <= 10)
      for _, id in ipairs(ids) do
        n = n + (seen[id] and 0 or 1)
        seen[id] = true
      end
      rounds = rounds + 1
    until not more
    assert.equal(60, n)
    assert.is_true(rounds <= 13)
    mine:close()
  end)
end)
