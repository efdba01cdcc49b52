-- SPDX-License-Identifier: 0BSD
local lfs = require "lfs"
local mahatta = require "mahatta"
local support = require "support"

local has_json, json = pcall(require, "dkjson")

describe("files", function ()
  local station, dir
  setup(function ()
    station = support.station({})
    dir = support.folder()
  end)
  teardown(function ()
    station:close()
    support.clean()
  end)

  local function add(bytes, options)
    local path = support.write(dir .. "/input", bytes)
    return support.run(station:add_file(path, options))
  end

  local function read_all(link)
    local reader, parts = assert(station:reader(link)), {}
    repeat
      local part, message = reader:read()
      assert(part or not message, message)
      parts[#parts + 1] = part
    until not part
    reader:close()
    return table.concat(parts)
  end

  it("come back as they were, at every size about a leaf", function ()
    local leaf = 1024 * 1024
    for _, n in ipairs({ 0, 1, leaf - 1, leaf, leaf + 1, 3 * leaf + 5 }) do
      for _, cut in ipairs({ "fixed", "content" }) do
        local bytes = support.noise(n, n + 7)
        local stored = add(bytes, { cut = cut })
        assert.equal(n, stored.size)
        assert.is_true(read_all(stored.link) == bytes, n .. " " .. cut)
        local reader = assert(station:reader(stored.link))
        assert.equal(n, reader:size())
        reader:close()
      end
    end
  end)

  it("are read from any byte on", function ()
    local leaf = 1024 * 1024
    for _, n in ipairs({ 0, 1, 1000, leaf, 3 * leaf + 5 }) do
      for _, cut in ipairs({ "fixed", "content" }) do
        local bytes = support.noise(n, n + 3)
        local reader = assert(station:reader(add(bytes, { cut = cut }).link))
        for _, at in ipairs({ n, n // 2, 1, leaf - 1, leaf, leaf + 1, 0,
            2 * leaf, 3 * leaf + 4 }) do
          if at <= n then
            assert.is_true(reader:seek(at))
            local parts = support.all(function () return reader:read() end)
            assert.is_true(table.concat(parts) == bytes:sub(at + 1), at)
            assert.equal(n, reader:size())
          end
        end
        local gone, message, code = reader:seek(n + 1)
        assert.is_nil(gone)
        assert.equal("EINVALID", code)
        assert.is_truthy(message:find("ends before byte " .. n + 1, 1, true))
        assert.is_true(reader:seek(0)) -- it is as good as before
        support.raises("number expected", reader.seek, reader)
        support.raises("before its first", reader.seek, reader, -1)
        reader:close()
        support.raises("closed reader", reader.seek, reader, 0)
      end
    end
  end)

  it("need only the blocks that are asked for", function ()
    local leaf = 1024 * 1024
    local bytes = support.noise(3 * leaf, 5)
    local stored = add(bytes, { cut = "fixed" })
    local record = assert(station:publish("a/part", { type = "x", title = "t",
      files = { { name = "n", type = "x/y", size = stored.size,
        data = stored.link } } }))
    assert.is_string(record)
    local other <close> = support.station({})
    support.carry(station, other, { collections = { "a/part" },
      files = "1M" }) -- the record without its file
    local path = support.folder() .. "/tail.car"
    support.write(path, support.car({ assert(station:block(stored.link)),
      bytes:sub(2 * leaf + 1) }, { "dag-pb", "raw" }))
    support.run(other:unpack(path))
    local reader = assert(other:reader(stored.link))
    assert.is_true(reader:seek(2 * leaf + 9))
    assert.is_true(reader:read() == bytes:sub(2 * leaf + 10))
    assert.is_nil(reader:read())
    assert.is_true(reader:seek(2 * leaf + 9))
    assert.is_true(reader:read(7) == bytes:sub(2 * leaf + 10, 2 * leaf + 16))
    assert.is_true(reader:read() == bytes:sub(2 * leaf + 17))
    assert.is_nil(reader:read(1))
    assert.has_error(function () reader:read(0) end)
    assert.is_true(reader:seek(2 * leaf - 1))
    local part, message, code = reader:read()
    assert.is_nil(part)
    assert.equal("ENOENT", code)
    assert.is_string(message)
    reader:close()
  end)

  it("and all else are blocks, given by their ids", function ()
    local stored = add("block by block")
    assert.equal("block by block", station:block(stored.link))
    assert.equal("block by block", station:block(tostring(stored.link)))
    local id = assert(station:publish("a/blocks", { type = "x", title = "t" }))
    local entry = assert(station:get(id))
    assert.equal(mahatta.encode(entry.record), station:block(id))
    assert.equal(entry.parcel,
      mahatta.id(assert(station:block(entry.parcel)), "dag-cbor"))
    local gone, message, code = station:block(mahatta.id("not here"))
    assert.is_nil(gone)
    assert.equal("ENOENT", code)
    assert.is_truthy(message:find("is missing here", 1, true))
    support.raises("bad argument", station.block, station, "no id")
  end)

  it("have the id of their bytes when they fit a block", function ()
    local stored = add("hello")
    assert.equal(mahatta.id("hello"), tostring(stored.link))
    local hex = tostring(stored.sha256):gsub(".", function (c)
      return ("%02x"):format(c:byte())
    end)
    assert.equal("2cf24dba5fb0a30e26e83b2ac5b9e29e"
      .. "1b161e5c1fa7425e73043362938b9824", hex)
  end)

  it("that people edit share blocks with the edition before", function ()
    local lines = {}
    for i = 1, 60000 do
      lines[i] = ("%d,%d,row of a table"):format(i, i * 7919 % 10007)
    end
    local old = add(table.concat(lines, "\n"), { cut = "content" })
    local before = station:stats().file_bytes
    table.insert(lines, 3, "a new line")
    local new = add(table.concat(lines, "\n"), { cut = "content" })
    assert.not_equal(old.link, new.link)
    assert.is_true(station:stats().file_bytes - before < old.size / 2)
  end)

  it("are published by path: name, type, size and hash are told", function ()
    local path = support.write(dir .. "/book.pdf", "%PDF-1.4 x")
    local id = assert(station:publish("c", { type = "lesson",
      files = { { path = path }, { path = path, name = "a/b.txt" },
        { path = path, type = "x/y" } } }))
    local files = station:get(id).record.files
    assert.equal("book.pdf", files[1].name)
    assert.equal("application/pdf", files[1].type)
    assert.equal(10, files[1].size)
    assert.equal(32, #files[1].sha256)
    assert.equal("a/b.txt", files[2].name)
    assert.equal("text/plain", files[2].type)
    assert.equal("x/y", files[3].type)
    assert.equal(files[1].data, files[2].data)
  end)

  it("are exported below the folder, under their names", function ()
    local path = support.write(dir .. "/page.html", "<p>x")
    local id = assert(station:publish("c", { type = "lesson", files = {
      { path = path, name = "a/page.html" }, { path = path, name = "b" } } }))
    local target = support.folder()
    local seen = {}
    local written = assert(station:export(id, target, {
      progress = function (done, total)
        seen[#seen + 1] = { done, total }
      end }))
    assert.equal(2, #written)
    assert.equal("<p>x", support.read(target .. "/a/page.html"))
    assert.equal("<p>x", support.read(target .. "/b"))
    assert.equal("a/page.html", written[1].name)
    assert.equal(4, written[1].size)
    assert.equal("<p>x", support.read(written[1].path))
    assert.same({ 8, 8 }, seen[#seen])
  end)

  it("are never written over what is there", function ()
    local target = support.folder()
    local stored = add("new")
    support.write(target .. "/x", "old")
    local job, message = station:export_file(stored.link, target, "x")
    local result
    if job then result, message = job:run() end
    if result then -- under another name
      assert.not_equal(target .. "/x", result.path)
    else
      assert.is_string(message)
    end
    assert.equal("old", support.read(target .. "/x"))
  end)

  it("do not follow symlinks out of the folder", function ()
    local target, outside = support.folder(), support.folder()
    assert(lfs.link(outside, target .. "/way", true))
    assert(lfs.link(outside .. "/made", target .. "/file", true))
    local stored = add("x")
    for _, name in ipairs({ "way/x", "file" }) do
      local job = station:export_file(stored.link, target, name)
      if job then job:run() end
    end
    for name in lfs.dir(outside) do
      assert.is_true(name == "." or name == "..", name)
    end
  end)

  it("with hostile names stay inside, or are refused", function ()
    local bytes = support.read(support.VECTORS
      .. "/own-hostile/names-and-titles.json")
    if not bytes or not has_json then
      return pending("no vectors here: 1 file skipped")
    end
    local stored = add("payload")
    local outer = support.folder()
    lfs.mkdir(outer .. "/in")
    local tried = 0
    for _, name in ipairs(json.decode(bytes).names) do
      local ok, job = pcall(station.export_file, station, stored.link,
        outer .. "/in", name)
      local result = ok and job and job:run()
      tried = tried + 1
      if result then
        assert.equal(outer .. "/in/",
          result.path:sub(1, #outer + 4))
        assert.is_nil(result.path:find("[\0-\31\127]"))
        assert.is_nil(result.path:find("/../", 1, true))
        assert.equal("payload", support.read(result.path))
      end
    end
    assert.is_true(tried > 20)
    for name in lfs.dir(outer) do
      assert.is_true(name == "." or name == ".." or name == "in", name)
    end
  end)

  it("say what is missing", function ()
    local absent = mahatta.id("not here")
    local reader, message, code = station:reader(absent)
    if reader then
      local _
      _, message, code = reader:read()
      reader:close()
    end
    assert.equal("ENOENT", code)
    assert.is_truthy(message:find(absent, 1, true), message)
    local job
    job, message, code = station:export_file(absent, dir, "x")
    if job then
      local _
      _, message, code = job:run()
    end
    assert.equal("ENOENT", code)
    assert.is_string(message)
    assert.is_nil(support.read(dir .. "/x"))
    local _, fault = station:export(mahatta.id("x", "dag-cbor"), dir)
    assert.is_string(fault)
  end)

  it("refuse paths that are no files", function ()
    for _, path in ipairs({ dir, dir .. "/nothing", "/dev/null/x" }) do
      local job, message, code = station:add_file(path)
      if job then
        local _
        _, message, code = job:run()
      end
      assert.is_string(message)
      assert.is_string(code)
    end
  end)

  it("that nothing lists any more are swept away", function ()
    local own = support.station({})
    local path = support.write(dir .. "/kept", support.noise(3000, 1))
    assert(own:publish("c", { type = "a", files = { { path = path } } }))
    support.write(dir .. "/loose", support.noise(5000, 2))
    support.run(own:add_file(dir .. "/loose"))
    assert.equal(8000, own:stats().file_bytes)
    support.run(own:sweep())
    support.run(own:sweep())
    assert.is_true(own:stats().file_bytes >= 3000)
    local id = support.ids(own:list("c"))[1]
    assert(own:export(id, support.folder()))
    own:close()
  end)
end)
