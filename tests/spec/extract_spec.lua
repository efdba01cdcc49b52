-- SPDX-License-Identifier: 0BSD
local extract = require "mahatta.extract"
local helper = require "mahatta.helper"
local kinds = require "mahatta.kinds"
local support = require "support"
local lfs = require "lfs"

after_each(support.clean)

-- A program of our own that the helper is to run.
local function script(body)
  local path = support.folder() .. "/program"
  support.write(path, "#!/bin/sh\n" .. body .. "\n")
  assert(os.execute("chmod 755 " .. support.quoted(path)))
  return path
end

local function input(bytes, name)
  return support.write(support.folder() .. "/" .. (name or "in"), bytes)
end

describe("helper", function ()
  it("gives a program the file and takes what it writes", function ()
    assert.equal("hello\n", helper.run(script "cat", {}, input "hello\n"))
    assert.equal("x", helper.run(script 'cat "$1"', { "@" }, input "x"))
    assert.equal("", helper.run(script "true", {}, input "x"))
    assert.equal("12\n34", helper.run(script "cat", {}, input "12\n34"))
  end)

  it("never shows a name to a shell", function ()
    local here = lfs.currentdir()
    local folder = support.folder()
    assert(lfs.chdir(folder))
    for _, name in ipairs({ "'; touch pwned; '", "$(touch pwned)", "`id`",
        "a b\n; touch pwned", "-rf", "\"|touch pwned" }) do
      support.write(folder .. "/" .. name, "text of it")
      assert.equal("text of it", helper.run(script "cat", {}, name))
      assert.equal("text of it", helper.run(script 'cat "$1"', { "@" }, name))
    end
    assert.is_nil(lfs.attributes("pwned"))
    assert(lfs.chdir(here))
  end)

  it("ends what takes too long, and what that started", function ()
    local began = os.time()
    local mark = tostring(81000 + began % 10000)
    local out, message = helper.run(
      script("sleep " .. mark .. " & sleep " .. mark), {}, input "x",
      { SECONDS = 1 })
    assert.is_nil(out)
    assert.equal("took too long", message)
    assert.is_true(os.time() - began < 10)
    for pid in lfs.dir("/proc") do
      local line = pid:find("^%d+$")
        and support.read("/proc/" .. pid .. "/cmdline") or ""
      assert.is_not_equal("sleep\0" .. mark .. "\0", line)
    end
    -- One that does not listen to SIGTERM.
    out = helper.run(script "trap '' TERM; while :; do :; done", {},
      input "x", { SECONDS = 1 })
    assert.is_nil(out)
    assert.is_true(os.time() - began < 20)
  end)

  it("takes no more output than it wants", function ()
    for n = 99, 101 do
      local out = helper.run(script(("head -c %d /dev/zero"):format(n)), {},
        input "x", { OUTPUT_MAX = 100 })
      assert.is_true(#out <= 100)
    end
    assert.equal(100, #helper.run(script "cat /dev/zero", {}, input "x",
      { OUTPUT_MAX = 100 }))
  end)

  it("bounds memory", function ()
    local out, message = helper.run(script
      "exec lua5.4 -e 'local s = (\"x\"):rep(400 << 20) print(#s)'", {},
      input "x", { MEMORY_KIB = 100 * 1024 })
    assert.is_nil(out)
    assert.equal("could not read it", message)
  end)

  it("takes files alone, of bounded size", function ()
    local folder = support.folder()
    assert(os.execute("mkfifo " .. support.quoted(folder .. "/pipe")))
    for _, path in ipairs({ folder, folder .. "/pipe", folder .. "/none",
        "/dev/zero" }) do
      local out, message = helper.run(script "cat", {}, path)
      assert.is_nil(out)
      assert.equal("not a file", message)
    end
    for size = 9, 11 do
      assert.equal(size <= 10, helper.run(script "cat", {},
        input(("x"):rep(size)), { INPUT_MAX = 10 }) ~= nil)
    end
  end)

  it("leaves no name behind", function ()
    local name = helper.run(script 'printf "%s" "$1"', { "@" }, input "x")
    assert.is_truthy(name:find("^/"))
    assert.is_nil(lfs.symlinkattributes(name))
  end)

  it("runs beside us, too, within the same bounds", function ()
    local folder = support.folder()
    local function beside(body, bytes, bounds)
      local running = assert(helper.start(script(body), { "@" },
        input(bytes or "x"), bounds))
      running:wait()
      assert.is_true(running:ended())
      local link = running.link
      local out, message = running:finish()
      assert.is_nil(lfs.symlinkattributes(link))
      assert.is_nil(lfs.attributes(link .. ".d"))
      return out, message
    end
    assert.equal("hello\n", beside("cat", "hello\n"))
    assert.equal("x", beside('cat "$1"'))
    assert.equal("", beside("true"))
    assert.equal(100, #beside("cat /dev/zero", "x", { OUTPUT_MAX = 100 }))
    local began = os.time()
    local out, message = beside("sleep 60", "x", { SECONDS = 1 })
    assert.is_nil(out)
    assert.equal("took too long", message)
    assert.is_true(os.time() - began < 10)
    assert.is_nil((beside("head -c 9 /dev/zero >" .. folder
      .. "/written && echo x")))
    assert.is_nil((helper.start(script "cat", {}, "/dev/zero")))
    local given_up = assert(helper.start(script "sleep 1", {}, input "x"))
    assert.is_false(given_up:ended())
    given_up:close()
    assert.is_nil(lfs.attributes(given_up.link .. ".d"))
  end)

  it("keeps what was read of a damaged file", function ()
    assert.equal("half", helper.run(script "printf half; exit 3", {},
      input "x"))
    assert.is_nil(helper.run(script "exit 3", {}, input "x"))
    assert.is_nil(helper.run("/nowhere/program", {}, input "x"))
  end)
end)

local DOCX = [[<?xml version="1.0"?><w:document xmlns:w="http://schemas.]]
  .. [[openxmlformats.org/wordprocessingml/2006/main"><w:body>]]
  .. [[<w:p><w:r><w:t>قوانين </w:t></w:r><w:r><w:t>نيو</w:t></w:r>]]
  .. [[<w:r><w:t>تن</w:t></w:r></w:p><w:p><w:r><w:t>A &amp; B</w:t></w:r>]]
  .. [[</w:p></w:body></w:document>]]

describe("text of files", function ()
  it("reads subtitles", function ()
    assert.equal("مرحبا بكم\nالدرس الأول", extract.bytes(
      "1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>مرحبا</i> بكم\r\n\r\n2\r\n"
      .. "00:00:03,000 --> 00:00:04,000\r\n{\\an8}الدرس الأول\r\n",
      kinds.type "a.srt").text)
    assert.equal("Hello", extract.bytes(
      "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ali>Hello\n",
      kinds.type "a.vtt").text:gsub("<[^>]*>", ""))
  end)

  it("reads the words of any JSON, in their order", function ()
    assert.equal("ب\nc \"d\"\ne", extract.bytes(
      [[{"a": "\u0628", "b": {"x": ["c \"d\"", 1]}, "z" : "e"}]],
      "application/json").text)
    assert.equal("one\ntwo", extract.bytes('{"a":"one"}\n{"a":"two"}\n',
      "application/jsonl").text)
    assert.equal("x", extract.bytes('{"a":"x","b":"never closed',
      "application/jsonl").text)
    assert.same({}, extract.bytes('{"a":1}', "application/json"))
  end)

  it("is linear, whatever JSON and subtitles hold", function ()
    local began = os.clock()
    for _, part in ipairs({ '"', '\\', '"\\', '"a"', "<", "{\\", "--", " " }) do
      extract.bytes(part:rep(300000), "application/jsonl")
      extract.bytes(part:rep(300000), "application/x-subrip")
    end
    assert.is_true(os.clock() - began < 10)
  end)

  it("reads PDF", function ()
    if not helper.find("pdftotext") then pending("no pdftotext") end
    local path = input(support.pdf "Newton laws of motion", "a.pdf")
    assert.equal("Newton laws of motion",
      extract.file(path, "application/pdf").text)
    -- Damaged, empty, something else: no text, no error.
    for _, bytes in ipairs({ "", "%PDF-1.4\n", "not a PDF",
        support.pdf("x"):sub(1, 200), ("\0\xff"):rep(5000) }) do
      assert.same({}, extract.file(input(bytes, "b.pdf"), "application/pdf"))
    end
  end)

  it("reads sheets and slides of both families", function ()
    local function read(name, files)
      local path = support.archive(name, files)
      if not path or not helper.find("unzip") then return nil end
      return extract.file(path, kinds.type(name)).text
    end
    if not support.archive("x.zip", { x = "x" }) then pending("no zip") end
    assert.equal("قوانين نيوتن\nA & B", read("a.pptx", {
      ["ppt/slides/slide1.xml"] = "<p:sld><a:p><a:r><a:t>قوانين نيوتن</a:t>"
        .. "</a:r></a:p></p:sld>",
      ["ppt/slides/slide2.xml"] = "<p:sld><a:p><a:t>A &amp; B</a:t></a:p>",
      ["ppt/presentation.xml"] = "<a:t>not this</a:t>" }))
    assert.equal("الموصل\nBasra", read("a.xlsx", {
      ["xl/sharedStrings.xml"] = "<sst><si><t>الموصل</t></si><si><t>Bas</t>"
        .. "<t>ra</t></si></sst>",
      ["xl/worksheets/sheet1.xml"] = "<v>0</v>" }))
    assert.equal("inline", read("b.xlsx", { ["xl/worksheets/sheet1.xml"] =
      "<c><is><t>inline</t></is></c>" }))
    for _, name in ipairs({ "a.ods", "a.odp" }) do
      assert.equal("one\ntwo", read(name, { ["content.xml"] =
        "<office:body><table:table-row><text:p>one</text:p></table:table-row>"
        .. "<draw:page><text:p>two</text:p></draw:page></office:body>" }))
    end
    for _, name in ipairs({ "c.pptx", "c.xlsx", "c.ods", "c.odp" }) do
      assert.is_nil(read(name, { ["else.bin"] = "x" }))
    end
  end)

  it("reads old documents where a program for them is here", function ()
    local way = extract.way("application/msword")
    assert.is_true(way == "program" or way == "absent")
    local found = extract.file(input("no document", "a.doc"),
      "application/msword")
    assert.is_table(found)
  end)

  it("reads DOCX, ODT and EPUB", function ()
    local docx = support.archive("a.docx", { ["word/document.xml"] = DOCX })
    if not docx or not helper.find("unzip") then pending("no zip") end
    local found = extract.file(docx, kinds.type "a.docx")
    assert.equal("قوانين نيوتن\nA & B", found.text)
    assert.equal("قوانين نيوتن", found.title)
    local odt = support.archive("a.odt", { ["content.xml"] =
      "<office:document-content><text:h>Head</text:h>"
      .. "<text:p>one<text:s/>two<text:span>three"
      .. "</text:span></text:p></office:document-content>" })
    found = extract.file(odt, kinds.type "a.odt")
    assert.equal("Head\none twothree", found.text)
    local epub = support.archive("a.epub", { ["OPS/1.xhtml"] =
      "<html><head><title>Book</title></head><body><p>سڵاو</p></body></html>" })
    found = extract.file(epub, kinds.type "a.epub")
    assert.equal("سڵاو", found.text)
  end)

  it("finds nothing in archives that lie", function ()
    for _, name in ipairs({ "a.docx", "a.odt", "a.epub" }) do
      assert.same({}, extract.file(input("PK\3\4 no archive", name),
        kinds.type(name)))
      local other = support.archive(name, { ["else.bin"] = "x" })
      if other then
        assert.same({}, extract.file(other, kinds.type(name)))
      end
    end
    -- A bomb: what comes out is bounded, as is the time.
    local began = os.time()
    local bomb = support.archive("b.docx", { ["word/document.xml"] =
      "<w:p>" .. (" "):rep(20 << 20) .. "x" })
    if bomb then extract.file(bomb, kinds.type "b.docx", { SECONDS = 5 }) end
    assert.is_true(os.time() - began < 20)
  end)

  it("takes tags of hostile XML for no more than tags", function ()
    local hostile = support.archive("c.docx", { ["word/document.xml"] =
      ("<"):rep(200000) .. "<w:t>" .. ("<a"):rep(100000) })
    local began = os.clock()
    if hostile then extract.file(hostile, kinds.type "c.docx") end
    assert.is_true(os.clock() - began < 5)
  end)
end)
